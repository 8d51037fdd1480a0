/* SPDX-License-Identifier: MIT
 *
 * mm/phys, all that others may use: frames, zones, slabs, vmalloc, kmap. Knows no process and no file.
 *
 * Locks, outermost first:  slab cache lock > zone->lock ; zone->lru_lock and zone->lock do not nest.
 * All are taken with interrupts off: interrupt handlers may allocate with GFP_ATOMIC and may free.
 */
#ifndef MM_PHYS_PHYS_H
#define MM_PHYS_PHYS_H

#include "mm/phys/page.h"

/* --- allocation ------------------------------------------------------------------------------------------- */
typedef u32 gfp_t;
#define __GFP_DMA 0x01u       /* from ZONE_DMA only */
#define __GFP_HIGHMEM 0x02u   /* may be high */
#define __GFP_WAIT 0x04u      /* may sleep and reclaim */
#define __GFP_IO 0x08u        /* reclaim may start I/O */
#define __GFP_FS 0x10u        /* reclaim may call into a file system */
#define __GFP_HIGH 0x20u      /* may use the reserve below the min watermark */
#define __GFP_MEMALLOC 0x40u  /* frees memory soon: may use all reserves */
#define __GFP_ZERO 0x80u
#define __GFP_NOWARN 0x100u   /* failure is expected and handled */
#define __GFP_NORETRY 0x200u  /* fail rather than invoke the out-of-memory killer */
#define GFP_ATOMIC (__GFP_HIGH)
#define GFP_NOWAIT (0u)
#define GFP_KERNEL (__GFP_WAIT | __GFP_IO | __GFP_FS)
#define GFP_NOFS (__GFP_WAIT | __GFP_IO)
#define GFP_NOIO (__GFP_WAIT)
#define GFP_HIGHUSER (GFP_KERNEL | __GFP_HIGHMEM)
#define MAX_ORDER 10          /* largest block: 4 MB */

/* => returns a page with refcount 1, or NULL. Sleeps only with __GFP_WAIT. Order 0 comes from a per-CPU list.
 * => current's NOIO/NOFS scope (task->gfp_mask) narrows gfp. */
struct page *__must_check alloc_pages(gfp_t gfp, unsigned order);
static inline struct page *__must_check alloc_page(gfp_t gfp) { return alloc_pages(gfp, 0); }
void free_pages(struct page *page, unsigned order); /* refcount must be 1; whole block */
static inline void free_page(struct page *page) { free_pages(page, 0); }
void free_page_list(struct list_head *pages);       /* order 0, linked by lru, refcount already 0 */
void *__must_check alloc_low(gfp_t gfp, unsigned order); /* low memory, its address; NULL on failure */
void free_low(void *addr, unsigned order);

/* --- who holds low memory (/proc/lowmem adds these up) ----------------------------------------------------- */
enum lowmem_user {
	LOW_KERNEL,   /* image, boot data, per-CPU areas */
	LOW_MEMMAP, LOW_PMD, LOW_PTE, LOW_STACK, LOW_SLAB, LOW_VMALLOC, LOW_CACHE /* low pages used by files and anon */,
	LOW_MODULE /* boot modules not yet given back */, LOW_OTHER, NR_LOW_USERS
};
/* Count order-sized blocks of low memory for a consumer; slabs are reported by cache. High pages are ignored. */
void lowmem_account(enum lowmem_user who, const struct page *page, int pages);

/* --- zones -------------------------------------------------------------------------------------------------- */
#define NR_LRU 4 /* inactive/active x anon/file */
struct free_area { struct list_head list; unsigned long nr_free; };
struct pcp { u32 count, high, batch; struct list_head list; }; /* per CPU, interrupts off */
struct zone {
	spinlock_t lock;               /* buddy lists, free, frontier */
	const char *name;
	pfn_t start_pfn, end_pfn;      /* span; fixed after boot */
	unsigned long present, managed;
	unsigned long free;            /* lock to write; pages in buddy lists and not yet opened */
	unsigned long watermark[3];    /* WMARK_MIN, LOW, HIGH */
	unsigned long lowmem_reserve[NR_ZONES]; /* by the highest zone that the allocation could have used */
	struct free_area area[MAX_ORDER + 1];
	pfn_t frontier;                /* frames from here to end_pfn are free; their struct pages are not initialised */
	struct pcp pcp[16];            /* indexed by CPU */
	spinlock_t lru_lock __aligned(64);
	struct list_head lru[NR_LRU];  /* lru_lock */
	unsigned long nr_lru[NR_LRU];
	unsigned long scanned, steal;
};
enum { WMARK_MIN, WMARK_LOW, WMARK_HIGH };
extern struct zone zones[NR_ZONES];
static inline struct zone *page_zone(const struct page *p) { return &zones[page_zone_id(p)]; }
unsigned long zone_free_pages(const struct zone *z);  /* per-CPU lists included */
unsigned long nr_free_pages(void);
unsigned long nr_free_low(void);
extern unsigned long totalram_pages, totalhigh_pages; /* handed to the allocator at boot */

