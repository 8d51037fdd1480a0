/* SPDX-License-Identifier: MIT
 *
 * Registers and stacks (stack.c), when something went wrong or somebody asks. A "?" marks a caller that had to be searched for.
 *
 * A panic stops the other CPUs by NMI, which nothing can hold off, and leaves the emulator with status 125
 * (isa-debug-exit at port 0xf4); on a real machine it halts.
 */
#include "arch/i386/dump.h"
#include "arch/i386/apic.h"
#include "arch/i386/cpu.h"
#include "arch/i386/io.h"
#include "arch/i386/offsets.h"
#include "arch/i386/segment.h"
#include "arch/i386/stack.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/vsprintf.h"

static DEFINE_PER_CPU(struct regs *, oops_regs);
/* What a debugger shows of a dump (tools/isthmus/dump.py): where each CPU was. */
static __attribute__((used)) DEFINE_PER_CPU(struct regs, crash_regs);
static volatile u32 nmi_stop, nmi_backtrace;
static const char *oops_what;
static unsigned long oops_addr;

static struct regs *user_regs_or_null(const struct regs *regs) { return regs_user(regs) ? (struct regs *)regs : NULL; }

void dump_regs(const struct regs *r)
{
	struct task *t = this_cpu_read(current_task);
	const u32 *esp = user_regs_or_null(r) ? (u32 *)r->esp : &r->esp;

	printk(KERN_EMERG "CPU %u, task %s\n", smp_processor_id(),
	       t && trap_ops.task_name ? trap_ops.task_name(t) : t ? "?" : "none");
	printk(KERN_EMERG "eip %04x:%08x %pS\n", r->cs & 0xffff, r->eip, regs_user(r) ? NULL : (void *)r->eip);
	printk(KERN_EMERG "eax %08x ebx %08x ecx %08x edx %08x\n", r->eax, r->ebx, r->ecx, r->edx);
	printk(KERN_EMERG "esi %08x edi %08x ebp %08x esp %08x eflags %08x\n", r->esi, r->edi, r->ebp, (u32)esp, r->eflags);
	printk(KERN_EMERG "ds %04x es %04x fs %04x  cr0 %08x cr2 %08x cr3 %08x cr4 %08x preempt %x\n", r->ds & 0xffff,
	       r->es & 0xffff, r->fs & 0xffff, read_cr0(), read_cr2(), read_cr3(), read_cr4(), this_cpu_read(preempt_count));
}

/* The call before addr */
static void show_call(u32 addr, const char *mark)
{
	unsigned long offset, size;
	const char *name = symbol_lookup(addr - 1, &offset, &size); /* the call's: the last one of a function returns behind it */
	struct call_site c;

	printk(KERN_EMERG "  %08x %s%s+0x%lx/0x%lx", addr, mark, name ?: "?", name ? offset + 1 : 0, name ? size : 0);
	if (symbol_call(addr, &c))
		printk(KERN_CONT " %s:%u", c.file, c.line);
	printk(KERN_CONT "\n");
}

static void dump_backtrace(struct stack_walk *w)
{
	enum stack_mark mark;
	u32 addr;

	if (!w->high) {
		printk(KERN_EMERG "stack pointer %08x lies in no kernel stack\n", w->at);
		return;
	}
	printk(KERN_EMERG "stack %08x..%08x:\n", w->low, w->high);
	for (unsigned n = 0; n < 40 && (addr = stack_next(w, &mark)) != 0; n++)
		if (mark == STACK_INTERRUPTED)
			printk(KERN_EMERG "  %08x %pS\n", addr, (void *)addr);
		else
			show_call(addr, mark == STACK_SEARCHED ? "? " : "");
}

static void check_canary(void)
{
	struct task *t = this_cpu_read(current_task);

	if (t && task_stack(t) && *(u32 *)task_stack(t) != STACK_CANARY)
		printk(KERN_EMERG "the lowest word of this task's stack (%08x) was overwritten\n", (u32)task_stack(t));
}

static void dump_regs_and_stack(const struct regs *r)
{
	struct stack_walk w;

	dump_regs(r);
	check_canary();
	if (regs_user(r))
		return;
	stack_walk_regs(&w, r, (u32)&r->esp);
	dump_backtrace(&w);
}

static void dump_current_stack(void)
{
	struct stack_walk w;

	stack_walk_here(&w);
	dump_backtrace(&w);
}

void dump_task_stack(struct task *t)
{
	struct stack_walk w;

	stack_walk_task(&w, t);
	dump_backtrace(&w);
}

