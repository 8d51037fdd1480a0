/* SPDX-License-Identifier: MIT
 *
 * Going over the PTEs of nonlinear areas (nonlinear.c has the story).
 *
 *   by address: munmap and exit take everything, MADV_DONTNEED_LOCKED leaves the slots placed; fork copies; nobody misses an entry,
 *               since the mmap lock keeps the others away.
 *   by file:    truncation takes pages out of all areas that show them, write-out write-protects them. No PTE says where a page of
 *               the file may be, so all of each area is looked at: what a search costs without a reverse map. Truncation comes once
 *               for its whole range, and for single pages only where one was placed meanwhile; a few pages of which none is pinned are shown
 *               nowhere. Write-out comes only when a page has been made writable since it last came (mapping->nonlinear_writes), and then
 *               for a whole batch.
 *
 * Locks: by file: page locks > map_lock (read) > PTL. The area's bounds may be changing: they are read once.
 */
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

#define FEW 16 /* pages of a file that are looked at before all areas are */

/* --- taking pages out ----------------------------------------------------------------------------------------------------------- */
/* Which of an area's pages go. */
struct cut {
	struct tlb_gather *g;
	struct vma *vma;
	const struct nonlinear_file *file; /* NULL: of any */
	pindex_t first, last;              /* of the file */
	bool whole;                        /* markers too: the slots become none */
	int files, shmem;                  /* out of this table, by kind */
};

static bool goes(const struct cut *c, const struct page *page)
{
	return !c->file || (page->mapping == c->file->file->mapping && page->index.n >= c->first.n && page->index.n <= c->last.n);
}

/* What a slot keeps of the page that it showed. */
static pte_t placed(const struct cut *c, const struct page *page)
{
	const struct nonlinear_file *f = c->file ? c->file : nonlinear_file_of(c->vma, page->mapping);

	return pte_make_slot(f->number, pgoff_of(page->index).n);
}

static void take_one(struct cut *c, pte_t *pte, unsigned long addr)
{
	pte_t e = pte_take(pte);
	struct page *page = pte_page(e);

	if (pte_dirty(e) && !page_dirty(page))
		mark_page_dirty(page);
	if (!c->whole)
		pte_set(pte, placed(c, page));
	page_unpin(page);
	*(page_swapbacked(page) ? &c->shmem : &c->files) += 1;
	if (!c->g->whole_mm)
		gather_flush(c->g, addr, addr + MMU_PAGE_SIZE);
	c->g->pages[c->g->nr++] = page;
}

/* => where it stopped, because enough was gathered. PTL held */
static unsigned long take_entries(struct cut *c, struct page *pt, pte_t *pte, unsigned long addr, unsigned long end)
{
	for (; (addr = pte_skip_none(&pte, addr, end)) != end && c->g->nr < GATHER_PAGES; addr += MMU_PAGE_SIZE, pte++) {
		if (pte_present(*pte)) {
			if (!goes(c, pte_page(*pte)))
				continue;
			take_one(c, pte, addr);
		} else if (c->whole) {
			pte_take(pte);
		}
		pt_count(pt, -c->whole);
	}
	return addr;
}

static unsigned long take_table(struct cut *c, unsigned long addr, unsigned long end)
{
	struct mm *mm = c->vma->mm;
	struct page *pt;
	pte_t *first = pte_lock_at(mm, addr, &pt);

	if (!first)
		return end;
	c->files = c->shmem = 0;
	addr = take_entries(c, pt, first, addr, end);
	atomic_sub(c->files, &mm->rss_file);
	atomic_sub(c->shmem, &mm->rss_shmem);
	pte_unlock_at(first, pt);
	return addr;
}

static void take(struct cut *c, unsigned long addr, unsigned long end)
{
	while (addr < end) {
		unsigned long next = table_end(addr, end);

		while ((addr = take_table(c, addr, next)) != next) {
			tlb_gather_full(c->g);
			cond_resched();
		}
		cond_resched();
	}
}

void nonlinear_zap(struct tlb_gather *g, struct vma *v, unsigned long start, unsigned long end)
{
	struct cut c = { .g = g, .vma = v, .whole = true };

	take(&c, start, end);
}

void nonlinear_drop(struct vma *v, unsigned long start, unsigned long end)
{
	struct tlb_gather g;
	struct cut c = { .g = &g, .vma = v };

	tlb_gather_start(&g, v->mm, false);
	take(&c, start, end);
	tlb_gather_finish(&g);
}

static void cut_area(const struct nonlinear_file *f, pindex_t first, pindex_t last)
{
	struct tlb_gather g;
	struct cut c = { .g = &g, .vma = f->vma, .file = f, .first = first, .last = last };

	tlb_gather_start(&g, f->vma->mm, false);
	take(&c, READ_ONCE(f->vma->start), READ_ONCE(f->vma->end));
	tlb_gather_finish(&g);
}

/* A nonlinear PTE pins its page: where none of a few pages is pinned there is nothing to search for. One that is placed behind our back is
 * found under its page lock by who takes it out of its file. */
