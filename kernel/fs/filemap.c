/* SPDX-License-Identifier: MIT
 *
 * read and write of files whose bytes are page-cache pages.
 *
 * The user's buffer may be a mapping of the very page that is copied. So nothing faults under a page lock or kmap: the
 * copy runs with faults off; what it could not reach is faulted in with nothing held, and the copy goes on there.
 *
 * Reading takes no lock: pages are found under RCU, and the size is looked at before each page, so that a reader never
 * gets bytes from behind the end. Writing holds inode->lock, which makes appends and positions atomic.
 */
#include "kernel/fs/internal.h"
#include "mm/cache/blocks.h"
#include "mm/cache/readahead.h"
#include "mm/reclaim/swap.h"
#include "mm/virt/mm.h"

#define DIRTY_CHECK 32 /* pages written between two looks at how much is dirty */

static s64 day = 24LL * 3600 * NSEC_PER_SEC;

/* relatime: once a day, and whenever it lies before the last change. */
void file_accessed(struct file *f)
{
	struct inode *i = f->inode;
	u32 flags;
	s64 now;

	if (f->flags & O_NOATIME || !f->mount)
		return;
	flags = f->mount->flags;
	if (unlikely(flags & (MS_NOATIME | MS_RDONLY) || i->sb->flags & MS_RDONLY || (flags & MS_NODIRATIME && S_ISDIR(i->mode))))
		return;
	if (flags & MS_RELATIME && i->atime > i->mtime && i->atime > i->ctime) {
		now = inode_now();
		if (now - i->atime < day)
			return;
	}
	inode_touch(i, ATTR_ATIME);
}

/* --- reading --------------------------------------------------------------------------------------------------------- */
/* => bytes copied of n, from `off` in the page; fewer: the user's memory is not there */
static size_t copy_page_to(struct iov *to, struct page *page, unsigned off, size_t n)
{
	char *p = kmap(page);
	size_t done = iov_copy_to_nofault(to, p + off, n);

	kunmap(p);
	return done;
}

/* A file that has to be read from somewhere, and the page is not there, or not yet. */
static noinline struct page *page_from_disk(struct file *f, struct page *page, pindex_t index, unsigned want)
{
	if (!page) {
		read_ahead_miss(f->mapping, f, index, want);
	} else {
		if (page_readahead(page)) /* being read: the next window now, before we wait */
			read_ahead_marker(f->mapping, f, page, want);
		put_page(page);
	}
	return read_cache_page(f->mapping, f, index);
}

/* want: how many pages the reader needs from here on. => page with a reference; NULL: a hole (zeroes); ERR_PTR */
static struct page *page_for_read(struct file *f, pindex_t index, unsigned want)
{
	struct address_space *m = f->mapping;
	struct page *page = find_page(m, index);

	if (likely(page && page_uptodate(page))) {
		if (unlikely(page_readahead(page)))
			read_ahead_marker(m, f, page, want);
		return page;
	}
	if (m->ops && m->ops->read_page)
		return page_from_disk(f, page, index, want);
	if (!page) {
		page = unlikely(swap_on) ? find_or_bring_page(m, index) : NULL;
		if (IS_ERR_OR_NULL(page))
			return page;
		unlock_page(page);
	}
	lock_page(page); /* somebody is just filling it */
	if (page->mapping == m && page_uptodate(page)) {
		unlock_page(page);
		return page;
	}
	unlock_page(page);
	put_page(page);
	return NULL;
}

/* Up to n bytes within one page. => bytes, -errno */
static ssize_t read_piece(struct file *f, struct iov *to, loff_t pos, size_t n)
{
	unsigned off = (unsigned)pos & (PAGE_SIZE - 1);
	pindex_t index = pindex_at(pos);
	struct page *page = page_for_read(f, index, (unsigned)((off + to->count - 1) >> PAGE_SHIFT) + 1);
	size_t done;

	if (IS_ERR(page))
		return PTR_ERR(page);
	if (!page) {
		done = iov_zero(to, n);
		return done ? (ssize_t)done : -EFAULT;
	}
	if (!off) /* once for a reader in order, however small its pieces */
		mark_page_accessed(page);
	done = copy_page_to(to, page, off, n);
	while (unlikely(done < n)) {
		ssize_t reach = iov_prefault_write(to, n - done);
		size_t more;

		if (reach < 0)
			break;
		more = copy_page_to(to, page, off + done, reach);
		done += more;
		if (!more && signal_pending())
			break;
	}
	f->ra_next.n = page->index.n + 1;
	put_page(page);
	return done ? (ssize_t)done : -EFAULT;
}

