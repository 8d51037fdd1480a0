/* SPDX-License-Identifier: MIT
 *
 * The keyboard's tables: scan code to key code (setkeycodes), key code to key symbol by the modifiers that are held (loadkmap),
 * function key to string. keymaps(5), linux/keyboard.h.
 *
 * A map is an array of NR_KEYS symbols; its number has a bit for each modifier (1 << KG_SHIFT ...). At boot there are seven, US
 * layout, put together here from what they have in common and strings of characters. Users may change all of it.
 * Lock: kbd_lock, which the keyboard's interrupt handler takes too.
 */
#include "drivers/char/vt.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "mm/phys/phys.h"
#include <linux/keyboard.h>

enum { PLAIN = 0, SHIFT = 1 << KG_SHIFT, ALTGR = 1 << KG_ALTGR, CTRL = 1 << KG_CTRL, ALT = 1 << KG_ALT };

DEFINE_SPINLOCK(kbd_lock);
static u16 *maps[MAX_NR_KEYMAPS];       /* K */
static const char *strings[MAX_NR_FUNC];/* K: NULL or allocated, or one of ours */
static u8 key_codes[256];               /* K: by scan code; from 128 those with an E0h before them */

/* --- the maps at boot --------------------------------------------------------------------------------------------------- */

static const char text_plain[] = "\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./";
static const char text_shift[] = "\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?";
#define TEXT_KEYS (sizeof(text_plain) - 1)

/* Keys that mean the same, or nearly, with any modifier. */
static const struct { u8 first, n; u16 value[14]; } common[] = {
	{ 28, 2, { K_ENTER, K_CTRL } }, { 42, 1, { K_SHIFT } },
	{ 54, 5, { K_SHIFT, K_PSTAR, K_ALT, ' ', K_CAPS } },
	{ 59, 10, { K_F1, K_F2, K_F3, K_F4, K_F5, K_F6, K_F7, K_F8, K_F9, K_F10 } },
	{ 69, 2, { K_NUM, K_HOLD } },
	{ 71, 14, { K_P7, K_P8, K_P9, K_PMINUS, K_P4, K_P5, K_P6, K_PPLUS, K_P1, K_P2, K_P3, K_P0, K_PDOT, K_CONS } },
	{ 86, 3, { '<', K_F11, K_F12 } },
	{ 96, 14, { K_PENTER, K_CTRL, K_PSLASH, 28, K_ALTGR, K_BREAK, K_FIND, K_UP, K_PGUP, K_LEFT, K_RIGHT, K_SELECT, K_DOWN, K_PGDN } },
	{ 110, 10, { K_INSERT, K_REMOVE, K_MACRO, K_F13, K_F14, K_HELP, K_DO, K_F17, K_PPLUSMINUS, K_PAUSE } },
};
static const struct { u8 map, key; u16 value; } special[] = {
	{ SHIFT, 69, K_BARENUMLOCK }, { SHIFT, 70, K_SH_MEM }, { SHIFT, 104, K_SCROLLBACK }, { SHIFT, 109, K_SCROLLFORW },
	{ SHIFT, 86, '>' }, { ALTGR, 57, K_HOLE }, { SHIFT, 99, K_HOLE }, { ALTGR, 70, K_SH_REGS }, { ALTGR, 3, '@' }, { ALTGR, 5, '$' }, { ALTGR, 8, '{' }, { ALTGR, 9, '[' },
	{ ALTGR, 10, ']' }, { ALTGR, 11, '}' }, { ALTGR, 12, '\\' }, { ALTGR, 27, '~' }, { ALTGR, 86, '|' }, { ALTGR, 99, K_HOLE },
	{ CTRL, 3, 0 }, { CTRL, 4, 27 }, { CTRL, 5, 28 }, { CTRL, 6, 29 }, { CTRL, 7, 30 }, { CTRL, 8, 31 }, { CTRL, 9, 127 },
	{ CTRL, 12, 31 }, { CTRL, 14, 8 }, { CTRL, 26, 27 }, { CTRL, 27, 29 }, { CTRL, 40, 7 }, { CTRL, 41, 0 }, { CTRL, 43, 28 },
	{ CTRL, 52, K_COMPOSE }, { CTRL, 53, 127 }, { CTRL, 57, 0 }, { CTRL, 70, K_SH_STAT }, { CTRL, 86, K_HOLE },
	{ CTRL | SHIFT, 3, 0 }, { CTRL | SHIFT, 12, 31 }, { CTRL | SHIFT, 57, K_HOLE }, { CTRL | SHIFT, 70, K_HOLE }, { CTRL | SHIFT, 86, K_HOLE },
	{ CTRL | SHIFT, 99, K_HOLE }, { ALT, 28, K(KT_META, 13) }, { ALT, 57, K(KT_META, ' ') }, { ALT, 86, K(KT_META, '<') },
	{ ALT, 105, K_DECRCONSOLE }, { ALT, 106, K_INCRCONSOLE },
	{ ALT | CTRL, 57, K_HOLE }, { ALT | CTRL, 70, K_HOLE }, { ALT | CTRL, 86, K_HOLE }, { ALT | CTRL, 99, K_HOLE },
	{ ALT | CTRL, 83, K_BOOT }, { ALT | CTRL, 111, K_BOOT },
};
static const char *const boot_strings[] = {
	"\033[[A", "\033[[B", "\033[[C", "\033[[D", "\033[[E", "\033[17~", "\033[18~", "\033[19~", "\033[20~", "\033[21~", "\033[23~",
	"\033[24~", "\033[25~", "\033[26~", "\033[28~", "\033[29~", "\033[31~", "\033[32~", "\033[33~", "\033[34~", "\033[1~", "\033[2~",
	"\033[3~", "\033[4~", "\033[5~", "\033[6~", "\033[M", NULL, NULL, "\033[P",
};
/* E0h-prefixed scan codes, in the order of the key codes from 96 on (0: no such key) */
static const u8 extended[] = { 0x1c, 0x1d, 0x35, 0x37, 0x38, 0, 0x47, 0x48, 0x49, 0x4b, 0x4d, 0x4f, 0x50, 0x51, 0x52, 0x53 };

