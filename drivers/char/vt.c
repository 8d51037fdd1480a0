/* SPDX-License-Identifier: MIT
 *
 * The screen as a VT100/ANSI terminal: what TERM=linux promises as far as vi, top, less and line editors use it.
 * ECMA-48 (control sequences), the VT100 user guide (scroll region, ESC 7/8), console_codes(4).
 *
 * The log and the terminals write through vga_write, in any context; vt_lock (irqs off) makes each call one piece. In a
 * panic the lock may be held for ever, so waiting for it ends after a while.
 * What it cannot do: UTF-8 (bytes above 127 are the card's font, code page 437), double width, tab stops of one's own.
 */
#include "arch/i386/cpu.h"
#include "drivers/char/char.h"
#include "drivers/char/vga.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sync/spinlock.h"

#define MAX_PARAMS 16U

struct attributes { u8 fg, bg; bool bold, dim, underline, blink, reverse, graphics; };
struct cursor { u32 row, col; struct attributes attr; };

static DEFINE_SPINLOCK(vt_lock);
static struct {
	enum { PLAIN, ESCAPE, CSI, CHARSET, STRING, STRING_ESCAPE, SKIP_ONE } state;
	struct cursor now, saved;
	u32 top, bottom;           /* scroll region, inclusive */
	bool wrap, wrap_pending, insert, origin_mode, visible, app_keys, private;
	u32 params[MAX_PARAMS], nr;
	bool present;
} vt;
static void (*answer)(const char *text, unsigned n);

static const struct attributes normal = { .fg = 7 };
/* ANSI numbers colours red = 1, blue = 4; the card the other way round. */
static const u8 card_colour[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };
/* DEC's line-drawing set, 0x60..0x7e, in code page 437 */
static const u8 graphics[31] = { 4, 177, 9, 12, 13, 10, 248, 241, 18, 11, 217, 191, 218, 192, 197, 196, 196, 196, 196, 196,
				 195, 180, 193, 194, 179, 243, 242, 227, 216, 156, 250 };

static u16 cell(u8 c)
{
	const struct attributes *a = &vt.now.attr;
	u8 fg = card_colour[a->fg], bg = card_colour[a->bg];

	if (a->underline)
		fg = 3;
	if (a->dim)
		fg = 8;
	if (a->reverse)
		swap(fg, bg);
	return (u16)((bg & 7) << 12 | (a->blink ? 0x8000 : 0) | (fg | (a->bold ? 8 : 0)) << 8 | c);
}
static u16 blank(void) { return (u16)(card_colour[vt.now.attr.bg] << 12 | card_colour[vt.now.attr.fg] << 8 | ' '); }
static u32 at(u32 row, u32 col) { return row * VGA_COLS + col; }
static u32 here(void) { return at(vt.now.row, vt.now.col); }

/* Rows [top, bottom] up by n; the new ones are blank. */
static void scroll_up(u32 top, u32 bottom, u32 n)
{
	u32 rows = bottom - top + 1;

	n = min(n, rows);
	if (n == 1 && top == 0 && bottom == VGA_ROWS - 1) {
		vga_scroll_line(blank());
		return;
	}
	vga_move(at(top, 0), at(top + n, 0), (rows - n) * VGA_COLS);
	vga_fill(at(bottom + 1 - n, 0), n * VGA_COLS, blank());
}

static void scroll_down(u32 top, u32 bottom, u32 n)
{
	u32 rows = bottom - top + 1;

	n = min(n, rows);
	vga_move(at(top + n, 0), at(top, 0), (rows - n) * VGA_COLS);
	vga_fill(at(top, 0), n * VGA_COLS, blank());
}

static void line_feed(void)
{
	vt.wrap_pending = false;
	if (vt.now.row == vt.bottom)
		scroll_up(vt.top, vt.bottom, 1);
	else if (vt.now.row < VGA_ROWS - 1)
		vt.now.row++;
}

static void reverse_line_feed(void)
{
	vt.wrap_pending = false;
	if (vt.now.row == vt.top)
		scroll_down(vt.top, vt.bottom, 1);
	else if (vt.now.row)
		vt.now.row--;
}

static void go(u32 row, u32 col)
{
	vt.now.row = min(row, VGA_ROWS - 1);
	vt.now.col = min(col, VGA_COLS - 1);
	vt.wrap_pending = false;
}

