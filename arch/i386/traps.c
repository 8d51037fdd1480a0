/* SPDX-License-Identifier: MIT
 *
 * Exceptions: what a program did wrong becomes a signal, what the kernel expected goes to the exception table, the rest
 * is a panic with everything known about it (dump.c). entry.asm calls in with interrupts off.
 */
#include "arch/i386/traps.h"
#include "arch/i386/cpu.h"
#include "arch/i386/dump.h"
#include "arch/i386/fpu.h"
#include "arch/i386/io.h"
#include "arch/i386/offsets.h"
#include "arch/i386/segment.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/printk.h"
#include <asm-generic/siginfo.h>
#include <asm/signal.h>

extern char sysenter_entry[], sysenter_stepped[];
struct trap_ops trap_ops;

static const char *const names[32] = {
	"divide error", "debug", "NMI", "breakpoint", "overflow", "bounds", "invalid opcode", "no FPU", "double fault",
	"FPU overrun", "invalid TSS", "segment not present", "stack fault", "general protection", "page fault", "15",
	"FPU error", "alignment check", "machine check", "SIMD error", "virtualization", "control protection",
};

void set_trap_ops(const struct trap_ops *ops) { trap_ops = *ops; }

struct regs *task_regs(const void *stack)
{
	return (struct regs *)((char *)stack + KERNEL_STACK_SIZE - sizeof(struct regs));
}

/* The kernel's own fault: is there a fix-up? Otherwise it is the end. */
static void kernel_fault(struct regs *regs, unsigned vector, u32 error)
{
	if (fixup_exception(regs))
		return;
	oops(regs, names[vector] ? names[vector] : "reserved trap", vector, error, 0);
}

static int fpu_error_code(unsigned vector)
{
	u32 flags = fpu_pending_exceptions(vector == 19);

	if (flags & 1)
		return FPE_FLTINV;
	if (flags & 4)
		return FPE_FLTDIV;
	if (flags & 8)
		return FPE_FLTOVF;
	if (flags & 0x12)
		return FPE_FLTUND;
	return flags & 0x20 ? FPE_FLTRES : FPE_FLTUNK;
}

static u32 debug_status(void)
{
	u32 dr6;

	__asm__ volatile("movl %%db6, %0" : "=r"(dr6));
	__asm__ volatile("movl %0, %%db6" : : "r"(0));
	return dr6;
}

/* A fault of user mode: which signal, which si_code, which si_addr. */
static void user_trap(struct regs *regs, unsigned vector, u32 error)
{
	struct arch_thread *thread = task_arch(this_cpu_read(current_task));
	int sig = SIGSEGV, code = SI_KERNEL;
	u32 addr = 0;

	switch (vector) {
	case 0: sig = SIGFPE; code = FPE_INTDIV; addr = regs->eip; break;
	case 1:
		sig = SIGTRAP;
		code = debug_status() & 0x4000 ? TRAP_TRACE : TRAP_HWBKPT;
		addr = regs->eip;
		break;
	case 3: sig = SIGTRAP; break;
	case 4: break;
	case 5: code = 3 /* SEGV_BNDERR */; break;
	case 6: sig = SIGILL; code = ILL_ILLOPN; addr = regs->eip; break;
	case 9: sig = SIGFPE; break;
	case 11: case 12: sig = SIGBUS; break;
	case 16: case 19: sig = SIGFPE; code = fpu_error_code(vector); addr = regs->eip; break;
	case 17: sig = SIGBUS; code = BUS_ADRALN; break;
	}
	thread->trapno = vector;
	thread->error = error;
	local_irq_enable();
	trap_ops.signal(sig, code, addr, vector);
}

static void nmi(struct regs *regs)
{
	u8 reason;

	if (dump_nmi(regs))
		return;
	reason = inb(0x61);
	if (reason & 0x80)
		printk(KERN_EMERG "NMI: memory parity or system error (port 0x61: %02x)\n", reason);
	else if (reason & 0x40)
		printk(KERN_EMERG "NMI: I/O channel check (port 0x61: %02x)\n", reason);
	else
		printk(KERN_EMERG "NMI: unknown reason %02x on CPU %u at %08x\n", reason, smp_processor_id(), regs->eip);
}

