/* SPDX-License-Identifier: MIT
 *
 * Between two files without user space: sendfile, copy_file_range; and what programs announce about their reading.
 *
 * Both read into one page of kernel memory and write from there: simple, and no slower for what lies in the page
 * cache than one copy more. splice and tee are not here.
 */
#include "kernel/fs/internal.h"
#include "mm/cache/readahead.h"
#include "mm/cache/writeback.h"
#include <linux/fadvise.h>

/* Up to n bytes; positions move on by what was written. => bytes, -errno if none */
static ssize_t copy_bytes(struct file *in, loff_t *ipos, struct file *out, loff_t *opos, size_t n)
{
	struct page *page = alloc_page(GFP_KERNEL);
	ssize_t total = 0, got = 0, put = 0;
	struct iov v;

	if (!page)
		return -ENOMEM;
	n = min_t(size_t, n, MAX_RW_COUNT);
	while (n) {
		loff_t at = *ipos;

		iov_init_kernel(&v, page_address(page), min_t(size_t, n, PAGE_SIZE));
		got = vfs_read(in, &v, &at);
		if (got <= 0)
			break;
		iov_init_kernel(&v, page_address(page), got);
		put = vfs_write(out, &v, opos);
		if (put <= 0)
			break;
		*ipos += put;
		total += put;
		n -= put;
		if (put < got || signal_pending())
			break;
		cond_resched();
	}
	free_page(page);
	return total ? total : put < 0 ? put : got;
}

static ssize_t send(int ofd, int ifd, loff_t *at, size_t n)
{
	struct fdref in = fdget(ifd), out = fdget(ofd); /* two positions have no order to be locked in */
	ssize_t done = -EBADF;

	if (!in.file || !out.file || !(in.file->mode & FMODE_READ) || !(out.file->mode & FMODE_WRITE))
		goto out;
	if (!(in.file->mode & FMODE_LSEEK) || S_ISDIR(in.file->inode->mode)) /* a terminal's end of file must not be swallowed */
		done = -EINVAL;
	else if (out.file->flags & O_APPEND)
		done = -EINVAL;
	else
		done = copy_bytes(in.file, at ? at : &in.file->pos, out.file, &out.file->pos, n);
out:
	fdput(out);
	fdput(in);
	return done;
}

SYSCALL(sendfile64, int ofd, int ifd, loff_t __user *upos, size_t n)
{
	loff_t pos;
	ssize_t done;

	if (!upos)
		return send(ofd, ifd, NULL, n);
	if (copy_from_user(&pos, upos, sizeof(pos)))
		return -EFAULT;
	done = pos < 0 ? -EINVAL : send(ofd, ifd, &pos, n);
	return put_user(pos, upos) ? -EFAULT : done;
}
SYSCALL(sendfile, int ofd, int ifd, long __user *upos, size_t n)
{
	loff_t pos;
	ssize_t done;
	long small;

	if (!upos)
		return send(ofd, ifd, NULL, n);
	if (get_user(small, upos))
		return -EFAULT;
	pos = small;
	done = pos < 0 ? -EINVAL : send(ofd, ifd, &pos, n);
	small = (long)pos;
	return put_user(small, upos) ? -EFAULT : done;
}

static ssize_t copy_range(struct file *in, loff_t *ipos, struct file *out, loff_t *opos, size_t n)
{
	loff_t size;

	if (S_ISDIR(in->inode->mode) || S_ISDIR(out->inode->mode))
		return -EISDIR;
	if (!S_ISREG(in->inode->mode) || !S_ISREG(out->inode->mode))
		return -EINVAL;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE) || out->flags & O_APPEND)
		return -EBADF;
	if (*ipos < 0 || *opos < 0)
		return -EINVAL;
	if (*ipos + (loff_t)n < 0 || *opos + (loff_t)n < 0)
		return -EOVERFLOW;
	size = inode_size(in->inode);
	n = *ipos >= size ? 0 : (size_t)min((loff_t)n, size - *ipos);
	if (in->inode == out->inode && *opos + (loff_t)n > *ipos && *opos < *ipos + (loff_t)n)
		return -EINVAL;
	return n ? copy_bytes(in, ipos, out, opos, n) : 0;
}

