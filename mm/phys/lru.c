/* SPDX-License-Identifier: MIT
 *
 * The LRU lists of a zone: anonymous and file pages, active and inactive. Reclaim takes from the tails; this file only
 * knows how a page gets onto a list, moves, and leaves.
 *
 * A new page goes into a batch of its CPU first, and fifteen at a time onto the list: CPUs that fault at once need
 * lru_lock in one fault of fifteen. So PG_lru says that a page is on a list, or on its way there in the slot of a batch,
 * to which page->lru.next then points, with the low bit set:
 *
 *   lru_add -> slot of this CPU's batch -> (batch full, lru_drain) -> list -> lru_isolate, lru_del_locked
 *                       \-----------------------------------------------/
 *
 * The owner of a batch fills its next slot and then sets PG_lru, without a lock, preemption off. From then on the page
 * is under lru_lock like one on a list: whoever takes it out of its slot holds the lock, and any CPU may. A slot whose
 * page has no PG_lru yet is being filled: others leave it alone. n, the next slot to fill, is the owner's only.
 *
 * Once set, PG_lru changes only under lru_lock; a page is on the list that its flags name (page_lru_list), so PG_active
 * and PG_swapbacked do not change while PG_lru is set, other than here. nr_lru counts lists only: drain before counting.
 * A page holds no reference for being on a list or in a slot: who drops the last one takes it off (free_page_last,
 * put_pages).
 *
 * Lock: zone->lru_lock, interrupts off: pages may be freed and rotated by completion handlers.
 */
#include "mm/phys/internal.h"

#define LRU_BATCH 15 /* with n: a cache line */
#define IN_SLOT 1UL

struct lru_batch {
	u32 n;                        /* owner: slots filled since it was drained by its owner */
	struct page *page[LRU_BATCH]; /* NULL -> page: owner; page -> NULL: lru_lock */
};
static DEFINE_PER_CPU(struct lru_batch, lru_batches[NR_ZONES]) __aligned(64);

/* => PG_lru set, lru_lock held: the page's slot, or NULL if it is on a list */
static inline struct page **lru_slot(const struct page *page)
{
	unsigned long next = (unsigned long)page->lru.next;

	return next & IN_SLOT ? (struct page **)(next - IN_SLOT) : NULL;
}

static void put_on_list(struct zone *z, struct page *page, bool tail)
{
	enum lru_list l = page_lru_list(page);

	ASSERT(!page_mlocked(page));
	if (tail)
		list_add_tail(&page->lru, &z->lru[l]);
	else
		list_add(&page->lru, &z->lru[l]);
	z->nr_lru[l]++;
}

void lru_add_locked(struct zone *z, struct page *page)
{
	ASSERT(!page_lru(page));
	put_on_list(z, page, false);
	set_page_lru(page);
}

void lru_del_locked(struct zone *z, struct page *page)
{
	struct page **slot = lru_slot(page);

	ASSERT(page_lru(page));
	if (slot) {
		ASSERT(*slot == page);
		WRITE_ONCE(*slot, NULL);
	} else {
		list_del(&page->lru);
		z->nr_lru[page_lru_list(page)]--;
	}
	clear_page_lru(page);
}

/* --- batches ---------------------------------------------------------------------------------------------------------- */
/* lru_lock held. Any CPU's batch. */
static void drain_locked(struct zone *z, struct lru_batch *b)
{
	for (unsigned i = 0; i < LRU_BATCH; i++) {
		struct page *page = READ_ONCE(b->page[i]);

		if (!page || unlikely(!page_lru(page)))
			continue;
		put_on_list(z, page, false);
		WRITE_ONCE(b->page[i], NULL);
	}
}

static noinline void drain_own(struct zone *z, struct lru_batch *b)
{
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	drain_locked(z, b);
	b->n = 0;
	spin_unlock_irqrestore(&z->lru_lock, flags);
}

void lru_drain(struct zone *z)
{
	unsigned long flags;

	spin_lock_irqsave(&z->lru_lock, flags);
	for_each_online_cpu(cpu)
		drain_locked(z, &per_cpu(lru_batches, cpu)[z - zones]);
	spin_unlock_irqrestore(&z->lru_lock, flags);
}

/* => preemption off: a slot of this CPU that is free, into which page has been put; PG_lru is still to be set */
static inline struct lru_batch *fill_slot(struct page *page)
{
	struct lru_batch *b = this_cpu_ptr(&lru_batches[page_zone_id(page)]);
	struct page **slot = &b->page[b->n];

	ASSERT(!page_lru(page) && !in_irq() && !*slot);
	page->lru.next = (struct list_head *)((unsigned long)slot + IN_SLOT);
	WRITE_ONCE(*slot, page);
	return b;
}

static inline void filled_slot(struct page *page, struct lru_batch *b)
{
	if (unlikely(++b->n == LRU_BATCH))
		drain_own(page_zone(page), b);
	preempt_enable();
}

void lru_add(struct page *page)
{
	struct lru_batch *b;

	preempt_disable();
	b = fill_slot(page);
	set_page_lru(page);
	filled_slot(page, b);
}

void lru_add_new(struct page *page, unsigned long flags)
{
	struct lru_batch *b;

	preempt_disable();
	b = fill_slot(page);
	barrier();
	WRITE_ONCE(page->flags, page->flags | flags | 1UL << PG_lru);
	filled_slot(page, b);
}

/* --- moves ------------------------------------------------------------------------------------------------------------ */
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
	if (page_lru(page)) {
		lru_del_locked(z, page);
		put_on_list(z, page, true);
		set_page_lru(page);
	}
	spin_unlock_irqrestore(&z->lru_lock, flags);
}
