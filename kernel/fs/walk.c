/* SPDX-License-Identifier: MIT
 *
 * What a path walk holds from its start to its end: references or RCU, and the stack of the symlinks that it is in. The steps
 * are namei.c's, and so is the story of both.
 */
#include "kernel/fs/walk.h"

#define MAX_LINKS 40

/* --- references ------------------------------------------------------------------------------------------------- */
void path_get(const struct path *p)
{
	mntget(p->mount);
	dget(p->dentry);
}
void path_put(const struct path *p)
{
	dput(p->dentry);
	mntput(p->mount);
}

/* Leave RCU: take references to where the walk stands. => 0, or -ECHILD: start again */
int unlazy(struct walk *w)
{
	unsigned root_had, path_had;
	bool ok;

	if (!w->rcu)
		return 0;
	path_had = path_get_live(&w->path);
	root_had = path_had == HAD_BOTH ? path_get_live(&w->root) : 0;
	ok = root_had == HAD_BOTH && !w->depth && tree_stood_still(w);
	rcu_read_unlock();
	w->rcu = false;
	if (ok)
		return 0;
	path_put_had(&w->root, root_had);
	path_put_had(&w->path, path_had);
	w->root = w->path = (struct path){ NULL, NULL };
	return -ECHILD;
}

/* The walk is over, well or not. w->path's reference is the caller's if it took it (path.mount = NULL). */
void walk_end(struct walk *w)
{
	if (w->rcu) {
		rcu_read_unlock();
	} else {
		if (w->root.mount)
			path_put(&w->root);
		if (w->path.mount)
			path_put(&w->path);
	}
	while (w->depth)
		pop_frame(w);
	if (w->stack != w->inl)
		kfree(w->stack);
	fdput(w->dir);
}
/* --- the start ---------------------------------------------------------------------------------------------------- */
static void read_fs_rcu(struct path *root, struct path *pwd)
{
	struct fs_info *fs = current->fs;
	u32 seq;

	do {
		while ((seq = READ_ONCE(fs->seq)) & 1)
			cpu_relax();
		smp_rmb();
		*root = fs->root;
		*pwd = fs->pwd;
		smp_rmb();
	} while (seq != READ_ONCE(fs->seq));
}

int walk_start(struct walk *w, int dfd, const char *name, u32 flags, bool rcu)
{
	struct path pwd;

	memset(w, 0, offsetof(struct walk, inl));
	w->stack = w->inl;
	w->at = name;
	w->flags = flags;
	w->dir = (struct fdref){ NULL, 0 };
	if ((*name != '/' || flags & (LOOKUP_IN_ROOT | LOOKUP_BENEATH)) && dfd != AT_FDCWD) {
		w->dir = fdget_any(dfd);
		if (!w->dir.file)
			return -EBADF;
		if (!w->dir.file->dentry || (*name && !S_ISDIR(w->dir.file->inode->mode)))
			return -ENOTDIR;
	}
	rcu_read_lock();
	w->rcu = rcu;
	w->mount_seq = read_seqbegin(&mount_lock);
	w->rename_seq = read_seqbegin(&rename_lock);
	if (rcu) {
		read_fs_rcu(&w->root, &pwd);
	} else {
		rcu_read_unlock();
		spin_lock(&current->fs->lock);
		w->root = current->fs->root;
		pwd = current->fs->pwd;
		path_get(&w->root);
		path_get(&pwd);
		spin_unlock(&current->fs->lock);
	}
	w->path = pwd;
	if (w->dir.file) {
		w->path = (struct path){ w->dir.file->mount, w->dir.file->dentry };
		if (!rcu) {
			path_put(&pwd);
			path_get(&w->path);
		}
	}
	if (flags & (LOOKUP_IN_ROOT | LOOKUP_BENEATH)) {
		if (!rcu) {
			path_put(&w->root);
			path_get(&w->path);
		}
		w->root = w->path;
		return *name == '/' && flags & LOOKUP_BENEATH ? -EXDEV : 0;
	}
	if (*name == '/') {
		if (!rcu) {
			path_put(&w->path);
			path_get(&w->root);
		}
		w->path = w->root;
	}
	return 0;
}
/* --- symlinks ---------------------------------------------------------------------------------------------------------- */
static int grow_stack(struct walk *w)
{
	struct frame *all;

	if (w->depth < INLINE_FRAMES || w->stack != w->inl)
		return 0;
	if (w->rcu)
		return -ECHILD;
	all = kmalloc((MAX_LINKS + 1) * sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	memcpy(all, w->inl, sizeof(w->inl));
	w->stack = all;
	return 0;
}

static int read_link(struct inode *i, struct frame *f, const char **text)
{
	int len;

	f->inode = iget(i);
	*text = i->link;
	if (*text)
		return 0;
	if (!i->ops->readlink)
		return -EINVAL;
	f->body = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!f->body)
		return -ENOMEM;
	len = i->ops->readlink(i, f->body, PATH_MAX - 1);
	if (len < 0)
		return len;
	f->body[len] = '\0';
	*text = f->body;
	return 0;
}

/* Links of /proc that lead to an object, not to a name. */
static int jump(struct walk *w, struct inode *i)
{
	struct path to;
	int err;

	if (w->flags & (LOOKUP_NO_MAGIC | LOOKUP_BENEATH | LOOKUP_IN_ROOT))
		return -ELOOP;
	err = i->ops->follow(i, &to);
	if (err)
		return err;
	path_put(&w->path);
	w->path = to;
	return 0;
}

int follow_link(struct walk *w, struct dentry *link)
{
	struct inode *i = link->inode;
	const char *text = i->link;
	struct frame *f;
	int err;

	err = ++w->links > MAX_LINKS || w->flags & LOOKUP_NO_SYMLINKS ? -ELOOP : grow_stack(w);
	if (err)
		goto out;
	if (!w->rcu && i->ops->follow) {
		err = jump(w, i);
		goto out;
	}
	f = &w->stack[w->depth++];
	*f = (struct frame){ .rest = w->at };
	w->pending += *w->at != '\0';
	err = w->rcu ? 0 : read_link(i, f, &text);
	if (err)
		goto out;
	w->at = text;
	err = *text ? 1 : -ENOENT;
	if (*text == '/') {
		if (w->flags & LOOKUP_BENEATH)
			err = -EXDEV;
		if (!w->rcu) {
			path_get(&w->root);
			path_put(&w->path);
		}
		w->path = w->root;
	}
out:
	if (!w->rcu)
		dput(link);
	return err;
}
