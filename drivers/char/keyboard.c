/* SPDX-License-Identifier: MIT
 *
 * The PS/2 keyboard behind the i8042: scan codes (set 1, as the controller translates them) become the bytes that a
 * terminal sends. US layout. Arrows and function keys are the sequences of TERM=linux.
 *
 * Alt sends ESC first. Alt-SysRq (Print Screen) and a letter is sysrq; Ctrl-Alt-Del asks the first process to reboot,
 * or reboots where there is none. Shift-PgUp and Shift-PgDn look back. The interrupt handler reads one byte and passes
 * on; its state belongs to that handler alone.
 */
#include "arch/i386/cpu.h"
#include "arch/i386/io.h"
#include "arch/i386/traps.h"
#include "drivers/char/char.h"
#include "drivers/char/tty.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

enum { DATA = 0x60, STATUS = 0x64, COMMAND = 0x64 };
enum { STATUS_OUTPUT = 1, STATUS_INPUT = 2, STATUS_MOUSE = 32 };
enum { CMD_READ_CONFIG = 0x20, CMD_WRITE_CONFIG = 0x60, CMD_MOUSE_OFF = 0xa7, CMD_KBD_OFF = 0xad, CMD_KBD_ON = 0xae };
enum { CONFIG_KBD_IRQ = 1, CONFIG_MOUSE_IRQ = 2, CONFIG_KBD_OFF = 16, CONFIG_TRANSLATE = 64 };
enum { KBD_SET_LEDS = 0xed, KBD_ENABLE = 0xf4, KBD_ACK = 0xfa };

static const char plain[] = "\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
static const char keypad[] = "789-456+1230.";  /* scan codes 47h..53h */

enum { LCTRL = 1, RCTRL = 2, LSHIFT = 4, RSHIFT = 8, LALT = 16, RALT = 32 };
#define CTRL (LCTRL | RCTRL)
#define SHIFT (LSHIFT | RSHIFT)
#define ALT (LALT | RALT)
static struct { u32 held; bool caps, num, extended, sysrq; u8 skip; } kbd;

static void send(const char *text, unsigned n) { console_input((const u8 *)text, n); }
static void send_text(const char *text) { send(text, strlen(text)); }

static u32 modifier(u8 code, bool extended)
{
	switch (code) {
	case 0x1d: return extended ? RCTRL : LCTRL;
	case 0x2a: return extended ? 0 : LSHIFT;
	case 0x36: return extended ? 0 : RSHIFT;
	case 0x38: return extended ? RALT : LALT;
	default: return 0;
	}
}

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
static void set_leds(void)
{
	if (wait_input_empty())
		outb(DATA, KBD_SET_LEDS);
	if (wait_input_empty())
		outb(DATA, (kbd.caps ? 4 : 0) | (kbd.num ? 2 : 0));
}

static const char *cursor_sequence(u8 code)
{
	bool app = vga_app_cursor_keys();

	switch (code) {
	case 0x47: return "\033[1~";
	case 0x48: return app ? "\033OA" : "\033[A";
	case 0x49: return "\033[5~";
	case 0x4b: return app ? "\033OD" : "\033[D";
	case 0x4c: return "\033[G";
	case 0x4d: return app ? "\033OC" : "\033[C";
	case 0x4f: return "\033[4~";
	case 0x50: return app ? "\033OB" : "\033[B";
	case 0x51: return "\033[6~";
	case 0x52: return "\033[2~";
	case 0x53: return "\033[3~";
	default: return NULL;
	}
}

static const char *function_sequence(u8 code)
{
	static const char *const keys[] = { "\033[[A", "\033[[B", "\033[[C", "\033[[D", "\033[[E", "\033[17~", "\033[18~",
					    "\033[19~", "\033[20~", "\033[21~" };

	if (code >= 0x3b && code <= 0x44)
		return keys[code - 0x3b];
	return code == 0x57 ? "\033[23~" : code == 0x58 ? "\033[24~" : NULL;
}

