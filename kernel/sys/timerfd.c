/* SPDX-License-Identifier: MIT
 *
 * timerfd: timers that are read, and polled, like files.
 *
 * Life: one struct per open file, freed at release, after the timer is off. With TFD_TIMER_CANCEL_ON_SET a change of the
 * wall clock makes the next read fail with ECANCELED: those on the wall clock are in a list, for whoever sets it to wake
 * their readers and pollers, and to move what was set to a time of that clock.
 *
 * Locks: wall_mutex (the list) > lock (irqs off; the callback takes it).
 */
#include "arch/i386/cpu.h"
#include "arch/i386/uaccess.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/itimer.h"
#include "kernel/sys/timespec.h"
#include "kernel/time/timer.h"
#include "mm/phys/phys.h"
#include <linux/eventpoll.h>
#include <linux/time.h>
#include <linux/timerfd.h>

struct timerfd {
	struct hrtimer timer;
	struct wait_queue wait;
	spinlock_t lock;
	u64 ticks, interval;     /* lock */
	u32 clock_seen;          /* clock_was_set when it was armed */
	u64 offset;              /* lock: real - monotonic, with which an absolute time on the wall clock became timer.expires */
	bool wall, cancel_on_set, absolute;
	struct list_head on_wall; /* wall_mutex; if wall, from creation to release */
};
static DEFINE_MUTEX(wall_mutex);
static LIST_HEAD(on_wall);

static void fired(struct hrtimer *h)
{
	struct timerfd *t = container_of(h, struct timerfd, timer);
	unsigned long flags;

	spin_lock_irqsave(&t->lock, flags);
	t->ticks++; /* further periods are counted when it is read */
	spin_unlock_irqrestore(&t->lock, flags);
	wake_up_poll(&t->wait, EPOLLIN);
}

/* Periods that passed since it fired, and the next one armed. => lock held */
static void catch_up_locked(struct timerfd *t)
{
	u64 n;

	if (!t->interval || hrtimer_active(&t->timer) || !t->ticks)
		return;
	n = hrtimer_forward(&t->timer, ktime_get(), t->interval);
	t->ticks += n ? n - 1 : 0;
	hrtimer_start(&t->timer, t->timer.expires);
}

static bool canceled(const struct timerfd *t)
{
	return t->cancel_on_set && t->clock_seen != READ_ONCE(clock_was_set);
}

/* The moment of the wall clock that was asked for has come nearer, or farther away. => lock held */
static void move_expiry_locked(struct timerfd *t)
{
	u64 offset = clock_real_offset(), at = t->timer.expires + t->offset;
	bool armed;

	if (!t->absolute)
		return;
	armed = hrtimer_try_cancel(&t->timer) > 0; /* if it fires right now, that is all */
	t->timer.expires = at - min(at, offset);
	t->offset = offset;
	if (armed)
		hrtimer_start(&t->timer, t->timer.expires);
}

/* After clock_was_set has changed. */
void timerfd_clock_was_set(void)
{
	struct timerfd *t;
	bool tell;

	mutex_lock(&wall_mutex);
	list_for_each_entry(t, &on_wall, on_wall) {
		spin_lock_irq(&t->lock); /* one that is being armed has seen the new clock, or is seen as armed */
		move_expiry_locked(t);
		tell = canceled(t);
		spin_unlock_irq(&t->lock);
		if (tell)
			wake_up_poll(&t->wait, EPOLLIN);
	}
	mutex_unlock(&wall_mutex);
}

static ssize_t timerfd_read(struct file *f, struct iov *to, loff_t *pos)
{
	struct timerfd *t = f->private;
	u64 n;
	int err;

	if (iov_count(to) < sizeof(n))
		return -EINVAL;
	if (f->flags & O_NONBLOCK && !READ_ONCE(t->ticks) && !canceled(t))
		return -EAGAIN;
	do {
		err = wait_event_interruptible(&t->wait, READ_ONCE(t->ticks) || canceled(t));
		if (err)
			return err;
		spin_lock_irq(&t->lock);
		catch_up_locked(t);
		n = t->ticks;
		t->ticks = 0;
		err = canceled(t) ? -ECANCELED : 0;
		t->clock_seen = clock_was_set;
		spin_unlock_irq(&t->lock);
		if (!n && !err && f->flags & O_NONBLOCK)
			return -EAGAIN;
	} while (!n && !err);
	if (err)
		return err;
	return iov_copy_to(to, &n, sizeof(n)) == sizeof(n) ? (ssize_t)sizeof(n) : -EFAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->private;

	poll_wait(f, &t->wait, pt);
	return READ_ONCE(t->ticks) || canceled(t) ? EPOLLIN | EPOLLRDNORM : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;

	if (t->wall) {
		mutex_lock(&wall_mutex);
		list_del(&t->on_wall);
		mutex_unlock(&wall_mutex);
	}
	spin_lock_irq(&t->lock);
	t->interval = 0;
	spin_unlock_irq(&t->lock);
	hrtimer_cancel(&t->timer);
	kfree(t);
}

