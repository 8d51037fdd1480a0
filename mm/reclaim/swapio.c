/* SPDX-License-Identifier: MIT
 *
 * Pages to and from a swap area.
 *
 * Out: one bio a page. The scanner adds pages in the order of its list, so their slots lie side by side, and submits them under a
 * plug, where the block layer makes large commands of them. As many as a small part of memory are under way at a time; who
 * writes more waits: bios and bounces must not eat the memory that writing is to free.
 *
 * In: the slot that is wanted and its neighbours within a window. How large the window is follows from how many pages read
 * ahead were used since the last time (PG_readahead says that one was): from one page up to 2^page_cluster. Pages read
 * ahead come without reclaim and stand in the swap cache like any other; nobody waits for them.
 *
 * Ends: writing clears PG_writeback (and for PG_reclaim puts the page where the scanner looks next); a page whose write failed
 * is dirty and active again, so nothing is lost. A page whose read failed is not uptodate; whoever wanted it gets SIGBUS, and its
 * slot is never used again.
 *
 * Ends of bios may run in interrupts: no cluster lock, no kmap there. A page that nobody needs any more by then is left to blockd.
 */
#include "kernel/lib/printk.h"
#include "kernel/lib/trace.h"
#include "kernel/sched/sched.h"
#include "mm/cache/cache.h"
#include "mm/reclaim/swaparea.h"

#define PAGE_SECTORS (PAGE_SIZE / SECTOR_SIZE)
int sysctl_page_cluster = 3;

static sector_t sector_of(swap_entry_t entry) { return (sector_t)swap_offset(entry) * PAGE_SECTORS; }

/* --- out ------------------------------------------------------------------------------------------------------------------ */
static atomic_t writes; /* under way */
static DEFINE_WAIT_QUEUE(writes_wait);

static int most_writes(void) { return clamp(totalram_pages / 64, 64UL, 2048UL); }

/* blockd: pages, each with a reference of ours, whose last user went before their I/O had ended. */
static void drop_late(struct bio *bio)
{
	for (unsigned i = 0; i < bio->nr; i++) {
		struct page *page = bio->piece[i].page;

		clear_page_unused(page);
		swap_drop_unused(&page, 1);
		put_page(page);
	}
	bio_free(bio);
}

static void write_ended(struct bio *bio)
{
	struct page *page = bio->piece[0].page;

	if (unlikely(bio->error)) {
		pr_warn_ratelimited("swap: %s: writing slot %u: error %d; the page stays in memory\n", bio->dev->name,
				    swap_offset(page_swap_entry(page)), bio->error);
		set_page_dirty(page);
		clear_page_reclaim(page);
		lru_activate(page);
	}
	end_page_writeback(page); /* the swap cache's reference kept it until now */
	if (atomic_dec_return(&writes) == most_writes() / 4 * 3)
		wake_up_all(&writes_wait);
	if (unlikely(page_unused(page)) && try_get_page(page))
		blockd_add(bio, drop_late);
	else
		bio_free(bio);
}

int swap_write_page(struct page *page)
{
	struct swap_area *a = swap_area_of(page_swap_entry(page));
	struct bio *bio;

	ASSERT(page_locked(page) && page_swapcache(page) && page_dirty(page) && !page_writeback(page));
	if (atomic_read(&writes) >= most_writes())
		wait_event(&writes_wait, atomic_read(&writes) < most_writes());
	bio = bio_alloc(a->dev, BIO_WRITE, sector_of(page_swap_entry(page)), 1);
	bio_add(bio, page, 0, PAGE_SIZE);
	bio->end = write_ended;
	atomic_inc(&writes);
	set_page_writeback(page);
	clear_page_dirty(page);
	count_vm_event(PSWPOUT);
	trace(swap_out, page_to_pfn(page).n, page->private, 0, 0);
	unlock_page(page);
	bio_submit(bio);
	return 0;
}

/* --- in -------------------------------------------------------------------------------------------------------------------- */
static void read_ended(struct bio *bio)
{
	unsigned late = 0;

	for (unsigned i = 0; i < bio->nr; i++) {
		struct page *page = bio->piece[i].page;

		if (likely(!bio->error))
			set_page_uptodate(page);
		else
			set_page_error(page);
		unlock_page(page); /* the swap cache's reference kept it until now; whoever marks it from here on sees it unlocked */
		if (unlikely(page_unused(page)) && try_get_page(page))
			bio->piece[late++].page = page;
	}
	bio->nr = late;
	if (unlikely(late))
		blockd_add(bio, drop_late);
	else
		bio_free(bio);
}

/* A run of locked pages on their way in, side by side on disk. */
struct run { struct bio *bio; swap_entry_t next; };

static void run_flush(struct run *r)
{
	if (!r->bio)
		return;
	count_vm_events(PSWPIN, r->bio->nr);
	r->bio->end = read_ended;
	bio_submit(r->bio);
	r->bio = NULL;
}

static void run_add(struct run *r, struct swap_area *a, swap_entry_t entry, struct page *page)
{
	if (r->bio && (r->next.v != entry.v || r->bio->nr == r->bio->max))
		run_flush(r);
	if (!r->bio)
		r->bio = bio_alloc(a->dev, BIO_READ, sector_of(entry), 1U << clamp(sysctl_page_cluster, 0, 5));
	bio_add(r->bio, page, 0, PAGE_SIZE);
	r->next.v = entry.v + 1;
}

