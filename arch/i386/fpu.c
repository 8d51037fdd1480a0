/* SPDX-License-Identifier: MIT
 *
 * FPU and SSE state (Intel SDM 1, chapters 8-10; FXSAVE area: SDM 2A).
 *
 * Invariant: while a task runs in user mode, CR0.TS is clear if and only if it has an area, and then the registers are
 * its own. fpu_owner of a CPU is the thread whose state its registers hold: a task that comes back to the CPU where it
 * ran last, with nobody else's state loaded meanwhile (a kernel thread, say), finds its registers untouched.
 *
 * => fpu_switch() runs with interrupts off; the rest in the task's own context, which may be preempted between any two
 *    steps, so that "make the area" and "load it" are done with preemption off.
 */
#include "arch/i386/fpu.h"
#include "arch/i386/cpu.h"
#include "arch/i386/ops.h"
#include "kernel/lib/bug.h"
#include <asm/signal.h>

static DEFINE_PER_CPU(struct arch_thread *, fpu_owner);
static u8 fpu_clean[FPU_AREA_SIZE] __aligned(16); /* registers as exec leaves them */
#define NO_CPU (~0U)

static inline void fxsave(void *area) { __asm__ volatile("fxsave (%0)" : : "r"(area) : "memory"); }
static inline void fxrstor(const void *area) { __asm__ volatile("fxrstor (%0)" : : "r"(area) : "memory"); }
static inline void fnsave(void *area) { __asm__ volatile("fnsave (%0); fwait" : : "r"(area) : "memory"); }
static inline void frstor(const void *area) { __asm__ volatile("frstor (%0)" : : "r"(area) : "memory"); }
static inline void save(void *area)
{
	if (likely(cpu.fxsr)) {
		fxsave(area);
	} else {
		fnsave(area);
		frstor(area); /* fnsave has emptied the registers */
	}
}
static inline void load(const void *area)
{
	if (likely(cpu.fxsr))
		fxrstor(area);
	else
		frstor(area);
}
static inline void set_ts(void) { write_cr0(read_cr0() | CR0_TS); }
static inline void pin(void) { this_cpu_inc(preempt_count); barrier(); }
static inline void unpin(void) { barrier(); this_cpu_dec(preempt_count); }
static struct arch_thread *current_thread(void) { return task_arch(this_cpu_read_stable(current_task)); }

void fpu_init_cpu(void)
{
	clts();
	__asm__ volatile("fninit");
	if (cpu.sse) {
		u32 mxcsr = 0x1f80;

		__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	}
	if (smp_processor_id() == 0) {
		save(fpu_clean);
		if (cpu.fxsr)
			__builtin_memset(fpu_clean + 32, 0, FPU_AREA_SIZE - 32); /* the registers' rubbish */
	}
	set_ts();
}

void fpu_switch(struct arch_thread *prev, struct arch_thread *next)
{
	if (prev->fpu) {
		save(prev->fpu);
		prev->fpu_cpu = smp_processor_id();
		this_cpu_write(fpu_owner, prev);
		if (!next->fpu)
			set_ts();
	} else if (next->fpu) {
		clts();
	}
	if (next->fpu && (this_cpu_read(fpu_owner) != next || next->fpu_cpu != smp_processor_id()))
		load(next->fpu);
}

/* Now, on this CPU, current's registers are those of its area. Preemption off. */
static void take_unit(struct arch_thread *t)
{
	clts();
	load(t->fpu);
	t->fpu_cpu = smp_processor_id();
	this_cpu_write(fpu_owner, t);
}

/* => false: out of memory */
static bool make_area(struct arch_thread *t)
{
	void *area = arch_ops.alloc_fpu();

	if (!area)
		return false;
	__builtin_memcpy(area, fpu_clean, FPU_AREA_SIZE);
	pin();
	t->fpu = area;
	take_unit(t);
	unpin();
	return true;
}

/* #NM, interrupts off. */
void fpu_first_use(struct regs *regs)
{
	struct arch_thread *t = current_thread();

	if (!regs_user(regs))
		panic("the kernel used the FPU at %pS", (void *)regs->eip);
	if (t->fpu) { /* cannot be; but harmless */
		take_unit(t);
		return;
	}
	local_irq_enable();
	if (!make_area(t))
		trap_ops.signal(SIGKILL, 0, 0, 7);
}

u32 fpu_pending_exceptions(bool simd)
{
	u32 mxcsr, flags;
	u16 cw, sw;

	if (!current_thread()->fpu)
		return 0;
	if (simd) {
		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		flags = mxcsr & ~(mxcsr >> 7) & 0x3f;
	} else {
		__asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(cw), "=m"(sw));
		flags = sw & ~cw & 0x3f;
		__asm__ volatile("fnclex");
	}
	return flags;
}

void *fpu_area_sync(void)
{
	struct arch_thread *t = current_thread();

	if (!t->fpu)
		return NULL;
	pin();
	save(t->fpu);
	unpin();
	return t->fpu;
}

void *fpu_area_for_load(void)
{
	struct arch_thread *t = current_thread();

	if (!t->fpu && !make_area(t))
		return NULL;
	return t->fpu;
}

void fpu_area_load(void)
{
	pin();
	take_unit(current_thread());
	unpin();
}

int fpu_copy(struct arch_thread *child, struct arch_thread *parent, bool live)
{
	child->fpu = NULL;
	child->fpu_cpu = NO_CPU;
	if (!parent->fpu)
		return 0;
	child->fpu = arch_ops.alloc_fpu();
	if (!child->fpu)
		return -ENOMEM;
	pin();
	if (live)
		save(parent->fpu);
	__builtin_memcpy(child->fpu, parent->fpu, FPU_AREA_SIZE);
	unpin();
	return 0;
}

void fpu_drop(struct arch_thread *t, bool live)
{
	void *area = t->fpu;

	if (!area)
		return;
	pin();
	t->fpu = NULL;
	t->fpu_cpu = NO_CPU;
	if (live)
		set_ts();
	unpin();
	arch_ops.free_fpu(area);
}
