/* SPDX-License-Identifier: MIT
 *
 * From scan codes to what a terminal reads: the scan code's key code, the key symbol that the maps give it with the modifiers
 * that are held, and what that symbol does. keyboard.c brings the scan codes, keymap.c has the tables. ioctl_console(2).
 *
 * The virtual terminal that is shown has the say: its mode (raw codes, key codes, bytes, UTF-8, nothing) and its locks.
 * Alt sends ESC first. Alt-SysRq (Print Screen) and a letter is sysrq; Ctrl-Alt-Del asks the first process to reboot.
 * Shift-PgUp and Shift-PgDn look back.
 *
 * All runs in the keyboard's interrupt handler. kbd_lock covers tables and state, and is dropped before bytes are delivered.
 * What it cannot do: accents by dead keys and Compose (they stand for themselves).
 */
#include "drivers/char/vt.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/string.h"
#include <linux/keyboard.h>

#define SYSRQ_KEY 99U
#define OUT_MAX 520U    /* the longest string of a function key, and a little */

static struct {
	unsigned long down[256 / BITS_PER_LONG]; /* key codes that are held */
	u8 count[NR_SHIFT];     /* keys that hold each modifier */
	u32 sticky, locked;     /* modifiers for the next key; until pressed again */
	bool extended, sysrq;
	u8 skip;                /* of Pause's six bytes */
	u32 number;             /* Alt and the number pad */
	bool has_number;
} kbd;
static char out[OUT_MAX];       /* K: what a key gives; the handler is alone in using it */
static unsigned out_len;
enum { REBOOT = 1 };
static u8 action;               /* K: for the time when the lock is free: a sysrq letter, or REBOOT */

static void send(char c)
{
	if (out_len < OUT_MAX)
		out[out_len++] = c;
}
static void send_text(const char *s)
{
	while (*s)
		send(*s++);
}

/* A character: in the modes for bytes as it is, in UTF-8's encoded. */
static void send_char(const struct vt *v, u32 c)
{
	if (v->kbd_mode != K_UNICODE || c < 0x80) {
		send((char)c);
		return;
	}
	if (c < 0x800) {
		send((char)(0xc0 | c >> 6));
	} else {
		send((char)(0xe0 | c >> 12));
		send((char)(0x80 | (c >> 6 & 63)));
	}
	send((char)(0x80 | (c & 63)));
}

static u32 modifiers(void)
{
	u32 m = kbd.sticky ^ kbd.locked;

	for (unsigned i = 0; i < NR_SHIFT; i++)
		if (kbd.count[i])
			m |= 1U << i;
	return m;
}

void kbd_reset(struct vt *v)
{
	v->kbd_mode = K_XLATE;
	v->meta_bit = false;
	v->locks = v->start_locks = 0;
	v->lights = 0x80;
}

static void show_lights(const struct vt *v)
{
	keyboard_set_leds(v->lights & 0x80 ? v->locks : v->lights); /* LED_SCR.. and K_SCROLLLOCK.. are the same bits */
}

static void flip_lock(struct vt *v, u8 lock)
{
	v->locks ^= lock;
	show_lights(v);
}

/* --- what each kind of symbol does; kbd_lock held ------------------------------------------------------------------------ */

static void do_pad(struct vt *v, u8 value)
{
	static const char digits[] = "0123456789+-*/\r,.?()", cursor_of[] = "\0BDCA"; /* 2, 4, 6, 8 */

	if (!(v->locks & K_NUMLOCK) || modifiers() & 1U << KG_SHIFT) {
		const char *s = NULL;
		char text[4] = { '\033', v->app_keys ? 'O' : '[', 0, 0 };

		switch (value) {
		case 0: s = key_string(KVAL(K_INSERT)); break;
		case 1: s = key_string(KVAL(K_SELECT)); break;
		case 3: s = key_string(KVAL(K_PGDN)); break;
		case 5: s = "\033[G"; break;
		case 7: s = key_string(KVAL(K_FIND)); break;
		case 9: s = key_string(KVAL(K_PGUP)); break;
		case 16: s = key_string(KVAL(K_REMOVE)); break;
		case 2: case 4: case 6: case 8:
			text[2] = cursor_of[value / 2];
			s = text;
			break;
		}
		if (s) {
			send_text(s);
			return;
		}
	}
	if (value < sizeof(digits) - 1)
		send(digits[value]);
}

