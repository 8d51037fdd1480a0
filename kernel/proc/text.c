/* SPDX-License-Identifier: MIT
 *
 * Text files of /proc. A read fills a buffer with whole records and hands pieces of it out; a record that does not fit
 * makes the buffer grow and is made again. So a file of any length needs memory for its longest record only, and each
 * record is consistent in itself; the file as a whole is not a snapshot (nor is it on Linux).
 *
 * Life: open makes a struct proc_open (and looks whether the reader may look); release frees it.
 * Locks: o->lock > whatever begin() takes.
 */
#include "kernel/proc/internal.h"
#include "mm/phys/phys.h"

#define FIRST_SIZE 1024U
#define LARGEST (16U << 20)
#define WRITE_MAX 4096U

static int text_open(struct inode *i, struct file *f)
{
	struct proc_node *n = proc_node(i);
	struct mm *mm = n->e->guard ? proc_mm_hold(n->task) : NULL;
	struct proc_open *o;

	if (IS_ERR(mm))
		return PTR_ERR(mm);
	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o) {
		if (mm)
			mmdrop(mm);
		return -ENOMEM;
	}
	o->mm = mm;
	o->e = n->e;
	o->fd = n->fd;
	o->task = n->task;
	if (o->task)
		get_task(o->task);
	mutex_init(&o->lock, "proc text");
	f->private = o;
	return 0;
}

static void text_release(struct file *f)
{
	struct proc_open *o = f->private;

	if (o->mm)
		mmdrop(o->mm);
	if (o->task)
		put_task(o->task);
	kvfree(o->s.buf);
	kfree(o);
}

struct mm *proc_mm_get(struct proc_open *o)
{
	return o->mm && atomic_inc_not_zero(&o->mm->users) ? o->mm : NULL;
}

static int grow(struct seq *s)
{
	size_t size = s->size ? s->size * 2 : FIRST_SIZE;
	char *buf = size > LARGEST ? NULL : kvmalloc(size, GFP_KERNEL);

	if (!buf)
		return -ENOMEM;
	if (s->len)
		memcpy(buf, s->buf, s->len);
	kvfree(s->buf);
	s->buf = buf;
	s->size = size;
	return 0;
}

static bool one_record(struct proc_open *o)
{
	if (o->e->records)
		return o->e->records->record(o);
	if (o->s.index)
		return false;
	o->s.index = 1;
	o->e->show(&o->s, o->task);
	return true;
}

/* => 1: the last record did not fit and is to be made again; 0: enough, or no more */
static int fill_some(struct proc_open *o)
{
	struct seq *s = &o->s;

	for (;;) {
		size_t len = s->len;
		loff_t index = s->index;
		unsigned long arg = o->arg;

		s->overflow = false;
		if (!one_record(o))
			return 0;
		if (s->overflow) {
			s->len = len;
			s->index = index;
			o->arg = arg;
			return len == 0;
		}
		if (s->len > s->size - s->size / 4)
			return 0;
	}
}

/* The next records into the empty buffer. => 0 or -errno; nothing in it: end of file */
static int fill(struct proc_open *o)
{
	const struct proc_records *r = o->e->records;
	int err = o->s.size ? 0 : grow(&o->s);

	o->s.len = 0;
	while (!err) {
		int again;

		if (r && r->begin)
			err = r->begin(o);
		if (err)
			break;
		again = fill_some(o);
		if (r && r->end)
			r->end(o);
		if (!again)
			return 0;
		err = grow(&o->s);
	}
	return err == -ESRCH && r ? 0 : err; /* the process is gone: the file ends */
}

/* Make the buffer begin at or before pos and reach beyond it. => bytes from pos on, 0: end */
static ssize_t reach(struct proc_open *o, loff_t pos)
{
	int err;

	if (pos < o->at) {
		o->at = 0;
		o->s.index = 0;
		o->s.len = 0;
		o->arg = 0;
	}
	while (pos >= o->at + (loff_t)o->s.len) {
		loff_t next = o->at + o->s.len;

		err = fill(o);
		if (err)
			return err;
		o->at = next;
		if (!o->s.len)
			return 0;
	}
	return o->at + o->s.len - pos;
}

static ssize_t text_read(struct file *f, struct iov *to, loff_t *pos)
{
	struct proc_open *o = f->private;
	ssize_t done = 0, n = 0;

	if (!o->e->show && !o->e->records)
		return -EINVAL;
	mutex_lock(&o->lock);
	if (!*pos) { /* from the start: always fresh */
		o->at = 1;
	}
	while (iov_count(to) && (n = reach(o, *pos)) > 0) {
		size_t want = min_t(size_t, n, iov_count(to));
		size_t got = iov_copy_to(to, o->s.buf + (*pos - o->at), want);

		done += got;
		*pos += got;
		if (got < want) {
			n = -EFAULT;
			break;
		}
	}
	mutex_unlock(&o->lock);
	return done ? done : n < 0 ? n : 0;
}

static ssize_t text_write(struct file *f, struct iov *from, loff_t *pos)
{
	struct proc_open *o = f->private;
	size_t n = iov_count(from);
	char *text;
	int r;

	if (!o->e->write)
		return -EACCES;
	if (n >= WRITE_MAX)
		return -EINVAL;
	text = kmalloc(n + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	r = iov_copy_from(text, from, n) < n ? -EFAULT : 0;
	text[n] = '\0';
	if (!r)
		r = o->e->write(o->task, text, n);
	kfree(text);
	if (r)
		return r;
	*pos += n;
	return n;
}

/* Anywhere, forth and back; there is no end to measure from. */
static loff_t text_seek(struct file *f, loff_t off, int whence)
{
	if (whence == 1)
		off += f->pos;
	else if (whence != 0)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	return f->pos = off;
}

const struct file_ops proc_text_ops = {
	.open = text_open, .release = text_release, .read = text_read, .write = text_write, .llseek = text_seek,
};
