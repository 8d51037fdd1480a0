/* SPDX-License-Identifier: MIT
 *
 * The path walk: from a string to a (mount, dentry) pair. How a walk begins, goes into symlinks and ends: walk.c. What walks
 * for open, and names from user space: openat.c.
 *
 *   /a/link/c        string on top: "a/link/c"
 *      |
 *      +-- link -> "../x/y"     pushed: the walk goes on in "../x/y", then pops and continues with "c"
 *
 * Symlinks push the rest of the string on a stack inside struct walk; nothing here recurses. 40 links are followed.
 *
 * Two ways to walk, one code. First without references, under RCU: names come from the dentry cache without a lock,
 * and at the end rename_lock and mount_lock tell whether the tree stood still; then the result gets its references.
 * Whatever needs more (a name that is not cached, a file system that wants to be asked, a link that must be read)
 * takes references at that point and goes on (unlazy), or starts again from the beginning (-ECHILD) with references.
 *
 * A path is never followed above the walk's root; `..` crosses mounts upwards, every step crosses them downwards.
 */
#include "kernel/fs/walk.h"

/* --- one step ------------------------------------------------------------------------------------------------------ */
/* RCU walk: replace p without references. Else: eats p's old references, p gets the new ones. */
static noinline void cross_mounts_slow(struct walk *w, struct path *p)
{
	while (READ_ONCE(p->dentry->flags) & D_MOUNTED) {
		struct mount *m;
		unsigned seq;

		rcu_read_lock();
		do {
			seq = read_seqbegin(&mount_lock);
			m = mount_lookup(p->mount, p->dentry);
			if (!m || w->rcu || !atomic_inc_not_zero(&m->refcount) || !read_seqretry(&mount_lock, seq))
				break;
			rcu_read_unlock();
			mntput(m); /* perhaps the last one */
			rcu_read_lock();
		} while (1);
		rcu_read_unlock();
		if (!m)
			return;
		if (!w->rcu) {
			dget(m->root);
			path_put(p);
		}
		*p = (struct path){ m, m->root };
	}
}

static inline void cross_mounts(struct walk *w, struct path *p)
{
	if (unlikely(READ_ONCE(p->dentry->flags) & D_MOUNTED))
		cross_mounts_slow(w, p);
}

static struct dentry *parent_of(struct walk *w, struct dentry *d)
{
	struct dentry *parent;

	if (w->rcu)
		return READ_ONCE(d->parent);
	spin_lock(&d->lock);
	parent = dget(d->parent);
	spin_unlock(&d->lock);
	return parent;
}

/* From the root of a mount to where it is mounted. => false at the top */
static bool climb_mount(struct walk *w, struct path *p)
{
	unsigned seq, had;
	struct path up;
	bool ok;

	rcu_read_lock();
	do {
		seq = read_seqbegin(&mount_lock);
		up = (struct path){ READ_ONCE(p->mount->parent), READ_ONCE(p->mount->mountpoint) };
		ok = up.mount != p->mount;
		if (!ok || w->rcu)
			break;
		had = path_get_live(&up);
		if (had == HAD_BOTH && !read_seqretry(&mount_lock, seq))
			break;
		rcu_read_unlock();
		path_put_had(&up, had);
		rcu_read_lock();
	} while (1);
	rcu_read_unlock();
	if (!ok)
		return false;
	if (!w->rcu)
		path_put(p);
	*p = up;
	return true;
}

static int step_up(struct walk *w)
{
	struct path *p = &w->path;

	for (;;) {
		struct dentry *old = p->dentry;

		if (old == w->root.dentry && p->mount == w->root.mount)
			return w->flags & LOOKUP_BENEATH ? -EXDEV : 0;
		if (old != p->mount->root) {
			p->dentry = parent_of(w, old);
			if (!w->rcu)
				dput(old);
			break;
		}
		if (w->flags & LOOKUP_NO_XDEV && p->mount->parent != p->mount)
			return -EXDEV;
		if (!climb_mount(w, p))
			return 0;
	}
	cross_mounts(w, p);
	return 0;
}

