/* SPDX-License-Identifier: MIT
 *
 * The PS/2 keyboard behind the i8042: bytes (scan codes of set 1, as the controller translates them) come from here, lights go
 * there. What the codes mean is kbd.c's business. The interrupt handler reads bytes and passes them on.
 */
#include "arch/i386/cpu.h"
#include "arch/i386/io.h"
#include "arch/i386/traps.h"
#include "drivers/char/vt.h"
#include "kernel/lib/printk.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64 };
enum { STATUS_OUTPUT = 1, STATUS_INPUT = 2, STATUS_MOUSE = 32 };
enum { CMD_READ_CONFIG = 0x20, CMD_WRITE_CONFIG = 0x60, CMD_MOUSE_OFF = 0xa7, CMD_KBD_OFF = 0xad, CMD_KBD_ON = 0xae };
enum { CONFIG_KBD_IRQ = 1, CONFIG_MOUSE_IRQ = 2, CONFIG_KBD_OFF = 16, CONFIG_TRANSLATE = 64 };
enum { KBD_SET_LEDS = 0xed, KBD_ENABLE = 0xf4, KBD_ACK = 0xfa };

static bool present;

static bool wait_input_empty(void)
{
	for (unsigned i = 0; i < 100000; i++) {
		if (!(inb(STATUS) & STATUS_INPUT))
			return true;
		cpu_relax();
	}
	return false;
}

/* The keyboard acknowledges each byte through the interrupt handler, which throws acknowledgements away. */
void keyboard_set_leds(u8 leds)
{
	if (!present)
		return;
	if (wait_input_empty())
		outb(DATA, KBD_SET_LEDS);
	if (wait_input_empty())
		outb(DATA, leds & 7);
}

/* Acknowledge, resend, and two ways of saying "too many keys". */
static bool is_reply(u8 byte) { return byte == KBD_ACK || byte == 0xfe || byte == 0x00 || byte == 0xff; }

static void keyboard_interrupt(void *arg)
{
	u8 status;

	for (unsigned i = 0; i < 16 && (status = inb(STATUS)) & STATUS_OUTPUT; i++) {
		u8 byte = inb(DATA);

		add_device_randomness(byte);
		if (!(status & STATUS_MOUSE) && !is_reply(byte))
			kbd_scan_code(byte);
	}
}

/* --- the controller ----------------------------------------------------------------------------------------------------- */

static void command(u8 c)
{
	if (wait_input_empty())
		outb(COMMAND, c);
}

static int read_data(void)
{
	for (unsigned i = 0; i < 100000; i++) {
		if (inb(STATUS) & STATUS_OUTPUT)
			return inb(DATA);
		cpu_relax();
	}
	return -EIO;
}

static int configure(void)
{
	int config;

	command(CMD_KBD_OFF);
	command(CMD_MOUSE_OFF);
	for (unsigned i = 0; i < 32 && inb(STATUS) & STATUS_OUTPUT; i++)
		inb(DATA);
	command(CMD_READ_CONFIG);
	config = read_data();
	if (config < 0)
		return config;
	command(CMD_WRITE_CONFIG);
	if (!wait_input_empty())
		return -EIO;
	outb(DATA, (config | CONFIG_KBD_IRQ | CONFIG_TRANSLATE) & ~(CONFIG_MOUSE_IRQ | CONFIG_KBD_OFF));
	command(CMD_KBD_ON);
	return 0;
}

void keyboard_init(void)
{
	int r = inb(STATUS) == 0xff ? -ENODEV : configure();

	if (!r)
		r = request_irq(1, keyboard_interrupt, NULL, "keyboard", false);
	if (r) {
		pr_info("keyboard: no i8042 controller (%d)\n", r);
		return;
	}
	present = true;
	if (wait_input_empty())
		outb(DATA, KBD_ENABLE);
}
