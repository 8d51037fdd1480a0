/* SPDX-License-Identifier: MIT
 *
 * The line discipline, inward: from the wire to the reader. POSIX.1-2008 chapter 11 and termios(3).
 *
 * The input ring holds, from tail to head:
 *
 *   tail ....... whole lines ....... line_start ....... being edited ....... head
 *
 * In canonical mode a reader gets whole lines only; a line ends at a byte whose bit in `marks` is set. An end-of-file
 * character is kept as a marked NUL, which readers swallow. In raw mode everything up to head may be read and the
 * marks are all clear.
 *
 * tty_receive runs in interrupt context: signals are only noted (tty_signal) and sent by a thread.
 * What it cannot do: IUCLC, XCASE, other disciplines than N_TTY, packet mode.
 */
#include "drivers/char/tty.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include <asm/signal.h>

#define L(t, f) ((t)->termios.c_lflag & (f))
#define I(t, f) ((t)->termios.c_iflag & (f))
#define CC(t, i) ((t)->termios.c_cc[i])

static bool is_cc(const struct tty *t, int i, u8 c) { return CC(t, i) == c && c != 0; }
static u8 *slot(struct tty *t, u32 i) { return &t->in.buf[i % TTY_RING]; }
static bool marked(const struct tty *t, u32 i) { return t->marks[i % TTY_RING / 32] >> (i % 32) & 1; }
static void set_mark(struct tty *t, u32 i) { t->marks[i % TTY_RING / 32] |= 1u << (i % 32); }
static void clear_mark(struct tty *t, u32 i) { t->marks[i % TTY_RING / 32] &= ~(1u << (i % 32)); }

void n_tty_reset(struct tty *t)
{
	t->in.head = t->in.tail = t->line_start = 0;
	memset(t->marks, 0, TTY_RING / 8);
	t->literal = false;
}

/* Canonical mode was switched on or off. What was typed before stays readable. */
void n_tty_mode_changed(struct tty *t, const struct ktermios *old)
{
	if (!((old->c_lflag ^ t->termios.c_lflag) & ICANON) || !t->in.buf)
		return;
	memset(t->marks, 0, TTY_RING / 8);
	t->line_start = t->in.tail;
	if (L(t, ICANON) && ring_used(&t->in)) {
		set_mark(t, t->in.head - 1);
		t->line_start = t->in.head;
	}
	t->literal = false;
}

/* A full line that has not ended yet must not stop the driver: the newline, or ^C, has to get through. */
unsigned tty_room(const struct tty *t)
{
	u32 left = TTY_RING - ring_used(&t->in);

	if (!t->in.buf)
		return 0;
	if (I(t, PARMRK))
		left /= 3;
	if (!L(t, ICANON))
		return left;
	if (t->line_start == t->in.tail)
		return left > 1 ? left - 1 : 1;
	return left > 1 ? left - 1 : 0;
}

static void put(struct tty *t, u8 c)
{
	if (ring_used(&t->in) >= TTY_RING)
		return;
	clear_mark(t, t->in.head);
	*slot(t, t->in.head++) = c;
}

/* Another byte of the line being edited; the last slot is kept for the newline. */
static void put_char(struct tty *t, u8 c)
{
	if (L(t, ICANON) && ring_used(&t->in) >= TTY_RING - 1) {
		if (I(t, IMAXBEL))
			out_raw(t, '\a');
		return;
	}
	if (L(t, ECHO)) {
		if (t->line_start == t->in.head)
			t->edit_column = t->column;
		echo_char(t, c);
	}
	if (c == 0xff && I(t, PARMRK))
		put(t, c);
	put(t, c);
}

static void end_line(struct tty *t, u8 c)
{
	put(t, c);
	set_mark(t, t->in.head - 1);
	t->line_start = t->in.head;
	wake_up_all(&t->read_wait);
}

void tty_set_stopped(struct tty *t, bool stop)
{
	t->stopped = stop;
	if (stop)
		return;
	wake_up_all(&t->write_wait);
	t->driver->start(t);
}

static void signal_key(struct tty *t, int sig, u8 c)
{
	if (!L(t, NOFLSH)) {
		n_tty_reset(t);
		t->out.tail = t->out.head;
		wake_up_all(&t->write_wait);
	}
	if (t->stopped)
		tty_set_stopped(t, false);
	if (c && L(t, ECHO))
		echo_char(t, c);
	tty_signal(t, sig);
}

/* => true if c was a control key that is not data */
static bool flow_or_signal(struct tty *t, u8 c)
{
	if (I(t, IXON) && (is_cc(t, VSTART, c) || is_cc(t, VSTOP, c))) {
		/* one key for both toggles */
		tty_set_stopped(t, is_cc(t, VSTOP, c) && !(t->stopped && is_cc(t, VSTART, c)));
		return true;
	}
	if (L(t, ISIG)) {
		int sig = is_cc(t, VINTR, c) ? SIGINT : is_cc(t, VQUIT, c) ? SIGQUIT : is_cc(t, VSUSP, c) ? SIGTSTP : 0;

		if (sig) {
			signal_key(t, sig, c);
			return true;
		}
	}
	return false;
}

