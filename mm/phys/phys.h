/* SPDX-License-Identifier: MIT
 *
 * mm/phys, all that others may use: frames, zones, slabs, vmalloc, kmap. Knows no process and no file.
 *
 * Locks, outermost first:  zone->lru_lock > slab cache lock > zone->lock, of which only the last is ever taken with
 * another one of them held. All are taken with interrupts off: interrupt handlers may allocate with GFP_ATOMIC and
 * may free. The per-CPU lists and magazines have no lock: preemption is off, and interrupt handlers pass them by.
 */
#ifndef MM_PHYS_PHYS_H
#define MM_PHYS_PHYS_H

#include "arch/i386/percpu.h"
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
#define __GFP_NOMEMALLOC 0x400u /* has a reserve of its own: PF_MEMALLOC does not open the last one, nor lead into reclaim */
#define GFP_ATOMIC (__GFP_HIGH)
#define GFP_NOWAIT (0u)
#define GFP_KERNEL (__GFP_WAIT | __GFP_IO | __GFP_FS)
#define GFP_NOFS (__GFP_WAIT | __GFP_IO)
#define GFP_NOIO (__GFP_WAIT)
#define GFP_HIGHUSER (GFP_KERNEL | __GFP_HIGHMEM)
#define MAX_ORDER 10          /* largest block: 4 MB */

/* => returns a page with refcount 1, mapcount -1, private 0, no flag set but its zone; or NULL. Contents are
 *    undefined without __GFP_ZERO. Sleeps only with __GFP_WAIT. Order 0 comes from a per-CPU list.
 * => current's NOIO/NOFS scope (task->gfp_mask) narrows gfp; PF_MEMALLOC opens the reserves. */
struct page *__must_check alloc_pages(gfp_t gfp, unsigned order);
static inline struct page *__must_check alloc_page(gfp_t gfp) { return alloc_pages(gfp, 0); }
/* Drops the owner's reference to the block. => mapcount -1, on no list; put_page is for pages that others share. Any
 * context. */
void free_pages(struct page *page, unsigned order);
static inline void free_page(struct page *page) { free_pages(page, 0); }
static inline bool put_page_testzero(struct page *p) { return atomic_dec_and_test(&p->refcount); }
/* put_page for many: the pages of a gathered unmapping. Takes the LRU lock once a zone, not once a page. */
void put_pages(struct page **pages, unsigned n);
void *__must_check alloc_low(gfp_t gfp, unsigned order); /* low memory, its address; NULL on failure */
void free_low(void *addr, unsigned order);

/* Allocation scope of current; nests: keep what begin returns for end. */
u32 gfp_scope_begin(gfp_t without); /* __GFP_IO | __GFP_FS: NOIO; __GFP_FS: NOFS */
void gfp_scope_end(u32 saved);

/* --- who holds low memory (/proc/lowmem adds these up) ----------------------------------------------------- */
enum lowmem_user {
	LOW_KERNEL,   /* image, boot data, per-CPU areas */
	LOW_MEMMAP, LOW_PMD, LOW_PTE, LOW_STACK, LOW_SLAB, LOW_VMALLOC, LOW_CACHE /* low pages used by files and anon */,
	LOW_MODULE /* boot modules not yet given back */, LOW_OTHER, NR_LOW_USERS
};
DECLARE_PER_CPU(s32, lowmem_used[NR_LOW_USERS]); /* may be negative on one CPU; the sum is true */
/* Count pages of low memory for a consumer, negative when they go. High pages are ignored. LOW_SLAB, LOW_CACHE and
 * LOW_OTHER are derived (slabs are reported by cache) and must not be counted by hand. */
static inline void lowmem_account(enum lowmem_user who, const struct page *page, int pages)
{
	if (!page_is_high(page))
		this_cpu_add(lowmem_used[who], pages);
}
/* Calls emit once for each consumer, in units of pages; the pages of all lines add up to lowmem_present().
 * objects: of slabs, how many are in use; else 0. sub: a part of the line before it, not to be added. */