ssize_t generic_read(struct file *f, struct iov *to, loff_t *ppos)
{
	loff_t pos = *ppos;
	ssize_t done = 0, part = 0;

	if (pos < 0)
		return -EINVAL;
	if (unlikely(f->flags & O_DIRECT) && direct_possible(f, to))
		return direct_read(f, to, ppos);
	while (to->count) {
		loff_t left = inode_size(f->mapping->host) - pos; /* of a block device: not the inode that was opened */
		size_t n = min_t(size_t, to->count, PAGE_SIZE - ((unsigned)pos & (PAGE_SIZE - 1)));

		if (left <= 0)
			break;
		if ((loff_t)n > left)
			n = (size_t)left;
		part = read_piece(f, to, pos, n);
		if (part < 0)
			break;
		pos += part;
		done += part;
		if (part < (ssize_t)n)
			break;
		if (unlikely(need_resched())) {
			if (fatal_signal_pending())
				break;
			cond_resched();
		}
	}
	*ppos = pos;
	if (done)
		file_accessed(f);
	return done ? done : part;
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */
static size_t copy_page_from(struct page *page, struct iov *from, unsigned off, size_t n)
{
	char *p = kmap(page);
	size_t done = iov_copy_from_nofault(p + off, from, n);

	kunmap(p);
	return done;
}

/* Up to n bytes within one page. => bytes (0: fault the source in and try again), -errno */
static ssize_t write_piece(struct file *f, struct iov *from, loff_t pos, unsigned n)
{
	struct address_space *m = f->mapping;
	struct iov start = *from;
	struct page *page;
	size_t done;
	int err = m->ops->write_begin(f, m, pos, n, &page);

	if (err)
		return err;
	done = copy_page_from(page, from, (unsigned)pos & (PAGE_SIZE - 1), n);
	err = m->ops->write_end(f, m, pos, n, done, page); /* unlocks; the size grows */
	if (unlikely(err != (int)done)) { /* not all of it counts */
		*from = start;
		iov_advance(from, (size_t)max(err, 0));
	}
	return err;
}

/* write_end of files on a disk. */
int block_write_end(struct file *f, struct address_space *m, loff_t pos, unsigned len, unsigned copied, struct page *page)
{
	int done = blocks_write_end(m, pos, len, copied, page);

	if (done > 0 && pos + done > m->host->size)
		inode_set_size(m->host, pos + done);
	unlock_page(page);
	put_page(page);
	return done;
}

/* inode->lock held for writing. */
ssize_t file_write_pages(struct file *f, struct iov *from, loff_t pos)
{
	ssize_t done = 0, part = 0, reach = PAGE_SIZE;
	unsigned dirtied = 0;

	while (from->count) {
		unsigned n = min_t(size_t, from->count, PAGE_SIZE - ((unsigned)pos & (PAGE_SIZE - 1)));

		n = min_t(unsigned, n, reach);
		part = write_piece(f, from, pos, n);
		if (part < 0)
			break;
		pos += part;
		done += part;
		reach = PAGE_SIZE;
		if (unlikely(++dirtied == DIRTY_CHECK) && f->mapping->backing) {
			balance_dirty(f->mapping->backing->flusher);
			dirtied = 0;
		}
		if (unlikely(part < (ssize_t)n)) {
			reach = iov_prefault_read(from, n - part);
			if (reach < 0) {
				part = reach;
				break;
			}
		}
		if (unlikely(need_resched())) {
			if (fatal_signal_pending()) {
				part = -EINTR;
				break;
			}
			cond_resched();
		}
	}
	if (f->mapping->backing)
		balance_dirty_some(f->mapping->backing->flusher, dirtied);
	return done ? done : part;
}

ssize_t generic_write(struct file *f, struct iov *from, loff_t *ppos)
{
	struct inode *i = f->inode;
	size_t n = from->count;
	ssize_t done;
	loff_t pos;
	int err;

	if (!n)
		return 0;
	/* The source's first pages while nothing is held: it may be a mapping of this file. */
	if (iov_prefault_read(from, 1) < 0)
		return -EFAULT;
	down_write(&i->lock);
	pos = f->flags & O_APPEND ? i->size : *ppos;
	err = pos < 0 ? -EINVAL : rw_limit(f, pos, &n);
	if (!err && i->seals)
		err = i->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) || (i->seals & F_SEAL_GROW && pos + n > i->size) ? -EPERM : 0;
	if (!err)
		err = file_remove_suid(f);
	done = err;
	if (!err) {
		iov_truncate(from, n);
		if (unlikely(f->flags & O_DIRECT) && direct_possible(f, from))
			done = direct_write(f, from, pos);
		else
			done = file_write_pages(f, from, pos);
		if (done > 0)
			inode_touch(i, ATTR_MTIME | ATTR_CTIME);
	}
	up_write(&i->lock);
	if (done > 0) {
		*ppos = pos + done;
		if (f->flags & O_DSYNC && f->ops->fsync) {
			err = f->ops->fsync(f, pos, pos + done, !(f->flags & __O_SYNC));
			if (err)
				done = err;
		}
	}
	return done;
}

/* --- mapping ------------------------------------------------------------------------------------------------------------ */
/* Faults go to the page cache. A sealed file is not mapped for shared writing. */
int generic_mmap(struct file *f, struct vma *vma)
{
	if (!f->mapping || !f->mapping->ops)
		return -ENODEV;
	if (vma->flags & VM_SHARED && f->inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
		if (vma->flags & VM_WRITE)
			return -EPERM;
		vma->flags &= ~VM_MAYWRITE;
	}
	file_accessed(f);
	return 0;
}
