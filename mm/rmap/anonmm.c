/* SPDX-License-Identifier: MIT
 *
 * rmap.anon=anonmm: anonymous pages belong to address spaces (Hugh Dickins, anobjrmap, March 2003; "rmap 10", May 2004).
 *
 * Whatever fork copies stays at its virtual address. So a page needs to know one address, and which address spaces may
 * have it there: those that come from one exec. Each has an anonmm, a page points to that of the process that first
 * mapped it, its index is the virtual address, and no area needs to know anything:
 *
 *     page.mapping --> anonmm of A, anonmm of B, anonmm of C ...    (a family: from one exec; fork adds at the end)
 *     page.index   =   0x0804c000: look there in each
 *
 * Life of an anonmm: made with its mm; one reference from the mm, one from each page that points to it, one from each
 * walk. It outlives its mm, because pages do: children still map them. A walk that meets a page of a dead member
 * moves it to the first live one that maps it, so that the dead can go. A page lets go with its last mapping, under a PTL,
 * where nobody can sleep for the family's lock: a member that goes there is set aside, and the next fork or exit of the
 * family takes it off the list. A family goes with its last member, by a count that is atomic by itself: the first
 * version looked at a count of two before taking the lock, and two exits at once freed it twice.
 *
 * The last unmapping of a page and a swap-in that maps it again exclude each other by a hashed lock (the job of 2004's
 * PG_maplock); all else that changes mapping or index of a mapped page holds the PTL of its only mapping, or page lock and
 * a PTL.
 *
 * What it cannot do: keep a page shared across mremap. It would be at two addresses; so move asks for a copy first, and
 * a page in the swap cache that a relative has elsewhere is mapped as a copy (fits). And a walk knows address spaces
 * only, no areas: a family of a thousand is a thousand page tables to look into.
 */
#include "kernel/lib/vsprintf.h"
#include "kernel/sync/hashlock.h"
#include "mm/rmap/schemes.h"

struct family {
	struct rwsem lock;        /* level "anon_vma->lock" */
	atomic_t refcount;        /* members */
	struct list_head members; /* lock: anonmm.node, eldest first */
	struct anonmm *aside;     /* aside_lock: members that nobody refers to any more */
};

struct anonmm {
	struct mm *mm;            /* family->lock; NULL once it has gone */
	struct family *family;    /* f: holds a reference */
	atomic_t refcount;        /* mm, pages, walks */
	struct list_head node;    /* family->lock */
	struct anonmm *next;      /* aside_lock: set aside, and on the list still */
};
static_assert(sizeof(struct anonmm) == 24, "one for each address space, as in 2004");

static struct kmem_cache *anonmm_cache, *family_cache;
static DEFINE_HASH_CLASS(page_locks, "anonmm page", HASHLOCK_LEVEL_LEAF, 0, 0); /* by frame: mapping of a page that nobody maps */
static DEFINE_SPINLOCK(aside_lock);
static atomic_t copies, migrated;

static inline struct anonmm **tail_of(const struct mm *mm) { return (struct anonmm **)((char *)mm + sizeof(struct mm)); }

static void anonmm_ctor(void *obj)
{
	struct anonmm *a = obj;

	atomic_set(&a->refcount, 0);
}

static int anonmm_init(void)
{
	hash_class_register(&page_locks);
	anonmm_cache = kmem_cache_create("anonmm", sizeof(struct anonmm), 0, SLAB_TYPESAFE_RCU, anonmm_ctor);
	family_cache = kmem_cache_create("anonmm_family", sizeof(struct family), 0, 0, NULL);
	return anonmm_cache && family_cache ? 0 : -ENOMEM;
}

/* --- families ------------------------------------------------------------------------------------------------------- */

static struct family *new_family(void)
{
	struct family *f = kmem_cache_alloc(family_cache, GFP_KERNEL);

	if (!f)
		return NULL;
	rwsem_init(&f->lock, "anonmm family");
	atomic_set(&f->refcount, 0);
	INIT_LIST_HEAD(&f->members);
	f->aside = NULL;
	return f;
}

static void put_family(struct family *f)
{
	if (!atomic_dec_and_test(&f->refcount))
		return;
	ASSERT(list_empty(&f->members) && !f->aside);
	kmem_cache_free(family_cache, f);
}

/* Off the list. => family->lock: write; refcount is zero. Its reference to the family passes to the caller */
static void bury(struct anonmm *a)
{
	list_del(&a->node);
	kmem_cache_free(anonmm_cache, a);
}

