/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=20
 *
 * The vDSO: found by AT_SYSINFO_EHDR, searched by hash and version as a C library does; its clocks beside the system calls';
 * entering the kernel through AT_SYSINFO with six arguments, restarted, single-stepped, interrupted, with a bad stack;
 * handlers that return through it.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

struct ts32 { int sec, nsec; };
struct ts64 { long long sec, nsec; };
static const char *base;
static unsigned long enter; /* AT_SYSINFO */

/* --- the image ----------------------------------------------------------------------------------------------------------- */
static struct { const Elf32_Word *hash; const Elf32_Sym *sym; const char *str; const Elf32_Half *versym; const Elf32_Verdef *verdef; } im;

static unsigned hash(const char *s)
{
	unsigned h = 0;

	for (; *s; s++) {
		h = (h << 4) + (unsigned char)*s;
		h = (h ^ (h & 0xf0000000) >> 24) & ~(h & 0xf0000000);
	}
	return h;
}

static void read_dynamic(const Elf32_Dyn *d, long bias)
{
	for (; d->d_tag != DT_NULL; d++) {
		const void *p = (const void *)(d->d_un.d_ptr + bias);

		switch (d->d_tag) {
		case DT_HASH: im.hash = p; break;
		case DT_SYMTAB: im.sym = p; break;
		case DT_STRTAB: im.str = p; break;
		case DT_VERSYM: im.versym = p; break;
		case DT_VERDEF: im.verdef = p; break;
		}
	}
}

static long read_image(void)
{
	const Elf32_Ehdr *e = (const void *)base;
	const Elf32_Phdr *ph = (const void *)(base + e->e_phoff), *dyn = NULL;
	long bias = 0;

	for (int i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD)
			bias = (long)base + ph[i].p_offset - ph[i].p_vaddr;
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = &ph[i];
	}
	if (dyn)
		read_dynamic((const void *)(base + dyn->p_offset), bias);
	return bias;
}

static int version_is(unsigned ndx, const char *name)
{
	const Elf32_Verdef *d = im.verdef;

	for (;; d = (const void *)((const char *)d + d->vd_next)) {
		const Elf32_Verdaux *a = (const void *)((const char *)d + d->vd_aux);

		if (!(d->vd_flags & VER_FLG_BASE) && (d->vd_ndx & 0x7fff) == (ndx & 0x7fff))
			return d->vd_hash == hash(name) && !strcmp(im.str + a->vda_name, name);
		if (!d->vd_next)
			return 0;
	}
}

static void *find(const char *version, const char *name)
{
	long bias = read_image();

	for (unsigned i = im.hash[2 + hash(name) % im.hash[0]]; i; i = im.hash[2 + im.hash[0] + i])
		if (!strcmp(im.str + im.sym[i].st_name, name) && im.sym[i].st_shndx && version_is(im.versym[i], version))
			return (void *)(im.sym[i].st_value + bias);
	return NULL;
}

/* --- clocks -------------------------------------------------------------------------------------------------------------- */
static long long ns_of(long long sec, long long nsec) { return sec * 1000000000 + nsec; }

static void clocks(void)
{
	static const int ids[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI };
	int (*gettime)(int, struct ts32 *) = find("LINUX_2.6", "__vdso_clock_gettime");
	int (*gettime64)(int, struct ts64 *) = find("LINUX_2.6", "__vdso_clock_gettime64");
	int wrong = 0, shape = 0;

	if (!ok(gettime && gettime64, "clock_gettime and clock_gettime64 are there"))
		return;
	for (int round = 0; round < 2000; round++) {
		int id = ids[round % 5];
		struct ts64 a, b, c;
		struct ts32 d = { 0, 0 };

		syscall(SYS_clock_gettime64, id, &a);
		wrong += gettime64(id, &b) || gettime(id, &d);
		syscall(SYS_clock_gettime64, id, &c);
		wrong += ns_of(a.sec, a.nsec) > ns_of(b.sec, b.nsec) || ns_of(b.sec, b.nsec) > ns_of(d.sec, d.nsec) ||
			 ns_of(d.sec, d.nsec) > ns_of(c.sec, c.nsec);
		shape += b.nsec < 0 || b.nsec >= 1000000000 || d.nsec < 0 || d.nsec >= 1000000000;
	}
	is(wrong, 0, "in 2000 rounds of five clocks vDSO and system call never go back");
	is(shape, 0, "nanoseconds below a second");
	is(gettime(CLOCK_PROCESS_CPUTIME_ID, &(struct ts32){ 0 }), 0, "CPU time comes from the kernel");
	is(gettime(77, &(struct ts32){ 0 }), -EINVAL, "an unknown clock");
	is(gettime(-1, (void *)16), -EINVAL, "a clock of nobody's"); /* of pid 0: refused before the pointer is used */
}

