/* SPDX-License-Identifier: MIT
 *
 * Looking at address spaces without changing them: the walk over all present entries, and what /proc shows of it.
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

/* --- smaps ----------------------------------------------------------------------------------------------------------------------- */
static void usage_one(pte_t *pte, unsigned long addr, void *arg)
{
	struct vma_usage *u = arg;
	struct page *page;
	bool dirty;
	int count;

	if (pte_is_swap(*pte))
		u->swap += MMU_PAGE_SIZE;
	if (!pte_present(*pte) || pte_special(*pte))
		return;
	page = pte_page(*pte);
	count = max(page_uses(page), 1);
	dirty = pte_dirty(*pte) || page_dirty(page);
	u->rss += MMU_PAGE_SIZE;
	u->pss += MMU_PAGE_SIZE / count;
	if (count > 1)
		*(dirty ? &u->shared_dirty : &u->shared_clean) += MMU_PAGE_SIZE;
	else
		*(dirty ? &u->private_dirty : &u->private_clean) += MMU_PAGE_SIZE;
	if (page_anon(page))
		u->anonymous += MMU_PAGE_SIZE;
	if (pte_young(*pte) || page_referenced(page))
		u->referenced += MMU_PAGE_SIZE;
}

void vma_usage(struct vma *v, struct vma_usage *u)
{
	*u = (struct vma_usage){ 0 };
	if (!(v->flags & VM_PFNMAP))
		pt_walk(v->mm, v->start, v->end, usage_one, u);
}
