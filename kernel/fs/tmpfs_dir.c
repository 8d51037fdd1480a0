/* SPDX-License-Identifier: MIT
 *
 * tmpfs, names: the dentry cache is the directory. A name that exists is a dentry that tmpfs pins with a reference.
 *
 * readdir needs positions that survive changes: each entry gets a number (cookie) when it is made or moved here, and
 * dentry->children is in the order of these numbers. A reader keeps the entry where it stopped, so that the next call
 * goes on there without a search, however many names there are.
 *
 * Locks: directory's inode->lock for writing for all changes, for reading in readdir; dentry->lock over children.
 */
#include "kernel/fs/tmpfs.h"
#include "kernel/fs/internal.h"
#include <linux/fs.h>

#define ENTRY_BYTES 20 /* what an entry adds to its directory's size, as Linux counts */
#define FIRST_COOKIE 2 /* 0 and 1 are the dots */

/* --- entries ------------------------------------------------------------------------------------------------------- */
/* dir->value counts the numbers given out. It wraps after 4 billion entries: renumber then. */
static void renumber(struct dentry *dir)
{
	struct dentry *d;
	u32 n = FIRST_COOKIE;

	spin_lock(&dir->lock);
	list_for_each_entry(d, &dir->children, sibling)
		d->cookie = n++;
	spin_unlock(&dir->lock);
	dir->inode->value = n;
}

/* d becomes the last entry of its directory. */
static void append(struct dentry *d)
{
	struct dentry *dir = d->parent;

	if (dir->inode->value < FIRST_COOKIE)
		dir->inode->value = FIRST_COOKIE;
	if (unlikely(dir->inode->value == ~0U))
		renumber(dir);
	spin_lock(&dir->lock);
	d->cookie = dir->inode->value++;
	list_move_tail(&d->sibling, &dir->children);
	spin_unlock(&dir->lock);
}

static void dir_changed(struct inode *dir, int entries)
{
	inode_set_size(dir, dir->size + entries * ENTRY_BYTES);
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
}

static void add_entry(struct inode *dir, struct dentry *d, struct inode *i)
{
	append(d);
	d_instantiate(d, i);
	d_pin(d);
	dir_changed(dir, 1);
}

/* Every name that exists is cached, so a miss is a no; remembered, since paths are searched again and again. */
static int lookup(struct inode *dir, struct dentry *d)
{
	d_add(d, NULL);
	return 0;
}

static int mknod(struct inode *dir, struct dentry *d, mode_t mode, dev_t dev)
{
	struct inode *i = tmpfs_inode(dir->sb, dir, mode, dev);

	if (IS_ERR(i))
		return PTR_ERR(i);
	add_entry(dir, d, i);
	return 0;
}
static int create(struct inode *dir, struct dentry *d, mode_t mode) { return mknod(dir, d, mode, 0); }

static int mkdir(struct inode *dir, struct dentry *d, mode_t mode)
{
	int err = mknod(dir, d, mode, 0);

	if (!err)
		dir->nlink++;
	return err;
}

static int symlink(struct inode *dir, struct dentry *d, const char *target)
{
	struct inode *i;
	char *copy = kstrdup(target, GFP_KERNEL);

	if (!copy)
		return -ENOMEM;
	i = tmpfs_inode(dir->sb, dir, S_IFLNK | 0777, 0);
	if (IS_ERR(i)) {
		kfree(copy);
		return PTR_ERR(i);
	}
	i->link = copy;
	i->size = strlen(copy);
	add_entry(dir, d, i);
	return 0;
}

static int tmpfile(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct inode *i = tmpfs_inode(dir->sb, dir, mode, 0);

	if (IS_ERR(i))
		return PTR_ERR(i);
	set_nlink(i, 0);
	d_instantiate(d, i);
	return 0;
}

static int link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *i = old->inode;

	inc_nlink(i);
	inode_touch(i, ATTR_CTIME);
	add_entry(dir, d, iget(i));
	return 0;
}

static int unlink(struct inode *dir, struct dentry *d)
{
	drop_nlink(d->inode);
	inode_touch(d->inode, ATTR_CTIME);
	dir_changed(dir, -1);
	return 0;
}

static bool is_empty(struct dentry *dir)
{
	struct dentry *d;
	bool empty = true;

	spin_lock(&dir->lock);
	list_for_each_entry(d, &dir->children, sibling)
		if (d->inode && !d_unhashed(d)) {
			empty = false;
			break;
		}
	spin_unlock(&dir->lock);
	return empty;
}

