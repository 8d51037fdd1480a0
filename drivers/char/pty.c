/* SPDX-License-Identifier: MIT
 *
 * Pseudo-terminals: a terminal whose other end is a file. What the slave writes (processed by the line discipline) waits
 * in its output ring until the master reads it; what the master writes goes through tty_receive like keys.
 *
 * There is one struct tty for the pair, the slave's; the master is a view of it. Made by pty_make with one reference,
 * the master's; kernel/fs/devpts.c gives it a number and a name. When the master closes, the slave is hung up.
 * Master readers sleep on master_wait, master writers on room in the slave's input.
 */
#include "drivers/char/tty.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/sched.h"
#include "mm/phys/phys.h"
#include <linux/eventpoll.h>

struct pty {
	struct tty tty;               /* first */
	struct wait_queue master_wait;
	bool was_open;                /* L: the slave has been opened; when nobody has it any more, reads give EIO */
};
static struct pty *pty_of(struct tty *t) { return (struct pty *)t; }
struct wait_queue *pty_master_wait(struct tty *t) { return &pty_of(t)->master_wait; }

static void pty_start(struct tty *t)
{
	if (!t->stopped)
		wake_up_all(&pty_of(t)->master_wait);
}
static void pty_unthrottle(struct tty *t) { wake_up_all(&pty_of(t)->master_wait); }

static void pty_opened(struct tty *t)
{
	unsigned long irq;

	spin_lock_irqsave(&t->lock, irq);
	pty_of(t)->was_open = true;
	spin_unlock_irqrestore(&t->lock, irq);
}

static void pty_closed(struct tty *t) { wake_up_all(&pty_of(t)->master_wait); }

static void pty_free(struct tty *t)
{
	kvfree(t->in.buf);
	kfree(t);
}

/* The rings outlive the last close of the slave: the master may still read what was written. */
static const struct tty_driver pty_driver = {
	.name = "pty_slave", .start = pty_start, .unthrottle = pty_unthrottle, .opened = pty_opened, .closed = pty_closed, .free = pty_free,
	.keeps_rings = true,
};

struct tty *pty_make(unsigned index)
{
	struct pty *p = kzalloc(sizeof(*p), GFP_KERNEL);
	char name[12];

	if (!p)
		return NULL;
	snprintf(name, sizeof(name), "pts/%u", index);
	tty_setup(&p->tty, &pty_driver, name, index, (136 + (index >> 8)) << 8 | (index & 0xff));
	p->tty.termios.c_cflag = B38400 | CS8 | CREAD;
	p->tty.termios.c_ispeed = p->tty.termios.c_ospeed = 38400;
	wait_queue_init(&p->master_wait);
	if (tty_make_rings(&p->tty)) {
		kfree(p);
		return NULL;
	}
	return &p->tty;
}

static bool slave_gone(struct tty *t)
{
	unsigned long irq;
	bool gone;

	spin_lock_irqsave(&t->lock, irq);
	gone = pty_of(t)->was_open && t->open_count == t->dead_count;
	spin_unlock_irqrestore(&t->lock, irq);
	return gone;
}

ssize_t pty_master_read(struct tty *t, u8 *buf, size_t n, bool nonblock)
{
	DEFINE_WAIT(wait);
	unsigned long irq;
	ssize_t r;

	for (;;) {
		prepare_to_wait(&pty_of(t)->master_wait, &wait, TASK_INTERRUPTIBLE);
		spin_lock_irqsave(&t->lock, irq);
		r = tty_take_output(t, buf, n);
		spin_unlock_irqrestore(&t->lock, irq);
		if (!r && n)
			r = slave_gone(t) ? -EIO : nonblock ? -EAGAIN : signal_pending() ? -ERESTARTSYS : 0;
		if (r || !n)
			break;
		schedule();
	}
	finish_wait(&pty_of(t)->master_wait, &wait);
	return r;
}

/* => bytes that the slave took now; L not held */
static unsigned feed(struct tty *t, const u8 *buf, size_t n)
{
	unsigned done = tty_receive(t, buf, NULL, n);
	unsigned long irq;

	if (done < n) {
		spin_lock_irqsave(&t->lock, irq);
		t->throttled = true;
		spin_unlock_irqrestore(&t->lock, irq);
		done += tty_receive(t, buf + done, NULL, n - done);
	}
	return done;
}

ssize_t pty_master_write(struct tty *t, const u8 *buf, size_t n, bool nonblock)
{
	DEFINE_WAIT(wait);
	size_t done = 0;
	int r = 0;

	while (done < n) {
		prepare_to_wait(&pty_of(t)->master_wait, &wait, TASK_INTERRUPTIBLE);
		done += feed(t, buf + done, n - done);
		if (done == n)
			break;
		r = slave_gone(t) ? -EIO : nonblock ? -EAGAIN : signal_pending() ? -ERESTARTSYS : 0;
		if (r)
			break;
		schedule();
	}
	finish_wait(&pty_of(t)->master_wait, &wait);
	return done ? (ssize_t)done : r;
}

u32 pty_master_poll(struct tty *t)
{
	unsigned long irq;
	u32 mask = 0;

	spin_lock_irqsave(&t->lock, irq);
	if (ring_used(&t->out) && !t->stopped)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (tty_room(t))
		mask |= EPOLLOUT | EPOLLWRNORM;
	else
		t->throttled = true;
	spin_unlock_irqrestore(&t->lock, irq);
	if (slave_gone(t))
		mask |= EPOLLHUP;
	return mask;
}

void pty_master_close(struct tty *t)
{
	unsigned long irq;

	spin_lock_irqsave(&t->lock, irq);
	t->peer_closed = true;
	spin_unlock_irqrestore(&t->lock, irq);
	tty_hangup(t);
}
