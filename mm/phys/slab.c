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
#include "kernel/sync/mutex.h"
#include "mm/phys/slab.h"

#define MAX_EMPTY 2
#define MAX_SLAB_ORDER 3
#ifdef CONFIG_DEBUG
#define KEEP_FULL 1 /* slabs without a free object are listed as well, so that leaks can be named */
#else
#define KEEP_FULL 0
#endif

LIST_HEAD(slab_caches);
DEFINE_MUTEX(slab_mutex);
static struct magazine no_magazine;       /* empty and full at once */
static struct magazine detached_magazine; /* likewise, while the real one is being emptied */
static struct kmem_cache cache_cache = { .name = "kmem_cache" };
static struct kmem_cache magazine_cache = { .name = "magazine" };

static inline bool real(const struct magazine *m) { return m->limit; }

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
	slab->inuse = 0;
	slab->objects = link_objects(c, slab);
	return slab;
}

static void free_slab_pages(struct page *slab, unsigned order)
{
	for (u32 i = 0; i < 1U << order; i++) {
		slab[i].flags &= ~(1UL << PG_slab);
		slab[i].slab = NULL;
	}
	slab->private = 0;
	atomic_set(&slab->mapcount, -1);
	free_pages(slab, order);
}

static void free_slab_rcu(struct rcu_head *head)
{
	struct page *slab = container_of(head, struct page, rcu);

	free_slab_pages(slab, slab->private);
}

/* Slabs that are empty and off the cache's lists. No lock held. => pages */
static unsigned long free_slabs(struct kmem_cache *c, struct list_head *slabs)
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
static void put_objects(struct kmem_cache *c, void *obj)
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

	if (real(m) && m->spare) {
		m->head = m->spare;
		m->count = m->spare_count;
		m->spare = NULL;
		m->spare_count = 0;
		return pop(c, m);
	}
	spin_lock_irqsave(&c->lock, flags);
	slab = list_first_entry_or_null(&c->partial, struct page, lru);
	if (slab && real(m)) {
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

	if (!real(m)) {
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

/* --- emptying --------------------------------------------------------------------------------------------------------- */
/* As with drain_all_pages: take the magazine away, wait until its CPU cannot be using it, empty it, put it back. */
static struct magazine *detach_magazines(struct kmem_cache *c, struct magazine *list)
{
	for_each_cpu(cpu) {
		struct magazine *m = c->cpu[cpu];

		if (!real(m))
			continue;
		WRITE_ONCE(c->cpu[cpu], &detached_magazine);
		m->next = list;
		list = m;
	}
	return list;
}

static void empty_magazines(struct magazine *list, bool attach)
{
	while (list) {
		struct magazine *m = list;

		list = m->next;
		put_objects(m->cache, m->head);
		put_objects(m->cache, m->spare);
		m->head = m->spare = NULL;
		m->count = m->spare_count = 0;
		WRITE_ONCE(m->cache->cpu[m->cpu], attach ? m : &no_magazine);
		if (!attach)
			kmem_cache_free(&magazine_cache, m);
	}
}

static unsigned long reap_one(struct kmem_cache *c)
{
	struct page *slab, *next;
	LIST_HEAD(gone);
	unsigned long flags;

	if (!READ_ONCE(c->nr_empty))
		return 0;
	spin_lock_irqsave(&c->lock, flags);
	list_for_each_entry_safe(slab, next, &c->partial, lru)
		if (!slab->inuse) {
			c->nr_empty--;
			c->nr_slabs--;
			c->nr_free -= slab->objects;
			list_move(&slab->lru, &gone);
		}
	spin_unlock_irqrestore(&c->lock, flags);
	return free_slabs(c, &gone);
}

unsigned long slab_reap(void)
{
	struct kmem_cache *c;
	unsigned long n = 0;

	if (!mutex_trylock(&slab_mutex))
		return 0;
	list_for_each_entry(c, &slab_caches, list)
		n += reap_one(c);
	mutex_unlock(&slab_mutex);
	return n;
}

void slab_drain_all(void)
{
	struct magazine *list = NULL;
	struct kmem_cache *c;

	if (!mutex_trylock(&slab_mutex)) /* who holds it may be waiting for memory */
		return;
	list_for_each_entry(c, &slab_caches, list)
		list = detach_magazines(c, list);
	synchronize_rcu();
	empty_magazines(list, true);
	list_for_each_entry(c, &slab_caches, list)
		reap_one(c);
	mutex_unlock(&slab_mutex);
}

void kmem_cache_shrink(struct kmem_cache *c)
{
	struct magazine *list;

	mutex_lock(&slab_mutex);
	list = detach_magazines(c, NULL);
	synchronize_rcu();
	empty_magazines(list, true);
	reap_one(c);
	mutex_unlock(&slab_mutex);
}

/* --- making and destroying caches --------------------------------------------------------------------------------------- */
/* The smallest order that wastes at most an eighth at the slab's end, or the best one. */
static u8 pick_order(u32 stride)
{
	u8 best = 0;
	u32 best_waste = ~0U;

	for (u8 order = 0; order <= MAX_SLAB_ORDER; order++) {
		u32 bytes = PAGE_SIZE << order, waste;

		if (bytes < stride)
			continue;
		waste = (bytes % stride) << (MAX_SLAB_ORDER - order); /* of the same amount of memory */
		if (waste < best_waste) {
			best = order;
			best_waste = waste;
		}
		if (waste * 12 <= PAGE_SIZE << MAX_SLAB_ORDER)
			return order;
	}
	return best;
}

static void set_layout(struct kmem_cache *c, u32 size, u32 align)
{
	align = max_t(u32, align, sizeof(void *));
	c->size = size;
	c->offset = 0;
	c->link = 0;
	c->stride = max_t(u32, size, sizeof(void *));
	/* contents must survive: the link stands behind the object */
	if (c->ctor || (c->flags & SLAB_TYPESAFE_RCU)) {
		c->link = ALIGN_UP(size, 4U);
		c->stride = c->link + sizeof(void *);
	}
#ifdef CONFIG_DEBUG
	c->offset = align;
	slab_debug_layout(c);
#endif
	c->stride = ALIGN_UP(c->stride, align);
	c->order = pick_order(c->stride);
	c->per_slab = (PAGE_SIZE << c->order) / c->stride;
	c->base_mask = ~((PAGE_SIZE << c->order) - 1);
	c->limit = clamp(8192U / c->stride, 2U, 48U);
}

static void init_cache(struct kmem_cache *c, u32 size, u32 align)
{
	for (unsigned i = 0; i < MAX_CPUS; i++)
		c->cpu[i] = &no_magazine;
	set_layout(c, size, align);
	spin_lock_init(&c->lock, "slab cache");
	list_init(&c->partial);
	list_init(&c->full);
	mutex_lock(&slab_mutex);
	list_add_tail(&c->list, &slab_caches);
	mutex_unlock(&slab_mutex);
}

/* => NULL if out of memory (never with SLAB_PANIC), or if an object does not fit into 32 KB. name must stay. Sleeps. */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *))
{
	struct kmem_cache *c = NULL;

	if (size + align <= (PAGE_SIZE << MAX_SLAB_ORDER) - 64)
		c = kmem_cache_zalloc(&cache_cache, GFP_KERNEL);
	if (!c) {
		if (flags & SLAB_PANIC)
			panic("slab cache %s of %zu bytes cannot be made", name, size);
		return NULL;
	}
	c->name = name;
	c->flags = flags;
	c->ctor = ctor;
	init_cache(c, size, align);
	return c;
}

