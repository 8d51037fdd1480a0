/* SPDX-License-Identifier: MIT
 *
 * swapon(2) and swapoff(2): from a path to a device. The areas are mm/reclaim's.
 *
 * Block devices only. A swap file would need its file system's map from pages to sectors, held still while it is on:
 * EINVAL, and a line that says so. SWAP_FLAG_DISCARD and its kinds are accepted and do nothing, as on Linux with a device that
 * cannot discard.
 */
#include "drivers/block/block.h"
#include "kernel/fs/internal.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/syscall.h"
#include "mm/reclaim/swap.h"
#include <linux/capability.h>
#include <linux/fs.h>

/* swapon(2) */
#define SWAP_FLAG_PREFER 0x8000
#define SWAP_FLAG_PRIO_MASK 0x7fff
#define SWAP_FLAGS_VALID (SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK | 0x70000 /* DISCARD, DISCARD_ONCE, DISCARD_PAGES */)

/* How the path stands in /proc/swaps: blanks and backslashes as octal numbers. */
static char *name_of(const struct path *p)
{
	char *text = kmalloc(PAGE_SIZE, GFP_KERNEL), *name = NULL;
	struct seq s = { .buf = text, .size = PAGE_SIZE };

	if (!text)
		return NULL;
	seq_path(&s, p, " \t\n\\");
	text[min_t(size_t, s.len, PAGE_SIZE - 1)] = '\0';
	if (!s.overflow)
		name = kstrdup(text, GFP_KERNEL);
	kfree(text);
	return name;
}

/* => the device behind the path, and its inode checked */
static struct block_device *device_at(const char __user *upath, struct path *p)
{
	struct block_device *dev;
	struct inode *i;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return ERR_PTR(-EPERM);
	err = user_path_at(AT_FDCWD, upath, LOOKUP_FOLLOW, p);
	if (err)
		return ERR_PTR(err);
	i = p->dentry->inode;
	dev = S_ISBLK(i->mode) ? block_find(i->rdev) : ERR_PTR(-EINVAL);
	if (S_ISREG(i->mode))
		pr_info("swapon: files are no swap areas here: devices and partitions are\n");
	if (!dev)
		dev = ERR_PTR(-ENXIO);
	if (IS_ERR(dev))
		path_put(p);
	return dev;
}

/* What the page cache holds of the device goes there first, and is then forgotten: swap goes past it. */
static int settle(struct file *f)
{
	int err = f->ops->fsync ? f->ops->fsync(f, 0, (loff_t)(~0ULL >> 1), false) : 0;

	return err ? err : (int)f->ops->ioctl(f, BLKFLSBUF, 0);
}

static long swap_device_on(struct block_device *dev, const struct path *p, u32 flags)
{
	struct file *f = path_open(p, O_RDWR | O_LARGEFILE);
	char *name;
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = -EBUSY;
	if (!block_claim(dev, &swap_on))
		goto close;
	err = -ENOMEM;
	name = name_of(p);
	if (name)
		err = settle(f);
	if (!err)
		err = swap_area_on(dev, f, name, flags & SWAP_FLAG_PREFER ? (int)(flags & SWAP_FLAG_PRIO_MASK) : -1);
	if (!err)
		return 0;
	kfree(name);
	block_unclaim(dev, &swap_on);
close:
	put_file(f);
	return err;
}

SYSCALL(swapon, const char __user *path, u32 flags)
{
	struct block_device *dev;
	struct path p;
	long err;

	if (flags & ~SWAP_FLAGS_VALID)
		return -EINVAL;
	dev = device_at(path, &p);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = swap_device_on(dev, &p, flags);
	path_put(&p);
	return err;
}

SYSCALL(swapoff, const char __user *path)
{
	struct path p;
	struct block_device *dev = device_at(path, &p);
	struct file *f = NULL;
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = swap_area_off(dev, &f);
	path_put(&p);
	if (!err) {
		settle(f);
		block_unclaim(dev, &swap_on);
		put_file(f);
	}
	return err;
}
