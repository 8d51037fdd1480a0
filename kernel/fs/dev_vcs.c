/* SPDX-License-Identifier: MIT
 *
 * /dev/vcs, vcs1.. and vcsa, vcsa1..: what stands on the screen of a virtual terminal, as a file. vcs(4).
 *
 * vcs has a byte for each character. vcsa starts with rows, columns, cursor column and row, then character and attribute in
 * turns. Both can be written. Without a number: the one that is shown at the time of the call.
 */
#include "arch/i386/uaccess.h"
#include "drivers/char/vga.h"
#include "drivers/char/vt.h"
#include "kernel/fs/dev.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

#define HEAD 4U                 /* of vcsa */
#define IMAGE (HEAD + 2 * VGA_CELLS)

struct image { u8 data[IMAGE]; bool with_attributes; size_t from, to; };

static bool has_attributes(const struct file *f) { return (unsigned long)f->private & 1; }
static unsigned number(const struct file *f) { return (unsigned long)f->private >> 1; }
static size_t image_size(bool with_attributes) { return with_attributes ? IMAGE : VGA_CELLS; }

static void take_image(struct vt *v, void *arg)
{
	struct image *i = arg;
	u32 at = vt_cursor(v);

	if (!i->with_attributes) {
		for (u32 c = 0; c < VGA_CELLS; c++)
			i->data[c] = (u8)v->cells[c];
		return;
	}
	i->data[0] = VGA_ROWS;
	i->data[1] = VGA_COLS;
	i->data[2] = at % VGA_COLS;
	i->data[3] = at / VGA_COLS;
	memcpy(i->data + HEAD, v->cells, 2 * VGA_CELLS);
}

/* [from, to) of the image has been changed */
static void put_image(struct vt *v, void *arg)
{
	struct image *i = arg;
	const u16 *cells = (const u16 *)(i->data + HEAD);

	if (!i->with_attributes) {
		for (u32 c = i->from; c < i->to; c++)
			vga_put(v->cells, c, (v->cells[c] & 0xff00) | i->data[c]);
		return;
	}
	if (i->from < HEAD)
		vt_set_cursor(v, i->data[3], i->data[2]);
	for (u32 c = i->from < HEAD ? 0 : (i->from - HEAD) / 2; i->to > HEAD && c < (i->to - HEAD + 1) / 2; c++)
		vga_put(v->cells, c, cells[c]);
}

static int vcs_open(struct inode *i, struct file *f)
{
	unsigned minor = MINOR(i->rdev), nr = minor & 63;
	bool there;

	mutex_lock(&vt_mutex);
	there = !nr || vt_find(nr);
	mutex_unlock(&vt_mutex);
	if (!there)
		return -ENXIO;
	f->private = (void *)((unsigned long)nr << 1 | minor >> 7);
	return 0;
}

static int load(const struct file *f, struct image *i)
{
	struct vt *v;
	int r = -ENXIO;

	i->with_attributes = has_attributes(f);
	mutex_lock(&vt_mutex);
	v = number(f) ? vt_find(number(f)) : vt_shown;
	if (v) {
		vt_with_screen(v, take_image, i);
		r = 0;
	}
	mutex_unlock(&vt_mutex);
	return r;
}

static ssize_t vcs_read(struct file *f, struct iov *to, loff_t *pos)
{
	struct image *i = kmalloc(sizeof(*i), GFP_KERNEL);
	size_t size, n;
	ssize_t r;

	if (!i)
		return -ENOMEM;
	r = load(f, i);
	size = image_size(i->with_attributes);
	if (!r && *pos >= 0 && *pos < (loff_t)size) {
		n = min_t(size_t, iov_count(to), size - (size_t)*pos);
		r = iov_copy_to(to, i->data + *pos, n);
		*pos += r;
		if (!r && n)
			r = -EFAULT;
	}
	kfree(i);
	return r;
}

static ssize_t store(struct file *f, struct image *i)
{
	struct vt *v;
	ssize_t r = -ENXIO;

	mutex_lock(&vt_mutex);
	v = number(f) ? vt_find(number(f)) : vt_shown;
	if (v) {
		vt_with_screen(v, put_image, i);
		r = i->to - i->from;
	}
	mutex_unlock(&vt_mutex);
	return r;
}

static ssize_t vcs_write(struct file *f, struct iov *from, loff_t *pos)
{
	struct image *i = kmalloc(sizeof(*i), GFP_KERNEL);
	size_t size;
	ssize_t r;

	if (!i)
		return -ENOMEM;
	r = load(f, i);
	size = image_size(i->with_attributes);
	if (!r && (*pos < 0 || *pos >= (loff_t)size)) {
		r = *pos == (loff_t)size ? 0 : -ENXIO;
	} else if (!r) {
		i->from = (size_t)*pos;
		i->to = i->from + iov_copy_from(i->data + i->from, from, min_t(size_t, iov_count(from), size - i->from));
		r = i->to > i->from ? store(f, i) : iov_count(from) ? -EFAULT : 0;
		if (r > 0)
			*pos += r;
	}
	kfree(i);
	return r;
}

static loff_t vcs_llseek(struct file *f, loff_t off, int whence)
{
	return generic_llseek(f, off, whence, image_size(has_attributes(f)));
}

static const struct file_ops vcs_ops = { .open = vcs_open, .read = vcs_read, .write = vcs_write, .llseek = vcs_llseek };

void dev_vcs_init(void)
{
	static const struct { const char *name; unsigned minor; } names[] = { { "vcs", 0 }, { "vcs1", 1 }, { "vcsa", 128 }, { "vcsa1", 129 } };

	register_chrdev(7, 0, 64, &vcs_ops, "vcs");
	register_chrdev(7, 128, 64, &vcs_ops, "vcs");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (devfs_add(names[i].name, S_IFCHR | 0660, MKDEV(7, names[i].minor)))
			pr_err("/dev/%s: no memory\n", names[i].name);
}