static bool perhaps_shown(struct address_space *m, pindex_t first, pindex_t last)
{
	struct page *pages[FEW];
	bool pinned = false;
	unsigned n;

	if (last.n - first.n >= FEW)
		return true;
	n = find_pages(m, &first, last, pages, FEW);
	for (unsigned i = 0; i < n; i++)
		pinned |= page_mlocked(pages[i]);
	put_pages(pages, n);
	return pinned;
}

void nonlinear_unmap_range(struct address_space *m, pindex_t first, pindex_t last)
{
	struct nonlinear_file *f;

	if (!perhaps_shown(m, first, last))
		return;
	vm_op_begin_inside(); /* direct I/O has the page locked for which a fault may be waiting */
	down_read(&m->map_lock);
	list_for_each_entry(f, &m->nonlinear, node)
		cut_area(f, first, last);
	up_read(&m->map_lock);
	vm_op_end();
}

/* --- write-protecting -------------------------------------------------------------------------------------------------------------- */
static void clean_table(const struct address_space *m, struct mm *mm, unsigned long addr, unsigned long end, u32 *cpus)
{
	struct page *pt;
	pte_t *first = pte_lock_at(mm, addr, &pt), *pte = first;

	if (!first)
		return;
	for (; (addr = pte_skip_none(&pte, addr, end)) != end; addr += MMU_PAGE_SIZE, pte++) {
		struct page *page = pte_page(*pte);
		pte_t e;

		if (!pte_present(*pte) || page->mapping != m || !(pte_write(*pte) || pte_dirty(*pte)))
			continue;
		e = pte_take(pte);
		if (pte_dirty(e) && !page_dirty(page) && !page_locked(page)) /* locked: perhaps one of the batch, which is clean by now */
			mark_page_dirty(page);
		*cpus |= mm->mmu.cpus;
		pte_set(pte, pte_mkclean(pte_wrprotect(e)));
	}
	pte_unlock_at(first, pt);
}

static void clean_area(const struct address_space *m, const struct vma *v, u32 *cpus)
{
	unsigned long addr = READ_ONCE(v->start), end = READ_ONCE(v->end), next;

	for (; addr < end; addr = next) {
		next = table_end(addr, end);
		clean_table(m, v->mm, addr, next, cpus);
		cond_resched();
	}
}

/* A page becomes writable under its lock: PTE, then count, then unlock. So who holds the lock of a page, and sees the count that was there
 * when the last scan began, knows that no PTE of it is writable. */
void nonlinear_clean(struct address_space *m)
{
	int seen = atomic_read(&m->nonlinear_writes);
	struct nonlinear_file *f;
	u32 cpus = 0;

	if (seen == READ_ONCE(m->nonlinear_cleaned))
		return;
	smp_rmb();
	down_read(&m->map_lock);
	list_for_each_entry(f, &m->nonlinear, node)
		clean_area(m, f->vma, &cpus);
	up_read(&m->map_lock);
	if (cpus)
		flush_tlb_cpus(cpus);
	WRITE_ONCE(m->nonlinear_cleaned, seen);
}

/* --- fork -------------------------------------------------------------------------------------------------------------------------- */
/* Both PTLs held. */
static void dup_entries(struct mm *mm, struct page *to, pte_t *s, pte_t *d, unsigned long addr, unsigned long end)
{
	struct pin_run run = { .zone = NULL };
	long apart = (char *)d - (char *)s;

	for (; (addr = pte_skip_none(&s, addr, end)) != end; addr += MMU_PAGE_SIZE, s++) {
		struct page *page = pte_page(*s);

		if (pte_present(*s)) {
			get_page(page);
			pin_run_page(&run, page, true);
			atomic_inc(page_swapbacked(page) ? &mm->rss_shmem : &mm->rss_file);
		}
		*(pte_t *)((char *)s + apart) = *s; /* no hardware looks at it yet */
		pt_count(to, 1);
	}
	pin_run_end(&run);
}

static void dup_table(struct mm *mm, struct page *from, struct page *to, unsigned long addr, unsigned long end)
{
	pte_t *s = pte_map(from, addr), *d = pte_map(to, addr);

	spin_lock(&from->ptl);
	spin_lock_nested(&to->ptl, 1);
	dup_entries(mm, to, s, d, addr, end);
	spin_unlock(&to->ptl);
	spin_unlock(&from->ptl);
	pte_unmap(d);
	pte_unmap(s);
}

/* => child is linked; the parent's mmap lock: write */
int nonlinear_dup(struct vma *child, struct mm *from)
{
	for (unsigned long addr = child->start, next; addr < child->end; addr = next) {
		struct page *pt = pt_page(from, addr);

		next = table_end(addr, child->end);
		if (!pt)
			continue;
		if (pt_alloc(child->mm, addr))
			return -ENOMEM;
		dup_table(child->mm, pt, pt_page(child->mm, addr), addr, next);
		cond_resched();
	}
	return 0;
}
