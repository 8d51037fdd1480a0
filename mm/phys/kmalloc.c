/* SPDX-License-Identifier: MIT
 *
 * kmalloc: memory by size, from a cache a size class, or whole pages above 4 KB (a power of two of them).
 *
 * An address says by its page whether it came from a slab and which; pages of their own keep the order in
 * page->private. Shrinkers stand here as well: caches elsewhere that can give memory back.
 */
#include "kernel/lib/printk.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/sync/mutex.h"
#include "mm/phys/slab.h"

struct kmem_cache *kmalloc_caches[NR_KMALLOC];

#define KMALLOC_NAME(n) "kmalloc-" #n,
#define KMALLOC_SIZE(n) n,
static const char *const names[NR_KMALLOC] = { KMALLOC_CLASSES(KMALLOC_NAME) };
static const u16 sizes[NR_KMALLOC] = { KMALLOC_CLASSES(KMALLOC_SIZE) };
static u8 small_class[256 / 8 + 1]; /* by (size + 7) / 8 */

u32 vfs_cache_pressure = 100;
static LIST_HEAD(shrinkers);
static DEFINE_MUTEX(shrinker_mutex);

static void *radix_node_alloc(u32 gfp);
static void radix_node_free(void *node);
static struct kmem_cache *radix_cache;
static const struct radix_ops radix_memory = { radix_node_alloc, radix_node_free };

void __init kmalloc_init(void)
{
	for (unsigned i = 0; i < NR_KMALLOC; i++)
		kmalloc_caches[i] = kmem_cache_create(names[i], sizes[i], min_t(u32, sizes[i] & -sizes[i], 64), SLAB_PANIC, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(small_class); i++)
		small_class[i] = kmalloc_class(i * 8);
	radix_cache = kmem_cache_create("radix_tree_node", sizeof(struct radix_node), 4, SLAB_PANIC | SLAB_RECLAIMABLE, NULL);
	radix_ops = &radix_memory;
	radix_atomic_gfp = GFP_NOWAIT | __GFP_NOWARN;
}

static void *radix_node_alloc(u32 gfp) { return kmem_cache_zalloc(radix_cache, gfp); }
static void radix_node_free(void *node) { kmem_cache_free(radix_cache, node); }

static unsigned large_order(size_t size)
{
	return size <= PAGE_SIZE ? 0 : 32 - __builtin_clzl((size - 1) >> PAGE_SHIFT);
}

static void *alloc_large(size_t size, gfp_t gfp)
{
	unsigned order = large_order(size);
	struct page *page = order <= MAX_ORDER ? alloc_pages(gfp & ~__GFP_HIGHMEM, order) : NULL;

	if (!page)
		return NULL;
	page->private = order;
	return page_address(page);
}

void *__kmalloc(size_t size, gfp_t gfp)
{
	struct kmem_cache *c;
	void *p;

	if (unlikely(size > KMALLOC_MAX))
		return alloc_large(size, gfp);
	c = kmalloc_caches[size <= 256 ? small_class[(size + 7) / 8] : kmalloc_class(size)];
	p = kmem_cache_alloc(c, gfp);
#ifdef CONFIG_DEBUG
	if (p)
		slab_debug_asked(c, p, size);
#endif
	return p;
}

void kfree(const void *p)
{
	struct page *page;

	if (!p)
		return;
	ASSERT((unsigned long)p >= PAGE_OFFSET && !page_is_high(virt_to_page(p)));
	page = virt_to_page(p);
	if (likely(page_slab(page)))
		kmem_cache_free(page->slab, (void *)p);
	else
		free_pages(page, page->private);
}

size_t ksize(const void *p)
{
	struct page *page = virt_to_page(p);

	return page_slab(page) ? slab_debug_size(page->slab, p) : PAGE_SIZE << page->private;
}

/* => NULL on failure (p stays), and for size 0 (p is freed). New bytes are zero with __GFP_ZERO. */
void *krealloc(void *p, size_t size, gfp_t gfp)
{
	size_t old = p ? ksize(p) : 0;
	void *q;

	if (!size) {
		kfree(p);
		return NULL;
	}
	if (old >= size && size * 2 > old)
		return p;
	q = kmalloc(size, gfp);
	if (q && p) {
		memcpy(q, p, min(old, size));
		kfree(p);
	}
	return q;
}

void *kmemdup(const void *p, size_t size, gfp_t gfp)
{
	void *q = kmalloc(size, gfp);

	if (q)
		memcpy(q, p, size);
	return q;
}

char *kstrdup(const char *s, gfp_t gfp) { return s ? kmemdup(s, strlen(s) + 1, gfp) : NULL; }

/* --- shrinkers --------------------------------------------------------------------------------------------------------- */
void register_shrinker(struct shrinker *s)
{
	mutex_lock(&shrinker_mutex);
	list_add_tail(&s->list, &shrinkers);
	mutex_unlock(&shrinker_mutex);
}

/* Ask each for the share of its objects that `pages` are of low memory in use, at least 32. What a cache freed shows
 * only in pages once slabs are empty, so the result is what the slabs gave back. */
unsigned long shrink_slabs(unsigned long pages, gfp_t gfp)
{
	struct shrinker *s;

	if (!(gfp & __GFP_WAIT) || !mutex_trylock(&shrinker_mutex))
		return 0;
	list_for_each_entry(s, &shrinkers, list) {
		unsigned long have = s->count() / 100 * vfs_cache_pressure + s->count() % 100 * vfs_cache_pressure / 100;
		unsigned long want = max(32UL, min(have, pages * 8));

		if (have) {
			s->scan(min(want, have), gfp);
			count_vm_events(SLABS_SCANNED, min(want, have));
		}
	}
	mutex_unlock(&shrinker_mutex);
	return slab_reap();
}