static void erase_one(struct tty *t)
{
	t->in.head--;
	if (L(t, ECHO))
		echo_erase(t, t->in.head);
}

static void erase_word(struct tty *t)
{
	while (t->in.head != t->line_start && !isalnum(*slot(t, t->in.head - 1)) && *slot(t, t->in.head - 1) != '_')
		erase_one(t);
	while (t->in.head != t->line_start && (isalnum(*slot(t, t->in.head - 1)) || *slot(t, t->in.head - 1) == '_'))
		erase_one(t);
}

static void kill_line(struct tty *t, u8 c)
{
	if (L(t, ECHO) && !(L(t, ECHOK) && L(t, ECHOKE) && L(t, ECHOE))) {
		t->in.head = t->line_start;
		echo_char(t, c);
		if (L(t, ECHOK))
			out_cooked(t, '\n');
		return;
	}
	while (t->in.head != t->line_start)
		erase_one(t);
}

static void reprint(struct tty *t, u8 c)
{
	echo_char(t, c);
	out_cooked(t, '\n');
	for (u32 i = t->line_start; i != t->in.head; i++)
		echo_char(t, *slot(t, i));
}

/* => true if c was an editing key of canonical mode */
static bool edit_key(struct tty *t, u8 c)
{
	bool ext = L(t, IEXTEN);

	if (is_cc(t, VERASE, c)) {
		if (t->in.head != t->line_start)
			erase_one(t);
	} else if (is_cc(t, VKILL, c)) {
		kill_line(t, c);
	} else if (ext && is_cc(t, VWERASE, c)) {
		erase_word(t);
	} else if (ext && is_cc(t, VREPRINT, c) && L(t, ECHO)) {
		reprint(t, c);
	} else if (ext && is_cc(t, VLNEXT, c)) {
		t->literal = true;
		if (L(t, ECHO) && L(t, ECHOCTL)) {
			out_raw(t, '^');
			out_raw(t, '\b');
		}
	} else {
		return false;
	}
	return true;
}

/* => true if c ended a line */
static bool line_end(struct tty *t, u8 c)
{
	if (c == '\n') {
		if (L(t, ECHO | ECHONL))
			out_cooked(t, '\n');
	} else if (is_cc(t, VEOF, c)) {
		c = '\0';
	} else if (is_cc(t, VEOL, c) || (L(t, IEXTEN) && is_cc(t, VEOL2, c))) {
		if (L(t, ECHO))
			echo_char(t, c);
	} else {
		return false;
	}
	end_line(t, c);
	return true;
}

static void receive_one(struct tty *t, u8 c)
{
	if (I(t, ISTRIP))
		c &= 0x7f;
	if (t->literal) {
		t->literal = false;
		put_char(t, c);
		return;
	}
	if (flow_or_signal(t, c))
		return;
	if (t->stopped && I(t, IXON) && I(t, IXANY))
		tty_set_stopped(t, false);
	if (c == '\r') {
		if (I(t, IGNCR))
			return;
		if (I(t, ICRNL))
			c = '\n';
	} else if (c == '\n' && I(t, INLCR)) {
		c = '\r';
	}
	if (L(t, ICANON) && (edit_key(t, c) || line_end(t, c)))
		return;
	put_char(t, c);
}

static void receive_mark(struct tty *t, u8 c)
{
	put(t, 0xff);
	put(t, 0);
	put(t, c);
}

/* A byte that arrived damaged, or a break. */
static void receive_flagged(struct tty *t, u8 c, u8 flag)
{
	if (flag == TTY_BREAK) {
		if (I(t, IGNBRK))
			return;
		if (I(t, BRKINT))
			signal_key(t, SIGINT, 0);
		else if (I(t, PARMRK))
			receive_mark(t, 0);
		else
			receive_one(t, 0);
	} else if (flag == TTY_OVERRUN || !I(t, INPCK)) {
		receive_one(t, c);
	} else if (!I(t, IGNPAR)) {
		if (I(t, PARMRK))
			receive_mark(t, c);
		else
			receive_one(t, 0);
	}
}

/* Nothing to interpret: bytes go straight into the ring. */
static bool is_raw(const struct tty *t)
{
	return !L(t, ICANON | ISIG | ECHO) && !I(t, IXON | ISTRIP | INLCR | IGNCR | ICRNL | PARMRK) && !t->literal;
}

static unsigned receive_raw(struct tty *t, const u8 *buf, unsigned n)
{
	unsigned first;

	n = min(n, TTY_RING - ring_used(&t->in));
	first = min(n, TTY_RING - t->in.head % TTY_RING);
	memcpy(slot(t, t->in.head), buf, first);
	memcpy(t->in.buf, buf + first, n - first);
	t->in.head += n;
	return n;
}