typedef void (*lowmem_emit)(void *arg, const char *name, unsigned long pages, unsigned long objects, bool sub);
void lowmem_report(lowmem_emit emit, void *arg);
unsigned long lowmem_present(void); /* pages of RAM below max_low_pfn */

/* --- zones -------------------------------------------------------------------------------------------------- */
enum lru_list { LRU_INACTIVE_ANON, LRU_ACTIVE_ANON, LRU_INACTIVE_FILE, LRU_ACTIVE_FILE, NR_LRU };
struct free_area { struct list_head list; unsigned long nr_free; };
/* A CPU's own stock of single pages, and of pairs (kernel stacks), linked through page->next. To touch it: preemption
 * off, on that CPU, not in an interrupt handler; see alloc.c for how others empty it. */
#define PCP_ORDERS 2
#define NR_PCP (NR_ZONES * PCP_ORDERS)
struct pcp { struct page *head; u32 count, high; };
DECLARE_PER_CPU(struct pcp *, pcp_of[NR_PCP]); /* index: zone + NR_ZONES * order */
struct zone {
	spinlock_t lock;               /* buddy lists, free, frontier */
	const char *name;
	pfn_t start_pfn, end_pfn;      /* span; fixed after boot */
	unsigned long present, managed;
	unsigned long free;            /* lock to write; pages in buddy lists and not yet opened */
	unsigned long watermark[3];    /* WMARK_MIN, LOW, HIGH */
	unsigned long lowmem_reserve[NR_ZONES]; /* by the highest zone that the allocation could have used */
	struct free_area area[MAX_ORDER + 1];
	pfn_t frontier;                /* the search for blocks that are not yet opened goes on here */
	unsigned long unopened;        /* 4 MB blocks that are free, their struct pages not initialised */
	u32 pcp_high;                  /* how many single pages a CPU's own list may hold */
	spinlock_t lru_lock __aligned(64);
	struct list_head lru[NR_LRU];  /* lru_lock */
	unsigned long nr_lru[NR_LRU];
	unsigned long nr_mlock[2];     /* lru_lock: pages with pins (PG_mlocked): of files, swap-backed */
	/* of the scanner (mm/reclaim) */
	struct { unsigned long scanned, rotated; } use[2]; /* lru_lock: anonymous, file: looked at lately, found in use */
	unsigned long scanned;         /* since a page was last freed by it; racy */
	bool wanted;                   /* an allocation has found it below its low mark */
};
enum { WMARK_MIN, WMARK_LOW, WMARK_HIGH };
extern struct zone zones[NR_ZONES];
static inline struct zone *page_zone(const struct page *p) { return &zones[page_zone_id(p)]; }
static inline bool zone_populated(const struct zone *z) { return z->present; }
unsigned long zone_free_pages(const struct zone *z);  /* per-CPU lists included */
unsigned long zone_pcp_pages(const struct zone *z);
unsigned long nr_free_pages(void);
unsigned long nr_free_low(void);
extern unsigned long totalram_pages, totalhigh_pages; /* handed to the allocator at boot */
extern u32 min_free_kbytes;
void set_min_free_kbytes(u32 kb);                     /* sets the watermarks anew */
/* => enough left above the mark and the reserve for highest, in blocks that can serve order? */
bool zone_watermark_ok(const struct zone *z, unsigned order, unsigned long mark, enum zone_id highest);
/* Free blocks of each order, unopened memory included, as /proc/buddyinfo shows them. */
void zone_free_blocks(struct zone *z, unsigned long nr[MAX_ORDER + 1]);

void drain_all_pages(void);      /* all CPUs' own lists go back to the buddy lists; sleeps */
void slab_drain_all(void);       /* all CPUs' magazines go back to their slabs, empty slabs to the zones; sleeps */
void dump_page(const struct page *page); /* whole, to the log; any context */
void show_mem(void);             /* zones, slabs, consumers of low memory to the log; any context */

/* What the allocator asks of the rooms to its right; set once at boot, NULL until then.
 * reclaim: free about `pages` pages usable by gfp; returns 0 if there is nothing to be had (any more). oom: gfp and order cannot be met;
 * returns true if it made room or waited for somebody who does (retry), false to fail the allocation. */
