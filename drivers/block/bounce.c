/* SPDX-License-Identifier: MIT
 *
 * Bounce pages: for disks that do not reach all memory (ATA's bus master: 4 GB).
 *
 * A bio with a piece beyond the disk's reach is cut into parts of at most BOUNCE_MAX pieces. Each part is a bio of its own
 * with pages within reach (low memory); before a write the data is copied there, after a read blockd copies it back,
 * since an interrupt handler may not use kmap. The original ends when its last part has.
 *
 * Memory: a part and all its pages at once, from the allocator; if that fails, from the disk's reserve of whole
 * parts (PART_RESERVES, 64 KB each), for which one may wait: each comes back when its I/O has ended. A part is submitted before the next
 * one is asked for, so nobody holds one while waiting.
 *
 * Counted in /proc/vmstat: bounce, in pages.
 */
#include "drivers/block/internal.h"
#include "kernel/lib/string.h"

#define BOUNCE_MAX 16
#define PART_RESERVES 2

struct part {
	struct bio *parent;
	unsigned first;             /* parent's piece that ours begin with */
	bool reserve;
	struct list_head free;      /* disk->bounce_reserve */
	struct page *pages[BOUNCE_MAX];
	struct bio bio;
	struct bio_piece room[BOUNCE_MAX];
};
static_assert(offsetof(struct part, room) == offsetof(struct part, bio) + offsetof(struct bio, piece), "room is bio's pieces");

bool bio_needs_bounce(const struct bio *bio)
{
	pfn_t max = bio->dev->disk->max_pfn;

	if (!max.n)
		return false;
	for (unsigned i = 0; i < bio->nr; i++)
		if (page_to_pfn(bio->piece[i].page).n >= max.n)
			return true;
	return false;
}

/* --- parts ------------------------------------------------------------------------------------------------------------------ */
static void free_part(struct part *p)
{
	for (unsigned i = 0; i < BOUNCE_MAX && p->pages[i]; i++)
		free_page(p->pages[i]);
	kfree(p);
}

static struct part *alloc_part(unsigned pages, gfp_t gfp)
{
	struct part *p = kzalloc(sizeof(*p), gfp);

	for (unsigned i = 0; p && i < pages; i++) {
		p->pages[i] = alloc_page(gfp);
		if (!p->pages[i]) {
			free_part(p);
			p = NULL;
		}
	}
	return p;
}

static struct part *take_reserve(struct disk *d)
{
	struct part *p = NULL;

	spin_lock_irq(&d->reserve_lock);
	if (!list_empty(&d->bounce_reserve)) {
		p = list_first_entry(&d->bounce_reserve, struct part, free);
		list_del_init(&p->free);
	}
	spin_unlock_irq(&d->reserve_lock);
	return p;
}

static struct part *get_part(struct disk *d, unsigned pages)
{
	struct part *p = alloc_part(pages, GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC);

	if (likely(p))
		return p;
	plug_flush();
	wait_event(&d->reserve_wait, (p = take_reserve(d)) != NULL);
	return p;
}

static void put_part(struct disk *d, struct part *p)
{
	if (!p->reserve) {
		free_part(p);
		return;
	}
	spin_lock_irq(&d->reserve_lock);
	list_add(&p->free, &d->bounce_reserve);
	spin_unlock_irq(&d->reserve_lock);
	wake_up_all(&d->reserve_wait);
}

/* --- copying ------------------------------------------------------------------------------------------------------------------ */
static void copy_piece(const struct bio_piece *to, const struct bio_piece *from)
{
	char *a = kmap(to->page), *b = kmap(from->page);

	memcpy(a + to->offset, b + from->offset, to->bytes);
	kunmap(b);
	kunmap(a);
}

static void copy_part(struct part *p, bool in)
{
	for (unsigned i = 0; i < p->bio.nr; i++) {
		struct bio_piece *ours = &p->bio.piece[i], *theirs = &p->parent->piece[p->first + i];

		copy_piece(in ? ours : theirs, in ? theirs : ours);
	}
}

/* --- the way there and back ------------------------------------------------------------------------------------------------------ */
static void parent_put(struct bio *parent)
{
	if (atomic_dec_and_test(&parent->parts))
		parent->end(parent);
}

static void part_ended(struct bio *bio)
{
	struct part *p = container_of(bio, struct part, bio);
	struct bio *parent = p->parent;

	if (bio->error)
		WRITE_ONCE(parent->error, bio->error);
	else if (bio->op == BIO_READ)
		copy_part(p, false);
	put_part(bio->dev->disk, p);
	parent_put(parent);
}
static void part_irq(struct bio *bio) { blockd_add(bio, part_ended); }

static void submit_part(struct bio *parent, unsigned first, unsigned n, sector_t sector)
{
	struct part *p = get_part(parent->dev->disk, n);
	struct bio *bio = &p->bio;

	p->parent = parent;
	p->first = first;
	*bio = (struct bio){ .dev = parent->dev, .op = parent->op, .sector = sector, .max = BOUNCE_MAX,
			     .flags = parent->flags & BIO_FUA, .end = part_irq };
	INIT_LIST_HEAD(&bio->link);
	for (unsigned i = 0; i < n; i++)
		bio_add(bio, p->pages[i], parent->piece[first + i].offset, parent->piece[first + i].bytes);
	if (bio->op == BIO_WRITE)
		copy_part(p, true);
	count_vm_events(BOUNCE, n);
	queue_or_plug(bio);
}

void bounce_submit(struct bio *bio)
{
	sector_t sector = bio->sector;

	atomic_set(&bio->parts, 1);
	bio->error = 0;
	for (unsigned i = 0; i < bio->nr; i += BOUNCE_MAX) {
		unsigned n = min_t(unsigned, bio->nr - i, BOUNCE_MAX);

		atomic_inc(&bio->parts);
		submit_part(bio, i, n, sector);
		for (unsigned k = i; k < i + n; k++)
			sector += bio->piece[k].bytes >> SECTOR_SHIFT;
	}
	parent_put(bio);
}

static void bounce_exit(struct disk *d)
{
	struct part *p;

	while ((p = take_reserve(d)) != NULL)
		free_part(p);
}

int bounce_init(struct disk *d)
{
	if (d->max_pfn.n >= max_pfn.n)
		d->max_pfn.n = 0;
	for (unsigned i = 0; d->max_pfn.n && i < PART_RESERVES; i++) {
		struct part *p = alloc_part(BOUNCE_MAX, GFP_KERNEL);

		if (!p) {
			bounce_exit(d);
			return -ENOMEM;
		}
		p->reserve = true;
		put_part(d, p);
	}
	return 0;
}
