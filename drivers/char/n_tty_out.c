/* SPDX-License-Identifier: MIT
 *
 * The line discipline, outward: from the writer to the wire (OPOST), and the echo of what is typed.
 *
 * Bytes go into t->out under t->lock; the driver takes them from there. Writers leave TTY_ECHO_ROOM bytes free, so that
 * echo gets through while a program floods the line. t->column follows the cursor, for tabs and for erasing.
 */
#include "drivers/char/tty.h"
#include "kernel/lib/ctype.h"
#include "kernel/sched/sched.h"
#include "kernel/lib/string.h"

#define L(t, f) ((t)->termios.c_lflag & (f))
#define O(t, f) ((t)->termios.c_oflag & (f))

void out_raw(struct tty *t, u8 c)
{
	if (out_room(t))
		t->out.buf[t->out.head++ % TTY_RING] = c;
}

static bool out_newline(struct tty *t)
{
	if (out_room(t) < 2)
		return false;
	if (O(t, ONLCR))
		out_raw(t, '\r');
	if (O(t, ONLCR | ONLRET))
		t->column = t->edit_column = 0;
	out_raw(t, '\n');
	return true;
}

static bool out_return(struct tty *t)
{
	if (O(t, ONOCR) && !t->column)
		return true;
	if (O(t, OCRNL)) {
		if (O(t, ONLRET))
			t->column = t->edit_column = 0;
		out_raw(t, '\n');
		return true;
	}
	t->column = t->edit_column = 0;
	out_raw(t, '\r');
	return true;
}

static bool out_tab(struct tty *t)
{
	unsigned n = 8 - t->column % 8;

	if (out_room(t) < n)
		return false;
	t->column += n;
	if (O(t, TABDLY) != XTABS)
		out_raw(t, '\t');
	else
		while (n--)
			out_raw(t, ' ');
	return true;
}

bool out_cooked(struct tty *t, u8 c)
{
	if (!out_room(t))
		return false;
	if (O(t, OPOST)) {
		if (c == '\n')
			return out_newline(t);
		if (c == '\r')
			return out_return(t);
		if (c == '\t')
			return out_tab(t);
		if (c == '\b')
			t->column -= !!t->column;
		else if (!iscntrl(c))
			t->column++;
		if (O(t, OLCUC))
			c = toupper(c);
	}
	out_raw(t, c);
	return true;
}

static bool shown_as_caret(const struct tty *t, u8 c)
{
	return L(t, ECHOCTL) && (c < ' ' || c == 0x7f) && c != '\t';
}

void echo_char(struct tty *t, u8 c)
{
	if (shown_as_caret(t, c) && c != '\n') {
		out_raw(t, '^');
		out_raw(t, c ^ 0x40);
		t->column += 2;
	} else {
		out_cooked(t, c);
	}
}

/* Columns that the line being edited takes up to, not including, in.buf[end]. */
static u32 edited_width(struct tty *t, u32 end)
{
	u32 col = t->edit_column;

	for (u32 i = t->line_start; i != end; i++) {
		u8 c = t->in.buf[i % TTY_RING];

		if (c == '\t')
			col = (col | 7) + 1;
		else if (shown_as_caret(t, c))
			col += 2;
		else if (!iscntrl(c))
			col++;
	}
	return col;
}

void echo_erase(struct tty *t, u32 from)
{
	u8 c = t->in.buf[from % TTY_RING];
	u32 n = shown_as_caret(t, c) ? 2 : iscntrl(c) && c != '\t' ? 0 : 1;

	if (!L(t, ECHOE)) {
		echo_char(t, t->termios.c_cc[VERASE]);
		return;
	}
	if (c == '\t')
		n = t->column - min(t->column, edited_width(t, from));
	for (u32 i = 0; i < n; i++) {
		out_raw(t, '\b');
		if (c != '\t') {
			out_raw(t, ' ');
			out_raw(t, '\b');
		}
	}
	t->column -= min(t->column, n);
}

