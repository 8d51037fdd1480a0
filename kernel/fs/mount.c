/* SPDX-License-Identifier: MIT
 *
 * The mount tree: what is mounted where, references to it, and writers.
 *
 * Life of a mount: made by attach (or mount_internal: in no tree) with one reference that belongs to the tree; walks,
 * files and working directories hold more. umount takes the tree's reference away if it is the only one; a lazy
 * umount takes it in any case, and the mount dies with its last user. Freed after a grace period: walks look at it
 * under RCU and ask mount_lock (a seqlock) whether the tree stood still.
 *
 * Locks: namespace_mutex (mount, umount: sleeps) > mount_lock (short). Hash, parents and flags change under mount_lock.
 * Writers: mnt_want_write counts first and looks at the read-only flag then; remount sets the flag first and looks at
 * the count then. One of the two sees the other.
 */
#include "kernel/fs/internal.h"
#include "kernel/fs/mounts.h"

#define NR_BUCKETS 64

DEFINE_SEQLOCK(mount_lock);
DEFINE_MUTEX(namespace_mutex);
LIST_HEAD(all_mounts); /* mount_lock: attached ones in order of mounting */
static LIST_HEAD(detached); /* mount_lock: in no tree any more, but somebody uses them, perhaps for writing */
struct mount *root_mount;
static struct hlist_head table[NR_BUCKETS];
static int next_id; /* namespace_mutex */

static struct hlist_head *bucket(const struct mount *parent, const struct dentry *at)
{
	return &table[((unsigned long)parent >> 6 ^ (unsigned long)at >> 6) % NR_BUCKETS];
}

/* RCU or mount_lock. The topmost of several mounts on one place is found first. */
struct mount *mount_lookup(struct mount *parent, struct dentry *at)
{
	struct mount *m;

	hlist_for_each_entry_rcu(m, bucket(parent, at), hash)
		if (m->parent == parent && m->mountpoint == at)
			return m;
	return NULL;
}

/* --- making and dropping ---------------------------------------------------------------------------------------- */
static struct mount *alloc_mount(struct super_block *sb, struct dentry *root, const char *source)
{
	struct mount *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return NULL;
	m->source = kstrdup(source, GFP_KERNEL);
	if (!m->source) {
		kfree(m);
		return NULL;
	}
	atomic_set(&m->refcount, 1);
	INIT_LIST_HEAD(&m->children);
	INIT_LIST_HEAD(&m->sibling);
	INIT_LIST_HEAD(&m->node);
	m->parent = m;
	m->sb = sb;
	m->root = dget(root);
	m->mountpoint = root;
	m->id = ++next_id;
	return m;
}

static void free_rcu(struct rcu_head *h)
{
	struct mount *m = container_of(h, struct mount, rcu);

	kfree(m->source);
	kfree(m);
}

void mntput(struct mount *m)
{
	if (!atomic_dec_and_test(&m->refcount))
		return;
	WARN_ON_ONCE(m->attached || atomic_read(&m->writers));
	write_seqlock(&mount_lock);
	list_del_init(&m->node);
	write_sequnlock(&mount_lock);
	dput(m->root);
	sb_put(m->sb);
	call_rcu(&m->rcu, free_rcu);
}

/* For files of file systems that are in no tree (pipes, shared memory). */
struct mount *mount_internal(struct super_block *sb) { return alloc_mount(sb, sb->root, sb->type->name); }

void mount_init_root(struct super_block *sb)
{
	root_mount = alloc_mount(sb, sb->root, "tmpfs");
	if (!root_mount)
		panic("no memory for the root mount");
	root_mount->attached = true;
	root_mount->flags = MS_RELATIME;
	list_add_tail(&root_mount->node, &all_mounts);
}

/* A new mount of sb's `root`; eats the reference to sb on success. namespace_mutex held. */
struct mount *mount_make(struct super_block *sb, struct dentry *root, const char *source, u32 flags)
{
	struct mount *m = alloc_mount(sb, root, source);

	if (m)
		m->flags = flags;
	return m;
}

/* Hang m over the place `at`, whose reference to the dentry it takes over. namespace_mutex held. => 0, -ENOENT */
int mount_attach(struct mount *m, const struct path *at)
{
	struct dentry *d = at->dentry;

	down_write(&d->inode->lock); /* against rmdir and unlink */
	if (d->inode->dead || (d->parent != d && d_unhashed(d))) {
		up_write(&d->inode->lock);
		return -ENOENT;
	}
	d_set_flags(d, D_MOUNTED);
	up_write(&d->inode->lock);
	write_seqlock(&mount_lock);
	m->parent = at->mount;
	m->mountpoint = dget(d);
	m->attached = true;
	mntget(at->mount);
	hlist_add_head_rcu(&m->hash, bucket(at->mount, d));
	list_add_tail(&m->sibling, &at->mount->children);
	list_move_tail(&m->node, &all_mounts);
	write_sequnlock(&mount_lock);
	return 0;
}

/* mount_lock held. Nothing is mounted on this dentry in any place any more? */
static bool mounted_elsewhere(struct dentry *d)
{
	struct mount *m;

	list_for_each_entry(m, &all_mounts, node)
		if (m->mountpoint == d && m->parent != m)
			return true;
	return false;
}

/* mount_lock held for writing. The references it held go to the caller. */
static void detach_locked(struct mount *m, struct path *was)
{
	*was = (struct path){ m->parent, m->mountpoint };
	hlist_del_rcu(&m->hash);
	list_del_init(&m->sibling);
	list_move_tail(&m->node, &detached);
	m->attached = false;
	m->parent = m;
	m->mountpoint = m->root;
	if (!mounted_elsewhere(was->dentry)) {
		spin_lock(&was->dentry->lock);
		was->dentry->flags &= ~D_MOUNTED;
		spin_unlock(&was->dentry->lock);
	}
}

