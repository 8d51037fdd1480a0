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
 * The screen is the first virtual terminal's (vt.h); the keyboard goes to the one that is shown, and there, if that is the
 * first, to the console while it is open.
 * Every byte of console output passes the screen once: `shown` runs ahead of the ring's tail. Without a serial line the
 * ring empties at once.
 */
#include "drivers/char/char.h"
#include "drivers/char/vga.h"
#include "drivers/char/vt.h"
#include "kernel/lib/param.h"
#include "kernel/lib/string.h"

static u32 wanted;
PARAM_CHOICE("console", wanted, "where the console is shown", "both", "serial", "vga", "ttyS0", "tty0");
struct tty console_tty;
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

		/* a serial terminal answers questions itself */
		vt_console_write(on_serial() ? NULL : t, (char *)t->out.buf + *from % TTY_RING, n);
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

/* --- the keyboard ----------------------------------------------------------------------------------------------------- */

/* The first virtual terminal's screen is the console's, if it is shown there at all; so are its keys. */
static struct tty *keyboard_target(void)
{
	struct vt *v = vt_shown;

	if (v->nr == 1 && on_vga() && console_tty.in.buf)
		return &console_tty;
	return v->tty.in.buf ? &v->tty : NULL;
}

/* What one key gives. Ctrl-O and a letter is sysrq here as on the serial line. */
void console_input(u8 *keys, unsigned n)
{
	static struct sysrq_watch watch;
	static u8 flags[8];
	struct tty *t = keyboard_target();

	for (unsigned len; n; keys += len, n -= len) {
		unsigned kept;

		len = min_t(unsigned, n, sizeof(flags));
		memset(flags, 0, sizeof(flags));
		kept = sysrq_filter(&watch, keys, flags, len);
		if (t && kept)
			tty_receive(t, keys, NULL, kept);
	}
}

void console_init(void)
{
	vt_init();
	tty_setup(&console_tty, &console_driver, "console", 0, 5 << 8 | 1);
	if (on_vga())
		console_tty.winsize = (struct winsize){ .ws_row = VGA_ROWS, .ws_col = VGA_COLS };
}
