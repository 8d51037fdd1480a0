/* SPDX-License-Identifier: MIT
 *
 * Calls that change directories: mkdir, mknod, symlink, link, unlink, rmdir, rename.
 *
 * Each finds the parent directory, makes sure that its mount may be written, locks it, looks the last component up,
 * checks, and lets the file system do it; the dentry cache follows. Creating calls share begin_create/end_create.
 *
 * Rename locks two directories: rename_mutex first, so that nobody moves one below the other meanwhile, then the upper
 * one, else by address; then the victim, and a directory that comes to another parent.
 */
#include "kernel/fs/internal.h"
#include <linux/fs.h>

static DEFINE_MUTEX(rename_mutex);

static mode_t masked(mode_t mode, mode_t bits) { return mode & ~current->fs->umask & bits; }

/* --- creating ---------------------------------------------------------------------------------------------------- */
struct create { struct parent p; struct dentry *d; struct inode *dir; bool writable; };

static void end_create(struct create *c)
{
	if (!IS_ERR_OR_NULL(c->d))
		dput(c->d);
	up_write(&c->dir->lock);
	if (c->writable)
		mnt_drop_write(c->p.path.mount);
	path_put(&c->p.path);
}

/* => 0: the directory is locked, c->d is negative, and current may create it. Trailing slashes are for directories. */
static int begin_create(struct create *c, int dfd, const char *name, bool dir_wanted)
{
	int ro, err = path_parent(dfd, name, 0, &c->p);

	if (err)
		return err;
	c->d = NULL;
	if (c->p.type != LAST_NORM) {
		path_put(&c->p.path);
		return -EEXIST;
	}
	ro = mnt_want_write(c->p.path.mount);
	c->writable = !ro;
	c->dir = c->p.path.dentry->inode;
	down_write(&c->dir->lock);
	c->d = lookup_locked(c->p.path.dentry, &c->p.last);
	if (IS_ERR(c->d))
		err = PTR_ERR(c->d);
	else if (c->d->inode)
		err = -EEXIST;
	else if (c->p.slash && !dir_wanted)
		err = -ENOENT;
	else
		err = ro ? ro : dir_may_create(c->dir);
	if (err)
		end_create(c);
	return err;
}

/* path_parent points into the string: it must stay until end_create. */
int vfs_mkdir_at(int dfd, const char *name, mode_t mode)
{
	struct create c;
	int err = begin_create(&c, dfd, name, true);

	if (err)
		return err;
	err = c.dir->ops->mkdir ? c.dir->ops->mkdir(c.dir, c.d, masked(mode, 01777) | S_IFDIR) : -EPERM;
	end_create(&c);
	return err;
}

/* made: NULL, or gets the new name with references */
int vfs_mknod_path(int dfd, const char *name, mode_t mode, dev_t dev, struct path *made)
{
	mode_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
	struct create c;
	int err;

	if (S_ISDIR(type))
		return -EPERM;
	if (!S_ISREG(type) && !S_ISCHR(type) && !S_ISBLK(type) && !S_ISFIFO(type) && !S_ISSOCK(type))
		return -EINVAL;
	err = begin_create(&c, dfd, name, false);
	if (err)
		return err;
	mode = masked(mode, 07777) | type;
	if ((S_ISCHR(type) || S_ISBLK(type)) && !capable(CAP_MKNOD))
		err = -EPERM;
	else if (S_ISREG(type))
		err = c.dir->ops->create ? c.dir->ops->create(c.dir, c.d, mode) : -EACCES;
	else
		err = c.dir->ops->mknod ? c.dir->ops->mknod(c.dir, c.d, mode, dev) : -EPERM;
	if (!err && made) {
		*made = (struct path){ c.p.path.mount, c.d };
		path_get(made);
	}
	end_create(&c);
	return err;
}
int vfs_mknod_at(int dfd, const char *name, mode_t mode, dev_t dev) { return vfs_mknod_path(dfd, name, mode, dev, NULL); }

