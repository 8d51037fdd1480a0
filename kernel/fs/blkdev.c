/* SPDX-License-Identifier: MIT
 *
 * Block devices as files: /dev/sda, /dev/vda1, ...
 *
 * Each has one inode of its own (in no tree), which carries its size and its page cache; files opened through any name in
 * /dev use that cache. A disk and its partitions are cached apart, as on Linux.
 *
 * Reads bring in up to CHUNK bytes at a time. Writes go through: write() puts the bytes into the cache and waits until
 * the device has taken them, so that an error reaches the writer, and no dirty page stays behind. fsync makes the
 * device write its own cache out. Hence no writing through shared mappings: nobody would write those pages back.
 *
 * Locks: host inode->lock (writers) > page lock (several, upwards) ; disk I/O is waited for under both.
 */
#include "drivers/block/block.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/internal.h"
#include "mm/virt/mm.h"
#include <linux/fs.h>
#include <linux/magic.h>

#define BATCH 128u /* pages under way at a time */
#define CHUNK (BATCH * PAGE_SIZE)

static struct super_block *bdev_sb;

static struct block_device *device_of(const struct address_space *m) { return m->host->private; }

/* --- pages to and from the device -------------------------------------------------------------------------------------------- */
/* Bytes of this page that lie on the device: whole sectors */
static unsigned bytes_of(const struct address_space *m, pgoff_t index)
{
	return (unsigned)min_t(loff_t, m->host->size - ((loff_t)index << PAGE_SHIFT), PAGE_SIZE);
}

struct batch { atomic_t left; int error; struct completion done; };

static void batch_put(struct batch *b)
{
	if (atomic_dec_and_test(&b->left))
		complete(&b->done);
}

static void bio_ended(struct bio *bio)
{
	struct batch *b = bio->private;

	if (bio->error)
		WRITE_ONCE(b->error, bio->error);
	bio_free(bio);
	batch_put(b);
}

static void submit(struct address_space *m, enum bio_op op, struct page **pages, unsigned n, struct batch *b)
{
	struct bio *bio = bio_alloc(device_of(m), op, (sector_t)pages[0]->index << (PAGE_SHIFT - SECTOR_SHIFT), n);

	for (unsigned i = 0; i < n; i++)
		bio_add(bio, pages[i], 0, bytes_of(m, pages[i]->index));
	bio->private = b;
	bio->end = bio_ended;
	atomic_inc(&b->left);
	bio_submit(bio);
}

/* pages[0..n) stand side by side and are locked. => 0 or -errno */
static int transfer(struct address_space *m, enum bio_op op, struct page **pages, unsigned n)
{
	struct batch b = { .left = ATOMIC_INIT(1) };
	struct plug plug;

	init_completion(&b.done);
	plug_begin(&plug);
	for (unsigned i = 0; i < n; i += BIO_MAX)
		submit(m, op, pages + i, min_t(unsigned, n - i, BIO_MAX), &b);
	plug_end(&plug);
	batch_put(&b);
	wait_for_completion(&b.done);
	return b.error;
}

/* Unlocks them. */
static int read_pages(struct address_space *m, struct page **pages, unsigned n)
{
	int err = n ? transfer(m, BIO_READ, pages, n) : 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned bytes = bytes_of(m, pages[i]->index);

		if (!err && bytes < PAGE_SIZE)
			zero_page_range(pages[i], bytes, PAGE_SIZE);
		if (!err)
			set_page_uptodate(pages[i]);
		unlock_page(pages[i]);
	}
	return err;
}

static int read_page(struct file *f, struct page *page) { return read_pages(page->mapping, &page, 1); }

/* Brings [first, last] in, as far as it is missing. Errors are left to the reader, who meets them page by page. */
static void read_ahead(struct address_space *m, pgoff_t first, pgoff_t last)
{
	struct page *pages[BATCH];
	unsigned n = 0;

	for (pgoff_t i = first; i <= last; i++) {
		struct page *page = find_page(m, i);

		if (page && page_uptodate(page)) {
			put_page(page);
			continue;
		}
		if (page)
			put_page(page);
		page = find_or_make_page(m, i, GFP_HIGHUSER | __GFP_NORETRY);
		if (IS_ERR(page))
			break;
		if (page_uptodate(page)) {
			unlock_page(page);
			put_page(page);
			continue;
		}
		if (n && (n == BATCH || pages[n - 1]->index + 1 != i)) {
			read_pages(m, pages, n);
			put_pages(pages, n);
			n = 0;
		}
		pages[n++] = page;
	}
	read_pages(m, pages, n);
	put_pages(pages, n);
}

