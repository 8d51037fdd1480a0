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

/* --- pagemap ---------------------------------------------------------------------------------------------------------------------- */
static u64 pagemap_entry(pte_t e)
{
	struct page *page;
	u64 r;

	if (pte_is_swap(e))
		return 1ULL << 62 | swap_type(pte_swap_entry(e)) | (u64)swap_offset(pte_swap_entry(e)) << 5;
	if (!pte_present(e))
		return 0;
	r = 1ULL << 63 | pte_mmu_pfn(e).n;
	if (pte_special(e))
		return r;
	page = pte_page(e);
	if (!page_anon(page))
		r |= 1ULL << 61;
	if (page_uses(page) == 1)
		r |= 1ULL << 56;
	return r;
}

void mm_pagemap(struct mm *mm, unsigned long addr, u64 *out, unsigned n)
{
	while (n) {
		unsigned long here = min_t(unsigned long, n, PTRS_PER_TABLE - PTE_INDEX(addr));
		struct page *pt;
		pte_t *pte = addr < TASK_SIZE ? pte_lock_at(mm, addr, &pt) : NULL;

		for (unsigned i = 0; i < here; i++)
			out[i] = pte ? pagemap_entry(pte[i]) : 0;
		if (pte)
			pte_unlock_at(pte, pt);
		out += here;
		addr += here * MMU_PAGE_SIZE;
		n -= here;
	}
}

/* --- names, sums -------------------------------------------------------------------------------------------------------------------- */
const char *vma_name(struct vma *v)
{
	struct mm *mm = v->mm;

	if (v->ops && v->ops->name)
		return v->ops->name(v);
	if (v->file)
		return NULL;
	if (v->start <= mm->brk && v->end >= mm->start_brk)
		return "[heap]";
	if (v->start <= mm->start_stack && v->end >= mm->start_stack && v->flags & VM_GROWSDOWN)
		return "[stack]";
	return NULL;
}

unsigned long mm_lowmem(struct mm *mm)
{
	unsigned long bytes = rmap_mm_size + (unsigned long)mm->map_count * rmap_vma_size + mm->nr_pmds * PAGE_SIZE;

	for (unsigned long addr = 0; addr < TASK_SIZE; addr += PMD_SIZE) {
		struct page *pt = pt_page(mm, addr);

		if (pt && !page_is_high(pt))
			bytes += PAGE_SIZE;
		else if (!mmu_pmd(&mm->mmu, addr))
			addr |= (1UL << PDPT_SHIFT) - PMD_SIZE;
	}
	return bytes;
}

/* --- device memory ------------------------------------------------------------------------------------------------------------------- */
int vm_map_pfns(struct vma *v, unsigned long addr, mmu_pfn_t frame, unsigned long size, u64 prot)
{
	u64 bits = vma_pte_bits(v->flags) | PTE_SPECIAL | prot;
	unsigned long end = addr + size;

	v->flags |= VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP; /* not linked yet: we are in its mmap */
	for (; addr < end; addr += MMU_PAGE_SIZE, frame.n++) {
		struct page *pt;
		pte_t *pte;

		if (pt_alloc(v->mm, addr))
			return -ENOMEM;
		pte = pte_lock_at(v->mm, addr, &pt);
		pt_count(pt, pte_none(*pte));
		pte_set(pte, pte_make(frame, bits));
		pte_unlock_at(pte, pt);
	}
	return 0;
}
