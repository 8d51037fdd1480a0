/* SPDX-License-Identifier: MIT
 *
 * The swap cache: which page stands for a slot, and how many hold its entry.
 *
 * There is no tree. A slot's own word names the frame, so entering costs no memory and cannot fail for want of it, and a lookup
 * is one kmap, without a lock: read the frame, take a reference, look whether the page is still that slot's.
 *
 * A page enters when it gets its slot (swap_add_page: it is the truth, the disk is not yet) or when a slot is read
 * (swap_cache_enter: the disk is). The cache holds one reference. A page leaves
 *   - clean and unmapped, to be freed: swap_remove_clean. Its references are frozen first, so that no lookup gets in between;
 *   - because nobody holds its entry any more: swap_try_free, swap_free, swap_drop_unused. Then the slot is free. If the page is
 *     being read or written just then it is marked PG_unused, and the end of that hands it to blockd (swapio.c).
 *
 * Who may write to an anonymous page in the swap cache? Whoever is alone with it: one mapping, no entry, no reference but
 * that mapping's and the cache's (page_is_ours in mm/virt). What the slot holds is old then; the page is dirty, and the
 * slot stays its own until it is freed or written again.
 *
 * Locks: page lock for PG_swapcache and private; cluster->lock for the slot. A count rises from 0 only under the page lock.
 */
#include "mm/cache/cache.h"
#include "mm/reclaim/swaparea.h"

static DEFINE_PER_CPU(s32, cached); /* pages in the swap cache */

unsigned long swap_cache_pages(void)
{
	long n = 0;

	for_each_online_cpu(cpu)
		n += per_cpu(cached, cpu);
	return max(n, 0L);
}

/* --- counting -------------------------------------------------------------------------------------------------------------- */
static struct swap_slot *lock_entry(swap_entry_t entry) { return swap_slot_lock(swap_area_of(entry), swap_offset(entry)); }
static void unlock_entry(swap_entry_t entry, struct swap_slot *s) { swap_slot_unlock(swap_area_of(entry), swap_offset(entry), s); }

void swap_dup(swap_entry_t entry)
{
	struct swap_slot *s = lock_entry(entry);

	ASSERT(s->count || slot_has_page(s));
	if (likely(s->count < SLOT_STUCK))
		s->count++;
	unlock_entry(entry, s);
}

bool swap_dup_first(struct page *page)
{
	ASSERT(page_locked(page) && page_swapcache(page));
	if (unlikely(!READ_ONCE(swap_area_of(page_swap_entry(page))->active)))
		return false;
	swap_dup(page_swap_entry(page));
	return true;
}

unsigned swap_count(swap_entry_t entry) { return swap_slot_read(swap_area_of(entry), swap_offset(entry)).count; }

/* One holder fewer. => how many are left; if none, and there is no page, the slot is free. *page: the page, with a reference */
static unsigned drop_one(swap_entry_t entry, struct page **page)
{
	struct swap_area *a = swap_area_of(entry);
	struct swap_slot *s = swap_slot_lock(a, swap_offset(entry));
	unsigned left;

	ASSERT(s->count);
	if (likely(s->count != SLOT_STUCK))
		s->count--;
	left = s->count;
	if (!left && slot_has_page(s)) {
		struct page *p = slot_page(s);

		if (page && try_get_page(p))
			*page = p;
	} else if (!left) {
		swap_slot_release(a, swap_offset(entry), s);
	}
	swap_slot_unlock(a, swap_offset(entry), s);
	return left;
}

unsigned swap_take(struct page *page)
{
	ASSERT(page_locked(page) && page_swapcache(page));
	return drop_one(page_swap_entry(page), NULL);
}

void swap_free(swap_entry_t entry)
{
	struct page *page = NULL;

	drop_one(entry, &page);
	if (page) {
		swap_drop_unused(&page, 1);
		put_page(page);
	}
}

/* --- in ---------------------------------------------------------------------------------------------------------------------- */
int swap_add_page(struct page *page)
{
	swap_entry_t entry;

	ASSERT(page_locked(page) && !page_swapcache(page) && page_swapbacked(page));
	get_page(page);
	preempt_disable(); /* a lookup that sees the frame waits until private is there */
	entry = swap_alloc_entry(page_to_pfn(page));
	if (likely(entry.v)) {
		page->private = entry.v;
		set_page_swapcache(page);
		this_cpu_inc(cached);
	}
	preempt_enable();
	if (unlikely(!entry.v)) {
		put_page(page);
		return -ENOSPC;
	}
	mark_page_dirty(page);
	return 0;
}