int vfs_symlink_at(const char *target, int dfd, const char *name)
{
	struct create c;
	int err = begin_create(&c, dfd, name, false);

	if (err)
		return err;
	err = c.dir->ops->symlink ? c.dir->ops->symlink(c.dir, c.d, target) : -EPERM;
	end_create(&c);
	return err;
}

static int link_locked(struct create *c, const struct path *old)
{
	struct inode *i = old->dentry->inode;
	int err = -EPERM;

	if (c->p.path.mount->sb != old->mount->sb || c->p.path.mount != old->mount)
		return -EXDEV;
	if (S_ISDIR(i->mode) || !c->dir->ops->link)
		return -EPERM;
	down_write_nested(&i->lock, 1);
	err = i->nlink || i->linkable ? c->dir->ops->link(old->dentry, c->dir, c->d) : -ENOENT;
	up_write(&i->lock);
	return err;
}

int vfs_link_at(int odfd, const char *oldname, int dfd, const char *name, int flags)
{
	u32 lookup = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path old;
	struct create c;
	int err = path_at(odfd, oldname, lookup, &old);

	if (err)
		return err;
	err = begin_create(&c, dfd, name, false);
	if (!err) {
		err = link_locked(&c, &old);
		end_create(&c);
	}
	path_put(&old);
	return err;
}

/* --- taking away --------------------------------------------------------------------------------------------------- */
/* The name is gone from the file system: from the cache too. */
static void forget_dir(struct dentry *d)
{
	d->inode->dead = true;
	d_unlinked(d);
	d_shrink_children(d);
}

static int unlink_locked(struct inode *dir, struct dentry *d, const struct parent *p)
{
	struct inode *i = d->inode;
	int err;

	if (!i)
		return -ENOENT;
	if (p->slash)
		return S_ISDIR(i->mode) ? -EISDIR : -ENOTDIR;
	err = dir_may_delete(dir, d, false);
	if (err)
		return err;
	if (!dir->ops->unlink)
		return -EPERM;
	down_write_nested(&i->lock, 1);
	err = d->flags & D_MOUNTED ? -EBUSY : dir->ops->unlink(dir, d); /* again, now that mount is kept out */
	up_write(&i->lock);
	if (!err)
		d_unlinked(d);
	return err;
}

static int rmdir_locked(struct inode *dir, struct dentry *d, const struct parent *p)
{
	struct inode *i = d->inode;
	int err;

	if (!i)
		return -ENOENT;
	err = dir_may_delete(dir, d, true);
	if (err)
		return err;
	if (!dir->ops->rmdir)
		return -EPERM;
	down_write_nested(&i->lock, 1);
	err = d->flags & D_MOUNTED ? -EBUSY : dir->ops->rmdir(dir, d);
	if (!err)
		forget_dir(d);
	up_write(&i->lock);
	return err;
}

static int remove_at(int dfd, const char *name, bool directory)
{
	static const int dir_err[] = { [LAST_DOT] = -EINVAL, [LAST_DOTDOT] = -ENOTEMPTY, [LAST_ROOT] = -EBUSY };
	struct parent p;
	struct inode *dir;
	struct dentry *d;
	int err = path_parent(dfd, name, 0, &p);

	if (err)
		return err;
	if (p.type != LAST_NORM) {
		err = directory ? dir_err[p.type] : -EISDIR;
		goto out;
	}
	err = mnt_want_write(p.path.mount);
	if (err)
		goto out;
	dir = p.path.dentry->inode;
	down_write(&dir->lock);
	d = lookup_locked(p.path.dentry, &p.last);
	if (IS_ERR(d)) {
		err = PTR_ERR(d);
		up_write(&dir->lock);
	} else {
		err = (directory ? rmdir_locked : unlink_locked)(dir, d, &p);
		up_write(&dir->lock);
		dput(d); /* a last reference cuts the file: without the directory's lock */
	}
	mnt_drop_write(p.path.mount);
out:
	path_put(&p.path);
	return err;
}

/* --- rename ------------------------------------------------------------------------------------------------------------ */
struct rename { struct parent p[2]; struct dentry *from, *to; struct inode *fdir, *tdir; u32 flags; };

