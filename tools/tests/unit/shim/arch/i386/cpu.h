/* SPDX-License-Identifier: MIT
 *
 * Unit tests run in an ordinary process: there are no interrupts to turn off.
 */
#ifndef ARCH_I386_CPU_H
#define ARCH_I386_CPU_H

#include "kernel/lib/types.h"

static inline void local_irq_disable(void) {}
static inline void local_irq_enable(void) {}
static inline bool irqs_disabled(void) { return false; }
#define local_irq_save(flags) ((flags) = 0)
#define local_irq_restore(flags) ((void)(flags))
static inline void cpu_relax(void) {}
static inline u64 rdtsc(void) { u64 v; __asm__ volatile("rdtsc" : "=A"(v)); return v; }

#endif