/* dir's inode->lock held for writing. */
struct dentry *lookup_locked(struct dentry *dir, const struct name *n)
{
	struct inode *inode = dir->inode;
	struct dentry *d = d_lookup(dir, n);
	int err;

	if (d && d->flags & D_REVALIDATE && !inode->ops->revalidate(d)) {
		d_drop(d);
		dput(d);
		d = NULL;
	}
	if (d)
		return d;
	if (inode->dead)
		return ERR_PTR(-ENOENT);
	if (!inode->ops->lookup)
		return ERR_PTR(-ENOTDIR);
	d = d_alloc(dir, n);
	if (!d)
		return ERR_PTR(-ENOMEM);
	err = inode->ops->lookup(inode, d);
	if (!err)
		return d;
	dput(d);
	return ERR_PTR(err);
}

/* => the dentry with a reference */
static struct dentry *child_ref(struct walk *w, const struct name *n)
{
	struct dentry *dir = w->path.dentry, *d = d_lookup(dir, n);

	if (d && !(d->flags & D_REVALIDATE && !dir->inode->ops->revalidate(d)))
		return d;
	dput(d);
	down_write(&dir->inode->lock);
	d = lookup_locked(dir, n);
	up_write(&dir->inode->lock);
	return d;
}

/* => the dentry; a reference unless w->rcu (which may end here) */
static struct dentry *child(struct walk *w, const struct name *n)
{
	int err;

	if (w->rcu) {
		struct dentry *d = d_lookup_rcu(w->path.dentry, n);

		if (d && !(d->flags & D_REVALIDATE))
			return d;
		err = unlazy(w);
		if (err)
			return ERR_PTR(err);
	}
	return child_ref(w, n);
}

/* Does dir let us search it? May leave RCU. */
static int may_search(struct walk *w)
{
	struct inode *i = READ_ONCE(w->path.dentry->inode);
	int err;

	if (!i)
		return w->rcu ? -ECHILD : -ENOENT;
	if (!S_ISDIR(i->mode))
		return -ENOTDIR;
	if (likely((i->mode & 0111) == 0111 && !i->ops->permission))
		return 0;
	if (i->ops->permission) {
		err = unlazy(w);
		if (err)
			return err;
	}
	err = inode_permission(i, MAY_EXEC);
	return err && w->rcu ? -ECHILD : err; /* say no only after a second look */
}

/* Onto d, which exists in the directory w->path. Not RCU: eats its reference. => as step_into */
int step_onto(struct walk *w, struct dentry *d, bool follow)
{
	struct path next = { w->path.mount, d };

	if (unlikely(S_ISLNK(d->inode->mode)) && follow)
		return follow_link(w, d);
	if (!w->rcu)
		mntget(next.mount);
	cross_mounts(w, &next);
	if (w->flags & LOOKUP_NO_XDEV && next.mount != w->path.mount) {
		if (!w->rcu)
			path_put(&next);
		return -EXDEV;
	}
	if (!w->rcu)
		path_put(&w->path);
	w->path = next;
	return 0;
}

/* Into the component n of the directory w->path. => 0: there; 1: into a symlink's body; -errno */
int step_into(struct walk *w, const struct name *n, bool follow)
{
	struct dentry *d = child(w, n);
	struct inode *i;

	if (IS_ERR(d))
		return PTR_ERR(d);
	i = READ_ONCE(d->inode);
	if (!i) {
		if (w->rcu)
			return tree_stood_still(w) ? -ENOENT : -ECHILD;
		dput(d);
		return -ENOENT;
	}
	if (unlikely(S_ISLNK(i->mode)) && follow && w->rcu && !i->link) {
		int err = unlazy(w);

		if (err)
			return err;
		d = child_ref(w, n);
		if (IS_ERR(d))
			return PTR_ERR(d);
		if (!d->inode || !S_ISLNK(d->inode->mode)) { /* changed under us */
			dput(d);
			return -ECHILD;
		}
	}
	return step_onto(w, d, follow);
}

