/* SPDX-License-Identifier: MIT
 *
 * A screen as a VT100/ANSI terminal: what TERM=linux promises as far as vi, top, less and line editors use it.
 * ECMA-48 (control sequences), the VT100 user guide (scroll region, ESC 7/8), console_codes(4).
 *
 * Each virtual terminal has a state of its own (struct vt); which of them the card shows is vc.c's business. Everything here
 * runs under vt_lock.
 * What it cannot do: UTF-8 (bytes above 127 are the card's font, code page 437), double width, tab stops of one's own.
 */
#include "drivers/char/vga.h"
#include "drivers/char/vt.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"

static const struct attributes normal = { .fg = 7 };
/* ANSI numbers colours red = 1, blue = 4; the card the other way round. */
static const u8 card_colour[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };
/* DEC's line-drawing set, 0x60..0x7e, in code page 437 */
static const u8 graphics[31] = { 4, 177, 9, 12, 13, 10, 248, 241, 18, 11, 217, 191, 218, 192, 197, 196, 196, 196, 196, 196,
				 195, 180, 193, 194, 179, 243, 242, 227, 216, 156, 250 };

static u16 cell(struct vt *v, u8 c)
{
	const struct attributes *a = &v->now.attr;
	u8 fg = card_colour[a->fg], bg = card_colour[a->bg];

	if (a->underline)
		fg = 3;
	if (a->dim)
		fg = 8;
	if (a->reverse)
		swap(fg, bg);
	return (u16)((bg & 7) << 12 | (a->blink ? 0x8000 : 0) | (fg | (a->bold ? 8 : 0)) << 8 | c);
}
static u16 blank(struct vt *v) { return (u16)(card_colour[v->now.attr.bg] << 12 | card_colour[v->now.attr.fg] << 8 | ' '); }
static u32 at(u32 row, u32 col) { return row * VGA_COLS + col; }
static u32 here(struct vt *v) { return at(v->now.row, v->now.col); }

/* Rows [top, bottom] up by n; the new ones are blank. */
static void scroll_up(struct vt *v, u32 top, u32 bottom, u32 n)
{
	u32 rows = bottom - top + 1;

	n = min(n, rows);
	if (n == 1 && top == 0 && bottom == VGA_ROWS - 1) {
		vga_scroll_line(v->cells, blank(v));
		return;
	}
	vga_move(v->cells, at(top, 0), at(top + n, 0), (rows - n) * VGA_COLS);
	vga_fill(v->cells, at(bottom + 1 - n, 0), n * VGA_COLS, blank(v));
}

static void scroll_down(struct vt *v, u32 top, u32 bottom, u32 n)
{
	u32 rows = bottom - top + 1;

	n = min(n, rows);
	vga_move(v->cells, at(top + n, 0), at(top, 0), (rows - n) * VGA_COLS);
	vga_fill(v->cells, at(top, 0), n * VGA_COLS, blank(v));
}

static void line_feed(struct vt *v)
{
	v->wrap_pending = false;
	if (v->now.row == v->bottom)
		scroll_up(v, v->top, v->bottom, 1);
	else if (v->now.row < VGA_ROWS - 1)
		v->now.row++;
}

static void reverse_line_feed(struct vt *v)
{
	v->wrap_pending = false;
	if (v->now.row == v->top)
		scroll_down(v, v->top, v->bottom, 1);
	else if (v->now.row)
		v->now.row--;
}

static void go(struct vt *v, u32 row, u32 col)
{
	v->now.row = min(row, VGA_ROWS - 1);
	v->now.col = min(col, VGA_COLS - 1);
	v->wrap_pending = false;
}

/* Rows count from the top of the scroll region in origin mode. */
static void go_to(struct vt *v, u32 row, u32 col)
{
	if (v->origin_mode)
		row = min(row + v->top, v->bottom);
	go(v, row, col);
}

static void insert_cells(struct vt *v, u32 n)
{
	n = min(n, VGA_COLS - v->now.col);
	vga_move(v->cells, here(v) + n, here(v), VGA_COLS - v->now.col - n);
	vga_fill(v->cells, here(v), n, blank(v));
}

static void delete_cells(struct vt *v, u32 n)
{
	n = min(n, VGA_COLS - v->now.col);
	vga_move(v->cells, here(v), here(v) + n, VGA_COLS - v->now.col - n);
	vga_fill(v->cells, at(v->now.row, VGA_COLS - n), n, blank(v));
}

static void show(struct vt *v, u8 c)
{
	if (v->wrap_pending) {
		v->now.col = 0;
		line_feed(v);
	}
	if (v->insert)
		insert_cells(v, 1);
	if (v->now.attr.graphics && c >= 0x60 && c < 0x7f)
		c = graphics[c - 0x60];
	vga_put(v->cells, here(v), cell(v, c));
	if (v->now.col < VGA_COLS - 1)
		v->now.col++;
	else
		v->wrap_pending = v->wrap;
}

