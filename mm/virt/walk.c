/* SPDX-License-Identifier: MIT
 *
 * The walk over all entries of a range that are not empty: for smaps and pagemap, the oracle, and the scheme that repoints.
 */
#include "mm/virt/internal.h"

void pt_walk(struct mm *mm, unsigned long start, unsigned long end, void (*fn)(pte_t *pte, unsigned long addr, void *arg), void *arg)
{
	end = min(end, TASK_SIZE);
	while (start < end) {
		unsigned long next = table_end(start, end), addr = start;
		struct page *pt;
		pte_t *pte = pte_lock_at(mm, start, &pt), *first = pte;

		for (; first && addr < next; addr += MMU_PAGE_SIZE, pte++)
			if (!pte_none(*pte))
				fn(pte, addr, arg);
		if (first)
			pte_unlock_at(first, pt);
		else if (!mmu_pmd(&mm->mmu, start))
			next = min((start | ((1UL << PDPT_SHIFT) - 1)) + 1, end);
		start = next;
		cond_resched();
	}
}
