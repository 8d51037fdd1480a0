/* SPDX-License-Identifier: MIT
 *
 * alarm, setitimer, and the limits on CPU time.
 *
 * ITIMER_REAL is a high-resolution timer whose callback sends SIGALRM. ITIMER_VIRTUAL and ITIMER_PROF are looked at in
 * each tick that finds a thread of the process running: they are exact to a tick.
 *
 * Locks: siglock (the callback takes it, so nobody waits for the callback under it).
 */
#include "kernel/sys/itimer.h"

#include "arch/i386/cpu.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/rusage.h"
#include "kernel/sys/sighand.h"
#include "kernel/sys/timespec.h"
#include <linux/time.h>

struct itimerval32 { struct timeval32 interval, value; };

static void real_timer_fired(struct hrtimer *t)
{
	struct group *g = container_of(t, struct group, real_timer);

	send_group_signal(SIGALRM, NULL, g->leader);
	spin_lock(&g->siglock);
	if (g->real_interval && !hrtimer_active(t) && !sigset_has(&g->shared_pending.set, SIGALRM)) {
		/* Ignored: nobody will take it. */
		hrtimer_forward(t, ktime_get() + IGNORED_TIMER_NS, g->real_interval);
		hrtimer_start(t, t->expires);
	}
	spin_unlock(&g->siglock);
}

/* The next period begins when the signal of the last one is taken: a short one costs whoever asked for it. */
void itimer_signal_taken(struct group *g)
{
	struct hrtimer *t = &g->real_timer;

	if (!g->real_interval || hrtimer_active(t))
		return;
	hrtimer_forward(t, ktime_get(), g->real_interval);
	hrtimer_start(t, t->expires);
}

void itimers_init(struct group *g)
{
	hrtimer_init(&g->real_timer, real_timer_fired);
}

void cancel_itimers(struct group *g)
{
	spin_lock_irq(&g->siglock);
	g->real_interval = 0;
	spin_unlock_irq(&g->siglock);
	hrtimer_cancel(&g->real_timer);
	g->cpu_timer[0].value = g->cpu_timer[1].value = 0;
}

/* --- CPU time ----------------------------------------------------------------------------------------------------------------------- */

static void check_cpu_timer(struct group *g, int which, u64 used)
{
	if (!g->cpu_timer[which].value || used < g->cpu_timer[which].value)
		return;
	g->cpu_timer[which].value = g->cpu_timer[which].interval ? used + g->cpu_timer[which].interval : 0;
	send_signal_locked(which ? SIGPROF : SIGVTALRM, NULL, current, true);
}

/* SIGXCPU each second from the soft limit on, SIGKILL at the hard one. */
static void check_cpu_limit(struct group *g, u64 used, u64 tick)
{
	const struct rlimit *l = &g->rlim[RLIMIT_CPU];
	u64 before = used > tick ? used - tick : 0;
	u32 sec = div_u64(used, NSEC_PER_SEC);

	if (sec == (u32)div_u64(before, NSEC_PER_SEC))
		return;
	if (l->rlim_max != RLIM_INFINITY && sec >= l->rlim_max)
		send_signal_locked(SIGKILL, NULL, current, true);
	else if (sec >= l->rlim_cur)
		send_signal_locked(SIGXCPU, NULL, current, true);
}

static bool counts_cpu_time(const struct group *g)
{
	return g->cpu_timer[0].value || g->cpu_timer[1].value || g->rlim[RLIMIT_CPU].rlim_cur != RLIM_INFINITY;
}

/* The timer interrupt, interrupts off. */
void process_tick(bool user)
{
	struct group *g = current->group;
	u64 utime, stime;

	sched_tick(user);
	if (!current->mm || !counts_cpu_time(g) || current->flags & PF_EXITING)
		return;
	group_cpu_times(g, &utime, &stime);
	spin_lock(&g->siglock);
	check_cpu_timer(g, 0, utime);
	check_cpu_timer(g, 1, utime + stime);
	if (g->rlim[RLIMIT_CPU].rlim_cur != RLIM_INFINITY)
		check_cpu_limit(g, utime + stime, NSEC_PER_SEC / 100);
	spin_unlock(&g->siglock);
}

/* --- getting and setting ------------------------------------------------------------------------------------------------------------- */

