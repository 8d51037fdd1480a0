/* SPDX-License-Identifier: MIT
 *
 * getdents and its ancestors: file_ops.readdir emits entries, each call packs them in its own record.
 *
 * A record's d_off is the position behind it, which is only known when the next one comes: it is written then.
 */
#include "kernel/fs/internal.h"

/* UAPI headers do not have it; the layout is getdents64(2)'s. */
struct linux_dirent64 {
	u64 d_ino;
	s64 d_off;
	u16 d_reclen;
	u8 d_type;
	char d_name[];
};
struct linux_dirent {
	unsigned long d_ino, d_off;
	u16 d_reclen;
	char d_name[]; /* NUL, then padding, the type in the last byte */
};

bool dir_emit_dots(struct file *f, struct dir_context *c)
{
	struct inode *i = f->inode, *up;
	u64 ino;

	if (c->pos == 0) {
		if (!dir_emit(c, ".", 1, i->ino, DT_OF(S_IFDIR)))
			return false;
		c->pos = 1;
	}
	if (c->pos == 1) {
		spin_lock(&f->dentry->lock);
		up = f->dentry->parent->inode;
		ino = up->ino;
		spin_unlock(&f->dentry->lock);
		if (!dir_emit(c, "..", 2, ino, DT_OF(S_IFDIR)))
			return false;
		c->pos = 2;
	}
	return true;
}

struct packer {
	struct dir_context c;
	char __user *at, *prev; /* where the next record goes; the last one written */
	unsigned left;
	int err;                /* why emit said no */
};

/* The record before this one ends where this one begins. */
static int finish_prev64(struct packer *p)
{
	s64 pos = p->c.pos;

	return p->prev ? put_user(pos, &((struct linux_dirent64 __user *)p->prev)->d_off) : 0;
}

/* The record is whole. */
static int advance(struct packer *p, unsigned reclen)
{
	p->err = 0;
	p->prev = p->at;
	p->at += reclen;
	p->left -= reclen;
	return 0;
}

static int emit64(struct dir_context *c, const char *name, unsigned len, u64 ino, unsigned type)
{
	struct packer *p = container_of(c, struct packer, c);
	unsigned reclen = ALIGN_UP(offsetof(struct linux_dirent64, d_name) + len + 1, 8U);
	struct linux_dirent64 d = { .d_ino = ino, .d_reclen = reclen, .d_type = type };

	p->err = -EINVAL;
	if (reclen > p->left)
		return 1;
	p->err = -EFAULT;
	if (finish_prev64(p) || copy_to_user(p->at, &d, offsetof(struct linux_dirent64, d_name)) ||
	    copy_to_user(p->at + offsetof(struct linux_dirent64, d_name), name, len) ||
	    clear_user(p->at + offsetof(struct linux_dirent64, d_name) + len, reclen - offsetof(struct linux_dirent64, d_name) - len))
		return 1;
	return advance(p, reclen);
}

static int finish_prev(struct packer *p)
{
	unsigned long pos = (unsigned long)p->c.pos;

	return p->prev ? put_user(pos, &((struct linux_dirent __user *)p->prev)->d_off) : 0;
}

static int emit(struct dir_context *c, const char *name, unsigned len, u64 ino, unsigned type)
{
	struct packer *p = container_of(c, struct packer, c);
	unsigned head = offsetof(struct linux_dirent, d_name);
	unsigned reclen = ALIGN_UP(head + len + 2, 4U);
	struct linux_dirent d = { .d_ino = (u32)ino, .d_reclen = reclen };
	u8 t = type;

	p->err = -EINVAL;
	if (reclen > p->left)
		return 1;
	p->err = ino >> 32 ? -EOVERFLOW : -EFAULT;
	if (ino >> 32 || finish_prev(p) || copy_to_user(p->at, &d, head) || copy_to_user(p->at + head, name, len) ||
	    clear_user(p->at + head + len, reclen - head - len) || put_user(t, (u8 __user *)p->at + reclen - 1))
		return 1;
	return advance(p, reclen);
}

/* readdir(2): one entry. */
struct old_dirent { unsigned long d_ino, d_offset; u16 d_namlen; char d_name[]; };
static int emit_old(struct dir_context *c, const char *name, unsigned len, u64 ino, unsigned type)
{
	struct packer *p = container_of(c, struct packer, c);
	struct old_dirent d = { .d_ino = (u32)ino, .d_offset = (unsigned long)c->pos, .d_namlen = len };
	char nul = 0;

	if (p->prev)
		return 1;
	p->err = -EFAULT;
	if (copy_to_user(p->at, &d, offsetof(struct old_dirent, d_name)) ||
	    copy_to_user(p->at + offsetof(struct old_dirent, d_name), name, len) ||
	    put_user(nul, p->at + offsetof(struct old_dirent, d_name) + len))
		return 1;
	p->err = 0;
	p->prev = p->at;
	p->left = 1;
	return 0;
}

/* => 0 or -errno from the file system. f->pos moves on. */
static int iterate(struct file *f, struct packer *p)
{
	struct inode *i = f->inode;
	int err;

	if (!f->ops->readdir)
		return -ENOTDIR;
	down_read(&i->lock);
	if (i->dead) {
		err = -ENOENT;
	} else {
		p->c.pos = f->pos;
		err = f->ops->readdir(f, &p->c);
		f->pos = p->c.pos;
		file_accessed(f);
	}
	up_read(&i->lock);
	return err;
}

/* => bytes packed, 0 at the end, -errno */
static long pack(unsigned fd, void __user *buf, unsigned size, struct packer *p, int (*finish)(struct packer *))
{
	struct fdref r = fdget_pos(fd);
	long err;

	if (!r.file)
		return -EBADF;
	p->at = buf;
	p->left = size;
	err = access_ok(buf, size) ? iterate(r.file, p) : -EFAULT;
	if (p->prev)
		err = finish(p) ? -EFAULT : (long)(size - p->left);
	else if (!err)
		err = p->err;
	fdput_pos(r);
	return err;
}

SYSCALL(getdents64, unsigned fd, void __user *buf, unsigned size)
{
	struct packer p = { .c.emit = emit64 };

	return pack(fd, buf, size, &p, finish_prev64);
}
SYSCALL(getdents, unsigned fd, void __user *buf, unsigned size)
{
	struct packer p = { .c.emit = emit };

	return pack(fd, buf, size, &p, finish_prev);
}
SYSCALL(readdir, unsigned fd, void __user *buf, unsigned count)
{
	struct packer p = { .c.emit = emit_old, .at = buf };
	struct fdref r = fdget_pos(fd);
	long err;

	if (!r.file)
		return -EBADF;
	err = iterate(r.file, &p);
	fdput_pos(r);
	return err ? err : p.prev ? 1 : p.err;
}
