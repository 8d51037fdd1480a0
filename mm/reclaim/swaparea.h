/* SPDX-License-Identifier: MIT
 *
 * Swap areas among their own files. What others may use is in swap.h.
 *
 * Locks:  swap_lock (which areas there are, whose turn it is) > cluster->lock > area->lock (lists of clusters).
 * All are short spinlocks with interrupts on; the first is never taken under a PTL but by swap_add_page, which holds none.
 *
 * Keys: a atomic | c cluster->lock | l area->lock | s swap_lock | f fixed while the area is on
 */
#ifndef MM_RECLAIM_SWAPAREA_H
#define MM_RECLAIM_SWAPAREA_H

#include "drivers/block/block.h"
#include "kernel/sync/wait.h"
#include "mm/reclaim/swap.h"

/* --- entries ----------------------------------------------------------------------------------------------------------- */
#define SWAP_TYPES 32
#define SWAP_MAX_SLOTS (1U << 25) /* 128 GB: what a tmpfs tree has room for, two bits of its word being taken */

/* --- slots ---------------------------------------------------------------------------------------------------------------
 * 8 bytes for 4 KB of disk (0.2 %), in pages from high memory, got at swapon. The count is 16 bits wide: each address space
 * holds an entry once at most, and costs 16 KB of low memory and more, of which there are 896 MB. Should it ever get there
 * it stays there: such a slot is in use until swapoff. */
struct swap_slot {
	u32 frame;              /* c: the page in the swap cache (0: none), and SLOT_* */
	u16 count;              /* c: PTEs and tmpfs trees that hold the entry */
	u16 audit;              /* the oracle's own count */
};
#define SLOT_FRAME 0x0fffffffu
#define SLOT_BAD 0x80000000u    /* not to be used: the header says so, or it is the header */
#define SLOT_ERROR 0x40000000u  /* could not be read: becomes bad when it is free */
#define SLOT_STUCK 0xffffu
PAGE_IS_ONE_MMU_PAGE("a slot holds a page");
static inline bool slot_has_page(const struct swap_slot *s) { return s->frame & SLOT_FRAME; }
static inline struct page *slot_page(const struct swap_slot *s) { return pfn_to_page((pfn_t){ s->frame & SLOT_FRAME }); }

/* A cluster is what one frame of slots describes: 512 slots, 2 MB of disk. A CPU that allocates has one to itself, so that
 * the pages it writes one after the other lie side by side. */
#define CLUSTER_SHIFT 9
#define CLUSTER (1U << CLUSTER_SHIFT)
static_assert(CLUSTER * sizeof(struct swap_slot) == PAGE_SIZE, "a frame of slots is a cluster");
enum cluster_state { CLUSTER_FREE, CLUSTER_PART, CLUSTER_FULL /* on no list */, CLUSTER_HELD /* by a CPU, on no list */ };
struct swap_cluster {
	spinlock_t lock;
	u16 used;               /* c: slots that are not free, bad ones included */
	u16 next;               /* c: where the search goes on */
	u8 state;               /* l */
	struct page *map;       /* f: the slots */
	struct list_head node;  /* l */
};

struct swap_area {
	struct block_device *dev;  /* f */
	struct file *file;         /* f: keeps the device's file; name: as /proc/swaps shows it */
	char *name;                /* f */
	u32 type;                  /* f */
	int prio;                  /* s */
	bool active;               /* s: slots may be given out */
	u32 nr_slots;              /* f: the header's included */
	u32 usable;                /* f: without header and bad ones */
	u32 nr_clusters;           /* f */
	struct swap_cluster *clusters;
	spinlock_t lock;
	struct list_head free, part;   /* l */
	u32 search;                /* where the slow search goes on; a hint */
	atomic_t nr_free;          /* a */
	atomic_t lost;             /* a: slots that turned bad */
	atomic_t pins;             /* a: who looks at entries that nothing may hold any more */
	struct wait_queue wait;    /* swapoff, for pins */
	u32 ra_last, ra_window;    /* read-ahead: hints, no lock */
	atomic_t ra_hits;
	struct swap_cluster *held[MAX_CPUS]; /* by its CPU, preemption off */
};
static inline u32 area_used(const struct swap_area *a) { return a->usable - atomic_read(&a->nr_free) - atomic_read(&a->lost); }

extern struct swap_area *swap_areas[SWAP_TYPES]; /* s, RCU */
extern spinlock_t swap_lock;
/* => the entry is held by something that stays: a PTE under its PTL, a tree under its lock, a locked page in the swap cache, or a pin */
static inline struct swap_area *swap_area_of(swap_entry_t entry) { return swap_areas[swap_type(entry)]; }

/* --- swapslots.c ----------------------------------------------------------------------------------------------------------- */
int swap_slots_init(struct swap_area *a);                /* clusters and slots, all free but the header; -ENOMEM */
void swap_slots_free(struct swap_area *a);
void swap_slots_bad(struct swap_area *a, u32 offset);    /* before the area is on */
void swap_slots_ready(struct swap_area *a);              /* sorts the clusters into their lists */
u32 swap_slot_alloc(struct swap_area *a, pfn_t pfn);     /* => offset; 0: none free. Count 0. Preemption off */
/* The slot and its cluster, locked and mapped, and back. */
struct swap_slot *swap_slot_lock(struct swap_area *a, u32 offset);
void swap_slot_unlock(struct swap_area *a, u32 offset, struct swap_slot *s);
void swap_slot_release(struct swap_area *a, u32 offset, struct swap_slot *s); /* locked; no frame, count 0: free, or bad */
struct swap_slot swap_slot_read(struct swap_area *a, u32 offset); /* without the lock: a hint */

/* --- swapheader.c ------------------------------------------------------------------------------------------------------------ */
struct swap_header { u32 last, nr_bad; const u32 *bad; };
/* page: the first of the area, which has room for `pages`. => 0, or -EINVAL and why */
int swap_header_parse(const void *page, u32 pages, struct swap_header *h, const char **why);

/* --- swapcache.c --------------------------------------------------------------------------------------------------------------- */
/* page: new, locked, with the caller's reference. Enters the swap cache for an entry in use that has no page yet.
 * => 0; -EEXIST: there is one; -ENOENT: the entry is in use no more */
int swap_cache_enter(struct page *page, swap_entry_t entry);
void swap_cache_leave(struct page *page);                /* locked and frozen: leaves; the caller's is the only reference */
bool swap_leave_file(struct page *page);                 /* swapshm.c: a clean tmpfs page makes room for its entry */

#endif
