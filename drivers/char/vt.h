/* SPDX-License-Identifier: MIT
 *
 * Virtual terminals among the files of this room, and for kernel/fs/dev_vt.c, which is their ioctls.
 *
 *   /dev/ttyN --- struct vt (vc.c: which there are, which is shown)
 *                   | output: vt.c, the emulator, writes cells      | input: keyboard.c (scan codes to key codes)
 *                   v                                               |        kbd.c (key codes to bytes, by keymap.c)
 *                 vga.c: the card shows the cells of one of them  <-+- Alt-Fn
 *
 * Life: number 1 is there from the start, for the log; others are made when first opened or switched to and stay until
 * VT_DISALLOCATE. The table holds one reference of the terminal (tty->refcount), open files theirs.
 *
 * Locks: vt_mutex (sleeping: which exist, switching) > tty->lock > vt_lock (irqs off: screens, what is shown; a leaf).
 *        kbd_lock (irqs off: key maps, key state; a leaf) is taken by itself.
 * Keys: V vt_mutex | S vt_lock | K kbd_lock | f fixed
 */
#ifndef DRIVERS_CHAR_VT_H
#define DRIVERS_CHAR_VT_H

#include "drivers/char/char.h"
#include "drivers/char/tty.h"
#include <linux/kd.h>
#include <linux/vt.h>

#define VT_PARAMS 16U

struct attributes { u8 fg, bg; bool bold, dim, underline, blink, reverse, graphics; };
struct cursor { u32 row, col; struct attributes attr; };

struct vt {
	struct tty tty;            /* /dev/ttyN */
	unsigned nr;               /* f: from 1 */
	u16 *cells;                /* S: what stands on its screen */
	/* the emulator: S */
	enum { VT_PLAIN, VT_ESCAPE, VT_CSI, VT_CHARSET, VT_STRING, VT_STRING_ESCAPE, VT_SKIP_ONE } state;
	struct cursor now, saved;
	u32 top, bottom;           /* scroll region, inclusive */
	bool wrap, wrap_pending, insert, origin_mode, visible, app_keys, private;
	u32 params[VT_PARAMS], params_used;
	struct tty *writer;        /* whose output this is: it gets the answers; or NULL */
	struct tty *answer_to;     /* with a reference, while there is an answer */
	char answer[64];           /* on its way */
	unsigned answer_len;
	struct later answer_work;
	/* the keyboard while this one is shown: K */
	u8 kbd_mode;               /* K_XLATE ... */
	bool meta_bit;             /* Alt sets bit 7 instead of sending ESC first */
	u8 locks, start_locks;     /* K_CAPSLOCK | K_NUMLOCK | K_SCROLLLOCK; what they are after a reset */
	u8 lights;                 /* LED_*; 0x80: as the locks are */
	/* who decides about switching */
	u8 kd_mode;                /* S: KD_TEXT, KD_GRAPHICS: the card shows something else */
	struct vt_mode mode;       /* V */
	struct pid *owner;         /* V: of VT_PROCESS; a reference */
};

extern struct mutex vt_mutex;
extern struct vt *vt_shown;                /* V and S to write */

/* vc.c */
struct vt *vt_get(unsigned nr);            /* 0: the one shown. With a reference of its tty; ERR_PTR: -ENXIO, -ENOMEM */
struct vt *vt_find(unsigned nr);           /* V: NULL if there is none */
struct vt *tty_vt(struct tty *t);          /* NULL: t is no virtual terminal */
bool vt_in_use(unsigned nr);               /* V: open, or being opened */
int vt_free(unsigned nr);                  /* V: -EBUSY */
int vt_switch(unsigned nr);                /* V: 0 also when it is only asked for (VT_PROCESS); -errno */
int vt_release(bool yes);                  /* V: VT_RELDISP; -EINVAL: nobody asked */
int vt_wait_shown(unsigned nr);            /* sleeps; 0 or -ERESTARTSYS */
void vt_set_mode(struct vt *v, const struct vt_mode *mode, struct pid *owner); /* V; eats the reference */
void vt_set_kd_mode(struct vt *v, u8 mode);
void vt_lock_switching(bool locked);
void vt_switch_later(unsigned nr);         /* interrupt context: Alt-Fn */
void vt_switch_beside(int step);           /* likewise: to the next one that exists */
void vt_init(void);                        /* slab works */
/* Calls fn with the screen locked: cells may be looked at and changed. */
void vt_with_screen(struct vt *v, void (*fn)(struct vt *v, void *arg), void *arg);
void vt_console_write(struct tty *writer, const char *text, unsigned n); /* to the first one's screen */

/* vt.c: vt_lock held */
void vt_reset(struct vt *v);
void vt_emit(struct vt *v, const char *text, unsigned n);
u32 vt_cursor(const struct vt *v);
void vt_set_cursor(struct vt *v, u32 row, u32 col);
void vt_answer(struct vt *v, const char *text, unsigned n); /* vc.c: to who wrote the question */

/* kbd.c, keymap.c */
extern spinlock_t kbd_lock;
void kbd_reset(struct vt *v);              /* K, or v is not yet known to others */
void kbd_scan_code(u8 byte);               /* keyboard's interrupt handler */
void kbd_vt_changed(void);                 /* lights, and keys that are held, after a switch or a change of modes */
void keyboard_set_leds(u8 leds);           /* keyboard.c; LED_* */
void keymap_init(void);
u16 keymap_value(unsigned table, unsigned key);            /* K: K_HOLE where there is nothing, K_NOSUCHMAP */
int keymap_set(unsigned table, unsigned key, u16 value);   /* sleeps: -EINVAL, -ENOMEM */
u8 *key_code_of(unsigned scan_code);                       /* K: E0h-prefixed ones from 128; NULL: no such */
const char *key_string(unsigned fn);                       /* K: "" if none */
int key_string_set(unsigned fn, const char *text);         /* sleeps: -ENOMEM */
/* font.c: the card's characters, 32 bytes each. Sleep. */
int font_get(u8 *data, unsigned *height);  /* data: FONT_BYTES, or NULL */
int font_set(const u8 *data);              /* NULL: the one at boot */
#define FONT_BYTES (256 * 32)

#endif