static void machine_check(struct regs *regs)
{
	u32 banks = 0;

	if (cpu.edx1 >> 14 & 1)
		banks = rdmsr(0x179) & 255;
	for (u32 i = 0; i < banks; i++) {
		u64 status = rdmsr(0x401 + 4 * i);

		if (status >> 63)
			printk(KERN_EMERG "machine check: bank %u status %016llx address %016llx\n", i, status,
			       status >> 58 & 1 ? rdmsr(0x402 + 4 * i) : 0);
	}
	oops(regs, names[18], 18, 0, 0);
}

/* sysenter, unlike a gate, leaves a program's trap flag set: its first kernel instruction traps, and begins again where
 * the flag is remembered. */
static void kernel_debug_trap(struct regs *regs)
{
	debug_status();
	regs->eflags &= ~EFLAGS_TF;
	if (regs->eip == (u32)sysenter_entry)
		regs->eip = (u32)sysenter_stepped;
}

void do_trap(struct regs *regs, unsigned vector, u32 error)
{
	if (vector == 2)
		nmi(regs);
	else if (vector == 18)
		machine_check(regs);
	else if (vector == 7)
		fpu_first_use(regs);
	else if (regs_user(regs))
		user_trap(regs, vector, error);
	else if (vector == 1)
		kernel_debug_trap(regs);
	else
		kernel_fault(regs, vector, error);
}

/* For the signal frame, which is built on the way out. The kernel half of the address space is no business of a program,
 * present or not: hide which. */
static void note_fault(unsigned long addr, u32 error)
{
	struct arch_thread *thread = task_arch(this_cpu_read(current_task));

	thread->cr2 = addr;
	thread->trapno = 14;
	thread->error = addr >= TASK_SIZE ? error | FAULT_PROT : error;
}

/* => interrupts off; address as CR2 had it. Short on purpose: this is the way of every page that a program touches. */
void do_page_fault(struct regs *regs, u32 error, unsigned long addr)
{
	if (unlikely(!regs_user(regs))) {
		if (addr >= TASK_SIZE || pagefaults_disabled() || !(regs->eflags & EFLAGS_IF) || !trap_ops.page_fault) {
			if (!fixup_exception(regs))
				oops(regs, names[14], 14, error, addr);
			return;
		}
		local_irq_enable();
		if (trap_ops.page_fault(regs, addr, error) && !fixup_exception(regs))
			oops(regs, names[14], 14, error, addr);
		return;
	}
	local_irq_enable();
	if (unlikely(trap_ops.page_fault(regs, addr, error)))
		note_fault(addr, error);
}

/* Interrupts off, before and after. */
void do_exit_work(struct regs *regs)
{
	volatile u32 *work = task_work(this_cpu_read(current_task));
	u32 full = WORK_FULL_RESTORE;

	__asm__ volatile("lock andl %1, %0" : "+m"(*work) : "r"(~full) : "memory");
	while (*work & ~full) {
		bool resched = *work & WORK_RESCHED_BIT;

		local_irq_enable();
		if (resched)
			schedule();
		else
			trap_ops.user_work(regs);
		local_irq_disable();
	}
	__asm__ volatile("lock andl %1, %0" : "+m"(*work) : "r"(~full) : "memory");
}

void do_bad_iret(struct regs *regs)
{
	regs->cs = USER_CS;
	regs->ss = USER_DS;
	local_irq_enable();
	trap_ops.signal(SIGSEGV, SI_KERNEL, 0, 13);
}

/* --- exception table ------------------------------------------------------------------------------------------------ */
struct ex_entry { u32 insn, fixup; };
extern struct ex_entry extable_start[], extable_end[];

/* Sorted by the first boot step, when the table may still be written. Nearly sorted already: insertion is quick. */
void extable_sort(void)
{
	for (struct ex_entry *e = extable_start + 1; e < extable_end; e++) {
		struct ex_entry x = *e, *p = e;

		for (; p > extable_start && p[-1].insn > x.insn; p--)
			*p = p[-1];
		*p = x;
	}
}

bool fixup_exception(struct regs *regs)
{
	struct ex_entry *lo = extable_start, *hi = extable_end;

	while (lo < hi) {
		struct ex_entry *mid = lo + (hi - lo) / 2;

		if (mid->insn == regs->eip) {
			regs->eip = mid->fixup;
			return true;
		}
		if (mid->insn < regs->eip)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}
