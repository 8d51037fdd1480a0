/* SPDX-License-Identifier: MIT
 *
 * fork: the same memory once more, copied on write.
 *
 * What a fault can fetch again is not copied: shared areas and files nobody wrote to privately cost their vma only, and
 * of private areas only anonymous pages are taken over. Parent and child both lose the right to write such a page;
 * the parent's TLBs are flushed once, at the end, with its mmap lock still held for writing: until then no thread of it
 * can take a write fault, so no page becomes exclusive by mistake; and nobody runs in the child.
 *
 * Locks of two page-table pages: the parent's, then the child's (nested).
 * Fails as a whole: the caller puts the unfinished mm, and exit_mmap takes apart what is there.
 */
#include "mm/reclaim/swap.h"
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

struct dup {
	struct mm *from, *to;
	struct vma *child;
	struct rmap_batch batch;
	unsigned long start, end; /* where the parent lost rights: to be flushed */
};

/* What is no counted page: copied as it is, or left for a fault to fetch. */
static noinline void dup_other(struct dup *d, pte_t e, pte_t *dst)
{
	if (pte_is_swap(e)) {
		swap_dup(pte_swap_entry(e));
		atomic_inc(&d->to->swap_ents);
		pte_set(dst, e);
		return;
	}
	if (!pte_present(e)) /* lost: SIGBUS for the child as well */
		pte_set(dst, e);
	if (!pte_present(e) || !pte_special(e))
		return;
	pte_set(dst, d->child->flags & VM_SHARED ? e : pte_wrprotect(e));
}

/* An anonymous page gets one mapping more, which is all there is to it in most schemes. */
static __always_inline void dup_page(struct dup *d, struct page *page, unsigned long addr, const bool plain)
{
	atomic_inc(&page->refcount);
	if (likely(plain))
		atomic_inc(&page->mapcount);
	else
		rmap_dup(page, d->child, addr, &d->batch);
}

/* The entries of [addr, end) in two tables, `apart` bytes from each other. Both PTLs held. => pages; *taken: which lost the right
 * to be written */
static __always_inline unsigned dup_entries(struct dup *d, struct page *to, pte_t *s, long apart, unsigned long addr,
					    unsigned long end, unsigned *taken, const bool plain)
{
	unsigned pages = 0;

	for (; (addr = pte_skip_none(&s, addr, end)) != end; addr += MMU_PAGE_SIZE, s++) {
		pte_t e = *s, *t = (pte_t *)((char *)s + apart);
		struct page *page = pte_page(e);

		if (unlikely(!pte_present(e) || pte_special(e) || !page_anon(page))) {
			dup_other(d, e, t);
			pt_count(to, !pte_none(*t));
			continue;
		}
		if (e.low & PTE_WRITE) {
			pte_clear_bits(s, PTE_WRITE);
			e.low = s->low; /* it may have become dirty meanwhile */
			++*taken;
		}
		dup_page(d, page, addr, plain);
		*t = e; /* no hardware looks at it yet, others come with the PTL */
		pages++;
	}
	return pages;
}

/* The same for schemes that want to hear of each page. */
static noinline unsigned dup_entries_told(struct dup *d, struct page *to, pte_t *s, long apart, unsigned long addr, unsigned long end,
					  unsigned *taken)
{
	unsigned pages;

	rmap_run_begin();
	pages = dup_entries(d, to, s, apart, addr, end, taken, false);
	rmap_run_end();
	return pages;
}

static void dup_table(struct dup *d, struct page *from, struct page *to, unsigned long addr, unsigned long end)
{
	pte_t *src = pte_map(from, addr), *dst = pte_map(to, addr);
	long apart = (char *)dst - (char *)src;
	unsigned pages, taken = 0;

	spin_lock(&from->ptl);
	spin_lock_nested(&to->ptl, 1);
	if (likely(!rmap_anon->counts && !rmap_anon->dup))
		pages = dup_entries(d, to, src, apart, addr, end, &taken, true);
	else
		pages = dup_entries_told(d, to, src, apart, addr, end, &taken);
	pt_count(to, pages);
	atomic_add(pages, &d->to->rss_anon);
	spin_unlock(&to->ptl);
	spin_unlock(&from->ptl);
	pte_unmap(dst);
	pte_unmap(src);
	if (taken) {
		d->start = min(d->start, addr);
		d->end = end;
	}
}

/* What the reverse map needs for the pages of one table. inuse: no fault adds to it, the mmap lock is held for writing. */
static int prepare_table(struct dup *d, struct vma *child, struct page *pt, unsigned pages)
{
	int err = rmap_prepare(child, &d->batch, pages);

	if (!err)
		err = rmap_reserve(rmap_anon, &d->batch, min_t(unsigned, pages, pt->inuse), GFP_KERNEL);
	if (err)
		rmap_unprepare(&d->batch);
	return err;
}

static int dup_tables(struct dup *d, struct vma *child)
{
	unsigned long addr, next;
	struct page *pt;

	d->child = child;
	for (addr = child->start; addr < child->end; addr = next) {
		next = table_end(addr, child->end);
		pt = pt_page(d->from, addr);
		if (!pt)
			continue;
		if (pt_alloc(d->to, addr) || prepare_table(d, child, pt, (next - addr) >> MMU_PAGE_SHIFT))
			return -ENOMEM;
		dup_table(d, pt, pt_page(d->to, addr), addr, next);
		rmap_unprepare(&d->batch);
		cond_resched();
	}
	return 0;
}

static int dup_area(struct dup *d, struct vma *v)
{
	bool wipe = v->flags & VM_WIPEONFORK;
	struct vma *child;
	int err;

	if (v->flags & VM_ACCOUNT) {
		err = vm_charge(vma_pages(v));
		if (err)
			return err;
	}
	if (vma_nonlinear(v) && mm_may_lock(d->to, v->flags, vma_pages(v))) /* stays locked; is never VM_ACCOUNT */
		return -EAGAIN;
	child = vma_copy(v);
	if (!child)
		goto uncharge;
	child->mm = d->to;
	if (!vma_nonlinear(child))
		child->flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	if (wipe)
		child->has_anon = false;
	else if (rmap_vma_fork(child, v))
		goto free;
	vma_insert(d->to, child); /* from here on exit_mmap takes care of it */
	if (!wipe && v->has_anon)
		return dup_tables(d, child);
	if (vma_nonlinear(v))
		return nonlinear_dup(child, d->from);
	return 0;
free:
	vma_free(child);
uncharge:
	if (v->flags & VM_ACCOUNT)
		vm_uncharge(vma_pages(v));
	return -ENOMEM;
}

static void dup_facts(struct mm *to, struct mm *from)
{
	memcpy(&to->start_code, &from->start_code, offsetof(struct mm, def_flags) - offsetof(struct mm, start_code));
	memcpy(to->auxv, from->auxv, sizeof(to->auxv));
	to->exe_file = from->exe_file;
	if (to->exe_file)
		get_file(to->exe_file);
}

int mm_dup(struct mm *to, struct mm *from)
{
	struct dup d = { .from = from, .to = to, .start = ~0UL };
	int err;

	err = mmap_write_lock_killable(from, MM_ALL);
	if (err)
		return err;
	dup_facts(to, from);
	for_each_vma(from, v) {
		if (v->flags & VM_DONTFORK)
			continue;
		err = dup_area(&d, v);
		if (err)
			break;
	}
	if (d.start < d.end)
		flush_tlb_range(&from->mmu, d.start, d.end);
	mmap_write_unlock(from, MM_ALL);
	return err;
}