static void reset(struct vt *v)
{
	v->state = VT_PLAIN;
	v->now = v->saved = (struct cursor){ .attr = normal };
	v->top = 0;
	v->bottom = VGA_ROWS - 1;
	v->wrap = v->visible = true;
	v->wrap_pending = v->insert = v->origin_mode = v->app_keys = false;
}

/* --- control sequences --------------------------------------------------------------------------------------------- */

static u32 param(struct vt *v, u32 i, u32 missing) { return i < v->params_used && v->params[i] ? v->params[i] : missing; }

static void erase_display(struct vt *v, u32 what)
{
	if (what == 0)
		vga_fill(v->cells, here(v), VGA_ROWS * VGA_COLS - here(v), blank(v));
	else if (what == 1)
		vga_fill(v->cells, 0, here(v) + 1, blank(v));
	else
		vga_fill(v->cells, 0, VGA_ROWS * VGA_COLS, blank(v));
}

static void erase_line(struct vt *v, u32 what)
{
	if (what == 0)
		vga_fill(v->cells, here(v), VGA_COLS - v->now.col, blank(v));
	else if (what == 1)
		vga_fill(v->cells, at(v->now.row, 0), v->now.col + 1, blank(v));
	else
		vga_fill(v->cells, at(v->now.row, 0), VGA_COLS, blank(v));
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
static u32 wide_colour(struct vt *v, u32 i, u8 *colour)
{
	if (param(v, i + 1, 0) == 5) {
		*colour = colour_of_256(param(v, i + 2, 0));
		return 2;
	}
	*colour = (param(v, i + 2, 0) > 127 ? 1 : 0) | (param(v, i + 3, 0) > 127 ? 2 : 0) | (param(v, i + 4, 0) > 127 ? 4 : 0);
	return 4;
}

static void set_attribute(struct vt *v, u32 p)
{
	struct attributes *a = &v->now.attr;

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

static void set_attributes(struct vt *v)
{
	for (u32 i = 0; i < max(v->params_used, 1U); i++) {
		u32 p = param(v, i, 0);

		if (p == 38)
			i += wide_colour(v, i, &v->now.attr.fg);
		else if (p == 48)
			i += wide_colour(v, i, &v->now.attr.bg);
		else
			set_attribute(v, p);
	}
}

static void set_mode(struct vt *v, u32 p, bool on)
{
	if (!v->private) {
		if (p == 4)
			v->insert = on;
		return;
	}
	switch (p) {
	case 1: v->app_keys = on; break;
	case 6: v->origin_mode = on; go_to(v, 0, 0); break;
	case 7: v->wrap = on; break;
	case 25: v->visible = on; break;
	case 1047: case 1049: /* there is one screen: clear it on the way in, as xterm shows it */
		if (on)
			erase_display(v, 2);
		break;
	}
}

static void report(struct vt *v, u32 p)
{
	char text[24];
	int n = 0;

	if (p == 5)
		n = scnprintf(text, sizeof(text), "\033[0n");
	else if (p == 6)
		n = scnprintf(text, sizeof(text), "\033[%u;%uR", v->now.row + 1, v->now.col + 1);
	if (n)
		vt_answer(v, text, n);
}

static void move_lines(struct vt *v, bool insert)
{
	if (v->now.row < v->top || v->now.row > v->bottom)
		return;
	if (insert)
		scroll_down(v, v->now.row, v->bottom, param(v, 0, 1));
	else
		scroll_up(v, v->now.row, v->bottom, param(v, 0, 1));
	go(v, v->now.row, 0);
}

static void set_region(struct vt *v)
{
	u32 top = param(v, 0, 1) - 1, bottom = param(v, 1, VGA_ROWS) - 1;

	if (top >= bottom || bottom >= VGA_ROWS)
		return;
	v->top = top;
	v->bottom = bottom;
	go_to(v, 0, 0);
}

static void cursor_up(struct vt *v, u32 n)
{
	u32 limit = v->now.row >= v->top ? v->top : 0;

	go(v, v->now.row - min(n, v->now.row - limit), v->now.col);
}
static void cursor_down(struct vt *v, u32 n)
{
	go(v, min(v->now.row + n, v->now.row <= v->bottom ? v->bottom : VGA_ROWS - 1), v->now.col);
}

static void restore_cursor(struct vt *v)
{
	v->now = v->saved;
	v->wrap_pending = false;
}

static void control_sequence(struct vt *v, u8 c)
{
	u32 n = min(param(v, 0, 1), 1000U);

	switch (c) {
	case 'A': cursor_up(v, n); break;
	case 'B': case 'e': cursor_down(v, n); break;
	case 'C': case 'a': go(v, v->now.row, v->now.col + n); break;
	case 'D': go(v, v->now.row, v->now.col - min(n, v->now.col)); break;
	case 'E': cursor_down(v, n); v->now.col = 0; break;
	case 'F': cursor_up(v, n); v->now.col = 0; break;
	case 'G': case '`': go(v, v->now.row, n - 1); break;
	case 'H': case 'f': go_to(v, n - 1, param(v, 1, 1) - 1); break;
	case 'd': go_to(v, n - 1, v->now.col); break;
	case 'J': erase_display(v, param(v, 0, 0)); break;
	case 'K': erase_line(v, param(v, 0, 0)); break;
	case 'L': move_lines(v, true); break;
	case 'M': move_lines(v, false); break;
	case 'P': delete_cells(v, n); break;
	case '@': insert_cells(v, n); break;
	case 'X': vga_fill(v->cells, here(v), min(n, VGA_COLS - v->now.col), blank(v)); break;
	case 'S': scroll_up(v, v->top, v->bottom, n); break;
	case 'T': scroll_down(v, v->top, v->bottom, n); break;
	case 'm': set_attributes(v); break;
	case 'r': set_region(v); break;
	case 's': v->saved = v->now; break;
	case 'u': restore_cursor(v); break;
	case 'n': report(v, param(v, 0, 0)); break;
	case 'c': vt_answer(v, "\033[?6c", 5); break;
	case 'h': case 'l':
		for (u32 i = 0; i < v->params_used; i++)
			set_mode(v, v->params[i], c == 'h');
		break;
	}
}

static void csi_byte(struct vt *v, u8 c)
{
	if (isdigit(c)) {
		v->params_used = max(v->params_used, 1U);
		v->params[v->params_used - 1] = min(v->params[v->params_used - 1] * 10 + (c - '0'), 9999U);
	} else if (c == ';' || c == ':') {
		v->params_used = max(v->params_used, 1U);
		if (v->params_used < VT_PARAMS)
			v->params[v->params_used++] = 0;
	} else if (c == '?' || c == '>' || c == '=') {
		v->private = true;
	} else if (c >= 0x40 && c <= 0x7e) {
		v->state = VT_PLAIN;
		control_sequence(v, c);
	}
}

static void escape_byte(struct vt *v, u8 c)
{
	v->state = VT_PLAIN;
	switch (c) {
	case '[':
		v->state = VT_CSI;
		v->params_used = 0;
		v->private = false;
		memset(v->params, 0, sizeof(v->params));
		break;
	case ']': case 'P': case '^': case '_': v->state = VT_STRING; break;
	case '(': v->state = VT_CHARSET; break;
	case ')': case '#': case '%': case ' ': v->state = VT_SKIP_ONE; break;
	case '7': v->saved = v->now; break;
	case '8': restore_cursor(v); break;
	case 'D': line_feed(v); break;
	case 'E': v->now.col = 0; line_feed(v); break;
	case 'M': reverse_line_feed(v); break;
	case 'Z': vt_answer(v, "\033[?6c", 5); break;
	case 'c': reset(v); erase_display(v, 2); break;
	}
}

/* => true if c was a control character; those work in the middle of a sequence as well */
static bool control_character(struct vt *v, u8 c)
{
	switch (c) {
	case '\b': v->now.col -= !!v->now.col; v->wrap_pending = false; return true;
	case '\t': go(v, v->now.row, (v->now.col | 7) + 1); return true;
	case '\n': case '\v': case '\f': line_feed(v); return true;
	case '\r': go(v, v->now.row, 0); return true;
	case 14: v->now.attr.graphics = true; return true;
	case 15: v->now.attr.graphics = false; return true;
	case 24: case 26: v->state = VT_PLAIN; return true;
	case 27: v->state = VT_ESCAPE; return true;
	}
	return c < ' ' || c == 127;
}

static void put(struct vt *v, u8 c)
{
	switch (v->state) {
	case VT_STRING: /* a title or the like: ends with BEL or ESC \ */
		v->state = c == 7 ? VT_PLAIN : c == 27 ? VT_STRING_ESCAPE : VT_STRING;
		return;
	case VT_STRING_ESCAPE:
		v->state = c == '\\' ? VT_PLAIN : VT_STRING;
		return;
	default:
		break;
	}
	if (control_character(v, c))
		return;
	switch (v->state) {
	case VT_ESCAPE: escape_byte(v, c); break;
	case VT_CSI: csi_byte(v, c); break;
	case VT_CHARSET: v->now.attr.graphics = c == '0'; v->state = VT_PLAIN; break;
	case VT_SKIP_ONE: v->state = VT_PLAIN; break;
	default: show(v, c);
	}
}

/* --- from outside ------------------------------------------------------------------------------------------------------ */

void vt_emit(struct vt *v, const char *text, unsigned n)
{
	while (n--)
		put(v, (u8)*text++);
}

/* As at power-on. */
void vt_reset(struct vt *v)
{
	reset(v);
	erase_display(v, 2);
}

u32 vt_cursor(const struct vt *v) { return at(v->now.row, v->now.col); }
void vt_set_cursor(struct vt *v, u32 row, u32 col) { go(v, row, col); }
