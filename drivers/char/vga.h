/* SPDX-License-Identifier: MIT
 *
 * Between vt.c (what a terminal does) and vga.c (what the card does). Cells are numbered row by row. vt_lock held.
 */
#ifndef DRIVERS_CHAR_VGA_H
#define DRIVERS_CHAR_VGA_H

#include "kernel/lib/types.h"

#define VGA_ROWS 25U
#define VGA_COLS 80U

#define VGA_CELLS (VGA_ROWS * VGA_COLS)

bool vga_probe(void);
void vga_put(u16 *cells, u32 at, u16 cell);
void vga_fill(u16 *cells, u32 at, u32 n, u16 cell);
void vga_move(u16 *cells, u32 to, u32 from, u32 n);
void vga_scroll_line(u16 *cells, u16 blank);
void vga_cursor(u32 at, bool visible);      /* of the screen that is shown */
void vga_look_back(int lines);
void vga_show(u16 *cells);

#endif