/* Rows count from the top of the scroll region in origin mode. */
static void go_to(u32 row, u32 col)
{
	if (vt.origin_mode)
		row = min(row + vt.top, vt.bottom);
	go(row, col);
}

static void insert_cells(u32 n)
{
	n = min(n, VGA_COLS - vt.now.col);
	vga_move(here() + n, here(), VGA_COLS - vt.now.col - n);
	vga_fill(here(), n, blank());
}

static void delete_cells(u32 n)
{
	n = min(n, VGA_COLS - vt.now.col);
	vga_move(here(), here() + n, VGA_COLS - vt.now.col - n);
	vga_fill(at(vt.now.row, VGA_COLS - n), n, blank());
}

static void show(u8 c)
{
	if (vt.wrap_pending) {
		vt.now.col = 0;
		line_feed();
	}
	if (vt.insert)
		insert_cells(1);
	if (vt.now.attr.graphics && c >= 0x60 && c < 0x7f)
		c = graphics[c - 0x60];
	vga_put(here(), cell(c));
	if (vt.now.col < VGA_COLS - 1)
		vt.now.col++;
	else
		vt.wrap_pending = vt.wrap;
}

static void reset(void)
{
	vt.state = PLAIN;
	vt.now = vt.saved = (struct cursor){ .attr = normal };
	vt.top = 0;
	vt.bottom = VGA_ROWS - 1;
	vt.wrap = vt.visible = true;
	vt.wrap_pending = vt.insert = vt.origin_mode = vt.app_keys = false;
}

/* --- control sequences --------------------------------------------------------------------------------------------- */

static u32 param(u32 i, u32 missing) { return i < vt.nr && vt.params[i] ? vt.params[i] : missing; }

static void erase_display(u32 what)
{
	if (what == 0)
		vga_fill(here(), VGA_ROWS * VGA_COLS - here(), blank());
	else if (what == 1)
		vga_fill(0, here() + 1, blank());
	else
		vga_fill(0, VGA_ROWS * VGA_COLS, blank());
}

static void erase_line(u32 what)
{
	if (what == 0)
		vga_fill(here(), VGA_COLS - vt.now.col, blank());
	else if (what == 1)
		vga_fill(at(vt.now.row, 0), vt.now.col + 1, blank());
	else
		vga_fill(at(vt.now.row, 0), VGA_COLS, blank());
}

static u8 colour_of_256(u32 c)
{
	if (c < 16)
		return c & 7;
	if (c >= 232)
		return c > 243 ? 7 : 0;
	c -= 16;
	return (c / 36 > 2 ? 1 : 0) | (c / 6 % 6 > 2 ? 2 : 0) | (c % 6 > 2 ? 4 : 0);
}

/* 38;5;N and 38;2;R;G;B. => parameters eaten */
static u32 wide_colour(u32 i, u8 *colour)
{
	if (param(i + 1, 0) == 5) {
		*colour = colour_of_256(param(i + 2, 0));
		return 2;
	}
	*colour = (param(i + 2, 0) > 127 ? 1 : 0) | (param(i + 3, 0) > 127 ? 2 : 0) | (param(i + 4, 0) > 127 ? 4 : 0);
	return 4;
}

static void set_attribute(u32 p)
{
	struct attributes *a = &vt.now.attr;

	switch (p) {
	case 0: *a = (struct attributes){ .fg = 7, .graphics = a->graphics }; break;
	case 1: a->bold = true; break;
	case 2: a->dim = true; break;
	case 4: a->underline = true; break;
	case 5: a->blink = true; break;
	case 7: a->reverse = true; break;
	case 10: a->graphics = false; break;
	case 21: case 22: a->bold = a->dim = false; break;
	case 24: a->underline = false; break;
	case 25: a->blink = false; break;
	case 27: a->reverse = false; break;
	case 30 ... 37: a->fg = (u8)(p - 30); break;
	case 39: a->fg = 7; break;
	case 40 ... 47: a->bg = (u8)(p - 40); break;
	case 49: a->bg = 0; break;
	case 90 ... 97: a->fg = (u8)(p - 90); a->bold = true; break;
	case 100 ... 107: a->bg = (u8)(p - 100); break;
	}
}

static void set_attributes(void)
{
	for (u32 i = 0; i < max(vt.nr, 1U); i++) {
		u32 p = param(i, 0);

		if (p == 38)
			i += wide_colour(i, &vt.now.attr.fg);
		else if (p == 48)
			i += wide_colour(i, &vt.now.attr.bg);
		else
			set_attribute(p);
	}
}

