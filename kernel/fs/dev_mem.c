/* SPDX-License-Identifier: MIT
 *
 * The devices of major number 1: null zero full random urandom kmsg. (mem and port are not offered.)
 */
#include "arch/i386/uaccess.h"
#include "drivers/char/char.h"
#include "kernel/fs/dev.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/process.h"
#include "mm/virt/mm.h"
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fs.h>
#include <linux/random.h>

/* --- null, zero, full ------------------------------------------------------------------------------------------------ */

static ssize_t read_nothing(struct file *f, struct iov *to, loff_t *pos) { return 0; }
static ssize_t write_nowhere(struct file *f, struct iov *from, loff_t *pos)
{
	size_t n = iov_count(from);

	iov_advance(from, n);
	return n;
}
static ssize_t write_full(struct file *f, struct iov *from, loff_t *pos) { return iov_count(from) ? -ENOSPC : 0; }

/* A long read can be interrupted: it may be gigabytes. */
static ssize_t read_zero(struct file *f, struct iov *to, loff_t *pos)
{
	size_t done = 0;

	while (iov_count(to)) {
		size_t want = min_t(size_t, iov_count(to), 64 * 1024), n = iov_zero(to, want);

		done += n;
		if (n < want)
			return done ? (ssize_t)done : -EFAULT;
		if (signal_pending())
			return done;
		cond_resched();
	}
	return done;
}

static loff_t seek_nowhere(struct file *f, loff_t off, int whence) { return f->pos = 0; }

/* Private: anonymous memory. Shared: a tmpfs file of its own. The area changes its file before anybody sees it. */
static int mmap_zero(struct file *f, struct vma *vma)
{
	struct file *shm = NULL;

	if (vma->flags & VM_SHARED) {
		shm = shmem_file("dev/zero", (loff_t)vma_pages(vma) << MMU_PAGE_SHIFT, vma->flags);
		if (IS_ERR(shm))
			return PTR_ERR(shm);
	}
	put_file(vma->file);
	vma->file = shm;
	vma->pgoff = pgoff_at(shm ? 0 : vma->start);
	return shm ? shm->ops->mmap(shm, vma) : 0;
}

/* --- random, urandom ----------------------------------------------------------------------------------------------------- */

static ssize_t read_urandom(struct file *f, struct iov *to, loff_t *pos)
{
	u8 buf[256];
	size_t done = 0;

	while (iov_count(to)) {
		size_t want = min(iov_count(to), sizeof(buf)), n;

		get_random_bytes(buf, want);
		n = iov_copy_to(to, buf, want);
		done += n;
		if (n < want || signal_pending())
			break;
		cond_resched();
	}
	memset(buf, 0, sizeof(buf));
	barrier();
	return done ? (ssize_t)done : iov_count(to) ? -EFAULT : 0;
}

static ssize_t read_random(struct file *f, struct iov *to, loff_t *pos)
{
	int r = random_wait_ready(f->flags & O_NONBLOCK);

	return r ? r : read_urandom(f, to, pos);
}

static ssize_t write_random(struct file *f, struct iov *from, loff_t *pos)
{
	u8 buf[64];
	size_t done = 0;

	while (iov_count(from)) {
		size_t n = iov_copy_from(buf, from, min(iov_count(from), sizeof(buf)));

		if (!n)
			return done ? (ssize_t)done : -EFAULT;
		add_entropy(buf, n, 0);
		done += n;
		cond_resched();
	}
	return done;
}

static long add_user_entropy(struct rand_pool_info __user *p)
{
	u8 buf[64];
	int bits, size;

	if (get_user(bits, &p->entropy_count) || get_user(size, &p->buf_size))
		return -EFAULT;
	if (bits < 0 || size < 0)
		return -EINVAL;
	for (int at = 0; at < size; at += sizeof(buf)) {
		size_t n = min_t(size_t, size - at, sizeof(buf));

		if (copy_from_user(buf, (const u8 __user *)p->buf + at, n))
			return -EFAULT;
		add_entropy(buf, n, min_t(unsigned, bits, n * 8));
		bits -= min_t(int, bits, n * 8);
	}
	return 0;
}

static long ioctl_random(struct file *f, unsigned cmd, unsigned long arg)
{
	int bits;

	if (cmd == RNDGETENTCNT)
		return put_user((int)random_entropy(), (int __user *)arg);
	if (cmd != RNDADDTOENTCNT && cmd != RNDADDENTROPY && cmd != RNDZAPENTCNT && cmd != RNDCLEARPOOL && cmd != RNDRESEEDCRNG)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (cmd == RNDADDENTROPY)
		return add_user_entropy((void __user *)arg);
	if (cmd != RNDADDTOENTCNT)
		return 0;
	if (get_user(bits, (int __user *)arg))
		return -EFAULT;
	if (bits < 0)
		return -EINVAL;
	add_entropy(NULL, 0, bits);
	return 0;
}

static u32 poll_random(struct file *f, struct poll_table *pt)
{
	return EPOLLOUT | EPOLLWRNORM | (random_ready() ? EPOLLIN | EPOLLRDNORM : 0);
}

/* --- kmsg: one record a read ------------------------------------------------------------------------------------------------ */

struct kmsg_file { u64 seq; char text[1024], line[1200]; };

