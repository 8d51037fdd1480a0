/* SPDX-License-Identifier: MIT
 * unit: mm/phys/zone.c mm/phys/alloc.c mm/phys/pcp.c mm/phys/boot.c mm/phys/lowmem.c mm/phys/slab.c mm/phys/slab_cache.c mm/phys/free.c mm/phys/page_check.c mm/phys/show.c mm/phys/slab_debug.c mm/phys/kmalloc.c mm/phys/buddy.c
 *
 * LRU lists and the batches before them, with a bare zone and a few struct pages: a page leaves from a slot as it
 * leaves from a list, whoever drains; counts are those of the lists.
 */
#include "tools/tests/unit/phys_shim.h"
#include "mm/phys/lru.c"

static struct zone *z = &zones[ZONE_HIGHMEM];
static struct page pages[40];

static void fresh(void)
{
	memset(zones, 0, sizeof(zones));
	memset(lru_batches, 0, sizeof(lru_batches));
	for (int l = 0; l < NR_LRU; l++)
		list_init(&z->lru[l]);
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++)
		page_init(&pages[i], ZONE_HIGHMEM, 0);
}

static unsigned in_slots(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LRU_BATCH; i++)
		n += lru_batches[ZONE_HIGHMEM].page[i] != NULL;
	return n;
}

static unsigned on_list(enum lru_list l)
{
	struct list_head *e;
	unsigned n = 0;

	list_for_each(e, &z->lru[l])
		n++;
	CHECK(n == z->nr_lru[l]);
	return n;
}

TEST(a_full_batch_goes_onto_the_lists_in_order)
{
	fresh();
	for (unsigned i = 0; i < LRU_BATCH; i++) {
		CHECK(in_slots() == i && z->nr_lru[LRU_INACTIVE_ANON] == 0);
		lru_add_new(&pages[i], 1UL << PG_swapbacked | 1UL << PG_uptodate);
		CHECK(page_lru(&pages[i]) && page_swapbacked(&pages[i]) && page_uptodate(&pages[i]));
	}
	CHECK(in_slots() == 0 && on_list(LRU_INACTIVE_ANON) == LRU_BATCH);
	CHECK(list_first_entry(&z->lru[LRU_INACTIVE_ANON], struct page, lru) == &pages[LRU_BATCH - 1]);
	CHECK(list_last_entry(&z->lru[LRU_INACTIVE_ANON], struct page, lru) == &pages[0]);
	CHECK(preempt_count == 0);
}

TEST(a_page_leaves_its_slot)
{
	fresh();
	for (unsigned i = 0; i < 4; i++)
		lru_add(&pages[i]);
	CHECK(lru_isolate(&pages[1]) && !page_lru(&pages[1]) && !lru_isolate(&pages[1]) && in_slots() == 3);
	lru_add(&pages[1]); /* and comes back: another slot */
	CHECK(in_slots() == 4);
	CHECK(zone_lru_pages(z, LRU_INACTIVE_FILE) == 4 && in_slots() == 0);
	CHECK(lru_isolate(&pages[1]) && on_list(LRU_INACTIVE_FILE) == 3);
}

TEST(drained_by_another_the_batch_goes_on)
{
	fresh();
	for (unsigned i = 0; i < 2 * LRU_BATCH; i++) {
		lru_add(&pages[i]);
		if (i % 4 == 3)
			lru_drain(z);
	}
	CHECK(nr_lru_pages(LRU_INACTIVE_FILE) == 2 * LRU_BATCH && on_list(LRU_INACTIVE_FILE) == 2 * LRU_BATCH);
}

TEST(a_slot_that_is_being_filled_is_left_alone)
{
	struct lru_batch *b;

	fresh();
	preempt_disable();
	b = fill_slot(&pages[0]);
	lru_drain(z);
	CHECK(in_slots() == 1 && on_list(LRU_INACTIVE_FILE) == 0 && !lru_isolate(&pages[0]));
	set_page_lru(&pages[0]);
	filled_slot(&pages[0], b);
	lru_drain(z);
	CHECK(in_slots() == 0 && on_list(LRU_INACTIVE_FILE) == 1);
}

TEST(moves_work_from_a_slot)
{
	fresh();
	for (unsigned i = 0; i < 3; i++)
		lru_add(&pages[i]);
	lru_activate(&pages[0]);
	CHECK(in_slots() == 2 && on_list(LRU_ACTIVE_FILE) == 1);
	lru_rotate(&pages[1]);
	lru_drain(z);
	CHECK(on_list(LRU_INACTIVE_FILE) == 2 && list_last_entry(&z->lru[LRU_INACTIVE_FILE], struct page, lru) == &pages[1]);
	lru_deactivate(&pages[0]);
	CHECK(on_list(LRU_INACTIVE_FILE) == 3 && on_list(LRU_ACTIVE_FILE) == 0);
	lru_add_active(&pages[3]);
	lru_deactivate(&pages[3]); /* still in a slot */
	CHECK(!page_active(&pages[3]) && zone_lru_pages(z, LRU_INACTIVE_FILE) == 4 && on_list(LRU_ACTIVE_FILE) == 0);
}
