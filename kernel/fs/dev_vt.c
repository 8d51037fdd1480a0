/* SPDX-License-Identifier: MIT
 *
 * What a program may ask of virtual terminals: ioctl_vt(2), ioctl_console(2). drivers/char/vt.h says what they are.
 *
 * Whoever has the terminal as its controlling one, or CAP_SYS_TTY_CONFIG, may change things; everybody may look.
 * What it cannot do (ENOTTY): palettes, Unicode maps of fonts, accents, tones, TIOCLINUX.
 */
#include "kernel/fs/dev.h"

#include "arch/i386/uaccess.h"
#include "drivers/char/vga.h"
#include "drivers/char/vt.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/process.h"
#include <linux/capability.h>
#include <linux/keyboard.h>

static bool may(struct tty *t) { return READ_ONCE(current->group->tty) == t || capable(CAP_SYS_TTY_CONFIG); }

/* --- switching -------------------------------------------------------------------------------------------------------- */

static long get_mode(struct vt *v, void __user *p)
{
	struct vt_mode mode;

	mutex_lock(&vt_mutex);
	mode = v->mode;
	mutex_unlock(&vt_mutex);
	return copy_to_user(p, &mode, sizeof(mode)) ? -EFAULT : 0;
}

static long set_mode(struct vt *v, const void __user *p)
{
	struct vt_mode mode;

	if (copy_from_user(&mode, p, sizeof(mode)))
		return -EFAULT;
	if (mode.mode != VT_AUTO && mode.mode != VT_PROCESS)
		return -EINVAL;
	mutex_lock(&vt_mutex);
	vt_set_mode(v, &mode, mode.mode == VT_PROCESS ? get_pid(current_leader()->pids) : NULL);
	mutex_unlock(&vt_mutex);
	return 0;
}

/* The answer has 16 bits: bit 0 is the one shown, bit n number n. */
static long get_state(struct vt_stat __user *p)
{
	struct vt_stat s = { .v_state = 1 };

	mutex_lock(&vt_mutex);
	s.v_active = vt_shown->nr;
	for (unsigned i = 1; i < 16; i++)
		if (vt_in_use(i))
			s.v_state |= 1U << i;
	mutex_unlock(&vt_mutex);
	return put_user(s.v_active, &p->v_active) || put_user(s.v_state, &p->v_state) ? -EFAULT : 0;
}

static long find_free(int __user *p)
{
	int nr = 1;

	mutex_lock(&vt_mutex);
	while (nr <= MAX_NR_CONSOLES && vt_in_use(nr))
		nr++;
	mutex_unlock(&vt_mutex);
	return put_user(nr <= MAX_NR_CONSOLES ? nr : -1, p);
}

static long activate(unsigned long nr)
{
	int r;

	if (!nr || nr > MAX_NR_CONSOLES)
		return -ENXIO;
	mutex_lock(&vt_mutex);
	r = vt_switch(nr);
	mutex_unlock(&vt_mutex);
	return r;
}

static long wait_active(unsigned long nr)
{
	if (!nr || nr > MAX_NR_CONSOLES)
		return -ENXIO;
	return vt_wait_shown(nr);
}

static long release_display(struct vt *v, unsigned long arg)
{
	int r = -EINVAL;

	mutex_lock(&vt_mutex);
	if (v->mode.mode == VT_PROCESS && arg == VT_ACKACQ)
		r = 0;
	else if (v->mode.mode == VT_PROCESS && v == vt_shown)
		r = vt_release(arg != 0);
	mutex_unlock(&vt_mutex);
	return r;
}

/* 0: all that nobody uses */
static long disallocate(unsigned long nr)
{
	int r = 0;

	if (nr > MAX_NR_CONSOLES)
		return -ENXIO;
	mutex_lock(&vt_mutex);
	if (nr)
		r = vt_free(nr);
	else
		for (unsigned i = 2; i <= MAX_NR_CONSOLES; i++)
			vt_free(i);
	mutex_unlock(&vt_mutex);
	return r;
}

static long resize(const struct vt_sizes __user *p)
{
	struct vt_sizes s;

	if (copy_from_user(&s, p, sizeof(s)))
		return -EFAULT;
	return s.v_rows == VGA_ROWS && s.v_cols == VGA_COLS ? 0 : -EINVAL;
}

static long lock_switching(bool lock)
{
	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	vt_lock_switching(lock);
	return 0;
}

