/* SPDX-License-Identifier: MIT
 *
 * Clocks and sleeping: time, gettimeofday, clock_*, nanosleep, adjtimex, in the 32-bit and 64-bit layouts.
 *
 * BOOTTIME is MONOTONIC (the machine does not suspend); RAW is MONOTONIC (no slewing); TAI is REALTIME (no leap
 * seconds known). adjtimex only reads.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/cred.h"
#include "kernel/sys/itimer.h"
#include "kernel/sys/rusage.h"
#include "kernel/sys/timespec.h"
#include <linux/time.h>
#include <linux/timex.h>

#define TICK_NS (NSEC_PER_SEC / 100)

static bool wall(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM;
}

static bool monotonic(int clock)
{
	return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
	       clock == CLOCK_BOOTTIME || clock == CLOCK_BOOTTIME_ALARM;
}

/* Negative clocks name the CPU time of another task: ~pid << 3 | kind, bit 2: a thread. */
static int task_cpu_clock(int clock, u64 *ns)
{
	pid_t pid = ~(clock >> 3);
	struct task *t;
	u64 user, system;
	int err = -EINVAL;

	rcu_read_lock();
	t = pid ? find_task(pid) : current;
	if (t && (clock & 3) <= 2) {
		if (clock & 4 && t->group == current->group) {
			task_cpu_times(t, &user, &system);
			*ns = user + system;
			err = 0;
		} else if (!(clock & 4) && task_is_leader(t)) {
			group_cpu_times(t->group, &user, &system);
			*ns = user + system;
			err = 0;
		}
	}
	rcu_read_unlock();
	return err;
}

static int read_clock(int clock, u64 *ns)
{
	u64 user, system;

	if (clock < 0)
		return task_cpu_clock(clock, ns);
	if (wall(clock))
		*ns = ktime_get_real();
	else if (monotonic(clock))
		*ns = ktime_get();
	else if (clock == CLOCK_THREAD_CPUTIME_ID)
		return task_cpu_clock((int)(~0u << 3 | 4 | 2), ns);
	else if (clock == CLOCK_PROCESS_CPUTIME_ID) {
		group_cpu_times(current->group, &user, &system);
		*ns = user + system;
	} else
		return -EINVAL;
	return 0;
}

static long clock_gettime(int clock, void __user *to, bool time64)
{
	u64 ns;
	int err = read_clock(clock, &ns);

	return err ? err : put_timespec_ns(to, ns, time64);
}

SYSCALL(clock_gettime, int clock, void __user *to) { return clock_gettime(clock, to, false); }
SYSCALL(clock_gettime64, int clock, void __user *to) { return clock_gettime(clock, to, true); }

static long clock_getres(int clock, void __user *to, bool time64)
{
	u64 ns;
	int err = read_clock(clock, &ns);

	if (err || !to)
		return err;
	ns = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE ? TICK_NS : 1;
	return put_timespec_ns(to, ns, time64);
}

SYSCALL(clock_getres, int clock, void __user *to) { return clock_getres(clock, to, false); }
SYSCALL(clock_getres_time64, int clock, void __user *to) { return clock_getres(clock, to, true); }

static long set_wall_clock(u64 ns)
{
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	clock_settime_real(ns);
	timerfd_clock_was_set();
	return 0;
}

static long clock_settime(int clock, const void __user *from, bool time64)
{
	u64 ns;
	int err;

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	err = get_timespec_ns(&ns, from, time64);
	return err ? err : set_wall_clock(ns);
}

SYSCALL(clock_settime, int clock, const void __user *from) { return clock_settime(clock, from, false); }
SYSCALL(clock_settime64, int clock, const void __user *from) { return clock_settime(clock, from, true); }

/* --- the old ones ----------------------------------------------------------------------------------------------------------------------- */

SYSCALL(time, s32 __user *to)
{
	s32 now = div_u64(ktime_get_real(), NSEC_PER_SEC);

	return to && put_user(now, to) ? -EFAULT : now;
}

SYSCALL(stime, const s32 __user *from)
{
	s32 sec;

	if (get_user(sec, from))
		return -EFAULT;
	return sec < 0 ? -EINVAL : set_wall_clock((u64)sec * NSEC_PER_SEC);
}

static struct timezone timezone;

SYSCALL(gettimeofday, struct timeval32 __user *to, struct timezone __user *tz)
{
	struct timespec64 t = ns_to_timespec64(ktime_get_real());
	struct timeval32 tv = { t.sec, t.nsec / NSEC_PER_USEC };

	if (to && copy_to_user(to, &tv, sizeof(tv)))
		return -EFAULT;
	return tz && copy_to_user(tz, &timezone, sizeof(timezone)) ? -EFAULT : 0;
}

SYSCALL(settimeofday, const struct timeval32 __user *from, const struct timezone __user *tz)
{
	struct timeval32 tv;
	struct timezone zone;

	if (from && copy_from_user(&tv, from, sizeof(tv)))
		return -EFAULT;
	if (tz && copy_from_user(&zone, tz, sizeof(zone)))
		return -EFAULT;
	if (from && (tv.sec < 0 || (u32)tv.usec >= USEC_PER_SEC))
		return -EINVAL;
	if (tz && (zone.tz_minuteswest > 15 * 60 || zone.tz_minuteswest < -15 * 60))
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (tz)
		timezone = zone;
	return from ? set_wall_clock((u64)tv.sec * NSEC_PER_SEC + (u32)tv.usec * NSEC_PER_USEC) : 0;
}

