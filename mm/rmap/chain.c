/* SPDX-License-Identifier: MIT
 *
 * rmap.anon=chain, rmap.file=chain: each page knows the PTEs that map it (Rik van Riel, 2.5.27; direct pointers by Dave
 * McCracken, arrays by Andrew Morton; out again in 2.6.7). No search is ever needed: a walk meets exactly the mappings
 * that exist. It is paid for with an entry for each of them, in low memory, and with work at each fault, fork and exit.
 *
 * Life of an entry: made when its PTE is set, dropped when it is cleared, both under the PTL and then the page's state
 * lock; so as long as the state lock is held and the entry is there, its table, and the mm that owns it, are there too. A
 * chain's memory was got before (reserve): fork reserves for a whole page table, a fault for one page.
 *
 * Locks: PTL > state lock when entries change. A walk starts from the page, holds the state lock and only tries the PTL: a
 * busy one makes its answer RMAP_AGAIN. Removing searches the chain: O(mappings) with the lock held.
 *
 * What it cannot do: name a vma (m->vma is NULL); survive 100 processes that map 2.7 GB each (0.53 GB of chains).
 */
#include "mm/rmap/objects.h"
#include "mm/rmap/ptechain.h"
#include "mm/rmap/statelock.h"

/* --- adding and removing: under the PTL ------------------------------------------------------------------------------------- */
static void chain_add(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	locator_t l = locator_of(vma->mm, addr);

	state_lock(page);
	ptechain_add(page, l, b);
	state_unlock(page);
}

/* A page that nobody else can see needs no lock. What comes back from the swap cache does. */
static void chain_add_anon(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	if (unlikely(page_anon(page) || page_swapcache(page))) {
		if (!page_anon(page)) { /* page lock held */
			page->key = state_key();
			page->mapping = (struct address_space *)PAGE_MAPPING_ANON;
		}
		chain_add(page, vma, addr, b);
		return;
	}
	page->direct = locator_of(vma->mm, addr);
	page->key = state_key();
	page->mapping = (struct address_space *)PAGE_MAPPING_ANON;
}

static void chain_remove(struct page *page, struct mm *mm, unsigned long addr)
{
	locator_t l = locator_of(mm, addr);

	state_lock(page);
	ptechain_remove(page, l);
	state_unlock(page);
}

/* mremap: the entry follows its PTE; both PTLs are held, so no walk meets the moment between. */
static bool chain_move(struct page *page, struct vma *from, unsigned long old, struct vma *to, unsigned long new)
{
	locator_t a = locator_of(from->mm, old), b = locator_of(to->mm, new);

	state_lock(page);
	ptechain_replace(page, a, b);
	state_unlock(page);
	return true;
}

/* Without the lock where the answer cannot be wrong for long: a page with one mapping has no chain. */
static int chain_mapcount(struct page *page)
{
	int n;

	if (!page_chain(page))
		return page_mapped(page);
	state_lock(page);
	n = ptechain_count(page);
	state_unlock(page);
	return n;
}

/* --- the walk ------------------------------------------------------------------------------------------------------------------ */
/* => RMAP_UNMAPPED: the entry must go. State lock held */
static enum rmap_verdict visit_entry(struct rmap_walk *w, locator_t l, bool *busy)
{
	struct page *table = locator_table(l);
	struct rmap_mapping m = { .mm = table->pt_mm };
	enum rmap_verdict v;
	u32 hits = w->hits;

	if (!spin_trylock(&table->ptl)) {
		w->candidates++;
		*busy = true;
		return RMAP_KEEP;
	}
	m.addr = table->address + locator_slot(l) * MMU_PAGE_SIZE; /* it may move with its table: so under the PTL */
	m.pte = (pte_t *)kmap(table) + locator_slot(l);
	v = rmap_visit_pte(w, &m, table);
	BUG_ON(w->hits == hits); /* an entry without its PTE */
	kunmap(m.pte);
	spin_unlock(&table->ptl);
	return v;
}

static enum rmap_result chain_walk(struct rmap_walk *w)
{
	struct chain_pos pos;
	bool busy = false;
	locator_t l;

	state_lock(w->page);
	for (bool more = ptechain_first(w->page, &pos, &l); more && !w->stop; more = ptechain_next(w->page, &pos, &l))
		if (visit_entry(w, l, &busy) == RMAP_UNMAPPED) {
			ptechain_drop(w->page, &pos);
			put_page(w->page); /* the PTE's; the caller of the walk has one of its own */
		}
	ptechain_settle(w->page);
	state_unlock(w->page);
	return busy ? RMAP_AGAIN : RMAP_DONE;
}

/* --- areas: a page knows its PTEs, so nobody asks for areas ---------------------------------------------------------------------- */
static int chain_init(void)
{
	int err = locator_init();

	return err ? err : ptechain_init();
}
static void no_vma(struct vma *vma) {}
static int no_prepare(struct vma *vma, struct rmap_batch *b, unsigned pages) { return 0; }
static int no_pair(struct vma *a, struct vma *b) { return 0; }
static bool always(const struct vma *a, const struct vma *b) { return true; }

const struct rmap_scheme rmap_anon_chain = {
	.name = "chain",
	.about = "each page knows its PTEs (2.5.27)",
	.counts = true,
	.by_table = true,
	.init = chain_init,
	.vma_init = no_vma,
	.prepare = no_prepare,
	.reserve = ptechain_reserve,
	.unprepare = ptechain_unreserve,
	.vma_fork = no_pair,
	.vma_clone = no_pair,
	.can_merge = always,
	.vma_merge = no_pair,
	.vma_unlink = no_vma,
	.adjust_begin = no_vma,
	.adjust_end = no_vma,
	.add = chain_add_anon,
	.dup = chain_add,
	.remove = chain_remove,
	.move = chain_move,
	.mapcount = chain_mapcount,
	.walk = chain_walk,
	.describe = ptechain_describe,
};

/* Truncation wants the areas of a file, chains or not: 2.5 kept its plain list. */
const struct rmap_scheme rmap_file_chain = {
	.name = "chain",
	.about = "each page knows its PTEs (2.5.27), a list of vmas for truncate",
	.vma_bytes = LIST_TAIL_BYTES,
	.counts = true,
	.by_table = true,
	.init = chain_init,
	.vma_init = list_vma_init,
	.reserve = ptechain_reserve,
	.unprepare = ptechain_unreserve,
	.vma_link = list_vma_link,
	.vma_unlink = list_vma_unlink,
	.vma_leave = list_vma_leave,
	.adjust_begin = list_adjust_begin,
	.adjust_end = list_adjust_end,
	.add = chain_add,
	.dup = chain_add,
	.remove = chain_remove,
	.move = chain_move,
	.mapcount = chain_mapcount,
	.walk = chain_walk,
	.unmap_range = list_unmap_range,
	.describe = ptechain_describe,
};
