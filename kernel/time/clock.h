/* SPDX-License-Identifier: MIT
 *
 * What time it is. Monotonic nanoseconds since boot come from arch; the wall clock is that plus an offset.
 */
#ifndef KERNEL_TIME_CLOCK_H
#define KERNEL_TIME_CLOCK_H

#include "kernel/lib/div64.h"
#include "kernel/lib/types.h"

#define NSEC_PER_SEC 1000000000U
#define NSEC_PER_MSEC 1000000U
#define NSEC_PER_USEC 1000U
#define USEC_PER_SEC 1000000U
#define MSEC_PER_SEC 1000U

struct timespec64 { s64 sec; s32 nsec; };

u64 ktime_get(void);                /* ns since boot; never goes back; any context */
u64 ktime_get_real(void);           /* ns since 1970 */
void clock_settime_real(u64 ns);    /* the wall clock from now on; the caller tells timerfds, which move with it */
u64 clock_real_offset(void);        /* real - monotonic */
extern u32 clock_was_set;           /* counts clock_settime_real: whoever sleeps until a wall-clock time looks again */

static inline struct timespec64 ns_to_timespec64(u64 ns)
{
	u32 rem;
	u64 sec = div_u64_rem(ns, NSEC_PER_SEC, &rem);

	return (struct timespec64){ (s64)sec, (s32)rem };
}
/* Saturates at the far end of time. Negative values: 0. */
static inline u64 timespec64_to_ns(const struct timespec64 *t)
{
	if (t->sec < 0)
		return 0;
	if (t->sec >= (s64)(~0ULL / NSEC_PER_SEC) - 1)
		return ~0ULL >> 1;
	return (u64)t->sec * NSEC_PER_SEC + (u32)t->nsec;
}
static inline bool timespec64_valid(const struct timespec64 *t) { return t->sec >= 0 && (u32)t->nsec < NSEC_PER_SEC; }
static inline struct timespec64 current_time(void) { return ns_to_timespec64(ktime_get_real()); }

void udelay(u32 us);                /* busy */
void ndelay(u32 ns);
void msleep(u32 ms);                /* sleeps, uninterruptible */
void usleep(u64 us);

void time_init(void);               /* boot CPU: clocks; reads the wall clock chip through arch */

#endif
