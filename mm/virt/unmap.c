/* SPDX-License-Identifier: MIT
 *
 * Taking mappings away: munmap, truncate, MADV_DONTNEED, exit.
 *
 * One pass over the PTEs of a range, one table at a time: kmap and PTL once per table, counts once per table. The pages
 * are gathered; when 128 have come together (1,152 if other CPUs must be interrupted for it), or at the end, every CPU
 * flushes once and they are freed in one go.
 * At exit nobody runs in the address space any more and no flush is needed at all.
 *
 *   zap PTEs -> areas leave reverse map and tree -> page tables unhooked -> flush -> free pages, tables (RCU)
 */
#include "mm/reclaim/swap.h"
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

/* --- gathering ------------------------------------------------------------------------------------------------------- */
void tlb_gather_start(struct tlb_gather *g, struct mm *mm, bool whole_mm)
{
	g->mm = mm;
	g->start = ~0UL;
	g->end = 0;
	g->whole_mm = whole_mm;
	g->pinned = false;
	g->nr = 0;
	g->tables = NULL;
	g->many = NULL;
}

static inline void put_gathered(struct page **pages, unsigned n)
{
	if (unlikely(swap_on))
		swap_drop_unused(pages, n);
	put_pages(pages, n);
}

static noinline void put_many(struct tlb_gather *g)
{
	for (unsigned i = 0; i < g->nr_many; i += GATHER_PAGES) /* put_pages holds lru_lock for long enough as it is */
		put_gathered(g->many + i, GATHER_PAGES);
	g->nr_many = 0;
}

static void flush_gathered(struct tlb_gather *g)
{
	if (g->start < g->end)
		flush_tlb_range(&g->mm->mmu, g->start, g->end);
	g->start = ~0UL;
	g->end = 0;
	if (unlikely(g->many))
		put_many(g);
	put_gathered(g->pages, g->nr);
	g->nr = 0;
}

/* Full, and other CPUs would have to be interrupted. => false: no more room without that */
static bool gather_more(struct tlb_gather *g)
{
	if (!g->many) {
		g->many = alloc_low(GFP_NOWAIT | __GFP_NOWARN, 0);
		g->nr_many = 0;
	}
	if (!g->many || g->nr_many == GATHER_MANY)
		return false;
	memcpy(g->many + g->nr_many, g->pages, sizeof(g->pages));
	g->nr_many += GATHER_PAGES;
	g->nr = 0;
	return true;
}

noinline void tlb_gather_full(struct tlb_gather *g)
{
	if (g->whole_mm || !mmu_elsewhere(&g->mm->mmu) || !gather_more(g))
		flush_gathered(g);
}

void tlb_gather_page(struct tlb_gather *g, struct page *page)
{
	if (g->nr == GATHER_PAGES)
		tlb_gather_full(g);
	g->pages[g->nr++] = page;
}

void tlb_gather_finish(struct tlb_gather *g)
{
	struct page *tables = g->tables;

	g->tables = NULL;
	flush_gathered(g);
	pt_free_chain(tables);
	if (unlikely(g->many))
		free_low(g->many, 0);
}

/* --- one table ------------------------------------------------------------------------------------------------------- */
/* No page is mapped there. keep: truncation, which leaves private copies alone. => the entry is none now */
static noinline bool zap_other(struct tlb_gather *g, pte_t *pte, bool keep)
{
	pte_t e = *pte;

	if (!pte_is_swap(e)) {
		pte_take(pte);
		return true;
	}
	if (keep)
		return false;
	pte_take(pte);
	atomic_dec(&g->mm->swap_ents);
	swap_free(pte_swap_entry(e));
	return true;
}

static inline pte_t take_entry(struct tlb_gather *g, pte_t *pte)
{
	pte_t e;

	if (!g->whole_mm)
		return pte_take(pte);
	e = *pte; /* no CPU uses it: nobody sets bits behind our back */
	pte->low = 0;
	pte->high = 0;
	return e;
}

enum rss { RSS_ANON, RSS_FILE, RSS_SHMEM, NR_RSS };

/* The entry at addr mapped a counted page. => PTL held */
static __always_inline void zap_page(struct tlb_gather *g, struct page *page, pte_t e, unsigned long addr, bool plain, int count[NR_RSS])
{
	if (likely(page_anon(page))) {
		count[RSS_ANON]++;
	} else {
		count[page_swapbacked(page) ? RSS_SHMEM : RSS_FILE]++;
		if (pte_dirty(e) && !page_dirty(page))
			mark_page_dirty(page);
	}
	if (likely(plain)) {
		ASSERT(page_mapped(page));
		atomic_dec(&page->mapcount);
	} else {
		if (g->pinned)
			page_unpin(page);
		rmap_remove(page, g->mm, addr);
	}
	g->pages[g->nr++] = page;
}