SYSCALL(copy_file_range, int ifd, loff_t __user *uin, int ofd, loff_t __user *uout, size_t n, unsigned flags)
{
	struct fdref in, out;
	ssize_t done = -EBADF;
	loff_t ipos, opos;

	if (flags)
		return -EINVAL;
	in = fdget(ifd);
	out = fdget(ofd);
	if (!in.file || !out.file)
		goto out;
	ipos = in.file->pos;
	opos = out.file->pos;
	done = -EFAULT;
	if ((uin && copy_from_user(&ipos, uin, sizeof(ipos))) || (uout && copy_from_user(&opos, uout, sizeof(opos))))
		goto out;
	done = copy_range(in.file, &ipos, out.file, &opos, n);
	if (done > 0) {
		if (uin ? put_user(ipos, uin) : 0)
			done = -EFAULT;
		if (uout ? put_user(opos, uout) : 0)
			done = -EFAULT;
		if (!uin)
			in.file->pos = ipos;
		if (!uout)
			out.file->pos = opos;
	}
out:
	fdput(out);
	fdput(in);
	return done;
}

/* --- advice --------------------------------------------------------------------------------------------------------- */
/* Whole pages of [first, last] that are not wanted any more: what is dirty is written out first, but not waited for. */
static void dont_need(struct file *f, loff_t first, loff_t last)
{
	struct address_space *m = f->mapping;
	loff_t from = ALIGN_UP(first, (loff_t)PAGE_SIZE), end = last == MAX_LFS ? last : ALIGN_DOWN(last + 1, (loff_t)PAGE_SIZE);

	if (!m->backing || from >= end)
		return;
	write_range(m, first, last, false);
	invalidate_clean_pages(m, pindex_at(from), pindex_at(min(end - 1, CACHE_FILE_MAX)));
}

static void set_window(struct file *f, u16 pages, bool random)
{
	spin_lock(&f->lock);
	f->ra_pages = pages;
	f->mode = random ? f->mode | FMODE_RANDOM : f->mode & ~FMODE_RANDOM;
	spin_unlock(&f->lock);
}

static void will_need(struct file *f, loff_t first, loff_t last)
{
	loff_t size = inode_size(f->mapping->host);

	if (first < size && f->mode & FMODE_READ)
		(void)read_ahead_range(f->mapping, f, pindex_at(first), pindex_at(min(last, size - 1)));
}

static long advise_file(struct file *f, loff_t first, loff_t len, int advice)
{
	loff_t last = len && first <= MAX_LFS - len ? first + len - 1 : MAX_LFS;

	if (S_ISFIFO(f->inode->mode))
		return -ESPIPE;
	if (len < 0 || !f->mapping)
		return -EINVAL;
	switch (advice) {
	case POSIX_FADV_NORMAL: set_window(f, 0, false); return 0;
	case POSIX_FADV_SEQUENTIAL: set_window(f, 2 * RA_DEFAULT, false); return 0;
	case POSIX_FADV_RANDOM: set_window(f, f->ra_pages, true); return 0;
	case POSIX_FADV_WILLNEED: will_need(f, max(first, (loff_t)0), last); return 0;
	case POSIX_FADV_DONTNEED: dont_need(f, max(first, (loff_t)0), last); return 0;
	case POSIX_FADV_NOREUSE: return 0;
	}
	return -EINVAL;
}

static long advise(int fd, loff_t first, loff_t len, int advice)
{
	struct fdref r = fdget(fd);
	long err = r.file ? advise_file(r.file, first, len, advice) : -EBADF;

	fdput(r);
	return err;
}
SYSCALL(fadvise64_64, int fd, u32 off_lo, u32 off_hi, u32 len_lo, u32 len_hi, int advice)
{
	return advise(fd, make_loff(off_lo, off_hi), make_loff(len_lo, len_hi), advice);
}
SYSCALL(fadvise64, int fd, u32 off_lo, u32 off_hi, size_t len, int advice) { return advise(fd, make_loff(off_lo, off_hi), len, advice); }

SYSCALL(readahead, int fd, u32 off_lo, u32 off_hi, size_t n)
{
	loff_t first = make_loff(off_lo, off_hi);
	struct fdref r = fdget(fd);
	long err = -EBADF;

	if (r.file && r.file->mode & FMODE_READ) {
		err = (S_ISREG(r.file->inode->mode) || S_ISBLK(r.file->inode->mode)) && r.file->mapping && first >= 0 ? 0 : -EINVAL;
		if (!err && n)
			will_need(r.file, first, first + (loff_t)n - 1);
	}
	fdput(r);
	return err;
}
