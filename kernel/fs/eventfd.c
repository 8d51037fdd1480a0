/* SPDX-License-Identifier: MIT
 *
 * eventfd: a 64-bit counter as a file. write adds, read takes all (or one, EFD_SEMAPHORE) and waits while it is 0.
 *
 * Lock: the wait queue's, interrupts off; the counter never gets to ~0.
 */
#include "kernel/fs/internal.h"
#include <linux/eventpoll.h>

/* eventfd(2) */
#define EFD_SEMAPHORE 1
#define EFD_CLOEXEC O_CLOEXEC
#define EFD_NONBLOCK O_NONBLOCK

struct eventfd { struct wait_queue wq; u64 count; bool semaphore; };

/* => false: it is 0 */
static bool take(struct eventfd *e, u64 *value)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&e->wq.lock, flags);
	ok = e->count;
	if (ok) {
		*value = e->semaphore ? 1 : e->count;
		e->count -= *value;
		wake_up_queue_locked(&e->wq, WAKE_NORMAL, 1, EPOLLOUT | EPOLLWRNORM);
	}
	spin_unlock_irqrestore(&e->wq.lock, flags);
	return ok;
}
/* => false: it would not fit */
static bool add(struct eventfd *e, u64 value)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&e->wq.lock, flags);
	ok = ~0ULL - e->count > value;
	if (ok) {
		e->count += value;
		wake_up_queue_locked(&e->wq, WAKE_NORMAL, 1, EPOLLIN | EPOLLRDNORM);
	}
	spin_unlock_irqrestore(&e->wq.lock, flags);
	return ok;
}

static ssize_t eventfd_read(struct file *f, struct iov *to, loff_t *pos)
{
	struct eventfd *e = f->private;
	u64 value;
	int err;

	if (to->count < sizeof(value))
		return -EINVAL;
	if (!take(e, &value)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wq, take(e, &value));
		if (err)
			return err;
	}
	return iov_copy_to(to, &value, sizeof(value)) == sizeof(value) ? (ssize_t)sizeof(value) : -EFAULT;
}

static ssize_t eventfd_write(struct file *f, struct iov *from, loff_t *pos)
{
	struct eventfd *e = f->private;
	u64 value;
	int err;

	if (from->count < sizeof(value))
		return -EINVAL;
	if (iov_copy_from(&value, from, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value == ~0ULL)
		return -EINVAL;
	if (!add(e, value)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wq, add(e, value));
		if (err)
			return err;
	}
	return sizeof(value);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->private;
	unsigned long flags;
	u64 count;

	poll_wait(f, &e->wq, pt);
	spin_lock_irqsave(&e->wq.lock, flags);
	count = e->count;
	spin_unlock_irqrestore(&e->wq.lock, flags);
	return (count ? EPOLLIN | EPOLLRDNORM : 0) | (count == ~0ULL ? EPOLLERR : 0) | (count < ~0ULL - 1 ? EPOLLOUT | EPOLLWRNORM : 0);
}
static void eventfd_release(struct file *f) { kfree(f->private); }

static const struct file_ops eventfd_ops = {
	.read = eventfd_read, .write = eventfd_write, .poll = eventfd_poll, .release = eventfd_release, .no_seek = true,
};

SYSCALL(eventfd2, unsigned count, int flags)
{
	struct eventfd *e;
	struct file *f;

	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	wait_queue_init(&e->wq);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	f = anon_file("[eventfd]", &eventfd_ops, e, O_RDWR | (flags & EFD_NONBLOCK));
	if (IS_ERR(f)) {
		kfree(e);
		return PTR_ERR(f);
	}
	return fd_new(f, flags & EFD_CLOEXEC ? O_CLOEXEC : 0);
}
SYSCALL(eventfd, unsigned count) { return sys_eventfd2(count, 0); }
