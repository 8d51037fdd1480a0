/* SPDX-License-Identifier: MIT
 *
 * printk: format, store, print.
 *
 * The log lock is a bare spinlock, taken with interrupts off and held for a copy only. Text from an NMI that hits the
 * holder on the same CPU is kept aside, per CPU, and stored by the holder. Consoles belong to whoever gets console_busy;
 * the others leave their text to it, and it looks again after letting go. After a panic the panicking CPU breaks both
 * locks when they do not come free within a moment.
 *
 * Locks: log lock and console_busy are leaves: consoles may not call printk or take any lock that is held over printk.
 * Cannot: say when a line has reached the console.
 */
#include "kernel/lib/bug.h"
#include "kernel/lib/logring.h"
#include "kernel/lib/param.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"

#define TEXT_MAX 1000
#define ASIDE_MAX 512
struct printk_cpu {
	u32 nest;                    /* printk inside printk: an NMI or a fault */
	u32 aside_len;
	char text[2][TEXT_MAX];
	char aside[ASIDE_MAX];
};
static DEFINE_PER_CPU(struct printk_cpu, printk_cpu);

static spinlock_t ring_lock;
static volatile u32 ring_owner;      /* 1 + CPU */
static volatile u32 console_busy;
static struct console *consoles;
static u32 console_seq, console_off; /* console_busy: next record, and how much of it is out */
static bool console_midline;
static volatile u32 stored;          /* log lock: counts additions to the ring */
int console_loglevel = 7;
DEFINE_WAIT_QUEUE(log_wait);
static volatile bool log_wake_wanted; /* printk cannot wake by itself: it may be called with any lock held */

static u32 loglevel = 7;
static bool quiet;
static int set_loglevel(const char *v)
{
	if (kstrtouint(v, 10, &loglevel) || loglevel > 8)
		return -EINVAL;
	console_loglevel = (int)loglevel;
	return 0;
}
static int set_quiet(const char *v)
{
	quiet = true;
	console_loglevel = 4;
	return 0;
}
PARAM_CALL("loglevel", set_loglevel, "a number from 0 to 8: less important messages stay off the console");
PARAM_CALL("quiet", set_quiet, "only errors reach the console during boot");

static bool panicking_here(void) { return panic_cpu == smp_processor_id() + 1; }

/* Waits for a lock word to come free; the panicking CPU only for a moment. */
static void wait_or_break(bool (*take)(void))
{
	for (u32 spins = 0; !take(); spins++) {
		if (panicking_here() && spins > 10000000)
			return;
		cpu_relax();
	}
}

static bool take_ring(void) { return raw_spin_trylock(&ring_lock); }

u32 log_lock(void)
{
	unsigned long flags;

	local_irq_save(flags);
	wait_or_break(take_ring);
	ring_owner = smp_processor_id() + 1;
	return flags;
}

void log_unlock(u32 flags)
{
	ring_owner = 0;
	raw_spin_unlock(&ring_lock);
	local_irq_restore(flags);
}

/* --- store ------------------------------------------------------------------------------------------------------------ */
static void store_line(u64 now, int level, bool cont, bool open, const char *text, unsigned len)
{
	u8 cpu = (u8)smp_processor_id();

	if (cont && ring_extend(cpu, open, text, len))
		return;
	ring_append(now, (u8)level, cpu, open, text, len);
}

/* text may hold several lines, each with a level of its own. */
static void store(u64 now, const char *text, unsigned len)
{
	const char *end = text + len;

	stored++;
	while (text < end) {
		int level = LOG_WARNING;
		bool cont = false;
		const char *nl;

		if (end - text >= 2 && text[0] == KERN_SOH[0]) {
			cont = text[1] == 'c';
			level = cont ? LOG_INFO : text[1] - '0';
			text += 2;
		}
		nl = memchr(text, '\n', (size_t)(end - text));
		store_line(now, level, cont, !nl, text, (unsigned)((nl ?: end) - text));
		text = nl ? nl + 1 : end;
	}
}

static void store_or_keep(struct printk_cpu *pc, const char *text, unsigned len)
{
	u32 flags;

	if (ring_owner == smp_processor_id() + 1) { /* we interrupted ourselves */
		len = min(len, (unsigned)ASIDE_MAX - pc->aside_len);
		memcpy(pc->aside + pc->aside_len, text, len);
		pc->aside_len += len;
		return;
	}
	flags = log_lock();
	store(ktime_get(), text, len);
	if (pc->aside_len) {
		store(ktime_get(), pc->aside, pc->aside_len);
		pc->aside_len = 0;
	}
	log_unlock(flags);
}