static int kmsg_open(struct inode *i, struct file *f)
{
	struct kmsg_file *k;

	if (!(f->mode & FMODE_READ))
		return 0;
	if (!capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	k = kmalloc(sizeof(*k), GFP_KERNEL);
	if (!k)
		return -ENOMEM;
	k->seq = log_first_seq();
	f->private = k;
	return 0;
}

static void kmsg_release(struct file *f) { kfree(f->private); }

/* "level,sequence,microseconds,-;text"; control characters as \xNN */
static size_t kmsg_format(struct kmsg_file *k, u64 seq, const struct log_record *r, size_t len)
{
	size_t n = scnprintf(k->line, sizeof(k->line), "%u,%llu,%llu,-;", r->level, r->seq, r->time_ns / 1000);

	for (size_t i = 0; i < len && n < sizeof(k->line) - 5; i++) {
		u8 c = k->text[i];

		if (c < ' ' || c >= 127 || c == '\\')
			n += scnprintf(k->line + n, sizeof(k->line) - n, "\\x%02x", c);
		else
			k->line[n++] = c;
	}
	k->line[n++] = '\n';
	return n;
}

static ssize_t kmsg_read(struct file *f, struct iov *to, loff_t *pos)
{
	struct kmsg_file *k = f->private;
	struct log_record rec;
	ssize_t len;
	size_t n;
	u64 seq;
	int r;

	for (;;) {
		seq = k->seq;
		len = log_read(&seq, &rec, k->text, sizeof(k->text));
		if (len >= 0)
			break;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		r = wait_event_interruptible(&log_wait, log_next_seq() > k->seq);
		if (r)
			return r;
	}
	if (rec.seq > k->seq) { /* the ring has overtaken this reader */
		k->seq = rec.seq;
		return -EPIPE;
	}
	n = kmsg_format(k, seq, &rec, len);
	if (n > iov_count(to))
		return -EINVAL;
	if (iov_copy_to(to, k->line, n) < n)
		return -EFAULT;
	k->seq = seq;
	return n;
}

static ssize_t kmsg_write(struct file *f, struct iov *from, loff_t *pos)
{
	char text[512], *p = text, *end;
	size_t n = iov_count(from);
	unsigned level = LOG_NOTICE;

	if (n >= sizeof(text))
		return -EINVAL;
	if (iov_copy_from(text, from, n) < n)
		return -EFAULT;
	text[n] = '\0';
	if (*p == '<' && isdigit(p[1])) {
		level = (unsigned)simple_strtoull(p + 1, &end, 10) & 7;
		if (*end == '>')
			p = end + 1;
	}
	printk(KERN_SOH "%u%s%s", level, p, n && text[n - 1] == '\n' ? "" : "\n");
	return n;
}

static loff_t kmsg_seek(struct file *f, loff_t off, int whence)
{
	struct kmsg_file *k = f->private;

	if (!k)
		return -EBADF;
	if (off)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET: k->seq = log_first_seq(); return 0;
	case SEEK_DATA: k->seq = log_clear_seq(); return 0;
	case SEEK_END: k->seq = log_next_seq(); return 0;
	default: return -EINVAL;
	}
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt)
{
	struct kmsg_file *k = f->private;

	poll_wait(f, &log_wait, pt);
	if (!k)
		return EPOLLOUT | EPOLLWRNORM;
	return log_next_seq() > k->seq ? EPOLLIN | EPOLLRDNORM | (log_first_seq() > k->seq ? EPOLLERR | EPOLLPRI : 0) : 0;
}

/* --- the table -------------------------------------------------------------------------------------------------------------------- */

static const struct file_ops null_ops = { .read = read_nothing, .write = write_nowhere, .llseek = seek_nowhere };
static const struct file_ops zero_ops = { .read = read_zero, .write = write_nowhere, .llseek = seek_nowhere, .mmap = mmap_zero };
static const struct file_ops full_ops = { .read = read_zero, .write = write_full, .llseek = seek_nowhere };
static const struct file_ops random_ops = {
	.read = read_random, .write = write_random, .llseek = seek_nowhere, .ioctl = ioctl_random, .poll = poll_random,
};
static const struct file_ops urandom_ops = {
	.read = read_urandom, .write = write_random, .llseek = seek_nowhere, .ioctl = ioctl_random,
};
static const struct file_ops kmsg_ops = {
	.read = kmsg_read, .write = kmsg_write, .llseek = kmsg_seek, .poll = kmsg_poll, .open = kmsg_open, .release = kmsg_release,
};
static const struct { u8 minor; mode_t mode; const char *name; const struct file_ops *ops; } devices[] = {
	{ 3, 0666, "null", &null_ops }, { 5, 0666, "zero", &zero_ops }, { 7, 0666, "full", &full_ops },
	{ 8, 0666, "random", &random_ops }, { 9, 0666, "urandom", &urandom_ops }, { 11, 0644, "kmsg", &kmsg_ops },
};

void dev_mem_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		int r = register_chrdev(1, devices[i].minor, 1, devices[i].ops, "mem");

		if (!r)
			r = devfs_add(devices[i].name, S_IFCHR | devices[i].mode, MKDEV(1, devices[i].minor));
		if (r)
			pr_err("/dev/%s: error %d\n", devices[i].name, r);
	}
}
