/* SPDX-License-Identifier: MIT
 *
 * Bios: where they come from, how they are handed in, and the simple ways to use them.
 *
 * A disk keeps BIO_RESERVES bios for the day when there is no memory: whoever writes pages out in order to free them gets
 * one of these, or waits for one to come back, which it does when an earlier bio has ended. That chain has no memory in
 * it anywhere, so it moves: requests need none (queue.c), bounces have a reserve of their own (bounce.c), drivers
 * have their tables from the start.
 *
 * A plug holds back what its task submits, so that neighbours meet before the device sees the first of them. Asleep, a
 * task would wait for itself: schedule() sends a plug's bios off, and so does waiting here.
 *
 * Locks: reserve_lock (irqs off, a leaf).
 */
#include "drivers/block/internal.h"
#include "kernel/sched/sched.h"

/* --- making ------------------------------------------------------------------------------------------------------------- */
static struct bio *take_reserve(struct disk *d)
{
	struct bio *bio;

	spin_lock_irq(&d->reserve_lock);
	bio = d->reserve;
	if (bio)
		d->reserve = bio->chain;
	spin_unlock_irq(&d->reserve_lock);
	return bio;
}

static struct bio *wait_for_reserve(struct disk *d)
{
	struct bio *bio;

	plug_flush();
	wait_event(&d->reserve_wait, (bio = take_reserve(d)) != NULL);
	return bio;
}

struct bio *bio_alloc(struct block_device *dev, enum bio_op op, sector_t sector, unsigned max)
{
	struct bio *bio = kmalloc(sizeof(*bio) + max * sizeof(struct bio_piece), GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC);
	u8 flags = 0;

	BUG_ON(max > BIO_MAX);
	if (unlikely(!bio)) {
		bio = wait_for_reserve(dev->disk);
		flags = BIO_RESERVE;
	}
	*bio = (struct bio){ .dev = dev, .op = op, .sector = sector, .max = max, .flags = flags };
	INIT_LIST_HEAD(&bio->link);
	return bio;
}

static void give_reserve(struct disk *d, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&d->reserve_lock, flags);
	bio->chain = d->reserve;
	d->reserve = bio;
	spin_unlock_irqrestore(&d->reserve_lock, flags);
	wake_up(&d->reserve_wait);
}

void bio_free(struct bio *bio)
{
	if (bio && unlikely(bio->flags & BIO_RESERVE))
		give_reserve(bio->dev->disk, bio);
	else
		kfree(bio);
}

void reserve_exit(struct disk *d)
{
	struct bio *bio;

	while ((bio = take_reserve(d)) != NULL)
		kfree(bio);
}

int reserve_init(struct disk *d)
{
	for (unsigned i = 0; i < BIO_RESERVES; i++) {
		struct bio *bio = kmalloc(sizeof(*bio) + BIO_MAX * sizeof(struct bio_piece), GFP_KERNEL);

		if (!bio) {
			reserve_exit(d);
			return -ENOMEM;
		}
		give_reserve(d, bio);
	}
	return 0;
}

bool bio_add(struct bio *bio, struct page *page, unsigned offset, unsigned bytes)
{
	ASSERT(!(offset % SECTOR_SIZE) && !(bytes % SECTOR_SIZE) && bytes && offset + bytes <= PAGE_SIZE);
	if (bio->nr == bio->max)
		return false;
	bio->piece[bio->nr++] = (struct bio_piece){ page, offset, bytes };
	bio->bytes += bytes;
	return true;
}