/* --- all steps but the last ------------------------------------------------------------------------------------------------ */
/* Cut the next component off s. => what follows it */
static const char *cut_component(const char *s, struct name *n, int *type)
{
	const char *p = s;
	u32 h = 0;

	for (; *p && *p != '/'; p++)
		h = (h ^ (u8)*p) * 0x01000193;
	*n = (struct name){ s, min_t(size_t, p - s, 0xffff), h };
	*type = LAST_NORM;
	if (*s == '.') {
		if (n->len == 1)
			*type = LAST_DOT;
		else if (n->len == 2 && s[1] == '.')
			*type = LAST_DOTDOT;
	}
	return p;
}

/* => 0: w->path is the directory of w->last (LAST_ROOT: there is no component, it is the result itself) */
int walk_parent(struct walk *w)
{
	for (;;) {
		const char *rest, *s = w->at;
		struct name n;
		int type, err;

		while (*s == '/')
			s++;
		if (!*s) {
			if (!w->pending) {
				w->type = LAST_ROOT;
				w->slash = false;
				return 0;
			}
			do {
				w->at = w->stack[w->depth - 1].rest;
				pop_frame(w);
			} while (!*w->at);
			w->pending--;
			continue;
		}
		err = may_search(w);
		if (err)
			return err;
		rest = cut_component(s, &n, &type);
		if (n.len > NAME_MAX)
			return -ENAMETOOLONG;
		s = rest;
		while (*s == '/')
			s++;
		w->at = s;
		if (!*s && !w->pending) {
			w->last = n;
			w->type = type;
			w->slash = rest != s;
			return 0;
		}
		if (type == LAST_NORM)
			err = step_into(w, &n, true);
		else
			err = type == LAST_DOTDOT ? step_up(w) : 0;
		if (err < 0)
			return err;
	}
}

/* The last step too. => 0: w->path is the result; -errno */
int walk_all(struct walk *w)
{
	int err;

	do {
		err = walk_parent(w);
		if (err)
			return err;
		if (w->slash)
			w->flags |= LOOKUP_FOLLOW | LOOKUP_DIRECTORY;
		if (w->type == LAST_NORM)
			err = step_into(w, &w->last, w->flags & LOOKUP_FOLLOW);
		else if (w->type == LAST_DOTDOT)
			err = step_up(w);
	} while (err == 1);
	if (!err && w->flags & LOOKUP_DIRECTORY && !S_ISDIR(w->path.dentry->inode->mode))
		return -ENOTDIR;
	return err ? err : unlazy(w);
}

/* The result's reference goes to the caller. */
static void walk_take(struct walk *w, struct path *out)
{
	*out = w->path;
	w->path.mount = NULL;
}

int path_at(int dfd, const char *name, u32 flags, struct path *out)
{
	struct walk w;
	int err;

	for (int rcu = 1; rcu >= 0; rcu--) {
		err = walk_start(&w, dfd, name, flags, rcu);
		if (!err)
			err = *name ? walk_all(&w) : flags & LOOKUP_EMPTY ? unlazy(&w) : -ENOENT;
		if (!err)
			walk_take(&w, out);
		walk_end(&w);
		if (err != -ECHILD)
			return err;
	}
	return -ESTALE;
}

int path_parent(int dfd, const char *name, u32 flags, struct parent *out)
{
	struct walk w;
	int err;

	for (int rcu = 1; rcu >= 0; rcu--) {
		err = walk_start(&w, dfd, name, flags, rcu);
		if (!err)
			err = *name ? walk_parent(&w) : -ENOENT;
		if (!err)
			err = unlazy(&w);
		if (!err) {
			*out = (struct parent){ .last = w.last, .type = w.type, .slash = w.slash };
			walk_take(&w, &out->path);
		}
		walk_end(&w);
		if (err != -ECHILD)
			return err;
	}
	return -ESTALE;
}
