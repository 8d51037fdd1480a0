/* SPDX-License-Identifier: MIT
 *
 * read, write, seek and all their forms. Each builds a struct iov and goes through vfs_read or vfs_write.
 */
#include "kernel/fs/internal.h"
#include <linux/fs.h>

/* --- seeking ------------------------------------------------------------------------------------------------------ */
/* end: what SEEK_END counts from, and where data ends for SEEK_DATA and SEEK_HOLE. */
loff_t generic_llseek(struct file *f, loff_t off, int whence, loff_t end)
{
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		off += f->pos;
		break;
	case SEEK_END:
		off += end;
		break;
	case SEEK_DATA: /* no holes that we would know of: one piece of data, and a hole behind it */
	case SEEK_HOLE:
		if (off < 0 || off >= end)
			return -ENXIO;
		off = whence == SEEK_HOLE ? end : off;
		break;
	default:
		return -EINVAL;
	}
	if (off < 0 || (f->inode && off > f->inode->sb->max_size && off > MAX_NON_LFS))
		return -EINVAL;
	f->pos = off;
	return off;
}

static loff_t vfs_llseek(struct file *f, loff_t off, int whence)
{
	if (!(f->mode & FMODE_LSEEK))
		return -ESPIPE;
	if (f->ops->llseek)
		return f->ops->llseek(f, off, whence);
	return generic_llseek(f, off, whence, inode_size(f->inode));
}

SYSCALL(lseek, unsigned fd, long off, int whence)
{
	struct fdref r = fdget_pos(fd);
	loff_t pos = -EBADF;

	if (r.file) {
		pos = vfs_llseek(r.file, off, whence);
		if (pos > MAX_NON_LFS)
			pos = -EOVERFLOW; /* has moved all the same */
		fdput_pos(r);
	}
	return (long)pos;
}
SYSCALL(_llseek, unsigned fd, u32 hi, u32 lo, loff_t __user *result, int whence)
{
	struct fdref r = fdget_pos(fd);
	loff_t pos;

	if (!r.file)
		return -EBADF;
	pos = vfs_llseek(r.file, make_loff(lo, hi), whence);
	fdput_pos(r);
	if (pos < 0)
		return (long)pos;
	return put_user(pos, result);
}

/* --- the two ways in -------------------------------------------------------------------------------------------------- */
ssize_t vfs_read(struct file *f, struct iov *v, loff_t *pos)
{
	if (unlikely(!(f->mode & FMODE_READ)))
		return -EBADF;
	if (unlikely(!f->ops->read))
		return S_ISDIR(f->inode->mode) ? -EISDIR : -EINVAL;
	if (unlikely(v->user && v->len && !access_ok(v->base, v->len)))
		return -EFAULT;
	iov_truncate(v, MAX_RW_COUNT);
	return f->ops->read(f, v, pos);
}
ssize_t vfs_write(struct file *f, struct iov *v, loff_t *pos)
{
	if (unlikely(!(f->mode & FMODE_WRITE)))
		return -EBADF;
	if (unlikely(!f->ops->write))
		return -EINVAL;
	if (unlikely(v->user && v->len && !access_ok(v->base, v->len)))
		return -EFAULT;
	iov_truncate(v, MAX_RW_COUNT);
	return f->ops->write(f, v, pos);
}

/* A length with the top bit set is nonsense, as for readv. */
SYSCALL(read, unsigned fd, char __user *buf, size_t n)
{
	struct fdref r = fdget_pos(fd);
	ssize_t done;
	struct iov v;

	if (unlikely(!r.file))
		return -EBADF;
	iov_init_user(&v, buf, n);
	done = (ssize_t)n < 0 ? -EINVAL : vfs_read(r.file, &v, &r.file->pos);
	fdput_pos(r);
	return done;
}
SYSCALL(write, unsigned fd, const char __user *buf, size_t n)
{
	struct fdref r = fdget_pos(fd);
	ssize_t done;
	struct iov v;

	if (unlikely(!r.file))
		return -EBADF;
	iov_init_user(&v, (void __user *)buf, n);
	done = (ssize_t)n < 0 ? -EINVAL : vfs_write(r.file, &v, &r.file->pos);
	fdput_pos(r);
	return done;
}