unsigned bio_stretches(struct bio *head, u32 max, u32 boundary, void (*fn)(void *arg, unsigned n, u64 addr, u32 bytes), void *arg)
{
	u64 addr = 0, next;
	u32 bytes = 0;
	unsigned n = 0;

	for_each_in_chain(b, head)
		for (unsigned i = 0; i < b->nr; i++) {
			const struct bio_piece *p = &b->piece[i];

			next = page_to_phys(p->page) + p->offset;
			if (bytes && next == addr + bytes && bytes + p->bytes <= max && (!boundary || next & (boundary - 1))) {
				bytes += p->bytes;
				continue;
			}
			if (bytes)
				fn(arg, n++, addr, bytes);
			addr = next;
			bytes = p->bytes;
		}
	if (bytes)
		fn(arg, n++, addr, bytes);
	return n;
}

/* --- handing in ----------------------------------------------------------------------------------------------------------- */
static void queue_now(struct bio *bio)
{
	struct disk *d = bio->dev->disk;

	spin_lock_irq(&d->lock);
	stat_start(bio);
	queue_bio(d, bio);
	spin_unlock_irq(&d->lock);
}

void queue_or_plug(struct bio *bio)
{
	struct disk *d = bio->dev->disk;
	struct plug *p = current->io;

	if (p) {
		list_add_tail(&bio->link, &p->bios);
		return;
	}
	queue_now(bio); /* from here on it may end and be gone */
	queue_dispatch(d);
}

static int check(const struct bio *bio)
{
	const struct block_device *dev = bio->dev;
	sector_t n = bio->bytes >> SECTOR_SHIFT;

	if (bio->op == BIO_FLUSH)
		return 0;
	if (!n || bio->sector > dev->sectors || n > dev->sectors - bio->sector)
		return -EIO;
	return bio->op == BIO_WRITE && dev->disk->read_only ? -EROFS : 0;
}

void bio_submit(struct bio *bio)
{
	int err = check(bio);

	might_sleep();
	if (err) {
		bio->error = err;
		bio->end(bio);
		return;
	}
	bio->sector += bio->dev->start;
	if (unlikely(bio_needs_bounce(bio)))
		bounce_submit(bio);
	else
		queue_or_plug(bio);
}

/* --- plugs -------------------------------------------------------------------------------------------------------------------- */
void plug_begin(struct plug *p)
{
	INIT_LIST_HEAD(&p->bios);
	p->outer = !current->io;
	if (p->outer)
		current->io = p;
}

static void send_off(struct list_head *bios)
{
	struct bio *bio, *next;
	struct disk *d = NULL;

	list_for_each_entry_safe(bio, next, bios, link) {
		list_del_init(&bio->link);
		if (d && d != bio->dev->disk)
			queue_dispatch(d);
		d = bio->dev->disk;
		queue_now(bio); /* from here on it may end and be gone */
	}
	if (d)
		queue_dispatch(d);
}

void plug_flush(void)
{
	struct plug *p = current->io;
	LIST_HEAD(bios);

	if (!p || list_empty(&p->bios))
		return;
	list_splice_init(&p->bios, &bios);
	send_off(&bios);
}

void plug_end(struct plug *p)
{
	if (!p->outer)
		return;
	plug_flush();
	current->io = NULL;
}

/* --- waiting ------------------------------------------------------------------------------------------------------------------- */
static void wake_submitter(struct bio *bio) { complete(bio->private); }

int bio_submit_wait(struct bio *bio)
{
	DECLARE_COMPLETION(done);

	bio->private = &done;
	bio->end = wake_submitter;
	bio_submit(bio);
	plug_flush();
	wait_for_completion(&done);
	return bio->error;
}

int block_flush(struct block_device *dev)
{
	struct bio *bio = bio_alloc(dev, BIO_FLUSH, 0, 0);
	int err = bio_submit_wait(bio);

	bio_free(bio);
	return err;
}

int block_rw_page(struct block_device *dev, enum bio_op op, sector_t sector, struct page *page, unsigned offset, unsigned bytes)
{
	struct bio *bio = bio_alloc(dev, op, sector, 1);
	int err;

	bio_add(bio, page, offset, bytes);
	err = bio_submit_wait(bio);
	bio_free(bio);
	return err;
}
