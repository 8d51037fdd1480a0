/* SPDX-License-Identifier: MIT
 *
 * mm/reclaim, all that others may use beside swap.h: which frames can be had back, and what happens when none can.
 */
#ifndef MM_RECLAIM_RECLAIM_H
#define MM_RECLAIM_RECLAIM_H

#include "mm/phys/phys.h"

struct address_space;
struct task;
struct mm;

void reclaim_init(void);              /* the hooks of the allocator, kswapd, the reaper; threads can be made */

extern u32 sysctl_swappiness;         /* 0 to 200: how much rather anonymous pages than those of files; 100: alike */

/* pages[0..n), n <= 32, of one zone, on no list, each with a reference that this eats, and one that stays: given back to disk or swap
 * and freed as far as that can be; what cannot be goes back to its list. => how many were freed or are being written. Sleeps */
unsigned long reclaim_pages(struct page **pages, unsigned n);

unsigned long zone_reclaimable(const struct zone *z); /* pages of it that scanning could bring */

/* --- out of memory (oom.c) ------------------------------------------------------------------------------------------ */
/* A page fault found no memory, after all that the allocator tries. => true: look again (something was freed, or is dying; or current
 * is to die itself: its signal waits); false: nobody can be killed */
bool oom_page_fault(void);
unsigned oom_score(struct task *t);   /* /proc/PID/oom_score: 0 to 2000 */

/* What this room asks of those to its right; set at boot. */
struct reclaim_ops {
	unsigned long (*files_bytes)(struct task *t);    /* its descriptor table */
	u32 (*task_uid)(struct task *t);
	/* tmpfs: this file's tree holds a swap entry now (no sleep); and the next such file after prev, each with a reference to its
	 * inode, which goes with the next call */
	void (*file_swapped)(struct address_space *m);
	struct address_space *(*next_swapped)(struct address_space *prev);
	void (*kill)(struct task *t);                    /* SIGKILL to its process. tasklist_lock may be held for reading */
};
extern const struct reclaim_ops *reclaim_ops;

#endif
