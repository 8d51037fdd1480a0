/* SPDX-License-Identifier: MIT
 *
 * Changing what may be done with memory. The flags of the area decide; PTEs follow: rights are taken away at once (one
 * flush for all), and given where that needs no fault: a page that is ours alone becomes writable in place.
 * PROT_NONE keeps its pages, with an entry that the hardware refuses.
 */
#include "mm/virt/internal.h"

#define KEPT_BITS (PTE_PFN_MASK | PTE_ACCESSED | PTE_DIRTY | PTE_SPECIAL | PTE_CACHE_OFF)

/* Could the program write here without a fault having to do something first? PTL held */
static bool may_write_now(struct vma *v, pte_t e, unsigned long addr)
{
	struct page *page;

	if (pte_special(e))
		return v->flags & VM_SHARED;
	if (v->flags & VM_SHARED)
		return pte_dirty(e) || page_swapbacked(pte_page(e));
	page = pte_page(e);
	return pte_dirty(e) && page_anon(page) && page_is_ours(page, v, addr);
}

/* => true: a CPU may remember rights that are gone */
static bool change_one(struct vma *v, pte_t *pte, unsigned long addr, u64 bits)
{
	pte_t e = *pte, n;

	if (!pte_present(e))
		return false;
	n.v = (e.v & KEPT_BITS) | (bits & ~PTE_ACCESSED & ~PTE_WRITE);
	if (v->flags & VM_WRITE && (pte_write(e) || may_write_now(v, e, addr)))
		n.low |= PTE_WRITE;
	if (pte_same(e, n))
		return false;
	if (e.low & PTE_PRESENT) /* the hardware may set young and dirty until the entry is gone */
		n.low |= pte_take(pte).low & (PTE_ACCESSED | PTE_DIRTY);
	pte_set(pte, n);
	return e.low & PTE_PRESENT && (e.low & ~n.low & (PTE_PRESENT | PTE_WRITE) || n.high & ~e.high & (u32)(PTE_NX_BIT >> 32));
}

static void change_table(struct tlb_gather *g, struct vma *v, struct page *pt, unsigned long addr, unsigned long end, u64 bits)
{
	pte_t *first = pte_map(pt, addr), *pte = first;

	spin_lock(&pt->ptl);
	for (; addr != end; addr += MMU_PAGE_SIZE, pte++)
		if (!pte_none(*pte) && change_one(v, pte, addr, bits))
			gather_flush(g, addr, addr + MMU_PAGE_SIZE);
	spin_unlock(&pt->ptl);
	pte_unmap(first);
}

static void change_ptes(struct vma *v, unsigned long start, unsigned long end)
{
	u64 bits = vma_pte_bits(v->flags);
	unsigned long addr = start, next;
	struct tlb_gather g;
	struct page *pt;

	tlb_gather_start(&g, v->mm, false);
	for (; addr < end; addr = next) {
		next = table_end(addr, end);
		pt = pt_page(v->mm, addr);
		if (pt)
			change_table(&g, v, pt, addr, next, bits);
	}
	tlb_gather_finish(&g);
}

/* [start, end) lies in v. => the area it is in afterwards, or ERR_PTR */
static struct vma *protect_area(struct vma *v, unsigned long start, unsigned long end, u32 flags)
{
	unsigned long pages = (end - start) >> MMU_PAGE_SHIFT;
	u32 old = v->flags;
	struct vma *part;

	if (flags == old)
		return v;
	if (flags & VM_WRITE && !(old & VM_WRITE) && !mm_may_expand(v->mm, flags, pages) && mm_may_expand(v->mm, old, pages))
		return ERR_PTR(-ENOMEM);
	if (vma_flags_account(flags) && !(old & VM_ACCOUNT)) {
		if (vm_charge(pages))
			return ERR_PTR(-ENOMEM);
		flags |= VM_ACCOUNT;
	}
	if (!(flags & VM_WRITE) && old & VM_ACCOUNT && vma_is_anon(v) && !v->has_anon)
		flags &= ~VM_ACCOUNT; /* nothing was written: nothing needs the promise any more */
	part = vma_isolate(v, start, end);
	if (IS_ERR(part)) {
		if (flags & ~old & VM_ACCOUNT)
			vm_uncharge(pages);
		return part;
	}
	if (old & ~flags & VM_ACCOUNT)
		vm_uncharge(pages);
	vma_set_flags(part, flags);
	change_ptes(part, start, end);
	return vma_merge_around(part);
}

static int protect_one(struct vma **v, unsigned long start, unsigned long end, u32 prot)
{
	u32 flags = ((*v)->flags & ~VM_PROT) | prot;

	if (prot & ~(flags >> 4))
		return -EACCES;
	*v = protect_area(*v, start, end, flags);
	return IS_ERR(*v) ? PTR_ERR(*v) : 0;
}

static int protect_range(struct mm *mm, unsigned long start, unsigned long end, u32 prot, u32 grows)
{
	struct vma *v = find_vma(mm, start);
	int err;

	if (!v)
		return -ENOMEM;
	if (grows) {
		if (v->start >= end)
			return -ENOMEM;
		if (!(v->flags & VM_GROWSDOWN))
			return -EINVAL;
		start = v->start;
	}
	while (v && v->start <= start) {
		unsigned long to = min(v->end, end);

		err = protect_one(&v, start, to, prot);
		if (err || to == end)
			return err;
		start = to;
		if (v->end <= start)
			v = vma_next(v);
	}
	return -ENOMEM;
}

SYSCALL(mprotect, unsigned long start, unsigned long len, u32 prot)
{
	u32 grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	struct mm *mm = current->mm;
	unsigned long end;
	int err;

	prot &= ~grows;
	if (grows & PROT_GROWSUP || !page_aligned(start))
		return -EINVAL;
	if (!len)
		return 0;
	len = page_up(len);
	end = start + len;
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	err = protect_range(mm, start, end, prot & VM_PROT, grows);
	mmap_write_unlock(mm, MM_ALL);
	return err;
}
