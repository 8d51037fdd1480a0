/* SPDX-License-Identifier: MIT
 *
 * Virtual terminals: which there are, and which of them the screen and the keyboard belong to. See vt.h for the picture,
 * life and locks; ioctl_vt(2).
 *
 * Switching (Alt-Fn, VT_ACTIVATE) happens at once, unless the program on the one that is shown has asked to decide
 * (VT_PROCESS): then it gets a signal, and its VT_RELDISP goes on, or refuses. A program that has gone is not waited for.
 *
 * The log goes to the terminal that is shown. In a panic vt_lock may be held for ever, so the log's wait for it ends.
 */
#include "arch/i386/cpu.h"
#include "drivers/char/vga.h"
#include "drivers/char/vt.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sync/rcu.h"
#include "mm/phys/phys.h"

static DEFINE_SPINLOCK(vt_lock);
DEFINE_MUTEX(vt_mutex);
static u16 first_cells[VGA_CELLS];
static struct vt first = { .nr = 1, .cells = first_cells };
static struct vt *table[MAX_NR_CONSOLES + 1] = { [1] = &first }; /* V */
struct vt *vt_shown = &first;
static unsigned asked;         /* V: the terminal that the owner of the one shown has been told about; 0: none */
static bool switching_locked;  /* VT_LOCKSWITCH */
static bool present;
static DEFINE_WAIT_QUEUE(switched);

bool vga_present(void) { return present; }
void vt_lock_switching(bool locked) { WRITE_ONCE(switching_locked, locked); }

/* --- writing on a screen --------------------------------------------------------------------------------------------- */

static bool lock_screen(unsigned long *irq)
{
	local_irq_save(*irq);
	for (unsigned i = 0; i < 10000000; i++) {
		if (spin_trylock(&vt_lock))
			return true;
		cpu_relax();
	}
	return false;
}

static void unlock_screen(bool locked, unsigned long irq)
{
	if (locked)
		spin_unlock(&vt_lock);
	local_irq_restore(irq);
}

static void show_cursor(struct vt *v)
{
	if (v == vt_shown && v->kd_mode == KD_TEXT)
		vga_cursor(vt_cursor(v), v->visible);
}

/* v NULL: the one that is shown */
static void write_to(struct vt *v, struct tty *writer, const char *text, unsigned n)
{
	unsigned long irq;
	bool locked;

	if (!present)
		return;
	locked = lock_screen(&irq);
	v = v ? v : vt_shown;
	v->writer = writer;
	vt_emit(v, text, n);
	v->writer = NULL;
	show_cursor(v);
	unlock_screen(locked, irq);
}

void vt_console_write(struct tty *writer, const char *text, unsigned n) { write_to(&first, writer, text, n); }

static void log_write(const char *text, unsigned n)
{
	for (unsigned len; n; text += len, n -= len) {
		for (len = 0; len < n && text[len] != '\n'; len++)
			;
		write_to(NULL, NULL, text, len);
		if (len < n) {
			write_to(NULL, NULL, "\r\n", 2);
			len++;
		}
	}
}

/* The screen's answers to questions (where is the cursor, what are you): as if typed by the one who asked, whose lock is
 * held by the write that did; so a thread types. */
static void type_answer(struct later *l)
{
	struct vt *v = container_of(l, struct vt, answer_work);
	u8 text[sizeof(v->answer)];
	struct tty *t;
	unsigned n;

	spin_lock_irq(&vt_lock);
	t = v->answer_to;
	n = v->answer_len;
	memcpy(text, v->answer, n);
	v->answer_to = NULL;
	v->answer_len = 0;
	spin_unlock_irq(&vt_lock);
	if (!t)
		return;
	tty_receive(t, text, NULL, n);
	tty_put(t); /* v may go with it */
}

void vt_answer(struct vt *v, const char *text, unsigned n)
{
	if (!v->writer || v->answer_len + n > sizeof(v->answer))
		return;
	if (!v->answer_to)
		tty_get(v->answer_to = v->writer);
	memcpy(v->answer + v->answer_len, text, n);
	v->answer_len += n;
	v->answer_work.fn = type_answer;
	later_queue(&v->answer_work);
}

