/* SPDX-License-Identifier: MIT
 *
 * The VGA's characters in text mode: 256 of 8 x 16 dots in plane 2 of its memory, 32 bytes each. (IBM VGA technical reference:
 * sequencer and graphics controller.)
 *
 * To reach the plane the card is taken out of text addressing for a moment, under vt_lock, so that nobody writes cells
 * meanwhile. The font of the firmware is kept when the first other one comes.
 * What it cannot do: other heights than 16 (the screen has 25 rows), 512 characters, mapping from Unicode.
 */
#include "arch/i386/io.h"
#include "arch/i386/pgtable.h"
#include "drivers/char/vga.h"
#include "drivers/char/vt.h"
#include "kernel/lib/string.h"
#include "mm/phys/phys.h"

#define SEQUENCER 0x3c4
#define GRAPHICS 0x3ce
#define HEIGHT 16
#define PLANE ((volatile u8 *)__va(0xa0000))

static u8 *boot_font;  /* V */

static void set(u16 port, u8 reg, u8 v) { outw(port, (u16)v << 8 | reg); }

static void open_plane(void)
{
	set(SEQUENCER, 2, 4);    /* writes go to plane 2 */
	set(SEQUENCER, 4, 7);    /* one address after the other, all memory */
	set(GRAPHICS, 4, 2);     /* reads come from plane 2 */
	set(GRAPHICS, 5, 0);     /* no odd and even planes */
	set(GRAPHICS, 6, 4);     /* 64 KB at A0000h, still text */
}

static void close_plane(void)
{
	set(SEQUENCER, 2, 3);
	set(SEQUENCER, 4, 3);
	set(GRAPHICS, 4, 0);
	set(GRAPHICS, 5, 0x10);
	set(GRAPHICS, 6, 0x0e);
}

static void read_plane(struct vt *v, void *data)
{
	open_plane();
	for (unsigned i = 0; i < FONT_BYTES; i++)
		((u8 *)data)[i] = PLANE[i];
	close_plane();
}

static void write_plane(struct vt *v, void *data)
{
	open_plane();
	for (unsigned i = 0; i < FONT_BYTES; i++)
		PLANE[i] = ((const u8 *)data)[i];
	close_plane();
}

int font_get(u8 *data, unsigned *height)
{
	if (!vga_present())
		return -EINVAL;
	*height = HEIGHT;
	if (data)
		vt_with_screen(vt_shown, read_plane, data);
	return 0;
}

static int keep_boot_font(void)
{
	if (boot_font)
		return 0;
	boot_font = kvmalloc(FONT_BYTES, GFP_KERNEL);
	if (!boot_font)
		return -ENOMEM;
	vt_with_screen(vt_shown, read_plane, boot_font);
	return 0;
}

int font_set(const u8 *data)
{
	int err = 0;

	if (!vga_present())
		return -EINVAL;
	mutex_lock(&vt_mutex);
	if (data)
		err = keep_boot_font();
	else
		data = boot_font;
	if (!err && data)
		vt_with_screen(vt_shown, write_plane, (void *)data);
	mutex_unlock(&vt_mutex);
	return err;
}
