/* SPDX-License-Identifier: MIT
 *
 * rmap.anon=avc: chains between vmas and anon_vmas (Rik van Riel, 2.6.34; interval trees by Michel Lespinasse, 3.7).
 *
 * Each process has an anon_vma of its own for the pages that it makes, and each vma stands also in those of all its
 * ancestors, for the pages that it may still share with them. A link between a vma and an anon_vma is an object by itself,
 * the avc:
 *
 *     parent's vma --- avc ------------------- anon_vma P   (root, and the family's lock)
 *     child's vma  --- avc ----------------------'              page of before the fork: looked for in both
 *                  `-- avc ------------------- anon_vma C   page that the child made:   looked for in one
 *
 * So a page that a child has copied for itself is looked for in the child alone, where anonvma asks all relatives. The
 * price: 32 bytes for each generation and vma, and that fork, split and merge can fail for want of memory.
 *
 * Life of an anon_vma: made by prepare (a root) or fork (a child); one reference for "some vma stands in it", one for
 * each walk under way, and in a root one for each descendant: the lock of all lies in the root, so it goes last. As in
 * anonvma.c pages hold none, and a walk that comes from a page finds out afterwards whether it was the right object.
 *
 * A vma that stands in an anon_vma stands in that one's parent too; so a parent is never emptied before its children.
 *
 * Endless growth: a lineage in which each fork's parent exits would make a level each generation, and every vma would
 * hang on all of them. So fork takes an ancestor's anon_vma that nobody calls his own and that has one child at most (the
 * idea of 2014, with the two counts that took the place of its one in 2022, when a page was freed under a walk because
 * an anon_vma had been taken twice). Then there are at most twice as many anon_vmas as vmas.
 */
#include "mm/rmap/itree.h"
#include "mm/rmap/schemes.h"

struct anon_vma {
	struct anon_vma *root;      /* f: its lock is the family's */
	struct anon_vma *parent;    /* f: a root's is itself */
	struct rwsem lock;          /* level "anon_vma->lock"; used in roots only */
	atomic_t refcount;
	u32 children;               /* root->lock: anon_vmas with vmas whose parent this is; a root counts itself */
	u32 owners;                 /* root->lock: vmas whose new pages come here */
	struct rb_root_cached vmas; /* root->lock: avc.node by place in the area */
};
#ifndef CONFIG_DEBUG
static_assert(sizeof(struct anon_vma) == 44, "one for each process and area that it wrote to");
#endif

struct avc {
	struct vma *vma;            /* f */
	struct anon_vma *av;        /* f */
	struct list_head of_vma;    /* mmap lock for writing; the first one of a vma: mmap lock and tree_lock */
	struct itree_node node;     /* root->lock */
};
static_assert(sizeof(struct avc) == 32, "a link: as much as the interval-tree form of 2012");

struct anon_tail {
	struct anon_vma *av;        /* where new pages go. mmap lock for writing; from NULL: tree_lock */
	struct list_head chain;     /* avc.of_vma, from av to the root. The same */
};
static_assert(sizeof(struct anon_tail) == 12, "as in 2.6.34");

static struct kmem_cache *anon_vma_cache, *avc_cache;

static inline struct anon_tail *tail_of(const struct vma *vma) { return rmap_tail_anon(vma); }
static inline struct avc *avc_of(const struct itree_node *n) { return container_of(n, struct avc, node); }
static inline unsigned long first_of(const struct itree_node *n) { return avc_of(n)->vma->pgoff.n; }
static inline unsigned long last_of(const struct itree_node *n) { return first_of(n) + vma_pages(avc_of(n)->vma) - 1; }
ITREE_DEFINE(places, first_of, last_of)
#define for_each_avc(c, vma) list_for_each_entry (c, &tail_of(vma)->chain, of_vma)

static void anon_vma_ctor(void *obj)
{
	struct anon_vma *av = obj;

	rwsem_init(&av->lock, "anon_vma");
	atomic_set(&av->refcount, 0);
	av->vmas = RB_ROOT_CACHED;
}

static int avc_init(void)
{
	anon_vma_cache = kmem_cache_create("anon_vma", sizeof(struct anon_vma), 0, SLAB_TYPESAFE_RCU, anon_vma_ctor);
	avc_cache = kmem_cache_create("anon_vma_chain", sizeof(struct avc), 0, 0, NULL);
	return anon_vma_cache && avc_cache ? 0 : -ENOMEM;
}

