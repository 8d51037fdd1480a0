/* SPDX-License-Identifier: MIT
 *
 * /dev/rtc0: the battery-backed clock for hwclock. rtc(4). It is read at boot; nothing sets it but RTC_SET_TIME.
 *
 * What it cannot do: alarms and periodic interrupts (ENOTTY).
 */
#include "arch/i386/clock.h"
#include "arch/i386/uaccess.h"
#include "kernel/fs/dev.h"
#include "kernel/lib/div64.h"
#include "kernel/lib/printk.h"
#include "kernel/sys/process.h"
#include <linux/capability.h>
#include <linux/rtc.h>

#define RTC_MAJOR 252U
static atomic_t in_use; /* one at a time, as on Linux */

static long read_time(struct rtc_time __user *p)
{
	u32 left, days, y, m, d;
	struct rtc_time t;

	days = (u32)div_u64_rem(arch_rtc_seconds(), 86400, &left);
	civil_from_days(days, &y, &m, &d);
	t = (struct rtc_time){
		.tm_sec = left % 60, .tm_min = left / 60 % 60, .tm_hour = left / 3600, .tm_mday = d, .tm_mon = m - 1, .tm_year = y - 1900,
		.tm_wday = (days + 4) % 7, .tm_yday = days - days_from_civil(y, 1, 1),
	};
	return copy_to_user(p, &t, sizeof(t)) ? -EFAULT : 0;
}

/* Such a date exists: it comes back the same from the calendar. */
static bool valid(const struct rtc_time *t)
{
	u32 y, m, d;

	if (t->tm_year < 70 || t->tm_year > 199 || t->tm_mon < 0 || t->tm_mon > 11 || t->tm_mday < 1 || t->tm_mday > 31)
		return false;
	civil_from_days(days_from_civil(t->tm_year + 1900, t->tm_mon + 1, t->tm_mday), &y, &m, &d);
	return m == (u32)t->tm_mon + 1 && t->tm_hour >= 0 && t->tm_hour < 24 && t->tm_min >= 0 && t->tm_min < 60 && t->tm_sec >= 0 && t->tm_sec < 60;
}

static long set_time(const struct rtc_time __user *p)
{
	struct rtc_time t;

	if (!capable(CAP_SYS_TIME))
		return -EACCES;
	if (copy_from_user(&t, p, sizeof(t)))
		return -EFAULT;
	if (!valid(&t))
		return -EINVAL;
	return arch_rtc_set((u64)days_from_civil(t.tm_year + 1900, t.tm_mon + 1, t.tm_mday) * 86400 + t.tm_hour * 3600 +
			    t.tm_min * 60 + t.tm_sec) ? 0 : -EINVAL;
}

static long rtc_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
	switch (cmd) {
	case RTC_RD_TIME: return read_time((struct rtc_time __user *)arg);
	case RTC_SET_TIME: return set_time((struct rtc_time __user *)arg);
	default: return -ENOTTY;
	}
}

static int rtc_open(struct inode *i, struct file *f) { return atomic_cmpxchg(&in_use, 0, 1) ? -EBUSY : 0; }
static void rtc_release(struct file *f) { atomic_set(&in_use, 0); }

static const struct file_ops rtc_ops = { .open = rtc_open, .release = rtc_release, .ioctl = rtc_ioctl, .no_seek = true };

void dev_rtc_init(void)
{
	int r = register_chrdev(RTC_MAJOR, 0, 1, &rtc_ops, "rtc");

	if (!r)
		r = devfs_add("rtc0", S_IFCHR | 0600, MKDEV(RTC_MAJOR, 0));
	if (r)
		pr_err("/dev/rtc0: error %d\n", r);
}
