/* SPDX-License-Identifier: MIT
 *
 * The LRU lists as the scanner (mm/reclaim) uses them: a batch off the cold end, and back, under one hold of the lock.
 *
 * Between the two a page is on no list and in the scanner's array; its lru words are free, so that a pin may come (pin.c), and its
 * flags may change: what list it goes to is decided when it comes back. Who waits for pages to be written
 * (mm/reclaim) waits for reclaim_written.
 *
 * Lock: zone->lru_lock, interrupts off.
 */
#include "kernel/sync/wait.h"
#include "mm/phys/internal.h"

DEFINE_WAIT_QUEUE(reclaim_written);
u32 nr_reclaim_written;

unsigned lru_take(struct zone *z, enum lru_list l, struct page **pages, unsigned n, unsigned long *seen)
{
	unsigned taken = 0, looked = 0;
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	for (; taken < n && looked < 2 * n && !list_empty(&z->lru[l]); looked++) {
		struct page *page = list_last_entry(&z->lru[l], struct page, lru);

		if (!try_get_page(page)) { /* its last user will take it off in a moment */
			list_move(&page->lru, &z->lru[l]);
			continue;
		}
		lru_del_locked(z, page);
		pages[taken++] = page;
	}
	spin_unlock_irqrestore(&z->lru_lock, flags);
	*seen += looked;
	return taken;
}

/* Meanwhile a page may have got a pin, or lost its last and so be on a list already: then it stays as it is. */
static void give_back_one(struct zone *z, struct page *page, bool active)
{
	if (page_lru(page) || page_mlocked(page))
		return;
	if (active && !page_active(page)) {
		set_page_active(page);
		count_vm_event(PGACTIVATE);
	} else if (!active && page_active(page)) {
		clear_page_active(page);
		count_vm_event(PGDEACTIVATE);
	}
	lru_add_locked(z, page);
}

void lru_give_back(struct zone *z, struct page **pages, unsigned n, u32 active)
{
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	for (unsigned i = 0; i < n; i++)
		give_back_one(z, pages[i], active >> i & 1);
	spin_unlock_irqrestore(&z->lru_lock, flags);
	put_pages(pages, n);
}

void lru_written(void)
{
	count_vm_event(PGROTATED);
	WRITE_ONCE(nr_reclaim_written, nr_reclaim_written + 1); /* lost counts do no harm: it only has to change */
	wake_up_all(&reclaim_written);
}
