/* SPDX-License-Identifier: MIT
 *
 * File system types and super blocks.
 *
 * Life of a super block: sb_get makes and fills it; each mount holds `active`; the last sb_put writes out, takes the
 * dentry tree and the inodes down and frees it. A `single` type (proc, devtmpfs) has one, which lives for ever; a type
 * on a device has one for each device, however often that is mounted. While one goes its device is busy.
 * Locks: super_mutex over both lists and the making of single ones; it is outside everything but namespace_mutex. unused_sem: names and
 * inodes that nobody uses go one at a time with it held for reading, which is only tried; who takes a whole file system apart holds it
 * for writing, so that nobody is at any of them just then.
 */
#include "drivers/block/block.h"
#include "kernel/fs/internal.h"
#include "mm/cache/writeback.h"
#include <linux/fs.h>

static LIST_HEAD(types);
static LIST_HEAD(supers);
static DEFINE_MUTEX(super_mutex);
DEFINE_RWSEM(unused_sem);
static DEFINE_WAIT_QUEUE(visits_wait); /* for sb->visitors */
static u32 next_minor; /* device numbers 0:n for file systems without a device */

void register_fs(struct fs_type *t)
{
	mutex_lock(&super_mutex);
	list_add_tail(&t->list, &types);
	mutex_unlock(&super_mutex);
}

struct fs_type *fs_type_find(const char *name)
{
	struct fs_type *t, *found = NULL;

	mutex_lock(&super_mutex);
	list_for_each_entry(t, &types, list)
		if (!strcmp(t->name, name))
			found = t;
	mutex_unlock(&super_mutex);
	return found;
}

void filesystems_show(struct seq *s)
{
	struct fs_type *t;

	mutex_lock(&super_mutex);
	list_for_each_entry(t, &types, list)
		seq_printf(s, "%s\t%s\n", t->needs_device ? "" : "nodev", t->name);
	mutex_unlock(&super_mutex);
}

/* What mount's source names. => 0, -ENOTBLK, -ENXIO, -EACCES ... */
static int find_device(const char *source, struct block_device **dev)
{
	struct path p;
	struct inode *i;
	int err = source && *source ? kern_path(source, LOOKUP_FOLLOW, &p) : -EINVAL;

	if (err)
		return err;
	i = p.dentry->inode;
	if (!S_ISBLK(i->mode))
		err = -ENOTBLK;
	else if (p.mount->flags & MS_NODEV)
		err = -EACCES;
	*dev = err ? NULL : block_find(i->rdev);
	path_put(&p);
	return err ? err : *dev ? 0 : -ENXIO;
}

/* super_mutex held. => the one that lies on this device, with `active`; NULL; ERR_PTR(-EBUSY) */
static struct super_block *on_device(struct fs_type *t, struct block_device *dev, u32 flags)
{
	struct super_block *sb;

	list_for_each_entry(sb, &supers, list) {
		if (sb->bdev != dev)
			continue;
		if (sb->type != t || (sb->flags ^ flags) & MS_RDONLY || !atomic_inc_not_zero(&sb->active))
			return ERR_PTR(-EBUSY);
		return sb;
	}
	return NULL;
}

/* Whoever comes to an inode without a mount or a name. => false: the file system is on its way out. One of the two sees the other: the
 * visit is counted before `active` is read, and sb_put waits for those that were counted. */
bool sb_visit(struct super_block *sb)
{
	atomic_inc(&sb->visitors);
	if (likely(atomic_read(&sb->active)))
		return true;
	sb_visit_end(sb);
	return false;
}

/* => the inode has been let go of. sb may be gone now */
void sb_visit_end(struct super_block *sb)
{
	if (atomic_dec_and_test(&sb->visitors))
		wake_up_all(&visits_wait);
}

/* Its names and inodes go; nobody can come to them any more. */
static void take_down(struct super_block *sb)
{
	down_write(&unused_sem);
	if (sb->root)
		d_kill_tree(sb->root);
	inodes_shrink_sb(sb);
	for (unsigned tries = 0; sb->backing && READ_ONCE(sb->nr_inodes) && tries < 100; tries++) {
		flusher_sync(sb->backing->flusher, sb->backing, true); /* a pass under way may have held one */
		inodes_shrink_sb(sb);
	}
	up_write(&unused_sem);
	WARN_ON_ONCE(sb->nr_inodes);
}

