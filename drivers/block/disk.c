/* SPDX-License-Identifier: MIT
 *
 * Disks and their partitions: names, numbers, lists.
 *
 * sda, sdb, ... sdz, sdaa: major 8, 16 numbers each; vda...: major 254 likewise; loop0...: major 7, one number each. A
 * disk's partitions are found once, when it is registered; neither leaves again (there is no hot-plug), so pointers to
 * them stay good and readers need the mutex only for walking.
 *
 * Lock: disks_lock, a mutex; I/O is done without it.
 */
#include "drivers/block/internal.h"
#include "drivers/block/mbr.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"

#define PARTS 16 /* numbers of a disk: itself and 15 partitions */

static DEFINE_MUTEX(disks_lock);
static LIST_HEAD(disks);
void (*block_added)(struct block_device *dev);
void (*block_resized)(struct block_device *dev, sector_t sectors);
void (*block_forget)(struct block_device *dev);

bool block_read_only(const struct block_device *dev) { return dev->disk->read_only || dev->read_only; }

static bool numbered(const struct disk *d) { return d->prefix[0] == 'l'; } /* loop0, loop1, ...: no partitions */
static unsigned major_of(const struct disk *d) { return d->prefix[0] == 's' ? 8 : numbered(d) ? 7 : 254; }

/* 0: a, 25: z, 26: aa */
static void disk_name(char *buf, size_t size, const char *prefix, unsigned n)
{
	char letters[8], *p = letters + sizeof(letters) - 1;

	*p = 0;
	do
		*--p = 'a' + n % 26;
	while ((n = n / 26) && n--);
	snprintf(buf, size, "%s%s", prefix, p);
}

static unsigned next_index(const char *prefix)
{
	struct disk *d;
	unsigned n = 0;

	list_for_each_entry(d, &disks, node)
		n += !strcmp(d->prefix, prefix);
	return n;
}

/* --- looking up -------------------------------------------------------------------------------------------------------------- */
void for_each_block_device(void (*fn)(void *arg, struct block_device *dev), void *arg)
{
	struct block_device *dev;
	struct disk *d;

	mutex_lock(&disks_lock);
	list_for_each_entry(d, &disks, node)
		list_for_each_entry(dev, &d->devices, node)
			fn(arg, dev);
	mutex_unlock(&disks_lock);
}

/* --- to oneself ----------------------------------------------------------------------------------------------------------------- */
bool block_claim(struct block_device *dev, const void *owner)
{
	struct block_device *other;
	bool busy = false;

	mutex_lock(&disks_lock);
	list_for_each_entry(other, &dev->disk->devices, node)
		if (other->owner && (other == dev || !other->part || !dev->part))
			busy = true;
	if (!busy)
		dev->owner = owner;
	mutex_unlock(&disks_lock);
	return !busy;
}

void block_unclaim(struct block_device *dev, const void *owner)
{
	mutex_lock(&disks_lock);
	if (!WARN_ON_ONCE(dev->owner != owner))
		dev->owner = NULL;
	mutex_unlock(&disks_lock);
}

struct search { dev_t dev; const char *name; struct block_device *found; };

static void compare(void *arg, struct block_device *dev)
{
	struct search *s = arg;

	if (s->name ? !strcmp(s->name, dev->name) : s->dev == dev->dev)
		s->found = dev;
}

struct block_device *block_find(dev_t dev)
{
	struct search s = { .dev = dev };

	for_each_block_device(compare, &s);
	return s.found;
}

void for_each_block_major(void (*fn)(void *arg, unsigned major, const char *name), void *arg)
{
	fn(arg, 7, "loop");
	fn(arg, 8, "sd");
	fn(arg, 254, "virtblk");
}

/* --- partitions ------------------------------------------------------------------------------------------------------------------ */
static void add_device(struct disk *d, struct block_device *dev, unsigned part, sector_t start, sector_t sectors)
{
	unsigned minor;

	dev->disk = d;
	dev->part = part;
	dev->start = start;
	dev->sectors = sectors;
	minor = numbered(d) ? d->index : d->index * PARTS + part;
	dev->dev = (dev_t)(major_of(d) << 8 | (minor & 0xff) | (minor & ~0xffU) << 12);
	if (numbered(d))
		snprintf(dev->name, sizeof(dev->name), "%s%u", d->prefix, d->index);
	else
		disk_name(dev->name, sizeof(dev->name), d->prefix, d->index);
	if (part)
		snprintf(dev->name + strlen(dev->name), sizeof(dev->name) - strlen(dev->name), "%u", part);
	mutex_lock(&disks_lock);
	list_add_tail(&dev->node, &d->devices);
	mutex_unlock(&disks_lock);
	inject_bind(dev);
	if (block_added)
		block_added(dev);
}