void vt_with_screen(struct vt *v, void (*fn)(struct vt *v, void *arg), void *arg)
{
	unsigned long irq;

	spin_lock_irqsave(&vt_lock, irq);
	fn(v, arg);
	show_cursor(v);
	spin_unlock_irqrestore(&vt_lock, irq);
}

void vga_scrollback(int lines)
{
	unsigned long irq;
	bool locked = lock_screen(&irq);

	vga_look_back(lines);
	unlock_screen(locked, irq);
}

/* --- as terminals ------------------------------------------------------------------------------------------------------ */

static void vt_start(struct tty *t)
{
	struct vt *v = container_of(t, struct vt, tty);
	u8 buf[128];
	unsigned n;

	while ((n = tty_take_output(t, buf, sizeof(buf))))
		write_to(v, t, (char *)buf, n);
}
static void vt_unthrottle(struct tty *t) { }

static void vt_last_put(struct tty *t)
{
	struct vt *v = container_of(t, struct vt, tty);

	if (v->owner)
		tty_upcalls->put_pid(v->owner);
	kfree(v->cells);
	kfree(v);
}

static const struct tty_driver vt_driver = { .name = "tty", .start = vt_start, .unthrottle = vt_unthrottle, .free = vt_last_put };

struct vt *tty_vt(struct tty *t) { return t->driver == &vt_driver ? container_of(t, struct vt, tty) : NULL; }

static void set_up_tty(struct vt *v)
{
	char name[8];

	snprintf(name, sizeof(name), "tty%u", v->nr);
	tty_setup(&v->tty, &vt_driver, name, v->nr, 4 << 8 | v->nr);
	v->tty.winsize = (struct winsize){ .ws_row = VGA_ROWS, .ws_col = VGA_COLS };
	v->mode.mode = VT_AUTO;
	kbd_reset(v);
}

static struct vt *make(unsigned nr)
{
	struct vt *v = kzalloc(sizeof(*v), GFP_KERNEL);

	if (!v)
		return NULL;
	v->cells = kmalloc(VGA_CELLS * sizeof(u16), GFP_KERNEL);
	if (!v->cells) {
		kfree(v);
		return NULL;
	}
	v->nr = nr;
	set_up_tty(v);
	vt_reset(v);
	return v;
}

/* --- which there are --------------------------------------------------------------------------------------------------------- */

struct vt *vt_find(unsigned nr) { return nr <= MAX_NR_CONSOLES ? table[nr] : NULL; }

/* V held */
static struct vt *find_or_make(unsigned nr)
{
	if (!nr)
		return vt_shown;
	if (nr > MAX_NR_CONSOLES || !present)
		return nr == 1 ? &first : ERR_PTR(-ENXIO);
	if (!table[nr])
		table[nr] = make(nr);
	return table[nr] ? table[nr] : ERR_PTR(-ENOMEM);
}

struct vt *vt_get(unsigned nr)
{
	struct vt *v;

	mutex_lock(&vt_mutex);
	v = find_or_make(nr);
	if (!IS_ERR(v))
		tty_get(&v->tty);
	mutex_unlock(&vt_mutex);
	return v;
}

bool vt_in_use(unsigned nr) { return table[nr] && atomic_read(&table[nr]->tty.refcount) > 1; }

int vt_free(unsigned nr)
{
	struct vt *v = table[nr];

	if (vt_in_use(nr) || v == vt_shown)
		return -EBUSY;
	if (!v || v == &first)
		return 0;
	table[nr] = NULL;
	synchronize_rcu(); /* a key's interrupt may have found it as the one shown */
	tty_put(&v->tty);
	return 0;
}

/* --- switching ---------------------------------------------------------------------------------------------------------------- */

