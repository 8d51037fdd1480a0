/* SPDX-License-Identifier: MIT
 *
 * Slabs (Bonwick 1994, 2001): caches of objects of one size, in runs of low pages.
 *
 * A slab has no header: struct page says which cache it belongs to (slab), how many objects it has and how many are
 * out (objects, inuse), and where the first free one is (freelist; each free object points to the next). So 4,096
 * bytes hold 32 objects of 128 bytes, and low memory is what this kernel has least of.
 *
 * Each CPU has a magazine of free objects in front of that: to allocate is to take the head of a list, to free is to
 * put one there, with preemption off and no lock. An empty magazine takes all free objects of a slab at once, which
 * costs the same as taking one. A full one becomes the spare; the old spare goes back to the slabs.
 * Interrupt handlers pass the magazines by and work on the slabs.
 *
 * Life of a slab: made when there is none with a free object; on c->partial while it has both kinds; empty ones stay,
 * up to MAX_EMPTY, until low memory is short; SLAB_TYPESAFE_RCU caches give pages back after a grace period.
 *
 * Locks: slab_mutex (the list of caches; sleeps) > c->lock (interrupts off) > zone->lock.
 * Cannot: colour slabs (caches of this century hash), or move objects.
 */
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "mm/phys/slab.h"

#define MAX_EMPTY 2
#ifdef CONFIG_DEBUG
#define KEEP_FULL 1 /* slabs without a free object are listed as well, so that leaks can be named */
#else
#define KEEP_FULL 0
#endif

struct magazine no_magazine;
struct kmem_cache magazine_cache = { .name = "magazine" };

/* --- slabs ---------------------------------------------------------------------------------------------------------- */
/* Objects in a list, in order of address. => how many */
static u32 link_objects(struct kmem_cache *c, struct page *slab)
{
	char *obj = (char *)slab_base(slab) + c->offset;

	slab->freelist = obj;
	for (u32 i = 0; i < c->per_slab; i++, obj += c->stride) {
		slab_debug_init(c, obj);
		if (c->ctor)
			c->ctor(obj);
		*link_of(c, obj) = i + 1 < c->per_slab ? obj + c->stride : NULL;
	}
	return c->per_slab;
}

static struct page *new_slab(struct kmem_cache *c, gfp_t gfp)
{
	struct page *slab = alloc_pages(gfp & ~(__GFP_HIGHMEM | __GFP_DMA | __GFP_ZERO), c->order);

	if (!slab)
		return NULL;
	for (u32 i = 0; i < 1U << c->order; i++) {
		slab[i].flags |= 1UL << PG_slab;
		slab[i].slab = c;
	}
	smp_wmb(); /* the flag is there as long as mapcount is not (mm/rmap/oracle.c) */
	slab->inuse = 0;
	slab->objects = link_objects(c, slab);
	return slab;
}

static void free_slab_pages(struct page *slab, unsigned order)
{
	slab->private = 0;
	atomic_set(&slab->mapcount, -1);
	smp_wmb();
	for (u32 i = 0; i < 1U << order; i++) {
		slab[i].flags &= ~(1UL << PG_slab);
		slab[i].slab = NULL;
	}
	free_pages(slab, order);
}

static void free_slab_rcu(struct rcu_head *head)
{
	struct page *slab = container_of(head, struct page, rcu);

	free_slab_pages(slab, slab->private);
}

/* Slabs that are empty and off the cache's lists. No lock held. => pages */
unsigned long free_slabs(struct kmem_cache *c, struct list_head *slabs)
{
	struct page *slab, *next;
	unsigned long n = 0;

	list_for_each_entry_safe(slab, next, slabs, lru) {
		n += 1UL << c->order;
		if (c->flags & SLAB_TYPESAFE_RCU) {
			slab->private = c->order;
			call_rcu(&slab->rcu, free_slab_rcu);
		} else {
			free_slab_pages(slab, c->order);
		}
	}
	return n;
}

/* Where the slab belongs after one of its objects came back. c->lock held. */
static void file_slab(struct kmem_cache *c, struct page *slab, bool was_full, struct list_head *gone)
{
	if (slab->inuse && !was_full)
		return;
	if (was_full && KEEP_FULL)
		list_del(&slab->lru);
	if (slab->inuse) {
		list_add(&slab->lru, &c->partial);
		return;
	}
	if (!was_full)
		list_del(&slab->lru);
	if (c->nr_empty < MAX_EMPTY && !c->dying) {
		c->nr_empty++;
		list_add_tail(&slab->lru, &c->partial);
		return;
	}
	c->nr_slabs--;
	c->nr_free -= slab->objects;
	list_add(&slab->lru, gone);
}

static void put_object_locked(struct kmem_cache *c, void *obj, struct list_head *gone)
{
	struct page *slab = slab_of(c, obj);
	bool was_full = slab->inuse == slab->objects;

	ASSERT(slab->slab == c && slab->inuse);
	*link_of(c, obj) = slab->freelist;
	slab->freelist = obj;
	slab->inuse--;
	c->nr_free++;
	file_slab(c, slab, was_full, gone);
}

/* A list of objects goes back to its slabs. Any context. */
void put_objects(struct kmem_cache *c, void *obj)
{
	LIST_HEAD(gone);
	unsigned long flags;

	spin_lock_irqsave(&c->lock, flags);
	while (obj) {
		void *next = *link_of(c, obj);

		put_object_locked(c, obj, &gone);
		obj = next;
	}
	spin_unlock_irqrestore(&c->lock, flags);
	free_slabs(c, &gone);
}