static void set_mode(u32 p, bool on)
{
	if (!vt.private) {
		if (p == 4)
			vt.insert = on;
		return;
	}
	switch (p) {
	case 1: vt.app_keys = on; break;
	case 6: vt.origin_mode = on; go_to(0, 0); break;
	case 7: vt.wrap = on; break;
	case 25: vt.visible = on; break;
	case 1047: case 1049: /* there is one screen: clear it on the way in, as xterm shows it */
		if (on)
			erase_display(2);
		break;
	}
}

static void report(u32 p)
{
	char text[24];
	int n = 0;

	if (p == 5)
		n = scnprintf(text, sizeof(text), "\033[0n");
	else if (p == 6)
		n = scnprintf(text, sizeof(text), "\033[%u;%uR", vt.now.row + 1, vt.now.col + 1);
	if (n && answer)
		answer(text, n);
}

static void move_lines(bool insert)
{
	if (vt.now.row < vt.top || vt.now.row > vt.bottom)
		return;
	if (insert)
		scroll_down(vt.now.row, vt.bottom, param(0, 1));
	else
		scroll_up(vt.now.row, vt.bottom, param(0, 1));
	go(vt.now.row, 0);
}

static void set_region(void)
{
	u32 top = param(0, 1) - 1, bottom = param(1, VGA_ROWS) - 1;

	if (top >= bottom || bottom >= VGA_ROWS)
		return;
	vt.top = top;
	vt.bottom = bottom;
	go_to(0, 0);
}

static void cursor_up(u32 n)
{
	u32 limit = vt.now.row >= vt.top ? vt.top : 0;

	go(vt.now.row - min(n, vt.now.row - limit), vt.now.col);
}
static void cursor_down(u32 n)
{
	go(min(vt.now.row + n, vt.now.row <= vt.bottom ? vt.bottom : VGA_ROWS - 1), vt.now.col);
}

static void restore_cursor(void)
{
	vt.now = vt.saved;
	vt.wrap_pending = false;
}

static void control_sequence(u8 c)
{
	u32 n = min(param(0, 1), 1000U);

	switch (c) {
	case 'A': cursor_up(n); break;
	case 'B': case 'e': cursor_down(n); break;
	case 'C': case 'a': go(vt.now.row, vt.now.col + n); break;
	case 'D': go(vt.now.row, vt.now.col - min(n, vt.now.col)); break;
	case 'E': cursor_down(n); vt.now.col = 0; break;
	case 'F': cursor_up(n); vt.now.col = 0; break;
	case 'G': case '`': go(vt.now.row, n - 1); break;
	case 'H': case 'f': go_to(n - 1, param(1, 1) - 1); break;
	case 'd': go_to(n - 1, vt.now.col); break;
	case 'J': erase_display(param(0, 0)); break;
	case 'K': erase_line(param(0, 0)); break;
	case 'L': move_lines(true); break;
	case 'M': move_lines(false); break;
	case 'P': delete_cells(n); break;
	case '@': insert_cells(n); break;
	case 'X': vga_fill(here(), min(n, VGA_COLS - vt.now.col), blank()); break;
	case 'S': scroll_up(vt.top, vt.bottom, n); break;
	case 'T': scroll_down(vt.top, vt.bottom, n); break;
	case 'm': set_attributes(); break;
	case 'r': set_region(); break;
	case 's': vt.saved = vt.now; break;
	case 'u': restore_cursor(); break;
	case 'n': report(param(0, 0)); break;
	case 'c': if (answer) answer("\033[?6c", 5); break;
	case 'h': case 'l':
		for (u32 i = 0; i < vt.nr; i++)
			set_mode(vt.params[i], c == 'h');
		break;
	}
}

static void csi_byte(u8 c)
{
	if (isdigit(c)) {
		vt.nr = max(vt.nr, 1U);
		vt.params[vt.nr - 1] = min(vt.params[vt.nr - 1] * 10 + (c - '0'), 9999U);
	} else if (c == ';' || c == ':') {
		vt.nr = max(vt.nr, 1U);
		if (vt.nr < MAX_PARAMS)
			vt.params[vt.nr++] = 0;
	} else if (c == '?' || c == '>' || c == '=') {
		vt.private = true;
	} else if (c >= 0x40 && c <= 0x7e) {
		vt.state = PLAIN;
		control_sequence(c);
	}
}

