/* SPDX-License-Identifier: MIT
 *
 * Terminal controls: termios in its four shapes, window size, flow, flushing, break, modem lines. ioctl_tty(2).
 *
 * Job control over these calls, and what concerns sessions, is the file layer's (kernel/fs/tty_job.c).
 * What it cannot do: other line disciplines, serial_struct, TIOCSTI (Linux 6.2 refuses it as well), packet mode.
 */
#include "arch/i386/uaccess.h"
#include "drivers/char/tty.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include <asm/signal.h>

static const struct { u32 code, baud; } speeds[] = {
	{ B0, 0 }, { B50, 50 }, { B75, 75 }, { B110, 110 }, { B134, 134 }, { B150, 150 }, { B200, 200 }, { B300, 300 },
	{ B600, 600 }, { B1200, 1200 }, { B1800, 1800 }, { B2400, 2400 }, { B4800, 4800 }, { B9600, 9600 },
	{ B19200, 19200 }, { B38400, 38400 }, { B57600, 57600 }, { B115200, 115200 }, { B230400, 230400 },
	{ B460800, 460800 }, { B500000, 500000 }, { B576000, 576000 }, { B921600, 921600 }, { B1000000, 1000000 },
	{ B1152000, 1152000 }, { B1500000, 1500000 }, { B2000000, 2000000 }, { B4000000, 4000000 },
};

unsigned tty_baud(const struct ktermios *k)
{
	u32 code = k->c_cflag & CBAUD;

	if (code == BOTHER)
		return k->c_ospeed;
	for (unsigned i = 0; i < ARRAY_SIZE(speeds); i++)
		if (speeds[i].code == code)
			return speeds[i].baud;
	return 9600;
}

/* O held. What hardware and POSIX forbid is corrected, not refused. */
static void tty_set_termios(struct tty *t, const struct ktermios *new)
{
	struct ktermios old = t->termios;
	unsigned long irq;

	spin_lock_irqsave(&t->lock, irq);
	t->termios = *new;
	t->termios.c_line = 0;
	t->termios.c_ospeed = t->termios.c_ispeed = tty_baud(new);
	n_tty_mode_changed(t, &old);
	if (t->stopped && old.c_iflag & IXON && !(new->c_iflag & IXON))
		tty_set_stopped(t, false);
	/* readers wait for something else now */
	wake_up_all(&t->read_wait);
	spin_unlock_irqrestore(&t->lock, irq);
	if (t->driver->configure)
		t->driver->configure(t, &old);
}

enum shape { SHAPE_TERMIO, SHAPE_TERMIOS, SHAPE_TERMIOS2 };

/* struct termios and termios2 are the head of ktermios; termio (System V) has half-words. */
static int termios_from_user(struct ktermios *k, const void __user *p, enum shape shape)
{
	struct termio old;

	if (shape == SHAPE_TERMIOS2)
		return copy_from_user(k, p, sizeof(struct termios2)) ? -EFAULT : 0;
	if (shape == SHAPE_TERMIOS)
		return copy_from_user(k, p, sizeof(struct termios)) ? -EFAULT : 0;
	if (copy_from_user(&old, p, sizeof(old)))
		return -EFAULT;
	k->c_iflag = (k->c_iflag & ~0xffffu) | old.c_iflag;
	k->c_oflag = (k->c_oflag & ~0xffffu) | old.c_oflag;
	k->c_cflag = (k->c_cflag & ~0xffffu) | old.c_cflag;
	k->c_lflag = (k->c_lflag & ~0xffffu) | old.c_lflag;
	memcpy(k->c_cc, old.c_cc, NCC);
	return 0;
}

static int termios_to_user(const struct ktermios *k, void __user *p, enum shape shape)
{
	struct termio old = { .c_iflag = k->c_iflag, .c_oflag = k->c_oflag, .c_cflag = k->c_cflag, .c_lflag = k->c_lflag };

	if (shape == SHAPE_TERMIOS2)
		return copy_to_user(p, k, sizeof(struct termios2)) ? -EFAULT : 0;
	if (shape == SHAPE_TERMIOS)
		return copy_to_user(p, k, sizeof(struct termios)) ? -EFAULT : 0;
	memcpy(old.c_cc, k->c_cc, NCC);
	return copy_to_user(p, &old, sizeof(old)) ? -EFAULT : 0;
}

static int get_termios(struct tty *t, void __user *p, enum shape shape)
{
	struct ktermios k;

	mutex_lock(&t->open_lock);
	k = t->termios;
	mutex_unlock(&t->open_lock);
	return termios_to_user(&k, p, shape);
}

static int set_termios(struct tty *t, const void __user *p, enum shape shape, bool drain, bool flush)
{
	struct ktermios k;
	int r;

	mutex_lock(&t->open_lock);
	k = t->termios;
	mutex_unlock(&t->open_lock);
	r = termios_from_user(&k, p, shape);
	if (!r && drain)
		r = tty_drain(t);
	if (r)
		return r;
	if (flush)
		tty_flush_input(t);
	mutex_lock(&t->open_lock);
	tty_set_termios(t, &k);
	mutex_unlock(&t->open_lock);
	return 0;
}

static int get_winsize(struct tty *t, void __user *p)
{
	struct winsize w;
	unsigned long irq;

	spin_lock_irqsave(&t->lock, irq);
	w = t->winsize;
	spin_unlock_irqrestore(&t->lock, irq);
	return copy_to_user(p, &w, sizeof(w)) ? -EFAULT : 0;
}

