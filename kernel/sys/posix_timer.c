/* SPDX-License-Identifier: MIT
 *
 * POSIX timers: timer_create and its family.
 *
 * A timer belongs to the process. It owns one queue entry. A periodic timer is armed again when its signal is taken, and
 * the periods that passed meanwhile are its overruns: so no period, however short, keeps a CPU in interrupts. Clocks: REALTIME, MONOTONIC, BOOTTIME, TAI. CPU-time clocks: ENOTSUP. An absolute
 * REALTIME timer does not follow later changes of the wall clock. SIG_IGN while its signal waits throws the signal away, and
 * nobody takes it: a periodic timer is silent from then on, until it is set again, as in Linux before 6.13.
 *
 * Locks: siglock over the list and each timer; the callback takes it, so arming retries instead of waiting under it.
 */
#include "arch/i386/cpu.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/itimer.h"
#include "kernel/sys/sighand.h"
#include "kernel/sys/timespec.h"
#include <asm/siginfo.h>
#include <linux/time.h>

struct ptimer {
	struct list_head node;   /* group->posix_timers */
	struct hrtimer timer;
	u64 interval;
	struct group *group;
	struct task *target;     /* reference; SIGEV_THREAD_ID: that thread; else NULL: the process */
	struct sigqueue *queue;  /* NULL: SIGEV_NONE */
	int id, clock, overrun;
	bool default_value;      /* created without a sigevent: the value is the id */
};

static void rearm_later(struct ptimer *t)
{
	hrtimer_forward(&t->timer, ktime_get() + IGNORED_TIMER_NS, t->interval);
	hrtimer_start(&t->timer, t->timer.expires);
}

static void fired(struct hrtimer *h)
{
	struct ptimer *t = container_of(h, struct ptimer, timer);

	if (t->queue && send_timer_signal(t->queue, t->target ?: t->group->leader, !t->target))
		return; /* the next period begins when the signal is taken */
	if (t->interval)
		rearm_later(t);
}

/* The signal is on its way to a handler. => siglock held */
static void signal_taken(struct sigqueue *q)
{
	struct ptimer *t = q->owner;

	t->overrun = 0;
	if (!t->interval || hrtimer_active(&t->timer))
		return;
	t->overrun = (int)min(hrtimer_forward(&t->timer, ktime_get(), t->interval), (u64)0x7fffffff) - 1;
	q->info.overrun = t->overrun = max(t->overrun, 0);
	hrtimer_start(&t->timer, t->timer.expires);
}

/* Until the next expiry, whether it is armed for it already or waits for its signal to be taken. => 0: off */
static u64 time_left(const struct ptimer *t)
{
	u64 now = ktime_get();

	if (hrtimer_active(&t->timer))
		return max(hrtimer_remaining(&t->timer), (u64)1);
	if (!t->interval)
		return 0;
	return now < t->timer.expires ? t->timer.expires - now : t->interval - (now - t->timer.expires) % t->interval;
}

/* => siglock held */
static struct ptimer *find_timer(int id)
{
	struct ptimer *t;

	list_for_each_entry(t, &current->group->posix_timers, node)
		if (t->id == id)
			return t;
	return NULL;
}

/* The timer, stopped, with siglock held; NULL: there is none, lock not held. */
static struct ptimer *lock_stopped(int id)
{
	struct group *g = current->group;
	struct ptimer *t;

	for (;;) {
		spin_lock_irq(&g->siglock);
		t = find_timer(id);
		if (!t) {
			spin_unlock_irq(&g->siglock);
			return NULL;
		}
		if (hrtimer_try_cancel(&t->timer) >= 0)
			return t;
		spin_unlock_irq(&g->siglock);
		cpu_relax();
	}
}

static void free_timer(struct ptimer *t)
{
	if (t->queue)
		sigqueue_free_timer(t->queue, t->group);
	if (t->target)
		put_task(t->target);
	kfree(t);
}

void posix_timers_exit(struct group *g)
{
	struct ptimer *t;

	while (!list_empty(&g->posix_timers)) {
		t = list_first_entry(&g->posix_timers, struct ptimer, node);
		spin_lock_irq(&g->siglock);
		t->interval = 0;
		list_del(&t->node);
		spin_unlock_irq(&g->siglock);
		hrtimer_cancel(&t->timer);
		free_timer(t);
	}
}

/* --- creating ------------------------------------------------------------------------------------------------------------------------ */