static void old_clocks(void)
{
	int (*gtod)(struct timeval *, void *) = find("LINUX_2.6", "__vdso_gettimeofday");
	int (*now)(int *) = find("LINUX_2.6", "__vdso_time");
	struct { int sec, usec; } a = { 0, 0 }, b = { 0, 0 };
	int zone[2] = { -1, -1 }, t = 0, u = 0;

	if (!ok(gtod && now, "gettimeofday and time are there"))
		return;
	u = syscall(SYS_time, NULL);
	syscall(SYS_gettimeofday, &a, NULL);
	is(gtod((void *)&b, zone), 0, "gettimeofday with a zone");
	ok(ns_of(b.sec, b.usec * 1000LL) >= ns_of(a.sec, a.usec * 1000LL) && b.sec - a.sec < 1000 && zone[0] != -1, "and what it says");
	gtod((void *)&a, NULL);
	ok(a.sec - b.sec < 1000 && a.usec >= 0 && a.usec < 1000000 && ns_of(a.sec, a.usec * 1000LL) >= ns_of(b.sec, b.usec * 1000LL), "without");
	ok(now(&t) == t && t >= u && t - u < 1000, "time");
}

/* --- into the kernel ----------------------------------------------------------------------------------------------------- */
static long vcall(long nr, long a, long b, long c, long d, long e, long f)
{
	long block[8] = { nr, a, b, c, d, e, f, (long)enter }, r;

	__asm__ volatile("push %%ebp\n\tpush %%ebx\n\tmov 28(%1), %%eax\n\tpush %%eax\n\t"
			 "mov (%1), %%eax\n\tmov 4(%1), %%ebx\n\tmov 8(%1), %%ecx\n\tmov 12(%1), %%edx\n\t"
			 "mov 20(%1), %%edi\n\tmov 24(%1), %%ebp\n\tmov 16(%1), %%esi\n\tcall *(%%esp)\n\t"
			 "add $4, %%esp\n\tpop %%ebx\n\tpop %%ebp"
			 : "=a"(r) : "S"(block) : "memory", "cc", "ecx", "edx", "edi");
	return r;
}

static void six_arguments(void)
{
	int fd = memfd_create("six", 0);
	long at;

	ftruncate(fd, 16384);
	pwrite(fd, "third page", 10, 8192);
	at = vcall(SYS_mmap2, 0, 4096, PROT_READ, MAP_SHARED, fd, 2);
	ok(at > 0 || at < -4096, "mmap2, six arguments");
	ok((at > 0 || at < -4096) && !memcmp((void *)at, "third page", 10), "the sixth arrived");
	is(vcall(SYS_getpid, 0, 0, 0, 0, 0, 0), getpid(), "getpid");
	is(vcall(9999, 0, 0, 0, 0, 0, 0), -ENOSYS, "an unknown number");
	is(vcall(SYS_close, 12345, 0, 0, 0, 0, 0), -EBADF, "an error");
	is(vcall(SYS_fork, 0, 0, 0, 0, 0, 0) ? 1 : (_exit(0), 0), 1, "fork");
	wait(NULL);
}

static int piped[2];
static volatile int hits, stops_at_vdso;

static void on_alarm(int sig)
{
	hits++;
	write(piped[1], "x", 1);
}

/* The read waits when the signal comes: with SA_RESTART it starts again, by the int 0x80 before the landing place. */
static void restarted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval soon = { .it_value.tv_usec = 30000 };
	char c = 0;

	pipe(piped);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	is(vcall(SYS_read, piped[0], (long)&c, 1, 0, 0, 0), 1, "a read goes on behind a handler");
	ok(hits == 1 && c == 'x', "and got its byte");
	sa.sa_flags = 0;
	sigaction(SIGALRM, &sa, NULL);
	soon.it_interval.tv_usec = 30000; /* the first may come before the call */
	setitimer(ITIMER_REAL, &soon, NULL);
	is(vcall(SYS_poll, 0, 0, -1, 0, 0, 0), -EINTR, "poll ends with EINTR");
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
}

static void on_trap(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;
	unsigned long ip = uc->uc_mcontext.gregs[REG_EIP];

	hits++;
	stops_at_vdso += ip - enter < 64;
	if (hits > 100000)
		uc->uc_mcontext.gregs[REG_EFL] &= ~0x100;
}

