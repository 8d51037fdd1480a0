/* SPDX-License-Identifier: MIT
 *
 * Inodes on their way to the disk, and the calls that wait for it: fsync, sync, syncfs, sync_file_range.
 *
 * Data pages are mm/cache's; it finds them through the lists of dirty mappings, on which an inode stands by its own
 * mapping whether pages or only its fields are dirty. Writing an inode means: its file system copies it into the metadata
 * pages of the device (super_ops.write_inode, which does not wait for the disk); those are dirty pages like others.
 * sync: all data and inodes, then each file system's own (super_ops.sync), then all again with waiting, which takes
 * the devices' pages along; then the disks empty their caches.
 *
 * i->dirty changes under lock_small; write_inode runs under sb->inode_write, so that who finds an inode clean knows
 * that it has been copied.
 *
 * Locks: sb->inode_write (sleeping) > pages of the device. lock_small, flusher->lock: leaves.
 */
#include "kernel/fs/internal.h"
#include "kernel/lib/errseq.h"
#include "mm/cache/blocks.h"
#include "mm/cache/flusher.h"
#include <linux/fs.h>

static bool written_inode(const struct inode *i) { return i->data.backing && i->sb->ops && i->sb->ops->write_inode; }

void mark_inode_dirty(struct inode *i, u32 what)
{
	if (!written_inode(i))
		return;
	smp_mb(); /* what has changed is visible to whoever took the mark away before we look: inode_write */
	if ((READ_ONCE(i->dirty) & what) == what)
		return;
	spin_lock(&i->lock_small);
	i->dirty |= what;
	spin_unlock(&i->lock_small);
	smp_mb(); /* either we see it off the flusher's list, or the flusher sees it dirty: settle */
	mapping_dirtied(&i->data);
}

/* Into the metadata pages, if one of `what` has changed since the last time. => 0 or -errno */
int inode_write(struct inode *i, u32 what)
{
	struct super_block *sb = i->sb;
	u32 dirty;
	int err = 0;

	if (!written_inode(i))
		return 0;
	mutex_lock(&sb->inode_write);
	spin_lock(&i->lock_small);
	dirty = i->dirty & what ? i->dirty : 0;
	if (dirty)
		i->dirty = 0;
	spin_unlock(&i->lock_small);
	smp_mb(); /* who changes something after we have looked at it marks it again: mark_inode_dirty */
	if (dirty)
		err = sb->ops->write_inode(i);
	mutex_unlock(&sb->inode_write);
	if (err)
		errseq_set(&i->data.wb_err, err);
	return err;
}

/* --- for mm/cache ---------------------------------------------------------------------------------------------------- */
static loff_t op_size(const struct address_space *m) { return inode_size(m->host); }
static bool op_dirty(const struct address_space *m) { return READ_ONCE(m->host->dirty); }
static bool op_hold(struct address_space *m) { return inode_hold(m->host); }
static void op_release(struct address_space *m) { iput(m->host); }
static int op_write(struct address_space *m) { return inode_write(m->host, INODE_DIRTY_ALL); }

const struct cache_fs_ops fs_cache_ops = {
	.size = op_size, .inode_dirty = op_dirty, .hold = op_hold, .release = op_release, .write_inode = op_write,
};

/* --- one file ------------------------------------------------------------------------------------------------------------ */
/* What went wrong with this file's pages since f was opened, or since it was last told. */
int file_check_error(struct file *f)
{
	int err;

	if (!f->mapping || READ_ONCE(f->mapping->wb_err) == f->wb_err)
		return 0;
	spin_lock(&f->lock);
	err = errseq_check_and_advance(&f->mapping->wb_err, &f->wb_err);
	spin_unlock(&f->lock);
	return err;
}

int generic_fsync(struct file *f, loff_t start, loff_t end, bool data_only)
{
	struct address_space *m = f->mapping;
	struct inode *i = m->host;
	int err, meta, flush;

	write_and_wait_range(m, start, end);
	meta = inode_write(i, data_only ? INODE_DIRTY_DATA : INODE_DIRTY_ALL);
	if (!meta && i->sb->ops && i->sb->ops->sync_inode)
		meta = i->sb->ops->sync_inode(i, data_only);
	flush = m->backing ? block_flush(m->backing->dev) : 0;
	err = file_check_error(f);
	return err ? err : meta ? meta : flush;
}