struct reader { struct disk *d; struct page *page; char text[120]; };

static int read_sector(void *arg, u64 sector, const u8 **data)
{
	struct reader *r = arg;

	*data = page_address(r->page);
	return block_rw_page(&r->d->whole, BIO_READ, sector, r->page, 0, SECTOR_SIZE);
}

static int found(void *arg, unsigned number, u64 start, u64 sectors)
{
	struct reader *r = arg;
	struct block_device *dev;

	if (number >= PARTS) {
		pr_warn("%s: partition %u has no number left\n", r->d->whole.name, number);
		return 0;
	}
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;
	add_device(r->d, dev, number, start, sectors);
	snprintf(r->text + strlen(r->text), sizeof(r->text) - strlen(r->text), " %s", dev->name);
	return 0;
}

static int partitions_read(struct disk *d)
{
	struct reader r = { .d = d, .page = alloc_page(GFP_KERNEL) };
	struct mbr_source s = { .read = read_sector, .found = found, .arg = &r, .sectors = d->sectors };
	int n;

	if (!r.page)
		return -ENOMEM;
	n = mbr_parse(&s);
	free_page(r.page);
	if (n < 0)
		pr_err("%s: partition table: error %d\n", d->whole.name, n);
	else if (n)
		pr_info("%s: partitions%s\n", d->whole.name, r.text);
	return n < 0 ? n : 0;
}

/* --- registering --------------------------------------------------------------------------------------------------------------------- */
int disk_register(struct disk *d)
{
	int err;

	spin_lock_init(&d->lock, "disk");
	spin_lock_init(&d->reserve_lock, "disk reserve");
	wait_queue_init(&d->reserve_wait);
	d->by_sector[0] = d->by_sector[1] = RB_ROOT;
	INIT_LIST_HEAD(&d->waiting);
	INIT_LIST_HEAD(&d->ended);
	INIT_LIST_HEAD(&d->devices);
	INIT_LIST_HEAD(&d->bounce_reserve);
	err = reserve_init(d);
	if (!err)
		err = bounce_init(d);
	if (err) {
		reserve_exit(d);
		return err;
	}
	mutex_lock(&disks_lock);
	d->index = next_index(d->prefix);
	list_add_tail(&d->node, &disks);
	mutex_unlock(&disks_lock);
	add_device(d, &d->whole, 0, 0, d->sectors);
	if (numbered(d))
		return 0;
	pr_info("%s: %llu MB%s%s%s%s\n", d->whole.name, d->sectors >> 11, d->model[0] ? ", " : "", d->model,
		d->read_only ? ", read-only" : "", d->max_pfn.n ? ", bounces pages beyond its reach" : "");
	partitions_read(d);
	return 0;
}

void block_closed(struct block_device *dev)
{
	struct disk *d = dev->disk;

	if (atomic_dec_and_test(&dev->openers) && d->ops->last_close)
		d->ops->last_close(d);
}

void block_forget_cache(struct block_device *dev)
{
	if (block_forget)
		block_forget(dev);
}

/* Larger: first the disk, then those who go by it; smaller: the other way round. */
void disk_set_size(struct disk *d, sector_t sectors)
{
	bool grows = sectors > d->sectors;

	if (!grows && block_resized)
		block_resized(&d->whole, sectors);
	spin_lock_irq(&d->lock);
	d->sectors = d->whole.sectors = sectors;
	spin_unlock_irq(&d->lock);
	if (grows && block_resized)
		block_resized(&d->whole, sectors);
	while (!sectors && READ_ONCE(d->whole.in_flight)) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule_timeout(NSEC_PER_MSEC);
	}
}

void __init block_init(void)
{
	blockd_init();
	ata_init();
	virtio_blk_init();
	inject_report();
}
