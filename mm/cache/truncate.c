/* SPDX-License-Identifier: MIT
 *
 * Taking pages out of a file: its end moves down, or a hole is punched into it.
 *
 * The race that kernels lost for years is against the page fault: a fault finds the page, truncation removes it, the
 * fault maps it: a page that belongs to no file, and that nobody finds again. The protocol here (2.6.23's):
 *
 *   truncation                              fault
 *   the new size is visible
 *   unmap the range                         find page, lock it
 *   for each page: lock it                  is it still the file's, and below the size? else start again
 *     mapped again meanwhile? unmap         map it
 *     remove it from the tree               unlock it
 *   unmap the range once more: private copies that a fault made of a page before it was locked here
 *
 * That is truncate=pagelock. The boot options racy and count are what was there before it, in mm/virt/fault_race.c: truncation then does not
 * look again at each page, and with count it unmaps all of the range once more, after the pages have left, for whoever came between.
 * Nonlinear areas follow the page-lock protocol under all three.
 *
 * Locks: inode->lock (caller) > page lock > mapping->map_lock (in unmap_range) > PTL.
 */
#include "kernel/lib/param.h"
#include "kernel/sched/sched.h"
#include "mm/cache/internal.h"
#include "mm/cache/writeback.h"

u32 truncate_protocol;
PARAM_CHOICE("truncate", truncate_protocol, "what keeps truncation and faults on files apart", "pagelock", "count", "racy");

/* Whoever looked before this must look again (truncate=count); the new size is visible. */
static void count_truncation(struct address_space *m)
{
	if (likely(truncate_protocol == TRUNCATE_PAGELOCK))
		return;
	smp_mb();
	WRITE_ONCE(m->truncate_count, m->truncate_count + 1);
	smp_mb();
}

/* Called once the page has left its file, and once it has been mapped: the second finds both, and the first of two counts. */
void truncate_orphan(struct page *page)
{
	if (likely(truncate_protocol == TRUNCATE_PAGELOCK) && likely(!page_mapped(page)))
		return;
	smp_mb();
	if (truncate_protocol != TRUNCATE_COUNT && page_mapped(page) && !READ_ONCE(page->mapping) && !test_set_page_error(page))
		count_vm_event(TRUNCATE_ORPHANED);
}

static void unmap(struct address_space *m, pindex_t first, pindex_t last, bool even_cows)
{
	if (cache_ops && cache_ops->unmap_range)
		cache_ops->unmap_range(m, first, last, even_cows);
}

/* page is locked and has a reference of ours */
static void truncate_one(struct address_space *m, struct page *page)
{
	if (page->mapping != m)
		return;
	wait_on_page_writeback(page);
	if (page_mlocked(page) || (page_mapped(page) && truncate_protocol == TRUNCATE_PAGELOCK)) /* pinned: perhaps nonlinear, and in no list */
		unmap(m, page->index, page->index, false);
	remove_from_cache(page);
	truncate_orphan(page);
}

static void remove_pages(struct address_space *m, pindex_t first, pindex_t last)
{
	struct page *pages[CACHE_BATCH];
	pindex_t index = first;
	unsigned n;

	while (index.n >= first.n && index.n <= last.n && (n = find_pages(m, &index, last, pages, CACHE_BATCH)) != 0) {
		for (unsigned i = 0; i < n; i++) {
			lock_page(pages[i]);
			truncate_one(m, pages[i]);
			unlock_page(pages[i]);
		}
		put_pages(pages, n);
		cond_resched();
	}
}

/* Zeroes in [from, to) of the page that holds them, if there is one; both lie in the same page, or to ends it. */
static void zero_part(struct address_space *m, loff_t from, loff_t to)
{
	unsigned off = (unsigned)from & (PAGE_SIZE - 1), len = (unsigned)(to - from);
	struct page *page;

	if (!len)
		return;
	page = find_or_bring_page(m, pindex_at(from));
	if (IS_ERR_OR_NULL(page))
		return;
	wait_on_page_writeback(page); /* blocks of its other part may be given to others when we return */
	if (page_uptodate(page)) {
		zero_page_range(page, off, off + len);
		mark_page_dirty(page);
	}
	unlock_page(page);
	put_page(page);
}

/* => is all of [from, to) a hole of a file on a disk, that nothing needs to be read for? */
static int in_hole(struct address_space *m, loff_t from, loff_t to)
{
	unsigned bits = m->backing ? m->backing->block_bits : 0;
	struct block_run run = { 0 };
	u64 block = (u64)(from >> bits), last = (u64)((to - 1) >> bits);
	int err;

	if (!m->ops || !m->ops->map_blocks)
		return !m->ops || !m->ops->read_page;
	err = m->ops->map_blocks(m, block, (u32)(last - block) + 1, false, &run);
	return err ? err : run.hole && block + run.nr > last;
}

int zero_range_cached(struct address_space *m, loff_t from, loff_t to)
{
	struct page *page;
	int hole;

	might_sleep();
	if (from >= to)
		return 0;
	page = find_page(m, pindex_at(from));
	if (!page) {
		hole = in_hole(m, from, to);
		if (hole)
			return hole < 0 ? hole : 0;
	}
	if (!page || !page_uptodate(page)) {
		if (page)
			put_page(page);
		page = read_cache_page(m, NULL, pindex_at(from));
		if (IS_ERR(page))
			return PTR_ERR(page);
	}
	put_page(page);
	zero_part(m, from, to);
	return 0;
}

/* A page of tmpfs may become a value behind the pass over pages, and a value a page before the pass over values. => look once more? Where
 * a hole is punched, faults may fill it again for ever: so not too often. */
static bool left_over(struct address_space *m, pindex_t first, pindex_t last, unsigned round)
{
	return m->flags & MAPPING_SWAPBACKED && round < 10 && next_entry(m, &first, last);
}

/* The pages have left. Private copies that were made meanwhile; with truncate=count, whatever was mapped meanwhile. */
void unmap_latecomers(struct address_space *m, pindex_t first, pindex_t last, bool even_cows)
{
	count_truncation(m);
	if (even_cows || truncate_protocol == TRUNCATE_COUNT)
		unmap(m, first, last, even_cows);
}

static void remove_range(struct address_space *m, pindex_t first, pindex_t last, bool even_cows)
{
	unsigned round = 0;

	if (first.n > last.n)
		return;
	count_truncation(m);
	unmap(m, first, last, even_cows);
	if (radix_empty(&m->pages)) /* not by the counts: a page may just be becoming a value, or back */
		return;
	do {
		remove_pages(m, first, last);
		remove_values(m, first, last);
	} while (unlikely(left_over(m, first, last, round++)));
	unmap_latecomers(m, first, last, even_cows);
}

void truncate_pages(struct address_space *m, loff_t from)
{
	loff_t whole = ALIGN_UP(from, (loff_t)PAGE_SIZE);

	might_sleep();
	zero_part(m, from, whole);
	if (whole <= pindex_pos(PINDEX_MAX))
		remove_range(m, pindex_at(whole), PINDEX_MAX, true);
}

void truncate_range(struct address_space *m, loff_t start, loff_t end)
{
	loff_t first = ALIGN_UP(start, (loff_t)PAGE_SIZE), last = ALIGN_DOWN(end, (loff_t)PAGE_SIZE);

	might_sleep();
	if (first > last) { /* inside one page */
		zero_part(m, start, end);
		return;
	}
	zero_part(m, start, first);
	if (first < last)
		remove_range(m, pindex_at(first), pindex_at(last - 1), false);
	zero_part(m, last, end);
}
