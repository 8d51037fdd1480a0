/* SPDX-License-Identifier: MIT
 * unit: mm/phys/buddy.c mm/phys/zone.c mm/phys/lru.c mm/phys/slab.c mm/phys/slab_cache.c mm/phys/free.c mm/phys/page_check.c mm/phys/show.c mm/phys/slab_debug.c mm/phys/kmalloc.c
 *
 * Zones from memory maps with holes and reservations, buddy lists and the allocator against a model that knows the
 * owner of each frame; blocks opened only when needed; watermarks and reserves; draining.
 */
#include "tools/tests/unit/phys_shim.h"
#include "mm/phys/boot.c"
#include "mm/phys/alloc.c"
#include "mm/phys/pcp.c"
#include "mm/phys/lowmem.c"

#define LOW_BYTES (640UL << 20)
#define M(n) ((u64)(n) << 20)
#define R(from, to) { from, to, LOW_KERNEL }

/* Steps 1 to 3 of phys_init, anew. */
static void boot_with(const struct mem_range *ram, unsigned nr_ram, const struct mem_range *res, unsigned nr_res, u64 lowmem)
{
	static bool mapped;

	if (!mapped)
		map_low_memory(LOW_BYTES);
	mapped = true;
	memset(zones, 0, sizeof(zones));
	memset(lowmem_used, 0, sizeof(lowmem_used));
	memset(boot_pages, 0, sizeof(boot_pages));
	max_pfn.n = 0;
	for (int i = 0; i < NR_PCP; i++)
		pcp_of[i] = &pcp_none;
	boot.ram = ram, boot.nr_ram = nr_ram, boot.reserved = res, boot.nr_reserved = nr_res;
	lowmem_limit = lowmem;
	find_sizes();
	set_spans();
	place_mem_map();
	classify_blocks();
	fill_zones();
	lowmem_init();
	zones_set_up();
}
#define BOOT(ram, res, low) boot_with(ram, ARRAY_SIZE(ram), res, ARRAY_SIZE(res), low)

static const struct mem_range ram_1g[] = { R(0, 0x9fc00), R(M(1), M(1024)) };
static const struct mem_range res_1g[] = { R(M(1), M(1) + 0x3217f1), { M(32) + 0x123, M(40) + 5, LOW_MODULE } };

static unsigned long all_present(void) { return zones[0].present + zones[1].present + zones[2].present; }
static unsigned long all_managed(void) { return zones[0].managed + zones[1].managed + zones[2].managed; }

TEST(counts_add_up)
{
	unsigned long low_reserved = 0;

	BOOT(ram_1g, res_1g, M(512));
	CHECK(max_pfn.n == M(1024) >> 12 && max_low_pfn.n == M(512) >> 12);
	CHECK(all_present() == 0x9f + (M(1023) >> 12));
	for (int u = 0; u < NR_LOW_USERS; u++)
		low_reserved += lowmem_boot_pages(u);
	CHECK(all_managed() + low_reserved == all_present());
	CHECK(lowmem_boot_pages(LOW_MODULE) == (M(8) >> 12) + 1);
	CHECK(lowmem_boot_pages(LOW_KERNEL) == 1 + 0x322);
	CHECK(nr_free_pages() == all_managed());
	CHECK(!pfn_opened(pfn_at(0xa0000)) && pfn_opened(pfn_at(0x100000)) && !pfn_opened(pfn_at(M(100))) && !pfn_opened(max_pfn));
}

TEST(mem_map_of_a_hole_is_given_back)
{
	static const struct mem_range ram[] = { R(0, M(3072)), R(M(4096), M(16384)) };
	static const struct mem_range res[] = { R(0, M(4)) };

	BOOT(ram, res, M(640));
	CHECK(zones[ZONE_HIGHMEM].present == (M(15 * 1024) - M(640)) >> 12);
	/* 16 GB span at 32 bytes is 128 MB; the hole's gigabyte is 8 of it */
	CHECK(lowmem_boot_pages(LOW_MEMMAP) == ((M(128) - M(8)) >> 12) + 1);
	CHECK(!pfn_opened(pfn_at(M(3500))) && !pfn_opened(pfn_at(M(5000))));
	CHECK(zones[ZONE_HIGHMEM].unopened == zones[ZONE_HIGHMEM].managed / BLOCK_PAGES);
}

TEST(mem_map_must_fit)
{
	static const struct mem_range ram[] = { R(0, M(3072)), R(M(4096), M(33 * 1024)) };

	if (UNIT_CATCH_PANIC())
		BOOT(ram, res_1g, M(128));
	CHECK(unit_panicked());
	BOOT(ram, res_1g, M(512));
	CHECK(max_low_pfn.n == M(512) >> 12);
}