/* At a position of its own. */
static ssize_t rw_at(unsigned fd, struct iov *v, loff_t pos, bool write)
{
	struct fdref r;
	ssize_t done;

	if (pos < 0)
		return -EINVAL;
	r = fdget(fd);
	if (!r.file)
		return -EBADF;
	if (!(r.file->mode & FMODE_LSEEK))
		done = -ESPIPE;
	else
		done = write ? vfs_write(r.file, v, &pos) : vfs_read(r.file, v, &pos);
	fdput(r);
	return done;
}
SYSCALL(pread64, unsigned fd, char __user *buf, size_t n, u32 lo, u32 hi)
{
	struct iov v;

	iov_init_user(&v, buf, n);
	return (ssize_t)n < 0 ? -EINVAL : rw_at(fd, &v, make_loff(lo, hi), false);
}
SYSCALL(pwrite64, unsigned fd, const char __user *buf, size_t n, u32 lo, u32 hi)
{
	struct iov v;

	iov_init_user(&v, (void __user *)buf, n);
	return (ssize_t)n < 0 ? -EINVAL : rw_at(fd, &v, make_loff(lo, hi), true);
}

/* --- vectors ------------------------------------------------------------------------------------------------------------ */
static ssize_t rw_vec(unsigned fd, const struct iovec __user *uvec, unsigned nr, bool write)
{
	struct iovec fast[UIO_FASTIOV], *heap;
	struct fdref r = fdget_pos(fd);
	struct iov v;
	ssize_t done;

	if (!r.file)
		return -EBADF;
	done = iov_import(&v, uvec, nr, fast, &heap);
	if (!done)
		done = write ? vfs_write(r.file, &v, &r.file->pos) : vfs_read(r.file, &v, &r.file->pos);
	kfree(heap);
	fdput_pos(r);
	return done;
}
SYSCALL(readv, unsigned fd, const struct iovec __user *vec, unsigned nr) { return rw_vec(fd, vec, nr, false); }
SYSCALL(writev, unsigned fd, const struct iovec __user *vec, unsigned nr) { return rw_vec(fd, vec, nr, true); }

static ssize_t rw_vec_at(unsigned fd, const struct iovec __user *uvec, unsigned nr, loff_t pos, bool write)
{
	struct iovec fast[UIO_FASTIOV], *heap;
	struct iov v;
	ssize_t done = iov_import(&v, uvec, nr, fast, &heap);

	if (!done)
		done = rw_at(fd, &v, pos, write);
	kfree(heap);
	return done;
}
SYSCALL(preadv, unsigned fd, const struct iovec __user *vec, unsigned nr, u32 lo, u32 hi)
{
	return rw_vec_at(fd, vec, nr, make_loff(lo, hi), false);
}
SYSCALL(pwritev, unsigned fd, const struct iovec __user *vec, unsigned nr, u32 lo, u32 hi)
{
	return rw_vec_at(fd, vec, nr, make_loff(lo, hi), true);
}
/* Flags ask for things that we do not do: none but 0 is taken. */
SYSCALL(preadv2, unsigned fd, const struct iovec __user *vec, unsigned nr, u32 lo, u32 hi, u32 flags)
{
	if (flags)
		return -EOPNOTSUPP;
	return make_loff(lo, hi) == -1 ? rw_vec(fd, vec, nr, false) : rw_vec_at(fd, vec, nr, make_loff(lo, hi), false);
}
SYSCALL(pwritev2, unsigned fd, const struct iovec __user *vec, unsigned nr, u32 lo, u32 hi, u32 flags)
{
	if (flags)
		return -EOPNOTSUPP;
	return make_loff(lo, hi) == -1 ? rw_vec(fd, vec, nr, true) : rw_vec_at(fd, vec, nr, make_loff(lo, hi), true);
}

/* --- limits, buffers -------------------------------------------------------------------------------------------------------- */
int rw_limit(struct file *f, loff_t pos, size_t *n)
{
	loff_t max = f->flags & O_LARGEFILE ? f->inode->sb->max_size : min(f->inode->sb->max_size, (loff_t)MAX_NON_LFS);
	unsigned long limit = rlimit(RLIMIT_FSIZE);

	if (limit != RLIM_INFINITY) {
		if (pos >= (loff_t)limit) {
			send_signal(SIGXFSZ, NULL, current);
			return -EFBIG;
		}
		max = min(max, (loff_t)limit);
	}
	if (pos >= max)
		return -EFBIG;
	if ((loff_t)*n > max - pos)
		*n = (size_t)(max - pos);
	return 0;
}