static u16 letter_or_plain(u8 c) { return isalpha(c) ? K(KT_LETTER, c) : c; }

/* What a character key gives with these modifiers, unless `special` says otherwise. */
static u16 character(unsigned map, unsigned key)
{
	u8 c = text_plain[key];

	switch (map) {
	case PLAIN: return letter_or_plain(c);
	case SHIFT: return letter_or_plain(text_shift[key]);
	case ALTGR: return isalpha(c) ? K(KT_LETTER, c) : K_HOLE;
	case ALT: return K(KT_META, c);
	case CTRL | ALT: return isalpha(c) ? K(KT_META, c & 31) : K_HOLE;
	default: return isalpha(c) ? c & 31 : K_HOLE;
	}
}

static void fill_function_keys(unsigned map, u16 *m)
{
	for (unsigned i = 0; i < 12; i++) {
		unsigned key = i < 10 ? 59 + i : 87 + i - 10;

		if (map & ALT)
			m[key] = K(KT_CONS, i);
		else if (map == ALTGR)
			m[key] = K(KT_CONS, 12 + i);
		else if (map == SHIFT)
			m[key] = K_F11 + i % 10;
		else if (map == (CTRL | SHIFT))
			m[key] = K_HOLE;
	}
}

/* Alt with the number pad: digits of a character's number; AltGr, with a..f as well: of a hexadecimal one. */
static void fill_numbers(unsigned map, u16 *m)
{
	static const u8 pad_digit[] = { 7, 8, 9, 0, 4, 5, 6, 0, 1, 2, 3, 0 }, letter_key[] = { 30, 48, 46, 32, 18, 33 };

	if (map != ALT && map != ALTGR)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(pad_digit); i++)
		if (71 + i != 74 && 71 + i != 78)
			m[71 + i] = (map == ALT ? K_ASC0 : K_HEX0) + pad_digit[i];
	for (unsigned i = 0; map == ALTGR && i < ARRAY_SIZE(letter_key); i++)
		m[letter_key[i]] = K_HEXa + i;
}

