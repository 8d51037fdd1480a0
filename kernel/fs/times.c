/* SPDX-License-Identifier: MIT
 *
 * Setting time stamps: utime, utimes, futimesat, utimensat.
 */
#include "kernel/fs/internal.h"
#include "kernel/sys/timespec.h"

#define UTIME_NOW 0x3fffffff
#define UTIME_OMIT 0x3ffffffe
#define MAX_SEC (0x7fffffffffffffffLL / NSEC_PER_SEC - 1)

struct stamp { s64 sec; s64 nsec; };

static s64 stamp_ns(const struct stamp *t)
{
	s64 sec = clamp(t->sec, (s64)-MAX_SEC, (s64)MAX_SEC);

	return sec * (s64)NSEC_PER_SEC + t->nsec;
}

/* => 0 or -EINVAL; *a says what is to be set */
static int make_attr(const struct stamp t[2], struct iattr *a)
{
	static const u32 bits[2] = { ATTR_ATIME, ATTR_MTIME }, set[2] = { ATTR_ATIME_SET, ATTR_MTIME_SET };
	s64 *to[2] = { &a->atime, &a->mtime };

	for (int n = 0; n < 2; n++) {
		if (t[n].nsec == UTIME_OMIT)
			continue;
		a->valid |= bits[n] | ATTR_CTIME;
		if (t[n].nsec == UTIME_NOW)
			continue;
		if (t[n].nsec < 0 || t[n].nsec >= NSEC_PER_SEC)
			return -EINVAL;
		a->valid |= set[n];
		*to[n] = stamp_ns(&t[n]);
	}
	return 0;
}

/* Both to now: whoever may write may do that; otherwise only the owner (notify_change asks). */
static int may_touch(const struct inode *i, const struct iattr *a)
{
	bool all_now = (a->valid & (ATTR_ATIME | ATTR_MTIME)) == (ATTR_ATIME | ATTR_MTIME) && !(a->valid & (ATTR_ATIME_SET | ATTR_MTIME_SET));

	if (inode_owner_or_capable(i))
		return 0;
	if (!all_now)
		return -EPERM;
	return inode_permission((struct inode *)i, MAY_WRITE);
}

static int set_times(const struct path *p, const struct stamp *t)
{
	static const struct stamp now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	struct iattr a = { .valid = 0 };
	struct inode *i = p->dentry->inode;
	int err = make_attr(t ? t : now, &a);

	if (err || !a.valid)
		return err;
	err = mnt_want_write(p->mount);
	if (err)
		return err;
	down_write(&i->lock);
	err = may_touch(i, &a);
	if (!err)
		err = notify_change(p, &a);
	up_write(&i->lock);
	mnt_drop_write(p->mount);
	return err;
}

/* name NULL: the descriptor itself. */
static long set_times_at(int dfd, const char __user *name, const struct stamp *t, int flags)
{
	struct path p;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (t && t[0].nsec == UTIME_OMIT && t[1].nsec == UTIME_OMIT)
		return 0;
	if (!name && dfd != AT_FDCWD) {
		struct fdref r;

		if (flags)
			return -EINVAL;
		r = fdget(dfd);
		if (!r.file)
			return -EBADF;
		p = (struct path){ r.file->mount, r.file->dentry };
		err = set_times(&p, t);
		fdput(r);
		return err;
	}
	err = user_path_at(dfd, name, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &p);
	if (err)
		return err;
	err = set_times(&p, t);
	path_put(&p);
	return err;
}

/* Two times in the user's 32-bit or 64-bit layout, as they are: the nanoseconds may be UTIME_NOW or UTIME_OMIT. => 0 or -EFAULT */
static int get_stamps(struct stamp t[2], const void __user *ut, bool time64)
{
	union { struct timespec32 old[2]; struct utimespec64 time64[2]; } k;

	if (copy_from_user(&k, ut, time64 ? sizeof(k.time64) : sizeof(k.old)))
		return -EFAULT;
	for (int n = 0; n < 2; n++)
		t[n] = time64 ? (struct stamp){ k.time64[n].sec, k.time64[n].nsec } : (struct stamp){ k.old[n].sec, k.old[n].nsec };
	return 0;
}

static long utimensat(int dfd, const char __user *name, const void __user *ut, int flags, bool time64)
{
	struct stamp t[2];
	int err = ut ? get_stamps(t, ut, time64) : 0;

	return err ? err : set_times_at(dfd, name, ut ? t : NULL, flags);
}
SYSCALL(utimensat, int dfd, const char __user *name, const void __user *ut, int flags) { return utimensat(dfd, name, ut, flags, false); }
SYSCALL(utimensat_time64, int dfd, const char __user *name, const void __user *ut, int flags) { return utimensat(dfd, name, ut, flags, true); }

SYSCALL(futimesat, int dfd, const char __user *name, const void __user *ut)
{
	struct stamp t[2];
	int err = ut ? get_stamps(t, ut, false) : 0;

	if (err)
		return err;
	for (int n = 0; ut && n < 2; n++) {
		if (t[n].nsec < 0 || t[n].nsec >= (s64)USEC_PER_SEC)
			return -EINVAL;
		t[n].nsec *= NSEC_PER_USEC;
	}
	return set_times_at(dfd, name, ut ? t : NULL, 0);
}
SYSCALL(utimes, const char __user *name, const void __user *ut) { return sys_futimesat(AT_FDCWD, name, ut); }

SYSCALL(utime, const char __user *name, const s32 __user *ut)
{
	struct stamp t[2];
	s32 k[2];

	if (!ut)
		return set_times_at(AT_FDCWD, name, NULL, 0);
	if (copy_from_user(k, ut, sizeof(k)))
		return -EFAULT;
	for (int n = 0; n < 2; n++)
		t[n] = (struct stamp){ k[n], 0 };
	return set_times_at(AT_FDCWD, name, t, 0);
}
