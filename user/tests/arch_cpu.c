/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=40
 *
 * What the processor side must keep: which signal a fault becomes, registers and FPU state across system calls, signals
 * and switches, segments and TLS, and frames that a program spoils on purpose. The same results on Linux/i386.
 */
#define _GNU_SOURCE
#pragma GCC target("sse2")
#include <asm/ldt.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "tap.h"

static sigjmp_buf back;
static volatile int got_sig, got_code;
static void *volatile got_addr;
static volatile long got_trap, got_err, got_cr2;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	const ucontext_t *u = uc;

	got_sig = sig;
	got_code = si->si_code;
	got_addr = si->si_addr;
	got_trap = u->uc_mcontext.gregs[REG_TRAPNO];
	got_err = u->uc_mcontext.gregs[REG_ERR];
	got_cr2 = u->uc_mcontext.cr2;
	siglongjmp(back, 1);
}

#define FAULT(code_) ({ got_sig = 0; if (!sigsetjmp(back, 1)) { code_; } got_sig; })

static void faults(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static const int sigs[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP };
	volatile int zero = 0;
	volatile unsigned long low = 16, high = 0xc0100000, top = 0xfffffff0;
	long err;

	for (unsigned i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &sa, NULL);
	is(FAULT(__asm__ volatile("idivl %1" : : "a"(1), "m"(zero), "d"(0))), SIGFPE, "division by zero");
	is(got_code, FPE_INTDIV, "... si_code");
	is(FAULT(__asm__ volatile("ud2")), SIGILL, "undefined instruction");
	is(got_code, ILL_ILLOPN, "... si_code");
	is(FAULT(__asm__ volatile("int3")), SIGTRAP, "breakpoint");
	is(got_code, SI_KERNEL, "... si_code");
	is(FAULT(__asm__ volatile("hlt")), SIGSEGV, "privileged instruction");
	is(got_code, SI_KERNEL, "... si_code");
	is(FAULT(__asm__ volatile("outb %%al, $0x80" : : "a"(0))), SIGSEGV, "port access");
	is(FAULT(__asm__ volatile("movb $127, %%al; addb $1, %%al; into" : : : "eax", "cc")), SIGSEGV, "overflow trap");
	is(FAULT(*(volatile int *)low = 1), SIGSEGV, "null pointer write");
	is(got_code, SEGV_MAPERR, "... si_code");
	is((long)got_addr, 16, "... si_addr");
	is(got_trap, 14, "... trap number");
	is(got_err, 6, "... error code: user write");
	is(got_cr2, 16, "... cr2");
	is(FAULT(*(volatile int *)high = 1), SIGSEGV, "kernel address");
	err = got_err;
	high = 0xfb000000;
	is(FAULT(*(volatile int *)high = 1), SIGSEGV, "another, where nothing is");
	is(got_err, err, "... they look the same");
	is(FAULT(((void (*)(void))top)()), SIGSEGV, "call beyond user space");
	is(FAULT(__asm__ volatile("int $0x20")), SIGSEGV, "interrupt that is not for programs");
	is(FAULT(__asm__ volatile("movl %0, %%ds" : : "r"(0x68))), SIGSEGV, "kernel's segment");
	is(FAULT(__asm__ volatile("pushfl; orl $0x100, (%%esp); popfl; nop; nop" : : : "cc", "memory")), SIGTRAP, "single step");
	is(got_code, TRAP_TRACE, "... si_code");
}

