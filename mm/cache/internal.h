/* SPDX-License-Identifier: MIT
 *
 * What the files of mm/cache share among themselves.
 */
#ifndef MM_CACHE_INTERNAL_H
#define MM_CACHE_INTERNAL_H

#include "mm/cache/cache.h"

#define CACHE_BATCH 16 /* pages looked up at a time */

static inline bool swapbacked(const struct address_space *m) { return m->flags & MAPPING_SWAPBACKED; }

/* cache.c */
enum cache_stat { STAT_FILE, STAT_SHMEM, STAT_DEVICE, NR_CACHE_STATS };
DECLARE_PER_CPU(s32, cache_stat[NR_CACHE_STATS]);
static inline void count_page(const struct address_space *m, int n)
{
	this_cpu_add(cache_stat[STAT_FILE], n);
	if (swapbacked(m))
		this_cpu_add(cache_stat[STAT_SHMEM], n);
	else if (unlikely(m->flags & MAPPING_DEVICE))
		this_cpu_add(cache_stat[STAT_DEVICE], n);
}
void unmap_latecomers(struct address_space *m, pindex_t first, pindex_t last, bool even_cows); /* truncate.c */
void remove_values(struct address_space *m, pindex_t first, pindex_t last);

/* dirty.c */
void forget_dirty(struct page *page); /* page locked, on its way out */

/* blocks.c, device.c */
struct writeback;
int device_write_pages(struct address_space *m, struct page **pages, unsigned n, struct writeback *wb);
unsigned device_take_sectors(struct page *page); /* the mask of a page of a device, which is cleared */

#endif