static void sub_rss(struct mm *mm, const int count[NR_RSS])
{
	if (count[RSS_ANON])
		atomic_sub(count[RSS_ANON], &mm->rss_anon);
	if (count[RSS_FILE])
		atomic_sub(count[RSS_FILE], &mm->rss_file);
	if (count[RSS_SHMEM])
		atomic_sub(count[RSS_SHMEM], &mm->rss_shmem);
}

/* One entry that is not none. => it is now */
static __always_inline bool zap_one(struct tlb_gather *g, pte_t *pte, unsigned long addr, bool keep_anon, bool plain, int count[NR_RSS])
{
	pte_t e = *pte;
	struct page *page;

	if (unlikely(!pte_present(e)))
		return zap_other(g, pte, keep_anon);
	page = pte_page(e);
	if (unlikely(keep_anon) && !pte_special(e) && page_anon(page))
		return false;
	e = take_entry(g, pte);
	if (!g->whole_mm)
		gather_flush(g, addr, addr + MMU_PAGE_SIZE);
	if (likely(!pte_special(e)))
		zap_page(g, page, e, addr, plain, count);
	return true;
}

/* Do both schemes count in struct page, and want to hear of nothing else? Asked once a table; an area without pins goes that way. */
static bool rmap_remove_plain(void)
{
	return !rmap_anon->counts && !rmap_anon->remove && !rmap_anon->unmapped && !rmap_file->counts && !rmap_file->remove;
}

/* Takes what stands in [*addr, end) until enough is gathered; *addr: where it stopped. PTL held. => entries gone */
static __always_inline unsigned zap_entries(struct tlb_gather *g, pte_t *pte, unsigned left, unsigned long *addr, unsigned long end,
					    bool keep_anon, const bool plain, int count[NR_RSS])
{
	unsigned long at = *addr;
	unsigned gone = 0;

	while (g->nr < GATHER_PAGES) {
		if (gone == left) {
			at = end;
			break;
		}
		at = pte_skip_none(&pte, at, end);
		if (at == end)
			break;
		gone += zap_one(g, pte++, at, keep_anon, plain, count);
		at += MMU_PAGE_SIZE;
	}
	*addr = at;
	return gone;
}

static noinline unsigned zap_entries_told(struct tlb_gather *g, pte_t *pte, unsigned left, unsigned long *addr, unsigned long end,
					  bool keep_anon, int count[NR_RSS])
{
	unsigned gone;

	rmap_run_begin();
	gone = zap_entries(g, pte, left, addr, end, keep_anon, false, count);
	rmap_run_end();
	return gone;
}

/* => where it stopped, because enough was gathered: short of end, the caller flushes and comes again */
static unsigned long zap_table(struct tlb_gather *g, struct page *pt, unsigned long addr, unsigned long end, bool keep_anon)
{
	pte_t *pte = pte_map(pt, addr);
	int count[NR_RSS] = { 0 };
	unsigned gone;

	spin_lock(&pt->ptl);
	if (likely(rmap_remove_plain() && !g->pinned))
		gone = zap_entries(g, pte, pt->inuse, &addr, end, keep_anon, true, count);
	else
		gone = zap_entries_told(g, pte, pt->inuse, &addr, end, keep_anon, count);
	pt_count(pt, -gone);
	sub_rss(g->mm, count);
	spin_unlock(&pt->ptl);
	pte_unmap(pte);
	return addr;
}

static void zap_tables(struct tlb_gather *g, unsigned long addr, unsigned long end, bool keep_anon)
{
	while (addr < end) {
		unsigned long next = table_end(addr, end);
		pmd_t *pmd = mmu_pmd(&g->mm->mmu, addr);
		struct page *pt = pmd ? pt_page_of(pmd) : NULL;

		if (!pmd)
			next = min((addr | ((1UL << PDPT_SHIFT) - 1)) + 1, end);
		while (pt && (addr = zap_table(g, pt, addr, next, keep_anon)) != next) {
			tlb_gather_full(g);
			cond_resched();
		}
		addr = next;
	}
}

