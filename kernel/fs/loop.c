/* SPDX-License-Identifier: MIT
 *
 * Loop devices: a regular file (or another block device), or a part of it, as a disk. loop(4).
 *
 * Life: /dev/loop0 to loop7 stand in /dev; the disk behind a number comes into being when it is first opened or LOOP_CTL_GET_FREE
 * finds none free, and stays. LOOP_SET_FD or LOOP_CONFIGURE binds a file: size and thread come; LOOP_CLR_FD, or the last close
 * with LO_FLAGS_AUTOCLEAR, takes them away. While bound, a thread carries commands out, in order, through the file's read and
 * write; a flush is the file's fsync.
 *
 * Locks: loops_lock (which numbers there are) > loop->lock (binding) > the file's own. loop->queue_lock (irqs off): commands
 *        that wait, and where in the file they lead; inside disk->lock.
 * What it cannot do: partitions of its own, encryption, direct I/O (EINVAL).
 */
#include "kernel/fs/dev.h"

#include "drivers/block/block.h"
#include "kernel/fs/internal.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/sched.h"
#include <linux/falloc.h>
#include <linux/loop.h>

#define LOOP_MAJOR 7U
#define AT_BOOT 8U             /* names in /dev */
#define MAX_LOOPS (1U << 20)   /* minor numbers */
#define FLAGS (LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR)

struct loop {
	struct disk disk;
	struct list_head node;     /* loops_lock */
	struct mutex lock;
	struct file *file;         /* lock and queue_lock to write; the thread's while it runs */
	struct loop_info64 info;   /* lock; lo_offset: lock and queue_lock to write */
	struct page *page;         /* the thread's: a command's bytes on their way */
	spinlock_t queue_lock;
	struct list_head queue;    /* queue_lock: heads of commands, by bio->link */
	struct wait_queue wait;
	bool stop;                 /* queue_lock: the thread is to end when the queue is empty */
	struct completion stopped;
};
static DEFINE_MUTEX(loops_lock);
static LIST_HEAD(loops);       /* in order of their numbers: 0, 1, ... */
static unsigned nr_loops;

static struct loop *loop_of(struct disk *d) { return d->private; }

/* --- commands -------------------------------------------------------------------------------------------------------------- */

static bool start(struct disk *d, struct bio *head)
{
	struct loop *l = loop_of(d);

	spin_lock(&l->queue_lock);
	list_add_tail(&head->link, &l->queue);
	spin_unlock(&l->queue_lock);
	wake_up(&l->wait);
	return true;
}

/* offset: where in the file the disk begins for this command */
static struct bio *take(struct loop *l, loff_t *offset)
{
	struct bio *head = NULL;

	spin_lock_irq(&l->queue_lock);
	if (!list_empty(&l->queue)) {
		head = list_first_entry(&l->queue, struct bio, link);
		list_del_init(&head->link);
		*offset = (loff_t)l->info.lo_offset;
	}
	spin_unlock_irq(&l->queue_lock);
	return head;
}

/* What lies behind the file's end reads as zeros. */
static int read_piece(struct loop *l, struct bio_piece *p, loff_t pos)
{
	u8 *buf = page_address(l->page), *to;
	ssize_t n = 0;

	for (unsigned done = 0; done < p->bytes; done += n) {
		n = kern_read(l->file, buf + done, p->bytes - done, pos + done);
		if (n < 0)
			return n;
		if (!n) {
			memset(buf + done, 0, p->bytes - done);
			break;
		}
	}
	to = kmap(p->page);
	memcpy(to + p->offset, buf, p->bytes);
	kunmap(to);
	return 0;
}

static int write_piece(struct loop *l, struct bio_piece *p, loff_t pos)
{
	u8 *buf = page_address(l->page), *from = kmap(p->page);
	ssize_t n = 0;

	memcpy(buf, from + p->offset, p->bytes);
	kunmap(from);
	for (unsigned done = 0; done < p->bytes; done += n) {
		n = kern_write(l->file, buf + done, p->bytes - done, pos + done);
		if (n <= 0)
			return n ? n : -EIO;
	}
	return 0;
}

static int flush(struct loop *l) { return l->file->ops->fsync ? l->file->ops->fsync(l->file, 0, ~0ULL >> 1, false) : 0; }

static int carry_out(struct loop *l, struct bio *head, loff_t offset)
{
	loff_t pos = (loff_t)(head->sector << SECTOR_SHIFT) + offset;
	int err = 0;

	if (bio_command(head) == BIO_FLUSH)
		return flush(l);
	for (struct bio *b = head; b && !err; b = b->chain)
		for (unsigned i = 0; i < b->nr && !err; pos += b->piece[i++].bytes)
			err = b->op == BIO_READ ? read_piece(l, &b->piece[i], pos) : write_piece(l, &b->piece[i], pos);
	return err;
}