static long sync_fd(unsigned fd, bool data_only)
{
	struct fdref r = fdget(fd);
	long err;

	if (!r.file)
		return -EBADF;
	if (r.file->ops->fsync)
		err = r.file->ops->fsync(r.file, 0, MAX_LFS, data_only);
	else
		err = S_ISREG(r.file->inode->mode) || S_ISDIR(r.file->inode->mode) ? 0 : -EINVAL;
	fdput(r);
	return err;
}
SYSCALL(fsync, unsigned fd) { return sync_fd(fd, false); }
SYSCALL(fdatasync, unsigned fd) { return sync_fd(fd, true); }

#define SYNC_FLAGS (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)
/* Pages only: neither what is needed to find them, nor the disk's cache. */
static long sync_pages(struct file *f, loff_t first, loff_t last, u32 flags)
{
	long err = 0;

	if (!f->mapping->ops)
		return 0;
	if (flags & SYNC_FILE_RANGE_WAIT_BEFORE)
		wait_range(f->mapping, first, last);
	if (flags & SYNC_FILE_RANGE_WRITE)
		err = write_range(f->mapping, first, last, (flags & SYNC_FLAGS) == SYNC_FLAGS);
	if (flags & SYNC_FILE_RANGE_WAIT_AFTER)
		wait_range(f->mapping, first, last);
	if (!err && flags & (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER))
		err = file_check_error(f);
	return err;
}

SYSCALL(sync_file_range, unsigned fd, u32 off_lo, u32 off_hi, u32 len_lo, u32 len_hi, u32 flags)
{
	loff_t first = make_loff(off_lo, off_hi), len = make_loff(len_lo, len_hi), last;
	struct fdref r;
	long err;

	if (flags & ~SYNC_FLAGS || first < 0 || len < 0)
		return -EINVAL;
	last = len && first <= MAX_LFS - len ? first + len - 1 : MAX_LFS;
	r = fdget(fd);
	if (!r.file)
		return -EBADF;
	if (!S_ISREG(r.file->inode->mode) && !S_ISDIR(r.file->inode->mode) && !S_ISBLK(r.file->inode->mode))
		err = -ESPIPE;
	else
		err = sync_pages(r.file, first, last, flags);
	fdput(r);
	return err;
}

/* --- all of them ------------------------------------------------------------------------------------------------------------ */
static void start_one(struct flusher *f, void *arg) { flusher_sync(f, NULL, false); }
static void wait_one(struct flusher *f, void *arg) { flusher_sync(f, NULL, true); }
static void flush_one(void *arg, struct block_device *dev)
{
	if (!dev->part)
		block_flush(dev);
}

void sync_all(void)
{
	for_each_flusher(start_one, NULL);
	sync_supers();
	for_each_flusher(wait_one, NULL);
	for_each_block_device(flush_one, NULL);
}

SYSCALL(sync, void)
{
	sync_all();
	return 0;
}

/* One file system, wait: and everything that lies on its disk's pages. => 0 or the first error */
int sb_sync(struct super_block *sb, bool wait)
{
	struct backing *b = sb->backing;
	int err = 0, r;

	if (b)
		err = flusher_sync(b->flusher, b, wait);
	if (sb->ops && sb->ops->sync) {
		r = sb->ops->sync(sb, wait);
		err = err ? err : r;
	}
	if (!b || !wait)
		return err;
	r = write_and_wait_range(block_mapping(b->dev), 0, MAX_LFS);
	err = err ? err : r;
	r = block_flush(b->dev);
	return err ? err : r;
}

SYSCALL(syncfs, unsigned fd)
{
	struct fdref r = fdget(fd);
	long err = -EBADF;

	if (r.file) {
		err = sb_sync(r.file->inode->sb, true);
		fdput(r);
	}
	return err;
}