/* --- print ------------------------------------------------------------------------------------------------------------ */
static char line[TEXT_MAX * 2 + 64]; /* console_busy */

/* What is next for the consoles. => length of line, 0 when all is out */
static unsigned next_line(void)
{
	unsigned n = 0;
	u32 flags, seq;
	const struct log_rec *r;

	flags = log_lock();
	for (;;) {
		seq = console_seq;
		r = ring_find(&seq);
		if (seq != console_seq) {
			console_seq = seq;
			console_off = 0;
		}
		if (!r || (r->open && console_off == r->len && console_seq + 1 == ring_next_seq))
			break;
		if (r->level < console_loglevel) {
			if (console_off == 0 && console_midline)
				line[n++] = '\n';
			if (console_off == 0)
				n += (unsigned)scnprintf(line + n, 40, "[%12pT] ", &r->time);
			memcpy(line + n, r->text + console_off, r->len - console_off);
			n += r->len - console_off;
			console_midline = r->open;
			if (!r->open)
				line[n++] = '\n';
		}
		if (r->open)
			console_off = r->len;
		if (!r->open || console_seq + 1 != ring_next_seq) {
			console_seq++;
			console_off = 0;
		}
		if (n)
			break;
	}
	log_unlock(flags);
	return n;
}

static bool take_consoles(void) { return !xchg(&console_busy, 1u); }

static void print_pending(void)
{
	unsigned n;
	u32 seen;

	do {
		if (!take_consoles()) {
			if (!panicking_here())
				return; /* the holder looks again */
			wait_or_break(take_consoles);
		}
		seen = READ_ONCE(stored);
		while ((n = next_line()))
			for (struct console *c = consoles; c; c = c->next)
				if (c->flags & CON_ENABLED)
					c->write(line, n);
		smp_store_release(&console_busy, 0u);
		smp_mb();
	} while (seen != READ_ONCE(stored));
}

int vprintk(const char *fmt, va_list args)
{
	unsigned long flags;
	struct printk_cpu *pc;
	char *text;
	int n;

	local_irq_save(flags);
	pc = this_cpu_ptr(&printk_cpu);
	text = pc->text[min(pc->nest, 1u)];
	pc->nest++;
	n = vscnprintf(text, TEXT_MAX, fmt, args);
	store_or_keep(pc, text, (unsigned)n);
	if (pc->nest == 1 || panicking_here())
		if (consoles)
			print_pending();
	pc->nest--;
	if (waitqueue_active(&log_wait))
		log_wake_wanted = true;
	local_irq_restore(flags);
	return n;
}

int printk(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintk(fmt, args);
	va_end(args);
	return n;
}

/* --- consoles ----------------------------------------------------------------------------------------------------------- */
static void drop_boot_consoles(void)
{
	for (struct console **p = &consoles; *p;) {
		if ((*p)->flags & CON_BOOT)
			*p = (*p)->next;
		else
			p = &(*p)->next;
	}
}

void register_console(struct console *c)
{
	unsigned long flags;

	local_irq_save(flags);
	wait_or_break(take_consoles);
	if (!(c->flags & CON_BOOT))
		drop_boot_consoles();
	if (c->flags & CON_PRINTBUFFER) {
		console_seq = ring_first_seq;
		console_off = 0;
	}
	c->flags |= CON_ENABLED;
	c->next = consoles;
	WRITE_ONCE(consoles, c);
	smp_store_release(&console_busy, 0u);
	print_pending();
	local_irq_restore(flags);
}

/* From the idle loop and the tick. */
void log_wake_readers(void)
{
	if (likely(!log_wake_wanted))
		return;
	log_wake_wanted = false;
	wake_up_all(&log_wait);
}

bool printk_allowed(u32 state[2], unsigned burst)
{
	u32 now = (u32)(ktime_get() >> 30); /* about seconds */

	if (now - state[0] >= 5) {
		state[0] = now;
		state[1] = 0;
	}
	return state[1]++ < burst;
}

void print_hex_dump(const char *level, const char *prefix, const void *p, size_t n)
{
	const u8 *b = p;

	for (size_t i = 0; i < n; i += 16) {
		char text[80];
		size_t m = min(n - i, (size_t)16), len = 0;

		for (size_t j = 0; j < 16; j++)
			len += (size_t)(j < m ? scnprintf(text + len, sizeof(text) - len, "%02x ", b[i + j])
					      : scnprintf(text + len, sizeof(text) - len, "   "));
		for (size_t j = 0; j < m; j++)
			text[len++] = b[i + j] >= 32 && b[i + j] < 127 ? (char)b[i + j] : '.';
		text[len] = 0;
		printk("%s%s%04zx: %s\n", level, prefix, i, text);
	}
}