static u64 cpu_time_now(int which)
{
	u64 user, system;

	group_cpu_times(current->group, &user, &system);
	return which == ITIMER_VIRTUAL ? user : user + system;
}

static void get_cpu_timer(int which, u64 *value, u64 *interval)
{
	struct group *g = current->group;
	u64 now = cpu_time_now(which), v;
	int i = which == ITIMER_PROF;

	spin_lock_irq(&g->siglock);
	v = g->cpu_timer[i].value;
	*value = !v ? 0 : v > now ? v - now : NSEC_PER_USEC;
	*interval = g->cpu_timer[i].interval;
	spin_unlock_irq(&g->siglock);
}

static void set_cpu_timer(int which, u64 value, u64 interval)
{
	struct group *g = current->group;
	u64 now = cpu_time_now(which);
	int i = which == ITIMER_PROF;

	spin_lock_irq(&g->siglock);
	g->cpu_timer[i].value = value ? now + value : 0;
	g->cpu_timer[i].interval = interval;
	spin_unlock_irq(&g->siglock);
}

static void get_real_timer(u64 *value, u64 *interval)
{
	struct group *g = current->group;
	u64 now, at;

	spin_lock_irq(&g->siglock); /* another thread may set it */
	now = ktime_get();
	at = g->real_timer.expires;
	*interval = g->real_interval;
	if (hrtimer_active(&g->real_timer))
		*value = max(hrtimer_remaining(&g->real_timer), (u64)NSEC_PER_USEC);
	else
		*value = !*interval ? 0 : now < at ? at - now : *interval - (now - at) % *interval;
	spin_unlock_irq(&g->siglock);
}

static void set_real_timer(u64 value, u64 interval)
{
	struct group *g = current->group;

	for (;;) {
		spin_lock_irq(&g->siglock);
		if (hrtimer_try_cancel(&g->real_timer) >= 0)
			break;
		spin_unlock_irq(&g->siglock); /* it fires right now, and wants the lock */
		cpu_relax();
	}
	g->real_interval = value ? interval : 0;
	if (value)
		hrtimer_start_in(&g->real_timer, value);
	spin_unlock_irq(&g->siglock);
}

static int get_timer(int which, u64 *value, u64 *interval)
{
	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	if (which == ITIMER_REAL)
		get_real_timer(value, interval);
	else
		get_cpu_timer(which, value, interval);
	return 0;
}

static bool from_timeval(const struct timeval32 *t, u64 *ns)
{
	*ns = (u64)(u32)t->sec * NSEC_PER_SEC + (u32)t->usec * NSEC_PER_USEC;
	return t->sec >= 0 && (u32)t->usec < USEC_PER_SEC;
}

static struct timeval32 to_timeval(u64 ns)
{
	struct timespec64 t = ns_to_timespec64(ns);

	return (struct timeval32){ t.sec, t.nsec / NSEC_PER_USEC };
}

static int put_itimer(struct itimerval32 __user *to, u64 value, u64 interval)
{
	struct itimerval32 u = { to_timeval(interval), to_timeval(value) };

	return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : 0;
}

SYSCALL(getitimer, int which, struct itimerval32 __user *to)
{
	u64 value, interval;
	int err = get_timer(which, &value, &interval);

	return err ? err : put_itimer(to, value, interval);
}

SYSCALL(setitimer, int which, const struct itimerval32 __user *new, struct itimerval32 __user *old)
{
	struct itimerval32 u = { 0 };
	u64 value, interval, was_value, was_interval;
	int err = get_timer(which, &was_value, &was_interval);

	if (err)
		return err;
	if (new && copy_from_user(&u, new, sizeof(u)))
		return -EFAULT;
	if (!from_timeval(&u.value, &value) || !from_timeval(&u.interval, &interval))
		return -EINVAL;
	if (which == ITIMER_REAL)
		set_real_timer(value, interval);
	else
		set_cpu_timer(which, value, interval);
	return old ? put_itimer(old, was_value, was_interval) : 0;
}

SYSCALL(alarm, u32 seconds)
{
	u64 value, interval;

	get_real_timer(&value, &interval);
	set_real_timer((u64)min(seconds, 0x7fffffffu) * NSEC_PER_SEC, 0);
	/* Part of a second is a second: 0 would say that there was no alarm. */
	return value ? max((u32)div_u64(value + NSEC_PER_SEC / 2, NSEC_PER_SEC), 1u) : 0;
}