struct phys_ops {
	unsigned long (*reclaim)(struct zone *zone, gfp_t gfp, unsigned order, unsigned long pages);
	void (*wake_reclaim)(struct zone *zone);
	bool (*oom)(struct zone *zone, gfp_t gfp, unsigned order);
};
extern const struct phys_ops *phys_ops;

/* Events, as /proc/vmstat names them. */
enum vm_event {
	PGALLOC_DMA, PGALLOC_NORMAL, PGALLOC_HIGH, PGFREE, PGACTIVATE, PGDEACTIVATE, PGFAULT, PGMAJFAULT, PGPGIN, PGPGOUT,
	PSWPIN, PSWPOUT, PGSTEAL_KSWAPD, PGSTEAL_DIRECT, PGSCAN_KSWAPD, PGSCAN_DIRECT, PGSCAN_ANON, PGSCAN_FILE, PGSTEAL_ANON, PGSTEAL_FILE,
	PGREFILL, PGROTATED, SLABS_SCANNED, ALLOCSTALL_DMA, ALLOCSTALL_NORMAL, ALLOCSTALL_HIGH, PAGEOUTRUN, RECLAIM_WAIT,
	OOM_KILL, OOM_REAP, DROP_PAGECACHE, DROP_SLAB, PGPINNED, PGUNPINNED, KMAP_FLUSH, ZONE_OPEN, BOUNCE, BLK_RETRY, BLK_ERROR,
	NONLINEAR_PLACED, TRUNCATE_RACED, TRUNCATE_ORPHANED, NR_VM_EVENTS
};
DECLARE_PER_CPU(unsigned long, vm_events[NR_VM_EVENTS]);
static inline void count_vm_event(enum vm_event e) { this_cpu_inc(vm_events[e]); }
static inline void count_vm_events(enum vm_event e, unsigned long n) { this_cpu_add(vm_events[e], n); }
unsigned long vm_event(enum vm_event e);  /* sum over CPUs */
extern const char *const vm_event_names[NR_VM_EVENTS];

/* --- LRU lists ------------------------------------------------------------------------------------------------
 * A page is put on its zone's list once, when it is first mapped or enters the cache, and leaves it when its last
 * reference goes. Which list: PG_swapbacked picks anon or file, PG_active picks active or inactive. On its way there it
 * may rest in a batch of some CPU (lru.c), which nobody else need know: PG_lru is set, and all of these work.
 * => any context (lru_add*: not in interrupt handlers); lru_lock is taken inside with interrupts off */
void lru_add(struct page *page);          /* page on no list; sets PG_lru */
void lru_add_new(struct page *page, unsigned long flags); /* a page that nobody else knows, which gets these flags too */
void lru_add_active(struct page *page);   /* lru_add, and PG_active */
void lru_drain(struct zone *z);           /* all CPUs' batches go onto the lists: before a scan that must see all */
bool lru_isolate(struct page *page);      /* take it off; false: it was on none. page->lru is the caller's then */
void lru_activate(struct page *page);     /* to the head of the active list; nothing if on no list */
void lru_deactivate(struct page *page);
void lru_rotate(struct page *page);       /* to the end from which reclaim takes */
/* lru_lock held; for the scanner, which moves many */
void lru_add_locked(struct zone *z, struct page *page);
void lru_del_locked(struct zone *z, struct page *page);
static inline enum lru_list page_lru_list(const struct page *p)
{
	return (page_swapbacked(p) ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE) + (page_active(p) ? 1 : 0);
}
unsigned long zone_lru_pages(struct zone *z, enum lru_list l); /* exact: drains first */
unsigned long nr_lru_pages(enum lru_list l);                   /* of all zones */
/* Up to n pages from the cold end of a list, each with a reference; they are on no list then. => how many. *seen grows by the pages
 * looked at: those that are just being freed are passed by. */
