/* SPDX-License-Identifier: MIT
 *
 * Pages into the slots of nonlinear areas: by a fault, or because the program placed them (nonlinear_calls.c).
 *
 * Both follow the page-lock protocol against truncation (fault_file.c), whatever truncate= says: lock the page; still in its file, still
 * below the file's end? then it comes into the slot. Where it cannot be had, a marker says which page belongs there.
 *
 *   slot                              fault                                          placing
 *   none, in a classic area           the linear page                                the page, or its marker
 *   none, in one made empty           SIGBUS                                         the same
 *   marker                            the page that it names; SIGBUS beyond its end  the same
 *   a page, read-only, of a disk      page_mkwrite, dirty, writable                  the other page; the old one is unpinned
 *
 * Lock: mmap lock (read) > page lock > PTL > lru_lock.
 */
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

static bool disk_file(const struct address_space *m) { return !(m->flags & MAPPING_SWAPBACKED); }
static atomic_t *rss_of(struct mm *mm, const struct page *page) { return page_swapbacked(page) ? &mm->rss_shmem : &mm->rss_file; }

/* => locked, uptodate, with a reference, and below the end of the file; ERR_PTR(-ENOMEM), or another: there is none. Sleeps */
static struct page *bring(struct file *file, pindex_t index)
{
	struct address_space *m = file->mapping;

	while (index.n < file_pages(file).n) {
		struct page *page = read_cache_page(m, file, index);

		if (IS_ERR(page))
			return page;
		lock_page(page);
		if (likely(page->mapping == m && index.n < file_pages(file).n))
			return page;
		unlock_page(page);
		put_page(page);
		count_vm_event(TRUNCATE_RACED);
	}
	return ERR_PTR(-ENXIO);
}

/* Pages of disk files are read-only until the first write has been announced. */
static u64 slot_bits(const struct vma *v, const struct address_space *m, bool write)
{
	u64 bits = vma_pte_bits(v->flags);

	if (write)
		return bits | PTE_WRITE | PTE_DIRTY;
	return disk_file(m) ? bits & ~PTE_WRITE : bits;
}

/* --- faults ------------------------------------------------------------------------------------------------------------------------ */
/* The page, locked, comes where f->entry still stands. => true: the caller's reference has become the PTE's. The table is mapped */
static bool fill_slot(struct fault *f, struct page *page)
{
	if (!fault_lock(f))
		return false;
	page_pin(page);
	atomic_inc(rss_of(f->mm, page));
	if (pte_none(*f->pte))
		pt_count(f->pt, 1);
	pte_set(f->pte, page_pte(page, slot_bits(f->vma, page->mapping, f->write)));
	spin_unlock(&f->pt->ptl);
	return true;
}

static int fill_from(struct fault *f, struct file *file, struct page *page, bool *filled)
{
	bool announce = f->write && disk_file(file->mapping);
	int r = announce ? fault_make_dirty(file, page) : VMF_DONE;

	if (r == VMF_DONE)
		r = fault_remap(f);
	if (r)
		return r;
	*filled = fill_slot(f, page);
	if (announce)
		atomic_inc(&file->mapping->nonlinear_writes);
	return announce && file->mapping == vma_mapping(f->vma) ? VMF_DIRTIED : VMF_DONE;
}

/* Nothing is there. The table is mapped. */
int fault_nonlinear(struct fault *f)
{
	bool filled = false;
	struct file *file;
	struct page *page;
	pgoff_t pgoff;
	int r;

	fault_unmap(f);
	if (!nonlinear_slot_of(f->vma, f->addr, f->entry, &file, &pgoff))
		return VMF_BUS;
	page = bring(file, pindex_of(pgoff));
	if (IS_ERR(page))
		return PTR_ERR(page) == -ENOMEM ? VMF_OOM : VMF_BUS;
	r = fill_from(f, file, page, &filled);
	unlock_page(page);
	if (!filled)
		put_page(page);
	return r;
}