static void avc_vma_init(struct vma *vma)
{
	tail_of(vma)->av = NULL;
	INIT_LIST_HEAD(&tail_of(vma)->chain);
}

/* --- objects -------------------------------------------------------------------------------------------------------- */

/* parent NULL: a root. => one reference, no vma in it yet; NULL */
static struct anon_vma *new_anon_vma(struct anon_vma *parent)
{
	struct anon_vma *av = kmem_cache_alloc(anon_vma_cache, GFP_KERNEL);

	if (!av)
		return NULL;
	av->parent = parent ?: av;
	av->root = parent ? parent->root : av;
	av->children = !parent;
	av->owners = 0;
	if (parent)
		atomic_inc(&av->root->refcount);
	atomic_set(&av->refcount, 1); /* last: a late walk may find it from here on */
	return av;
}

/* => root->lock not held */
static void put_anon_vma(struct anon_vma *av)
{
	struct anon_vma *root = av->root;

	if (!atomic_dec_and_test(&av->refcount))
		return;
	ASSERT(rb_empty_root(&av->vmas.root));
	kmem_cache_free(anon_vma_cache, av);
	if (root != av)
		put_anon_vma(root); /* once deep: a root is its own root */
}

static void free_links(struct list_head *links)
{
	struct avc *c, *next;

	list_for_each_entry_safe (c, next, links, of_vma)
		kmem_cache_free(avc_cache, c);
}

/* n links for later. => 0; -ENOMEM: none */
static int get_links(struct list_head *links, unsigned n)
{
	while (n--) {
		struct avc *c = kmem_cache_alloc(avc_cache, GFP_KERNEL);

		if (!c) {
			free_links(links);
			return -ENOMEM;
		}
		list_add(&c->of_vma, links);
	}
	return 0;
}

static struct avc *take_link(struct list_head *links)
{
	struct avc *c = list_first_entry(links, struct avc, of_vma);

	list_del(&c->of_vma);
	return c;
}

/* c becomes the last link of vma. => root->lock: write */
static void link_to(struct avc *c, struct vma *vma, struct anon_vma *av)
{
	c->vma = vma;
	c->av = av;
	list_add_tail(&c->of_vma, &tail_of(vma)->chain);
	places_insert(&av->vmas, &c->node);
}

/* vma's new pages go to av from now on. => root->lock: write */
static void own(struct vma *vma, struct anon_vma *av)
{
	tail_of(vma)->av = av;
	av->owners++;
}

/* --- areas ------------------------------------------------------------------------------------------------------------ */

/* Could mprotect make these two neighbours one area? Then they had better share an anon_vma. */
static bool could_merge(const struct vma *a, const struct vma *b)
{
	const u32 soft = VM_READ | VM_WRITE | VM_EXEC;

	return a->end == b->start && a->file == b->file && !((a->flags ^ b->flags) & ~soft) &&
	       b->pgoff.n == a->pgoff.n + vma_pages(a);
}

/* Only from one that has no ancestors: else we should need links to all of them. */
static struct anon_vma *usable(const struct vma *vma)
{
	struct anon_vma *av = READ_ONCE(tail_of(vma)->av);

	return av && list_is_singular(&tail_of(vma)->chain) ? av : NULL;
}

static struct anon_vma *neighbours_anon_vma(struct vma *vma)
{
	struct vma *next = vma_next(vma), *prev = vma_prev(vma);
	struct anon_vma *av = next && could_merge(vma, next) ? usable(next) : NULL;

	return av ?: prev && could_merge(prev, vma) ? usable(prev) : NULL;
}

/* The first anonymous page of an area. => mmap lock for reading at least: several threads may come at once, tree_lock
 * decides; a neighbour's anon_vma cannot go meanwhile */
static noinline int make_root(struct vma *vma)
{
	struct anon_vma *theirs = neighbours_anon_vma(vma), *av = theirs ?: new_anon_vma(NULL);
	struct avc *c = kmem_cache_alloc(avc_cache, GFP_KERNEL);
	bool late;

	if (!av || !c)
		goto no_memory;
	down_write(&av->root->lock);
	spin_lock(&vma->mm->tree_lock);
	late = tail_of(vma)->av;
	if (!late) {
		link_to(c, vma, av);
		own(vma, av);
	}
	spin_unlock(&vma->mm->tree_lock);
	up_write(&av->root->lock);
	if (!late)
		return 0;
	if (!theirs)
		put_anon_vma(av);
	kmem_cache_free(avc_cache, c);
	return 0;
no_memory:
	if (c)
		kmem_cache_free(avc_cache, c);
	if (av && !theirs)
		put_anon_vma(av);
	return -ENOMEM;
}