/* What the allocator asks of the rooms to its right; set once at boot, NULL until then.
 * reclaim: free about `pages` pages usable by gfp; returns how many. oom: gfp and order cannot be met;
 * returns true if it made room (retry), false to fail the allocation. */
struct phys_ops {
	unsigned long (*reclaim)(struct zone *zone, gfp_t gfp, unsigned order, unsigned long pages);
	void (*wake_reclaim)(struct zone *zone);
	bool (*oom)(struct zone *zone, gfp_t gfp, unsigned order);
};
extern const struct phys_ops *phys_ops;

/* --- slab --------------------------------------------------------------------------------------------------- */
#define SLAB_TYPESAFE_RCU 1u /* memory keeps its type for a grace period after free (lockless lookups) */
#define SLAB_RECLAIMABLE 2u  /* counted as SReclaimable */
#define SLAB_PANIC 4u
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *));
int kmem_cache_destroy(struct kmem_cache *c); /* -EBUSY while objects are out */
void *__must_check kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *c, void *obj);
void *__must_check kmalloc(size_t size, gfp_t gfp); /* above 2 pages: contiguous pages; prefer vmalloc for large */
void *__must_check kzalloc(size_t size, gfp_t gfp);
void *__must_check krealloc(void *p, size_t size, gfp_t gfp);
void kfree(const void *p); /* NULL is fine */
void kfree_rcu_func(struct rcu_head *h); /* for objects whose first member is the rcu_head */
char *__must_check kstrdup(const char *s, gfp_t gfp);

/* Shrinkers: caches that can give memory back when low memory is short. count/scan in objects. */
struct shrinker {
	const char *name;
	unsigned long (*count)(void);
	unsigned long (*scan)(unsigned long objects, gfp_t gfp); /* returns objects freed */
	struct list_head list;
};
void register_shrinker(struct shrinker *s);
unsigned long shrink_slabs(unsigned long pages, gfp_t gfp);

/* --- vmalloc ------------------------------------------------------------------------------------------------ */
void *__must_check vmalloc(size_t size);            /* may sleep; pages may be high */
void *__must_check vmap_phys(phys_t phys, size_t size, u64 prot); /* device memory; PTE_CACHE_OFF in prot */
void vfree(const void *p);                          /* NULL is fine */
static inline bool is_vmalloc(const void *p) { return (unsigned long)p >= VMALLOC_START && (unsigned long)p < VMALLOC_END; }
void *__must_check kvmalloc(size_t size, gfp_t gfp); /* kmalloc for small, vmalloc for large */
void kvfree(const void *p);

/* --- kmap: touch a page wherever it lies ---------------------------------------------------------------------
 * => preemption stays off from kmap to kunmap; the holder does not sleep; user copies under it run with
 *    faults off (copy_*_user_nofault) and are retried; nests at least 4 deep; unmapped in reverse order.
 * => low pages cost nothing. A slot is used again only after its CPU has flushed it. */
void *kmap(struct page *page);
void *kmap_pfn(pfn_t pfn);
void kunmap(const void *addr);
void clear_page(struct page *page);                       /* whole page, wherever it lies */
void copy_page(struct page *to, struct page *from);
void zero_page_range(struct page *page, unsigned from, unsigned to);
extern struct page *zero_page;                            /* one page of zeroes; PG_reserved, never counted */

/* --- boot --------------------------------------------------------------------------------------------------- */
struct mem_range { u64 start, end; };
/* ranges: usable RAM, checked, sorted, disjoint. reserved: what must not be handed out (kernel, modules, boot data). */
void phys_init(const struct mem_range *ram, unsigned nr_ram, const struct mem_range *reserved, unsigned nr_reserved);
void phys_release(phys_t start, phys_t end);              /* give a reserved boot range back (modules, .init) */

#endif
