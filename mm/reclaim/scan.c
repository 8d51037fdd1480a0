/* SPDX-License-Identifier: MIT
 *
 * A batch of pages, off the cold end of an inactive list: which of them can be freed, and freeing those.
 *
 *   1. each page, its lock only tried:   used lately? -> stays, or becomes active
 *                                        anonymous, tmpfs: a swap slot (swap_add_page)
 *                                        every PTE that maps it goes; the CPUs that may remember it are gathered
 *   2. one TLB flush for all of them
 *   3. each again, still locked:         dirty, swap: write-out starts; the page comes back when it has ended (PG_reclaim)
 *                                        clean: out of its file or the swap cache; freed with the others of the batch
 *   4. dirty pages of files, alone and with no other page locked: their file system may want the lock of any
 *
 * What "used" means. A mapped page: the hardware's accessed bits, gathered and cleared by rmap_referenced. A page that
 * was read or written through its file: PG_referenced (mark_page_accessed). An anonymous page in use becomes active. A
 * page of a file that was used once stays inactive and must be used again before it comes round: so a stream of reads passes
 * through the inactive list and pushes nothing out of the active one.
 *
 * Locks: page locks (several, tried only) > those of rmap_walk; nothing of a zone is held. Pages stay in an array: see
 * mm/phys/lru_scan.c. A walk that had to give up (RMAP_AGAIN) leaves the page for another time.
 */
#include "arch/i386/pgtable.h"
#include "drivers/block/block.h"
#include "kernel/time/clock.h"
#include "mm/cache/writeback.h"
#include "mm/reclaim/internal.h"
#include "mm/reclaim/swap.h"
#include "mm/rmap/rmap.h"

enum fate {
	FATE_KEEP,      /* inactive */
	FATE_ACTIVATE,
	FATE_READY,     /* locked, nobody maps it: to be written to swap, or freed */
	FATE_WRITE,     /* a dirty page of a file */
	FATE_FREED,     /* out of everything; our reference is the last */
};

/* --- was it used? ------------------------------------------------------------------------------------------------------ */
/* => FATE_READY: no; with *once, it was, a little: only to be taken if that costs no writing */
static enum fate judge_use(struct page *page, bool *once)
{
	u32 vm_flags = 0;
	int young = page_mapped(page) ? rmap_referenced(page, &vm_flags) : 0;
	bool flagged = test_clear_page_referenced(page);

	*once = false;
	if (vm_flags & VM_LOCKED)
		return FATE_KEEP; /* its pin is just coming */
	if (!young) {
		*once = flagged && !page_swapbacked(page);
		return FATE_READY;
	}
	if (page_swapbacked(page) || flagged || young > 1 || vm_flags & VM_EXEC)
		return FATE_ACTIVATE;
	set_page_referenced(page);
	return FATE_KEEP;
}

/* Of a segment under SHM_LOCK; page is locked. */
static bool shm_locked(const struct page *page)
{
	const struct address_space *m = page->mapping;

	return m && !page_anon(page) && m->flags & MAPPING_LOCKED;
}

/* --- 1: out of the page tables -------------------------------------------------------------------------------------------- */
/* An anonymous page whose last user leaves just now: he may not have seen that it has a slot, which he had to free. */
static bool enter_swap(struct page *page, const struct scan *s)
{
	if (!(s->gfp & __GFP_IO) || swap_add_page(page))
		return false;
	if (!page_anon(page) || page_mapped(page))
		return true;
	swap_try_free(page);
	return false;
}

/* page is locked. => FATE_READY: still locked, nobody maps it */
static enum fate detach_locked(struct page *page, struct scan *s, u32 *cpus)
{
	enum fate fate = FATE_READY;
	bool once = false;

	if (page_mlocked(page) || (!page->mapping && !page_swapcache(page)))
		return FATE_KEEP; /* pinned meanwhile, or truncated: its last user frees it. Of the swap cache: nobody has mapped it yet */
	if (page_writeback(page)) {
		s->writeback++;
		set_page_reclaim(page);
		return FATE_KEEP;
	}
	if (!s->force)
		fate = judge_use(page, &once);
	if (fate != FATE_READY)
		return fate;
	if (page_swapbacked(page) && unlikely(shm_locked(page)))
		return FATE_ACTIVATE;
	if (page_swapbacked(page) && !page_swapcache(page) && !enter_swap(page, s))
		return FATE_ACTIVATE;
	if (page_mapped(page) && (rmap_unmap(page, s->force ? 2 : 1, cpus) != RMAP_DONE || page_mapped(page)))
		return FATE_ACTIVATE;
	if (!page_dirty(page))
		return FATE_READY;
	if (once || !(s->gfp & __GFP_IO))
		return FATE_KEEP;
	return page_swapcache(page) ? FATE_READY : FATE_WRITE;
}

