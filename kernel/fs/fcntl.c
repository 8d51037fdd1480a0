/* SPDX-License-Identifier: MIT
 *
 * fcntl, fcntl64 and ioctl: what they ask of any file; the rest goes to the file's own operations.
 */
#include "kernel/fs/internal.h"
#include <asm/ioctls.h>
#include <linux/fs.h>

#define SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

static long set_flags(struct file *f, u32 flags)
{
	if (f->inode->seals & F_SEAL_WRITE && flags & O_APPEND && !(f->flags & O_APPEND))
		return 0; /* nothing can be written anyway */
	if (flags & O_NOATIME && !(f->flags & O_NOATIME) && !inode_owner_or_capable(f->inode))
		return -EPERM;
	if (flags & O_DIRECT && !(f->flags & O_DIRECT) && !file_is_pipe(f) && !(f->mapping && f->mapping->ops))
		return -EINVAL;
	spin_lock(&f->lock);
	f->flags = (f->flags & ~SETTABLE) | (flags & SETTABLE);
	spin_unlock(&f->lock);
	return 0;
}

static long dup_fd(struct file *f, unsigned long from, int flags)
{
	int fd;

	if (from >= rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	fd = fd_alloc(from, flags);
	if (fd >= 0) {
		get_file(f);
		fd_install(fd, f);
	}
	return fd;
}

static long owner_ex(struct file *f, unsigned cmd, struct f_owner_ex __user *u)
{
	struct f_owner_ex o = { F_OWNER_PID, f->owner };

	if (cmd == F_GETOWN_EX) {
		if (o.pid < 0)
			o = (struct f_owner_ex){ F_OWNER_PGRP, -o.pid };
		return copy_to_user(u, &o, sizeof(o)) ? -EFAULT : 0;
	}
	if (copy_from_user(&o, u, sizeof(o)))
		return -EFAULT;
	if (o.type < F_OWNER_TID || o.type > F_OWNER_PGRP)
		return -EINVAL;
	f->owner = o.type == F_OWNER_PGRP ? -o.pid : o.pid;
	return 0;
}

/* What an O_PATH file answers as well. => -EBADF: not this one */
static long path_fcntl(struct file *f, unsigned fd, unsigned cmd, unsigned long arg)
{
	switch (cmd) {
	case F_DUPFD: return dup_fd(f, arg, 0);
	case F_DUPFD_CLOEXEC: return dup_fd(f, arg, O_CLOEXEC);
	case F_GETFD: return fd_get_cloexec(fd);
	case F_SETFD: return fd_set_cloexec(fd, arg & FD_CLOEXEC);
	case F_GETFL: return f->flags;
	}
	return -EBADF;
}

static long do_fcntl(struct file *f, unsigned fd, unsigned cmd, unsigned long arg, bool large)
{
	switch (cmd) {
	case F_DUPFD: case F_DUPFD_CLOEXEC: case F_GETFD: case F_SETFD: case F_GETFL:
		return path_fcntl(f, fd, cmd, arg);
	case F_SETFL:
		return set_flags(f, arg);
	case F_GETLK: case F_SETLK: case F_SETLKW:
		return fcntl_lock(f, fd, cmd, arg, false);
	case F_GETLK64: case F_SETLK64: case F_SETLKW64: case F_OFD_GETLK: case F_OFD_SETLK: case F_OFD_SETLKW:
		return large ? fcntl_lock(f, fd, cmd, arg, true) : -EINVAL;
	case F_GETOWN:
		return f->owner;
	case F_SETOWN:
		f->owner = (int)arg;
		return 0;
	case F_GETOWN_EX: case F_SETOWN_EX:
		return owner_ex(f, cmd, (void __user *)arg);
	case F_GETSIG:
		return 0;
	case F_SETPIPE_SZ:
		return file_is_pipe(f) ? pipe_set_size(f, arg) : -EBADF;
	case F_GETPIPE_SZ:
		return file_is_pipe(f) ? pipe_get_size(f) : -EBADF;
	case F_ADD_SEALS: case F_GET_SEALS:
		return memfd_fcntl(f, cmd, arg);
	}
	return -EINVAL;
}

static long fcntl_call(unsigned fd, unsigned cmd, unsigned long arg, bool large)
{
	struct fdref r = fdget_any(fd);
	long err;

	if (!r.file)
		return -EBADF;
	if (r.file->mode & FMODE_PATH)
		err = path_fcntl(r.file, fd, cmd, arg);
	else
		err = do_fcntl(r.file, fd, cmd, arg, large);
	fdput(r);
	return err;
}
SYSCALL(fcntl64, unsigned fd, unsigned cmd, unsigned long arg) { return fcntl_call(fd, cmd, arg, true); }
SYSCALL(fcntl, unsigned fd, unsigned cmd, unsigned long arg) { return fcntl_call(fd, cmd, arg, false); }

/* --- ioctl --------------------------------------------------------------------------------------------------------- */
static long set_flag(struct file *f, u32 flag, int __user *u)
{
	int on;

	if (get_user(on, u))
		return -EFAULT;
	spin_lock(&f->lock);
	f->flags = on ? f->flags | flag : f->flags & ~flag;
	spin_unlock(&f->lock);
	return 0;
}

static long bytes_left(struct file *f, int __user *u)
{
	loff_t left = inode_size(f->inode) - f->pos;
	int n = (int)clamp(left, (loff_t)0, (loff_t)MAX_NON_LFS);

	return put_user(n, u);
}

/* No file system here can stand still for a snapshot. */
static long freeze(unsigned cmd)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return cmd == FIFREEZE ? -EOPNOTSUPP : -EINVAL;
}

static long do_ioctl(struct file *f, unsigned fd, unsigned cmd, unsigned long arg)
{
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		return fd_set_cloexec(fd, cmd == FIOCLEX);
	case FIONBIO:
		return set_flag(f, O_NONBLOCK, (int __user *)arg);
	case FIOASYNC:
		return set_flag(f, FASYNC, (int __user *)arg);
	case FIONREAD:
		if (S_ISREG(f->inode->mode))
			return bytes_left(f, (int __user *)arg);
		break;
	case FIFREEZE:
	case FITHAW:
		return freeze(cmd);
	}
	return f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
}

SYSCALL(ioctl, unsigned fd, unsigned cmd, unsigned long arg)
{
	struct fdref r = fdget(fd);
	long err = -EBADF;

	if (r.file) {
		err = do_ioctl(r.file, fd, cmd, arg);
		fdput(r);
	}
	return err;
}
