/* SPDX-License-Identifier: MIT
 *
 * The console: one terminal, /dev/console, shown on the serial line and on the screen at once, fed by both the serial
 * line and the keyboard. console=serial or console=vga keeps one of the two.
 *
 *   keyboard --+                      +--> screen (at once)
 *              +--> console_tty ------+
 *   COM1 ------+    (if ttyS0 is not  +--> COM1 (16 bytes an interrupt)
 *                    open itself)
 *
 * The screen by itself is /dev/tty1; the keyboard goes to it while it is open and the console is not shown there.
 * Every byte of console output passes the screen once: `shown` runs ahead of the ring's tail. Without a serial line the
 * ring empties at once.
 */
#include "drivers/char/char.h"
#include "drivers/char/tty.h"
#include "kernel/lib/param.h"
#include "kernel/lib/string.h"

static u32 wanted;
PARAM_CHOICE("console", wanted, "where the console is shown", "both", "serial", "vga", "ttyS0", "tty0");
struct tty console_tty, vt_tty;
static u32 shown;  /* console_tty.lock: index in its output ring up to which the screen has it */

bool console_wants_serial(void) { return wanted == 0 || wanted == 1 || wanted == 3; }
bool console_wants_vga(void) { return wanted == 0 || wanted == 2 || wanted == 4; }
static bool on_serial(void) { return console_wants_serial() && serial_console_present(); }
static bool on_vga(void) { return console_wants_vga() && vga_present(); }

/* Show what is new in the ring of t. L held */
static void show(struct tty *t, u32 *from)
{
	if ((s32)(*from - t->out.tail) < 0 || (s32)(t->out.head - *from) < 0)
		*from = t->out.tail;
	while (*from != t->out.head) {
		u32 n = min(t->out.head - *from, TTY_RING - *from % TTY_RING);

		vga_write((char *)t->out.buf + *from % TTY_RING, n);
		*from += n;
	}
}

static void discard(struct tty *t)
{
	u8 buf[64];

	while (tty_take_output(t, buf, sizeof(buf)))
		;
}

static void console_start(struct tty *t)
{
	if (t->stopped)
		return;
	if (on_vga())
		show(t, &shown);
	if (on_serial())
		serial_console_start(t);
	else
		discard(t);
}

static void console_unthrottle(struct tty *t)
{
	if (serial_console_present())
		serial_console_unthrottle();
}

static bool console_idle(struct tty *t) { return !on_serial() || serial_console_idle(); }
static void console_opened(struct tty *t) { shown = 0; }

static const struct tty_driver console_driver = {
	.name = "console", .start = console_start, .unthrottle = console_unthrottle, .idle = console_idle, .opened = console_opened,
};

/* --- the screen as a terminal of its own: tty1 -------------------------------------------------------------------- */

static void vt_start(struct tty *t)
{
	u32 from = t->out.tail;

	if (t->stopped)
		return;
	show(t, &from);
	discard(t);
}
static void vt_unthrottle(struct tty *t) { }

static const struct tty_driver vt_driver = { .name = "tty", .start = vt_start, .unthrottle = vt_unthrottle };

static struct tty *keyboard_target(void)
{
	if (vt_tty.in.buf && !(on_vga() && console_tty.in.buf))
		return &vt_tty;
	return console_tty.in.buf ? &console_tty : NULL;
}

/* At most a key's sequence at a time. Ctrl-O and a letter is sysrq here as on the serial line. */
void console_input(const u8 *keys, unsigned n)
{
	static struct sysrq_watch watch;
	struct tty *t = keyboard_target();
	u8 buf[16], flags[16] = { 0 };

	n = min_t(unsigned, n, sizeof(buf));
	memcpy(buf, keys, n);
	n = sysrq_filter(&watch, buf, flags, n);
	if (t && n)
		tty_receive(t, buf, NULL, n);
}

/* The screen's answers to questions (where is the cursor, what are you): as if typed. Called with the terminal's lock
 * held, by the write that asked; so the bytes go straight into the ring. A serial terminal answers for itself. */
static void answer(const char *text, unsigned n)
{
	struct tty *t = keyboard_target();

	if (!t || (t == &console_tty && on_serial()) || !spin_is_locked(&t->lock))
		return;
	for (; n && TTY_RING - ring_used(&t->in) > 1; n--)
		t->in.buf[t->in.head++ % TTY_RING] = *text++;
	wake_up_all(&t->read_wait);
}

void console_init(void)
{
	unsigned rows = 25, cols = 80;

	vga_get_size(&rows, &cols);
	tty_setup(&console_tty, &console_driver, "console", 0, 5 << 8 | 1);
	tty_setup(&vt_tty, &vt_driver, "tty1", 1, 4 << 8 | 1);
	vt_tty.winsize = (struct winsize){ .ws_row = rows, .ws_col = cols };
	if (on_vga())
		console_tty.winsize = vt_tty.winsize;
	vga_set_answer(answer);
}
