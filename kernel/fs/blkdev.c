/* SPDX-License-Identifier: MIT
 *
 * Block devices as files: /dev/sda, /dev/vda1, ...
 *
 * Each has one inode of its own (in no tree), which carries its size and its page cache; files opened through any name in
 * /dev use that cache. A disk and its partitions are cached apart, as on Linux.
 *
 * They are ordinary users of the page cache: read-ahead, write-back by the disk's flusher, shared mappings; an error of
 * write-back reaches each opener once, at fsync. The pages themselves, which file systems use for their metadata as
 * well: mm/cache/device.c. Only a loop device changes its size, while nobody has it open.
 *
 * Locks: host inode->lock (writers) > page lock.
 */
#include "drivers/block/block.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/internal.h"
#include "mm/cache/blocks.h"
#include <linux/fs.h>
#include <linux/magic.h>

static struct super_block *bdev_sb;

static struct block_device *device_of(const struct address_space *m) { return m->backing->dev; }
struct address_space *block_mapping(struct block_device *dev) { return &((struct inode *)dev->host)->data; }

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

static ssize_t blkdev_write(struct file *f, struct iov *from, loff_t *ppos)
{
	struct inode *host = f->mapping->host;
	loff_t pos = f->flags & O_APPEND ? host->size : *ppos;
	ssize_t done;
	int err;

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
	if (f->flags & O_DIRECT && direct_possible(f, from))
		done = direct_write(f, from, pos);
	else
		done = file_write_pages(f, from, pos);
	up_write(&host->lock);
	if (done <= 0)
		return done;
	*ppos = pos + done;
	err = f->flags & O_DSYNC ? generic_fsync(f, pos, pos + done - 1, !(f->flags & __O_SYNC)) : 0;
	return err ? err : done;
}

static loff_t blkdev_llseek(struct file *f, loff_t off, int whence) { return generic_llseek(f, off, whence, f->mapping->host->size); }

/* Forget what is cached: the next reader asks the device. host's lock held for writing. Private copies stay. */
static void forget_locked(struct inode *host)
{
	write_and_wait_range(host->mapping, 0, MAX_LFS);
	invalidate_pages(host->mapping, pindex_at(0), PINDEX_MAX);
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
	.open = blkdev_open, .read = generic_read, .write = blkdev_write, .llseek = blkdev_llseek, .fsync = generic_fsync,
	.mmap = generic_mmap, .ioctl = blkdev_ioctl, .release = blkdev_release,
};

/* --- devices that appear -------------------------------------------------------------------------------------------------------------- */
static int make_host(struct block_device *dev)
{
	struct backing *b = kzalloc(sizeof(*b), GFP_KERNEL);
	struct inode *i = b ? new_inode(bdev_sb, NULL, S_IFBLK | 0600) : NULL;

	if (!i || backing_init(b, dev, SECTOR_SHIFT)) {
		if (i)
			iput(i);
		kfree(b);
		return -ENOMEM;
	}
	i->rdev = dev->dev;
	mapping_init(&i->data, i, &device_mapping_ops, MAPPING_DEVICE);
	inode_set_size(i, (loff_t)(dev->sectors << SECTOR_SHIFT));
	i->data.backing = b;
	dev->host = i;
	return 0;
}

static void added(struct block_device *dev)
{
	int err = make_host(dev);

	if (!err)
		err = devfs_add(dev->name, S_IFBLK | 0660, dev->dev);
	if (err && err != -EEXIST) /* loop0.. have their names already */
		pr_err("/dev/%s: error %d\n", dev->name, err);
}

static int mount_bdev(struct super_block *sb, const char *source, const char *options)
{
	return pseudo_fs_fill(sb, BDEVFS_MAGIC, NULL, NULL, NULL);
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
