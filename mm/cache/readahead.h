/* SPDX-License-Identifier: MIT
 *
 * Read-ahead, for those who read files. All sleep (for memory, not for the disk); errors are left to whoever needs the
 * page: it finds it not uptodate.
 */
#ifndef MM_CACHE_READAHEAD_H
#define MM_CACHE_READAHEAD_H

#include "drivers/block/block.h"
#include "mm/cache/cache.h"

#define RA_DEFAULT 64  /* pages: a window grows up to this */
#define RA_MAX 512     /* twice RA_DEFAULT by POSIX_FADV_SEQUENTIAL; requests larger than this are cut */

/* A reader of f needs `want` pages from index on, and the first of them is not cached. */
void read_ahead_miss(struct address_space *m, struct file *f, pindex_t index, unsigned want);
/* It has come to a page with PG_readahead. */
void read_ahead_marker(struct address_space *m, struct file *f, struct page *page, unsigned want);
enum ra_advice { RA_NORMAL, RA_SEQUENTIAL, RA_RANDOM };
/* A fault needs the page at index, which is not cached. */
void read_ahead_fault(struct address_space *m, struct file *f, pindex_t index, enum ra_advice advice);
/* readahead(2), POSIX_FADV_WILLNEED, MADV_WILLNEED: pages [start, last]. => how many were missing */
unsigned read_ahead_range(struct address_space *m, struct file *f, pindex_t start, pindex_t last);

#endif
