/* SPDX-License-Identifier: MIT
 *
 * Faults on anonymous memory, and writes to pages that are there but read-only (copy on write).
 * The cases stand at the top of fault.c.
 */
#include "mm/reclaim/swap.h"
#include "mm/virt/internal.h"

static u64 anon_bits(const struct vma *v, bool write)
{
	u64 bits = vma_pte_bits(v->flags);

	if (!write)
		return bits;
	return v->flags & VM_WRITE ? bits | PTE_WRITE | PTE_DIRTY : bits | PTE_DIRTY; /* a debugger's forced write */
}

static int no_page(const struct fault *f)
{
	return f->spare ? VMF_RETRY : VMF_OOM;
}

static int anon_read(struct fault *f)
{
	if (!fault_lock(f))
		return VMF_DONE;
	pte_set(f->pte, page_pte(zero_page, anon_bits(f->vma, false) | PTE_SPECIAL));
	pt_count(f->pt, 1);
	spin_unlock(&f->pt->ptl);
	return VMF_DONE;
}

/* Nothing there yet. => table mapped */
int fault_anon(struct fault *f)
{
	struct page *page;

	if (!f->write)
		return anon_read(f);
	page = fault_new_page(f, true);
	if (unlikely(!page))
		return no_page(f);
	if (unlikely(!fault_lock(f))) {
		free_page(page);
		return VMF_DONE;
	}
	fault_set_anon(f, page, page_pte(page, anon_bits(f->vma, true)));
	return VMF_DONE;
}

/* --- copy on write ----------------------------------------------------------------------------------------------------- */
/* The entry goes from old (NULL: the zero page) to new under one hold of the PTL; between, no CPU may use the old one:
 * another thread could read stale bytes after we have written new ones. => PTL held; released */
static void replace_page(struct fault *f, struct page *old, struct page *new)
{
	struct mm *mm = f->mm;

	pte_take(f->pte);
	pt_count(f->pt, -1);
	flush_tlb_range(&mm->mmu, f->addr, f->addr + MMU_PAGE_SIZE);
	if (old) {
		atomic_dec(page_anon(old) ? &mm->rss_anon : page_swapbacked(old) ? &mm->rss_shmem : &mm->rss_file);
		if (unlikely(f->vma->flags & VM_LOCKED))
			page_unpin(old);
		rmap_remove(old, mm, f->addr);
	}
	fault_set_anon(f, new, page_pte(new, anon_bits(f->vma, true)));
	if (!old)
		return;
	if (unlikely(page_swapcache(old)))
		swap_drop_unused(&old, 1);
	put_page(old);
}

static int copy_on_write(struct fault *f, struct page *old)
{
	struct page *new = fault_new_page(f, !old);

	if (unlikely(!new))
		return no_page(f);
	if (unlikely(!fault_lock(f))) {
		free_page(new);
		return VMF_DONE;
	}
	if (old)
		copy_page(new, old); /* the PTL keeps old in place: cheaper than a reference and a second look */
	replace_page(f, old, new);
	return VMF_DONE;
}

/* => PTL held; released */
void fault_make_writable(struct fault *f)
{
	if (f->vma->flags & VM_WRITE)
		pte_set_bits(f->pte, PTE_WRITE | PTE_DIRTY | PTE_ACCESSED);
	else
		pte_set_bits(f->pte, PTE_DIRTY | PTE_ACCESSED);
	spin_unlock(&f->pt->ptl);
	flush_tlb_one_local(f->addr);
}

static int write_shared(struct fault *f, struct page *page)
{
	if (!pte_special(f->entry) && !page_swapbacked(page))
		return fault_file_mkwrite(f, page);
	if (!fault_lock(f))
		return VMF_DONE;
	if (!pte_special(f->entry) && !page_dirty(page))
		mark_page_dirty(page);
	fault_make_writable(f);
	return VMF_DONE;
}

static int write_private(struct fault *f, struct page *page)
{
	if (page_anon(page)) {
		if (!fault_lock(f))
			return VMF_DONE;
		if (page_is_ours(page, f->vma, f->addr)) {
			fault_make_writable(f);
			return VMF_DONE;
		}
		spin_unlock(&f->pt->ptl);
	}
	return copy_on_write(f, page);
}

/* Something is there. => table mapped */
int fault_present(struct fault *f)
{
	struct page *page = pte_page(f->entry);

	if (!f->write || pte_write(f->entry)) {
		flush_tlb_one_local(f->addr); /* spurious */
		return VMF_DONE;
	}
	if (f->vma->flags & VM_SHARED)
		return write_shared(f, page);
	if (!pte_special(f->entry))
		return write_private(f, page);
	return page == zero_page ? copy_on_write(f, NULL) : VMF_BUS; /* device memory has no private copies */
}