int swap_cache_enter(struct page *page, swap_entry_t entry)
{
	struct swap_slot *s;
	int err = 0;

	get_page(page);
	page->private = entry.v;
	page->flags |= 1UL << PG_swapcache | 1UL << PG_swapbacked; /* nobody else knows it yet */
	s = lock_entry(entry);
	if (slot_has_page(s))
		err = -EEXIST;
	else if (!s->count)
		err = -ENOENT;
	else
		s->frame |= page_to_pfn(page).n;
	unlock_entry(entry, s);
	if (!err) {
		this_cpu_inc(cached);
		return 0;
	}
	page->private = 0; /* a lookup that read the slot when this frame was its page before may wait for the lock already: atomically */
	clear_page_swapcache(page);
	clear_page_swapbacked(page);
	put_page(page);
	return err;
}

struct page *swap_find_page(swap_entry_t entry)
{
	for (;;) {
		struct swap_slot s = swap_slot_read(swap_area_of(entry), swap_offset(entry));
		struct page *page = slot_page(&s);

		if (!slot_has_page(&s))
			return NULL;
		if (likely(try_get_page(page))) {
			if (likely(page_swapcache(page) && page->private == entry.v))
				return page;
			put_page(page);
		}
		cpu_relax(); /* on its way in or out */
	}
}

/* --- out ----------------------------------------------------------------------------------------------------------------------- */
/* s is page's slot, locked, and unlocked here. It may be the last that swapoff waits for: from then on the area's type names no area any
 * more, and the lock alone (preemption is off) keeps the area itself. The cache's reference is the caller's now. */
static void undress(struct page *page, swap_entry_t entry, struct swap_slot *s)
{
	struct swap_area *a = swap_area_of(entry);

	ASSERT(slot_page(s) == page);
	s->frame &= ~SLOT_FRAME;
	if (!s->count)
		swap_slot_release(a, swap_offset(entry), s);
	this_cpu_dec(cached);
	swap_slot_unlock(a, swap_offset(entry), s);
	clear_page_swapcache(page);
	page->private = 0;
}

/* page: locked, frozen, out of its file. => the caller's is the only reference */
void swap_cache_leave(struct page *page)
{
	swap_entry_t entry = page_swap_entry(page);

	ASSERT(page_locked(page) && page_swapcache(page) && !page_writeback(page) && !atomic_read(&page->refcount));
	undress(page, entry, lock_entry(entry));
	atomic_set(&page->refcount, 1);
}

bool swap_try_free(struct page *page)
{
	swap_entry_t entry = page_swap_entry(page);
	struct swap_slot *s;

	ASSERT(page_locked(page) && page_swapcache(page));
	if (page_writeback(page))
		return false;
	s = lock_entry(entry);
	if (s->count) {
		unlock_entry(entry, s);
		return false;
	}
	undress(page, entry, s);
	if (!page_dirty(page))
		mark_page_dirty(page);
	put_page(page);
	return true;
}

/* => false: locked, or under write-out: whoever ends that finds PG_unused and comes here again, if it was set in time */
static bool try_drop(struct page *page)
{
	bool busy;

	if (!trylock_page(page))
		return false;
	if (page_swapcache(page) && !page_mapped(page) && !page_mapping(page))
		swap_try_free(page);
	busy = page_swapcache(page) && page_writeback(page);
	unlock_page(page);
	return !busy;
}

/* Pages that have just lost a mapping or an entry: those in the swap cache that nobody needs any more give their slot back now, or
 * when their I/O ends or their lock is free (swap_unlock_page). The caller holds a reference to each. */
void swap_drop_unused(struct page **pages, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct page *page = pages[i];

		if (likely(!page_swapcache(page)) || page_mapped(page) || try_drop(page))
			continue;
		set_page_unused(page);
		if (try_drop(page)) /* it ended in between */
			clear_page_unused(page);
	}
}

void swap_unlock_page(struct page *page)
{
	unlock_page(page);
	if (likely(!page_unused(page)))
		return;
	clear_page_unused(page);
	swap_drop_unused(&page, 1);
}

/* Nobody but the caller and `others` may hold a reference. => none can be taken any more */
static bool freeze(struct page *page, int others) { return cmpxchg(&page->refcount.v, others + 1, 0) == others + 1; }

bool swap_remove_clean(struct page *page)
{
	swap_entry_t entry = page_swap_entry(page);
	struct swap_slot *s;

	ASSERT(page_locked(page) && page_swapcache(page) && !page_writeback(page) && !page_mapped(page));
	if (page_mapping(page))
		return swap_leave_file(page);
	s = lock_entry(entry);
	if ((s->count && page_dirty(page)) || !freeze(page, 1))
		goto keep;
	if (s->count && unlikely(page_dirty(page))) { /* whoever held it until now has written to it */
		atomic_set(&page->refcount, 2);
		goto keep;
	}
	undress(page, entry, s);
	page->mapping = NULL;
	atomic_set(&page->refcount, 1);
	return true;
keep:
	unlock_entry(entry, s);
	return false;
}