/* => family->lock: write; the caller's own member keeps the family */
static void bury_aside(struct family *f)
{
	struct anonmm *a, *next;

	if (likely(!READ_ONCE(f->aside)))
		return;
	spin_lock(&aside_lock);
	a = f->aside;
	f->aside = NULL;
	spin_unlock(&aside_lock);
	for (; a; a = next) {
		next = a->next;
		bury(a);
		put_family(f);
	}
}

/* => may sleep */
static void put_anonmm(struct anonmm *a)
{
	struct family *f = a->family;
	bool last;

	if (atomic_add_unless(&a->refcount, -1, 1))
		return;
	down_write(&f->lock);
	last = atomic_dec_and_test(&a->refcount);
	if (last)
		bury(a);
	up_write(&f->lock);
	if (last)
		put_family(f);
}

/* => under a PTL: some member lives, namely the one whose page this was */
static void put_anonmm_aside(struct anonmm *a)
{
	struct family *f = a->family;

	if (likely(!atomic_dec_and_test(&a->refcount)))
		return;
	spin_lock(&aside_lock);
	a->next = f->aside;
	f->aside = a;
	spin_unlock(&aside_lock);
}

static int anonmm_mm_init(struct mm *mm, struct mm *parent)
{
	struct anonmm *a = kmem_cache_alloc(anonmm_cache, GFP_KERNEL);
	struct family *f = parent ? (*tail_of(parent))->family : new_family();

	if (!a || !f)
		goto no_memory;
	atomic_inc(&f->refcount);
	a->mm = mm;
	a->family = f;
	*tail_of(mm) = a;
	down_write(&f->lock);
	bury_aside(f);
	list_add_tail(&a->node, &f->members);
	atomic_set(&a->refcount, 1); /* last: a late walk may find it from here on */
	up_write(&f->lock);
	return 0;
no_memory:
	if (a)
		kmem_cache_free(anonmm_cache, a);
	if (f && !parent)
		kmem_cache_free(family_cache, f);
	return -ENOMEM;
}

static void anonmm_mm_exit(struct mm *mm)
{
	struct anonmm *a = *tail_of(mm);
	struct family *f = a->family;

	down_write(&f->lock);
	bury_aside(f);
	a->mm = NULL; /* no walk looks into mm any more */
	up_write(&f->lock);
	put_anonmm(a);
}

/* --- areas: none of its business ------------------------------------------------------------------------------------- */
static void anonmm_vma(struct vma *vma) {}
static int anonmm_two(struct vma *a, struct vma *b) { return 0; }
static int anonmm_prepare(struct vma *vma, struct rmap_batch *b, unsigned pages) { return 0; }
static bool anonmm_can_merge(const struct vma *a, const struct vma *b) { return true; }

/* --- pages ------------------------------------------------------------------------------------------------------------- */

static inline struct anonmm *page_anonmm(const struct page *page)
{
	unsigned long m = (unsigned long)READ_ONCE(page->mapping);

	return m & PAGE_MAPPING_ANON ? (struct anonmm *)(m & ~PAGE_MAPPING_ANON) : NULL;
}

/* a NULL: anonymous still, but nobody's */
static inline void set_page_anonmm(struct page *page, struct anonmm *a)
{
	WRITE_ONCE(page->mapping, (struct address_space *)((unsigned long)a | PAGE_MAPPING_ANON));
}

static inline void give_page(struct page *page, struct anonmm *a)
{
	atomic_inc(&a->refcount); /* its mm lives */
	set_page_anonmm(page, a);
}

static void anonmm_add(struct page *page, struct vma *vma, unsigned long addr, struct rmap_batch *b)
{
	struct anonmm *own = *tail_of(vma->mm);

	if (likely(!page_swapcache(page))) {
		page->address = addr;
		give_page(page, own);
		return;
	}
	hash_lock(&page_locks, page_to_pfn(page).n);
	page->address = addr; /* it is that already, or nobody maps the page: fits has seen to it */
	if (!page_anonmm(page))
		give_page(page, own);
	hash_unlock(&page_locks, page_to_pfn(page).n);
}

static void anonmm_unmapped(struct page *page)
{
	struct anonmm *a = NULL;

	hash_lock(&page_locks, page_to_pfn(page).n);
	if (!page_mapped(page)) { /* nor swapped in again meanwhile */
		a = page_anonmm(page);
		set_page_anonmm(page, NULL);
	}
	hash_unlock(&page_locks, page_to_pfn(page).n);
	if (a)
		put_anonmm_aside(a);
}

