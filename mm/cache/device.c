/* SPDX-License-Identifier: MIT
 *
 * The pages of a disk itself: /dev/sda read and written as a file, and where file systems keep their metadata.
 *
 * Block n of the device is block n of its file, in units of 512 bytes. A page is dirty by sector (page->private, low
 * byte), for beside metadata it may hold blocks that belong to files, whose newer bytes are in those files' pages.
 *
 * A sector's bit is set before the page is marked dirty, and all bits are taken when it is cleaned: who sets a bit after
 * that marks the page dirty once more. All bits are set while a shared mapping may write to the page.
 *
 * While the device is a file system's, its pages leave the cache by cache_remove_clean alone, which no page with another
 * reference does: so the file system, which has one, may mark sectors dirty without the page lock.
 */
#include "kernel/sched/sched.h"
#include "mm/cache/blocks.h"
#include "mm/cache/internal.h"

#define SECTORS 0xffUL

static unsigned long sectors_of(unsigned offset, unsigned bytes)
{
	unsigned first = offset >> SECTOR_SHIFT, end = (offset + bytes + SECTOR_SIZE - 1) >> SECTOR_SHIFT;

	return (1UL << end) - (1UL << first);
}

void mark_sectors_dirty(struct page *page, unsigned offset, unsigned bytes)
{
	unsigned long mask = sectors_of(offset, bytes);

	if ((READ_ONCE(page->private) & mask) != mask)
		atomic_or_long(mask, &page->private);
	mark_page_dirty(page);
}

/* All bits, and they are gone. */
unsigned device_take_sectors(struct page *page)
{
	unsigned long old = READ_ONCE(page->private);

	while (!try_cmpxchg(&page->private, &old, old & ~SECTORS))
		;
	return old & SECTORS;
}

/* The page has nothing dirty any more. => page locked, not under write-back */
static void clean(struct page *page)
{
	if (!clear_page_dirty_for_io(page))
		return;
	start_page_writeback(page);
	finish_page_writeback(page, 0);
	if (READ_ONCE(page->private) & SECTORS) /* meanwhile */
		mark_page_dirty(page);
}

void forget_sectors(struct address_space *m, loff_t pos, unsigned bytes)
{
	unsigned offset = (unsigned)pos & (PAGE_SIZE - 1);
	struct page *page = find_lock_page(m, pindex_at(pos));

	ASSERT(offset + bytes <= PAGE_SIZE);
	if (!page)
		return;
	wait_on_page_writeback(page);
	atomic_and_long(~sectors_of(offset, bytes), &page->private);
	if (!(READ_ONCE(page->private) & SECTORS))
		clean(page);
	unlock_page(page);
	put_page(page);
}

/* --- operations -------------------------------------------------------------------------------------------------------------- */
static int map_blocks(struct address_space *m, u64 block, u32 want, bool create, struct block_run *run)
{
	run->block = block;
	run->nr = (u32)min(m->backing->dev->sectors - block, (u64)~0U);
	return block < m->backing->dev->sectors ? 0 : -EIO;
}

/* A page that was to be covered whole but was not, and whose old content is not there, comes to nothing. */
static int write_end(struct file *f, struct address_space *m, loff_t pos, unsigned len, unsigned copied, struct page *page)
{
	unsigned offset = (unsigned)pos & (PAGE_SIZE - 1);

	if (!page_uptodate(page)) {
		if (copied < len)
			copied = 0;
		else if (len < PAGE_SIZE)
			zero_page_range(page, len, PAGE_SIZE);
		if (copied)
			set_page_uptodate(page);
	}
	if (copied)
		mark_sectors_dirty(page, offset, copied);
	unlock_page(page);
	put_page(page);
	return (int)copied;
}

static int page_mkwrite(struct file *f, struct page *page)
{
	if (block_read_only(page->mapping->backing->dev))
		return -EROFS;
	atomic_or_long(SECTORS, &page->private);
	return 0;
}

static void page_removed(struct address_space *m, struct page *page) { page->private = 0; }

const struct mapping_ops device_mapping_ops = {
	.read_page = blocks_read_page, .read_pages = blocks_read_pages, .write_pages = device_write_pages,
	.write_begin = blocks_write_begin, .write_end = write_end, .page_mkwrite = page_mkwrite, .map_blocks = map_blocks,
	.page_removed = page_removed,
};
