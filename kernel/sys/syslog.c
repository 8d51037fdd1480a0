/* SPDX-License-Identifier: MIT
 *
 * syslog(2), which libc calls klogctl: dmesg and the log level of the consoles.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sync/wait.h"
#include "kernel/sys/cred.h"
#include "kernel/time/clock.h"
#include "mm/phys/phys.h"

enum { LOG_CLOSE, LOG_OPEN, LOG_READ, LOG_READ_ALL, LOG_READ_CLEAR, LOG_CLEAR, LOG_CONSOLE_OFF, LOG_CONSOLE_ON, LOG_CONSOLE_LEVEL,
	LOG_SIZE_UNREAD, LOG_SIZE_BUFFER };
#define LINE_MAX 1100

static u64 read_seq;             /* where LOG_READ goes on; read_mutex */
static DEFINE_MUTEX(read_mutex);
static int saved_level = -1;

/* One record as dmesg prints it: <level>[seconds.micros] text. => length, or -EAGAIN */
static ssize_t format_next(u64 *seq, char *line)
{
	struct log_record rec;
	char *text = line + 64;
	ssize_t n = log_read(seq, &rec, text, LINE_MAX - 66);
	u32 rem;
	u64 sec;
	int head;

	if (n < 0)
		return n;
	sec = div_u64_rem(rec.time_ns, NSEC_PER_SEC, &rem);
	head = scnprintf(line, 64, "<%u>[%5llu.%06u] ", rec.level, sec, rem / 1000);
	memmove(line + head, text, n);
	line[head + n] = '\n';
	return head + n + 1;
}

/* The last records that fit into size bytes. */
static u64 first_that_fits(char *line, size_t size)
{
	u64 seq, at;
	size_t total = 0;
	ssize_t n;

	for (seq = max(log_clear_seq(), log_first_seq()); (n = format_next(&seq, line)) > 0;)
		total += n;
	for (seq = at = max(log_clear_seq(), log_first_seq()); total > size && (n = format_next(&seq, line)) > 0; at = seq)
		total -= n;
	return total > size ? seq : at;
}

static long read_all(char __user *to, size_t size, bool clear)
{
	char *line = kmalloc(LINE_MAX, GFP_KERNEL);
	size_t done = 0;
	ssize_t n;
	u64 seq;

	if (!line)
		return -ENOMEM;
	seq = first_that_fits(line, size);
	while ((n = format_next(&seq, line)) > 0 && done + n <= size) {
		if (copy_to_user(to + done, line, n)) {
			kfree(line);
			return -EFAULT;
		}
		done += n;
	}
	kfree(line);
	if (clear)
		log_clear();
	return done;
}

/* The next record, which no other reader gets. => -EAGAIN: one was faster */
static long take_next(char __user *to, size_t size, char *line)
{
	long ret;
	u64 seq;

	mutex_lock(&read_mutex);
	seq = read_seq;
	ret = format_next(&seq, line);
	if (ret > 0) {
		ret = min((size_t)ret, size);
		if (copy_to_user(to, line, ret))
			ret = -EFAULT;
		else
			read_seq = seq;
	}
	mutex_unlock(&read_mutex);
	return ret;
}

/* All readers are woken for each record: who finds it gone goes on waiting. */
static long read_new(char __user *to, size_t size)
{
	char *line = kmalloc(LINE_MAX, GFP_KERNEL);
	long ret;

	if (!line)
		return -ENOMEM;
	do {
		ret = wait_event_interruptible(&log_wait, READ_ONCE(read_seq) < log_next_seq());
		if (!ret)
			ret = take_next(to, size, line);
	} while (ret == -EAGAIN);
	kfree(line);
	return ret;
}

static size_t unread_bytes(void)
{
	char *line = kmalloc(LINE_MAX, GFP_KERNEL);
	u64 seq = max(READ_ONCE(read_seq), log_first_seq());
	size_t total = 0;
	ssize_t n;

	while (line && (n = format_next(&seq, line)) > 0)
		total += n;
	kfree(line);
	return total;
}

static long set_console_level(int level)
{
	if (level < 1 || level > 8)
		return -EINVAL;
	console_loglevel = level;
	saved_level = -1;
	return 0;
}

static long switch_console(bool on)
{
	if (!on) {
		if (saved_level < 0)
			saved_level = console_loglevel;
		console_loglevel = 1;
	} else if (saved_level >= 0) {
		console_loglevel = saved_level;
		saved_level = -1;
	}
	return 0;
}

SYSCALL(syslog, int what, char __user *buf, int len)
{
	bool reads = what == LOG_READ || what == LOG_READ_ALL || what == LOG_READ_CLEAR;

	if (what != LOG_READ_ALL && what != LOG_SIZE_BUFFER && !capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (reads && (!buf || len < 0))
		return -EINVAL;
	if (reads && !len)
		return 0;
	switch (what) {
	case LOG_CLOSE: case LOG_OPEN: return 0;
	case LOG_READ: return read_new(buf, len);
	case LOG_READ_ALL: return read_all(buf, len, false);
	case LOG_READ_CLEAR: return read_all(buf, len, true);
	case LOG_CLEAR: log_clear(); return 0;
	case LOG_CONSOLE_OFF: return switch_console(false);
	case LOG_CONSOLE_ON: return switch_console(true);
	case LOG_CONSOLE_LEVEL: return set_console_level(len);
	case LOG_SIZE_UNREAD: return unread_bytes();
	case LOG_SIZE_BUFFER: return log_size();
	default: return -EINVAL;
	}
}
