/* SPDX-License-Identifier: MIT
 *
 * Regular files: the page cache does the work (kernel/fs/filemap.c, mm/cache/blocks.h) over ext2_map_blocks.
 *
 * Holes stay holes until they are written; there is no fallocate: ext2 has no way to say "allocated, but zeroes", so it
 * is EOPNOTSUPP, as on Linux.
 */
#include "kernel/fs/ext2/ext2.h"

/* A write that failed half-way may leave blocks behind the file's end. */
static void trim(struct inode *i)
{
	down_write(&i->lock);
	truncate_pages(i->mapping, ALIGN_UP(i->size, (loff_t)PAGE_SIZE));
	ext2_truncate(i, i->size);
	up_write(&i->lock);
}

static ssize_t write(struct file *f, struct iov *from, loff_t *pos)
{
	size_t want = from->count;
	ssize_t n = generic_write(f, from, pos);

	if (unlikely(n < (ssize_t)want && n != -EFAULT && n != -EBADF))
		trim(f->inode);
	return n;
}

/* The last writer is gone: what comes next on the disk may be another file's. */
static void release(struct file *f)
{
	if (f->mode & FMODE_WRITE && atomic_read(&f->inode->writers) <= 1)
		ext2_close_window(ext2_sb(f->inode->sb), (u32)f->inode->ino);
}

const struct file_ops ext2_file_ops = {
	.read = generic_read, .write = write, .mmap = generic_mmap, .fsync = ext2_fsync, .release = release,
};
const struct file_ops ext2_dir_ops = { .readdir = ext2_dir_readdir, .fsync = ext2_fsync };
const struct inode_ops ext2_file_inode_ops = { .setattr = ext2_setattr };

const struct mapping_ops ext2_mapping_ops = {
	.read_page = blocks_read_page, .read_pages = blocks_read_pages, .write_pages = blocks_write_pages,
	.write_begin = blocks_write_begin, .write_end = block_write_end, .page_mkwrite = blocks_page_mkwrite,
	.map_blocks = ext2_map_blocks,
};
