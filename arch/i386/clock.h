/* SPDX-License-Identifier: MIT
 *
 * Hardware under kernel/time: a monotonic clock in ns, one programmable event per CPU, the battery-backed wall clock.
 *
 * ns = ((TSC - start) * mult) >> shift, with a 32-bit mult: two multiplications, no division.
 */
#ifndef ARCH_I386_CLOCK_H
#define ARCH_I386_CLOCK_H

#include "kernel/lib/types.h"

void clock_init_boot(void);            /* calibrates; needs irq_init() before it */
void clock_init_cpu(void);             /* each CPU: its event source */
u64 arch_clock_ns(void);               /* since clock_init_boot; any context; all CPUs agree */
/* One event at that time on this CPU; the past: at once; ~0ULL: none. Interrupts off. arch_ops.timer_event() is called. */
void arch_event_set(u64 deadline_ns);
u64 arch_rtc_seconds(void);            /* since 1970, UTC: the battery-backed clock (rtc.c) */
bool arch_rtc_set(u64 seconds);        /* false: beyond 2099 */
u32 days_from_civil(u32 y, u32 m, u32 d); /* since 1970-01-01; m and d from 1 */
void civil_from_days(u32 days, u32 *y, u32 *m, u32 *d);
void arch_delay_us(u32 us);            /* busy; works from clock_init_boot on */
extern u32 tsc_khz, apic_timer_khz;
void clock_event_irq(void);

#endif
