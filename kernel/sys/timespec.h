/* SPDX-License-Identifier: MIT
 *
 * The user's times, in their 32-bit (old) and 64-bit (time64) layouts.
 */
#ifndef KERNEL_SYS_TIMESPEC_H
#define KERNEL_SYS_TIMESPEC_H

#include "kernel/time/clock.h"

struct timespec32 { s32 sec, nsec; };
struct timeval32 { s32 sec, usec; };
struct utimespec64 { s64 sec; s32 nsec, pad; };
struct itimerspec32 { struct timespec32 interval, value; };
struct itimerspec64u { struct utimespec64 interval, value; };

/* => 0, -EFAULT, -EINVAL (negative, or a fraction of a second or more) */
int get_timespec32_ns(u64 *ns, const void __user *from);
int get_timespec64_ns(u64 *ns, const void __user *from);
/* => 0, -EFAULT */
int put_timespec32(void __user *to, const struct timespec64 *t);
int put_timespec64(void __user *to, const struct timespec64 *t);
static inline int get_timespec_ns(u64 *ns, const void __user *from, bool time64)
{
	return time64 ? get_timespec64_ns(ns, from) : get_timespec32_ns(ns, from);
}
static inline int put_timespec_ns(void __user *to, u64 ns, bool time64)
{
	struct timespec64 t = ns_to_timespec64(ns);

	return time64 ? put_timespec64(to, &t) : put_timespec32(to, &t);
}

#endif