static void escape_byte(u8 c)
{
	vt.state = PLAIN;
	switch (c) {
	case '[':
		vt.state = CSI;
		vt.nr = 0;
		vt.private = false;
		memset(vt.params, 0, sizeof(vt.params));
		break;
	case ']': case 'P': case '^': case '_': vt.state = STRING; break;
	case '(': vt.state = CHARSET; break;
	case ')': case '#': case '%': case ' ': vt.state = SKIP_ONE; break;
	case '7': vt.saved = vt.now; break;
	case '8': restore_cursor(); break;
	case 'D': line_feed(); break;
	case 'E': vt.now.col = 0; line_feed(); break;
	case 'M': reverse_line_feed(); break;
	case 'Z': if (answer) answer("\033[?6c", 5); break;
	case 'c': reset(); erase_display(2); break;
	}
}

/* => true if c was a control character; those work in the middle of a sequence as well */
static bool control_character(u8 c)
{
	switch (c) {
	case '\b': vt.now.col -= !!vt.now.col; vt.wrap_pending = false; return true;
	case '\t': go(vt.now.row, (vt.now.col | 7) + 1); return true;
	case '\n': case '\v': case '\f': line_feed(); return true;
	case '\r': go(vt.now.row, 0); return true;
	case 14: vt.now.attr.graphics = true; return true;
	case 15: vt.now.attr.graphics = false; return true;
	case 24: case 26: vt.state = PLAIN; return true;
	case 27: vt.state = ESCAPE; return true;
	}
	return c < ' ' || c == 127;
}

static void put(u8 c)
{
	switch (vt.state) {
	case STRING: /* a title or the like: ends with BEL or ESC \ */
		vt.state = c == 7 ? PLAIN : c == 27 ? STRING_ESCAPE : STRING;
		return;
	case STRING_ESCAPE:
		vt.state = c == '\\' ? PLAIN : STRING;
		return;
	default:
		break;
	}
	if (control_character(c))
		return;
	switch (vt.state) {
	case ESCAPE: escape_byte(c); break;
	case CSI: csi_byte(c); break;
	case CHARSET: vt.now.attr.graphics = c == '0'; vt.state = PLAIN; break;
	case SKIP_ONE: vt.state = PLAIN; break;
	default: show(c);
	}
}

/* --- from outside ------------------------------------------------------------------------------------------------------ */

static bool lock_screen(unsigned long *irq)
{
	local_irq_save(*irq);
	for (unsigned i = 0; i < 10000000; i++) {
		if (spin_trylock(&vt_lock))
			return true;
		cpu_relax();
	}
	return false;
}

static void unlock_screen(bool locked, unsigned long irq)
{
	if (locked)
		spin_unlock(&vt_lock);
	local_irq_restore(irq);
}

void vga_write(const char *text, unsigned n)
{
	unsigned long irq;
	bool locked;

	if (!vt.present)
		return;
	locked = lock_screen(&irq);
	while (n--)
		put((u8)*text++);
	vga_cursor(here(), vt.visible);
	unlock_screen(locked, irq);
}

static void log_write(const char *text, unsigned n)
{
	for (unsigned len; n; text += len, n -= len) {
		for (len = 0; len < n && text[len] != '\n'; len++)
			;
		vga_write(text, len);
		if (len < n) {
			vga_write("\r\n", 2);
			len++;
		}
	}
}

void vga_scrollback(int lines)
{
	unsigned long irq;
	bool locked = lock_screen(&irq);

	vga_look_back(lines);
	unlock_screen(locked, irq);
}

void vga_get_size(unsigned *rows, unsigned *cols)
{
	*rows = VGA_ROWS;
	*cols = VGA_COLS;
}

void vga_set_answer(void (*fn)(const char *text, unsigned n)) { answer = fn; }
bool vga_present(void) { return vt.present; }
bool vga_app_cursor_keys(void) { return vt.app_keys; }

static struct console vga_console = { .name = "tty0", .write = log_write, .flags = CON_ENABLED | CON_PRINTBUFFER };

void vga_early_init(void)
{
	if (!vga_probe())
		return;
	reset();
	vga_reset(blank());
	vt.present = true;
	register_console(&vga_console);
}