static void hold_output(struct vt *v)
{
	v->locks ^= K_SCROLLLOCK;
	send(v->locks & K_SCROLLLOCK ? v->tty.termios.c_cc[VSTOP] : v->tty.termios.c_cc[VSTART]);
	show_lights(v);
}

static void do_special(struct vt *v, u8 value)
{
	switch (K(KT_SPEC, value)) {
	case K_ENTER: send('\r'); break;
	case K_SH_REGS: action = 'p'; break;
	case K_SH_MEM: action = 'm'; break;
	case K_SH_STAT: action = 't'; break;
	case K_CAPS: flip_lock(v, K_CAPSLOCK); break;
	case K_CAPSON: v->locks |= K_CAPSLOCK; show_lights(v); break;
	case K_NUM: case K_BARENUMLOCK: flip_lock(v, K_NUMLOCK); break;
	case K_HOLD: hold_output(v); break;
	case K_SCROLLBACK: vga_scrollback(12); break;
	case K_SCROLLFORW: vga_scrollback(-12); break;
	case K_BOOT: action = REBOOT; break;
	case K_DECRCONSOLE: vt_switch_beside(-1); break;
	case K_INCRCONSOLE: vt_switch_beside(1); break;
	}
}

static void do_number(u8 value)
{
	unsigned base = value < 10 ? 10 : 16;

	kbd.number = kbd.number * base + (value < 10 ? value : value - 10);
	kbd.has_number = true;
}

/* A modifier's key came down or went up; with the last Alt a typed number becomes its character. */
static void do_modifier(struct vt *v, u8 which, bool down)
{
	if (which >= NR_SHIFT)
		return;
	if (which == KG_CAPSSHIFT) {
		which = KG_SHIFT;
		v->locks &= ~K_CAPSLOCK;
	}
	if (down)
		kbd.count[which]++;
	else if (kbd.count[which])
		kbd.count[which]--;
	if (!down && kbd.has_number && !kbd.count[KG_ALT] && !kbd.count[KG_ALTGR]) {
		send_char(v, v->kbd_mode == K_UNICODE ? kbd.number & 0xffff : kbd.number & 0xff);
		kbd.has_number = false;
		kbd.number = 0;
	}
}

static void do_symbol(struct vt *v, u16 symbol, bool repeat)
{
	u8 value = KVAL(symbol);

	switch (KTYP(symbol)) {
	case KT_LATIN: case KT_DEAD: case KT_LETTER: send_char(v, value); break;
	case KT_META:
		if (!v->meta_bit)
			send('\033');
		send((char)(v->meta_bit ? value | 0x80 : value));
		break;
	case KT_FN: send_text(key_string(value)); break;
	case KT_SPEC:
		if (!repeat || symbol == K_ENTER || symbol == K_SCROLLBACK || symbol == K_SCROLLFORW)
			do_special(v, value);
		break;
	case KT_PAD: do_pad(v, value); break;
	case KT_CONS: vt_switch_later(value + 1); break;
	case KT_CUR:
		send('\033');
		send(v->app_keys ? 'O' : '[');
		send("BDCA"[value & 3]);
		break;
	case KT_ASCII: do_number(value); break;
	case KT_LOCK: if (!repeat) kbd.locked ^= 1U << (value & 15); break;
	case KT_SLOCK: kbd.sticky ^= 1U << (value & 15); break;
	}
}

/* --- keys ---------------------------------------------------------------------------------------------------------------------- */

static u16 symbol_of(const struct vt *v, u8 code)
{
	u32 m = modifiers();
	u16 symbol = keymap_value(m & 255, code);

	if (KTYP(symbol) == KT_LETTER && v->locks & K_CAPSLOCK)
		symbol = keymap_value((m ^ 1U << KG_SHIFT) & 255, code);
	return symbol;
}