/* --- ranges ------------------------------------------------------------------------------------------------------------ */
/* => mmap lock (read is enough where areas stay); the caller finishes g */
void zap_range(struct tlb_gather *g, struct vma *v, unsigned long start, unsigned long end)
{
	g->pinned = v->flags & VM_LOCKED;
	if (unlikely(g->pinned) && vma_nonlinear(v))
		nonlinear_zap(g, v, start, end);
	else
		zap_tables(g, start, end, false);
}

static void note_rss(struct mm *mm)
{
	long rss;

	if (current->mm == mm)
		rss_settle(current);
	rss = atomic_read(&mm->rss_anon) + atomic_read(&mm->rss_file) + atomic_read(&mm->rss_shmem); /* other threads' latest left out */
	if (rss > (long)mm->hiwater_rss)
		mm->hiwater_rss = rss;
}

void zap_vma(struct vma *v, unsigned long start, unsigned long end)
{
	struct tlb_gather g;

	note_rss(v->mm);
	tlb_gather_start(&g, v->mm, false);
	zap_range(&g, v, start, end);
	tlb_gather_finish(&g);
}

void zap_file_range(struct vma *v, unsigned long start, unsigned long end, bool even_cows)
{
	struct tlb_gather g;

	tlb_gather_start(&g, v->mm, false);
	g.pinned = v->flags & VM_LOCKED;
	zap_tables(&g, start, end, !even_cows);
	tlb_gather_finish(&g);
}

/* Cut one area down to what lies outside [start, end), or take it away. Its pages there are gone already. */
static void cut_area(struct mm *mm, struct vma *v, unsigned long start, unsigned long end)
{
	unsigned long from = max(v->start, start), to = min(v->end, end);

	if (v->flags & VM_ACCOUNT)
		vm_uncharge((to - from) >> MMU_PAGE_SHIFT);
	if (v->start < start) {
		vma_set_range(v, v->start, start, v->pgoff);
	} else if (v->end > end) {
		vma_set_range(v, end, v->end, vma_pgoff_at(v, end));
	} else {
		rmap_vma_unlink(v);
		vma_remove(mm, v);
	}
}

/* munmap's work: only a hole inside one area needs memory. => 0; -ENOMEM: nothing has changed. mmap lock: write */
int unmap_areas(struct mm *mm, unsigned long start, unsigned long end)
{
	struct vma *prev, *first = find_vma_intersection(mm, start, end), *v, *next, *upper;
	unsigned long from, to = 0;
	struct tlb_gather g;
	int err;

	if (!first)
		return 0;
	if (first->start < start && first->end > end) {
		err = vma_split(first, end, &upper);
		if (err)
			return err;
	}
	note_rss(mm);
	tlb_gather_start(&g, mm, false);
	from = max(first->start, start);
	for (v = first; v && v->start < end; v = vma_next(v)) {
		to = min(v->end, end);
		zap_range(&g, v, max(v->start, start), to);
	}
	prev = first->start < start ? first : vma_prev(first);
	for (v = first; v && v->start < end; v = next) {
		next = vma_next(v);
		cut_area(mm, v, start, end);
		if (v->start == end) { /* its head was cut off: it is what comes next */
			next = v;
			break;
		}
	}
	pt_free_range(&g, from, to, prev ? prev->end : 0, v ? v->start : TASK_SIZE);
	tlb_gather_finish(&g);
	return 0;
}

/* --- exit ---------------------------------------------------------------------------------------------------------------- */
/* => nobody lives in mm any more and none can come */
void exit_mmap(struct mm *mm)
{
	unsigned long charged = 0;
	struct tlb_gather g;
	struct vma *next;

	mmap_write_lock(mm, MM_ALL);
	tlb_gather_start(&g, mm, true);
	for_each_vma(mm, v)
		zap_range(&g, v, v->start, v->end);
	gather_flush(&g, 0, TASK_SIZE); /* for CPUs that have its page tables loaded still, if any */
	for (struct vma *v = first_vma(mm); v; v = next) {
		next = vma_next(v);
		rmap_vma_unlink(v);
		if (v->flags & VM_ACCOUNT)
			charged += vma_pages(v);
		pt_free_range(&g, v->start, v->end, 0, next ? next->start : TASK_SIZE);
		v->rcu.next = (struct rcu_head *)mm->corpses;
		mm->corpses = v;
	}
	mm->vmas = RB_ROOT;
	mm->hint = NULL;
	mm->map_count = 0;
	tlb_gather_finish(&g);
	vm_uncharge(charged);
	mmap_write_unlock(mm, MM_ALL);
}
