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

#define RUN 64 /* pages under one hold of lru_lock, interrupts off */

static void pin_locked(struct zone *z, struct page *page)
{
	if (!page_mlocked(page)) {
		if (page_lru(page))
			lru_del_locked(z, page);
		set_page_mlocked(page);
		atomic_set(&page->pincount, 0);
		z->nr_mlock[page_swapbacked(page)]++;
		count_vm_event(PGPINNED);
	}
	page->pincount.v++;
}

static void unpin_locked(struct zone *z, struct page *page)
{
	if (unlikely(!page_mlocked(page) || page->pincount.v <= 0))
		bad_page(page, "unpinned without a pin");
	if (!--page->pincount.v) {
		clear_page_mlocked(page);
		z->nr_mlock[page_swapbacked(page)]--;
		count_vm_event(PGUNPINNED);
		lru_add_locked(z, page);
	}
}

void page_pin(struct page *page)
{
	struct zone *z = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	pin_locked(z, page);
	spin_unlock_irqrestore(&z->lru_lock, flags);
}

void page_unpin(struct page *page)
{
	struct zone *z = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	unpin_locked(z, page);
	spin_unlock_irqrestore(&z->lru_lock, flags);
}

/* --- those of a page table at once ---------------------------------------------------------------------------------------- */
void pin_run_end(struct pin_run *r)
{
	if (r->zone)
		spin_unlock_irqrestore(&r->zone->lru_lock, r->flags);
	r->zone = NULL;
}

void pin_run_page(struct pin_run *r, struct page *page, bool pin)
{
	struct zone *z = page_zone(page);

	if (z != r->zone || ++r->n == RUN) {
		pin_run_end(r);
		spin_lock_irqsave(&z->lru_lock, r->flags);
		r->zone = z;
		r->n = 0;
	}
	if (pin)
		pin_locked(z, page);
	else
		unpin_locked(z, page);
}