static bool has_work(struct loop *l) { return !list_empty(&l->queue) || READ_ONCE(l->stop); }

/* It writes back what others wait for: no memory by writing back in turn. */
static int thread(void *arg)
{
	struct loop *l = arg;
	struct bio *head;
	loff_t offset;

	gfp_scope_begin(__GFP_IO | __GFP_FS);
	do {
		(void)wait_event_interruptible(&l->wait, has_work(l));
		while ((head = take(l, &offset)) != NULL)
			block_done(&l->disk, head, carry_out(l, head, offset) ? -EIO : 0);
	} while (!READ_ONCE(l->stop));
	complete(&l->stopped);
	return 0;
}

/* --- binding; lock held ---------------------------------------------------------------------------------------------------------- */

static void set_size(struct loop *l)
{
	loff_t size = l->file ? inode_size(l->file->mapping->host) : 0;

	size = size > (loff_t)l->info.lo_offset ? size - (loff_t)l->info.lo_offset : 0;
	if (l->info.lo_sizelimit && (loff_t)l->info.lo_sizelimit < size)
		size = (loff_t)l->info.lo_sizelimit;
	disk_set_size(&l->disk, (sector_t)(size >> SECTOR_SHIFT));
}

static int may_bind(struct loop *l, struct file *f)
{
	if (l->file)
		return -EBUSY;
	if (!S_ISREG(f->inode->mode) && !S_ISBLK(f->inode->mode))
		return -EINVAL;
	if (!(f->mode & FMODE_READ) || !f->ops->read || !f->mapping)
		return -EBADF;
	return S_ISBLK(f->inode->mode) && f->inode->rdev == l->disk.whole.dev ? -ELOOP : 0;
}

static const struct loop_info64 nothing;

static void set_file(struct loop *l, struct file *f, const struct loop_info64 *info)
{
	spin_lock_irq(&l->queue_lock);
	l->file = f;
	l->info = *info;
	spin_unlock_irq(&l->queue_lock);
}

static int start_thread(struct loop *l)
{
	l->page = alloc_page(GFP_KERNEL);
	if (!l->page)
		return -ENOMEM;
	l->stop = false;
	init_completion(&l->stopped);
	if (!IS_ERR(kthread_run(thread, l, "%s", l->disk.whole.name)))
		return 0;
	free_page(l->page);
	return -ENOMEM;
}

/* Eats the reference to f on success. */
static int bind(struct loop *l, struct file *f, const struct loop_info64 *info)
{
	int err = may_bind(l, f);

	if (err)
		return err;
	set_file(l, f, info);
	err = start_thread(l);
	if (err) {
		set_file(l, NULL, &nothing);
		return err;
	}
	l->disk.read_only = info->lo_flags & LO_FLAGS_READ_ONLY || !(f->mode & FMODE_WRITE);
	set_size(l);
	return 0;
}

static void unbind(struct loop *l)
{
	struct file *f = l->file;

	disk_set_size(&l->disk, 0); /* and waits for what is under way */
	spin_lock_irq(&l->queue_lock);
	l->stop = true;
	spin_unlock_irq(&l->queue_lock);
	wake_up(&l->wait);
	wait_for_completion(&l->stopped);
	set_file(l, NULL, &nothing);
	l->disk.read_only = false;
	free_page(l->page);
	put_file(f);
}

/* The last one who had it open has gone. */
static void last_close(struct disk *d)
{
	struct loop *l = loop_of(d);

	mutex_lock(&l->lock);
	if (l->file && l->info.lo_flags & LO_FLAGS_AUTOCLEAR)
		unbind(l);
	mutex_unlock(&l->lock);
}

/* --- ioctls of a loop device; lock held -------------------------------------------------------------------------------------------- */

static int check_info(const struct loop_info64 *info)
{
	if (info->lo_encrypt_type || info->lo_encrypt_key_size || info->lo_flags & LO_FLAGS_PARTSCAN || info->lo_flags & LO_FLAGS_DIRECT_IO)
		return -EINVAL;
	return (s64)info->lo_offset < 0 || (s64)info->lo_sizelimit < 0 || info->lo_offset & (SECTOR_SIZE - 1) ? -EINVAL : 0;
}

static long configure(struct loop *l, unsigned fd, const struct loop_info64 *info)
{
	struct file *f = fget(fd);
	long err;

	if (!f)
		return -EBADF;
	err = bind(l, f, info);
	if (err)
		put_file(f);
	return err;
}

