/* SPDX-License-Identifier: MIT
 *
 * The path walk: from a string to a (mount, dentry) pair. What walks for open, and names from user space: openat.c.
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
#include <linux/openat2.h>

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

static bool tree_stood_still(struct walk *w)
{
	return !read_seqretry(&rename_lock, w->rename_seq) && !read_seqretry(&mount_lock, w->mount_seq);
}

/* RCU. A reference to both, if they still live. */
static bool path_get_live(const struct path *p)
{
	if (!atomic_inc_not_zero(&p->mount->refcount))
		return false;
	if (dget_live(p->dentry))
		return true;
	mntput(p->mount);
	return false;
}

/* Leave RCU: take references to where the walk stands. => 0, or -ECHILD: start again */
int unlazy(struct walk *w)
{
	bool root_ok, path_ok;

	if (!w->rcu)
		return 0;
	path_ok = path_get_live(&w->path);
	root_ok = path_ok && path_get_live(&w->root);
	if (root_ok && !w->depth && tree_stood_still(w)) {
		rcu_read_unlock();
		w->rcu = false;
		return 0;
	}
	rcu_read_unlock();
	w->rcu = false;
	if (root_ok)
		path_put(&w->root);
	if (path_ok)
		path_put(&w->path);
	w->root = w->path = (struct path){ NULL, NULL };
	return -ECHILD;
}

static void pop_frame(struct walk *w)
{
	struct frame *f = &w->stack[--w->depth];

	kfree(f->body);
	if (f->inode)
		iput(f->inode);
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
			mntput(m);
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
	struct path up;
	unsigned seq;
	bool ok;

	rcu_read_lock();
	do {
		seq = read_seqbegin(&mount_lock);
		up = (struct path){ READ_ONCE(p->mount->parent), READ_ONCE(p->mount->mountpoint) };
		ok = up.mount != p->mount;
		if (!ok || w->rcu)
			break;
		if (!path_get_live(&up))
			continue;
		if (!read_seqretry(&mount_lock, seq))
			break;
		path_put(&up);
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

/* `link` is a symlink in w->path. Not RCU: eats its reference. => 1: the walk goes on in its body; 0: jumped there */
static int follow_link(struct walk *w, struct dentry *link)
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

/* Into the component n of the directory w->path. => 0: there; 1: into a symlink's body; -errno */
int step_into(struct walk *w, const struct name *n, bool follow)
{
	struct dentry *d = child(w, n);
	struct path next;
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
	if (unlikely(S_ISLNK(i->mode)) && follow) {
		if (w->rcu && !i->link) {
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
		return follow_link(w, d);
	}
	next = (struct path){ w->path.mount, d };
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