/* --- writing ------------------------------------------------------------------------------------------------------------------------ */
static int write_begin(struct file *f, struct address_space *m, loff_t pos, unsigned len, struct page **page)
{
	pgoff_t index = (pgoff_t)(pos >> PAGE_SHIFT);

	if (!((unsigned)pos & (PAGE_SIZE - 1)) && len >= bytes_of(m, index)) {
		*page = find_or_make_page(m, index, GFP_HIGHUSER);
		return IS_ERR(*page) ? PTR_ERR(*page) : 0;
	}
	*page = read_cache_page(m, f, index); /* the rest of it is the device's */
	if (IS_ERR(*page))
		return PTR_ERR(*page);
	lock_page(*page);
	if (likely((*page)->mapping == m))
		return 0;
	unlock_page(*page);
	put_page(*page);
	return -EAGAIN; /* BLKFLSBUF took it: cannot be, it needs the inode's lock */
}

/* A page that was to be covered whole but was not, and whose old content is not there, comes to nothing. */
static int write_end(struct file *f, struct address_space *m, loff_t pos, unsigned len, unsigned copied, struct page *page)
{
	if (!page_uptodate(page) && copied < len) {
		copied = 0;
	} else {
		unsigned bytes = bytes_of(m, page->index);

		if (!page_uptodate(page) && bytes < PAGE_SIZE)
			zero_page_range(page, bytes, PAGE_SIZE);
		set_page_uptodate(page);
	}
	if (copied)
		mark_page_dirty(page);
	unlock_page(page);
	put_page(page);
	return copied ? 0 : len ? -EFAULT : 0;
}

/* pages are locked, dirty and side by side. Unlocks them. */
static int write_pages(struct address_space *m, struct page **pages, unsigned n)
{
	int err;

	for (unsigned i = 0; i < n; i++)
		start_page_writeback(pages[i]);
	err = transfer(m, BIO_WRITE, pages, n);
	for (unsigned i = 0; i < n; i++) {
		if (err)
			clear_page_uptodate(pages[i]); /* what the device holds is not known: read again */
		finish_page_writeback(pages[i], err);
		unlock_page(pages[i]);
	}
	return err;
}

/* Writes what is dirty of [first, last] and waits for it. => 0 or the first error */
static int write_out(struct address_space *m, pgoff_t first, pgoff_t last)
{
	struct page *pages[BATCH];
	int err = 0, r;

	while (first <= last) {
		unsigned n = 0;

		for (; first <= last && n < BATCH; first++) {
			struct page *page = find_lock_page(m, first);

			if (page && clear_page_dirty_for_io(page)) {
				pages[n++] = page;
				continue;
			}
			if (page) {
				unlock_page(page);
				put_page(page);
			}
			if (n)
				break;
		}
		r = n ? write_pages(m, pages, n) : 0;
		put_pages(pages, n);
		err = err ? err : r;
	}
	return err;
}

static const struct mapping_ops mapping_ops = { .read_page = read_page, .write_begin = write_begin, .write_end = write_end };

/* --- the file ------------------------------------------------------------------------------------------------------------------------- */
static int blkdev_open(struct inode *i, struct file *f)
{
	struct block_device *dev = block_find(i->rdev);

	if (!dev && !loop_probe(i->rdev))
		dev = block_find(i->rdev);
	if (!dev || !dev->host)
		return -ENXIO;
	f->mapping = ((struct inode *)dev->host)->mapping;
	block_opened(dev);
	return 0;
}

static void blkdev_release(struct file *f) { block_closed(device_of(f->mapping)); }

/* [pos, pos + n) is about to be read: bring it in, and the whole chunk for one who reads on where he stopped. */
static void prepare_read(struct file *f, loff_t pos, size_t n)
{
	struct address_space *m = f->mapping;
	pgoff_t first = (pgoff_t)(pos >> PAGE_SHIFT), last = (pgoff_t)((pos + n - 1) >> PAGE_SHIFT);
	pgoff_t end = (pgoff_t)((m->host->size - 1) >> PAGE_SHIFT);

	if (first == f->ra_next || first + 1 == f->ra_next)
		last = min(last | (BIO_MAX - 1), end);
	f->ra_next = (pgoff_t)((pos + n - 1) >> PAGE_SHIFT) + 1;
	read_ahead(m, first, last);
}

