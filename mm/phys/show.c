/* SPDX-License-Identifier: MIT
 *
 * Memory, to the log: when an allocation fails, and for the debug key. Any context, locks permitting.
 */
#include "kernel/lib/printk.h"
#include "mm/phys/internal.h"

static void show_zone(struct zone *z)
{
	unsigned long nr[MAX_ORDER + 1];

	pr_info("%s: free %lu kB (min %lu low %lu high %lu, reserve %lu), managed %lu kB, anon %lu+%lu kB, file %lu+%lu kB\n", z->name,
		kB(zone_free_pages(z)), kB(z->watermark[WMARK_MIN]), kB(z->watermark[WMARK_LOW]), kB(z->watermark[WMARK_HIGH]),
		kB(z->lowmem_reserve[ZONE_HIGHMEM]), kB(z->managed), kB(z->nr_lru[LRU_ACTIVE_ANON]), kB(z->nr_lru[LRU_INACTIVE_ANON]),
		kB(z->nr_lru[LRU_ACTIVE_FILE]), kB(z->nr_lru[LRU_INACTIVE_FILE]));
	zone_free_blocks(z, nr);
	pr_info("%s: blocks", z->name);
	for (int o = 0; o <= MAX_ORDER; o++)
		pr_cont(" %lu*%lukB", nr[o], kB(1UL << o));
	pr_cont("\n");
}

static void show_consumer(void *arg, const char *name, unsigned long pages, unsigned long objects, bool sub)
{
	if (pages >= 16 && !sub)
		pr_info("low memory: %s %lu kB\n", name, kB(pages));
}

void show_mem(void)
{
	for (int i = 0; i < NR_ZONES; i++)
		if (zones[i].present)
			show_zone(&zones[i]);
	if (preemptible()) /* counting slabs sleeps */
		lowmem_report(show_consumer, NULL);
}