static void *exec_page(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void no_execute(void)
{
	unsigned char *p = exec_page();
	int sig;

	p[0] = 0xc3;
	sig = FAULT(((void (*)(void))p)());
	ok(sig == SIGSEGV || sig == 0, "a data page is not executed (%s)", sig ? "NX" : "this CPU cannot tell");
	if (sig)
		is(got_code, SEGV_ACCERR, "... si_code");
	mprotect(p, 4096, PROT_READ | PROT_EXEC);
	is(FAULT(((void (*)(void))p)()), 0, "an executable one is");
}

/* --- registers ----------------------------------------------------------------------------------------------------- */
static volatile int handled;
static void clobber(int sig)
{
	__asm__ volatile("fninit; fldpi; xorps %%xmm0, %%xmm0; xorps %%xmm7, %%xmm7" : : : "xmm0", "xmm7");
	handled++;
}

static int registers_kept(int nr, int arg1, int arg2)
{
	unsigned b, c, d, s, i, bp, out;

	__asm__ volatile("pushl %%ebp\n\tmovl $0x55aa55aa, %%ebp\n\tint $0x80\n\tmovl %%ebp, %%eax\n\tpopl %%ebp"
			 : "=a"(bp), "=b"(b), "=c"(c), "=d"(d), "=S"(s), "=D"(i)
			 : "0"(nr), "1"(arg1), "2"(arg2), "3"(0x33333333), "4"(0x44444444), "5"(0x66666666) : "memory");
	out = b == (unsigned)arg1 && c == (unsigned)arg2 && d == 0x33333333 && s == 0x44444444 && i == 0x66666666;
	return out && bp == 0x55aa55aa;
}

static void registers(void)
{
	struct sigaction sa = { .sa_handler = clobber };
	float x[4] = { 1, 2, 3, 4 }, y[4];
	double st;

	ok(registers_kept(SYS_getppid, 0x11111111, 0x22222222), "getppid keeps the registers");
	ok(registers_kept(9999, 0x11111111, 0x22222222), "an unknown call keeps the registers");
	ok(registers_kept(SYS_fork + 100000, 1, 2), "one far beyond the table too");
	sigaction(SIGUSR1, &sa, NULL);
	ok(registers_kept(SYS_kill, getpid(), SIGUSR1), "a call that a handler follows keeps them");
	is(handled, 1, "... the handler ran");
	__asm__ volatile("movups %2, %%xmm7\n\tfld1\n\tint $0x80\n\tmovups %%xmm7, %0\n\tfstpl %1"
			 : "=m"(y), "=m"(st) : "m"(x), "a"(SYS_kill), "b"(getpid()), "c"(SIGUSR1) : "xmm7", "memory");
	ok(!memcmp(x, y, sizeof(x)) && st == 1.0, "a handler that uses FPU and SSE leaves the program's alone");
}

static void *spin_fpu(void *arg)
{
	float v[4], w[4];
	long bad = 0;

	for (int i = 0; i < 4; i++)
		v[i] = (long)arg * 10 + i;
	for (int n = 0; n < 2000; n++) {
		__asm__ volatile("movups %1, %%xmm5\n\tpushl %%ebx\n\tint $0x80\n\tpopl %%ebx\n\tmovups %%xmm5, %0"
				 : "=m"(w) : "m"(v), "a"(SYS_sched_yield) : "xmm5", "memory");
		bad += !!memcmp(v, w, sizeof(v));
	}
	return (void *)bad;
}

static void fpu_switches(void)
{
	int status, bad = 0;

	for (long i = 0; i < 6; i++)
		if (!fork())
			_exit(spin_fpu((void *)i) != NULL);
	for (int i = 0; i < 6; i++) {
		wait(&status);
		bad += status != 0;
	}
	is(bad, 0, "six processes keep their SSE registers over 2000 switches each");
}

/* --- frames and segments ------------------------------------------------------------------------------------------- */
static int how;
static void spoil(int sig, siginfo_t *si, void *uc)
{
	greg_t *g = ((ucontext_t *)uc)->uc_mcontext.gregs;

	switch (how) {
	case 0: g[REG_CS] = 0x60; break;           /* the kernel's: becomes 0x63, which is no user segment */
	case 1: g[REG_SS] = 0x10; break;
	case 2: g[REG_EIP] = 0xc0100000; break;
	case 3: g[REG_DS] = 0x83; break;
	case 4: g[REG_EFL] |= 0x3000 | 0x4000; break; /* IOPL, NT: must not take */
	case 5: ((ucontext_t *)uc)->uc_mcontext.fpregs = (void *)16; break;
	case 6: g[REG_GS] = 0xf8 | 3; break;
	}
}

static int spoiled_child(int n)
{
	struct sigaction sa = { .sa_sigaction = spoil, .sa_flags = SA_SIGINFO };
	unsigned fl;
	int status;

	how = n;
	if (!fork()) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		sigaction(SIGUSR2, &sa, NULL);
		__asm__ volatile("int $0x80" : : "a"(SYS_kill), "b"(getpid()), "c"(SIGUSR2) : "memory");
		__asm__ volatile("pushfl; popl %0" : "=r"(fl));
		__asm__ volatile("int $0x80" : : "a"(SYS_exit), "b"(fl & 0x3000 ? 99 : 7)); /* %gs may be gone: no libc */
	}
	wait(&status);
	return status;
}

