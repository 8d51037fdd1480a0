/* SPDX-License-Identifier: MIT
 *
 * rmap.anon=onelist: the simplest reverse map that is right, as a place to start your own from (README.md beside this
 * file tells how to build it in). All areas of the machine that hold anonymous pages stand on one list; a page knows its
 * place in its area; a walk asks every area of the list.
 *
 * Each function says what it answers for. What may be relied on, and what is promised, stands at the top of rmap.h.
 */
#include "mm/rmap/schemes.h"

/* 1. What you keep for each area, behind struct vma (vma_bytes), for each address space, behind struct mm (mm_bytes), and
 *    for each page, in page->mapping (low bit PAGE_MAPPING_ANON) and page->index. Others never look at it. */
struct tail {
	struct list_head node; /* everywhere.lock; empty: not on the list */
};
static struct { struct rwsem lock; struct list_head areas; } everywhere;

static inline struct tail *tail_of(const struct vma *vma) { return rmap_tail_anon(vma); }
static inline struct vma *vma_of(struct tail *t) { return (struct vma *)((char *)t - rmap_anon_tail); }

static int onelist_init(void)
{
	rwsem_init(&everywhere.lock, "onelist");
	INIT_LIST_HEAD(&everywhere.areas);
	return 0;
}

static void onelist_vma_init(struct vma *vma) { INIT_LIST_HEAD(&tail_of(vma)->node); }

/* 2. Areas. An area must be findable before its first page appears and until its last is gone. */

static void enlist(struct vma *vma)
{
	down_write(&everywhere.lock);
	if (list_empty(&tail_of(vma)->node)) /* threads may come here together */
		list_add_tail(&tail_of(vma)->node, &everywhere.areas);
	up_write(&everywhere.lock);
}

/* Before anonymous pages appear in vma: the last moment at which you may sleep, allocate, and fail. Called for each fault,
 * so be quick where there is nothing to do. */
static int onelist_prepare(struct vma *vma, struct rmap_batch *b, unsigned pages)
{
	if (unlikely(list_empty(&tail_of(vma)->node)))
		enlist(vma);
	return 0;
}

/* to will map pages of from: a child's area after fork, the upper part of a split, the new place of mremap, or the
 * survivor of a merge. On the list's end: a child must be asked after its parent. */
static int onelist_share(struct vma *to, struct vma *from)
{
	if (!list_empty(&tail_of(from)->node))
		enlist(to);
	return 0;
}

/* May the pages of both be looked for as those of one area? Not if that needed two answers: an anon_vma, say. */
static bool onelist_can_merge(const struct vma *a, const struct vma *b) { return true; }

/* Its last page is gone. */
static void onelist_unlink(struct vma *vma)
{
	down_write(&everywhere.lock);
	list_del_init(&tail_of(vma)->node);
	up_write(&everywhere.lock);
}

/* start, end and pgoff change between these two: no walk may compute an address from half of them. */
static void onelist_adjust_begin(struct vma *vma) { down_write(&everywhere.lock); }
static void onelist_adjust_end(struct vma *vma) { up_write(&everywhere.lock); }

/* 3. Pages: under the page-table lock, so no sleeping and no failing. fork needs nothing here (dup): the child's area is on
 *    the list. Nor does unmapping (remove): a walk looks at page tables, and mapcount is kept for you. */

static void onelist_add(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	page->index = vma_pindex_at(vma, addr);
	page->mapping = (struct address_space *)((unsigned long)&everywhere | PAGE_MAPPING_ANON);
}

/* 4. The answer: hand each candidate to rmap_visit_one until it says stop. Say what you passed over by yourself. */
static enum rmap_result onelist_walk(struct rmap_walk *w)
{
	struct tail *t;

	down_read(&everywhere.lock);
	list_for_each_entry (t, &everywhere.areas, node) {
		struct vma *vma = vma_of(t);
		unsigned long addr;

		if (!rmap_vma_address(vma, w->page, &addr))
			w->candidates++;
		else if (!rmap_visit_one(w, vma->mm, vma, addr))
			break;
	}
	up_read(&everywhere.lock);
	return RMAP_DONE;
}

/* 5. The table. Further functions that you may need stand in rmap.h: reserve, dup, remove, move, unmapped, reuse, fits,
 *    mm_init, mm_exit, describe. */
const struct rmap_scheme rmap_anon_onelist = {
	.name = "onelist",
	.about = "every area of the machine on one list (a start for your own)",
	.vma_bytes = sizeof(struct tail),
	.init = onelist_init,
	.vma_init = onelist_vma_init,
	.prepare = onelist_prepare,
	.vma_fork = onelist_share,
	.vma_clone = onelist_share,
	.can_merge = onelist_can_merge,
	.vma_merge = onelist_share,
	.vma_unlink = onelist_unlink,
	.adjust_begin = onelist_adjust_begin,
	.adjust_end = onelist_adjust_end,
	.add = onelist_add,
	.walk = onelist_walk,
};
