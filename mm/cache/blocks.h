/* SPDX-License-Identifier: MIT
 *
 * Files whose pages lie in blocks of a device: the page cache's operations over ops->map_blocks.
 *
 * A page is uptodate as a whole, and dirty as a whole: no structure describes its blocks. A dirty page's mapped blocks
 * are written, a hole of zeroes stays one, another hole is allocated then (a file whose end has grown under a writable
 * mapping). What lies behind the file's end is zeroed before it is written. page->private counts the pieces of a page
 * that are under way, in its upper half.
 *
 * Pages of a device itself may hold blocks of files, cached elsewhere and newer, beside metadata. So they are dirty by
 * sector: the low byte of page->private is the mask, and only those sectors are written.
 */
#ifndef MM_CACHE_BLOCKS_H
#define MM_CACHE_BLOCKS_H

#include "mm/cache/writeback.h"

/* For a table of mapping_ops with map_blocks. */
int blocks_read_page(struct file *file, struct page *page);
void blocks_read_pages(struct file *file, struct address_space *m, struct page **pages, unsigned n);
int blocks_write_pages(struct address_space *m, struct page **pages, unsigned n, struct writeback *wb);
int blocks_write_begin(struct file *file, struct address_space *m, loff_t pos, unsigned len, struct page **page);
/* The first half of write_end: allocates, marks dirty. => bytes that count, or -errno. The page stays locked; then the
 * caller moves the size, unlocks and puts (kernel/fs: block_write_end does all that). */
int blocks_write_end(struct address_space *m, loff_t pos, unsigned len, unsigned copied, struct page *page);
int blocks_page_mkwrite(struct file *file, struct page *page);
/* O_DIRECT: bytes of the pages, side by side, at pos; all in multiples of the device's 512 bytes. Holes read as zeroes;
 * a write allocates behind the file's end. The cache was written out and dropped by the caller.
 * => bytes done (fewer: it came to what follows), or -errno; -ENOTBLK: a hole within the file. Sleeps. */
struct block_vec { struct page *page; u16 offset, bytes; };
ssize_t blocks_direct(struct address_space *m, enum bio_op op, loff_t pos, struct block_vec *vec, unsigned n);

/* --- the pages of a device ------------------------------------------------------------------------------------------- */
extern const struct mapping_ops device_mapping_ops;
/* Bytes of an uptodate page (of a device) were changed. The caller has a reference; spinlocks may be held. */
void mark_sectors_dirty(struct page *page, unsigned offset, unsigned bytes);
/* These bytes of the device mean nothing any more (a metadata block was freed): they will not be written. Waits for a
 * write-out under way. Sleeps. */
void forget_sectors(struct address_space *m, loff_t pos, unsigned bytes);

#endif
