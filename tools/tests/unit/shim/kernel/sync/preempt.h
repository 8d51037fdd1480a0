/* SPDX-License-Identifier: MIT
 *
 * Unit tests: preemption is a counter that a test may look at; unit_irq makes in_irq() true.
 */
#ifndef KERNEL_SYNC_PREEMPT_H
#define KERNEL_SYNC_PREEMPT_H

#include "arch/i386/cpu.h"
#include "arch/i386/percpu.h"
#include "kernel/lib/bug.h"

extern bool unit_irq;
static inline u32 preempt_value(void) { return preempt_count; }
static inline bool in_irq(void) { return unit_irq; }
static inline bool in_interrupt(void) { return unit_irq; }
static inline bool in_nmi(void) { return false; }
static inline bool in_atomic(void) { return preempt_count; }
static inline bool preemptible(void) { return !preempt_count; }
static inline void preempt_disable(void) { preempt_count++; }
static inline void preempt_enable_no_resched(void) { preempt_count--; }
static inline void preempt_enable(void) { preempt_count--; }
#define might_sleep() do { } while (0)

#endif