static long switching_ioctl(struct vt *v, unsigned cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case VT_GETMODE: return get_mode(v, p);
	case VT_GETSTATE: return get_state(p);
	case VT_OPENQRY: return find_free(p);
	case VT_LOCKSWITCH: case VT_UNLOCKSWITCH: return lock_switching(cmd == VT_LOCKSWITCH);
	case VT_DISALLOCATE: return disallocate(arg);
	case VT_SETMODE: case VT_ACTIVATE: case VT_WAITACTIVE: case VT_RELDISP: case VT_RESIZE: break;
	default: return -ENOTTY;
	}
	if (!may(&v->tty))
		return -EPERM;
	switch (cmd) {
	case VT_SETMODE: return set_mode(v, p);
	case VT_ACTIVATE: return activate(arg);
	case VT_WAITACTIVE: return wait_active(arg);
	case VT_RELDISP: return release_display(v, arg);
	default: return resize(p);
	}
}

/* --- key maps --------------------------------------------------------------------------------------------------------------- */

static long get_entry(struct vt *v, struct kbentry __user *p)
{
	struct kbentry e;

	if (copy_from_user(&e, p, sizeof(e)))
		return -EFAULT;
	spin_lock_irq(&kbd_lock);
	e.kb_value = keymap_value(e.kb_table, e.kb_index);
	spin_unlock_irq(&kbd_lock);
	return put_user(e.kb_value, &p->kb_value) ? -EFAULT : 0;
}

static long set_entry(const struct kbentry __user *p)
{
	struct kbentry e;

	if (copy_from_user(&e, p, sizeof(e)))
		return -EFAULT;
	return keymap_set(e.kb_table, e.kb_index, e.kb_value);
}

static long get_string(struct kbsentry __user *p)
{
	char text[sizeof(p->kb_string)];
	u8 fn;

	if (get_user(fn, &p->kb_func))
		return -EFAULT;
	spin_lock_irq(&kbd_lock);
	strlcpy(text, key_string(fn), sizeof(text));
	spin_unlock_irq(&kbd_lock);
	return copy_to_user(p->kb_string, text, strlen(text) + 1) ? -EFAULT : 0;
}

static long set_string(const struct kbsentry __user *p)
{
	char text[sizeof(p->kb_string)];
	u8 fn;

	if (get_user(fn, &p->kb_func) || copy_from_user(text, p->kb_string, sizeof(text)))
		return -EFAULT;
	text[sizeof(text) - 1] = 0;
	return key_string_set(fn, text);
}

static long key_code(unsigned cmd, struct kbkeycode __user *p)
{
	struct kbkeycode k;
	long r = -EINVAL;
	u8 *code;

	if (copy_from_user(&k, p, sizeof(k)))
		return -EFAULT;
	spin_lock_irq(&kbd_lock);
	code = key_code_of(k.scancode);
	if (code && (cmd == KDGETKEYCODE || k.keycode < NR_KEYS)) {
		r = 0;
		if (cmd == KDGETKEYCODE)
			k.keycode = *code;
		else
			*code = (u8)k.keycode;
	}
	spin_unlock_irq(&kbd_lock);
	if (!r && cmd == KDGETKEYCODE)
		r = put_user(k.keycode, &p->keycode) ? -EFAULT : 0;
	return r;
}

static long map_ioctl(struct vt *v, unsigned cmd, void __user *p)
{
	switch (cmd) {
	case KDGKBENT: return get_entry(v, p);
	case KDGKBSENT: return get_string(p);
	case KDGETKEYCODE: return key_code(cmd, p);
	case KDSKBENT: case KDSKBSENT: case KDSETKEYCODE:
		if (!may(&v->tty) || !capable(CAP_SYS_TTY_CONFIG))
			return -EPERM;
		return cmd == KDSKBENT ? set_entry(p) : cmd == KDSKBSENT ? set_string(p) : key_code(cmd, p);
	default: return -ENOTTY;
	}
}

/* --- the keyboard's modes and lights ----------------------------------------------------------------------------------------- */

static long set_kbd_mode(struct vt *v, unsigned long mode)
{
	if (mode > K_OFF)
		return -EINVAL;
	spin_lock_irq(&kbd_lock);
	v->kbd_mode = mode;
	spin_unlock_irq(&kbd_lock);
	return 0;
}

static long set_meta(struct vt *v, unsigned long mode)
{
	if (mode != K_METABIT && mode != K_ESCPREFIX)
		return -EINVAL;
	v->meta_bit = mode == K_METABIT;
	return 0;
}

static long set_locks(struct vt *v, unsigned long bits)
{
	if (bits & ~0x77UL)
		return -EINVAL;
	spin_lock_irq(&kbd_lock);
	v->locks = bits & 7;
	v->start_locks = bits >> 4 & 7;
	spin_unlock_irq(&kbd_lock);
	kbd_vt_changed();
	return 0;
}

/* More than the three lights: as the locks are, again. */
static long set_lights(struct vt *v, unsigned long bits)
{
	v->lights = bits & ~7UL ? 0x80 : bits;
	kbd_vt_changed();
	return 0;
}

