/* SPDX-License-Identifier: MIT
 *
 * rmap.anon=anonvma: one list of vmas for all relatives of an anonymous area (Andrea Arcangeli, 2.6.7; locking as
 * Hugh Dickins left it in 2.6.9).
 *
 * A page points to the anon_vma of the area that first held it, with its place in the area as index. fork, split and
 * mremap put more vmas onto the list and touch no page. A walk computes, for each vma of the list, where it would map
 * the page, and looks there: cheap while families are small, O(relatives) for each page when they are not.
 *
 * Life of an anon_vma: made by prepare at the first write fault of an area; one reference for each vma on the list;
 * freed with the last. Pages hold none: a page that is mapped implies a vma on the list. A walk, which starts from a
 * page, may come too late: it takes a reference under RCU from an object that keeps its type for a grace period
 * (SLAB_TYPESAFE_RCU), and then asks whether the page is still mapped: if so, the object was the right one.
 *
 * Two different anon_vmas never merge, so neighbours that mprotect could make mergeable share one from the start.
 */
#include "mm/rmap/anonvma.h"

struct anon_vma {
	struct rwsem lock;     /* level "anon_vma->lock" */
	atomic_t refcount;     /* vmas on the list and walks under way */
	u32 nr_vmas;           /* lock */
	struct list_head vmas; /* lock: anon_tail.node */
};

static struct kmem_cache *anon_vma_cache;

static inline struct anon_tail *tail_of(const struct vma *vma) { return rmap_tail_anon(vma); }
static inline struct vma *vma_of(struct anon_tail *t) { return (struct vma *)((char *)t - rmap_anon_tail); }

static void anon_vma_ctor(void *obj)
{
	struct anon_vma *av = obj;

	rwsem_init(&av->lock, "anon_vma");
	INIT_LIST_HEAD(&av->vmas);
	atomic_set(&av->refcount, 0);
	av->nr_vmas = 0;
}

int anonvma_init(void)
{
	anon_vma_cache = kmem_cache_create("anon_vma", sizeof(struct anon_vma), 0, SLAB_TYPESAFE_RCU, anon_vma_ctor);
	return anon_vma_cache ? 0 : -ENOMEM;
}

void anonvma_vma_init(struct vma *vma) { *tail_of(vma) = (struct anon_tail){ .av = NULL }; }

static void put_anon_vma(struct anon_vma *av)
{
	if (atomic_dec_and_test(&av->refcount)) {
		ASSERT(list_empty(&av->vmas));
		kmem_cache_free(anon_vma_cache, av);
	}
}

/* => av->lock held for writing */
static void chain(struct vma *vma, struct anon_vma *av)
{
	struct anon_tail *t = tail_of(vma);

	t->av = av;
	list_add_tail(&t->node, &av->vmas);
	av->nr_vmas++;
}

static void join(struct vma *vma, struct anon_vma *av)
{
	atomic_inc(&av->refcount);
	down_write(&av->lock);
	chain(vma, av);
	up_write(&av->lock);
}

/* --- areas ----------------------------------------------------------------------------------------------------------- */

/* Could mprotect make these two neighbours one area? Then they had better share an anon_vma. */
static bool could_merge(const struct vma *a, const struct vma *b)
{
	const u32 soft = VM_READ | VM_WRITE | VM_EXEC;

	return a->end == b->start && a->file == b->file && !((a->flags ^ b->flags) & ~soft) &&
	       b->pgoff.n == a->pgoff.n + vma_pages(a);
}

static struct anon_vma *neighbours_anon_vma(struct vma *vma)
{
	struct vma *next = vma_next(vma), *prev = vma_prev(vma);

	if (next && could_merge(vma, next) && tail_of(next)->av)
		return tail_of(next)->av;
	if (prev && could_merge(prev, vma) && tail_of(prev)->av)
		return tail_of(prev)->av;
	return NULL;
}

/* => mmap lock for reading at least: several threads may come at once, tree_lock decides */
noinline int anonvma_make(struct vma *vma)
{
	struct anon_vma *av = neighbours_anon_vma(vma);

	if (!av) {
		av = kmem_cache_alloc(anon_vma_cache, GFP_KERNEL);
		if (!av)
			return -ENOMEM;
		atomic_set(&av->refcount, 1);
	} else {
		atomic_inc(&av->refcount); /* the neighbour holds one while we hold the mmap lock */
	}
	down_write(&av->lock);
	spin_lock(&vma->mm->tree_lock);
	if (tail_of(vma)->av) {
		spin_unlock(&vma->mm->tree_lock);
		up_write(&av->lock);
		put_anon_vma(av);
		return 0;
	}
	chain(vma, av);
	spin_unlock(&vma->mm->tree_lock);
	up_write(&av->lock);
	return 0;
}