static int rmdir(struct inode *dir, struct dentry *d)
{
	if (!is_empty(d))
		return -ENOTEMPTY;
	drop_nlink(d->inode);
	drop_nlink(dir);
	return unlink(dir, d);
}

/* An entry that comes from another directory stands at the end of this one. */
static void new_cookie(struct inode *to, struct dentry *d, struct dentry *dir)
{
	if (to->value < FIRST_COOKIE)
		to->value = FIRST_COOKIE;
	if (unlikely(to->value == ~0U))
		renumber(dir);
	d->cookie = to->value++;
}

/* The dentries change places after this returned. */
static int rename(struct inode *from, struct dentry *d, struct inode *to, struct dentry *target, u32 flags)
{
	struct inode *i = d->inode, *victim = target->inode;
	int moved_dir = S_ISDIR(i->mode);

	if (flags & RENAME_EXCHANGE) {
		int other_dir = S_ISDIR(victim->mode);

		from->nlink += other_dir - moved_dir;
		to->nlink += moved_dir - other_dir;
		inode_touch(victim, ATTR_CTIME);
	} else {
		if (victim && S_ISDIR(victim->mode)) {
			int err = rmdir(to, target);

			if (err)
				return err;
		} else if (victim) {
			unlink(to, target);
		}
		from->nlink -= moved_dir;
		to->nlink += moved_dir;
		dir_changed(from, -1);
		dir_changed(to, 1);
	}
	if (from != to) {
		struct dentry *here = d->parent, *there = target->parent;

		new_cookie(to, d, there);
		if (flags & RENAME_EXCHANGE)
			new_cookie(from, target, here);
	}
	inode_touch(i, ATTR_CTIME);
	inode_touch(from, ATTR_MTIME | ATTR_CTIME);
	inode_touch(to, ATTR_MTIME | ATTR_CTIME);
	return 0;
}

/* --- reading a directory ------------------------------------------------------------------------------------------------ */
/* f->private: the entry to go on with, a reference; or NULL. */
static void set_cursor(struct file *f, struct dentry *d)
{
	dput(f->private);
	f->private = d;
}

/* dir->lock held. The first entry with a number >= pos. */
static struct dentry *seek_entry(struct dentry *dir, struct dentry *cursor, loff_t pos)
{
	struct dentry *d;

	if (cursor && cursor->parent == dir && cursor->cookie == pos)
		return cursor;
	list_for_each_entry(d, &dir->children, sibling)
		if (d->cookie >= pos)
			return d;
	return NULL;
}

/* dir->lock held. From d on, the first that exists, with a reference. */
static struct dentry *existing(struct dentry *dir, struct dentry *d)
{
	for (; d && !list_entry_is_head(d, &dir->children, sibling); d = list_next_entry(d, sibling))
		if (d->cookie && d->inode && !d_unhashed(d) && dget_live(d))
			return d;
	return NULL;
}

static int readdir(struct file *f, struct dir_context *c)
{
	struct dentry *dir = f->dentry, *d, *next;

	if (!dir_emit_dots(f, c))
		return 0;
	spin_lock(&dir->lock);
	d = existing(dir, seek_entry(dir, f->private, c->pos));
	spin_unlock(&dir->lock);
	while (d) {
		c->pos = d->cookie;
		if (!dir_emit(c, d->name, d->len, d->inode->ino, DT_OF(d->inode->mode)))
			break;
		c->pos++;
		spin_lock(&dir->lock);
		next = existing(dir, list_next_entry(d, sibling));
		spin_unlock(&dir->lock);
		dput(d);
		d = next;
	}
	set_cursor(f, d);
	return 0;
}

static void release(struct file *f) { set_cursor(f, NULL); }

static loff_t llseek(struct file *f, loff_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}
static int fsync(struct file *f, loff_t start, loff_t end, bool data_only) { return 0; }

const struct file_ops tmpfs_dir_ops = { .readdir = readdir, .release = release, .llseek = llseek, .fsync = fsync };

/* --- tables --------------------------------------------------------------------------------------------------------------- */
const struct inode_ops tmpfs_dir_inode_ops = {
	.lookup = lookup, .create = create, .mknod = mknod, .mkdir = mkdir, .symlink = symlink, .link = link,
	.rmdir = rmdir, .unlink = unlink, .rename = rename, .tmpfile = tmpfile,
};
const struct inode_ops tmpfs_file_inode_ops = { .lookup = NULL };
const struct inode_ops tmpfs_link_inode_ops = { .lookup = NULL };