static char ctrl_of(char c)
{
	if (c == ' ' || c == '2' || c == '@')
		return 0;
	if (c == '/' || c == '-')
		return 31;
	if (c == 127)
		return 8;
	return isalpha(c) || (c >= '[' && c <= '_') ? c & 31 : c;
}

static void key_character(char c)
{
	char text[2] = { '\033', c };

	if (kbd.held & CTRL)
		text[1] = ctrl_of(c);
	if (kbd.held & ALT)
		send(text, 2);
	else
		send(text + 1, 1);
}

static void key_number_pad(u8 code)
{
	const char *s = cursor_sequence(code);

	if (code == 0x4a || code == 0x4e || (kbd.num && !(kbd.held & SHIFT)))
		key_character(keypad[code - 0x47]);
	else if (s)
		send_text(s);
}

/* => true if the key means something to the kernel itself */
static bool special_key(u8 code)
{
	if (code == 0x53 && kbd.held & CTRL && kbd.held & ALT) {
		if (sysrq_ctrl_alt_del_fn)
			sysrq_ctrl_alt_del_fn();
		return true;
	}
	if ((code == 0x49 || code == 0x51) && kbd.held & SHIFT) {
		vga_scrollback(code == 0x49 ? 12 : -12);
		return true;
	}
	if (code == 0x54 || (code == 0x37 && kbd.extended && kbd.held & ALT)) {
		kbd.sysrq = true;
		return true;
	}
	if (kbd.sysrq && code < sizeof(plain) && isalpha(plain[code])) {
		sysrq(plain[code]);
		return true;
	}
	return false;
}

static void key_down(u8 code)
{
	const char *s = function_sequence(code);
	char c;

	if (special_key(code))
		return;
	if (s) {
		send_text(s);
	} else if (kbd.extended) {
		s = cursor_sequence(code);
		if (s)
			send_text(s);
		else if (code == 0x1c || code == 0x35)
			key_character(code == 0x1c ? '\r' : '/');
	} else if (code >= 0x47 && code <= 0x53) {
		key_number_pad(code);
	} else if (code < sizeof(plain) - 1) {
		c = kbd.held & SHIFT ? shifted[code] : plain[code];
		if (kbd.caps && isalpha(c))
			c ^= 0x20;
		if (c)
			key_character(c);
	}
}

static void lock_key(u8 code)
{
	if (code == 0x3a)
		kbd.caps = !kbd.caps;
	else
		kbd.num = !kbd.num;
	set_leds();
}

static void scan_code(u8 byte)
{
	u8 code = byte & 0x7f;
	bool down = !(byte & 0x80);
	u32 m = modifier(code, kbd.extended);

	if (m) {
		kbd.held = down ? kbd.held | m : kbd.held & ~m;
		if (!(kbd.held & ALT))
			kbd.sysrq = false;
	} else if (down && (code == 0x3a || code == 0x45) && !kbd.extended) {
		lock_key(code);
	} else if (down) {
		key_down(code);
	}
	kbd.extended = false;
}

static void keyboard_byte(u8 byte)
{
	if (kbd.skip) {
		kbd.skip--;
		return;
	}
	switch (byte) {
	case 0xe0: kbd.extended = true; break;
	case 0xe1: kbd.skip = 5; break;      /* Pause: e1 1d 45 e1 9d c5 */
	case 0x00: case 0xff: case KBD_ACK: case 0xfe: break;
	default: scan_code(byte);
	}
}

static void keyboard_interrupt(void *arg)
{
	u8 status;

	for (unsigned i = 0; i < 16 && (status = inb(STATUS)) & STATUS_OUTPUT; i++) {
		u8 byte = inb(DATA);

		add_device_randomness(byte);
		if (!(status & STATUS_MOUSE))
			keyboard_byte(byte);
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
	if (wait_input_empty())
		outb(DATA, KBD_ENABLE);
}
