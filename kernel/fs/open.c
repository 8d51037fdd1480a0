/* SPDX-License-Identifier: MIT
 *
 * Calls that open or change a file by name: open and friends, access, chmod, chown, truncate, fallocate.
 */
#include "kernel/fs/internal.h"
#include <linux/falloc.h>
#include <linux/openat2.h>

#define KNOWN_FLAGS (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | FASYNC | O_DIRECT | \
		     O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | __O_TMPFILE)

/* => 0 or -EINVAL; flags that have no say together are taken out */
static int clean_how(struct open_how_k *how)
{
	how->flags &= KNOWN_FLAGS;
	if (how->flags & O_PATH)
		how->flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (how->flags & __O_TMPFILE) {
		if ((how->flags & O_TMPFILE_MASK) != O_TMPFILE || !(how->flags & (O_WRONLY | O_RDWR)))
			return -EINVAL;
	} else if ((how->flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) {
		return -EINVAL;
	}
	return 0;
}

static long open_name(int dfd, const char __user *user, struct open_how_k *how)
{
	struct filename n;
	struct file *f;
	int fd, err = clean_how(how);

	if (err)
		return err;
	err = getname(&n, user, false);
	if (err)
		goto out;
	fd = err = fd_alloc(0, how->flags);
	if (fd < 0)
		goto out;
	f = file_open_at(dfd, n.s, how);
	if (IS_ERR(f)) {
		fd_cancel(fd);
		err = PTR_ERR(f);
	} else {
		fd_install(fd, f);
	}
out:
	putname(&n);
	return err;
}

SYSCALL(openat, int dfd, const char __user *name, int flags, mode_t mode)
{
	struct open_how_k how = { .flags = flags, .mode = mode };

	return open_name(dfd, name, &how);
}
SYSCALL(open, const char __user *name, int flags, mode_t mode) { return sys_openat(AT_FDCWD, name, flags, mode); }
SYSCALL(creat, const char __user *name, mode_t mode) { return sys_openat(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }

SYSCALL(openat2, int dfd, const char __user *name, const struct open_how __user *uhow, size_t size)
{
	static const struct { u32 resolve, lookup; } map[] = {
		{ RESOLVE_NO_XDEV, LOOKUP_NO_XDEV }, { RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGIC },
		{ RESOLVE_NO_SYMLINKS, LOOKUP_NO_SYMLINKS }, { RESOLVE_BENEATH, LOOKUP_BENEATH }, { RESOLVE_IN_ROOT, LOOKUP_IN_ROOT },
	};
	struct open_how_k how = { .flags = 0 };
	struct open_how h;

	if (size < sizeof(h))
		return -EINVAL;
	if (size > sizeof(h))
		return -E2BIG;
	if (copy_from_user(&h, uhow, sizeof(h)))
		return -EFAULT;
	if (h.flags & ~(u64)KNOWN_FLAGS || h.mode & ~07777ULL || (h.mode && !(h.flags & (O_CREAT | __O_TMPFILE))))
		return -EINVAL;
	for (unsigned i = 0; i < ARRAY_SIZE(map); i++) {
		if (h.resolve & map[i].resolve)
			how.resolve |= map[i].lookup;
		h.resolve &= ~(u64)map[i].resolve;
	}
	if (h.resolve || (how.resolve & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) == (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		return -EINVAL;
	how.flags = (int)h.flags | O_LARGEFILE;
	how.mode = (mode_t)h.mode;
	return open_name(dfd, name, &how);
}

/* --- access: with the real ids ---------------------------------------------------------------------------------- */
static void free_cred_copy(struct rcu_head *h) { kfree(container_of(h, struct cred, rcu)); }

/* current's credentials with the real ids in force. => the copy, NULL if there is no difference, ERR_PTR(-ENOMEM) */
static struct cred *real_cred(void)
{
	const struct cred *c = current_cred();
	u64 caps = c->uid ? 0 : c->cap_permitted;
	size_t size = sizeof(*c) + c->ngroups * sizeof(gid_t);
	struct cred *copy;

	if (c->fsuid == c->uid && c->fsgid == c->gid && c->cap_effective == caps)
		return NULL;
	copy = kmalloc(size, GFP_KERNEL);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	memcpy(copy, c, size);
	atomic_set(&copy->refcount, 1);
	copy->fsuid = c->uid;
	copy->fsgid = c->gid;
	copy->cap_effective = caps;
	return copy;
}

static int check_access(const struct path *p, int mode)
{
	struct inode *i = p->dentry->inode;
	int err;

	if (mode & MAY_EXEC && S_ISREG(i->mode) && p->mount->flags & MS_NOEXEC)
		return -EACCES;
	err = mode ? inode_permission(i, mode) : 0;
	if (!err && mode & MAY_WRITE && p->mount->flags & MS_RDONLY && !S_ISCHR(i->mode) && !S_ISBLK(i->mode) &&
	    !S_ISFIFO(i->mode) && !S_ISSOCK(i->mode))
		err = -EROFS;
	return err;
}

SYSCALL(faccessat2, int dfd, const char __user *name, int mode, int flags)
{
	const struct cred *own = current->cred;
	struct cred *real = NULL;
	struct path p;
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	int err;

	if (mode & ~7 || flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	if (!(flags & AT_EACCESS)) {
		real = real_cred();
		if (IS_ERR(real))
			return PTR_ERR(real);
		if (real)
			rcu_assign_pointer(current->cred, real);
	}
	err = user_path_at(dfd, name, lookup, &p);
	if (!err) {
		err = check_access(&p, mode);
		path_put(&p);
	}
	if (real) {
		rcu_assign_pointer(current->cred, own);
		call_rcu(&real->rcu, free_cred_copy);
	}
	return err;
}
SYSCALL(faccessat, int dfd, const char __user *name, int mode) { return sys_faccessat2(dfd, name, mode, 0); }
SYSCALL(access, const char __user *name, int mode) { return sys_faccessat2(AT_FDCWD, name, mode, 0); }

/* --- attributes ------------------------------------------------------------------------------------------------------ */
static int change_attr(const struct path *p, struct iattr *a)
{
	struct inode *i = p->dentry->inode;
	int err = mnt_want_write(p->mount);

	if (err)
		return err;
	down_write(&i->lock);
	err = notify_change(p, a);
	up_write(&i->lock);
	mnt_drop_write(p->mount);
	return err;
}

static int change_attr_at(int dfd, const char __user *name, u32 lookup, struct iattr *a)
{
	struct path p;
	int err = user_path_at(dfd, name, lookup, &p);

	if (err)
		return err;
	err = change_attr(&p, a);
	path_put(&p);
	return err;
}

static int change_attr_fd(unsigned fd, struct iattr *a)
{
	struct fdref r = fdget(fd);
	struct path p;
	int err;

	if (!r.file)
		return -EBADF;
	p = (struct path){ r.file->mount, r.file->dentry };
	err = change_attr(&p, a);
	fdput(r);
	return err;
}

static struct iattr mode_attr(mode_t mode) { return (struct iattr){ .valid = ATTR_MODE | ATTR_CTIME, .mode = mode & 07777 }; }
SYSCALL(fchmodat, int dfd, const char __user *name, mode_t mode)
{
	struct iattr a = mode_attr(mode);

	return change_attr_at(dfd, name, LOOKUP_FOLLOW, &a);
}
SYSCALL(chmod, const char __user *name, mode_t mode) { return sys_fchmodat(AT_FDCWD, name, mode); }
SYSCALL(fchmod, unsigned fd, mode_t mode)
{
	struct iattr a = mode_attr(mode);

	return change_attr_fd(fd, &a);
}

static struct iattr owner_attr(uid_t uid, gid_t gid)
{
	struct iattr a = { .valid = ATTR_CTIME, .uid = uid, .gid = gid };

	a.valid |= (uid != (uid_t)-1 ? ATTR_UID : 0) | (gid != (gid_t)-1 ? ATTR_GID : 0);
	return a;
}
/* 16-bit ids: 0xffff means "leave it" as well. */
static u32 id16(u32 id) { return (u16)id == 0xffff ? (u32)-1 : (u16)id; }

SYSCALL(fchownat, int dfd, const char __user *name, uid_t uid, gid_t gid, int flags)
{
	struct iattr a = owner_attr(uid, gid);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_attr_at(dfd, name, (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0), &a);
}
SYSCALL(chown32, const char __user *name, uid_t uid, gid_t gid) { return sys_fchownat(AT_FDCWD, name, uid, gid, 0); }
SYSCALL(lchown32, const char __user *name, uid_t uid, gid_t gid)
{
	return sys_fchownat(AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}
SYSCALL(fchown32, unsigned fd, uid_t uid, gid_t gid)
{
	struct iattr a = owner_attr(uid, gid);

	return change_attr_fd(fd, &a);
}
SYSCALL(chown, const char __user *name, u32 uid, u32 gid) { return sys_chown32(name, id16(uid), id16(gid)); }
SYSCALL(lchown, const char __user *name, u32 uid, u32 gid) { return sys_lchown32(name, id16(uid), id16(gid)); }
SYSCALL(fchown, unsigned fd, u32 uid, u32 gid) { return sys_fchown32(fd, id16(uid), id16(gid)); }

/* --- size -------------------------------------------------------------------------------------------------------------- */
static int truncate_path(const struct path *p, loff_t size)
{
	struct inode *i = p->dentry->inode;
	int err;

	if (S_ISDIR(i->mode))
		return -EISDIR;
	if (!S_ISREG(i->mode))
		return -EINVAL;
	err = inode_permission(i, MAY_WRITE);
	if (err)
		return err;
	err = mnt_want_write(p->mount);
	if (err)
		return err;
	err = inode_want_write(i);
	if (!err) {
		err = vfs_truncate(p, size, NULL);
		inode_drop_write(i);
	}
	mnt_drop_write(p->mount);
	return err;
}

static long truncate_name(const char __user *name, loff_t size)
{
	struct path p;
	int err;

	if (size < 0)
		return -EINVAL;
	err = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	err = truncate_path(&p, size);
	path_put(&p);
	return err;
}

static long truncate_fd(unsigned fd, loff_t size, bool small)
{
	struct fdref r;
	struct path p;
	long err = -EINVAL;

	if (size < 0)
		return -EINVAL;
	r = fdget(fd);
	if (!r.file)
		return -EBADF;
	p = (struct path){ r.file->mount, r.file->dentry };
	if (S_ISREG(r.file->inode->mode) && r.file->mode & FMODE_WRITE)
		err = small && size > MAX_NON_LFS && !(r.file->flags & O_LARGEFILE) ? -EINVAL : vfs_truncate(&p, size, r.file);
	fdput(r);
	return err;
}
SYSCALL(truncate, const char __user *name, long size) { return truncate_name(name, size); }
SYSCALL(truncate64, const char __user *name, u32 lo, u32 hi) { return truncate_name(name, make_loff(lo, hi)); }
SYSCALL(ftruncate, unsigned fd, long size) { return truncate_fd(fd, size, true); }
SYSCALL(ftruncate64, unsigned fd, u32 lo, u32 hi) { return truncate_fd(fd, make_loff(lo, hi), false); }

static long do_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	long err;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_PUNCH_HOLE && (!(mode & FALLOC_FL_KEEP_SIZE) || mode & FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (S_ISFIFO(f->inode->mode))
		return -ESPIPE;
	if (S_ISDIR(f->inode->mode))
		return -EISDIR;
	if (!S_ISREG(f->inode->mode) && !S_ISBLK(f->inode->mode))
		return -ENODEV;
	if (off + len < 0 || off + len > f->inode->sb->max_size)
		return -EFBIG;
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	err = mnt_want_write(f->mount);
	if (err)
		return err;
	err = f->ops->fallocate(f, mode, off, len);
	mnt_drop_write(f->mount);
	return err;
}

SYSCALL(fallocate, unsigned fd, int mode, u32 off_lo, u32 off_hi, u32 len_lo, u32 len_hi)
{
	struct fdref r = fdget(fd);
	long err = -EBADF;

	if (r.file) {
		err = do_fallocate(r.file, mode, make_loff(off_lo, off_hi), make_loff(len_lo, len_hi));
		fdput(r);
	}
	return err;
}