/* Piece by piece: read_ahead for the next, then from the cache. */
static ssize_t blkdev_read(struct file *f, struct iov *to, loff_t *pos)
{
	loff_t size = f->mapping->host->size;
	ssize_t done = 0, n = 0;

	while (to->count && *pos >= 0 && *pos < size) {
		size_t want = min_t(loff_t, min_t(size_t, to->count, CHUNK - ((unsigned)*pos & (CHUNK - 1))), size - *pos);
		struct iov part = *to;

		iov_truncate(&part, want);
		prepare_read(f, *pos, want);
		n = generic_read(f, &part, pos);
		if (n <= 0)
			break;
		iov_advance(to, n);
		done += n;
		if (n < (ssize_t)want || signal_pending())
			break;
	}
	return done ? done : *pos < 0 ? -EINVAL : n;
}

/* host's lock held for writing. At most CHUNK bytes. => bytes that the device has taken, -errno */
static ssize_t write_through(struct file *f, struct iov *from, loff_t pos)
{
	struct iov part = *from;
	ssize_t n;
	int err;

	iov_truncate(&part, CHUNK - ((unsigned)pos & (CHUNK - 1)));
	n = file_write_pages(f, &part, pos);
	if (n <= 0)
		return n;
	iov_advance(from, n);
	err = write_out(f->mapping, (pgoff_t)(pos >> PAGE_SHIFT), (pgoff_t)((pos + n - 1) >> PAGE_SHIFT));
	return err ? err : n;
}

static ssize_t blkdev_write(struct file *f, struct iov *from, loff_t *ppos)
{
	struct inode *host = f->mapping->host;
	loff_t pos = f->flags & O_APPEND ? host->size : *ppos;
	ssize_t done = 0, n = 0;

	if (block_read_only(device_of(f->mapping)))
		return -EPERM;
	if (!from->count)
		return 0;
	if (pos < 0)
		return -EINVAL;
	if (pos >= host->size)
		return -ENOSPC;
	if ((loff_t)from->count > host->size - pos)
		iov_truncate(from, (size_t)(host->size - pos));
	if (iov_prefault_read(from, 1) < 0)
		return -EFAULT;
	down_write(&host->lock);
	while (from->count && (n = write_through(f, from, pos + done)) > 0) {
		done += n;
		if (signal_pending())
			break;
	}
	up_write(&host->lock);
	*ppos = pos + done;
	if (done && f->flags & O_DSYNC)
		n = block_flush(device_of(f->mapping));
	return n < 0 && (!done || f->flags & O_DSYNC) ? n : done;
}

static loff_t blkdev_llseek(struct file *f, loff_t off, int whence) { return generic_llseek(f, off, whence, f->mapping->host->size); }

static int blkdev_fsync(struct file *f, loff_t start, loff_t end, bool data_only)
{
	struct address_space *m = f->mapping;
	int err = 0;

	if (m->host->size)
		err = write_out(m, (pgoff_t)(start >> PAGE_SHIFT), (pgoff_t)(min(end, m->host->size - 1) >> PAGE_SHIFT));
	return err ? err : block_flush(device_of(m));
}

static int blkdev_mmap(struct file *f, struct vma *vma)
{
	if (vma->flags & VM_SHARED) {
		if (vma->flags & VM_WRITE)
			return -ENODEV;
		vma->flags &= ~VM_MAYWRITE;
	}
	return generic_mmap(f, vma);
}

/* Forget what is cached: the next reader asks the device. */
/* host's lock held for writing. Private copies stay. */
static void forget_locked(struct inode *host)
{
	if (host->size)
		write_out(host->mapping, 0, (pgoff_t)((host->size - 1) >> PAGE_SHIFT));
	truncate_range(host->mapping, 0, ALIGN_UP(host->size, (loff_t)PAGE_SIZE));
}

static void forget(struct block_device *dev)
{
	struct inode *host = dev->host;

	down_write(&host->lock);
	forget_locked(host);
	up_write(&host->lock);
}

static long flush_buffers(struct file *f)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	forget(device_of(f->mapping));
	return 0;
}

static void resized(struct block_device *dev, sector_t sectors)
{
	struct inode *host = dev->host;

	if (!host)
		return;
	down_write(&host->lock);
	forget_locked(host);
	inode_set_size(host, (loff_t)(sectors << SECTOR_SHIFT));
	up_write(&host->lock);
}

/* What no disk here can: other read-ahead, partitions read again. As Linux answers for disks without. */
static long refuse(void) { return capable(CAP_SYS_ADMIN) ? -EINVAL : -EACCES; }

static long set_read_only(struct block_device *dev, const int __user *p)
{
	int on;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (get_user(on, p))
		return -EFAULT;
	dev->read_only = on;
	return 0;
}