static int clock_ok(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME: case CLOCK_MONOTONIC: case CLOCK_BOOTTIME: case CLOCK_TAI:
	case CLOCK_REALTIME_ALARM: case CLOCK_BOOTTIME_ALARM:
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID: case CLOCK_THREAD_CPUTIME_ID:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

static int set_target(struct ptimer *t, const struct sigevent *ev)
{
	struct task *target;

	if (ev->sigev_notify == SIGEV_NONE)
		return 0;
	if ((ev->sigev_notify & ~SIGEV_THREAD_ID) != SIGEV_SIGNAL || ev->sigev_signo < 1 || ev->sigev_signo > NR_SIGNALS)
		return -EINVAL;
	if (ev->sigev_notify & SIGEV_THREAD_ID) {
		rcu_read_lock();
		target = find_task(ev->_sigev_un._tid);
		if (target && target->group == current->group && try_get_task(target))
			t->target = target;
		rcu_read_unlock();
		if (!t->target)
			return -EINVAL;
	}
	t->queue = sigqueue_alloc();
	if (!t->queue)
		return -EAGAIN;
	t->queue->info = (struct siginfo_k){ .signo = ev->sigev_signo, .code = SI_TIMER };
	t->queue->info.sival = (u32)ev->sigev_value.sival_ptr;
	t->queue->taken = signal_taken;
	t->queue->owner = t;
	return 0;
}

/* => its id; from here on another thread may delete it */
static int publish(struct ptimer *t)
{
	struct group *g = current->group;
	int id;

	spin_lock_irq(&g->siglock);
	do {
		t->id = g->next_timer_id;
		g->next_timer_id = (t->id + 1) & 0x7fffffff;
	} while (find_timer(t->id));
	id = t->id;
	if (t->queue)
		t->queue->info.tid = id;
	if (t->queue && t->default_value)
		t->queue->info.sival = id;
	list_add_tail(&t->node, &g->posix_timers);
	spin_unlock_irq(&g->siglock);
	return id;
}

SYSCALL(timer_create, int clock, const struct sigevent __user *user_ev, int __user *id)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct ptimer *t;
	int err = clock_ok(clock);

	if (err)
		return err;
	if (user_ev && copy_from_user(&ev, user_ev, sizeof(ev)))
		return -EFAULT;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -EAGAIN;
	t->clock = clock;
	t->group = current->group;
	hrtimer_init(&t->timer, fired);
	err = set_target(t, &ev);
	if (err) {
		free_timer(t);
		return err;
	}
	if (!user_ev)
		t->default_value = true;
	return put_user(publish(t), id) ? -EFAULT : 0;
}

/* --- using ---------------------------------------------------------------------------------------------------------------------------- */

static bool on_wall_clock(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_TAI || clock == CLOCK_REALTIME_ALARM;
}

static long settime(int id, int flags, u64 value, u64 interval, u64 *was_value, u64 *was_interval)
{
	struct group *g = current->group;
	struct ptimer *t;
	u64 at = value, left;

	spin_lock_irq(&g->siglock);
	t = find_timer(id);
	left = t ? time_left(t) : 0;
	spin_unlock_irq(&g->siglock);
	t = lock_stopped(id);
	if (!t)
		return -EINVAL;
	*was_value = left;
	*was_interval = t->interval;
	t->interval = value ? interval : 0;
	t->overrun = 0;
	if (value) {
		if (!(flags & TIMER_ABSTIME))
			at += ktime_get();
		else if (on_wall_clock(t->clock))
			at -= min(at, clock_real_offset());
		hrtimer_start(&t->timer, at);
	}
	spin_unlock_irq(&g->siglock);
	return 0;
}

static long gettime(int id, u64 *value, u64 *interval)
{
	struct group *g = current->group;
	struct ptimer *t;
	long err = -EINVAL;

	spin_lock_irq(&g->siglock);
	t = find_timer(id);
	if (t) {
		*value = time_left(t);
		*interval = t->interval;
		err = 0;
	}
	spin_unlock_irq(&g->siglock);
	return err;
}

static long put_itimerspec(void __user *to, u64 value, u64 interval, bool time64)
{
	u32 half = time64 ? sizeof(struct utimespec64) : sizeof(struct timespec32);
	int err = put_timespec_ns(to, interval, time64);

	return err ? err : put_timespec_ns((char __user *)to + half, value, time64);
}

static long do_settime(int id, int flags, const void __user *new, void __user *old, bool time64)
{
	u32 half = time64 ? sizeof(struct utimespec64) : sizeof(struct timespec32);
	u64 value, interval, was_value, was_interval;
	long err;

	if (!new)
		return -EINVAL;
	err = get_timespec_ns(&interval, new, time64);
	if (!err)
		err = get_timespec_ns(&value, (const char __user *)new + half, time64);
	if (!err)
		err = settime(id, flags, value, interval, &was_value, &was_interval);
	return err || !old ? err : put_itimerspec(old, was_value, was_interval, time64);
}

SYSCALL(timer_settime, int id, int flags, const void __user *new, void __user *old)
{
	return do_settime(id, flags, new, old, false);
}

SYSCALL(timer_settime64, int id, int flags, const void __user *new, void __user *old)
{
	return do_settime(id, flags, new, old, true);
}

SYSCALL(timer_gettime, int id, void __user *to)
{
	u64 value, interval;
	long err = gettime(id, &value, &interval);

	return err ? err : put_itimerspec(to, value, interval, false);
}

SYSCALL(timer_gettime64, int id, void __user *to)
{
	u64 value, interval;
	long err = gettime(id, &value, &interval);

	return err ? err : put_itimerspec(to, value, interval, true);
}

SYSCALL(timer_getoverrun, int id)
{
	struct group *g = current->group;
	struct ptimer *t;
	long n;

	spin_lock_irq(&g->siglock);
	t = find_timer(id);
	n = t ? t->overrun : -EINVAL;
	spin_unlock_irq(&g->siglock);
	return n;
}

SYSCALL(timer_delete, int id)
{
	struct ptimer *t = lock_stopped(id);

	if (!t)
		return -EINVAL;
	list_del(&t->node);
	spin_unlock_irq(&t->group->siglock);
	free_timer(t);
	return 0;
}
