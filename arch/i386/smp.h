/* SPDX-License-Identifier: MIT
 *
 * Other CPUs: starting them, interrupting them.
 */
#ifndef ARCH_I386_SMP_H
#define ARCH_I386_SMP_H

#include "arch/i386/percpu.h"

void smp_send_reschedule(unsigned cpu);
/* Run fn(arg) on each of these CPUs (this one too if named), in interrupt context there; returns when all are done.
 * => interrupts on; no lock held that is taken with interrupts off */
void smp_call_function(u32 cpus, void (*fn)(void *), void *arg);
void smp_call_ipi(void);
void smp_init_areas(void);    /* right after ACPI was read */
void smp_boot_others(void);   /* after sched_init, memory and clock */
#define TRAMPOLINE_PHYS 0x8000UL /* one page; reserved until smp_boot_others() is done */

#endif
