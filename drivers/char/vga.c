/* SPDX-License-Identifier: MIT
 *
 * The VGA text screen: cells in memory at B8000h, a cursor, scrolling. What to write where is vt.c's business.
 *
 * Screens are kept in ordinary memory (one array of cells per virtual terminal): video memory is slow, to read above all. One
 * of them at a time is shown, and what changes in it goes to the card. Its memory holds 32 KB, eight screens; scrolling the whole screen moves the start address on by one line and writes only the new line. At the end of
 * the memory the screen is copied back to its beginning. What was scrolled off stays there to be looked at (Shift-PgUp).
 * Lock: vt_lock, taken by vt.c.
 */
#include "arch/i386/io.h"
#include "arch/i386/pgtable.h"
#include "drivers/char/vga.h"
#include "kernel/lib/string.h"

#define VIDEO ((volatile u16 *)__va(0xb8000))
#define VIDEO_CELLS 16384U
#define CRTC 0x3d4
enum { CRTC_CURSOR_START = 0x0a, CRTC_START = 0x0c, CRTC_CURSOR = 0x0e };

static u16 *shown;     /* the screen that the card has; NULL: something else is on it */
static u32 origin;     /* cell of video memory shown at the top left */
static u32 history;    /* lines above origin that are worth looking at */
static u32 back;       /* lines scrolled back */

static void crtc_write(u8 reg, u8 v)
{
	outw(CRTC, (u16)v << 8 | reg);
}

static void crtc_write16(u8 reg, u16 v)
{
	crtc_write(reg, v >> 8);
	crtc_write(reg + 1, (u8)v);
}

static u8 crtc_read(u8 reg)
{
	outb(CRTC, reg);
	return inb(CRTC + 1);
}

/* A CRTC remembers what is written to its cursor register; nothing does where there is no card. */
bool vga_probe(void)
{
	u8 low = crtc_read(CRTC_CURSOR + 1);
	bool there;

	crtc_write(CRTC_CURSOR + 1, 0x5a);
	there = crtc_read(CRTC_CURSOR + 1) == 0x5a;
	crtc_write(CRTC_CURSOR + 1, low);
	return there;
}

void vga_put(u16 *cells, u32 at, u16 cell)
{
	cells[at] = cell;
	if (cells == shown)
		VIDEO[origin + at] = cell;
}

static void flush_cells(u16 *cells, u32 at, u32 n)
{
	for (; cells == shown && n; n--, at++)
		VIDEO[origin + at] = cells[at];
}

void vga_fill(u16 *cells, u32 at, u32 n, u16 cell)
{
	for (u32 i = 0; i < n; i++)
		cells[at + i] = cell;
	flush_cells(cells, at, n);
}

void vga_move(u16 *cells, u32 to, u32 from, u32 n)
{
	memmove(cells + to, cells + from, n * sizeof(u16));
	flush_cells(cells, to, n);
}

static void scroll_card(u16 *cells)
{
	origin += VGA_COLS;
	history = min(history + 1, VIDEO_CELLS / VGA_COLS - VGA_ROWS);
	if (origin + VGA_ROWS * VGA_COLS > VIDEO_CELLS) {
		origin = history = 0;
		flush_cells(cells, 0, (VGA_ROWS - 1) * VGA_COLS);
	}
}

/* The whole screen up by one line. */
void vga_scroll_line(u16 *cells, u16 blank)
{
	memmove(cells, cells + VGA_COLS, (VGA_ROWS - 1) * VGA_COLS * sizeof(u16));
	if (cells == shown)
		scroll_card(cells);
	vga_fill(cells, (VGA_ROWS - 1) * VGA_COLS, VGA_COLS, blank);
	if (cells == shown)
		crtc_write16(CRTC_START, (u16)origin);
}

void vga_cursor(u32 at, bool visible)
{
	static bool was_visible = true;

	if (back) {
		back = 0;
		crtc_write16(CRTC_START, (u16)origin);
	}
	if (visible != was_visible)
		crtc_write(CRTC_CURSOR_START, visible ? 0x0d : 0x20);
	was_visible = visible;
	crtc_write16(CRTC_CURSOR, (u16)(origin + at));
}

/* lines > 0: back into what has scrolled off; < 0: forth. The next output ends it. */
void vga_look_back(int lines)
{
	back = (u32)clamp((int)back + lines, 0, (int)history);
	crtc_write16(CRTC_START, (u16)(origin - back * VGA_COLS));
}

/* cells: what is shown from now on, from the top of the card's memory; NULL: nothing of ours (the card is left alone) */
void vga_show(u16 *cells)
{
	shown = cells;
	if (!cells)
		return;
	origin = history = back = 0;
	crtc_write16(CRTC_START, 0);
	crtc_write(CRTC_CURSOR_START + 1, 0x0f);
	flush_cells(cells, 0, VGA_CELLS);
}
