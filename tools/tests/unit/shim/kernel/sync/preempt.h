/* SPDX-License-Identifier: MIT
 *
 * Unit tests: one task, no interrupts. preempt_count still counts, so that a test sees what is left unbalanced.
 */
#ifndef KERNEL_SYNC_PREEMPT_H
#define KERNEL_SYNC_PREEMPT_H

#include "arch/i386/cpu.h"
#include "arch/i386/percpu.h"
#include "kernel/lib/bug.h"

extern bool unit_irq;
static inline u32 preempt_value(void) { return preempt_count; }
static inline void preempt_add(u32 n) { preempt_count += n; }
static inline void preempt_sub(u32 n) { preempt_count -= n; }
static inline bool in_irq(void) { return unit_irq; }
static inline bool in_interrupt(void) { return unit_irq; }
static inline bool in_nmi(void) { return false; }
static inline bool in_atomic(void) { return preempt_count; }
static inline bool preemptible(void) { return !in_atomic() && !irqs_disabled(); }
static inline void preempt_disable(void) { preempt_count++; }
static inline void preempt_enable_no_resched(void) { preempt_count--; }
static inline void preempt_enable(void) { preempt_count--; }
static inline bool preempt_resched_wanted(void) { return false; }
static inline void irq_enter(void) { }
static inline void irq_exit(void) { }
#define might_sleep() do { } while (0)

#endif
