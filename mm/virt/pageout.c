/* SPDX-License-Identifier: MIT
 *
 * Advice about pages that may be in swap: MADV_PAGEOUT takes them away now, MADV_WILLNEED starts bringing them back.
 *
 * Taken away is what is mapped: anonymous pages, a fork family's shared ones too, and pages of tmpfs files that only this
 * area maps. Other files' pages go when memory is short. The call waits until what was written is written, and frees it.
 */
#include "mm/reclaim/reclaim.h"
#include "mm/reclaim/swap.h"
#include "mm/virt/internal.h"

#define BATCH 32
struct batch { struct page *pages[BATCH]; unsigned n; };

static bool worth_it(const struct page *page)
{
	if (page_anon(page))
		return true;
	return page_swapbacked(page) && page_mapcount(page) == 1;
}

/* Pages of [addr, end), in one table, off their lists with a reference, all of one zone. => where it stopped */
static unsigned long collect(struct vma *v, unsigned long addr, unsigned long end, struct batch *b)
{
	struct page *pt;
	pte_t *first = pte_lock_at(v->mm, addr, &pt), *pte = first;

	b->n = 0;
	if (!first)
		return end;
	for (; b->n < BATCH && (addr = pte_skip_none(&pte, addr, end)) != end; addr += MMU_PAGE_SIZE, pte++) {
		struct page *page = pte_page(*pte);

		if (!pte_present(*pte) || pte_special(*pte) || !worth_it(page))
			continue;
		if (b->n && page_zone(page) != page_zone(b->pages[0]))
			break;
		if (!lru_isolate(page))
			continue;
		get_page(page);
		b->pages[b->n++] = page;
	}
	pte_unlock_at(first, pt);
	return addr;
}

/* Once more for those that have been written meanwhile. Eats our references. */
static void free_written(struct batch *b)
{
	struct batch again = { .n = 0 };

	for (unsigned i = 0; i < b->n; i++) {
		struct page *page = b->pages[i];

		wait_on_page_writeback(page);
		if (!page_mapped(page) && lru_isolate(page))
			again.pages[again.n++] = page;
		else
			put_page(page);
	}
	reclaim_pages(again.pages, again.n);
}

void page_out_area(struct vma *v, unsigned long start, unsigned long end)
{
	struct batch b;

	while (start < end) {
		start = collect(v, start, table_end(start, end), &b);
		for (unsigned i = 0; i < b.n; i++)
			get_page(b.pages[i]); /* one for reclaim_pages, one for us */
		reclaim_pages(b.pages, b.n);
		free_written(&b);
		if (signal_pending_state(TASK_KILLABLE))
			return;
		cond_resched();
	}
}

static swap_entry_t next_swapped(struct vma *v, unsigned long *addr, unsigned long end)
{
	struct page *pt;
	pte_t *first = pte_lock_at(v->mm, *addr, &pt), *pte = first;
	swap_entry_t entry = { 0 };

	if (!first) {
		*addr = end;
		return entry;
	}
	for (; !entry.v && (*addr = pte_skip_none(&pte, *addr, end)) != end; *addr += MMU_PAGE_SIZE, pte++)
		if (pte_is_swap(*pte))
			entry = pte_swap_entry(*pte);
	if (entry.v)
		swap_pin(entry);
	pte_unlock_at(first, pt);
	return entry;
}

void bring_in_area(struct vma *v, unsigned long start, unsigned long end)
{
	while (start < end && atomic_read(&v->mm->swap_ents)) {
		swap_entry_t entry = next_swapped(v, &start, table_end(start, end));

		if (!entry.v)
			continue;
		swap_read_ahead(entry);
		swap_unpin(entry);
		if (signal_pending_state(TASK_KILLABLE))
			return;
	}
}