static long loop_configure(struct loop *l, const struct loop_config __user *p)
{
	struct loop_config c;
	int err;

	if (copy_from_user(&c, p, sizeof(c)))
		return -EFAULT;
	err = check_info(&c.info);
	if (err || (c.block_size && c.block_size != SECTOR_SIZE))
		return -EINVAL;
	return configure(l, c.fd, &c.info);
}

static long clear(struct loop *l)
{
	if (!l->file)
		return -ENXIO;
	if (atomic_read(&l->disk.whole.openers) > 1) /* the asker is one */
		l->info.lo_flags |= LO_FLAGS_AUTOCLEAR;
	else
		unbind(l);
	return 0;
}

static long set_status(struct loop *l, const struct loop_info64 *new)
{
	int err = check_info(new);

	if (!l->file)
		return -ENXIO;
	if (err)
		return err;
	if (new->lo_offset != l->info.lo_offset || new->lo_sizelimit != l->info.lo_sizelimit)
		block_forget_cache(&l->disk.whole);
	spin_lock_irq(&l->queue_lock);
	l->info.lo_offset = new->lo_offset;
	spin_unlock_irq(&l->queue_lock);
	l->info.lo_sizelimit = new->lo_sizelimit;
	l->info.lo_flags = (l->info.lo_flags & ~LO_FLAGS_AUTOCLEAR) | (new->lo_flags & LO_FLAGS_AUTOCLEAR);
	memcpy(l->info.lo_file_name, new->lo_file_name, sizeof(l->info.lo_file_name) - 1);
	set_size(l);
	return 0;
}

static long get_status(struct loop *l, struct loop_info64 *out)
{
	const struct inode *host;

	if (!l->file)
		return -ENXIO;
	host = l->file->inode;
	*out = l->info;
	out->lo_number = l->disk.index;
	out->lo_device = host->sb->dev;
	out->lo_inode = host->ino;
	out->lo_rdevice = host->rdev;
	out->lo_flags = (out->lo_flags & FLAGS) | (l->disk.read_only ? LO_FLAGS_READ_ONLY : 0);
	return 0;
}

/* The older layout: names cut, offsets of 32 bits. */
static long old_status(struct loop *l, unsigned cmd, struct loop_info __user *p)
{
	struct loop_info old = { 0 };
	struct loop_info64 info = { 0 };
	long err;

	if (cmd == LOOP_SET_STATUS) {
		if (copy_from_user(&old, p, sizeof(old)))
			return -EFAULT;
		info.lo_offset = old.lo_offset;
		info.lo_flags = old.lo_flags;
		info.lo_encrypt_type = old.lo_encrypt_type;
		memcpy(info.lo_file_name, old.lo_name, LO_NAME_SIZE);
		return set_status(l, &info);
	}
	err = get_status(l, &info);
	if (err)
		return err;
	if (info.lo_offset > 0x7fffffff)
		return -EOVERFLOW;
	old = (struct loop_info){ .lo_number = info.lo_number, .lo_device = info.lo_device, .lo_inode = info.lo_inode,
				  .lo_rdevice = info.lo_rdevice, .lo_offset = info.lo_offset, .lo_flags = info.lo_flags };
	memcpy(old.lo_name, info.lo_file_name, LO_NAME_SIZE);
	return copy_to_user(p, &old, sizeof(old)) ? -EFAULT : 0;
}

static long new_status(struct loop *l, unsigned cmd, struct loop_info64 __user *p)
{
	struct loop_info64 info;
	long err;

	if (cmd == LOOP_SET_STATUS64)
		return copy_from_user(&info, p, sizeof(info)) ? -EFAULT : set_status(l, &info);
	err = get_status(l, &info);
	return !err && copy_to_user(p, &info, sizeof(info)) ? -EFAULT : err;
}

static long change_fd(struct loop *l, unsigned fd) { return l->file ? -EINVAL : -ENXIO; } /* only for read-only ones without users */

static long locked_ioctl(struct loop *l, unsigned cmd, unsigned long arg)
{
	switch (cmd) {
	case LOOP_SET_FD: return configure(l, arg, &nothing);
	case LOOP_CONFIGURE: return loop_configure(l, (struct loop_config __user *)arg);
	case LOOP_CHANGE_FD: return change_fd(l, arg);
	case LOOP_CLR_FD: return clear(l);
	case LOOP_SET_STATUS: case LOOP_GET_STATUS: return old_status(l, cmd, (struct loop_info __user *)arg);
	case LOOP_SET_STATUS64: case LOOP_GET_STATUS64: return new_status(l, cmd, (struct loop_info64 __user *)arg);
	case LOOP_SET_CAPACITY:
		if (!l->file)
			return -ENXIO;
		set_size(l);
		return 0;
	case LOOP_SET_DIRECT_IO: case LOOP_SET_BLOCK_SIZE:
		return !l->file ? -ENXIO : arg == (cmd == LOOP_SET_BLOCK_SIZE ? SECTOR_SIZE : 0) ? 0 : -EINVAL;
	default: return -ENOTTY;
	}
}

