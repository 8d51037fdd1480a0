/* SPDX-License-Identifier: MIT
 *
 * Clean pages that nobody uses leave the cache: of one file (before direct I/O, BLKFLSBUF, unmounting), or of all
 * (/proc/sys/vm/drop_caches). The bytes are on the disk: who wants them reads them again.
 *
 * Of all files: found on the zones' lists of file pages, each looked at once, whether it goes or stays.
 */
#include "kernel/sched/sched.h"
#include "mm/cache/blocks.h"
#include "mm/cache/internal.h"

/* page has a reference of ours, which goes if the page does. */
static bool drop_one(struct page *page)
{
	bool gone = false;

	if (!trylock_page(page))
		return false;
	if (page_mapping(page) && !swapbacked(page->mapping))
		gone = cache_remove_clean(page);
	unlock_page(page);
	return gone;
}

unsigned long invalidate_clean_pages(struct address_space *m, pindex_t first, pindex_t last)
{
	struct page *pages[CACHE_BATCH];
	unsigned long gone = 0;
	pindex_t index = first;
	unsigned n;

	while (index.n >= first.n && index.n <= last.n && (n = find_pages(m, &index, last, pages, CACHE_BATCH)) != 0) {
		for (unsigned i = 0; i < n; i++)
			if (pages[i]->mapping == m)
				gone += drop_one(pages[i]);
		put_pages(pages, n);
		cond_resched();
	}
	return gone;
}

/* A mounted file system marks pages of its device without their locks: what has a reference stays. */
static bool held_by_owner(const struct address_space *m)
{
	return m->ops == &device_mapping_ops && m->backing->dev->owner;
}

/* page locked, of m. Its other users keep what is no longer the file's page. */
static void invalidate_one(struct address_space *m, struct page *page)
{
	wait_on_page_writeback(page);
	if (page_in_tables(page))
		cache_ops->unmap_range(m, page->index, page->index, false);
	if (page_in_tables(page) || page_dirty(page) || cache_remove_clean(page) || held_by_owner(m))
		return;
	remove_from_cache(page);
}

void invalidate_pages(struct address_space *m, pindex_t first, pindex_t last)
{
	struct page *pages[CACHE_BATCH];
	pindex_t index = first;
	unsigned n;

	while (index.n >= first.n && index.n <= last.n && (n = find_pages(m, &index, last, pages, CACHE_BATCH)) != 0) {
		for (unsigned i = 0; i < n; i++) {
			lock_page(pages[i]);
			if (pages[i]->mapping == m)
				invalidate_one(m, pages[i]);
			unlock_page(pages[i]);
		}
		put_pages(pages, n);
		cond_resched();
	}
	unmap_latecomers(m, first, last, false);
}

/* => up to n pages from the tail of a list, each with a reference, and rotated to its head */
static unsigned take_from_list(struct zone *z, enum lru_list l, struct page **pages, unsigned n, unsigned long *left)
{
	struct list_head *list = &z->lru[l];
	unsigned got = 0;

	spin_lock_irq(&z->lru_lock);
	while (got < n && *left && !list_empty(list)) {
		struct page *page = list_last_entry(list, struct page, lru);

		(*left)--;
		list_move(&page->lru, list);
		if (try_get_page(page))
			pages[got++] = page;
	}
	spin_unlock_irq(&z->lru_lock);
	return got;
}

static void drop_list(struct zone *z, enum lru_list l)
{
	unsigned long left = READ_ONCE(z->nr_lru[l]);
	struct page *pages[CACHE_BATCH];

	while (left && !signal_pending()) {
		unsigned n = take_from_list(z, l, pages, CACHE_BATCH, &left);

		for (unsigned i = 0; i < n; i++)
			drop_one(pages[i]);
		put_pages(pages, n);
		cond_resched();
	}
}

void drop_page_cache(void)
{
	for (unsigned i = 0; i < NR_ZONES; i++) {
		if (!zone_populated(&zones[i]))
			continue;
		lru_drain(&zones[i]);
		drop_list(&zones[i], LRU_INACTIVE_FILE);
		drop_list(&zones[i], LRU_ACTIVE_FILE);
	}
	count_vm_event(DROP_PAGECACHE);
}
