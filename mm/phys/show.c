/* SPDX-License-Identifier: MIT
 *
 * Memory, to the log: when an allocation fails, and for the debug key. Any context, locks permitting.
 */
#include "kernel/lib/printk.h"
#include "mm/phys/internal.h"

#define K(pages) ((pages) << (PAGE_SHIFT - 10))
static void show_zone(struct zone *z)
{
	unsigned long nr[MAX_ORDER + 1];

	pr_info("%s: free %lu kB (min %lu low %lu high %lu, reserve %lu), managed %lu kB, anon %lu+%lu kB, file %lu+%lu kB\n", z->name,
		K(zone_free_pages(z)), K(z->watermark[WMARK_MIN]), K(z->watermark[WMARK_LOW]), K(z->watermark[WMARK_HIGH]),
		K(z->lowmem_reserve[ZONE_HIGHMEM]), K(z->managed), K(z->nr_lru[LRU_ACTIVE_ANON]), K(z->nr_lru[LRU_INACTIVE_ANON]),
		K(z->nr_lru[LRU_ACTIVE_FILE]), K(z->nr_lru[LRU_INACTIVE_FILE]));
	zone_free_blocks(z, nr);
	pr_info("%s: blocks", z->name);
	for (int o = 0; o <= MAX_ORDER; o++)
		pr_cont(" %lu*%lukB", nr[o], K(1UL << o));
	pr_cont("\n");
}

static void show_consumer(void *arg, const char *name, unsigned long pages, unsigned long objects, bool sub)
{
	if (pages >= 16 && !sub)
		pr_info("low memory: %s %lu kB\n", name, K(pages));
}

void show_mem(void)
{
	for (int i = 0; i < NR_ZONES; i++)
		if (zones[i].present)
			show_zone(&zones[i]);
	lowmem_report(show_consumer, NULL);
}
