/* SPDX-License-Identifier: MIT
 *
 * What a file is: the stat family, readlink, statfs, ustat.
 *
 * One function fills a struct statx in the kernel; the old structures are made from it. Numbers that do not fit an old
 * structure are EOVERFLOW, as on Linux.
 */
#include "kernel/fs/internal.h"

static void split_time(s64 ns, struct statx_timestamp *t)
{
	u32 rem;

	if (ns >= 0) {
		t->tv_sec = div_u64_rem(ns, NSEC_PER_SEC, &rem);
	} else { /* before 1970: round down, the rest is positive */
		t->tv_sec = -(s64)div_u64_rem(-ns + NSEC_PER_SEC - 1, NSEC_PER_SEC, &rem);
		rem = NSEC_PER_SEC - 1 - rem;
	}
	t->tv_nsec = rem;
}

/* Everything but the reserved fields. */
static void vfs_fill_stat(const struct path *p, struct statx *st, struct inode *i)
{
	struct times t;

	spin_lock(&i->lock_small);
	t = (struct times){ i->atime, i->mtime, i->ctime };
	st->stx_blocks = i->blocks;
	spin_unlock(&i->lock_small);
	memset(&st->stx_btime, 0, sizeof(st->stx_btime));
	st->stx_attributes = st->stx_mnt_id = 0;
	st->stx_mask = STATX_BASIC_STATS | STATX_MNT_ID;
	st->stx_blksize = i->sb->block_size;
	st->stx_nlink = i->nlink;
	st->stx_uid = i->uid;
	st->stx_gid = i->gid;
	st->stx_mode = i->mode;
	st->stx_ino = i->ino;
	st->stx_size = inode_size(i);
	split_time(t.a, &st->stx_atime);
	split_time(t.m, &st->stx_mtime);
	split_time(t.c, &st->stx_ctime);
	st->stx_rdev_major = MAJOR(i->rdev);
	st->stx_rdev_minor = MINOR(i->rdev);
	st->stx_dev_major = MAJOR(i->sb->dev);
	st->stx_dev_minor = MINOR(i->sb->dev);
	st->stx_attributes_mask = STATX_ATTR_MOUNT_ROOT;
	if (p && p->mount) {
		st->stx_mnt_id = p->mount->id;
		if (p->mount->root == p->dentry)
			st->stx_attributes |= STATX_ATTR_MOUNT_ROOT;
	}
}

static int get_stat(const struct path *p, struct statx *st)
{
	struct inode *i = p->dentry->inode;

	vfs_fill_stat(p, st, i);
	return i->ops && i->ops->getattr ? i->ops->getattr(i, st) : 0;
}

static int stat_at(int dfd, const char __user *name, u32 lookup, struct statx *st)
{
	struct path p;
	int err = user_path_at(dfd, name, lookup, &p);

	if (err)
		return err;
	err = get_stat(&p, st);
	path_put(&p);
	return err;
}
static int stat_fd(unsigned fd, struct statx *st)
{
	struct fdref r = fdget_any(fd);
	struct path p;
	int err;

	if (!r.file)
		return -EBADF;
	p = (struct path){ r.file->mount, r.file->dentry };
	err = get_stat(&p, st);
	fdput(r);
	return err;
}
static u32 encode_dev(u32 major, u32 minor) { return MKDEV(major, minor); }

/* --- the structures ---------------------------------------------------------------------------------------------- */
/* Fields that two or all of the structures have by the same name; what does not fit was looked at before. */
#define PUT_COMMON(st, s) do {                                                        \
		(st)->st_dev = encode_dev((s)->stx_dev_major, (s)->stx_dev_minor);    \
		(st)->st_rdev = encode_dev((s)->stx_rdev_major, (s)->stx_rdev_minor); \
		(st)->st_ino = (s)->stx_ino;                                          \
		(st)->st_mode = (s)->stx_mode;                                        \
		(st)->st_nlink = (s)->stx_nlink;                                      \
		(st)->st_size = (s)->stx_size;                                        \
		(st)->st_atime = (u32)(s)->stx_atime.tv_sec;                          \
		(st)->st_mtime = (u32)(s)->stx_mtime.tv_sec;                          \
		(st)->st_ctime = (u32)(s)->stx_ctime.tv_sec;                          \
	} while (0)
#define PUT_NEWER(st, s) do {                                         \
		(st)->st_blksize = (s)->stx_blksize;                  \
		(st)->st_blocks = (s)->stx_blocks;                    \
		(st)->st_atime_nsec = (s)->stx_atime.tv_nsec;         \
		(st)->st_mtime_nsec = (s)->stx_mtime.tv_nsec;         \
		(st)->st_ctime_nsec = (s)->stx_ctime.tv_nsec;         \
	} while (0)

