/* SPDX-License-Identifier: MIT
 *
 * Terminals: opening and closing, hang-up, signals from keys. See tty.h for the picture, life and locks.
 *
 * Signals to the foreground group cannot be sent from interrupt context (the list of its members has a sleeping owner),
 * so tty_signal notes them and a thread sends them (later.c).
 */
#include "drivers/char/char.h"
#include "drivers/char/tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/sched.h"
#include "mm/phys/phys.h"

#define CLOSE_WAIT_MS 30000U /* for output that a slow line still holds */

static DEFINE_SPINLOCK(signal_lock);     /* irqs off; inside t->lock */
static LIST_HEAD(signal_list);
static void send_signals(struct later *l);
static struct later signal_work = LATER(send_signals);
const struct tty_upcalls *tty_upcalls;

static const struct ktermios default_termios = {
	.c_iflag = ICRNL | IXON | IMAXBEL, .c_oflag = OPOST | ONLCR, .c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = { [VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17,
		  [VSTOP] = 19, [VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22 },
	.c_ispeed = 115200, .c_ospeed = 115200,
};

void tty_setup(struct tty *t, const struct tty_driver *driver, const char *name, unsigned index, dev_t dev)
{
	memset(t, 0, sizeof(*t));
	t->driver = driver;
	strlcpy(t->name, name, sizeof(t->name));
	t->index = index;
	t->dev = dev;
	atomic_set(&t->refcount, 1);
	spin_lock_init(&t->lock, "tty");
	mutex_init(&t->open_lock, "tty open");
	wait_queue_init(&t->read_wait);
	wait_queue_init(&t->write_wait);
	INIT_LIST_HEAD(&t->signal_node);
	t->termios = default_termios;
}

void tty_put(struct tty *t)
{
	if (!atomic_dec_and_test(&t->refcount))
		return;
	t->driver->free(t);
}

/* The rings, and a bit for each byte of input, in one allocation. */
int tty_make_rings(struct tty *t)
{
	u8 *p = kvmalloc(2 * TTY_RING + TTY_RING / 8, GFP_KERNEL);
	unsigned long irq;

	if (!p)
		return -ENOMEM;
	spin_lock_irqsave(&t->lock, irq);
	t->in = (struct ring){ .buf = p };
	t->out = (struct ring){ .buf = p + TTY_RING };
	t->marks = (u32 *)(p + 2 * TTY_RING);
	t->stopped = t->throttled = false;
	t->column = 0;
	n_tty_reset(t);
	spin_unlock_irqrestore(&t->lock, irq);
	return 0;
}

static void drop_rings(struct tty *t)
{
	unsigned long irq;
	u8 *p;

	spin_lock_irqsave(&t->lock, irq);
	p = t->in.buf;
	t->in = t->out = (struct ring){ 0 };
	t->marks = NULL;
	spin_unlock_irqrestore(&t->lock, irq);
	kvfree(p);
}

static bool drained(struct tty *t)
{
	return !ring_used(&t->out) && (!t->driver->idle || t->driver->idle(t));
}

/* Wait until the ring is empty and the hardware has sent what it was given; a hang-up or a signal cuts it short. */
static int tty_drain_for(struct tty *t, unsigned ms)
{
	u32 generation = READ_ONCE(t->hangups);

	for (; !drained(t) && ms; ms = ms > 2 ? ms - 2 : 0) {
		if (signal_pending())
			return -ERESTARTSYS;
		if (READ_ONCE(t->hangups) != generation || t->peer_closed || !t->out.buf)
			break;
		set_current_state(TASK_INTERRUPTIBLE);
		schedule_timeout(2 * 1000 * 1000);
	}
	return 0;
}

int tty_drain(struct tty *t) { return tty_drain_for(t, ~0u); }

static void count_close(struct tty *t, u32 generation)
{
	unsigned long irq;

	spin_lock_irqsave(&t->lock, irq);
	t->open_count--;
	if (generation != t->hangups)
		t->dead_count--;
	spin_unlock_irqrestore(&t->lock, irq);
}

/* => 0, -ENOMEM, -EBUSY (TIOCEXCL, and not privileged). Takes a reference. *generation: what the file is to keep; a hang-up from
 * now on counts it among the dead ones. */
int tty_open(struct tty *t, bool privileged, u32 *generation)
{
	unsigned long irq;
	int r = 0;

	mutex_lock(&t->open_lock);
	if (t->open_count && t->exclusive && !privileged)
		r = -EBUSY;
	else if (!t->open_count && !t->in.buf)
		r = tty_make_rings(t);
	if (!r) {
		tty_get(t);
		spin_lock_irqsave(&t->lock, irq);
		t->open_count++;
		*generation = t->hangups;
		spin_unlock_irqrestore(&t->lock, irq);
		if (t->open_count == 1 && t->driver->opened)
			t->driver->opened(t);
	}
	mutex_unlock(&t->open_lock);
	return r;
}

/* generation: what t->hangups was at the open */
void tty_close(struct tty *t, u32 generation)
{
	mutex_lock(&t->open_lock);
	if (t->open_count == 1) {
		tty_drain_for(t, t->driver->keeps_rings ? 0 : CLOSE_WAIT_MS);
		t->exclusive = false;
		if (!t->driver->keeps_rings)
			drop_rings(t);
	}
	count_close(t, generation);
	if (!t->open_count && t->driver->closed)
		t->driver->closed(t);
	mutex_unlock(&t->open_lock);
	tty_put(t);
}

void tty_flush_input(struct tty *t)
{
	unsigned long irq;

	spin_lock_irqsave(&t->lock, irq);
	if (t->in.buf)
		n_tty_reset(t);
	if (t->throttled) {
		t->throttled = false;
		t->driver->unthrottle(t);
	}
	spin_unlock_irqrestore(&t->lock, irq);
}

void tty_flush_output(struct tty *t)
{
	unsigned long irq;

	spin_lock_irqsave(&t->lock, irq);
	t->out.tail = t->out.head;
	spin_unlock_irqrestore(&t->lock, irq);
	wake_up_all(&t->write_wait);
}

/* Readers get end of file, writers EIO, from now on; those who open it again are not concerned. */
void tty_hangup(struct tty *t)
{
	unsigned long irq;

	if (!t->driver->keeps_rings) /* what a pty's slave has said is still to be read */
		tty_flush_output(t);
	spin_lock_irqsave(&t->lock, irq);
	t->hangups++;
	t->dead_count = t->open_count;
	if (t->in.buf)
		n_tty_reset(t);
	tty_set_stopped(t, false);
	wake_up_all(&t->read_wait);
	spin_unlock_irqrestore(&t->lock, irq);
}

/* --- signals from keys ------------------------------------------------------------------------------------------- */

void tty_signal(struct tty *t, int sig)
{
	spin_lock(&signal_lock);
	t->signals |= 1u << sig;
	if (list_empty(&t->signal_node)) {
		tty_get(t);
		list_add_tail(&t->signal_node, &signal_list);
	}
	spin_unlock(&signal_lock);
	later_queue(&signal_work);
}

static struct tty *next_signalled(u32 *signals)
{
	struct tty *t = NULL;

	spin_lock_irq(&signal_lock);
	if (!list_empty(&signal_list)) {
		t = list_first_entry(&signal_list, struct tty, signal_node);
		list_del_init(&t->signal_node);
		*signals = t->signals;
		t->signals = 0;
	}
	spin_unlock_irq(&signal_lock);
	return t;
}

static void send_signals(struct later *l)
{
	struct tty *t;
	u32 signals;

	while ((t = next_signalled(&signals)) != NULL) {
		for (int sig = 1; sig < 32; sig++)
			if (signals >> sig & 1 && tty_upcalls)
				tty_upcalls->signal(t, sig);
		tty_put(t);
	}
}
