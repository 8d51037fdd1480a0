/* SPDX-License-Identifier: MIT
 *
 * Advice about pages that may be in swap: MADV_PAGEOUT takes them away now, MADV_WILLNEED starts bringing them back.
 *
 * Taken away is what is mapped: anonymous pages, a fork family's shared ones too, and pages of tmpfs files that only this
 * area maps. Other files' pages go when memory is short. The call waits until what was written is written, and frees it.
 */
#include "drivers/block/block.h"
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
		struct page *page = pfn_to_page(pte_pfn(*pte));

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

/* => page locked and unmapped, in the swap cache */
static bool prepare(struct page *page)
{
	if (page_writeback(page))
		return false;
	if (!page_swapcache(page) && swap_add_page(page))
		return false;
	return rmap_unmap(page) == RMAP_DONE && !page_mapped(page);
}

static void write_batch(struct batch *b)
{
	struct plug plug;

	plug_begin(&plug);
	for (unsigned i = 0; i < b->n; i++) {
		struct page *page = b->pages[i];

		if (!trylock_page(page))
			continue;
		if (!prepare(page) || !page_dirty(page) || swap_write_page(page))
			unlock_page(page);
	}
	plug_end(&plug);
}

static void free_batch(struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct page *page = b->pages[i];
		bool gone = false;

		wait_on_page_writeback(page);
		if (trylock_page(page)) {
			gone = page_swapcache(page) && !page_writeback(page) && !page_mapped(page) && swap_remove_clean(page);
			unlock_page(page);
		}
		if (!gone)
			lru_add(page);
		put_page(page);
	}
}

void page_out_area(struct vma *v, unsigned long start, unsigned long end)
{
	struct batch b;

	while (start < end) {
		start = collect(v, start, table_end(start, end), &b);
		write_batch(&b);
		free_batch(&b);
		if (signal_pending_state(TASK_KILLABLE))
			return;
		cond_resched();
	}
}

static u32 next_entry(struct vma *v, unsigned long *addr, unsigned long end)
{
	struct page *pt;
	pte_t *first = pte_lock_at(v->mm, *addr, &pt), *pte = first;
	u32 entry = 0;

	if (!first) {
		*addr = end;
		return 0;
	}
	for (; !entry && (*addr = pte_skip_none(&pte, *addr, end)) != end; *addr += MMU_PAGE_SIZE, pte++)
		if (pte_is_swap(*pte))
			entry = pte_swap_entry(*pte);
	if (entry)
		swap_pin(entry);
	pte_unlock_at(first, pt);
	return entry;
}

void bring_in_area(struct vma *v, unsigned long start, unsigned long end)
{
	while (start < end && atomic_read(&v->mm->swap_ents)) {
		u32 entry = next_entry(v, &start, table_end(start, end));

		if (!entry)
			continue;
		swap_read_ahead(entry);
		swap_unpin(entry);
		if (signal_pending_state(TASK_KILLABLE))
			return;
	}
}
