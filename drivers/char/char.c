/* SPDX-License-Identifier: MIT
 *
 * The room's two calls at boot, in order.
 */
#include "drivers/char/char.h"
#include "drivers/char/vt.h"

void console_early_init(void)
{
	serial_early_init();
	vga_early_init();
}

void char_init(void)
{
	sysrq_init();
	console_init();
	later_init();
	serial_init();
	keymap_init();
	keyboard_init();
	random_init();
}
