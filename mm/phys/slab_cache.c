/* SPDX-License-Identifier: MIT
 *
 * Caches as a whole: how large a slab is and where things lie in it, making and destroying, giving memory back, numbers.
 *
 * To empty the magazine of another CPU its address is replaced by that of one which is empty and takes nothing
 * (detached_magazine); after a grace period nobody uses the old one (as drain_all_pages does with page lists).
 *
 * Locks: slab_mutex (the list of caches; sleeps) > c->lock (interrupts off).
 */
#include "kernel/lib/printk.h"
#include "kernel/sync/mutex.h"
#include "mm/phys/slab.h"

#define MAX_SLAB_ORDER 2 /* larger blocks are hard to get when memory is short and what there is lies scattered */

LIST_HEAD(slab_caches);
DEFINE_MUTEX(slab_mutex);
static struct magazine detached_magazine;
static struct kmem_cache cache_cache = { .name = "kmem_cache" };

/* --- emptying --------------------------------------------------------------------------------------------------------- */
/* As with drain_all_pages: take the magazine away, wait until its CPU cannot be using it, empty it, put it back. */
static struct magazine *detach_magazines(struct kmem_cache *c, struct magazine *list)
{
	for_each_cpu(cpu) {
		struct magazine *m = c->cpu[cpu];

		if (!magazine_real(m))
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