static void fill_map(unsigned map, u16 *m)
{
	for (unsigned i = 0; i < NR_KEYS; i++)
		m[i] = K_HOLE;
	for (unsigned i = 1; i < TEXT_KEYS; i++)
		if (text_plain[i])
			m[i] = character(map, i);
	for (unsigned i = 0; i < ARRAY_SIZE(common); i++)
		for (unsigned j = 0; j < common[i].n; j++)
			m[common[i].first + j] = common[i].value[j];
	fill_function_keys(map, m);
	fill_numbers(map, m);
	for (unsigned i = 0; i < ARRAY_SIZE(special); i++)
		if (special[i].map == map)
			m[special[i].key] = special[i].value;
}

void keymap_init(void)
{
	static const u8 at_boot[] = { PLAIN, SHIFT, ALTGR, CTRL, CTRL | SHIFT, ALT, CTRL | ALT };

	for (unsigned i = 0; i < ARRAY_SIZE(at_boot); i++) {
		u16 *m = kmalloc(NR_KEYS * sizeof(u16), GFP_KERNEL);

		if (!m) {
			pr_err("keyboard: no memory for its maps\n");
			return;
		}
		fill_map(at_boot[i], m);
		maps[at_boot[i]] = m;
	}
	memcpy(strings, boot_strings, sizeof(boot_strings));
	for (unsigned i = 1; i < 89; i++)
		key_codes[i] = i;
	for (unsigned i = 0; i < sizeof(extended); i++)
		if (extended[i])
			key_codes[128 + extended[i]] = 96 + i;
	key_codes[128 + 0x5b] = 125;
	key_codes[128 + 0x5c] = 126;
	key_codes[128 + 0x5d] = 127;
}

/* --- looking up and changing ------------------------------------------------------------------------------------------------ */

u16 keymap_value(unsigned table, unsigned key)
{
	const u16 *m = maps[table];

	return m ? m[key] : key ? K_HOLE : K_NOSUCHMAP;
}

/* K_NOSUCHMAP for key 0 takes the whole map away. */
static int drop_map(unsigned table)
{
	unsigned long irq;
	u16 *m;

	if (!table)
		return -EINVAL;
	spin_lock_irqsave(&kbd_lock, irq);
	m = maps[table];
	maps[table] = NULL;
	spin_unlock_irqrestore(&kbd_lock, irq);
	kfree(m);
	return 0;
}

static u16 *empty_map(void)
{
	u16 *m = kmalloc(NR_KEYS * sizeof(u16), GFP_KERNEL);

	for (unsigned i = 0; m && i < NR_KEYS; i++)
		m[i] = K_HOLE;
	if (m)
		m[0] = K_ALLOCATED;
	return m;
}

int keymap_set(unsigned table, unsigned key, u16 value)
{
	unsigned long irq;
	u16 *fresh = NULL;

	if (!key && value == K_NOSUCHMAP)
		return drop_map(table);
	if (KTYP(value) > KT_SLOCK)
		return -EINVAL;
	if (!READ_ONCE(maps[table])) {
		if (value == K_HOLE)
			return 0;
		fresh = empty_map();
		if (!fresh)
			return -ENOMEM;
	}
	spin_lock_irqsave(&kbd_lock, irq);
	if (!maps[table])
		swap(maps[table], fresh);
	if (maps[table])
		maps[table][key] = value;
	spin_unlock_irqrestore(&kbd_lock, irq);
	kfree(fresh);
	return 0;
}

u8 *key_code_of(unsigned scan_code) { return scan_code && scan_code < ARRAY_SIZE(key_codes) ? &key_codes[scan_code] : NULL; }

const char *key_string(unsigned fn) { return fn < MAX_NR_FUNC && strings[fn] ? strings[fn] : ""; }

static bool is_boot_string(const char *s)
{
	for (unsigned i = 0; i < ARRAY_SIZE(boot_strings); i++)
		if (s == boot_strings[i])
			return true;
	return !s;
}

int key_string_set(unsigned fn, const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = kmalloc(n, GFP_KERNEL);
	const char *old;
	unsigned long irq;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, n);
	spin_lock_irqsave(&kbd_lock, irq);
	old = strings[fn];
	strings[fn] = copy;
	spin_unlock_irqrestore(&kbd_lock, irq);
	if (!is_boot_string(old))
		kfree((void *)old);
	return 0;
}