/* => the dentry of one side that lies above the other's directory, or NULL: moving there would make a loop */
static void lock_dirs(struct rename *r)
{
	if (r->fdir == r->tdir) {
		down_write(&r->fdir->lock);
		return;
	}
	mutex_lock(&rename_mutex);
	if (d_ancestor(r->p[1].path.dentry, r->p[0].path.dentry) ||
	    (!d_ancestor(r->p[0].path.dentry, r->p[1].path.dentry) && r->tdir < r->fdir)) {
		down_write(&r->tdir->lock);
		down_write_nested(&r->fdir->lock, 2);
	} else {
		down_write(&r->fdir->lock);
		down_write_nested(&r->tdir->lock, 2);
	}
}
static void unlock_dirs(struct rename *r)
{
	up_write(&r->fdir->lock);
	if (r->fdir == r->tdir)
		return;
	up_write(&r->tdir->lock);
	mutex_unlock(&rename_mutex);
}

static int check_rename(struct rename *r)
{
	struct dentry *from = r->from, *to = r->to;
	bool exchange = r->flags & RENAME_EXCHANGE;

	if (!from->inode)
		return -ENOENT;
	if (to->inode && r->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (exchange && !to->inode)
		return -ENOENT;
	if (exchange && !d_is_dir(to) && r->p[1].slash)
		return -ENOTDIR;
	if (!d_is_dir(from) && (r->p[0].slash || (!exchange && r->p[1].slash)))
		return -ENOTDIR;
	if (d_is_dir(from) && d_ancestor(from, r->p[1].path.dentry))
		return -EINVAL;
	if (d_ancestor(to, r->p[0].path.dentry))
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* A directory that changes its parent has its `..` rewritten. */
static int check_moved_dir(struct rename *r, struct dentry *d)
{
	return r->fdir != r->tdir && d_is_dir(d) ? inode_permission(d->inode, MAY_WRITE) : 0;
}

static int check_rename_rights(struct rename *r)
{
	bool exchange = r->flags & RENAME_EXCHANGE;
	int err = dir_may_delete(r->fdir, r->from, d_is_dir(r->from));

	if (!err && r->to->inode)
		err = dir_may_delete(r->tdir, r->to, exchange ? d_is_dir(r->to) : d_is_dir(r->from));
	else if (!err)
		err = dir_may_create(r->tdir);
	if (!err)
		err = check_moved_dir(r, r->from);
	if (!err && exchange)
		err = check_moved_dir(r, r->to);
	return err;
}

static int rename_locked(struct rename *r)
{
	struct inode *i = r->from->inode, *victim = r->to->inode;
	bool up = r->fdir != r->tdir && d_is_dir(r->from); /* its `..` changes */
	int err = check_rename(r);

	if (err || i == victim)
		return err;
	err = check_rename_rights(r);
	if (err)
		return err;
	if (!r->fdir->ops->rename)
		return -EPERM;
	if (victim)
		down_write_nested(&victim->lock, 3);
	if (up)
		down_write_nested(&i->lock, 4);
	err = r->fdir->ops->rename(r->fdir, r->from, r->tdir, r->to, r->flags);
	if (!err && r->flags & RENAME_EXCHANGE) {
		d_exchange(r->from, r->to);
	} else if (!err) {
		d_move(r->from, r->to);
		if (victim && S_ISDIR(victim->mode))
			forget_dir(r->to);
		else
			d_unlinked(r->to);
	}
	if (up)
		up_write(&i->lock);
	if (victim)
		up_write(&victim->lock);
	return err;
}

static int rename_in(struct rename *r)
{
	int err;

	r->fdir = r->p[0].path.dentry->inode;
	r->tdir = r->p[1].path.dentry->inode;
	err = mnt_want_write(r->p[0].path.mount);
	if (err)
		return err;
	lock_dirs(r);
	r->to = NULL;
	r->from = lookup_locked(r->p[0].path.dentry, &r->p[0].last);
	err = IS_ERR(r->from) ? PTR_ERR(r->from) : 0;
	if (!err) {
		r->to = lookup_locked(r->p[1].path.dentry, &r->p[1].last);
		err = IS_ERR(r->to) ? PTR_ERR(r->to) : rename_locked(r);
	}
	unlock_dirs(r);
	if (!IS_ERR_OR_NULL(r->to))
		dput(r->to);
	if (!IS_ERR(r->from))
		dput(r->from);
	mnt_drop_write(r->p[0].path.mount);
	return err;
}

static int rename_at(int odfd, const char *oldname, int ndfd, const char *newname, u32 flags)
{
	struct rename r = { .flags = flags };
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = path_parent(odfd, oldname, 0, &r.p[0]);
	if (err)
		return err;
	err = path_parent(ndfd, newname, 0, &r.p[1]);
	if (err)
		goto out;
	if (r.p[0].path.mount != r.p[1].path.mount)
		err = -EXDEV;
	else if (r.p[0].type != LAST_NORM)
		err = -EBUSY;
	else if (r.p[1].type != LAST_NORM)
		err = flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	else
		err = rename_in(&r);
	path_put(&r.p[1].path);
out:
	path_put(&r.p[0].path);
	return err;
}

/* --- the calls --------------------------------------------------------------------------------------------------------------- */
/* Run `call` with the user's path copied in as n. */
#define WITH_NAME(n, user, call) ({              \
	struct filename n;                       \
	long r_##n = getname(&n, user, false);   \
	if (!r_##n)                              \
		r_##n = (call);                  \
	putname(&n);                             \
	r_##n; })
#define WITH_NAMES(a, ua, b, ub, call) WITH_NAME(a, ua, WITH_NAME(b, ub, call))

SYSCALL(mkdirat, int dfd, const char __user *name, mode_t mode) { return WITH_NAME(n, name, vfs_mkdir_at(dfd, n.s, mode)); }
SYSCALL(mkdir, const char __user *name, mode_t mode) { return sys_mkdirat(AT_FDCWD, name, mode); }
SYSCALL(mknodat, int dfd, const char __user *name, mode_t mode, dev_t dev)
{
	return WITH_NAME(n, name, vfs_mknod_at(dfd, n.s, mode, dev));
}
SYSCALL(mknod, const char __user *name, mode_t mode, dev_t dev) { return sys_mknodat(AT_FDCWD, name, mode, dev); }

SYSCALL(symlinkat, const char __user *target, int dfd, const char __user *name)
{
	return WITH_NAMES(t, target, n, name, vfs_symlink_at(t.s, dfd, n.s));
}
SYSCALL(symlink, const char __user *target, const char __user *name) { return sys_symlinkat(target, AT_FDCWD, name); }

SYSCALL(linkat, int odfd, const char __user *old, int ndfd, const char __user *new, int flags)
{
	struct filename o, n;
	long err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH && !capable(CAP_DAC_READ_SEARCH))
		return -ENOENT;
	err = getname(&o, old, flags & AT_EMPTY_PATH);
	if (!err) {
		err = getname(&n, new, false);
		if (!err)
			err = vfs_link_at(odfd, o.s, ndfd, n.s, flags);
		putname(&n);
	}
	putname(&o);
	return err;
}
SYSCALL(link, const char __user *old, const char __user *new) { return sys_linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

SYSCALL(unlinkat, int dfd, const char __user *name, int flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return WITH_NAME(n, name, remove_at(dfd, n.s, flags & AT_REMOVEDIR));
}
SYSCALL(unlink, const char __user *name) { return sys_unlinkat(AT_FDCWD, name, 0); }
SYSCALL(rmdir, const char __user *name) { return sys_unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

SYSCALL(renameat2, int odfd, const char __user *old, int ndfd, const char __user *new, u32 flags)
{
	return WITH_NAMES(o, old, n, new, rename_at(odfd, o.s, ndfd, n.s, flags));
}
SYSCALL(renameat, int odfd, const char __user *old, int ndfd, const char __user *new)
{
	return sys_renameat2(odfd, old, ndfd, new, 0);
}
SYSCALL(rename, const char __user *old, const char __user *new) { return sys_renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }
