/* SPDX-License-Identifier: MIT
 *
 * Unit tests: the interrupt flag is a variable, there is no hardware behind anything else.
 */
#ifndef ARCH_I386_CPU_H
#define ARCH_I386_CPU_H

#include "kernel/lib/types.h"

#define EFLAGS_IF 0x200U
extern bool unit_irqs_off;
static inline void local_irq_disable(void) { unit_irqs_off = true; }
static inline void local_irq_enable(void) { unit_irqs_off = false; }
static inline bool irqs_disabled(void) { return unit_irqs_off; }
static inline unsigned long __local_irq_save(void) { unsigned long was = unit_irqs_off; unit_irqs_off = true; return was; }
static inline void __local_irq_restore(unsigned long was) { unit_irqs_off = was; }
#define local_irq_save(flags) do { (flags) = __local_irq_save(); } while (0)
#define local_irq_restore(flags) __local_irq_restore(flags)
static inline void cpu_relax(void) { }
static inline u64 rdtsc(void) { return __builtin_ia32_rdtsc(); }
struct cpu_features { u32 phys_bits; };
extern struct cpu_features cpu;

#endif
