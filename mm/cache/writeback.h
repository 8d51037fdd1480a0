/* SPDX-License-Identifier: MIT
 *
 * Write-back: dirty pages and inodes on their way to the disk.
 *
 * A flusher is a disk's: its dirty mappings in the order in which they became so, a thread that writes them, and the
 * writers that wait because there is too much. A backing says to which flusher, device and block size a file's pages
 * belong: one for each mounted file system, one for each block device file.
 *
 * Locks: page lock > tree_lock > flusher->lock (leaves; mark_page_dirty takes them under a PTL).
 */
#ifndef MM_CACHE_WRITEBACK_H
#define MM_CACHE_WRITEBACK_H

#include "drivers/block/block.h"
#include "mm/cache/cache.h"
#include <limits.h>

struct flusher;
struct backing {
	struct flusher *flusher;
	struct block_device *dev;
	u8 block_bits;          /* 9 to PAGE_SHIFT: of map_blocks */
	atomic_t errors;        /* writes that failed */
};
/* => 0 or -ENOMEM: the first use of a disk starts its thread */
int backing_init(struct backing *b, struct block_device *dev, unsigned block_bits);

/* One pass over (part of) a mapping. */
struct writeback {
	bool sync;              /* somebody waits for the data: pages under write-back that are dirty again are waited for */
	pindex_t first, last;
	long left;              /* pages it may still start; all: LONG_MAX */
	unsigned long written;  /* out */
	int err;                /* out: the first */
};

/* --- one file ------------------------------------------------------------------------------------------------------
 * Bytes [first, last], last inclusive. All sleep. => 0 or -errno */
int write_range(struct address_space *m, loff_t first, loff_t last, bool sync); /* starts */
void wait_range(struct address_space *m, loff_t first, loff_t last);
/* => also -EIO if a write of this backing failed meanwhile: for metadata. fsync asks wb_err (errseq.h) instead. */
int write_and_wait_range(struct address_space *m, loff_t first, loff_t last);
long write_mapping(struct address_space *m, struct writeback *wb);              /* => pages started */
int write_one_page(struct page *page); /* reclaim: locked, dirty: starts its write-out, unlocks. NOIO scope: the caller's */

/* --- all of them ---------------------------------------------------------------------------------------------------- */
void mapping_dirtied(struct address_space *m);  /* its pages or its inode: puts it on its flusher's list. Spinlocks may be held */
void mapping_forget(struct address_space *m);   /* its inode goes: off the list */
/* Everything that is dirty now on this flusher (of this backing, or of all: NULL), data and inodes; waits for it. */
int flusher_sync(struct flusher *f, struct backing *only, bool wait);
bool flusher_holds(const struct address_space *m); /* somebody else's pass is at it, or about to be: it has, or comes for, a hold */
void wait_for_flusher(struct address_space *m);    /* to be done with it. The caller has a reference */
void for_each_flusher(void (*fn)(struct flusher *f, void *arg), void *arg);
void wake_flushers(unsigned long pages);        /* memory is short: start write-out of about so many pages */

/* --- one page, for write_pages -------------------------------------------------------------------------------------- */
bool clear_page_dirty_for_io(struct page *page); /* page locked; write-protects its mappings. false: it was not dirty */
void redirty_page(struct page *page);            /* page locked, cleared before: not written after all */
void start_page_writeback(struct page *page);    /* page locked */
void finish_page_writeback(struct page *page, int err); /* thread context; err goes to mapping->wb_err */

/* --- writers wait ---------------------------------------------------------------------------------------------------- */
/* A writer to this disk has dirtied some pages (looked at every 32 or so): sleeps while its disk has more than its share. Neither
 * page locks nor an mmap lock are held. balance_dirty_some: for few; looks once in a while. */
void balance_dirty(struct flusher *f);
void balance_dirty_some(struct flusher *f, unsigned pages);
unsigned long dirty_threshold(unsigned long *background); /* in pages */
extern int sysctl_dirty_ratio, sysctl_dirty_background_ratio;       /* percent of dirtyable memory */
extern unsigned long sysctl_dirty_bytes, sysctl_dirty_background_bytes; /* instead, if not 0 */
extern unsigned sysctl_dirty_expire_centisecs, sysctl_dirty_writeback_centisecs;
void set_writeback_interval(unsigned centisecs); /* at once: not only when the old one has passed */

#endif
