/* SPDX-License-Identifier: MIT
 *
 * Who may do what: mode bits by fsuid, fsgid and groups, capabilities, sticky directories; changes of attributes.
 *
 * inode_permission may run under RCU (the walk): it neither sleeps nor takes references, unless ops->permission does.
 */
#include "kernel/fs/internal.h"

static int check_mode_bits(struct inode *i, int mask)
{
	const struct cred *c = current_cred();
	mode_t mode = i->mode;

	if (c->fsuid == i->uid)
		mode >>= 6;
	else if (((mode >> 3 ^ mode) & mask) && in_group(i->gid)) /* asked only if the answer matters */
		mode >>= 3;
	return mask & ~mode & 7 ? -EACCES : 0;
}

/* The mode bits said no: what capabilities say. */
static int check_capabilities(struct inode *i, int mask)
{
	if (S_ISDIR(i->mode)) {
		if (!(mask & MAY_WRITE) && capable(CAP_DAC_READ_SEARCH))
			return 0;
		return capable(CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (mask == MAY_READ && capable(CAP_DAC_READ_SEARCH))
		return 0;
	if ((!(mask & MAY_EXEC) || i->mode & 0111) && capable(CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int generic_permission(struct inode *i, int mask)
{
	if (!check_mode_bits(i, mask))
		return 0;
	return check_capabilities(i, mask);
}

int inode_permission(struct inode *i, int mask)
{
	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if (mask & MAY_WRITE && i->sb->flags & MS_RDONLY && (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
		return -EROFS;
	if (i->ops && i->ops->permission)
		return i->ops->permission(i, mask);
	return generic_permission(i, mask);
}

bool inode_owner_or_capable(const struct inode *i) { return current_cred()->fsuid == i->uid || capable(CAP_FOWNER); }

int dir_may_create(struct inode *dir)
{
	if (dir->dead)
		return -ENOENT;
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

/* In a sticky directory only the owner of the entry or of the directory takes an entry away. */
static bool sticky_forbids(const struct inode *dir, const struct inode *victim)
{
	uid_t me = current_cred()->fsuid;

	return dir->mode & S_ISVTX && victim->uid != me && dir->uid != me && !capable(CAP_FOWNER);
}

int dir_may_delete(struct inode *dir, struct dentry *victim, bool want_dir)
{
	int err = inode_permission(dir, MAY_WRITE | MAY_EXEC);

	if (err)
		return err;
	if (sticky_forbids(dir, victim->inode))
		return -EPERM;
	if (want_dir && !d_is_dir(victim))
		return -ENOTDIR;
	if (!want_dir && d_is_dir(victim))
		return -EISDIR;
	if (dir->dead)
		return -ENOENT;
	return victim->flags & D_MOUNTED ? -EBUSY : 0;
}

/* --- attributes ----------------------------------------------------------------------------------------------- */
static int check_chown(const struct inode *i, const struct iattr *a)
{
	uid_t me = current_cred()->fsuid;
	bool uid_ok = !(a->valid & ATTR_UID) || (me == i->uid && a->uid == i->uid);
	bool gid_ok = !(a->valid & ATTR_GID) || (me == i->uid && (in_group(a->gid) || a->gid == i->gid));

	return (uid_ok && gid_ok) || capable(CAP_CHOWN) ? 0 : -EPERM;
}

static int check_attr(struct inode *i, struct iattr *a)
{
	gid_t gid = a->valid & ATTR_GID ? a->gid : i->gid;
	int err = a->valid & (ATTR_UID | ATTR_GID) ? check_chown(i, a) : 0;

	if (err)
		return err;
	if (a->valid & ATTR_MODE && !(a->valid & ATTR_KILL_SUID)) {
		if (!inode_owner_or_capable(i))
			return -EPERM;
		if (!in_group(gid) && !capable(CAP_FSETID))
			a->mode &= ~S_ISGID;
	}
	if (a->valid & (ATTR_ATIME_SET | ATTR_MTIME_SET) && !inode_owner_or_capable(i))
		return -EPERM;
	return 0;
}

/* Writing to or giving away a set-uid program takes the bits off. => true if a->mode was set for that */
static bool kill_suid(const struct inode *i, struct iattr *a)
{
	mode_t kill = i->mode & S_ISUID;

	if ((i->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		kill |= S_ISGID;
	if (!kill || !S_ISREG(i->mode) || a->valid & ATTR_MODE)
		return false;
	a->mode = i->mode & ~kill;
	a->valid |= ATTR_MODE | ATTR_KILL_SUID;
	return true;
}

void attr_copy(struct inode *i, const struct iattr *a)
{
	s64 now = inode_stamp(i, inode_now());

	if (a->valid & ATTR_UID)
		i->uid = a->uid;
	if (a->valid & ATTR_GID)
		i->gid = a->gid;
	if (a->valid & ATTR_MODE)
		i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
	spin_lock(&i->lock_small);
	if (a->valid & ATTR_ATIME)
		i->atime = a->valid & ATTR_ATIME_SET ? inode_stamp(i, a->atime) : now;
	if (a->valid & ATTR_MTIME)
		i->mtime = a->valid & ATTR_MTIME_SET ? inode_stamp(i, a->mtime) : now;
	i->ctime = now;
	spin_unlock(&i->lock_small);
	mark_inode_dirty(i, a->valid & (ATTR_UID | ATTR_GID | ATTR_MODE) ? INODE_DIRTY_OTHER | INODE_DIRTY_TIME : INODE_DIRTY_TIME);
}

static int set_attr(struct dentry *d, const struct iattr *a)
{
	struct inode *i = d->inode;

	if (i->ops && i->ops->setattr)
		return i->ops->setattr(d, a);
	if (a->valid & ATTR_SIZE) {
		loff_t old = inode_size(i);

		inode_set_size(i, a->size);
		if (a->size < old)
			truncate_pages(i->mapping, a->size);
	}
	attr_copy(i, a);
	return 0;
}

/* i->lock held for writing, mount writable. */
int notify_change(const struct path *p, struct iattr *a)
{
	struct inode *i = p->dentry->inode;
	int err = check_attr(i, a);

	if (err)
		return err;
	if (a->valid & (ATTR_UID | ATTR_GID))
		kill_suid(i, a);
	return set_attr(p->dentry, a);
}

int file_remove_suid(struct file *f)
{
	struct inode *i = f->inode;
	struct iattr a = { .valid = 0 };

	if (likely(!(i->mode & (S_ISUID | S_ISGID))) || capable(CAP_FSETID))
		return 0;
	return kill_suid(i, &a) && f->dentry ? set_attr(f->dentry, &a) : 0;
}

/* size: checked to be >= 0. Takes i->lock. */
int vfs_truncate(const struct path *p, loff_t size, struct file *f)
{
	struct inode *i = p->dentry->inode;
	struct iattr a = { .valid = ATTR_SIZE | ATTR_MTIME | ATTR_CTIME, .size = size, .file = f };
	int err = 0;

	if (size > i->sb->max_size)
		return -EFBIG;
	if (size > rlimit(RLIMIT_FSIZE) && rlimit(RLIMIT_FSIZE) != RLIM_INFINITY && size > inode_size(i)) {
		send_signal(SIGXFSZ, NULL, current);
		return -EFBIG;
	}
	down_write(&i->lock);
	if (i->seals & F_SEAL_SHRINK && size < i->size)
		err = -EPERM;
	if (i->seals & F_SEAL_GROW && size > i->size)
		err = -EPERM;
	if (!err) {
		kill_suid(i, &a);
		err = set_attr(p->dentry, &a);
	}
	up_write(&i->lock);
	return err;
}

/* O_TRUNC. Files without pages (devices, pipes, proc) have nothing to cut. */
int file_truncate_open(struct file *f)
{
	struct path p = { f->mount, f->dentry };
	int err;

	if (!S_ISREG(f->inode->mode))
		return 0;
	err = mnt_want_write(f->mount);
	if (err)
		return err;
	err = vfs_truncate(&p, 0, f);
	mnt_drop_write(f->mount);
	return err;
}