static int put_stat64(void __user *u, const struct statx *s)
{
	struct stat64 st;

	memset(&st, 0, sizeof(st));
	PUT_COMMON(&st, s);
	PUT_NEWER(&st, s);
	st.__st_ino = (u32)s->stx_ino;
	st.st_uid = s->stx_uid;
	st.st_gid = s->stx_gid;
	return copy_to_user(u, &st, sizeof(st)) ? -EFAULT : 0;
}

static u16 low_id(u32 id) { return id > 0xffff ? 65534 : id; }

static int put_stat(void __user *u, const struct statx *s)
{
	struct stat st;

	if (s->stx_size > (u64)MAX_NON_LFS || s->stx_ino >> 32)
		return -EOVERFLOW;
	memset(&st, 0, sizeof(st));
	PUT_COMMON(&st, s);
	PUT_NEWER(&st, s);
	if (st.st_nlink != s->stx_nlink)
		return -EOVERFLOW;
	st.st_uid = low_id(s->stx_uid);
	st.st_gid = low_id(s->stx_gid);
	return copy_to_user(u, &st, sizeof(st)) ? -EFAULT : 0;
}

static int put_old_stat(void __user *u, const struct statx *s)
{
	struct __old_kernel_stat st;
	u32 dev = encode_dev(s->stx_dev_major, s->stx_dev_minor), rdev = encode_dev(s->stx_rdev_major, s->stx_rdev_minor);

	if (s->stx_size > (u64)MAX_NON_LFS || s->stx_ino > 0xffff || dev > 0xffff || rdev > 0xffff)
		return -EOVERFLOW;
	memset(&st, 0, sizeof(st));
	PUT_COMMON(&st, s);
	st.st_uid = low_id(s->stx_uid);
	st.st_gid = low_id(s->stx_gid);
	return copy_to_user(u, &st, sizeof(st)) ? -EFAULT : 0;
}

/* --- the calls: which file, and in which structure --------------------------------------------------------------------- */
typedef int (*stat_put)(void __user *u, const struct statx *s);

static __always_inline long stat_name(int dfd, const char __user *name, int lookup, void __user *u, stat_put put)
{
	struct statx s;
	int err = stat_at(dfd, name, lookup, &s);

	return err ? err : put(u, &s);
}
static __always_inline long stat_open(unsigned fd, void __user *u, stat_put put)
{
	struct statx s;
	int err = stat_fd(fd, &s);

	return err ? err : put(u, &s);
}

SYSCALL(stat64, const char __user *name, void __user *u) { return stat_name(AT_FDCWD, name, LOOKUP_FOLLOW, u, put_stat64); }
SYSCALL(lstat64, const char __user *name, void __user *u) { return stat_name(AT_FDCWD, name, 0, u, put_stat64); }
SYSCALL(fstat64, unsigned fd, void __user *u) { return stat_open(fd, u, put_stat64); }
SYSCALL(stat, const char __user *name, void __user *u) { return stat_name(AT_FDCWD, name, LOOKUP_FOLLOW, u, put_stat); }
SYSCALL(lstat, const char __user *name, void __user *u) { return stat_name(AT_FDCWD, name, 0, u, put_stat); }
SYSCALL(fstat, unsigned fd, void __user *u) { return stat_open(fd, u, put_stat); }
SYSCALL(oldstat, const char __user *name, void __user *u) { return stat_name(AT_FDCWD, name, LOOKUP_FOLLOW, u, put_old_stat); }
SYSCALL(oldlstat, const char __user *name, void __user *u) { return stat_name(AT_FDCWD, name, 0, u, put_old_stat); }
SYSCALL(oldfstat, unsigned fd, void __user *u) { return stat_open(fd, u, put_old_stat); }