unsigned lru_take(struct zone *z, enum lru_list l, struct page **pages, unsigned n, unsigned long *seen);
/* And back, those of bit i in `active` to the active list, the rest to the inactive one; the references go. At most 32, of one zone. */
void lru_give_back(struct zone *z, struct page **pages, unsigned n, u32 active);
/* Pages that reclaim waits for have been written: counts, and wakes who waits for any. */
extern struct wait_queue reclaim_written;
extern u32 nr_reclaim_written;

/* --- pins (pin.c): PTEs of locked areas, and nonlinear ones. While there is one the page is on no LRU list and PG_mlocked.
 * => under the PTL of that PTE; the caller has a reference. No sleep, cannot fail */
void page_pin(struct page *page);
void page_unpin(struct page *page);
/* For all pages of a table, under its PTL: lru_lock is taken once for many. It starts zeroed; interrupts may be off until the end. */
struct pin_run { struct zone *zone; unsigned long flags; unsigned n; };
void pin_run_page(struct pin_run *r, struct page *page, bool pin);
void pin_run_end(struct pin_run *r);
static inline unsigned long zone_mlocked(const struct zone *z) { return z->nr_mlock[0] + z->nr_mlock[1]; }
unsigned long nr_mlocked_pages(void), nr_mlocked_anon(void); /* anon: with tmpfs */

/* --- slab --------------------------------------------------------------------------------------------------- */
#define SLAB_TYPESAFE_RCU 1u /* memory keeps its type for a grace period after free (lockless lookups) */
#define SLAB_RECLAIMABLE 2u  /* counted as SReclaimable */
#define SLAB_PANIC 4u
#define SLAB_NODEBUG 8u      /* no red zones even in debug builds: where the layout of a page matters */
/* => objects of a cache with ctor are in constructed state when allocated and must be so again when freed. */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *));
int kmem_cache_destroy(struct kmem_cache *c); /* -EBUSY while objects are out; sleeps */
void *__must_check kmem_cache_alloc(struct kmem_cache *c, gfp_t gfp);
static inline void *__must_check kmem_cache_zalloc(struct kmem_cache *c, gfp_t gfp) { return kmem_cache_alloc(c, gfp | __GFP_ZERO); }
void kmem_cache_free(struct kmem_cache *c, void *obj);
void kmem_cache_shrink(struct kmem_cache *c); /* give back empty slabs; sleeps */

void *__must_check __kmalloc(size_t size, gfp_t gfp);
void *__must_check krealloc(void *p, size_t size, gfp_t gfp);
void kfree(const void *p); /* NULL is fine */
size_t ksize(const void *p); /* what really may be used */
char *__must_check kstrdup(const char *s, gfp_t gfp);
void *__must_check kmemdup(const void *p, size_t size, gfp_t gfp);

/* Size classes, a sixth or less wasted on average; each is a cache named kmalloc-SIZE. */
#define KMALLOC_MAX 4096
#define KMALLOC_CLASSES(X) X(8) X(16) X(24) X(32) X(48) X(64) X(80) X(96) X(128) X(160) X(192) X(256) X(320) X(384) \
	X(512) X(768) X(1024) X(1536) X(2048) X(3072) X(4096)
#define KMALLOC_ONE(n) +1
enum { NR_KMALLOC = 0 KMALLOC_CLASSES(KMALLOC_ONE) };
extern struct kmem_cache *kmalloc_caches[NR_KMALLOC];
#define KMALLOC_SKIP(n) +(size > (n))
static __always_inline unsigned kmalloc_class(size_t size) { return 0 KMALLOC_CLASSES(KMALLOC_SKIP); }
/* Above KMALLOC_MAX: contiguous pages, a power of two of them; prefer kvmalloc. */
static __always_inline void *__must_check kmalloc(size_t size, gfp_t gfp)
{
	if (__builtin_constant_p(size) && size <= KMALLOC_MAX && size)
		return kmem_cache_alloc(kmalloc_caches[kmalloc_class(size)], gfp);
	return __kmalloc(size, gfp);
}
static __always_inline void *__must_check kzalloc(size_t size, gfp_t gfp) { return kmalloc(size, gfp | __GFP_ZERO); }