/* --- sleeping ----------------------------------------------------------------------------------------------------------------------------- */

/* Until a monotonic time. => 0, or -EINTR with *left */
static int sleep_until(u64 expires, u64 *left)
{
	u64 now;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		now = ktime_get();
		if (now >= expires || signal_pending())
			break;
		schedule_timeout(expires - now);
	}
	set_current_state(TASK_RUNNING);
	*left = now >= expires ? 0 : expires - now;
	return now >= expires ? 0 : -EINTR;
}

enum { REM_NONE, REM_32, REM_64 };

static long restart_nanosleep(struct task *t)
{
	u64 left;
	u32 kind = t->restart.arg[1];

	if (!sleep_until(t->restart.expires, &left))
		return 0;
	if (kind != REM_NONE && put_timespec_ns((void __user *)t->restart.arg[0], left, kind == REM_64))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_relative(u64 ns, void __user *rem, bool time64)
{
	u64 now = ktime_get(), expires = ns > ~0ULL - now ? ~0ULL : now + ns, left;

	if (!sleep_until(expires, &left))
		return 0;
	if (rem && put_timespec_ns(rem, left, time64))
		return -EFAULT;
	current->restart.fn = restart_nanosleep;
	current->restart.expires = expires;
	current->restart.arg[0] = (u32)rem;
	current->restart.arg[1] = !rem ? REM_NONE : time64 ? REM_64 : REM_32;
	return -ERESTART_RESTARTBLOCK;
}

/* The wall clock may be set meanwhile: look again at least once a second. */
static long sleep_absolute(int clock, u64 ns)
{
	u64 left, now, until;

	if (!wall(clock))
		return sleep_until(ns, &left) ? -ERESTARTNOHAND : 0;
	for (;;) {
		now = ktime_get_real();
		if (now >= ns)
			return 0;
		until = ktime_get() + min(ns - now, (u64)NSEC_PER_SEC);
		if (sleep_until(until, &left))
			return -ERESTARTNOHAND;
	}
}

static long clock_nanosleep(int clock, int flags, const void __user *from, void __user *rem, bool time64)
{
	u64 ns;
	int err = get_timespec_ns(&ns, from, time64);

	if (clock == CLOCK_THREAD_CPUTIME_ID || (!wall(clock) && !monotonic(clock) && clock != CLOCK_PROCESS_CPUTIME_ID))
		return -EINVAL;
	if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE ||
	    clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	if (err)
		return err;
	return flags & TIMER_ABSTIME ? sleep_absolute(clock, ns) : sleep_relative(ns, rem, time64);
}

SYSCALL(clock_nanosleep, int clock, int flags, const void __user *from, void __user *rem)
{
	return clock_nanosleep(clock, flags, from, rem, false);
}

SYSCALL(clock_nanosleep_time64, int clock, int flags, const void __user *from, void __user *rem)
{
	return clock_nanosleep(clock, flags, from, rem, true);
}

SYSCALL(nanosleep, const void __user *from, void __user *rem)
{
	u64 ns;
	int err = get_timespec_ns(&ns, from, false);

	return err ? err : sleep_relative(ns, rem, false);
}

/* --- adjtimex: only looking ----------------------------------------------------------------------------------------------------------- */

struct timex32 {
	u32 modes; s32 offset, freq, maxerror, esterror, status, constant, precision, tolerance;
	struct timeval32 time;
	s32 tick, ppsfreq, jitter, shift, stabil, jitcnt, calcnt, errcnt, stbcnt, tai, pad[11];
};

/* What both structures say of a clock that nobody disciplines; their holes are zeroes too. */
#define FREE_RUNNING(t) do {                              \
		memset(t, 0, sizeof(*(t)));               \
		(t)->status = STA_UNSYNC;                 \
		(t)->maxerror = (t)->esterror = 16000000; \
		(t)->precision = 1;                       \
		(t)->constant = 2;                        \
		(t)->tolerance = 32768000;                \
		(t)->tick = 10000;                        \
	} while (0)

static long adjtimex32(struct timex32 __user *user)
{
	struct timespec64 now = ns_to_timespec64(ktime_get_real());
	struct timex32 t;

	if (copy_from_user(&t, user, sizeof(t)))
		return -EFAULT;
	if (t.modes)
		return capable(CAP_SYS_TIME) ? -EOPNOTSUPP : -EPERM;
	FREE_RUNNING(&t);
	t.time = (struct timeval32){ now.sec, now.nsec / NSEC_PER_USEC };
	return copy_to_user(user, &t, sizeof(t)) ? -EFAULT : TIME_ERROR;
}

SYSCALL(adjtimex, void __user *user) { return adjtimex32(user); }

SYSCALL(clock_adjtime, int clock, void __user *user)
{
	return clock == CLOCK_REALTIME ? adjtimex32(user) : -EINVAL;
}

SYSCALL(clock_adjtime64, int clock, struct __kernel_timex __user *user)
{
	struct timespec64 now = ns_to_timespec64(ktime_get_real());
	struct __kernel_timex t;

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	if (copy_from_user(&t, user, sizeof(t)))
		return -EFAULT;
	if (t.modes)
		return capable(CAP_SYS_TIME) ? -EOPNOTSUPP : -EPERM;
	FREE_RUNNING(&t);
	t.time.tv_sec = now.sec;
	t.time.tv_usec = now.nsec / NSEC_PER_USEC;
	return copy_to_user(user, &t, sizeof(t)) ? -EFAULT : TIME_ERROR;
}