static const struct file_ops timerfd_ops = { .read = timerfd_read, .poll = timerfd_poll, .release = timerfd_release };

SYSCALL(timerfd_create, int clock, int flags)
{
	struct timerfd *t;
	struct file *f;
	int fd;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -EINVAL;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	hrtimer_init(&t->timer, fired);
	wait_queue_init(&t->wait);
	spin_lock_init(&t->lock, "timerfd");
	t->wall = clock == CLOCK_REALTIME;
	fd = fd_alloc(0, flags & TFD_CLOEXEC ? O_CLOEXEC : 0);
	f = fd < 0 ? ERR_PTR(fd) : anon_file("[timerfd]", &timerfd_ops, t, O_RDWR | (flags & TFD_NONBLOCK ? O_NONBLOCK : 0));
	if (IS_ERR(f)) {
		if (fd >= 0)
			fd_cancel(fd);
		kfree(t);
		return PTR_ERR(f);
	}
	if (t->wall) {
		mutex_lock(&wall_mutex);
		list_add(&t->on_wall, &on_wall);
		mutex_unlock(&wall_mutex);
	}
	fd_install(fd, f);
	return fd;
}

/* => file with reference, or ERR_PTR */
static struct file *get_timerfd(int fd)
{
	struct file *f = fget(fd);

	if (!f)
		return ERR_PTR(-EBADF);
	if (f->ops == &timerfd_ops)
		return f;
	put_file(f);
	return ERR_PTR(-EINVAL);
}

static u64 left_locked(const struct timerfd *t)
{
	return hrtimer_active(&t->timer) ? max(hrtimer_remaining(&t->timer), (u64)1) : 0;
}

static void stop_locked(struct timerfd *t)
{
	for (;;) {
		spin_lock_irq(&t->lock);
		if (hrtimer_try_cancel(&t->timer) >= 0)
			return;
		spin_unlock_irq(&t->lock);
		cpu_relax();
	}
}

static void arm(struct timerfd *t, int flags, u64 value, u64 interval, u64 *was_value, u64 *was_interval)
{
	u64 at = value;

	spin_lock_irq(&t->lock);
	catch_up_locked(t);
	*was_value = left_locked(t);
	spin_unlock_irq(&t->lock);
	stop_locked(t);
	*was_interval = t->interval;
	t->ticks = 0;
	t->interval = value ? interval : 0;
	t->clock_seen = clock_was_set;
	t->absolute = t->wall && flags & TFD_TIMER_ABSTIME;
	t->cancel_on_set = t->absolute && flags & TFD_TIMER_CANCEL_ON_SET;
	t->offset = t->absolute ? clock_real_offset() : 0;
	if (value) {
		if (!(flags & TFD_TIMER_ABSTIME))
			at += ktime_get();
		else
			at -= min(at, t->offset);
		hrtimer_start(&t->timer, at);
	}
	spin_unlock_irq(&t->lock);
}

static long put_both(void __user *to, u64 value, u64 interval, bool time64)
{
	u32 half = time64 ? sizeof(struct utimespec64) : sizeof(struct timespec32);
	int err = put_timespec_ns(to, interval, time64);

	return err ? err : put_timespec_ns((char __user *)to + half, value, time64);
}

static long settime(int fd, int flags, const void __user *new, void __user *old, bool time64)
{
	u32 half = time64 ? sizeof(struct utimespec64) : sizeof(struct timespec32);
	u64 value, interval, was_value, was_interval;
	struct file *f;
	int err = get_timespec_ns(&interval, new, time64);

	if (!err)
		err = get_timespec_ns(&value, (const char __user *)new + half, time64);
	if (!err && flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		err = -EINVAL;
	if (err)
		return err;
	f = get_timerfd(fd);
	if (IS_ERR(f))
		return PTR_ERR(f);
	arm(f->private, flags, value, interval, &was_value, &was_interval);
	put_file(f);
	return old ? put_both(old, was_value, was_interval, time64) : 0;
}

static long gettime(int fd, void __user *to, bool time64)
{
	struct file *f = get_timerfd(fd);
	struct timerfd *t;
	u64 value, interval;

	if (IS_ERR(f))
		return PTR_ERR(f);
	t = f->private;
	spin_lock_irq(&t->lock);
	catch_up_locked(t);
	value = left_locked(t);
	interval = t->interval;
	spin_unlock_irq(&t->lock);
	put_file(f);
	return put_both(to, value, interval, time64);
}

SYSCALL(timerfd_settime, int fd, int flags, const void __user *new, void __user *old) { return settime(fd, flags, new, old, false); }
SYSCALL(timerfd_settime64, int fd, int flags, const void __user *new, void __user *old) { return settime(fd, flags, new, old, true); }
SYSCALL(timerfd_gettime, int fd, void __user *to) { return gettime(fd, to, false); }
SYSCALL(timerfd_gettime64, int fd, void __user *to) { return gettime(fd, to, true); }