unsigned tty_receive(struct tty *t, const u8 *buf, const u8 *flags, unsigned n)
{
	unsigned long irq;
	unsigned done = 0;

	spin_lock_irqsave(&t->lock, irq);
	if (!t->in.buf)
		goto out;
	if (!flags && is_raw(t))
		done = receive_raw(t, buf, n);
	else
		for (; done < n && tty_room(t); done++) {
			if (flags && flags[done] != TTY_NORMAL)
				receive_flagged(t, buf[done], flags[done]);
			else
				receive_one(t, buf[done]);
		}
	if (ring_used(&t->out))
		t->driver->start(t);
	if (!L(t, ICANON) && ring_used(&t->in))
		wake_up_all(&t->read_wait);
out:
	spin_unlock_irqrestore(&t->lock, irq);
	return done;
}

/* --- the reader's side ------------------------------------------------------------------------------------------ */

static u32 available(const struct tty *t)
{
	return (L(t, ICANON) ? t->line_start : t->in.head) - t->in.tail;
}

bool tty_readable(struct tty *t)
{
	unsigned long irq;
	u32 need;
	bool yes;

	spin_lock_irqsave(&t->lock, irq);
	need = L(t, ICANON) || CC(t, VTIME) || !CC(t, VMIN) ? 1 : CC(t, VMIN);
	yes = t->in.buf && available(t) >= need;
	spin_unlock_irqrestore(&t->lock, irq);
	return yes;
}

static size_t take_line(struct tty *t, u8 *buf, size_t n)
{
	size_t done = 0;

	while (done < n && t->in.tail != t->line_start) {
		bool end = marked(t, t->in.tail);
		u8 c = *slot(t, t->in.tail++);

		if (end && c == '\0')
			return done;
		buf[done++] = c;
		if (end)
			return done;
	}
	/* An end of file right behind a full buffer belongs to this read, or the next would see a false one. */
	if (t->in.tail != t->line_start && marked(t, t->in.tail) && *slot(t, t->in.tail) == '\0')
		t->in.tail++;
	return done;
}

static size_t take_raw(struct tty *t, u8 *buf, size_t n)
{
	u32 first;

	n = min_t(size_t, n, available(t));
	first = min_t(u32, n, TTY_RING - t->in.tail % TTY_RING);
	memcpy(buf, slot(t, t->in.tail), first);
	memcpy(buf + first, t->in.buf, n - first);
	t->in.tail += n;
	return n;
}

static size_t take(struct tty *t, u8 *buf, size_t n)
{
	size_t done = L(t, ICANON) ? take_line(t, buf, n) : take_raw(t, buf, n);

	if (t->throttled && TTY_RING - ring_used(&t->in) >= TTY_RING / 4) {
		t->throttled = false;
		t->driver->unthrottle(t);
	}
	return done;
}

/* How a read waits: for `need` bytes; for at most `ns` at first, or between bytes. */
struct read_wait { u32 need; u64 first_ns, next_ns; };

static void read_plan(const struct tty *t, size_t n, struct read_wait *w)
{
	u64 ns = CC(t, VTIME) * 100000000ULL;

	*w = (struct read_wait){ .need = 1, .first_ns = MAX_TIMEOUT, .next_ns = MAX_TIMEOUT };
	if (L(t, ICANON))
		return;
	if (CC(t, VMIN)) {
		w->need = min_t(u32, n, CC(t, VMIN));
		if (ns)
			w->next_ns = ns;
	} else {
		w->first_ns = ns;
	}
}

static bool dead(const struct tty *t, u32 generation) { return t->hangups != generation || t->peer_closed; }

/* => 0: take what there is; 1: sleep at most *ns; or -errno. L held */
static int read_state(struct tty *t, size_t n, bool nonblock, u32 generation, u64 *ns)
{
	struct read_wait w;
	u32 got = available(t);

	read_plan(t, n, &w);
	if (got >= w.need || dead(t, generation))
		return 0;
	*ns = got ? w.next_ns : w.first_ns;
	if (!*ns)
		return 0;
	if (nonblock)
		return got ? 0 : -EAGAIN;
	if (signal_pending())
		return got ? 0 : -ERESTARTSYS;
	return 1;
}

ssize_t tty_read(struct tty *t, u8 *buf, size_t n, bool nonblock, u32 generation)
{
	DEFINE_WAIT(wait);
	unsigned long irq;
	ssize_t r;
	u64 ns = 0;
	u32 seen = 0;

	if (!n)
		return 0;
	for (;;) {
		prepare_to_wait(&t->read_wait, &wait, TASK_INTERRUPTIBLE);
		spin_lock_irqsave(&t->lock, irq);
		r = read_state(t, n, nonblock, generation, &ns);
		if (r <= 0)
			break;
		seen = available(t);
		spin_unlock_irqrestore(&t->lock, irq);
		/* time ran out and nothing came meanwhile: the read ends with what there is */
		if (!schedule_timeout(ns) && ns != MAX_TIMEOUT) {
			spin_lock_irqsave(&t->lock, irq);
			if (available(t) == seen) {
				r = 0;
				break;
			}
			spin_unlock_irqrestore(&t->lock, irq);
		}
	}
	if (!r)
		r = t->in.buf && !dead(t, generation) ? take(t, buf, n) : 0; /* a dead file's: what comes now is for others */
	spin_unlock_irqrestore(&t->lock, irq);
	finish_wait(&t->read_wait, &wait);
	return r;
}