/* A page of the swap cache must not change its address while a relative's swap-in relies on it: that one holds the
 * page lock. */
static bool anonmm_move(struct page *page, struct vma *from, unsigned long old, struct vma *to, unsigned long new)
{
	bool cached = page_swapcache(page);

	if (page_mapcount(page) != 1 || (cached && !trylock_page(page))) {
		atomic_inc(&copies);
		return false;
	}
	WRITE_ONCE(page->address, new);
	if (cached)
		unlock_page(page);
	return true;
}

static bool anonmm_fits(const struct page *page, const struct vma *vma, unsigned long addr)
{
	return !page_mapped(page) || page->address == (addr & MMU_PAGE_MASK);
}

/* --- the walk ------------------------------------------------------------------------------------------------------------ */

/* => the page's anonmm with a reference, or NULL if nobody maps the page any more (see anonvma.c) */
static struct anonmm *get_anonmm(struct page *page)
{
	struct anonmm *a;

	rcu_read_lock();
	a = page_anonmm(page);
	if (!a || !page_mapped(page) || !atomic_inc_not_zero(&a->refcount)) {
		rcu_read_unlock();
		return NULL;
	}
	rcu_read_unlock();
	if (page_mapped(page) && page_anonmm(page) == a)
		return a;
	put_anonmm(a);
	return NULL;
}

struct adoption { rmap_visit visit; void *arg; struct anonmm *dead; };

/* The page's anonmm is dead, and m->mm, which lives, maps the page: from now on it is the one to ask first.
 * => page lock, PTL; the walk's own reference keeps the dead one */
static enum rmap_verdict adopt(const struct rmap_mapping *m, struct page *page, void *arg)
{
	struct adoption *d = arg;

	if (d->dead) {
		give_page(page, *tail_of(m->mm));
		atomic_dec(&d->dead->refcount);
		atomic_inc(&migrated);
		d->dead = NULL;
	}
	return d->visit(m, page, d->arg);
}

/* From the page's own member on, round the family. => family->lock: read */
static void ask_family(struct rmap_walk *w, struct anonmm *first, unsigned long addr)
{
	struct anonmm *a = first;
	bool more = true;

	do {
		if (a->mm) {
			rcu_read_lock(); /* no area of ours keeps its page tables */
			more = rmap_visit_one(w, a->mm, NULL, addr);
			rcu_read_unlock();
		} else {
			w->candidates++;
			w->skipped++;
		}
		a = list_entry(a->node.next == &first->family->members ? a->node.next->next : a->node.next, struct anonmm, node);
	} while (more && a != first);
}

static enum rmap_result anonmm_walk(struct rmap_walk *w)
{
	struct anonmm *a = get_anonmm(w->page);
	struct adoption d = { .visit = w->visit, .arg = w->arg };
	unsigned long addr;

	if (!a)
		return RMAP_DONE;
	down_read(&a->family->lock);
	if (!a->mm) {
		d.dead = a;
		w->visit = adopt;
		w->arg = &d;
	}
	do { /* again if mremap carried it away before our eyes */
		addr = READ_ONCE(w->page->address);
		ask_family(w, a, addr);
	} while (rmap_walk_goes_on(w) && addr != READ_ONCE(w->page->address));
	up_read(&a->family->lock);
	put_anonmm(a);
	return RMAP_DONE;
}

static size_t anonmm_describe(char *buf, size_t size)
{
	return scnprintf(buf, size, "; %d copies for mremap, %d pages from dead to living", atomic_read(&copies), atomic_read(&migrated));
}

const struct rmap_scheme rmap_anon_anonmm = {
	.name = "anonmm",
	.about = "address spaces from one exec, pages by virtual address (2003)",
	.mm_bytes = sizeof(struct anonmm *),
	.init = anonmm_init,
	.vma_init = anonmm_vma,
	.mm_init = anonmm_mm_init,
	.mm_exit = anonmm_mm_exit,
	.prepare = anonmm_prepare,
	.vma_fork = anonmm_two,
	.vma_clone = anonmm_two,
	.can_merge = anonmm_can_merge,
	.vma_merge = anonmm_two,
	.vma_unlink = anonmm_vma,
	.adjust_begin = anonmm_vma,
	.adjust_end = anonmm_vma,
	.add = anonmm_add,
	.move = anonmm_move,
	.unmapped = anonmm_unmapped,
	.fits = anonmm_fits,
	.walk = anonmm_walk,
	.describe = anonmm_describe,
};