static long set_kd_mode(struct vt *v, unsigned long mode)
{
	if (mode > KD_TEXT1)
		return -EINVAL;
	mutex_lock(&vt_mutex);
	vt_set_kd_mode(v, mode == KD_GRAPHICS ? KD_GRAPHICS : KD_TEXT);
	mutex_unlock(&vt_mutex);
	return 0;
}

static long mode_ioctl(struct vt *v, unsigned cmd, unsigned long arg)
{
	void __user *p = (void __user *)arg;

	switch (cmd) {
	case KDGETMODE: return put_user((int)v->kd_mode, (int __user *)p);
	case KDGKBTYPE: return put_user((char)KB_101, (char __user *)p);
	case KDGKBMODE: return put_user((int)v->kbd_mode, (int __user *)p);
	case KDGKBMETA: return put_user(v->meta_bit ? K_METABIT : K_ESCPREFIX, (int __user *)p);
	case KDGKBLED: return put_user((char)(v->locks | v->start_locks << 4), (char __user *)p);
	case KDGETLED: return put_user((char)(v->lights & 0x80 ? v->locks : v->lights), (char __user *)p);
	case KDSETMODE: case KDSKBMODE: case KDSKBMETA: case KDSKBLED: case KDSETLED: break;
	default: return -ENOTTY;
	}
	if (!may(&v->tty))
		return -EPERM;
	switch (cmd) {
	case KDSETMODE: return set_kd_mode(v, arg);
	case KDSKBMODE: return set_kbd_mode(v, arg);
	case KDSKBMETA: return set_meta(v, arg);
	case KDSKBLED: return set_locks(v, arg);
	default: return set_lights(v, arg);
	}
}

/* --- fonts --------------------------------------------------------------------------------------------------------------------- */

/* A user's font of `count` characters, 32 bytes each, `height` of them used. */
static long load_font(const u8 __user *from, unsigned count, unsigned height)
{
	long r = -EINVAL;
	u8 *data;

	if (count != 256 || height != 16)
		return r;
	data = kvmalloc(FONT_BYTES, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	r = copy_from_user(data, from, FONT_BYTES) ? -EFAULT : font_set(data);
	kvfree(data);
	return r;
}

static long read_font(u8 __user *to, unsigned room, unsigned *height)
{
	u8 *data = to ? kvmalloc(FONT_BYTES, GFP_KERNEL) : NULL;
	long r;

	if (to && room < 256)
		r = -ENOSPC;
	else if (to && !data)
		r = -ENOMEM;
	else
		r = font_get(data, height);
	if (!r && to && copy_to_user(to, data, FONT_BYTES))
		r = -EFAULT;
	kvfree(data);
	return r;
}

static long font_op(struct console_font_op __user *p)
{
	struct console_font_op op;
	long r;

	if (copy_from_user(&op, p, sizeof(op)))
		return -EFAULT;
	switch (op.op) {
	case KD_FONT_OP_SET:
		return op.width == 8 && op.data ? load_font((u8 __user *)op.data, op.charcount, op.height) : -EINVAL;
	case KD_FONT_OP_SET_DEFAULT:
		return font_set(NULL);
	case KD_FONT_OP_GET:
		r = read_font((u8 __user *)op.data, op.charcount, &op.height);
		op.width = 8;
		op.charcount = 256;
		return !r && copy_to_user(p, &op, sizeof(op)) ? -EFAULT : r;
	default:
		return -EINVAL;
	}
}

static long font_ioctl(struct vt *v, unsigned cmd, void __user *p)
{
	struct console_font_op op = { .op = KD_FONT_OP_GET };

	if (cmd != KDFONTOP && cmd != PIO_FONT && cmd != GIO_FONT && cmd != PIO_FONTRESET)
		return -ENOTTY;
	if (cmd == KDFONTOP && copy_from_user(&op, p, sizeof(op)))
		return -EFAULT;
	if (cmd != GIO_FONT && op.op != KD_FONT_OP_GET && !may(&v->tty))
		return -EPERM;
	switch (cmd) {
	case KDFONTOP: return font_op(p);
	case PIO_FONT: return may(&v->tty) ? load_font(p, 256, 16) : -EPERM;
	case PIO_FONTRESET: return may(&v->tty) ? font_set(NULL) : -EPERM;
	default: return read_font(p, 256, &op.height);
	}
}

/* -ENOTTY: not for virtual terminals, or t is none */
long vt_ioctl(struct tty *t, unsigned cmd, unsigned long arg)
{
	struct vt *v = tty_vt(t);
	long r = -ENOTTY;

	if (!v)
		return r;
	if (cmd >> 8 == 0x56)
		return switching_ioctl(v, cmd, arg);
	if (cmd >> 8 != 0x4b)
		return r;
	r = mode_ioctl(v, cmd, arg);
	if (r == -ENOTTY)
		r = map_ioctl(v, cmd, (void __user *)arg);
	return r == -ENOTTY ? font_ioctl(v, cmd, (void __user *)arg) : r;
}
