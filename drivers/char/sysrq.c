/* SPDX-License-Identifier: MIT
 *
 * The keys that work when nothing else does. On the serial console: a break, or Ctrl-O, then a letter within five
 * seconds (Ctrl-O twice sends one). On the keyboard: Alt-SysRq and the letter. From a program: a letter written to
 * /proc/sysrq-trigger.
 *
 * Handlers run in interrupt context with interrupts off; they may only print, look and take locks by trying. What must
 * sleep (sync) goes to the thread of its room. Rooms register their letters at boot; keys[] does not change later.
 */
#include "arch/i386/cpu.h"
#include "drivers/char/char.h"
#include "drivers/char/tty.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/printk.h"
#include "kernel/time/clock.h"

#define CTRL_O 0x0f
#define ARMED_NS (5 * NSEC_PER_SEC)

static struct { const char *help; void (*fn)(void); } keys[26];
void (*sysrq_ctrl_alt_del_fn)(void);

void sysrq_register(char key, const char *help, void (*fn)(void))
{
	BUG_ON(!islower(key) || keys[key - 'a'].fn);
	keys[key - 'a'].help = help;
	keys[key - 'a'].fn = fn;
}

static void print_help(void)
{
	printk(KERN_NOTICE "sysrq: keys:\n");
	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].fn)
			printk(KERN_NOTICE "sysrq:   %c  %s\n", 'a' + (int)i, keys[i].help);
}

bool sysrq(char key)
{
	key = tolower(key);
	if (!islower(key) || !keys[key - 'a'].fn) {
		print_help();
		return false;
	}
	printk(KERN_NOTICE "sysrq: %c: %s\n", key, keys[key - 'a'].help);
	keys[key - 'a'].fn();
	return true;
}

/* One byte. => true if it is not for the terminal */
static bool watch_byte(struct sysrq_watch *w, u8 c, u8 flag)
{
	if (flag == TTY_BREAK || (c == CTRL_O && !w->armed && flag == TTY_NORMAL)) {
		w->armed = true;
		w->until = ktime_get() + ARMED_NS;
		return true;
	}
	if (!w->armed)
		return false;
	w->armed = false;
	if (c == CTRL_O || ktime_get() > w->until)
		return false;
	sysrq((char)c);
	return true;
}

unsigned sysrq_filter(struct sysrq_watch *w, u8 *buf, u8 *flags, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		if (watch_byte(w, buf[i], flags[i]))
			continue;
		buf[kept] = buf[i];
		flags[kept++] = flags[i];
	}
	return kept;
}

static void crash(void) { panic("sysrq: crash asked for"); }
static void debugger(void) { magic_break(); }

void sysrq_init(void)
{
	sysrq_register('c', "crash (panic)", crash);
	sysrq_register('g', "stop in Bochs's debugger", debugger);
	sysrq_register('h', "this list", print_help);
}