TEST(no_high_memory)
{
	static const struct mem_range ram[] = { R(0, 0x9f000), R(M(1), M(64) - 0x20000) };
	struct page *page;

	BOOT(ram, res_1g, M(896));
	CHECK(zones[ZONE_HIGHMEM].present == 0 && max_low_pfn.n == max_pfn.n);
	page = alloc_page(GFP_HIGHUSER);
	REQUIRE(page);
	CHECK(page_zone_id(page) == ZONE_NORMAL);
	free_page(page);
}

TEST(opened_as_needed)
{
	struct page *page[3];

	BOOT(ram_1g, res_1g, M(512));
	CHECK(zones[ZONE_HIGHMEM].unopened == 128);
	page[0] = alloc_page(GFP_HIGHUSER);
	CHECK(page[0] && page_zone_id(page[0]) == ZONE_HIGHMEM);
	CHECK(zones[ZONE_HIGHMEM].unopened == 127);
	page[1] = alloc_pages(GFP_HIGHUSER, 9);
	CHECK(page[1] && zones[ZONE_HIGHMEM].unopened == 127);
	page[2] = alloc_pages(GFP_HIGHUSER, 10);
	CHECK(page[2] && zones[ZONE_HIGHMEM].unopened == 126);
	free_page(page[0]);
	free_pages(page[1], 9);
	free_pages(page[2], 10);
	drain_all_pages();
	CHECK(zones[ZONE_HIGHMEM].area[MAX_ORDER].nr_free == 2);
	CHECK(nr_free_pages() == all_managed());
}

/* --- random allocation against a model ---------------------------------------------------------------------------- */
#define NR_HELD 20000
static struct { struct page *page; u8 order; } held[NR_HELD];
static u8 *owned; /* by frame */
static unsigned nr_held;

static bool is_reserved(unsigned long pfn)
{
	phys_t at = (phys_t)pfn << 12, mm = __pa(mem_map);

	if (!pfn || (at >= mm && at < mm + (phys_t)nr_blocks * BLOCK_PAGES * 32))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(res_1g); i++)
		if (res_1g[i].start < at + 4096 && res_1g[i].end > at)
			return true;
	return at >= 0x9f000 && at < M(1);
}

static bool take(gfp_t gfp, unsigned order)
{
	struct page *page = alloc_pages(gfp | __GFP_NOWARN, order);
	unsigned long pfn;

	if (!page)
		return false;
	pfn = page_to_pfn(page).n;
	CHECK(IS_ALIGNED(pfn, 1UL << order) && pfn + (1UL << order) <= max_pfn.n && atomic_read(&page->refcount) == 1);
	CHECK((gfp & __GFP_HIGHMEM) || !page_is_high(page));
	CHECK(!(gfp & __GFP_DMA) || page_zone_id(page) == ZONE_DMA);
	for (unsigned i = 0; i < 1U << order; i++) {
		CHECK(!owned[pfn + i] && !is_reserved(pfn + i) && pfn_opened((pfn_t){ pfn + i }));
		owned[pfn + i] = 1;
	}
	held[nr_held].page = page;
	held[nr_held++].order = order;
	return true;
}

static void give(unsigned i)
{
	unsigned long pfn = page_to_pfn(held[i].page).n;

	for (unsigned n = 0; n < 1U << held[i].order; n++)
		owned[pfn + n] = 0;
	free_pages(held[i].page, held[i].order);
	held[i] = held[--nr_held];
}

TEST(random_against_model)
{
	static const gfp_t kinds[] = { GFP_NOWAIT | __GFP_HIGHMEM, GFP_NOWAIT | __GFP_HIGHMEM, GFP_NOWAIT, GFP_ATOMIC, __GFP_DMA };
	unsigned long pages = 0;

	BOOT(ram_1g, res_1g, M(256));
	owned = calloc(max_pfn.n, 1);
	for (unsigned round = 0; round < 300000; round++) {
		unit_irq = unit_random() % 16 == 0;
		if (nr_held < NR_HELD && unit_random() % 100 < (round / 20000 % 2 ? 45 : 58))
			take(kinds[unit_random() % 5], unit_random() % 4 ? unit_random() % 8 == 0 : unit_random() % (MAX_ORDER + 1));
		else if (nr_held)
			give(unit_random() % nr_held);
	}
	unit_irq = false;
	for (unsigned i = 0; i < nr_held; i++)
		pages += 1UL << held[i].order;
	CHECK(nr_free_pages() + pages == all_managed());
	while (nr_held)
		give(0);
	drain_all_pages();
	CHECK(nr_free_pages() == all_managed() && zone_pcp_pages(&zones[ZONE_HIGHMEM]) == 0);
	CHECK(zones[ZONE_HIGHMEM].free == (zones[ZONE_HIGHMEM].area[MAX_ORDER].nr_free + zones[ZONE_HIGHMEM].unopened) * BLOCK_PAGES);
	CHECK(preempt_count == 0);
	free(owned);
}