/* => lookup flags, or -EINVAL */
static int stat_lookup(int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}
SYSCALL(fstatat64, int dfd, const char __user *name, void __user *u, int flags)
{
	int lookup = stat_lookup(flags);

	return lookup < 0 ? lookup : stat_name(dfd, name, lookup, u, put_stat64);
}
SYSCALL(statx, int dfd, const char __user *name, unsigned flags, unsigned mask, void __user *u)
{
	int err, lookup = stat_lookup(flags);
	struct statx s;

	if (lookup < 0 || mask & STATX__RESERVED || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	memset(&s, 0, sizeof(s)); /* the reserved fields */
	err = stat_at(dfd, name, lookup, &s);
	if (err)
		return err;
	return copy_to_user(u, &s, sizeof(s)) ? -EFAULT : 0;
}

/* --- readlink ----------------------------------------------------------------------------------------------------------- */
/* Magic links have both: readlink for the text, follow to go there. */
static long read_link(struct inode *i, char __user *ubuf, int size)
{
	char *buf = NULL;
	const char *text = i->link;
	long len = text ? (long)strlen(text) : 0;

	if (!text) {
		buf = kmalloc(PATH_MAX, GFP_KERNEL);
		if (!buf)
			return -ENOMEM;
		text = buf;
		len = i->ops->readlink(i, buf, PATH_MAX);
	}
	if (len > size)
		len = size;
	if (len > 0 && copy_to_user(ubuf, text, len))
		len = -EFAULT;
	kfree(buf);
	return len;
}

SYSCALL(readlinkat, int dfd, const char __user *name, char __user *buf, int size)
{
	struct path p;
	struct inode *i;
	long err;

	if (size <= 0)
		return -EINVAL;
	err = user_path_at(dfd, name, LOOKUP_EMPTY, &p);
	if (err)
		return err;
	i = p.dentry->inode;
	if (S_ISLNK(i->mode) && (i->link || (i->ops && i->ops->readlink)))
		err = read_link(i, buf, size);
	else
		err = -EINVAL;
	path_put(&p);
	return err;
}
SYSCALL(readlink, const char __user *name, char __user *buf, int size)
{
	long err = sys_readlinkat(AT_FDCWD, name, buf, size);
	char first;

	if (err == -EINVAL && size > 0 && !copy_from_user(&first, name, 1) && !first)
		err = -ENOENT; /* an empty name means something for readlinkat only */
	return err;
}

/* --- statfs ---------------------------------------------------------------------------------------------------------------- */
static int get_statfs(const struct path *p, struct statfs64 *st)
{
	static const struct { u32 ms, st; } map[] = { { MS_RDONLY, 1 }, { MS_NOSUID, 2 }, { MS_NODEV, 4 }, { MS_NOEXEC, 8 },
		{ MS_NOATIME, 0x400 }, { MS_NODIRATIME, 0x800 }, { MS_RELATIME, 0x1000 } };
	struct super_block *sb = p->mount->sb;
	u32 flags = p->mount->flags | sb->flags;
	int err;

	memset(st, 0, sizeof(*st));
	err = sb->ops && sb->ops->statfs ? sb->ops->statfs(sb, st) : simple_statfs(sb, st);
	st->f_flags = 0x20; /* the flags are valid */
	for (unsigned n = 0; n < ARRAY_SIZE(map); n++)
		if (flags & map[n].ms)
			st->f_flags |= map[n].st;
	return err;
}
static int statfs_name(const char __user *name, struct statfs64 *st)
{
	struct path p;
	int err = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	err = get_statfs(&p, st);
	path_put(&p);
	return err;
}
static int statfs_fd(unsigned fd, struct statfs64 *st)
{
	struct fdref r = fdget_any(fd);
	struct path p;
	int err;

	if (!r.file)
		return -EBADF;
	p = (struct path){ r.file->mount, r.file->dentry };
	err = get_statfs(&p, st);
	fdput(r);
	return err;
}

static int put_statfs(void __user *u, const struct statfs64 *s)
{
	struct statfs st;

	if ((s->f_blocks | s->f_bfree | s->f_bavail) >> 32)
		return -EOVERFLOW;
	if ((s->f_files != ~0ULL && s->f_files >> 32) || (s->f_ffree != ~0ULL && s->f_ffree >> 32))
		return -EOVERFLOW;
	memset(&st, 0, sizeof(st));
	st.f_type = s->f_type;
	st.f_bsize = s->f_bsize;
	st.f_blocks = (u32)s->f_blocks;
	st.f_bfree = (u32)s->f_bfree;
	st.f_bavail = (u32)s->f_bavail;
	st.f_files = (u32)s->f_files;
	st.f_ffree = (u32)s->f_ffree;
	st.f_fsid = s->f_fsid;
	st.f_namelen = s->f_namelen;
	st.f_frsize = s->f_frsize;
	st.f_flags = s->f_flags;
	return copy_to_user(u, &st, sizeof(st)) ? -EFAULT : 0;
}
static int put_statfs64(void __user *u, const struct statfs64 *s) { return copy_to_user(u, s, sizeof(*s)) ? -EFAULT : 0; }

SYSCALL(statfs, const char __user *name, void __user *u)
{
	struct statfs64 s;
	int err = statfs_name(name, &s);

	return err ? err : put_statfs(u, &s);
}
SYSCALL(fstatfs, unsigned fd, void __user *u)
{
	struct statfs64 s;
	int err = statfs_fd(fd, &s);

	return err ? err : put_statfs(u, &s);
}
SYSCALL(statfs64, const char __user *name, size_t size, void __user *u)
{
	struct statfs64 s;
	int err = size == sizeof(s) ? statfs_name(name, &s) : -EINVAL;

	return err ? err : put_statfs64(u, &s);
}
SYSCALL(fstatfs64, unsigned fd, size_t size, void __user *u)
{
	struct statfs64 s;
	int err = size == sizeof(s) ? statfs_fd(fd, &s) : -EINVAL;

	return err ? err : put_statfs64(u, &s);
}