void oops(struct regs *regs, const char *what, unsigned vector, u32 error, unsigned long addr)
{
	local_irq_disable();
	if (this_cpu_read(oops_regs)) /* a fault while reporting a fault: no more from here */
		panic("%s at %08x while reporting the one at %08x", what, regs->eip, this_cpu_read(oops_regs)->eip);
	this_cpu_write(oops_regs, regs);
	oops_what = what;
	oops_addr = vector == 14 ? addr : 0;
	if (vector == 14)
		panic("%s: %s of %08lx (error %x) at %pS", what, error & FAULT_EXEC ? "execution" : error & FAULT_WRITE ?
		      "write" : "read", addr, error, (void *)regs->eip);
	panic("%s (error %x) at %pS", what, error, (void *)regs->eip);
}

/* esp is in a frame from kernel mode only by its place. */
static void keep_regs(const struct regs *r)
{
	struct regs *to = this_cpu_ptr(&crash_regs);

	if (regs_user(r)) {
		*to = *r;
		return;
	}
	__builtin_memcpy(to, r, offsetof(struct regs, esp));
	to->esp = (u32)&r->esp;
	to->ss = KERNEL_DS;
}

/* frame: of a function whose caller stays on the stack until the end. A debugger begins there. */
static __always_inline void keep_frame(const u32 *frame)
{
	*this_cpu_ptr(&crash_regs) = (struct regs){ .ebp = frame[0], .eip = frame[1], .esp = (u32)(frame + 2), .cs = KERNEL_CS,
		.ds = KERNEL_DS, .es = KERNEL_DS, .fs = PERCPU_SEG, .ss = KERNEL_DS, .eflags = 2, .orig_eax = -1 };
}

unsigned long fault_that_panicked(void) { return oops_addr; }

/* --- panic_ops ------------------------------------------------------------------------------------------------------- */
static void panic_backtrace(void)
{
	struct regs *r = this_cpu_read(oops_regs);

	if (r)
		dump_regs_and_stack(r);
	else
		dump_current_stack();
}

/* By NMI, which nothing holds off. They do not come back. */
void stop_other_cpus(void)
{
	nmi_stop = 1;
	apic_send_nmi_others();
}

/* Called by panic itself, so what called this is a frame that lasts. */
static noinline void panic_stop(void)
{
	const struct regs *r = this_cpu_read(oops_regs);

	if (r)
		keep_regs(r);
	else
		keep_frame(__builtin_frame_address(0));
	stop_other_cpus();
	for (u64 start = rdtsc(); cpu_online_mask != 1U << smp_processor_id() && rdtsc() - start < 100000000; )
		cpu_relax();
}

static void __attribute__((noreturn)) panic_die(void)
{
	local_irq_disable();
	outl(0xf4, 62); /* isa-debug-exit: QEMU leaves with 2 * 62 + 1 = 125 */
	for (const char *p = "Shutdown"; *p; p++)
		outb(0x8900, *p); /* Bochs */
	for (;;)
		cpu_halt();
}

void dump_init(void)
{
	panic_ops.backtrace = panic_backtrace;
	panic_ops.stop = panic_stop;
	panic_ops.die = panic_die;
}

/* --- asked by NMI ------------------------------------------------------------------------------------------------------ */
bool dump_nmi(struct regs *regs)
{
	u32 me = 1U << smp_processor_id();

	if (nmi_stop) {
		keep_regs(regs);
		cpu_online_mask &= ~me;
		for (;;)
			__asm__ volatile("cli; hlt");
	}
	if (!(nmi_backtrace & me))
		return false;
	dump_regs_and_stack(regs);
	__sync_fetch_and_and(&nmi_backtrace, ~me);
	return true;
}

void smp_backtrace_all(void)
{
	u32 me = 1U << smp_processor_id();

	dump_current_stack();
	nmi_backtrace = cpu_online_mask & ~me;
	apic_send_nmi_others();
	for (u64 start = rdtsc(); nmi_backtrace && rdtsc() - start < 1000000000; )
		cpu_relax();
	if (nmi_backtrace)
		printk(KERN_EMERG "CPUs %x do not answer\n", nmi_backtrace);
	nmi_backtrace = 0;
}

void do_double_fault(void)
{
	const struct tss *t = &this_cpu_ptr(&cpu_stack)->tss;
	struct regs r = { .ebx = t->ebx, .ecx = t->ecx, .edx = t->edx, .esi = t->esi, .edi = t->edi, .ebp = t->ebp,
		.eax = t->eax, .ds = t->ds, .es = t->es, .fs = t->fs, .orig_eax = -1, .eip = t->eip, .cs = t->cs,
		.eflags = t->eflags, .esp = t->esp, .ss = t->ss };
	struct stack_walk w;

	printk(KERN_EMERG "double fault: the CPU could not deliver a trap at esp %08x\n", t->esp);
	dump_regs(&r);
	stack_walk_regs(&w, &r, t->esp);
	dump_backtrace(&w);
	panic("double fault at %pS, esp %08x", (void *)t->eip, t->esp);
}