static int anonvma_prepare(struct vma *vma, struct rmap_batch *b, unsigned pages)
{
	return likely(READ_ONCE(tail_of(vma)->av)) ? 0 : anonvma_make(vma);
}

int anonvma_share(struct vma *to, struct vma *from)
{
	struct anon_vma *av = tail_of(from)->av;

	if (av)
		join(to, av);
	return 0;
}

bool anonvma_can_merge(const struct vma *a, const struct vma *b)
{
	struct anon_vma *x = tail_of(a)->av, *y = tail_of(b)->av;

	return !x || !y || x == y;
}

int anonvma_merge(struct vma *into, struct vma *gone)
{
	struct anon_vma *av = tail_of(gone)->av;

	if (av && !tail_of(into)->av)
		join(into, av);
	return 0;
}

void anonvma_unlink(struct vma *vma)
{
	struct anon_tail *t = tail_of(vma);
	struct anon_vma *av = t->av;

	if (!av)
		return;
	down_write(&av->lock);
	list_del(&t->node);
	av->nr_vmas--;
	up_write(&av->lock);
	t->av = NULL;
	put_anon_vma(av);
}

void anonvma_adjust_begin(struct vma *vma)
{
	if (tail_of(vma)->av)
		down_write(&tail_of(vma)->av->lock);
}

void anonvma_adjust_end(struct vma *vma)
{
	if (tail_of(vma)->av)
		up_write(&tail_of(vma)->av->lock);
}

/* --- pages ------------------------------------------------------------------------------------------------------------ */

static void anonvma_add(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	struct anon_vma *av = tail_of(vma)->av;

	ASSERT(av);
	if (page_anon(page)) /* swapped in, found in the swap cache: it knows its place */
		return;
	page->index = vma_pindex_at(vma, addr);
	page->mapping = (struct address_space *)((unsigned long)av | PAGE_MAPPING_ANON);
}

/* => the page's anon_vma with a reference, or NULL if nobody maps the page any more */
static struct anon_vma *get_anon_vma(struct page *page)
{
	unsigned long m;
	struct anon_vma *av = NULL;

	rcu_read_lock();
	m = (unsigned long)READ_ONCE(page->mapping);
	if (!(m & PAGE_MAPPING_ANON) || !page_mapped(page))
		goto out;
	av = (struct anon_vma *)(m & ~PAGE_MAPPING_ANON);
	if (!atomic_inc_not_zero(&av->refcount)) {
		av = NULL;
		goto out;
	}
	if (!page_mapped(page)) { /* it may have been freed and reused before we got the reference */
		rcu_read_unlock();
		put_anon_vma(av);
		return NULL;
	}
out:
	rcu_read_unlock();
	return av;
}

void anonvma_hold(struct anon_vma *av) { atomic_inc(&av->refcount); }

enum rmap_result anonvma_walk_list(struct rmap_walk *w, struct anon_vma *av)
{
	struct anon_tail *t;

	down_read(&av->lock);
	list_for_each_entry(t, &av->vmas, node) {
		struct vma *vma = vma_of(t);
		unsigned long addr;

		if (rmap_vma_address(vma, w->page, &addr) && !rmap_visit_one(w, vma->mm, vma, addr))
			break;
	}
	up_read(&av->lock);
	put_anon_vma(av);
	return RMAP_DONE;
}

static enum rmap_result anonvma_walk(struct rmap_walk *w)
{
	struct anon_vma *av = get_anon_vma(w->page);

	return av ? anonvma_walk_list(w, av) : RMAP_DONE;
}

const struct rmap_scheme rmap_anon_anonvma = {
	.name = "anonvma",
	.about = "a list of vmas per fork family (2.6.7)",
	.vma_bytes = sizeof(struct anon_tail),
	.init = anonvma_init,
	.vma_init = anonvma_vma_init,
	.prepare = anonvma_prepare,
	.vma_fork = anonvma_share,
	.vma_clone = anonvma_share,
	.can_merge = anonvma_can_merge,
	.vma_merge = anonvma_merge,
	.vma_unlink = anonvma_unlink,
	.adjust_begin = anonvma_adjust_begin,
	.adjust_end = anonvma_adjust_end,
	.add = anonvma_add,
	.walk = anonvma_walk,
};