static void single_stepped(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	long r;

	sigaction(SIGTRAP, &sa, NULL);
	hits = stops_at_vdso = 0;
	__asm__ volatile("pushf\n\torl $0x100, (%%esp)\n\tpopf" ::: "memory", "cc");
	r = vcall(SYS_getppid, 0, 0, 0, 0, 0, 0);
	__asm__ volatile("nop" ::: "memory");
	hits += 1000000; /* the handler lets go at the next step */
	__asm__ volatile("nop; nop; nop" ::: "memory");
	is(r, getppid(), "a call under single step");
	ok(stops_at_vdso >= 5 && hits > 1000010, "and it was stepped through (%d in the vDSO)", stops_at_vdso);
}

static void odd_flags(void)
{
	long r;

	__asm__ volatile("pushf\n\torl $0x4000, (%%esp)\n\tpopf" ::: "memory", "cc"); /* NT: iret must not see it */
	r = vcall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	vcall(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
	__asm__ volatile("pushf\n\tandl $~0x4000, (%%esp)\n\tpopf" ::: "memory", "cc");
	is(r, getpid(), "with the nested-task flag set");
}

static void no_stack(void *arg)
{
	__asm__ volatile("mov %0, %%ebp\n\tmov %1, %%eax\n\tsysenter" : : "i"(0xfff00000), "i"(SYS_getpid));
}
static void bad_page(void *arg)
{
	__asm__ volatile("mov %0, %%ebp\n\tmov %1, %%eax\n\tsysenter" : : "i"(16), "i"(SYS_getpid));
}

static void bad_stacks(void)
{
	int a = in_child(no_stack, NULL), b = in_child(bad_page, NULL);

	ok(WIFSIGNALED(a) && WIFSIGNALED(b), "sysenter with a stack in the kernel, or none, ends the program, not more");
}

/* --- out of handlers ----------------------------------------------------------------------------------------------------- */
struct ksigaction { void *handler; unsigned long flags; void *restorer; unsigned long mask[2]; };
static int frames;

static void on_usr(int sig) { hits++; }
static void on_usr_trace(int sig)
{
	void *at[64];

	frames = backtrace(at, 64);
	hits++;
}

static void returns_by_itself(void)
{
	struct ksigaction plain = { on_usr, 0, NULL, { 0, 0 } }, rt = { on_usr, SA_SIGINFO, NULL, { 0, 0 } };

	hits = 0;
	syscall(SYS_rt_sigaction, SIGUSR1, &plain, NULL, 8);
	raise(SIGUSR1);
	syscall(SYS_rt_sigaction, SIGUSR1, &rt, NULL, 8);
	raise(SIGUSR1);
	is(hits, 2, "handlers without a restorer return");
	rt.handler = on_usr_trace;
	syscall(SYS_rt_sigaction, SIGUSR1, &rt, NULL, 8);
	vcall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1, 0, 0, 0);
	ok(hits == 3 && frames >= 4, "a handler's backtrace goes on behind the vDSO (%d frames)", frames);
}

static void in_maps(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/maps", "r");
	int vdso = 0, vvar = 0;

	while (fgets(line, sizeof(line), f)) {
		unsigned long start = strtoul(line, NULL, 16);

		vdso += strstr(line, "[vdso]") && start == (unsigned long)base && strstr(line, " r-xp ");
		vvar += strstr(line, "[vvar]") && strstr(line, " r--p ");
	}
	fclose(f);
	ok(vdso == 1 && vvar >= 1, "/proc/self/maps shows [vdso] and [vvar]");
}

static void writer(void *arg) { *(volatile char *)base = 0; }

int main(void)
{
	base = (const char *)getauxval(AT_SYSINFO_EHDR);
	enter = getauxval(AT_SYSINFO);
	if (!base && access("/proc/lowmem", F_OK)) {
		skip("this Linux gives 32-bit programs no vDSO");
		return done();
	}
	ok(base && !memcmp(base, ELFMAG, SELFMAG), "AT_SYSINFO_EHDR is an ELF image");
	is(WTERMSIG(in_child(writer, NULL)), SIGSEGV, "that cannot be written");
	read_image();
	ok(enter && find("LINUX_2.5", "__kernel_vsyscall") == (void *)enter, "AT_SYSINFO is __kernel_vsyscall");
	ok(find("LINUX_2.5", "__kernel_sigreturn") && find("LINUX_2.5", "__kernel_rt_sigreturn"), "sigreturn and rt_sigreturn are there");
	ok(!find("LINUX_2.5", "__vdso_time") && !find("LINUX_2.6", "no_such_thing"), "nothing under a wrong version");
	clocks();
	old_clocks();
	six_arguments();
	restarted();
	single_stepped();
	odd_flags();
	bad_stacks();
	returns_by_itself();
	in_maps();
	return done();
}