/* The bytes there are of no use to anybody any more. */
static long discard(struct file *f, const u64 __user *p)
{
	struct inode *host = f->mapping->host;
	struct block_device *dev = device_of(f->mapping);
	u64 range[2];
	long err;

	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (!dev->disk->ops->discard)
		return -EOPNOTSUPP;
	if (copy_from_user(range, p, sizeof(range)))
		return -EFAULT;
	if ((range[0] | range[1]) & (SECTOR_SIZE - 1))
		return -EINVAL;
	if (!range[1] || range[0] > (u64)host->size || range[1] > (u64)host->size - range[0])
		return -EINVAL;
	forget(dev);
	err = dev->disk->ops->discard(dev->disk, range[0] + (dev->start << SECTOR_SHIFT), range[1]);
	forget(dev); /* what was read meanwhile */
	return err;
}

static long blkdev_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
	struct block_device *dev = device_of(f->mapping);

	switch (cmd) {
	case BLKGETSIZE:
		return dev->sectors > ~0UL ? -EFBIG : put_user((unsigned long)dev->sectors, (unsigned long __user *)arg);
	case BLKGETSIZE64:
		return copy_to_user((void __user *)arg, &(u64){ dev->sectors << SECTOR_SHIFT }, 8) ? -EFAULT : 0;
	case BLKSSZGET:
		return put_user((int)SECTOR_SIZE, (int __user *)arg);
	case BLKPBSZGET:
		return put_user(dev->disk->block_size, (u32 __user *)arg);
	case BLKBSZGET:
		return put_user((int)PAGE_SIZE, (int __user *)arg);
	case BLKROGET:
		return put_user((int)block_read_only(dev), (int __user *)arg);
	case BLKFLSBUF:
		return flush_buffers(f);
	case BLKROSET:
		return set_read_only(dev, (int __user *)arg);
	case BLKDISCARD:
		return discard(f, (u64 __user *)arg);
	case BLKRASET: case BLKFRASET: case BLKRRPART:
		return refuse();
	case BLKSECDISCARD: case BLKZEROOUT:
		return f->mode & FMODE_WRITE ? -EOPNOTSUPP : -EBADF;
	case BLKRAGET: case BLKFRAGET:
		return put_user((long)(BIO_MAX * PAGE_SIZE >> SECTOR_SHIFT), (long __user *)arg);
	}
	return dev->disk->ops->ioctl ? dev->disk->ops->ioctl(dev->disk, cmd, arg, f->mode & FMODE_WRITE) : -ENOTTY;
}

const struct file_ops blkdev_ops = {
	.open = blkdev_open, .read = blkdev_read, .write = blkdev_write, .llseek = blkdev_llseek, .fsync = blkdev_fsync,
	.mmap = blkdev_mmap, .ioctl = blkdev_ioctl, .release = blkdev_release,
};

/* --- devices that appear -------------------------------------------------------------------------------------------------------------- */
static void added(struct block_device *dev)
{
	struct inode *i = new_inode(bdev_sb, NULL, S_IFBLK | 0600);
	int err = i ? devfs_add(dev->name, S_IFBLK | 0660, dev->dev) : -ENOMEM;

	if (err && err != -EEXIST) /* loop0.. have their names already */
		pr_err("/dev/%s: error %d\n", dev->name, err);
	if (!i)
		return;
	i->rdev = dev->dev;
	i->private = dev;
	mapping_init(&i->data, i, &mapping_ops, 0);
	inode_set_size(i, (loff_t)(dev->sectors << SECTOR_SHIFT));
	dev->host = i;
}

static void flush_one(void *arg, struct block_device *dev)
{
	if (!dev->part)
		block_flush(dev);
}

/* sync(2): writes went through already; now out of the devices' caches. */
static int sync(struct super_block *sb, bool wait)
{
	for_each_block_device(flush_one, NULL);
	return 0;
}

static int mount_bdev(struct super_block *sb, const char *source, const char *options)
{
	static const struct super_ops ops = { .sync = sync };

	return pseudo_fs_fill(sb, BDEVFS_MAGIC, &ops, NULL, NULL);
}
static struct fs_type bdev_type = { .name = "bdev", .mount = mount_bdev, .internal = true };

void __init blkdev_init(void)
{
	bdev_sb = sb_get(&bdev_type, "bdev", 0, NULL);
	if (IS_ERR(bdev_sb))
		panic("no memory for block devices");
	block_added = added;
	block_resized = resized;
	block_forget = forget;
	loop_init();
}
