/* SPDX-License-Identifier: MIT
 *
 * Buddy lists of one zone (Knowlton 1965): free blocks of 2^order pages, aligned to their size, order 0 to 10.
 *
 * A free block is known by its first page: PG_buddy, private = order, lru on zone->area[order]. Its buddy is the block
 * whose number differs in one bit; two free buddies become one block at once.
 *
 * The largest block, 4 MB, is also the unit in which a zone is opened: at 32 GB mem_map has eight million entries, and
 * nobody writes the eight million before they are wanted. A block that is UNOPENED is free and counted as such, but
 * on no list; when the lists cannot serve a request, the next one's struct pages are initialised and it goes onto
 * the list of order 10. Since blocks never merge beyond order 10, a buddy always lies in an opened block.
 *
 * Lock: zone->lock, held by the callers, interrupts off.
 * Cannot: keep movable and unmovable pages apart (low memory holds hardly any movable ones).
 */
#include "mm/phys/internal.h"

u8 *block_states;
unsigned nr_blocks;

static void area_add(struct zone *z, struct page *page, unsigned order)
{
	page->private = order;
	page->flags |= 1UL << PG_buddy;
	list_add(&page->lru, &z->area[order].list);
	z->area[order].nr_free++;
}

static void area_del(struct zone *z, struct page *page, unsigned order)
{
	ASSERT(page_buddy(page) && page->private == order);
	list_del(&page->lru);
	page->flags &= ~(1UL << PG_buddy);
	page->private = 0;
	z->area[order].nr_free--;
}

/* Initialise the struct pages of the next unopened block and put it on the list.
 * => false: the zone has no such block left */
static bool zone_open_block(struct zone *z)
{
	unsigned block = pfn_block(z->frontier);
	struct page *page;

	if (!z->unopened)
		return false;
	while (block_states[block] != BLOCK_UNOPENED)
		block++;
	page = pfn_to_page(block_pfn(block));
	for (unsigned i = 0; i < BLOCK_PAGES; i++)
		page_init(page + i, z - zones, 0);
	smp_wmb(); /* pfn_opened looks at the state without the lock */
	WRITE_ONCE(block_states[block], BLOCK_OPEN);
	z->frontier = block_pfn(block + 1);
	z->unopened--;
	area_add(z, page, MAX_ORDER);
	count_vm_event(ZONE_OPEN);
	return true;
}

struct page *buddy_take(struct zone *z, unsigned order)
{
	struct page *page;
	unsigned o = order;

	while (list_empty(&z->area[o].list))
		if (++o > MAX_ORDER) {
			if (!zone_open_block(z))
				return NULL;
			o = MAX_ORDER;
		}
	page = list_first_entry(&z->area[o].list, struct page, lru);
	area_del(z, page, o);
	while (o > order) {
		o--;
		area_add(z, page + (1UL << o), o);
	}
	z->free -= 1UL << order;
	return page;
}

void buddy_give(struct zone *z, struct page *page, unsigned order)
{
	pfn_t pfn = page_to_pfn(page);

	ASSERT(IS_ALIGNED(pfn.n, 1UL << order) && page_zone(page) == z);
	if (unlikely(page_buddy(page)))
		bad_page(page, "freed twice");
	z->free += 1UL << order;
	for (; order < MAX_ORDER; order++) {
		struct page *buddy = pfn_to_page((pfn_t){ pfn.n ^ (1UL << order) });

		if (!page_buddy(buddy) || buddy->private != order)
			break;
		area_del(z, buddy, order);
		pfn.n &= ~(1UL << order);
	}
	area_add(z, pfn_to_page(pfn), order);
}

void buddy_init(struct zone *z)
{
	for (unsigned o = 0; o <= MAX_ORDER; o++) {
		list_init(&z->area[o].list);
		z->area[o].nr_free = 0;
	}
	z->frontier = z->start_pfn;
	z->unopened = 0;
	z->free = 0;
}

bool pfn_opened(pfn_t pfn)
{
	unsigned block = pfn_block(pfn);
	const struct page *page;
	u8 state;

	if (block >= nr_blocks)
		return false;
	state = READ_ONCE(block_states[block]);
	smp_rmb();
	if (state == BLOCK_OPEN)
		return true;
	if (state != BLOCK_PARTIAL)
		return false;
	page = pfn_to_page(pfn);
	return !page_reserved(page) || atomic_read(&page->refcount);
}

bool pfn_has_ram(pfn_t pfn) { return pfn_block(pfn) < nr_blocks && READ_ONCE(block_states[pfn_block(pfn)]) != BLOCK_ABSENT; }

void zone_free_blocks(struct zone *z, unsigned long nr[MAX_ORDER + 1])
{
	unsigned long flags;

	spin_lock_irqsave(&z->lock, flags);
	for (unsigned o = 0; o <= MAX_ORDER; o++)
		nr[o] = z->area[o].nr_free;
	nr[MAX_ORDER] += z->unopened;
	spin_unlock_irqrestore(&z->lock, flags);
}
