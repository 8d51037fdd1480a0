/* SPDX-License-Identifier: MIT
 *
 * Freeing pages: by their owner (free_pages), or by whoever drops the last reference (put_page, put_pages).
 *
 * A page on its way out leaves its LRU list, loses flags and mapping, and goes to this CPU's own list. mapcount must be
 * -1 already. Any context.
 *
 * Locks: zone->lru_lock, then (not nested) zone->lock; both with interrupts off.
 */
#include "mm/phys/pcp.h"

void free_frozen_page(struct page *page)
{
	enum zone_id zid = page_zone_id(page);

	page->flags = (unsigned long)zid << PG_zone_shift | page_freed(page);
	page->mapping = NULL;
	count_vm_event(PGFREE);
	free_to_list(page, pcp_index(zid, 0));
}

/* Nobody has a reference any more. */
static void free_block(struct page *page, unsigned order)
{
	enum zone_id zid = page_zone_id(page);

	for (unsigned i = 0; i < 1U << order; i++) {
		page[i].flags = (unsigned long)zid << PG_zone_shift | page_freed(page + i);
		page[i].mapping = NULL;
	}
	count_vm_events(PGFREE, 1UL << order);
	if (order < PCP_ORDERS)
		free_to_list(page, pcp_index(zid, order));
	else
		free_to_zone(page, order);
}

/* A lookup without locks may hold the first page for a moment, because it was a file's page before; it finds that out
 * and lets go. Then that frees the first page, and here the others go. */
void free_pages(struct page *page, unsigned order)
{
	if (unlikely(atomic_read(&page->refcount) <= 0))
		bad_page(page, "freed without a reference");
	if (likely(put_page_testzero(page)))
		free_block(page, order);
	else
		while (order--)
			free_block(page + (1UL << order), order);
}

void free_low(void *addr, unsigned order)
{
	if (addr)
		free_pages(virt_to_page(addr), order);
}

void free_page_last(struct page *page)
{
	if (page_lru(page))
		lru_isolate(page);
	free_frozen_page(page);
}

/* Take those of n pages (references already gone) that are on LRU lists off them: one lock a run of a zone. */
static void lru_del_many(struct page **pages, unsigned n)
{
	struct zone *locked = NULL;
	unsigned long flags = 0;

	for (unsigned i = 0; i < n; i++) {
		struct zone *z = page_zone(pages[i]);

		if (!page_lru(pages[i]))
			continue;
		if (z != locked) {
			if (locked)
				spin_unlock_irqrestore(&locked->lru_lock, flags);
			spin_lock_irqsave(&z->lru_lock, flags);
			locked = z;
		}
		if (page_lru(pages[i])) /* the scanner may have had it for a moment */
			lru_del_locked(z, pages[i]);
	}
	if (locked)
		spin_unlock_irqrestore(&locked->lru_lock, flags);
}

void put_pages(struct page **pages, unsigned n)
{
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++)
		if (put_page_testzero(pages[i]))
			pages[left++] = pages[i];
	lru_del_many(pages, left);
	for (unsigned i = 0; i < left; i++)
		free_frozen_page(pages[i]);
}
