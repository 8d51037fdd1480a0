/* SPDX-License-Identifier: MIT
 *
 * Open by name: the walk (namei.c) with a last step that may create, and what open asks of the file that it found. And names as
 * they come from user space.
 *
 * Creating: the directory is locked only if a look without the lock did not find the name. O_TRUNC comes last, when the file
 * is open and may no longer be refused.
 */
#include "arch/i386/uaccess.h"
#include "kernel/fs/walk.h"

/* --- names from user space ------------------------------------------------------------------------------------ */
int getname(struct filename *n, const char __user *user, bool may_be_empty)
{
	long len = strncpy_from_user(n->buf, user, sizeof(n->buf));

	n->heap = NULL;
	n->s = n->buf;
	if (len == (long)sizeof(n->buf)) {
		n->s = n->heap = kmalloc(PATH_MAX, GFP_KERNEL);
		if (!n->heap)
			return -ENOMEM;
		len = strncpy_from_user(n->heap, user, PATH_MAX);
		if (len == PATH_MAX)
			return -ENAMETOOLONG;
	}
	if (len < 0)
		return len;
	return len || may_be_empty ? 0 : -ENOENT;
}

int kern_path(const char *name, u32 flags, struct path *out) { return path_at(AT_FDCWD, name, flags, out); }
int user_path_at(int dfd, const char __user *name, u32 flags, struct path *out)
{
	struct filename n;
	int err = getname(&n, name, flags & LOOKUP_EMPTY);

	if (!err)
		err = path_at(dfd, n.s, flags, out);
	putname(&n);
	return err;
}

/* --- open ------------------------------------------------------------------------------------------------------------------- */
/* The last step of an open that may create. => 0: w->path is the file (*made: new); 1: into a symlink; -errno */
static int create_last(struct walk *w, const struct open_how_k *how, bool *made)
{
	struct inode *dir;
	struct dentry *d;
	int err, ro;

	if (w->type != LAST_NORM || w->slash)
		return -EISDIR;
	err = unlazy(w);
	if (err)
		return err;
	d = how->flags & O_EXCL ? NULL : d_lookup(w->path.dentry, &w->last);
	if (d && d->inode && !(d->flags & D_REVALIDATE)) /* it is there: the directory need not be locked */
		return step_onto(w, d, !(how->flags & O_NOFOLLOW));
	dput(d);
	dir = w->path.dentry->inode;
	ro = mnt_want_write(w->path.mount);
	down_write(&dir->lock);
	d = lookup_locked(w->path.dentry, &w->last);
	err = IS_ERR(d) ? PTR_ERR(d) : 0;
	if (!err && !d->inode) {
		err = ro ? ro : dir_may_create(dir);
		if (!err)
			err = dir->ops->create ? dir->ops->create(dir, d, (how->mode & ~current->fs->umask & 07777) | S_IFREG) : -EACCES;
		*made = !err;
	} else if (!err && how->flags & O_EXCL) {
		err = -EEXIST;
	}
	up_write(&dir->lock);
	if (!ro)
		mnt_drop_write(w->path.mount);
	if (*made) { /* itself, which nobody is asked about: the name may be another's by now, and a symlink */
		dput(w->path.dentry);
		w->path.dentry = d;
		return 0;
	}
	if (!err)
		return step_onto(w, d, !(how->flags & O_NOFOLLOW));
	if (!IS_ERR(d))
		dput(d);
	return err;
}

static int walk_create(struct walk *w, const struct open_how_k *how, bool *made)
{
	int err;

	do {
		err = walk_parent(w);
		if (!err)
			err = create_last(w, how, made);
	} while (err == 1);
	return err;
}

static int may_open(const struct path *p, int flags, bool made)
{
	static const u8 acc[4] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE };
	struct inode *i = p->dentry->inode;
	int mask = acc[flags & O_ACCMODE];

	if (S_ISLNK(i->mode))
		return -ELOOP;
	if (flags & O_TRUNC)
		mask |= MAY_WRITE;
	if (S_ISDIR(i->mode) && mask & MAY_WRITE)
		return -EISDIR;
	if ((S_ISCHR(i->mode) || S_ISBLK(i->mode)) && p->mount->flags & MS_NODEV)
		return -EACCES;
	if (flags & O_NOATIME && !inode_owner_or_capable(i))
		return -EPERM;
	return made ? 0 : inode_permission(i, mask);
}

static struct file *open_tmpfile(struct walk *w, const struct open_how_k *how)
{
	struct inode *dir = w->path.dentry->inode;
	struct path p = { w->path.mount, NULL };
	struct file *f;
	struct name n = { "#tmp", 4, 0 };
	int err = mnt_want_write(w->path.mount);

	if (err)
		return ERR_PTR(err);
	down_write(&dir->lock);
	err = dir->ops->tmpfile ? dir_may_create(dir) : -EOPNOTSUPP;
	if (!err) {
		p.dentry = d_alloc(w->path.dentry, &n);
		err = p.dentry ? dir->ops->tmpfile(dir, p.dentry, (how->mode & ~current->fs->umask & 07777) | S_IFREG) : -ENOMEM;
	}
	up_write(&dir->lock);
	if (!err)
		p.dentry->inode->linkable = !(how->flags & O_EXCL);
	f = err ? ERR_PTR(err) : path_open(&p, how->flags & ~(O_TMPFILE | O_EXCL | O_CREAT));
	mnt_drop_write(w->path.mount);
	dput(p.dentry);
	return f;
}

static struct file *finish_open(struct walk *w, const struct open_how_k *how, bool made)
{
	struct file *f;
	int err;

	if ((how->flags & O_TMPFILE) == O_TMPFILE)
		return open_tmpfile(w, how);
	err = how->flags & O_PATH ? 0 : may_open(&w->path, how->flags, made);
	if (!err && how->flags & O_CREAT && S_ISDIR(w->path.dentry->inode->mode))
		err = -EISDIR;
	if (err)
		return ERR_PTR(err);
	f = path_open(&w->path, how->flags & ~(O_CREAT | O_EXCL));
	if (!IS_ERR(f) && how->flags & O_TRUNC && !made) {
		err = file_truncate_open(f);
		if (err) {
			put_file(f);
			f = ERR_PTR(err);
		}
	}
	return f;
}

struct file *file_open_at(int dfd, const char *name, const struct open_how_k *how)
{
	bool create = how->flags & O_CREAT, made = false;
	struct file *f = NULL;
	struct walk w;
	u32 flags = how->resolve;
	int err;

	if (!(how->flags & O_NOFOLLOW) && !(create && how->flags & O_EXCL))
		flags |= LOOKUP_FOLLOW;
	if (how->flags & O_DIRECTORY)
		flags |= LOOKUP_DIRECTORY;
	for (int rcu = 1; rcu >= 0; rcu--) {
		err = walk_start(&w, dfd, name, flags, rcu);
		if (!err)
			err = !*name ? -ENOENT : create ? walk_create(&w, how, &made) : walk_all(&w);
		if (!err)
			f = finish_open(&w, how, made);
		walk_end(&w);
		if (err != -ECHILD)
			return err ? ERR_PTR(err) : f;
	}
	return ERR_PTR(-ESTALE);
}