/* --- who may take the last pages --------------------------------------------------------------------------------------- */
static unsigned long exhaust(gfp_t gfp, struct list_head *list)
{
	struct page *page;
	unsigned long n = 0;

	while ((page = alloc_page(gfp | __GFP_NOWARN)) != NULL) {
		list_add(&page->lru, list);
		n++;
	}
	return n;
}

TEST(reserves_are_kept)
{
	struct zone *dma = &zones[ZONE_DMA], *normal = &zones[ZONE_NORMAL], *high = &zones[ZONE_HIGHMEM];
	LIST_HEAD(list);
	struct page *page, *next;

	BOOT(ram_1g, res_1g, M(256));
	CHECK(normal->lowmem_reserve[ZONE_HIGHMEM] == high->managed / 32 && normal->lowmem_reserve[ZONE_NORMAL] == 0);
	CHECK(dma->lowmem_reserve[ZONE_HIGHMEM] == (normal->managed + high->managed) / 256);
	exhaust(GFP_NOWAIT | __GFP_HIGHMEM, &list);
	CHECK(high->free <= high->watermark[WMARK_MIN]);
	CHECK(normal->free >= normal->watermark[WMARK_MIN] + normal->lowmem_reserve[ZONE_HIGHMEM]);
	CHECK(dma->free >= dma->lowmem_reserve[ZONE_HIGHMEM]);
	exhaust(GFP_NOWAIT, &list);
	CHECK(normal->free >= normal->watermark[WMARK_MIN] && normal->free <= normal->watermark[WMARK_MIN] + 64);
	exhaust(GFP_ATOMIC, &list);
	CHECK(normal->free <= normal->watermark[WMARK_MIN] / 2 + 64 && normal->free >= normal->watermark[WMARK_MIN] / 2);
	exhaust(GFP_NOWAIT | __GFP_MEMALLOC, &list);
	CHECK(normal->free == 0 && dma->free == 0);
	list_for_each_entry_safe(page, next, &list, lru)
		free_page(page);
	drain_all_pages();
	CHECK(nr_free_pages() == all_managed());
}

TEST(scope_and_order)
{
	struct page *page, *big;

	BOOT(ram_1g, res_1g, M(256));
	CHECK(!alloc_pages(GFP_NOWAIT | __GFP_NOWARN, MAX_ORDER) == false);
	page = alloc_page(__GFP_ZERO);
	big = alloc_pages(__GFP_ZERO, 3);
	REQUIRE(page && big);
	for (unsigned i = 0; i < 8 * PAGE_SIZE; i++)
		CHECK(((u8 *)page_address(big))[i] == 0);
	the_task.gfp_mask = 0;
	CHECK(gfp_scope_begin(__GFP_FS) == 0 && the_task.gfp_mask == __GFP_FS);
	gfp_scope_end(0);
	free_page(page);
	free_pages(big, 3);
}

TEST(freed_twice_is_caught)
{
	struct page *page;

	BOOT(ram_1g, res_1g, M(256));
	page = alloc_page(GFP_NOWAIT);
	REQUIRE(page);
	free_page(page);
	if (UNIT_CATCH_PANIC())
		free_page(page);
	CHECK(unit_panicked());
	preempt_count = 0;
}

/* A lookup by an old pointer holds the first page while its new owner frees the block. */
TEST(freed_under_a_late_lookup)
{
	for (unsigned order = 0; order < 5; order++) {
		struct page *page;

		BOOT(ram_1g, res_1g, M(256));
		page = alloc_pages(GFP_NOWAIT, order);
		REQUIRE(page && try_get_page(page));
		free_pages(page, order);
		CHECK(nr_free_pages() == all_managed() - 1);
		put_page(page);
		drain_all_pages();
		CHECK(nr_free_pages() == all_managed());
	}
}

TEST(release_of_modules)
{
	unsigned long before;

	BOOT(ram_1g, res_1g, M(512));
	before = nr_free_pages();
	phys_release(M(32) + 0x123, M(40) + 5);
	CHECK(nr_free_pages() == before + (M(8) >> 12) - 1);
	CHECK(lowmem_boot_pages(LOW_MODULE) == 2); /* the edges, shared with who knows */
}

static unsigned long report_sum;
static void add_line(void *arg, const char *name, unsigned long pages, unsigned long objects, bool sub) { report_sum += sub ? 0 : pages; }

TEST(lowmem_adds_up)
{
	struct page *page;

	BOOT(ram_1g, res_1g, M(512));
	page = alloc_pages(GFP_NOWAIT, 5);
	REQUIRE(page);
	lowmem_account(LOW_STACK, page, 32);
	report_sum = 0;
	lowmem_report(add_line, NULL);
	CHECK(report_sum == lowmem_present());
	CHECK(lowmem_present() == (M(511) >> 12) + 0x9f);
}
