/* SPDX-License-Identifier: MIT
 *
 * Until there are swap areas: none.
 */
#include "mm/cache/cache.h"
#include "mm/reclaim/swap.h"

#define WEAK __attribute__((weak))
WEAK int swap_add_page(struct page *page) { return -ENOSPC; }
WEAK int swap_write_page(struct page *page) { return -EIO; }
WEAK bool swap_remove_clean(struct page *page) { return false; }
WEAK unsigned long swap_free_slots(void) { return 0; }
WEAK unsigned long swap_total_slots(void) { return 0; }
WEAK unsigned long swap_cache_pages(void) { return 0; }
bool cache_remove_clean(struct page *page);
WEAK bool cache_remove_clean(struct page *page)
{
	struct address_space *m = page->mapping;

	if (!m || page_dirty(page) || page_mapped(page))
		return false;
	spin_lock(&m->tree_lock);
	if (atomic_cmpxchg(&page->refcount, 2, 0) != 2) {
		spin_unlock(&m->tree_lock);
		return false;
	}
	radix_delete(&m->pages, page->index);
	page->mapping = NULL;
	m->nr_pages--;
	spin_unlock(&m->tree_lock);
	atomic_set(&page->refcount, 1);
	return true;
}
