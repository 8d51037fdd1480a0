/* SPDX-License-Identifier: MIT
 *
 * O_DIRECT for files on a disk: the program's pages are found and handed to the block layer as they are.
 *
 * Position, length and addresses are multiples of 512 bytes, else EINVAL. Before: what the cache has of the range is
 * written out; before and after a write it is dropped, mappings included, so that the next reader asks the disk. A
 * write that does not cover whole blocks goes through the cache and is written out at once, for a new block would have
 * to be filled up; so does one to a hole within the file (mm/cache/direct.c tells why).
 *
 * Locks: inode->lock (a reader: read) > page locks (mm/cache) ; the mmap lock for each page of the program, alone.
 */
#include "kernel/fs/internal.h"
#include "mm/cache/blocks.h"
#include "mm/virt/mm.h"

#define BATCH 32
#define DIRECT_MASK (SECTOR_SIZE - 1)

bool direct_possible(const struct file *f, const struct iov *v)
{
	return v->user && f->mapping->ops && f->mapping->ops->map_blocks && f->mapping->backing;
}

static bool iov_aligned(const struct iov *v)
{
	size_t left = v->count - v->len;

	if (((unsigned long)v->base | v->len) & DIRECT_MASK)
		return false;
	for (const struct iovec *p = v->next; left; p++) {
		size_t n = min(left, p->iov_len);

		if (((unsigned long)p->iov_base | n) & DIRECT_MASK)
			return false;
		left -= n;
	}
	return true;
}

/* Pages under the next n bytes. => how many pieces, at least 1, or -EFAULT; *bytes: their sum */
static int get_pieces(struct iov *v, size_t n, bool write, struct block_vec *vec, size_t *bytes)
{
	int got = 0;

	*bytes = 0;
	while (got < BATCH && n) {
		unsigned long addr = (unsigned long)v->base;
		unsigned offset = addr & (PAGE_SIZE - 1);
		size_t part = min(min(n, v->len), (size_t)(PAGE_SIZE - offset));
		struct page *page = mm_get_page(current->mm, addr, write);

		if (IS_ERR(page))
			return got ? got : PTR_ERR(page);
		vec[got++] = (struct block_vec){ page, (u16)offset, (u16)part };
		iov_advance(v, part);
		*bytes += part;
		n -= part;
	}
	return got;
}

static void put_pieces(struct block_vec *vec, int n, bool written)
{
	while (n--) {
		struct page *page = vec[n].page;

		if (written && page_anon(page)) {
			mark_page_dirty(page); /* it may have gone to swap meanwhile, without what has come now */
		} else if (written && page->mapping) {
			lock_page(page);
			if (page->mapping)
				mark_page_dirty(page);
			unlock_page(page);
		}
		put_page(page);
	}
}

static ssize_t transfer(struct file *f, struct iov *v, loff_t pos, size_t n, enum bio_op op)
{
	struct block_vec vec[BATCH];
	ssize_t done = 0, part = 0;

	while (n) {
		size_t bytes;
		int k = get_pieces(v, n, op == BIO_READ, vec, &bytes);

		part = k;
		if (k < 0)
			break;
		part = blocks_direct(f->mapping, op, pos, vec, (unsigned)k);
		put_pieces(vec, k, op == BIO_READ);
		if (part <= 0)
			break;
		done += part;
		pos += part;
		n -= (size_t)part;
		if (part < (ssize_t)bytes || fatal_signal_pending())
			break;
	}
	return done ? done : part;
}

ssize_t direct_read(struct file *f, struct iov *to, loff_t *ppos)
{
	struct address_space *m = f->mapping;
	loff_t pos = *ppos, left = inode_size(m->host) - pos;
	ssize_t done;
	size_t n;

	if ((unsigned)pos & DIRECT_MASK || !iov_aligned(to))
		return -EINVAL;
	if (left <= 0 || !to->count)
		return 0;
	n = (size_t)min((loff_t)to->count, ALIGN_UP(left, (loff_t)SECTOR_SIZE));
	write_and_wait_range(m, pos, pos + n - 1);
	down_read(&m->host->lock); /* blocks stay where they are: a truncation might give them to others */
	done = transfer(f, to, pos, n, BIO_READ);
	up_read(&m->host->lock);
	if (done > 0) {
		done = (ssize_t)min((loff_t)done, left);
		*ppos = pos + done;
		file_accessed(f);
	}
	return done;
}

static void drop(struct address_space *m, loff_t pos, size_t n)
{
	invalidate_pages(m, pindex_at(pos), pindex_at(pos + n - 1));
}

static ssize_t through_cache(struct file *f, struct iov *from, loff_t pos)
{
	ssize_t done = file_write_pages(f, from, pos);

	if (done > 0) {
		write_and_wait_range(f->mapping, pos, pos + done - 1);
		drop(f->mapping, pos, (size_t)done);
	}
	return done;
}

/* inode->lock is held for writing. */
ssize_t direct_write(struct file *f, struct iov *from, loff_t pos)
{
	struct address_space *m = f->mapping;
	unsigned block = (1U << m->backing->block_bits) - 1;
	size_t n = from->count;
	struct iov rest = *from;
	ssize_t done, more;

	if ((unsigned)pos & DIRECT_MASK || !iov_aligned(from))
		return -EINVAL;
	if (((unsigned)pos | n) & block)
		return through_cache(f, from, pos);
	write_and_wait_range(m, pos, pos + n - 1);
	drop(m, pos, n);
	done = transfer(f, from, pos, n, BIO_WRITE);
	if (done > 0) {
		drop(m, pos, (size_t)done);
		if (pos + done > m->host->size)
			inode_set_size(m->host, pos + done);
		iov_advance(&rest, (size_t)done);
	}
	if (done != -ENOTBLK && (done <= 0 || !rest.count || fatal_signal_pending()))
		return done;
	done = max(done, 0L); /* a hole, or an error that comes again */
	more = through_cache(f, &rest, pos + done);
	return done ? done + max(more, 0L) : more;
}