/* A write to a page of a disk file that is mapped read-only. The entry, looked at again, keeps the page until we have a reference. */
int fault_nonlinear_mkwrite(struct fault *f, struct page *page)
{
	struct nonlinear_file *nf;
	int r = VMF_DONE;

	if (!fault_lock(f))
		return VMF_DONE;
	get_page(page);
	nf = nonlinear_file_of(f->vma, page->mapping);
	spin_unlock(&f->pt->ptl);
	fault_unmap(f);
	lock_page(page);
	if (page->mapping == nf->file->mapping)
		r = fault_make_dirty(nf->file, page);
	if (r == VMF_DONE && page->mapping == nf->file->mapping) {
		r = fault_remap(f);
		if (!r && fault_lock(f)) {
			fault_make_writable(f);
			atomic_inc(&nf->file->mapping->nonlinear_writes);
			r = nf->file->mapping == vma_mapping(f->vma) ? VMF_DIRTIED : VMF_DONE;
		}
	}
	unlock_page(page);
	put_page(page);
	return r;
}

/* --- placing ----------------------------------------------------------------------------------------------------------------------- */
/* PTL held. What stood there goes, a page that was there with a reference that the caller drops after the flush. */
static struct page *replace_entry(struct vma *v, struct page *pt, pte_t *pte, pte_t new, struct page *page)
{
	pte_t old = *pte;
	struct page *gone = pte_present(old) ? pte_page(old) : NULL;
	struct pin_run run = { .zone = NULL };

	if (pte_none(old))
		pt_count(pt, 1);
	else
		old = pte_take(pte);
	if (gone && pte_dirty(old) && !page_dirty(gone))
		mark_page_dirty(gone); /* not with lru_lock, which a run of pins holds */
	if (page) {
		pin_run_page(&run, page, true);
		atomic_inc(rss_of(v->mm, page));
	}
	if (gone) {
		pin_run_page(&run, gone, false);
		atomic_dec(rss_of(v->mm, gone));
	}
	pin_run_end(&run);
	pte_set(pte, new);
	return gone;
}

/* page: locked, its reference becomes the PTE's; NULL: only the marker is left */
static int set_slot(struct tlb_gather *g, struct vma *v, unsigned long addr, const struct nonlinear_file *f, pgoff_t pgoff, struct page *page)
{
	struct page *pt, *gone;
	pte_t *pte;

	if (pt_alloc(v->mm, addr))
		return -ENOMEM;
	pte = pte_lock_at(v->mm, addr, &pt);
	if (page && pte_present(*pte) && pte_page(*pte) == page) { /* there already */
		pte_unlock_at(pte, pt);
		put_page(page);
		return 0;
	}
	gone = replace_entry(v, pt, pte, page ? page_pte(page, slot_bits(v, page->mapping, false)) : pte_make_slot(f->number, pgoff.n), page);
	pte_unlock_at(pte, pt);
	if (gone) {
		gather_flush(g, addr, addr + MMU_PAGE_SIZE);
		tlb_gather_page(g, gone);
	}
	return 0;
}

/* The file's page, if it is in memory or `read` allows to fetch it; else NULL. Locked, with a reference */
static struct page *page_to_place(struct file *file, pindex_t index, bool read)
{
	struct page *page;

	if (!read) {
		page = find_page(file->mapping, index);
		if (!page)
			return NULL;
		read = page_uptodate(page);
		put_page(page);
		if (!read)
			return NULL;
	}
	page = bring(file, index);
	return IS_ERR(page) ? NULL : page; /* whoever touches the slot will hear why */
}

/* => 0 or -ENOMEM. mmap lock: read; [addr, end) lies in v, whose file f is */
int nonlinear_place_range(struct vma *v, unsigned long addr, unsigned long end, const struct nonlinear_file *f, pgoff_t pgoff, bool read)
{
	struct tlb_gather g;
	int err = 0;

	tlb_gather_start(&g, v->mm, false);
	for (; addr < end && !err; addr += MMU_PAGE_SIZE, pgoff.n++) {
		struct page *page = page_to_place(f->file, pindex_of(pgoff), read);

		err = set_slot(&g, v, addr, f, pgoff, page);
		if (page)
			unlock_page(page);
		if (err && page)
			put_page(page);
		count_vm_event(NONLINEAR_PLACED);
		if (read && signal_pending_state(TASK_KILLABLE))
			read = false;
		cond_resched();
	}
	tlb_gather_finish(&g);
	return err;
}