/* Alt-SysRq and a letter. => true if the key has been used up */
static bool debug_key(u8 code, bool down)
{
	u16 symbol = keymap_value(0, code);

	if (code == SYSRQ_KEY && (kbd.count[KG_ALT] || !down)) {
		kbd.sysrq = down;
		return true;
	}
	if (!kbd.sysrq || KTYP(symbol) != KT_LETTER)
		return false;
	if (down)
		action = KVAL(symbol);
	return true;
}

static void key_symbol(struct vt *v, u8 code, bool down, bool repeat)
{
	u16 symbol = symbol_of(v, code);

	if (KTYP(symbol) == KT_SHIFT) {
		if (!repeat)
			do_modifier(v, KVAL(symbol), down);
		return;
	}
	if (!down || v->kbd_mode == K_OFF)
		return;
	do_symbol(v, symbol, repeat);
	if (KTYP(symbol) != KT_SLOCK)
		kbd.sticky = 0;
}

static void send_key_code(u8 code, bool down)
{
	u8 up = down ? 0 : 0x80;

	if (code < 128) {
		send((char)(code | up));
		return;
	}
	send((char)up);
	send((char)(code >> 7 | 0x80));
	send((char)(code | 0x80));
}

static void key(struct vt *v, u8 code, bool down)
{
	bool repeat = down && test_bit(code, kbd.down);

	if (down)
		__set_bit(code, kbd.down);
	else
		__clear_bit(code, kbd.down);
	if (debug_key(code, down))
		return;
	if (v->kbd_mode == K_MEDIUMRAW)
		send_key_code(code, down);
	if (v->kbd_mode == K_MEDIUMRAW || v->kbd_mode == K_RAW) {
		if (KTYP(symbol_of(v, code)) == KT_SHIFT)
			key_symbol(v, code, down, repeat); /* sysrq needs to know */
		return;
	}
	key_symbol(v, code, down, repeat);
}

/* One byte of set 1. => the key code, 0 if it is no key by itself */
static u8 decode(u8 byte, bool *down)
{
	u8 *code;

	if (kbd.skip) { /* e1 1d 45 e1 9d c5 */
		*down = true;
		return --kbd.skip ? 0 : 119;
	}
	if (byte == 0xe0 || byte == 0xe1) {
		kbd.extended = byte == 0xe0;
		kbd.skip = byte == 0xe1 ? 5 : 0;
		return 0;
	}
	*down = !(byte & 0x80);
	byte &= 0x7f;
	code = key_code_of(kbd.extended ? byte | 0x80 : byte);
	if (kbd.extended && (byte == 0x2a || byte == 0x36))
		code = NULL; /* shifts that the keyboard makes up around the cursor keys */
	kbd.extended = false;
	return code ? *code : 0;
}

void kbd_scan_code(u8 byte)
{
	struct vt *v = vt_shown;
	unsigned long irq;
	u8 code, todo;
	bool down;

	spin_lock_irqsave(&kbd_lock, irq);
	out_len = action = 0;
	code = decode(byte, &down);
	if (v->kbd_mode == K_RAW)
		send((char)byte);
	if (code)
		key(v, code, down);
	if (code == 119)
		__clear_bit(code, kbd.down); /* Pause has no release */
	todo = action;
	spin_unlock_irqrestore(&kbd_lock, irq);
	if (todo == REBOOT && sysrq_ctrl_alt_del_fn)
		sysrq_ctrl_alt_del_fn();
	else if (todo > REBOOT)
		sysrq((char)todo);
	if (out_len)
		console_input((u8 *)out, out_len);
}

/* What is held now was held for somebody else. */
void kbd_vt_changed(void)
{
	unsigned long irq;

	spin_lock_irqsave(&kbd_lock, irq);
	show_lights(vt_shown);
	spin_unlock_irqrestore(&kbd_lock, irq);
}
