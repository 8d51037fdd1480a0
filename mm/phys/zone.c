/* SPDX-License-Identifier: MIT
 *
 * Zones: how much each must keep back, and for whom; the counters that /proc prints.
 *
 *   free pages ^
 *              |   high   background reclaim stops here
 *              |   low    background reclaim is woken below this
 *              |   min    ordinary allocations reclaim by themselves below this; __GFP_HIGH goes on to half of it
 *              |   0      __GFP_MEMALLOC, which frees more than it takes, may use the rest
 *
 * All marks of a zone are raised by lowmem_reserve[highest zone that the request could have used]: what may be
 * high must leave a part of low memory to those who cannot. reserve = pages of the zones between, divided by the ratio
 * of this zone (256 DMA, 32 Normal: Linux's, of February 2005). At 32 GB that is more than all of low memory, so that
 * user pages never fall back to it.
 */
#include "kernel/lib/div64.h"
#include "mm/phys/internal.h"

struct zone zones[NR_ZONES];
unsigned long totalram_pages, totalhigh_pages;
u32 min_free_kbytes;
u8 gfp_zone_table[4];
DEFINE_PER_CPU(unsigned long, vm_events[NR_VM_EVENTS]);

static const u16 reserve_ratio[NR_ZONES] = { 256, 32, 1 };

const char *const vm_event_names[NR_VM_EVENTS] = {
	"pgalloc_dma", "pgalloc_normal", "pgalloc_high", "pgfree", "pgactivate", "pgdeactivate", "pgfault", "pgmajfault",
	"pgpgin", "pgpgout", "pswpin", "pswpout", "pgsteal_kswapd", "pgsteal_direct", "pgscan_kswapd", "pgscan_direct", "pgscan_anon", "pgscan_file",
	"pgsteal_anon", "pgsteal_file", "pgrefill", "pgrotated", "slabs_scanned", "allocstall_dma", "allocstall_normal", "allocstall_high",
	"pageoutrun", "reclaim_wait", "oom_kill", "oom_reap", "drop_pagecache", "drop_slab", "unevictable_pgs_mlocked", "unevictable_pgs_munlocked",
	"kmap_flush", "zone_open", "bounce", "blk_retry", "blk_error",
	"nonlinear_placed", "truncate_raced", "truncate_orphaned",
};

static u32 square_root(u32 n)
{
	u32 r = 0;

	for (u32 bit = 1U << 15; bit; bit >>= 1)
		if ((r + bit) * (r + bit) <= n)
			r += bit;
	return r;
}

static void set_reserves(void)
{
	for (int i = 0; i < NR_ZONES; i++) {
		unsigned long above = 0;

		for (int j = 0; j < NR_ZONES; j++) {
			if (j > i)
				above += zones[j].managed;
			zones[i].lowmem_reserve[j] = j > i ? above / reserve_ratio[i] : 0;
		}
	}
}

static void set_watermarks(void)
{
	unsigned long min_pages = min_free_kbytes >> (PAGE_SHIFT - 10);
	unsigned long low_pages = totalram_pages - totalhigh_pages;

	for (int i = 0; i < NR_ZONES; i++) {
		struct zone *z = &zones[i];
		unsigned long mark, step;

		if (i == ZONE_HIGHMEM)
			mark = z->managed ? clamp(z->managed / 1024, 32UL, 128UL) : 0;
		else
			mark = div_u64((u64)min_pages * z->managed, max(low_pages, 1UL));
		step = max(mark / 4, z->managed / 1000);
		z->watermark[WMARK_MIN] = mark;
		z->watermark[WMARK_LOW] = mark + step;
		z->watermark[WMARK_HIGH] = mark + 2 * step;
	}
}

void set_min_free_kbytes(u32 kb)
{
	min_free_kbytes = kb;
	set_watermarks();
}

/* The square root of 16 times low memory, as on Linux: 4 MB at 896. */
void __init zones_set_up(void)
{
	unsigned long low_kb = (totalram_pages - totalhigh_pages) << (PAGE_SHIFT - 10);
	enum zone_id normal = zones[ZONE_NORMAL].present ? ZONE_NORMAL : ZONE_DMA;

	/* Of high memory a CPU keeps what a thread frees and takes again in one go (4 MB): pages that come back by way of the
	 * buddy lists are another CPU's, struct page and contents in its caches. Low memory is too dear for that. */
	for (int i = 0; i < NR_ZONES; i++)
		zones[i].pcp_high = i == ZONE_HIGHMEM ? clamp(zones[i].managed / 1024, 16UL, 1024UL) : clamp(zones[i].managed / 2048, 16UL, 512UL);
	gfp_zone_table[0] = normal;
	gfp_zone_table[__GFP_DMA] = gfp_zone_table[__GFP_DMA | __GFP_HIGHMEM] = ZONE_DMA;
	gfp_zone_table[__GFP_HIGHMEM] = zones[ZONE_HIGHMEM].present ? ZONE_HIGHMEM : normal;
	set_reserves();
	set_min_free_kbytes(clamp(square_root(low_kb * 16), 128U, 262144U));
}

bool zone_watermark_ok(const struct zone *z, unsigned order, unsigned long mark, enum zone_id highest)
{
	unsigned long need = mark + z->lowmem_reserve[highest] + (1UL << order);

	if (READ_ONCE(z->free) < need)
		return false;
	if (!order || z->unopened)
		return true;
	for (unsigned o = order; o <= MAX_ORDER; o++)
		if (z->area[o].nr_free)
			return true;
	return false;
}

unsigned long zone_pcp_pages(const struct zone *z)
{
	unsigned long n = 0;

	for_each_online_cpu(cpu)
		for (int order = 0; order < PCP_ORDERS; order++)
			n += per_cpu(pcp_of, cpu)[z - zones + NR_ZONES * order]->count << order;
	return n;
}

unsigned long zone_free_pages(const struct zone *z) { return READ_ONCE(z->free) + zone_pcp_pages(z); }
unsigned long nr_free_low(void) { return zone_free_pages(&zones[ZONE_DMA]) + zone_free_pages(&zones[ZONE_NORMAL]); }
unsigned long nr_free_pages(void) { return nr_free_low() + zone_free_pages(&zones[ZONE_HIGHMEM]); }

unsigned long vm_event(enum vm_event e)
{
	unsigned long sum = 0;

	for_each_online_cpu(cpu)
		sum += per_cpu(vm_events, cpu)[e];
	return sum;
}

unsigned long nr_mlocked_anon(void) { return zones[ZONE_DMA].nr_mlock[1] + zones[ZONE_NORMAL].nr_mlock[1] + zones[ZONE_HIGHMEM].nr_mlock[1]; }
unsigned long nr_mlocked_pages(void)
{
	return nr_mlocked_anon() + zones[ZONE_DMA].nr_mlock[0] + zones[ZONE_NORMAL].nr_mlock[0] + zones[ZONE_HIGHMEM].nr_mlock[0];
}
unsigned long zone_lru_pages(struct zone *z, enum lru_list l)
{
	lru_drain(z);
	return READ_ONCE(z->nr_lru[l]);
}

unsigned long nr_lru_pages(enum lru_list l)
{
	return zone_lru_pages(&zones[ZONE_DMA], l) + zone_lru_pages(&zones[ZONE_NORMAL], l) + zone_lru_pages(&zones[ZONE_HIGHMEM], l);
}
