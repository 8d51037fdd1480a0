/* SPDX-License-Identifier: MIT
 *
 * Character devices by number, and devtmpfs: the names of /dev, made by the drivers.
 *
 * A device's inode has chrdev_ops; opening it looks the number up and puts the driver's operations into the file.
 * Block devices: blkdev.c.
 */
#include "drivers/block/block.h"
#include "kernel/fs/internal.h"

struct chrdev {
	struct list_head node;
	unsigned major, minor, count;
	const struct file_ops *ops;
	const char *name;
	struct rcu_head rcu;
};
static LIST_HEAD(chrdevs); /* RCU; chrdev_lock to write; by major */
static DEFINE_MUTEX(chrdev_lock);
static struct mount *dev_mount; /* in no tree: devfs_add works there */

int register_chrdev(unsigned major, unsigned minor, unsigned count, const struct file_ops *ops, const char *name)
{
	struct chrdev *c, *new = kzalloc(sizeof(*new), GFP_KERNEL);
	int err = 0;

	if (!new)
		return -ENOMEM;
	*new = (struct chrdev){ .major = major, .minor = minor, .count = count, .ops = ops, .name = name };
	mutex_lock(&chrdev_lock);
	list_for_each_entry(c, &chrdevs, node)
		if (c->major == major && minor < c->minor + c->count && c->minor < minor + count)
			err = -EBUSY;
	if (!err) {
		list_for_each_entry(c, &chrdevs, node)
			if (c->major > major)
				break;
		list_add_tail_rcu(&new->node, &c->node);
	}
	mutex_unlock(&chrdev_lock);
	if (err)
		kfree(new);
	return err;
}

static const struct file_ops *find_ops(dev_t dev)
{
	const struct file_ops *ops = NULL;
	struct chrdev *c;

	rcu_read_lock();
	list_for_each_entry_rcu(c, &chrdevs, node)
		if (c->major == MAJOR(dev) && MINOR(dev) - c->minor < c->count)
			ops = c->ops;
	rcu_read_unlock();
	return ops;
}

static int chrdev_open(struct inode *i, struct file *f)
{
	const struct file_ops *ops = find_ops(i->rdev);

	if (!ops)
		return -ENXIO;
	f->ops = ops;
	f->mapping = NULL;
	return ops->open ? ops->open(i, f) : 0;
}

const struct file_ops chrdev_ops = { .open = chrdev_open };

static void show_major(void *s, unsigned major, const char *name) { seq_printf(s, "%3u %s\n", major, name); }

void devices_show(struct seq *s)
{
	struct chrdev *c;
	unsigned last = ~0U;

	seq_puts(s, "Character devices:\n");
	mutex_lock(&chrdev_lock);
	list_for_each_entry(c, &chrdevs, node) {
		if (c->major != last)
			seq_printf(s, "%3u %s\n", c->major, c->name);
		last = c->major;
	}
	mutex_unlock(&chrdev_lock);
	seq_puts(s, "\nBlock devices:\n");
	for_each_block_major(show_major, s);
}

/* --- devtmpfs -------------------------------------------------------------------------------------------------------- */
/* The last component of name, in the directory that the rest names (made if need be). inode->lock of it held for
 * writing on success. */
static struct dentry *make_place(const char *name, struct dentry **dir)
{
	struct dentry *at = dget(dev_mount->root), *d;

	for (;;) {
		const char *end = strchrnul(name, '/');
		struct name n = { name, end - name, name_hash(name, end - name) };
		struct inode *i = at->inode;
		int err = 0;

		down_write(&i->lock);
		d = lookup_locked(at, &n);
		if (IS_ERR(d) || !*end) {
			if (!IS_ERR(d)) {
				*dir = at;
				return d;
			}
			up_write(&i->lock);
			dput(at);
			return d;
		}
		if (!d->inode)
			err = i->ops->mkdir(i, d, S_IFDIR | 0755);
		up_write(&i->lock);
		dput(at);
		if (err) {
			dput(d);
			return ERR_PTR(err);
		}
		at = d;
		name = end + 1;
	}
}

static int add_name(const char *name, mode_t mode, dev_t dev, const char *target)
{
	struct dentry *dir = NULL, *d = make_place(name, &dir);
	struct inode *i;
	int err;

	if (IS_ERR(d))
		return PTR_ERR(d);
	i = dir->inode;
	if (d->inode)
		err = -EEXIST;
	else if (target)
		err = i->ops->symlink(i, d, target);
	else
		err = S_ISDIR(mode) ? i->ops->mkdir(i, d, mode) : i->ops->mknod(i, d, mode, dev);
	up_write(&i->lock);
	dput(d);
	dput(dir);
	return err;
}
int devfs_add(const char *name, mode_t mode, dev_t dev) { return add_name(name, mode & S_IFMT ? mode : mode | S_IFCHR, dev, NULL); }
/* A symlink in /dev */
static int devfs_link(const char *name, const char *target) { return add_name(name, 0, 0, target); }

static int mount_dev(struct super_block *sb, const char *source, const char *options) { return tmpfs_fill(sb, "mode=755"); }
static struct fs_type dev_type = { .name = "devtmpfs", .mount = mount_dev, .single = true };

void __init devfs_init(void)
{
	struct super_block *sb;

	register_fs(&dev_type);
	sb = sb_get(&dev_type, "devtmpfs", 0, NULL);
	dev_mount = IS_ERR(sb) ? NULL : mount_internal(sb);
	if (!dev_mount)
		panic("no memory for /dev");
	devfs_link("fd", "/proc/self/fd");
	devfs_link("stdin", "/proc/self/fd/0");
	devfs_link("stdout", "/proc/self/fd/1");
	devfs_link("stderr", "/proc/self/fd/2");
	add_name("shm", S_IFDIR | 01777, 0, NULL); /* shm_open's place */
	add_name("pts", S_IFDIR | 0755, 0, NULL);
}
