/* SPDX-License-Identifier: MIT
 *
 * What the reverse map is asked for, written once for all schemes: referenced, unmap, mkclean.
 *
 * Flushes are gathered as a set of CPUs during a walk and done once, after it and before the page may be written out
 * or freed: visitors hold a PTL and must not wait for an interrupt on another CPU.
 */
#include "kernel/sched/sched.h"
#include "mm/reclaim/swap.h"
#include "mm/rmap/rmap.h"

/* --- was it used? ------------------------------------------------------------------------------------------------------ */

struct referenced { int young; u32 vm_flags; };

static enum rmap_verdict referenced_one(const struct rmap_mapping *m, struct page *page, void *arg)
{
	struct referenced *r = arg;

	if (m->vma)
		r->vm_flags |= m->vma->flags;
	if (pte_young(pte_read(m->pte))) {
		/* No flush: a translation that stays in a TLB costs one missed reference at worst. */
		pte_clear_bits(m->pte, PTE_ACCESSED);
		r->young++;
	}
	return RMAP_KEEP;
}

int rmap_referenced(struct page *page, u32 *vm_flags)
{
	struct referenced r = { 0 };

	rmap_walk(page, RMAP_REFERENCED, referenced_one, &r);
	*vm_flags = r.vm_flags;
	return r.young;
}

/* --- take it away ------------------------------------------------------------------------------------------------------ */

struct unmap { u32 cpus; int own; bool refused; };

/* Does anybody hold the anonymous page beside this PTE, its last, the swap cache, and who asks? He may be writing to it (direct I/O, exec)
 * behind the back of the dirty bit: without a PTE nobody would hear of it. References of that kind are taken under this PTL. */
static bool in_hand(const struct page *page, const struct unmap *u)
{
	return rmap_mapped_once(page) && atomic_read(&page->refcount) > 2 + u->own;
}

static void count_unmapped(struct mm *mm, const struct page *page)
{
	if (page_anon(page))
		atomic_dec(&mm->rss_anon);
	else if (page_swapbacked(page))
		atomic_dec(&mm->rss_shmem);
	else
		atomic_dec(&mm->rss_file);
}

static enum rmap_verdict unmap_one(const struct rmap_mapping *m, struct page *page, void *arg)
{
	struct unmap *u = arg;
	pte_t old;

	if (page_mlocked(page) || (page_anon(page) && (!page_swapcache(page) || in_hand(page, u) || !swap_dup_first(page)))) {
		u->refused = true; /* nowhere to bring it back from, or it must stay */
		return RMAP_STOP;
	}
	old = pte_take(m->pte);
	u->cpus |= m->mm->mmu.cpus;
	if (pte_dirty(old))
		mark_page_dirty(page);
	if (page_anon(page)) {
		pte_set(m->pte, pte_make_swap(page_swap_entry(page)));
		atomic_inc(&m->mm->swap_ents);
	}
	count_unmapped(m->mm, page);
	return RMAP_UNMAPPED;
}

enum rmap_result rmap_unmap(struct page *page, int own, u32 *cpus)
{
	struct unmap u = { .own = own };
	enum rmap_result r = rmap_walk(page, RMAP_UNMAP, unmap_one, &u);

	*cpus |= u.cpus;
	return u.refused ? RMAP_AGAIN : r;
}

/* --- let writes be seen again --------------------------------------------------------------------------------------------- */

struct mkclean { u32 cpus; int dirty; };

static enum rmap_verdict mkclean_one(const struct rmap_mapping *m, struct page *page, void *arg)
{
	struct mkclean *c = arg;
	pte_t old = pte_read(m->pte);

	if (!pte_write(old) && !pte_dirty(old))
		return RMAP_KEEP;
	old = pte_take(m->pte); /* atomically: the hardware may be setting the dirty bit now */
	c->dirty += pte_dirty(old);
	c->cpus |= m->mm->mmu.cpus;
	pte_set(m->pte, pte_mkclean(pte_wrprotect(old)));
	return RMAP_KEEP;
}

int rmap_mkclean(struct page *page)
{
	struct mkclean c = { 0 };

	while (rmap_walk(page, RMAP_MKCLEAN, mkclean_one, &c) == RMAP_AGAIN)
		cond_resched();
	if (c.cpus)
		flush_tlb_cpus(c.cpus);
	return c.dirty;
}
