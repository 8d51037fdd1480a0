/* SPDX-License-Identifier: MIT
 *
 * The LRU lists of a zone: anonymous and file pages, active and inactive. Reclaim takes from the tails; this file only
 * knows how a page gets onto a list, moves, and leaves.
 *
 * PG_lru says that a page is on a list, and changes only under lru_lock; a page is on the list that its flags name
 * (page_lru_list), so PG_active and PG_swapbacked do not change while PG_lru is set, other than here.
 * A page holds no reference for being on a list: who drops the last one takes it off (free_page_last, put_pages).
 *
 * Lock: zone->lru_lock, interrupts off: pages may be freed and rotated by completion handlers.
 */
#include "mm/phys/internal.h"

void lru_add_locked(struct zone *z, struct page *page)
{
	enum lru_list l = page_lru_list(page);

	ASSERT(!page_lru(page) && !page_mlocked(page));
	set_page_lru(page);
	list_add(&page->lru, &z->lru[l]);
	z->nr_lru[l]++;
}

void lru_del_locked(struct zone *z, struct page *page)
{
	ASSERT(page_lru(page));
	list_del(&page->lru);
	z->nr_lru[page_lru_list(page)]--;
	clear_page_lru(page);
}

void lru_add(struct page *page)
{
	struct zone *z = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	lru_add_locked(z, page);
	spin_unlock_irqrestore(&z->lru_lock, flags);
}

void lru_add_active(struct page *page)
{
	set_page_active(page);
	lru_add(page);
}

bool lru_isolate(struct page *page)
{
	struct zone *z = page_zone(page);
	unsigned long flags;
	bool was;

	spin_lock_irqsave(&z->lru_lock, flags);
	was = page_lru(page);
	if (was)
		lru_del_locked(z, page);
	spin_unlock_irqrestore(&z->lru_lock, flags);
	return was;
}

static void move_between(struct page *page, bool active)
{
	struct zone *z = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	if (page_lru(page) && page_active(page) != active) {
		lru_del_locked(z, page);
		if (active)
			set_page_active(page);
		else
			clear_page_active(page);
		lru_add_locked(z, page);
		count_vm_event(active ? PGACTIVATE : PGDEACTIVATE);
	}
	spin_unlock_irqrestore(&z->lru_lock, flags);
}

void lru_activate(struct page *page) { move_between(page, true); }
void lru_deactivate(struct page *page) { move_between(page, false); }

void lru_rotate(struct page *page)
{
	struct zone *z = page_zone(page);
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	if (page_lru(page))
		list_move_tail(&page->lru, &z->lru[page_lru_list(page)]);
	spin_unlock_irqrestore(&z->lru_lock, flags);
}
