/* SPDX-License-Identifier: MIT
 *
 * The kernel's log: a ring of records, each with time, level and CPU; consoles print it as it comes.
 *
 * => any context, NMI and panic included. A CPU that finds the ring busy on itself (NMI) keeps its text aside until
 *    the holder is done; a console that is busy is served by whoever holds it.
 */
#ifndef KERNEL_LIB_PRINTK_H
#define KERNEL_LIB_PRINTK_H

#include "kernel/lib/types.h"

enum { LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
#define KERN_SOH "\001"
#define KERN_EMERG KERN_SOH "0"
#define KERN_ALERT KERN_SOH "1"
#define KERN_CRIT KERN_SOH "2"
#define KERN_ERR KERN_SOH "3"
#define KERN_WARNING KERN_SOH "4"
#define KERN_NOTICE KERN_SOH "5"
#define KERN_INFO KERN_SOH "6"
#define KERN_DEBUG KERN_SOH "7"
#define KERN_CONT KERN_SOH "c" /* goes on the line before, if nobody else has printed since */

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
int printk(const char *fmt, ...) __printf(1, 2);
int vprintk(const char *fmt, va_list args) __printf(1, 0);
#define pr_emerg(fmt, ...) printk(KERN_EMERG pr_fmt(fmt), ##__VA_ARGS__)
#define pr_err(fmt, ...) printk(KERN_ERR pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...) printk(KERN_WARNING pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...) printk(KERN_NOTICE pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...) printk(KERN_INFO pr_fmt(fmt), ##__VA_ARGS__)
#define pr_cont(fmt, ...) printk(KERN_CONT fmt, ##__VA_ARGS__)
#ifdef CONFIG_DEBUG
#define pr_debug(fmt, ...) printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__)
#else
#define pr_debug(fmt, ...) do { if (0) printk(KERN_DEBUG pr_fmt(fmt), ##__VA_ARGS__); } while (0)
#endif
#define pr_once(level, fmt, ...) do { static bool _done; if (!_done) { _done = true; printk(level fmt, ##__VA_ARGS__); } } while (0)
#define pr_warn_once(fmt, ...) pr_once(KERN_WARNING, fmt, ##__VA_ARGS__)
#define pr_info_once(fmt, ...) pr_once(KERN_INFO, fmt, ##__VA_ARGS__)
/* At most `burst` a five seconds for this call site. */
bool printk_allowed(u32 state[2], unsigned burst);
#define pr_ratelimited(level, fmt, ...) do { static u32 _state[2]; \
	if (printk_allowed(_state, 10)) printk(level fmt, ##__VA_ARGS__); } while (0)
#define pr_warn_ratelimited(fmt, ...) pr_ratelimited(KERN_WARNING, fmt, ##__VA_ARGS__)

/* write may be called in any context with interrupts off, by one CPU at a time; after a panic without that promise. */
struct console {
	const char *name;
	void (*write)(const char *text, unsigned len);
	u32 flags; /* CON_* */
	struct console *next;
};
enum { CON_ENABLED = 1, CON_PRINTBUFFER = 2 /* wants what was logged before it came */, CON_BOOT = 4 /* leaves when a real one comes */ };
void register_console(struct console *c);
extern int console_loglevel;      /* records below this level (numerically) reach the consoles: loglevel=, quiet */

/* --- reading it: /dev/kmsg, syslog(2) ------------------------------------------------------------------------------ */
struct log_record { u64 seq; u64 time_ns; u8 level; u8 cpu; u16 len; };
/* Copies record *seq or the first later one that is still there; *seq becomes the one after it. => bytes of text
 * (without a newline), or -EAGAIN if there is none yet. */
ssize_t log_read(u64 *seq, struct log_record *rec, char *text, size_t size);
u64 log_first_seq(void), log_next_seq(void);
u64 log_clear_seq(void);          /* dmesg -c: where "all" starts */
void log_clear(void);
struct wait_queue;
extern struct wait_queue log_wait; /* woken, soon after, when records were added */
void log_wake_readers(void);       /* kernel/sched: from the tick and the idle loop */
size_t log_size(void);

/* hex and text of a piece of memory, 16 bytes a line */
void print_hex_dump(const char *level, const char *prefix, const void *p, size_t n);
void dump_stack(void);

#endif
