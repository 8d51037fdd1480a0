/* SPDX-License-Identifier: MIT
 *
 * Times to and from user space.
 */
#include "kernel/sys/timespec.h"

#include "arch/i386/uaccess.h"

static int get_timespec32(struct timespec64 *t, const void __user *from)
{
	struct timespec32 u;

	if (copy_from_user(&u, from, sizeof(u)))
		return -EFAULT;
	*t = (struct timespec64){ u.sec, u.nsec };
	return timespec64_valid(t) ? 0 : -EINVAL;
}

static int get_timespec64(struct timespec64 *t, const void __user *from)
{
	struct utimespec64 u;

	if (copy_from_user(&u, from, sizeof(u)))
		return -EFAULT;
	*t = (struct timespec64){ u.sec, u.nsec };
	return timespec64_valid(t) ? 0 : -EINVAL;
}

int get_timespec32_ns(u64 *ns, const void __user *from)
{
	struct timespec64 t;
	int err = get_timespec32(&t, from);

	*ns = err ? 0 : timespec64_to_ns(&t);
	return err;
}

int get_timespec64_ns(u64 *ns, const void __user *from)
{
	struct timespec64 t;
	int err = get_timespec64(&t, from);

	*ns = err ? 0 : timespec64_to_ns(&t);
	return err;
}

int put_timespec32(void __user *to, const struct timespec64 *t)
{
	struct timespec32 u = { t->sec, t->nsec };

	return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : 0;
}

int put_timespec64(void __user *to, const struct timespec64 *t)
{
	struct utimespec64 u = { t->sec, t->nsec, 0 };

	return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : 0;
}