/* Lazy: leaves first, so that every mount below goes too. namespace_mutex held; the caller holds a reference to m. */
static void detach_tree(struct mount *top)
{
	struct mount *m;
	struct path was;

	do {
		write_seqlock(&mount_lock);
		m = top;
		while (!list_empty(&m->children))
			m = list_first_entry(&m->children, struct mount, sibling);
		detach_locked(m, &was);
		write_sequnlock(&mount_lock);
		path_put(&was);
		if (m != top)
			mntput(m);
	} while (m != top);
	mntput(top);
}

/* The caller holds one reference to m and the namespace_mutex. */
int mount_detach(struct mount *m, bool lazy)
{
	struct path was;
	int err = 0;

	if (!m->attached || m->parent == m)
		return -EINVAL;
	if (lazy) {
		detach_tree(m);
		return 0;
	}
	write_seqlock(&mount_lock);
	smp_mb();
	if (atomic_read(&m->refcount) > 2 || !list_empty(&m->children))
		err = -EBUSY;
	else
		detach_locked(m, &was);
	write_sequnlock(&mount_lock);
	if (err)
		return err;
	path_put(&was);
	mntput(m);
	return 0;
}

/* Mounts below m move with it. The caller holds a reference to m and the namespace_mutex. */
int mount_move(struct mount *m, const struct path *at)
{
	struct path was;
	int err;

	if (!m->attached || m->parent == m)
		return -EINVAL;
	for (struct mount *p = at->mount;; p = p->parent) {
		if (p == m)
			return -ELOOP;
		if (p->parent == p)
			break;
	}
	write_seqlock(&mount_lock);
	detach_locked(m, &was);
	write_sequnlock(&mount_lock);
	err = mount_attach(m, at);
	if (err && mount_attach(m, &was))
		WARN_ON_ONCE(1); /* the old place died meanwhile as well: it lives on in no tree */
	path_put(&was);
	return err;
}

static bool is_below(const struct path *p, const struct mount *m)
{
	const struct mount *at = p->mount;

	while (at != m && at->parent != at)
		at = at->parent;
	return at == m;
}

/* What is mounted at new's root becomes what is at root, and root hangs over `old`, below new. The caller holds references to all
 * three and the namespace_mutex. */
int mount_pivot(const struct path *root, const struct path *new, const struct path *old)
{
	struct path was_root, was_new;
	int err;

	if (new->mount == root->mount || old->mount == root->mount)
		return -EBUSY;
	if (root->mount->root != root->dentry || !root->mount->attached || root->mount->parent == root->mount)
		return -EINVAL;
	if (new->mount->root != new->dentry || !new->mount->attached || new->mount->parent == new->mount)
		return -EINVAL;
	if (!is_below(new, root->mount) || !is_below(old, new->mount))
		return -EINVAL;
	write_seqlock(&mount_lock);
	detach_locked(new->mount, &was_new);
	detach_locked(root->mount, &was_root);
	write_sequnlock(&mount_lock);
	err = mount_attach(new->mount, &was_root);
	if (!err)
		err = mount_attach(root->mount, old);
	WARN_ON_ONCE(err); /* a place that died meanwhile: what hung there lives on in no tree */
	path_put(&was_root);
	path_put(&was_new);
	return err;
}

/* --- writers -------------------------------------------------------------------------------------------------------- */
static bool is_read_only(const struct mount *m) { return (READ_ONCE(m->flags) | READ_ONCE(m->sb->flags)) & MS_RDONLY; }

int mnt_want_write(struct mount *m)
{
	atomic_inc(&m->writers); /* a full barrier on x86 */
	if (likely(!is_read_only(m)))
		return 0;
	atomic_dec(&m->writers);
	return -EROFS;
}
void mnt_drop_write(struct mount *m) { atomic_dec(&m->writers); }

static int set_flags(struct mount *m, u32 flags)
{
	u32 old = m->flags;

	m->flags = flags;
	smp_mb();
	if (flags & MS_RDONLY && !(old & MS_RDONLY) && atomic_read(&m->writers)) {
		m->flags = old;
		return -EBUSY;
	}
	return 0;
}

/* This mount alone (MS_BIND | MS_REMOUNT). */
int mount_set_flags(struct mount *m, u32 flags)
{
	int err;

	write_seqlock(&mount_lock);
	err = set_flags(m, flags);
	write_sequnlock(&mount_lock);
	return err;
}

/* mount_lock held. */
static bool written_to(const struct super_block *sb, const struct list_head *mounts)
{
	struct mount *m;

	list_for_each_entry(m, mounts, node)
		if (m->sb == sb && atomic_read(&m->writers))
			return true;
	return false;
}

/* The file system, wherever it is mounted, or was and is still in use. Files without a name are written to as well: when their last user
 * goes. A name that goes is counted there before its writer is counted out here. */
int sb_set_read_only(struct super_block *sb, bool ro)
{
	int err = 0;

	write_seqlock(&mount_lock);
	sb->flags = ro ? sb->flags | MS_RDONLY : sb->flags & ~MS_RDONLY;
	smp_mb();
	if (ro && (written_to(sb, &all_mounts) || written_to(sb, &detached) || atomic_read(&sb->nr_unlinked)))
		err = -EBUSY;
	if (err)
		sb->flags &= ~MS_RDONLY;
	write_sequnlock(&mount_lock);
	return err;
}

bool file_nosuid(const struct file *f) { return f->mount && f->mount->flags & MS_NOSUID; }