/* A new page, locked, in the swap cache for entry, with a reference; ERR_PTR(-ENOMEM, -EEXIST, -ENOENT) */
static struct page *new_page(swap_entry_t entry, gfp_t gfp)
{
	struct page *page = alloc_page(gfp | __GFP_HIGHMEM);
	int err;

	if (!page)
		return ERR_PTR(-ENOMEM);
	set_page_locked(page);
	err = swap_cache_enter(page, entry);
	if (!err) {
		lru_add(page);
		return page;
	}
	unlock_page(page);
	put_page(page);
	return ERR_PTR(err);
}

/* How many slots to read at once. The numbers are hints: no lock. */
static u32 window(struct swap_area *a, u32 offset)
{
	u32 most = 1U << clamp(sysctl_page_cluster, 0, 5), last = READ_ONCE(a->ra_window), n = 2;
	u32 hits = xchg(&a->ra_hits.v, 0), before = xchg(&a->ra_last, offset);

	while (n < hits + 2)
		n *= 2;
	if (!hits && offset != before + 1 && offset + 1 != before)
		n = 1;
	n = min(max(n, last / 2), most); /* a few misses in a row do not stop it at once */
	WRITE_ONCE(a->ra_window, n);
	return n;
}

static bool wants_reading(struct swap_area *a, u32 offset)
{
	struct swap_slot s = swap_slot_read(a, offset);

	return s.count && !s.frame;
}

/* => entry's page as new_page gives it, or ERR_PTR; the neighbours go their way */
static struct page *read_around(struct swap_area *a, swap_entry_t entry, gfp_t gfp)
{
	u32 offset = swap_offset(entry), n = window(a, offset), at = offset & ~(n - 1), end = at + n;
	struct page *page = new_page(entry, gfp), *other;
	struct run r = { .bio = NULL };
	struct plug plug;

	if (IS_ERR(page))
		return page;
	trace(swap_in, page_to_pfn(page).n, entry.v, 0, 0);
	plug_begin(&plug);
	for (; at < end && at < a->nr_slots; at++) {
		swap_entry_t e = swap_entry(a->type, at);

		if (at == offset) {
			run_add(&r, a, e, page);
			continue;
		}
		if (!wants_reading(a, at))
			continue;
		other = new_page(e, __GFP_NOWARN); /* without reclaim */
		if (PTR_ERR(other) == -ENOMEM)
			end = min(end, max(at, offset) + 1);
		if (IS_ERR(other))
			continue;
		set_page_readahead(other);
		run_add(&r, a, e, other);
		put_page(other);
	}
	run_flush(&r);
	plug_end(&plug);
	return page;
}

static void found(struct swap_area *a, struct page *page)
{
	if (test_clear_page_readahead(page))
		atomic_inc(&a->ra_hits);
}

struct page *swap_read_page(swap_entry_t entry, bool *major)
{
	struct swap_area *a = swap_area_of(entry);
	struct page *page;

	for (;;) {
		page = swap_find_page(entry);
		if (page) {
			found(a, page);
			return page;
		}
		page = read_around(a, entry, GFP_HIGHUSER);
		if (!IS_ERR(page)) {
			*major = true;
			return page;
		}
		if (PTR_ERR(page) != -EEXIST)
			return PTR_ERR(page) == -ENOENT ? NULL : page;
	}
}

void swap_read_ahead(swap_entry_t entry)
{
	struct swap_area *a = swap_area_of(entry);
	struct page *page;

	if (!wants_reading(a, swap_offset(entry)))
		return;
	page = read_around(a, entry, GFP_HIGHUSER | __GFP_NORETRY | __GFP_NOWARN);
	if (!IS_ERR(page))
		put_page(page);
}

/* Its slot is not used again. */
static void lost(struct page *page)
{
	struct swap_area *a = swap_area_of(page_swap_entry(page));
	u32 offset = swap_offset(page_swap_entry(page));
	struct swap_slot *s;

	s = swap_slot_lock(a, offset);
	if (!(s->frame & SLOT_ERROR))
		pr_err("swap: %s: slot %u cannot be read: its page is lost, the slot is not used again\n", a->dev->name, offset);
	s->frame |= SLOT_ERROR;
	swap_slot_unlock(a, offset, s);
}

/* Its command failed, perhaps for a neighbour's sake. */
static bool read_alone(struct page *page)
{
	struct swap_area *a = swap_area_of(page_swap_entry(page));
	struct bio *bio = bio_alloc(a->dev, BIO_READ, sector_of(page_swap_entry(page)), 1);
	int err;

	bio_add(bio, page, 0, PAGE_SIZE);
	err = bio_submit_wait(bio);
	bio_free(bio);
	if (err)
		return false;
	count_vm_event(PSWPIN);
	clear_page_error(page);
	set_page_uptodate(page);
	return true;
}

bool swap_page_good(struct page *page)
{
	swap_entry_t entry = page_swap_entry(page);

	ASSERT(page_locked(page) && page_swapcache(page));
	if (likely(page_uptodate(page)))
		return true;
	if (!(swap_slot_read(swap_area_of(entry), swap_offset(entry)).frame & SLOT_ERROR) && read_alone(page))
		return true;
	lost(page);
	return false;
}
