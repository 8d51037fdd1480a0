/* SPDX-License-Identifier: MIT
 *
 * One word per CPU says what may interrupt what runs now:
 *
 *   bits 0-7    preemption disabled, how deep (spinlocks, rcu_read_lock, kmap count here)
 *   bits 8-15   pagefault_disable, how deep: arch/i386/uaccess.h (a fault goes straight to the exception table)
 *   bits 16-19  interrupt handlers, how deep
 *   bit 20      non-maskable interrupt
 *   bit 31      INVERTED "another task should run": clear means yes, so that preempt_enable is one decrement and a
 *               test for zero
 *
 * Entry code adds HARDIRQ_OFFSET around interrupt handlers; every task is switched out with the same value, so the
 * word is the CPU's and is not saved.
 */
#ifndef KERNEL_SYNC_PREEMPT_H
#define KERNEL_SYNC_PREEMPT_H

#include "arch/i386/cpu.h"
#include "arch/i386/percpu.h"
#include "kernel/lib/bug.h"

#define PREEMPT_MASK 0x000000ffU
#define NOFAULT_OFFSET 0x00000100U
#define NOFAULT_MASK 0x0000ff00U
#define HARDIRQ_OFFSET 0x00010000U
#define HARDIRQ_MASK 0x000f0000U
#define NMI_OFFSET 0x00100000U
#define PREEMPT_NO_RESCHED 0x80000000U
#define PREEMPT_INIT (PREEMPT_NO_RESCHED + 1) /* boot, and the idle tasks before their loop */

DECLARE_PER_CPU(u32, preempt_count);
static inline u32 preempt_value(void) { return this_cpu_read(preempt_count); }
static inline void preempt_add(u32 n) { this_cpu_add(preempt_count, n); barrier(); }
static inline void preempt_sub(u32 n) { barrier(); this_cpu_add(preempt_count, -n); }
static inline bool in_irq(void) { return preempt_value() & (HARDIRQ_MASK | NMI_OFFSET); }
static inline bool in_interrupt(void) { return in_irq(); }
static inline bool in_nmi(void) { return preempt_value() & NMI_OFFSET; }
static inline bool in_atomic(void) { return preempt_value() & ~PREEMPT_NO_RESCHED; }
static inline bool preemptible(void) { return !in_atomic() && !irqs_disabled(); }

static inline void preempt_disable(void) { __asm__ volatile("incl %%fs:%0" : "+m"(preempt_count) : : "memory", "cc"); }
static inline void preempt_enable_no_resched(void) { __asm__ volatile("decl %%fs:%0" : "+m"(preempt_count) : : "memory", "cc"); }
/* kernel/sched: keeps all registers, so that callers need not */
#define preempt_call() __asm__ volatile("call preempt_schedule_saved" ::: "memory", "cc")
static inline void preempt_enable(void)
{
	bool zero;

	__asm__ volatile("decl %%fs:%1" : "=@ccz"(zero), "+m"(preempt_count) : : "memory");
	if (unlikely(zero))
		preempt_call();
}
/* Was another task asked for? In the word itself: see sched.h need_resched(). */
static inline bool preempt_resched_wanted(void) { return !(preempt_value() & PREEMPT_NO_RESCHED); }
static inline void preempt_set_resched(void) { __asm__ volatile("andl %1, %%fs:%0" : "+m"(preempt_count) : "i"(~PREEMPT_NO_RESCHED) : "memory", "cc"); }
static inline void preempt_clear_resched(void) { __asm__ volatile("orl %1, %%fs:%0" : "+m"(preempt_count) : "i"(PREEMPT_NO_RESCHED) : "memory", "cc"); }

/* Around every interrupt handler; interrupts are off. arch calls them (or adds HARDIRQ_OFFSET itself and calls
 * rcu_irq_enter/exit when this_cpu_read(rcu_idle)). Afterwards, on the way back to the kernel with interrupts on in
 * the interrupted context, and preempt_value() == 0: preempt_schedule_irq(). */
void rcu_irq_enter(void), rcu_irq_exit(void);
DECLARE_PER_CPU(u32, rcu_idle);
static inline void irq_enter(void)
{
	preempt_add(HARDIRQ_OFFSET);
	if (unlikely(this_cpu_read(rcu_idle)))
		rcu_irq_enter();
}
static inline void irq_exit(void)
{
	preempt_sub(HARDIRQ_OFFSET);
	if (unlikely(this_cpu_read(rcu_idle) == 2))
		rcu_irq_exit();
}

#ifdef CONFIG_DEBUG
void might_sleep_at(const char *file, int line); /* kernel/sync/lockdep.c: complains in atomic context */
#define might_sleep() might_sleep_at(__FILE__, __LINE__)
#else
#define might_sleep() do { } while (0)
#endif

#endif