static bool changes(unsigned cmd) { return cmd != LOOP_GET_STATUS && cmd != LOOP_GET_STATUS64; }

/* writing: the device was opened for it, which is right enough to change it */
static long disk_ioctl(struct disk *d, unsigned cmd, unsigned long arg, bool writing)
{
	struct loop *l = loop_of(d);
	long r;

	if (cmd >> 8 != 0x4c)
		return -ENOTTY;
	if (changes(cmd) && !writing && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&l->lock);
	r = locked_ioctl(l, cmd, arg);
	mutex_unlock(&l->lock);
	return r;
}

static struct file *get_bound_file(struct loop *l, loff_t *offset)
{
	struct file *f;

	spin_lock_irq(&l->queue_lock);
	f = l->file;
	*offset = (loff_t)l->info.lo_offset;
	if (f)
		get_file(f);
	spin_unlock_irq(&l->queue_lock);
	return f;
}

/* A hole in the file. */
static long discard(struct disk *d, u64 from, u64 bytes)
{
	struct loop *l = loop_of(d);
	loff_t offset;
	struct file *f = get_bound_file(l, &offset);
	long r = -EOPNOTSUPP;

	if (f && f->ops->fallocate && f->mode & FMODE_WRITE)
		r = f->ops->fallocate(f, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, (loff_t)from + offset, (loff_t)bytes);
	if (f)
		put_file(f);
	return r;
}

static const struct disk_ops ops = { .start = start, .last_close = last_close, .discard = discard, .ioctl = disk_ioctl };

/* --- which there are ----------------------------------------------------------------------------------------------------------------------- */

/* The next number's. loops_lock held */
static struct loop *make(void)
{
	struct loop *l = kzalloc(sizeof(*l), GFP_KERNEL);
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	mutex_init(&l->lock, "loop");
	spin_lock_init(&l->queue_lock, "loop queue");
	INIT_LIST_HEAD(&l->queue);
	wait_queue_init(&l->wait);
	l->disk.ops = &ops;
	l->disk.private = l;
	l->disk.prefix = "loop";
	l->disk.max_pieces = 128;
	l->disk.max_bytes = 512 << 10;
	l->disk.block_size = SECTOR_SIZE;
	l->disk.flush = true;
	err = disk_register(&l->disk);
	if (err) {
		kfree(l);
		return ERR_PTR(err);
	}
	list_add_tail(&l->node, &loops);
	nr_loops++;
	return l;
}

/* block_find found nothing: is it one of ours that is still to be made? */
int loop_probe(dev_t dev)
{
	struct loop *l = NULL;
	int err = MAJOR(dev) == LOOP_MAJOR && MINOR(dev) < AT_BOOT ? 0 : -ENXIO;

	mutex_lock(&loops_lock);
	while (!err && nr_loops <= MINOR(dev)) {
		l = make();
		err = IS_ERR(l) ? PTR_ERR(l) : 0;
	}
	mutex_unlock(&loops_lock);
	return err;
}

/* LOOP_CTL_GET_FREE: the first that is bound to nothing. => its number */
static long find_free(void)
{
	struct loop *l;
	long r = -ENOSPC;

	mutex_lock(&loops_lock);
	list_for_each_entry(l, &loops, node)
		if (!READ_ONCE(l->file)) {
			r = l->disk.index;
			goto out;
		}
	if (nr_loops < MAX_LOOPS) {
		l = make();
		r = IS_ERR(l) ? PTR_ERR(l) : (long)l->disk.index;
	}
out:
	mutex_unlock(&loops_lock);
	return r;
}

static long control_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
	switch (cmd) {
	case LOOP_CTL_GET_FREE: return find_free();
	case LOOP_CTL_ADD: return arg < nr_loops ? -EEXIST : -EOPNOTSUPP;
	case LOOP_CTL_REMOVE: return arg < nr_loops ? -EBUSY : -ENODEV;
	default: return -ENOTTY;
	}
}

static const struct file_ops control_ops = { .ioctl = control_ioctl, .no_seek = true };

void loop_init(void)
{
	char name[8];
	int err = register_chrdev(10, 237, 1, &control_ops, "misc");

	if (!err)
		err = devfs_add("loop-control", S_IFCHR | 0660, MKDEV(10, 237));
	for (unsigned i = 0; !err && i < AT_BOOT; i++) {
		snprintf(name, sizeof(name), "loop%u", i);
		err = devfs_add(name, S_IFBLK | 0660, MKDEV(LOOP_MAJOR, i));
	}
	if (err)
		pr_err("/dev/loop: error %d\n", err);
}