static int set_winsize(struct tty *t, const void __user *p)
{
	struct winsize w;
	unsigned long irq;

	if (copy_from_user(&w, p, sizeof(w)))
		return -EFAULT;
	spin_lock_irqsave(&t->lock, irq);
	if (memcmp(&w, &t->winsize, sizeof(w))) {
		t->winsize = w;
		tty_signal(t, SIGWINCH);
	}
	spin_unlock_irqrestore(&t->lock, irq);
	return 0;
}

static int flow(struct tty *t, unsigned long arg)
{
	unsigned long irq;
	u8 c = t->termios.c_cc[arg == TCIOFF ? VSTOP : VSTART];

	if (arg > TCION)
		return -EINVAL;
	spin_lock_irqsave(&t->lock, irq);
	if (arg == TCOOFF || arg == TCOON)
		tty_set_stopped(t, arg == TCOOFF);
	else if (c)
		out_raw(t, c);
	if (!t->stopped)
		t->driver->start(t);
	spin_unlock_irqrestore(&t->lock, irq);
	return 0;
}

static int flush(struct tty *t, unsigned long arg)
{
	if (arg > TCIOFLUSH)
		return -EINVAL;
	if (arg != TCOFLUSH)
		tty_flush_input(t);
	if (arg != TCIFLUSH)
		tty_flush_output(t);
	return 0;
}

/* TCSBRK 0 and TCSBRKP: a break of ms milliseconds behind the output; TCSBRK != 0 only drains. */
static int send_break(struct tty *t, bool really, unsigned ms)
{
	int r = tty_drain(t);

	if (r || !really || !t->driver->set_break)
		return r;
	t->driver->set_break(t, true);
	set_current_state(TASK_INTERRUPTIBLE);
	schedule_timeout((u64)ms * 1000000);
	t->driver->set_break(t, false);
	return signal_pending() ? -EINTR : 0;
}

static int count_input(struct tty *t)
{
	unsigned long irq;
	int n;

	spin_lock_irqsave(&t->lock, irq);
	n = (t->termios.c_lflag & ICANON ? t->line_start : t->in.head) - t->in.tail;
	spin_unlock_irqrestore(&t->lock, irq);
	return n;
}

static long modem(struct tty *t, unsigned cmd, u32 __user *p)
{
	u32 bits = 0;

	if (!t->driver->modem)
		return -ENOTTY;
	if (cmd == TIOCMGET)
		return put_user((u32)t->driver->modem(t, 0, 0), p);
	if (get_user(bits, p))
		return -EFAULT;
	t->driver->modem(t, cmd == TIOCMBIC ? 0 : bits, cmd == TIOCMBIC ? bits : cmd == TIOCMSET ? ~bits : 0);
	return 0;
}

static long soft_carrier(struct tty *t, unsigned cmd, u32 __user *p)
{
	struct ktermios k;
	u32 on;

	if (cmd == TIOCGSOFTCAR)
		return put_user((u32)!!(t->termios.c_cflag & CLOCAL), p);
	if (get_user(on, p))
		return -EFAULT;
	mutex_lock(&t->open_lock);
	k = t->termios;
	k.c_cflag = (k.c_cflag & ~CLOCAL) | (on ? CLOCAL : 0);
	tty_set_termios(t, &k);
	mutex_unlock(&t->open_lock);
	return 0;
}

static long ioctl_termios(struct tty *t, unsigned cmd, void __user *p)
{
	switch (cmd) {
	case TCGETS: return get_termios(t, p, SHAPE_TERMIOS);
	case TCGETS2: return get_termios(t, p, SHAPE_TERMIOS2);
	case TCGETA: return get_termios(t, p, SHAPE_TERMIO);
	case TCSETS: return set_termios(t, p, SHAPE_TERMIOS, false, false);
	case TCSETSW: return set_termios(t, p, SHAPE_TERMIOS, true, false);
	case TCSETSF: return set_termios(t, p, SHAPE_TERMIOS, true, true);
	case TCSETS2: return set_termios(t, p, SHAPE_TERMIOS2, false, false);
	case TCSETSW2: return set_termios(t, p, SHAPE_TERMIOS2, true, false);
	case TCSETSF2: return set_termios(t, p, SHAPE_TERMIOS2, true, true);
	case TCSETA: return set_termios(t, p, SHAPE_TERMIO, false, false);
	case TCSETAW: return set_termios(t, p, SHAPE_TERMIO, true, false);
	case TCSETAF: return set_termios(t, p, SHAPE_TERMIO, true, true);
	default: return -ENOTTY;
	}
}

long tty_ioctl(struct tty *t, unsigned cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case TIOCGWINSZ: return get_winsize(t, p);
	case TIOCSWINSZ: return set_winsize(t, p);
	case TCXONC: return flow(t, arg);
	case TCFLSH: return flush(t, arg);
	case TCSBRK: return send_break(t, arg == 0, 250);
	case TCSBRKP: return send_break(t, true, arg ? min(arg, 30UL) * 100 : 250);
	case TIOCSBRK: case TIOCCBRK: return t->driver->set_break ? t->driver->set_break(t, cmd == TIOCSBRK) : 0;
	case FIONREAD: return put_user((u32)count_input(t), (u32 __user *)p);
	case TIOCOUTQ: return put_user(ring_used(&t->out), (u32 __user *)p);
	case TIOCEXCL: case TIOCNXCL: t->exclusive = cmd == TIOCEXCL; return 0;
	case TIOCGEXCL: return put_user((u32)t->exclusive, (u32 __user *)p);
	case TIOCGETD: return put_user((u32)0, (u32 __user *)p);
	case TIOCMGET: case TIOCMSET: case TIOCMBIS: case TIOCMBIC: return modem(t, cmd, p);
	case TIOCGSOFTCAR: case TIOCSSOFTCAR: return soft_carrier(t, cmd, p);
	default: return ioctl_termios(t, cmd, p);
	}
}