/* --- the writer's side --------------------------------------------------------------------------------------------- */

unsigned tty_take_output(struct tty *t, u8 *buf, unsigned n)
{
	u32 used = ring_used(&t->out);
	unsigned first;

	if (t->stopped || !used)
		return 0;
	n = min(n, used);
	first = min(n, TTY_RING - t->out.tail % TTY_RING);
	memcpy(buf, t->out.buf + t->out.tail % TTY_RING, first);
	memcpy(buf + first, t->out.buf, n - first);
	t->out.tail += n;
	if (used > TTY_RING / 4 ? used - n <= TTY_RING / 4 : used == n)
		wake_up_all(&t->write_wait);
	return n;
}

static u32 writer_room(const struct tty *t)
{
	u32 room = out_room(t);

	return t->out.buf && room > TTY_ECHO_ROOM ? room - TTY_ECHO_ROOM : 0;
}

bool tty_writable(struct tty *t)
{
	unsigned long irq;
	bool yes;

	spin_lock_irqsave(&t->lock, irq);
	yes = !t->stopped && writer_room(t) >= TTY_ECHO_ROOM;
	spin_unlock_irqrestore(&t->lock, irq);
	return yes;
}

static size_t copy_raw(struct tty *t, const u8 *buf, size_t n)
{
	u32 first;

	n = min_t(size_t, n, writer_room(t));
	first = min_t(u32, n, TTY_RING - t->out.head % TTY_RING);
	memcpy(t->out.buf + t->out.head % TTY_RING, buf, first);
	memcpy(t->out.buf, buf + first, n - first);
	t->out.head += n;
	return n;
}

/* As many bytes as fit. L held */
static size_t write_some(struct tty *t, const u8 *buf, size_t n)
{
	size_t done = 0;

	if (!O(t, OPOST))
		done = copy_raw(t, buf, n);
	else
		while (done < n && writer_room(t) >= 8 && out_cooked(t, buf[done]))
			done++;
	if (done && !t->stopped)
		t->driver->start(t);
	return done;
}

/* Sleep until there is room, or nobody writes. L held; let go of meanwhile. => 0 or -errno */
static int wait_to_write(struct tty *t, bool nonblock, u32 generation, bool first, unsigned long *irq)
{
	DEFINE_WAIT(wait);
	int r = 0;

	for (;;) {
		prepare_to_wait(&t->write_wait, &wait, TASK_INTERRUPTIBLE);
		if (t->hangups != generation || t->peer_closed)
			r = -EIO;
		else if (!(first && t->writing) && writer_room(t) >= 8)
			r = 0;
		else if (nonblock)
			r = -EAGAIN;
		else if (signal_pending())
			r = -ERESTARTSYS;
		else
			r = 1;
		if (r <= 0)
			break;
		spin_unlock_irqrestore(&t->lock, *irq);
		schedule();
		spin_lock_irqsave(&t->lock, *irq);
	}
	finish_wait(&t->write_wait, &wait);
	return r;
}

/* One writer at a time, so that long writes do not mix. */
ssize_t tty_write(struct tty *t, const u8 *buf, size_t n, bool nonblock, u32 generation)
{
	unsigned long irq;
	size_t done = 0;
	int r;

	spin_lock_irqsave(&t->lock, irq);
	r = wait_to_write(t, nonblock, generation, true, &irq);
	if (r) {
		spin_unlock_irqrestore(&t->lock, irq);
		return r;
	}
	t->writing = true;
	while (done < n) {
		done += write_some(t, buf + done, n - done);
		if (done == n)
			break;
		r = wait_to_write(t, nonblock, generation, false, &irq);
		if (r)
			break;
	}
	t->writing = false;
	wake_up_all(&t->write_wait);
	spin_unlock_irqrestore(&t->lock, irq);
	return done ? (ssize_t)done : r;
}