/* For /proc/slabinfo: calls fn for each cache, under the mutex of the list of caches. Sleeps. */
struct slab_info {
	const char *name;
	unsigned long active, total, active_slabs, slabs, pages; /* objects, objects, slabs, slabs, pages */
	unsigned size, objects_per_slab, pages_per_slab, limit, batch;
	bool reclaimable;
};
void for_each_slab_cache(void (*fn)(void *arg, const struct slab_info *info), void *arg);
void slab_pages(unsigned long *reclaimable, unsigned long *unreclaimable);
void slab_report_leaks(struct kmem_cache *c); /* debug builds: lists objects in use, with who allocated them */

/* Shrinkers: caches that can give memory back when low memory is short. count/scan in objects. */
struct shrinker {
	const char *name;
	unsigned long (*count)(void);
	unsigned long (*scan)(unsigned long objects, gfp_t gfp); /* returns objects freed */
	struct list_head list;
};
void register_shrinker(struct shrinker *s);
unsigned long shrink_slabs(unsigned long pages, gfp_t gfp); /* => pages freed, about */
extern u32 vfs_cache_pressure; /* per cent: how readily names and inodes are given up beside pages */

/* --- vmalloc ------------------------------------------------------------------------------------------------ */
void *__must_check vmalloc(size_t size);            /* may sleep; pages may be high */
void *__must_check vzalloc(size_t size);
void *__must_check vmap_phys(phys_t phys, size_t size, u64 prot); /* device memory; PTE_CACHE_OFF in prot */
void vfree(const void *p);                          /* NULL is fine; any context. Also undoes vmap_phys */
static inline bool is_vmalloc(const void *p) { return (unsigned long)p >= VMALLOC_START && (unsigned long)p < VMALLOC_END; }
void *__must_check kvmalloc(size_t size, gfp_t gfp); /* kmalloc for small, vmalloc for large */
static inline void *__must_check kvzalloc(size_t size, gfp_t gfp) { return kvmalloc(size, gfp | __GFP_ZERO); }
void kvfree(const void *p);
void vmalloc_sweep(void);                           /* forget what was freed: its addresses, its notes in low memory. Sleeps */
void vmalloc_stat(unsigned long *used, unsigned long *largest_gap); /* bytes */
void for_each_vmalloc_area(void (*fn)(void *arg, unsigned long addr, size_t size, const void *caller), void *arg);

/* --- kmap: touch a page wherever it lies ---------------------------------------------------------------------
 * => preemption stays off from kmap to kunmap; the holder does not sleep; user copies under it run with
 *    faults off (copy_*_user_nofault) and are retried; nests 8 deep; unmapped in reverse order. Not in interrupts.
 * => low pages cost a compare and an add. A slot is used again only after its CPU has flushed it. */
void *kmap(struct page *page);
void *kmap_pfn(pfn_t pfn);                                /* also of frames that have no struct page */
void kunmap(const void *addr);                            /* what kmap returned, or an address inside that page */
#ifdef CONFIG_DEBUG
unsigned kmap_depth(void);                                /* of this CPU: 0 whenever preemption may happen */
#endif
void clear_page(struct page *page);                       /* whole page, wherever it lies */
void copy_page(struct page *to, struct page *from);
void zero_page_range(struct page *page, unsigned from, unsigned to);
extern struct page *zero_page;                            /* one page of zeroes; PG_reserved, never counted */

/* --- boot --------------------------------------------------------------------------------------------------- */
struct mem_range { u64 start, end; u32 user; };           /* user: enum lowmem_user, for reserved ones */
/* ram: usable, checked, sorted, disjoint. reserved: what must not be handed out (kernel, modules, boot data).
 * Low memory must be mapped. When it returns everything above works on the boot CPU. */
void phys_init(const struct mem_range *ram, unsigned nr_ram, const struct mem_range *reserved, unsigned nr_reserved);
void phys_release(phys_t start, phys_t end);              /* give a reserved boot range back (modules, .init) */

#endif