static struct super_block *make(struct fs_type *t, struct block_device *dev, const char *source, u32 flags, const char *options)
{
	struct super_block *sb = kzalloc(sizeof(*sb), GFP_KERNEL);
	int err;

	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->type = t;
	sb->flags = flags & MS_RDONLY;
	next_minor++;
	sb->dev = dev ? dev->dev : MKDEV(0, next_minor);
	sb->bdev = dev;
	if (dev)
		block_opened(dev);
	sb->block_size = PAGE_SIZE;
	sb->max_size = CACHE_FILE_MAX;
	atomic_set(&sb->active, 1);
	spin_lock_init(&sb->inodes_lock, "sb inodes");
	mutex_init(&sb->inode_write, "sb inode write");
	err = t->mount(sb, source, options);
	if (err) {
		take_down(sb);
		if (sb->ops && sb->ops->unmount)
			sb->ops->unmount(sb);
		rcu_barrier(); /* inodes on their way out still name the super block */
		if (dev)
			block_closed(dev);
		kfree(sb);
		return ERR_PTR(err);
	}
	list_add_tail(&sb->list, &supers);
	return sb;
}

struct super_block *sb_get(struct fs_type *t, const char *source, u32 flags, const char *options)
{
	struct super_block *sb;
	struct block_device *dev = NULL;
	int err = t->needs_device ? find_device(source, &dev) : 0;

	if (err)
		return ERR_PTR(err);
	mutex_lock(&super_mutex);
	sb = dev ? on_device(t, dev, flags) : t->single ? t->instance : NULL;
	if (sb) {
		if (!dev)
			atomic_inc(&sb->active);
	} else {
		sb = make(t, dev, source, flags, options);
		if (!IS_ERR(sb) && t->single) {
			t->instance = sb;
			atomic_inc(&sb->active);
		}
	}
	mutex_unlock(&super_mutex);
	return sb;
}

void sb_put(struct super_block *sb)
{
	if (!atomic_dec_and_test(&sb->active))
		return;
	mutex_lock(&super_mutex); /* a sync that found it alive comes to its end; later ones leave it alone */
	mutex_unlock(&super_mutex);
	sb_sync(sb, true);
	wait_event(&visits_wait, !atomic_read(&sb->visitors));
	take_down(sb);
	if (sb->ops && sb->ops->unmount)
		sb->ops->unmount(sb);
	rcu_barrier();
	mutex_lock(&super_mutex);
	list_del(&sb->list);
	mutex_unlock(&super_mutex);
	if (sb->bdev)
		block_closed(sb->bdev);
	kfree(sb);
}

/* Each file system's own; their files: kernel/fs/writeback.c. */
void sync_supers(void)
{
	struct super_block *sb;

	mutex_lock(&super_mutex);
	list_for_each_entry(sb, &supers, list)
		if (atomic_read(&sb->active) && sb->ops && sb->ops->sync)
			sb->ops->sync(sb, true);
	mutex_unlock(&super_mutex);
}

int simple_statfs(struct super_block *sb, struct statfs64 *st)
{
	st->f_type = sb->magic;
	st->f_bsize = st->f_frsize = PAGE_SIZE;
	st->f_namelen = NAME_MAX;
	return 0;
}
static const struct super_ops simple_ops = { .statfs = simple_statfs };

int pseudo_fs_fill(struct super_block *sb, u32 magic, const struct super_ops *ops, const struct inode_ops *root_ops,
		   const struct file_ops *root_fops)
{
	struct inode *root;

	sb->magic = magic;
	sb->ops = ops ? ops : &simple_ops;
	root = new_inode(sb, NULL, S_IFDIR | 0555);
	if (!root)
		return -ENOMEM;
	root->ops = root_ops;
	root->fops = root_fops;
	root->uid = root->gid = 0;
	set_nlink(root, 2);
	sb->root = d_make_root(root);
	return sb->root ? 0 : -ENOMEM;
}
