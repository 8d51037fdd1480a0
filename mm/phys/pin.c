/* SPDX-License-Identifier: MIT
 *
 * Pinned pages: what mlock (mm/virt/mlock.c) and nonlinear areas keep in memory.
 *
 * A page has one pin for each PTE of a locked area that maps it, and for each PTE of a nonlinear one. While it has any it is
 * PG_mlocked and on no LRU list, so the scanner never meets it; the words of lru, idle then, hold the count: locked
 * memory costs no byte more than other memory. The pin comes and goes under the page-table lock of its PTE, together with the
 * PTE's reference, so a page that is freed has none.
 *
 *   on a list --- first pin ---> pinned, on none --- last unpin ---> on the list that its flags name
 *      |  lru_take                                                       ^
 *      +-> in the scanner's hands --- first pin ---> pinned: lru_give_back leaves it alone
 *
 * The scanner holds pages in arrays and not by their lru words, so that a pin may come at any moment.
 *
 * Lock: PTL > zone->lru_lock (PG_mlocked, pincount, nr_mlock).
 */
#include "mm/phys/internal.h"

void page_pin(struct page *page)
{
	struct zone *z = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	if (!page_mlocked(page)) {
		if (page_lru(page))
			lru_del_locked(z, page);
		set_page_mlocked(page);
		atomic_set(&page->pincount, 0);
		z->nr_mlock[page_swapbacked(page)]++;
		count_vm_event(PGPINNED);
	}
	atomic_inc(&page->pincount);
	spin_unlock_irqrestore(&z->lru_lock, flags);
}

void page_unpin(struct page *page)
{
	struct zone *z = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	if (unlikely(!page_mlocked(page) || atomic_read(&page->pincount) <= 0))
		bad_page(page, "unpinned without a pin");
	if (atomic_dec_and_test(&page->pincount)) {
		clear_page_mlocked(page);
		z->nr_mlock[page_swapbacked(page)]--;
		count_vm_event(PGUNPINNED);
		lru_add_locked(z, page);
	}
	spin_unlock_irqrestore(&z->lru_lock, flags);
}