static int avc_prepare(struct vma *vma, struct rmap_batch *b, unsigned pages)
{
	return likely(READ_ONCE(tail_of(vma)->av)) ? 0 : make_root(vma);
}

static unsigned chain_length(const struct vma *vma)
{
	struct avc *c;
	unsigned n = 0;

	for_each_avc (c, vma)
		n++;
	return n;
}

/* `to` stands wherever `from` does, in the same order. => root->lock: write; links: as many as from has */
static void copy_chain(struct vma *to, const struct vma *from, struct list_head *links)
{
	struct avc *c;

	for_each_avc (c, from)
		link_to(take_link(links), to, c->av);
}

/* split, mremap, merge: the same memory, so the same anon_vma for what is to come. => 0; -ENOMEM: nothing has changed */
static int avc_share(struct vma *to, struct vma *from)
{
	struct anon_vma *av = tail_of(from)->av;
	LIST_HEAD(links);

	if (!av)
		return 0;
	if (get_links(&links, chain_length(from)))
		return -ENOMEM;
	down_write(&av->root->lock);
	copy_chain(to, from, &links);
	own(to, av);
	up_write(&av->root->lock);
	return 0;
}

/* An ancestor's anon_vma that nobody calls his own, and that at most one was made from: the oldest. => root->lock */
static struct anon_vma *vacant(const struct vma *parent)
{
	struct avc *c;

	list_for_each_entry_reverse (c, &tail_of(parent)->chain, of_vma)
		if (!c->av->owners && c->av->children < 2)
			return c->av;
	return NULL;
}

/* => root->lock: write. Uses mine and one of the links, or neither */
static struct anon_vma *settle(struct vma *child, struct vma *parent, struct anon_vma *mine, struct list_head *links)
{
	struct anon_vma *av = vacant(parent);

	if (!av) {
		av = mine;
		mine->parent->children++;
		link_to(take_link(links), child, mine); /* first: unlink goes from child to root */
	}
	copy_chain(child, parent, links);
	own(child, av);
	return av;
}

/* => 0; -ENOMEM: nothing has changed */
static int avc_fork(struct vma *child, struct vma *parent)
{
	struct anon_vma *pav = tail_of(parent)->av, *mine, *used;
	LIST_HEAD(links);

	if (!pav)
		return 0;
	if (get_links(&links, chain_length(parent) + 1))
		return -ENOMEM;
	mine = new_anon_vma(pav);
	if (!mine) {
		free_links(&links);
		return -ENOMEM;
	}
	down_write(&pav->root->lock);
	used = settle(child, parent, mine, &links);
	up_write(&pav->root->lock);
	if (used != mine)
		put_anon_vma(mine);
	free_links(&links);
	return 0;
}

/* Those of a split are equal, and so are their chains. The rule of 2011 that forbade more is left out: it cost merges and
 * was found to buy nothing. */
static bool avc_can_merge(const struct vma *a, const struct vma *b)
{
	struct anon_vma *x = tail_of(a)->av, *y = tail_of(b)->av;

	return !x || !y || x == y;
}

static int avc_merge(struct vma *into, struct vma *gone)
{
	if (tail_of(into)->av) {
		ASSERT(!tail_of(gone)->av || chain_length(into) == chain_length(gone));
		return 0;
	}
	return avc_share(into, gone);
}

static void avc_unlink(struct vma *vma)
{
	struct anon_tail *t = tail_of(vma);
	struct avc *c, *next;
	struct anon_vma *root;

	if (!t->av)
		return;
	root = t->av->root;
	atomic_inc(&root->refcount); /* our leaving may be what the last relative waits for */
	down_write(&root->lock);
	t->av->owners--;
	list_for_each_entry_safe (c, next, &t->chain, of_vma) {
		places_erase(&c->av->vmas, &c->node);
		if (rb_empty_root(&c->av->vmas.root)) {
			c->av->parent->children--;
			continue; /* its reference is dropped without the lock */
		}
		list_del(&c->of_vma);
		kmem_cache_free(avc_cache, c);
	}
	up_write(&root->lock);
	list_for_each_entry_safe (c, next, &t->chain, of_vma) {
		put_anon_vma(c->av);
		kmem_cache_free(avc_cache, c);
	}
	put_anon_vma(root);
	avc_vma_init(vma);
}