/* Take all free objects of a slab. c->lock held. => list; *n: how many */
static void *take_all(struct kmem_cache *c, struct page *slab, u32 *n)
{
	void *list = slab->freelist;

	*n = slab->objects - slab->inuse;
	if (!slab->inuse)
		c->nr_empty--;
	slab->freelist = NULL;
	slab->inuse = slab->objects;
	c->nr_free -= *n;
	list_del(&slab->lru);
	if (KEEP_FULL)
		list_add(&slab->lru, &c->full);
	return list;
}

static void *take_one(struct kmem_cache *c, struct page *slab)
{
	void *obj = slab->freelist;

	if (!slab->inuse)
		c->nr_empty--;
	slab->freelist = *link_of(c, obj);
	slab->inuse++;
	c->nr_free--;
	if (slab->inuse == slab->objects) {
		list_del(&slab->lru);
		if (KEEP_FULL)
			list_add(&slab->lru, &c->full);
	}
	return obj;
}

/* --- magazines -------------------------------------------------------------------------------------------------------- */
/* => this CPU's magazine of c, made now if it has none and memory allows. Preemption off, not in an interrupt handler. */
static struct magazine *own_magazine(struct kmem_cache *c)
{
	u32 cpu = smp_processor_id();
	struct magazine *m = c->cpu[cpu];

	if (m != &no_magazine || c == &magazine_cache)
		return m;
	m = kmem_cache_alloc(&magazine_cache, GFP_NOWAIT | __GFP_NOWARN | __GFP_ZERO);
	if (!m)
		return &no_magazine;
	m->limit = c->limit;
	m->cache = c;
	m->cpu = cpu;
	if (cmpxchg(&c->cpu[cpu], &no_magazine, m) != &no_magazine)
		kmem_cache_free(&magazine_cache, m); /* being emptied just now */
	return c->cpu[cpu];
}

static void *pop(struct kmem_cache *c, struct magazine *m)
{
	void *obj = m->head;

	m->head = *link_of(c, obj);
	m->count--;
	return obj;
}

/* Without memory of its own making: spare, or a partial slab. Preemption off. => object or NULL */
static void *take_from_slabs(struct kmem_cache *c)
{
	struct magazine *m = in_irq() ? &no_magazine : own_magazine(c);
	struct page *slab;
	unsigned long flags;
	void *obj = NULL;

	if (magazine_real(m) && m->spare) {
		m->head = m->spare;
		m->count = m->spare_count;
		m->spare = NULL;
		m->spare_count = 0;
		return pop(c, m);
	}
	spin_lock_irqsave(&c->lock, flags);
	slab = list_first_entry_or_null(&c->partial, struct page, lru);
	if (slab && magazine_real(m)) {
		m->head = take_all(c, slab, &m->count);
		obj = pop(c, m);
	} else if (slab) {
		obj = take_one(c, slab);
	}
	spin_unlock_irqrestore(&c->lock, flags);
	return obj;
}

static void *alloc_from_new_slab(struct kmem_cache *c, gfp_t gfp)
{
	struct page *slab = new_slab(c, gfp);
	unsigned long flags;
	void *obj;

	if (!slab)
		return NULL;
	spin_lock_irqsave(&c->lock, flags);
	c->nr_slabs++;
	c->nr_empty++;
	c->nr_free += slab->objects;
	list_add(&slab->lru, &c->partial);
	obj = take_one(c, slab);
	spin_unlock_irqrestore(&c->lock, flags);
	return obj;
}

/* Preemption is off, and on again when it returns. */
static noinline void *alloc_slow(struct kmem_cache *c, gfp_t gfp)
{
	void *obj = take_from_slabs(c);

	preempt_enable();
	if (!obj)
		obj = alloc_from_new_slab(c, gfp);
	return obj;
}

/* Out of line: the common path then needs few registers. */
static noinline void *zero_object(struct kmem_cache *c, void *obj)
{
	ASSERT(!c->ctor);
	return memset(obj, 0, c->size);
}

void *kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp)
{
	struct magazine *m;
	void *obj;

	if (gfp & __GFP_WAIT)
		might_sleep();
	if (fail_this_one())
		return NULL;
	preempt_disable();
	m = c->cpu[smp_processor_id()];
	obj = m->head;
	if (likely(obj) && likely(!in_irq())) {
		m->head = *link_of(c, obj);
		m->count--;
		preempt_enable();
	} else {
		obj = alloc_slow(c, gfp);
		if (unlikely(!obj))
			return NULL;
	}
	slab_debug_alloc(c, obj, c->size);
	if (gfp & __GFP_ZERO)
		return zero_object(c, obj);
	return obj;
}

/* Preemption is off. */
static noinline void free_slow(struct kmem_cache *c, void *obj)
{
	struct magazine *m = in_irq() ? &no_magazine : own_magazine(c);

	if (!magazine_real(m)) {
		*link_of(c, obj) = NULL;
		put_objects(c, obj);
		return;
	}
	if (m->count >= m->limit) {
		if (m->spare)
			put_objects(c, m->spare);
		m->spare = m->head;
		m->spare_count = m->count;
		m->head = NULL;
		m->count = 0;
	}
	*link_of(c, obj) = m->head;
	m->head = obj;
	m->count++;
}

void kmem_cache_free(struct kmem_cache *c, void *obj)
{
	struct magazine *m;

	ASSERT(slab_of(c, obj)->slab == c);
	slab_debug_free(c, obj);
	preempt_disable();
	m = c->cpu[smp_processor_id()];
	if (likely(m->count < m->limit) && likely(!in_irq())) {
		*link_of(c, obj) = m->head;
		m->head = obj;
		m->count++;
	} else {
		free_slow(c, obj);
	}
	preempt_enable();
}