static enum fate detach(struct page *page, struct scan *s, u32 *cpus)
{
	enum fate fate;

	if (!trylock_page(page))
		return FATE_KEEP;
	fate = detach_locked(page, s, cpus);
	if (fate != FATE_READY)
		swap_unlock_page(page);
	return fate;
}

/* --- 3 and 4: written or freed ------------------------------------------------------------------------------------------------ */
static enum fate swap_out(struct page *page, struct scan *s)
{
	set_page_reclaim(page);
	if (!swap_write_page(page)) {
		s->writeback++;
		return FATE_KEEP;
	}
	clear_page_reclaim(page);
	swap_unlock_page(page);
	return FATE_ACTIVATE;
}

/* page is locked, not mapped when we looked, and the TLBs are flushed. Unlocked afterwards. */
static enum fate finish(struct page *page, struct scan *s)
{
	bool gone;

	if (page_swapcache(page)) {
		gone = swap_remove_clean(page);
		if (!gone && page_dirty(page) && !page_mapped(page))
			return swap_out(page, s);
	} else {
		gone = page_mapping(page) && cache_remove_clean(page);
	}
	swap_unlock_page(page);
	return gone ? FATE_FREED : FATE_KEEP;
}

/* No other page is locked. kswapd writes; who allocates has the flushers told. */
static enum fate write_file_page(struct page *page, struct scan *s)
{
	u32 scope;

	s->dirty++;
	set_page_reclaim(page); /* whoever writes it: it comes back to the cold end, and we are woken */
	if (!s->background || s->priority > SCAN_PRIORITY - 4 || !trylock_page(page))
		return FATE_KEEP;
	if (!page_mapping(page) || !page_dirty(page) || page_mapped(page) || page_writeback(page)) {
		unlock_page(page);
		return FATE_KEEP;
	}
	scope = gfp_scope_begin(__GFP_IO | __GFP_FS);
	if (!write_one_page(page))
		s->writeback++;
	gfp_scope_end(scope);
	return FATE_KEEP;
}

/* --- the batch -------------------------------------------------------------------------------------------------------------- */
static void detach_all(struct page **pages, unsigned n, struct scan *s, u8 *fate)
{
	u32 cpus = 0;

	for (unsigned i = 0; i < n; i++)
		fate[i] = detach(pages[i], s, &cpus);
	if (cpus)
		flush_tlb_cpus(cpus);
}

/* Pages that stay move to the front; the others are freed together. => how many stay; *active: those of them that were in use */
static unsigned sort_out(struct page **pages, unsigned n, const u8 *fate, u32 *active)
{
	struct page *gone[SCAN_BATCH];
	unsigned freed = 0, kept = 0;

	*active = 0;
	for (unsigned i = 0; i < n; i++) {
		if (fate[i] == FATE_FREED) {
			gone[freed++] = pages[i];
			continue;
		}
		if (fate[i] == FATE_ACTIVATE)
			*active |= 1u << kept;
		pages[kept++] = pages[i];
	}
	put_pages(gone, freed);
	return kept;
}

/* pages[0..n), n <= SCAN_BATCH, of one zone, on no list, each with a reference of ours. What cannot be freed (yet) goes back to its
 * list. => freed; *activated: how many were found in use */
unsigned shrink_batch(struct zone *z, struct page **pages, unsigned n, struct scan *s, unsigned *activated)
{
	u8 fate[SCAN_BATCH];
	struct plug plug;
	unsigned kept;
	u32 active;

	might_sleep();
	if (unlikely(!vm_op_trybegin())) { /* the oracle of a debug build is at work: nothing may change */
		msleep(10);
		lru_give_back(z, pages, n, 0);
		*activated = 0;
		return 0;
	}
	plug_begin(&plug);
	detach_all(pages, n, s, fate);
	for (unsigned i = 0; i < n; i++)
		if (fate[i] == FATE_READY)
			fate[i] = finish(pages[i], s);
	for (unsigned i = 0; i < n; i++)
		if (fate[i] == FATE_WRITE)
			fate[i] = write_file_page(pages[i], s);
	plug_end(&plug);
	vm_op_end();
	kept = sort_out(pages, n, fate, &active);
	*activated = hweight32(active);
	lru_give_back(z, pages, kept, active);
	s->freed += n - kept;
	return n - kept;
}

unsigned long reclaim_pages(struct page **pages, unsigned n)
{
	struct scan s = { .gfp = GFP_KERNEL, .force = true, .want = n };
	unsigned active;

	return n ? shrink_batch(page_zone(pages[0]), pages, n, &s, &active) + s.writeback : 0;
}