static bool tell(struct vt *v, int sig)
{
	return v->mode.mode == VT_PROCESS && v->owner && (!sig || !tty_upcalls->signal_pid(v->owner, sig));
}

static void auto_mode(struct vt *v) { vt_set_mode(v, &(struct vt_mode){ .mode = VT_AUTO }, NULL); }

static void show(struct vt *v)
{
	unsigned long irq;

	asked = 0;
	spin_lock_irqsave(&vt_lock, irq);
	vt_shown = v;
	vga_show(v->kd_mode == KD_TEXT ? v->cells : NULL);
	show_cursor(v);
	spin_unlock_irqrestore(&vt_lock, irq);
	kbd_vt_changed();
	if (v->mode.mode == VT_PROCESS && !tell(v, v->mode.acqsig))
		auto_mode(v);
	wake_up_all(&switched);
}

int vt_switch(unsigned nr)
{
	struct vt *v = find_or_make(nr);

	if (IS_ERR(v))
		return PTR_ERR(v);
	if (v == vt_shown || READ_ONCE(switching_locked))
		return 0;
	if (vt_shown->mode.mode == VT_PROCESS) {
		asked = nr;
		if (tell(vt_shown, vt_shown->mode.relsig))
			return 0;
		auto_mode(vt_shown);
	} else if (vt_shown->kd_mode == KD_GRAPHICS) {
		return 0; /* nobody would draw it again */
	}
	show(v);
	return 0;
}

int vt_release(bool yes)
{
	struct vt *v = asked ? find_or_make(asked) : NULL;

	if (!asked)
		return -EINVAL;
	asked = 0;
	if (IS_ERR(v))
		return PTR_ERR(v);
	if (yes)
		show(v);
	return 0;
}

void vt_set_mode(struct vt *v, const struct vt_mode *mode, struct pid *owner)
{
	if (v->owner)
		tty_upcalls->put_pid(v->owner);
	v->mode = *mode;
	v->mode.frsig = 0;
	v->owner = owner;
	if (v == vt_shown)
		asked = 0;
}

void vt_set_kd_mode(struct vt *v, u8 mode)
{
	unsigned long irq;

	spin_lock_irqsave(&vt_lock, irq);
	if (v->kd_mode != mode) {
		v->kd_mode = mode;
		if (v == vt_shown)
			vga_show(mode == KD_TEXT ? v->cells : NULL);
		show_cursor(v);
	}
	spin_unlock_irqrestore(&vt_lock, irq);
}

int vt_wait_shown(unsigned nr)
{
	return wait_event_interruptible(&switched, READ_ONCE(vt_shown)->nr == nr) ? -ERESTARTSYS : 0;
}

/* By keys: only to one that exists already, as on Linux. wanted: its number, or 1000 + a step. */
static int wanted;

static unsigned beside(int step)
{
	unsigned nr = vt_shown->nr;

	do
		nr = (nr + step + MAX_NR_CONSOLES - 1) % MAX_NR_CONSOLES + 1;
	while (!table[nr]);
	return nr;
}

static void switch_now(struct later *l)
{
	int to = READ_ONCE(wanted);

	mutex_lock(&vt_mutex);
	if (to >= 1000 - 1)
		to = (int)beside(to - 1000);
	if (vt_find(to))
		vt_switch(to);
	mutex_unlock(&vt_mutex);
}
static struct later switch_work = LATER(switch_now);

void vt_switch_later(unsigned nr)
{
	WRITE_ONCE(wanted, (int)nr);
	later_queue(&switch_work);
}
void vt_switch_beside(int step) { vt_switch_later(1000 + step); }

/* --- at boot ---------------------------------------------------------------------------------------------------------------------- */

static struct console vga_console = { .name = "tty0", .write = log_write, .flags = CON_ENABLED | CON_PRINTBUFFER };

void vga_early_init(void)
{
	if (!vga_probe())
		return;
	vt_reset(&first);
	vga_show(first.cells);
	present = true;
	register_console(&vga_console);
}

void vt_init(void) { set_up_tty(&first); }