int kmem_cache_destroy(struct kmem_cache *c)
{
	struct magazine *list;

	mutex_lock(&slab_mutex);
	c->dying = true;
	list = detach_magazines(c, NULL);
	synchronize_rcu();
	empty_magazines(list, false);
	reap_one(c);
	if (c->nr_slabs) {
		c->dying = false;
		mutex_unlock(&slab_mutex);
		slab_report_leaks(c);
		return -EBUSY;
	}
	list_del(&c->list);
	mutex_unlock(&slab_mutex);
	kmem_cache_free(&cache_cache, c);
	return 0;
}

size_t kmem_cache_size(const struct kmem_cache *c) { return c->size; }

void __init slab_init(void)
{
	magazine_cache.flags = cache_cache.flags = SLAB_NODEBUG;
	init_cache(&magazine_cache, sizeof(struct magazine), 32);
	init_cache(&cache_cache, sizeof(struct kmem_cache), 32);
}

/* --- statistics ----------------------------------------------------------------------------------------------------------- */
static u32 in_magazines(const struct kmem_cache *c)
{
	u32 n = 0;

	for_each_cpu(cpu)
		n += c->cpu[cpu]->count + c->cpu[cpu]->spare_count;
	return n;
}

void for_each_slab_cache(void (*fn)(void *arg, const struct slab_info *info), void *arg)
{
	struct kmem_cache *c;

	mutex_lock(&slab_mutex);
	list_for_each_entry(c, &slab_caches, list) {
		u32 total = c->nr_slabs * c->per_slab, idle = c->nr_free + in_magazines(c);
		struct slab_info info = {
			.name = c->name, .active = total > idle ? total - idle : 0, .total = total,
			.slabs = c->nr_slabs, .active_slabs = c->nr_slabs - c->nr_empty, .pages = (unsigned long)c->nr_slabs << c->order,
			.size = c->stride, .objects_per_slab = c->per_slab, .pages_per_slab = 1U << c->order,
			.limit = c->limit, .batch = c->limit, .reclaimable = c->flags & SLAB_RECLAIMABLE,
		};

		fn(arg, &info);
	}
	mutex_unlock(&slab_mutex);
}

static void add_pages(void *arg, const struct slab_info *info)
{
	((unsigned long *)arg)[info->reclaimable] += info->pages;
}

void slab_pages(unsigned long *reclaimable, unsigned long *unreclaimable)
{
	unsigned long n[2] = { 0, 0 };

	for_each_slab_cache(add_pages, n);
	*unreclaimable = n[0];
	*reclaimable = n[1];
}