static void frames(void)
{
	is(WTERMSIG(spoiled_child(0)), SIGSEGV, "return to a kernel code segment: the program dies");
	is(WTERMSIG(spoiled_child(1)), SIGSEGV, "... stack segment");
	is(WTERMSIG(spoiled_child(2)), SIGSEGV, "... kernel address");
	ok(WEXITSTATUS(spoiled_child(3)) == 7 || WTERMSIG(spoiled_child(3)) == SIGSEGV, "a data segment that is none is refused or zero");
	is(WEXITSTATUS(spoiled_child(4)), 7, "I/O privilege is not to be had");
	is(WTERMSIG(spoiled_child(5)), SIGSEGV, "FPU state out of nowhere");
	is(WEXITSTATUS(spoiled_child(6)), 7, "%%gs that is none is zero");
}

struct kernel_sigaction { void (*handler)(int); unsigned long flags; void (*restorer)(void); unsigned long mask[2]; };
static void count(int sig) { handled++; }

static void no_restorer(void)
{
	struct kernel_sigaction sa = { .handler = count };

	handled = 0;
	syscall(SYS_rt_sigaction, SIGUSR1, &sa, NULL, 8);
	raise(SIGUSR1);
	is(handled, 1, "a handler without SA_RESTORER returns");
	sa.flags = SA_SIGINFO;
	syscall(SYS_rt_sigaction, SIGUSR1, &sa, NULL, 8);
	raise(SIGUSR1);
	is(handled, 2, "... and one with SA_SIGINFO");
}

static void segments(void)
{
	static int word = 1234;
	struct user_desc d = { .entry_number = -1, .base_addr = (unsigned long)&word, .limit = 0xfffff, .seg_32bit = 1,
		.limit_in_pages = 1, .useable = 1 };
	int v = 0;

	is(syscall(SYS_set_thread_area, &d), 0, "set_thread_area finds an entry");
	ok((d.entry_number >= 6 && d.entry_number <= 8) || (d.entry_number >= 12 && d.entry_number <= 14), "... %d", d.entry_number);
	__asm__ volatile("movl %1, %%fs\n\tmovl %%fs:0, %0" : "=r"(v) : "r"(d.entry_number * 8 + 3));
	is(v, 1234, "%%fs through it");
	for (int i = 0; i < 200; i++)
		sched_yield();
	usleep(20000);
	__asm__ volatile("movl %%fs:0, %0" : "=r"(v));
	is(v, 1234, "... still, after switches");
	d.seg_32bit = 0;
	d.contents = 2;
	fails(syscall(SYS_set_thread_area, &d), EINVAL, "code segments are refused");
	d.entry_number = 3;
	fails(syscall(SYS_set_thread_area, &d), EINVAL, "the kernel's entries are refused");
	fails(syscall(SYS_set_thread_area, 16), EFAULT, "bad pointer");
	__asm__ volatile("pushl %%ds\n\tmovl %0, %%ds\n\tpushl %%eax\n\tmovl %1, %%eax\n\tint $0x80\n\tpopl %%eax\n\tpopl %%ds"
			 : : "r"(0x7b), "i"(SYS_getpid) : "eax", "memory");
	__asm__ volatile("pushl %%es\n\txorl %%ecx, %%ecx\n\tmovl %%ecx, %%es\n\tmovl %0, %%eax\n\tint $0x80\n\tmovl %%es, %%ecx\n\tpopl %%es"
			 : "=c"(v) : "i"(SYS_getpid) : "eax", "memory");
	is(v, 0, "a null %%es survives a system call");
}

int main(void)
{
	faults();
	no_execute();
	registers();
	fpu_switches();
	frames();
	no_restorer();
	segments();
	return done();
}
