/* SPDX-License-Identifier: MIT
 *
 * What must be on the disk when fsync returns, so that e2fsck after a power cut leaves it alone.
 *
 *   the file's data                                          its pages
 *   the way to it                                            indirect blocks that are new since the last time, the inode
 *   its name, if that is new: entry, and directory's inode   and so on up to the root
 *   whoever had these blocks or this number before           must have let go of them on the disk as well
 *   and all of it out of the disk's own cache                flush
 *
 * The last but one is the one that kernels forget: a deleted file's inode still lies on the disk with its old indirect block,
 * and that block is the new file's data now; e2fsck would take the data for block numbers and "repair" them. So after anything
 * was given back, the next fsync writes all metadata of the device (it is little, and in one go), not only the file's.
 * Likewise names: an entry that was removed lies on the disk and leads to a number that is a new directory's now; of two
 * names for one directory e2fsck keeps the one that it sees first. So after such a number was given out, everything is written.
 *
 * Bitmaps, counts and the super block need not be there: e2fsck makes them again from the inodes.
 */
#include "kernel/fs/ext2/ext2.h"
#include "kernel/lib/errseq.h"
#include <linux/fs.h>

/* The inode, and the indirect blocks above what it has got since the last time. */
static int sync_inode(struct inode *i, u32 what)
{
	int err = inode_write(i, what), r = READ_ONCE(ext2_i(i)->pending) ? ext2_hang_pending(i, true) : 0;

	err = err ? err : r;
	r = ext2_sync_map(i); /* after the inode's: that may have changed indirect blocks */
	err = err ? err : r;
	r = ext2_sync_table(i);
	return err ? err : r;
}

/* Entries, and the way to them. */
static int sync_dir_pages(struct inode *dir)
{
	int err = write_and_wait_range(dir->mapping, 0, MAX_LFS), r = sync_inode(dir, INODE_DIRTY_ALL);

	return err ? err : r;
}

int ext2_sync_dir(struct inode *dir, bool flush)
{
	int err = sync_dir_pages(dir);

	return err || !flush ? err : block_flush(ext2_sb(dir->sb)->dev);
}

/* freed_lock held. */
static int write_freed(struct ext2_sb *s)
{
	bool names = s->old_names;
	int err = 0;

	down_write(&s->cut); /* who has given blocks back has said so in his inode */
	s->freed = false;
	up_write(&s->cut);
	if (names) {
		s->old_names = s->freed_ino = false;
		err = flusher_sync(s->backing.flusher, &s->backing, true);
	}
	if (!err)
		err = write_and_wait_range(s->m, 0, MAX_LFS);
	if (err) {
		s->freed = s->freed_ino = true;
		s->old_names |= names;
	}
	return err;
}

/* All that was given back is so on the disk too. Whoever finds another one at it waits until that is through. */
static int sync_freed(struct ext2_sb *s)
{
	int err = 0;

	mutex_lock(&s->freed_lock);
	if (s->freed || s->old_names)
		err = write_freed(s);
	mutex_unlock(&s->freed_lock);
	return err;
}

static struct dentry *parent_of(struct dentry *d)
{
	struct dentry *up;

	spin_lock(&d->lock);
	up = dget(d->parent);
	spin_unlock(&d->lock);
	return up;
}

/* d's name and those above it, as far as they are new. */
static int sync_names(struct dentry *d)
{
	int err = 0;

	d = dget(d);
	while (!err && d->parent != d) {
		struct dentry *up = parent_of(d);
		struct ext2_inode *e = ext2_i(d->inode);
		u32 names = READ_ONCE(e->names);

		if (e->state & EXT2_UNNAMED && d->inode->nlink) {
			err = sync_dir_pages(up->inode);
			spin_lock(&d->inode->lock_small);
			if (!err && e->names == names)
				ext2_clear_state(e, EXT2_UNNAMED);
			spin_unlock(&d->inode->lock_small);
			ext2_set_state(ext2_i(up->inode), EXT2_TRUSTED); /* should it move */
		}
		dput(d);
		d = up;
	}
	dput(d);
	return err;
}

int ext2_fsync(struct file *f, loff_t start, loff_t end, bool data_only)
{
	struct inode *i = f->inode;
	struct ext2_sb *s = ext2_sb(i->sb);
	int err = write_and_wait_range(i->mapping, start, end), r;

	if (i->sb->flags & MS_RDONLY)
		return err;
	r = sync_inode(i, data_only ? INODE_DIRTY_DATA : INODE_DIRTY_ALL);
	err = err ? err : r;
	r = sync_freed(s);
	err = err ? err : r;
	r = sync_names(f->dentry);
	err = err ? err : r;
	r = block_flush(s->dev);
	err = err ? err : r;
	if (!err)
		ext2_set_state(ext2_i(i), EXT2_TRUSTED);
	r = file_check_error(f);
	return err ? err : r;
}

/* Data and inodes are on their way already; what the super block counts comes last. */
int ext2_sync(struct super_block *sb, bool wait)
{
	return sb->flags & MS_RDONLY ? 0 : ext2_write_super(ext2_sb(sb), false);
}