static void avc_adjust_begin(struct vma *vma)
{
	struct avc *c;

	if (!tail_of(vma)->av)
		return;
	down_write(&tail_of(vma)->av->root->lock);
	for_each_avc (c, vma)
		places_erase(&c->av->vmas, &c->node);
}

static void avc_adjust_end(struct vma *vma)
{
	struct avc *c;

	if (!tail_of(vma)->av)
		return;
	for_each_avc (c, vma)
		places_insert(&c->av->vmas, &c->node);
	up_write(&tail_of(vma)->av->root->lock);
}

/* --- pages ------------------------------------------------------------------------------------------------------------- */

static inline struct anon_vma *page_anon_vma(const struct page *page)
{
	unsigned long m = (unsigned long)READ_ONCE(page->mapping);

	return m & PAGE_MAPPING_ANON ? (struct anon_vma *)(m & ~PAGE_MAPPING_ANON) : NULL;
}
static inline void set_page_anon_vma(struct page *page, struct anon_vma *av)
{
	WRITE_ONCE(page->mapping, (struct address_space *)((unsigned long)av | PAGE_MAPPING_ANON));
}

/* A page that comes from swap may be wanted by any relative who has the entry too: it goes to the root, where all stand. */
static void avc_add(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	struct anon_vma *av = tail_of(vma)->av;

	ASSERT(av);
	if (page_anon_vma(page))
		return;
	page->index = vma_pindex_at(vma, addr);
	set_page_anon_vma(page, unlikely(page_swapcache(page)) ? av->root : av);
}

/* Nobody else has it any more: it moves from the ancestor's anon_vma to ours. A walk under way that has read the old one
 * holds the same lock, and finds us there as well. */
static bool avc_reuse(struct page *page, struct vma *vma, unsigned long addr)
{
	set_page_anon_vma(page, tail_of(vma)->av);
	return true;
}

/* => the page's anon_vma with a reference, or NULL if nobody maps the page any more. The object keeps its type for a grace
 * period, so that a reference may be tried; still mapped after that, and by the same one: it is the page's */
static struct anon_vma *get_anon_vma(struct page *page)
{
	struct anon_vma *av;

	rcu_read_lock();
	av = page_anon_vma(page);
	if (!av || !page_mapped(page) || !atomic_inc_not_zero(&av->refcount)) {
		rcu_read_unlock();
		return NULL;
	}
	rcu_read_unlock();
	if (page_mapped(page))
		return av;
	put_anon_vma(av);
	return NULL;
}

static enum rmap_result avc_walk(struct rmap_walk *w)
{
	unsigned long first = pgoff_of(w->page->index).n, last = pgoff_last_of(w->page->index).n;
	struct anon_vma *av = get_anon_vma(w->page);

	if (!av)
		return RMAP_DONE;
	down_read(&av->root->lock);
	for (struct itree_node *n = places_find(&av->vmas, first, last); n; n = places_next(n, first, last)) {
		struct vma *vma = avc_of(n)->vma;
		unsigned long addr;

		if (rmap_vma_address(vma, w->page, &addr) && !rmap_visit_one(w, vma->mm, vma, addr))
			break;
	}
	up_read(&av->root->lock);
	put_anon_vma(av);
	return RMAP_DONE;
}

const struct rmap_scheme rmap_anon_avc = {
	.name = "avc",
	.about = "an anon_vma per process, chained to its descendants' vmas (2.6.34)",
	.vma_bytes = sizeof(struct anon_tail),
	.init = avc_init,
	.vma_init = avc_vma_init,
	.prepare = avc_prepare,
	.vma_fork = avc_fork,
	.vma_clone = avc_share,
	.can_merge = avc_can_merge,
	.vma_merge = avc_merge,
	.vma_unlink = avc_unlink,
	.adjust_begin = avc_adjust_begin,
	.adjust_end = avc_adjust_end,
	.add = avc_add,
	.reuse = avc_reuse,
	.walk = avc_walk,
};
