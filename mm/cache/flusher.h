/* SPDX-License-Identifier: MIT
 *
 * struct flusher: what mm/cache's files of write-back know of a disk. Others: writeback.h.
 */
#ifndef MM_CACHE_FLUSHER_H
#define MM_CACHE_FLUSHER_H

#include "kernel/sync/wait.h"
#include "mm/cache/writeback.h"

struct flusher {
	spinlock_t lock;
	struct list_head dirty;      /* lock: mappings, the one that became dirty first at the head */
	struct list_head io;         /* lock: those that the pass under way has still to come to */
	atomic_t nr_dirty, nr_writeback; /* pages */
	struct mutex pass;           /* one pass over the lists at a time */
	struct address_space *held;  /* pass: what it is at just now, by ... */
	struct task *holder;
	struct wait_queue released;  /* for the next `held` */
	struct wait_queue wait;      /* the thread sleeps here */
	bool kicked;                 /* ... unless there is something to do at once */
	struct wait_queue throttled; /* writers */
	atomic_t written;            /* pages since rate_since */
	u32 rate;                    /* pages a second, lately; rate_lock */
	u64 rate_since;              /* rate_lock */
	spinlock_t rate_lock;
	struct disk *disk;
	struct list_head node;       /* flushers; added for good */
};
extern struct list_head flushers; /* of struct flusher; only ever grows: read under RCU's rules */

void flusher_wrote(struct flusher *f, unsigned pages); /* so many have been written. No spinlock that wakers need */
void flusher_kick(struct flusher *f);
bool over_background(void);

/* The clock of `dirtied`: 2^20 ns, never 0. */
static inline u32 ticks_of_centisecs(unsigned cs) { return (u32)((u64)cs * 10000000 >> 20); }

#endif
