/* SPDX-License-Identifier: MIT
 *
 * What the files of mm/reclaim share among themselves (swap has its own: swap.h).
 */
#ifndef MM_RECLAIM_INTERNAL_H
#define MM_RECLAIM_INTERNAL_H

#include "kernel/sched/sched.h"
#include "mm/reclaim/reclaim.h"

#define SCAN_BATCH 32u       /* pages off a list at a time: bits of a word */
#define SCAN_PRIORITY 12     /* the first round looks at 1/4096 of each list, the last one at all of it */

/* One attempt to make room, of kswapd or of an allocation. */
struct scan {
	gfp_t gfp;
	int priority;
	bool background;         /* kswapd: may write pages of files */
	bool force;              /* MADV_PAGEOUT: whether they were used or not */
	unsigned long want, freed;
	unsigned long scanned;
	unsigned long writeback, dirty; /* pages met that only I/O can free: under way, not begun */
};

/* scan.c */
unsigned shrink_batch(struct zone *z, struct page **pages, unsigned n, struct scan *s, unsigned *activated);
/* lists.c */
void shrink_zone(struct zone *z, struct scan *s);
bool zone_hopeless(const struct zone *z);
/* kswapd.c */
unsigned long direct_reclaim(struct zone *zone, gfp_t gfp, unsigned order, unsigned long pages);
void wake_kswapd(struct zone *z);
void kswapd_init(void);
/* oom.c, oom_kill.c ... */
bool oom(struct zone *zone, gfp_t gfp, unsigned order);
void oom_init(void);

#endif
