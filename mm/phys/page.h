/* SPDX-License-Identifier: MIT
 *
 * struct page: one per physical frame; its size is what 32 GB costs in low memory. Its unit is PAGE_SIZE: kernel/lib/units.h.
 *
 * Keys of fields (who may change them):
 *   a  atomic operations, anyone with a reference
 *   b  zone->lock while the page is free (buddy)
 *   l  page lock (PG_locked)
 *   o  owner: whoever allocated the page, until it is shared
 *   p  page-table lock of a PTE that maps it, or the lock of the rmap scheme
 *   s  slab cache's lock
 *   z  zone->lru_lock
 */
#ifndef MM_PHYS_PAGE_H
#define MM_PHYS_PAGE_H

#include "arch/i386/pgtable.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/list.h"
#include "kernel/sync/atomic.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/spinlock.h"

struct address_space;
struct kmem_cache;
struct mm;

struct page {
	unsigned long flags;             /* a: enum page_flag below; the top 2 bits are the zone */
	atomic_t refcount;               /* a: 0 = free or frozen; the page cache, each PTE, each user hold one */
	union {
		atomic_t mapcount;       /* p: PTEs that map it, minus one (-1: none) */
		struct pte_chain *chain; /* p: schemes `chain`, PG_chain: the PTEs that map it, two or more */
		u32 direct;              /* p: schemes `chain`: the only one; all ones: none */
		struct {
			u16 inuse;       /* s: objects handed out; page-table page, p: entries not none */
			u16 objects;     /* s: objects in the slab */
		};
	};
	union {
		unsigned long private;   /* b: order of a free block; l: swap entry; o: fs data */
		spinlock_t ptl;          /* page-table page: its page-table lock */
		void *freelist;          /* s: first free object */
	};
	union {
		struct address_space *mapping; /* l: file; low bit PAGE_MAPPING_ANON: the rmap object instead */
		struct kmem_cache *slab;       /* s */
		struct mm *pt_mm;              /* page-table page: whose */
	};
	union {
		pindex_t index;          /* l: place in the object */
		unsigned long address;   /* page-table page: the first that it maps; p: rmap.anon=anonmm: where it is mapped */
		unsigned long key;       /* p: rmap.anon=chain, which needs no place: what its lock is found by (statelock.h) */
	};
	union {
		struct list_head lru;    /* b: free list; z: LRU; s: slab list; o: anything else */
		struct page *next;       /* free page in a CPU's own list; pages on their way to it */
		struct rcu_head rcu;     /* page-table page on its way out */
		struct {
			unsigned long lru_none; /* locked pages are on no list ... */
			atomic_t pincount;      /* ... and count their pins here (DESIGN section 6) */
		};
	};
};
static_assert(sizeof(struct page) == 32, "each byte here costs 8 MB of low memory at 32 GB");

enum page_flag {
	PG_locked,     /* page lock: I/O, truncation and rmap walks exclude each other */
	PG_uptodate,   /* contents valid */
	PG_dirty,      /* newer than what is on disk */
	PG_writeback,  /* under write-out */
	PG_lru,        /* on an LRU list */
	PG_active,     /* on the active one */
	PG_referenced, /* touched through the page cache since last looked at */
	PG_buddy,      /* free, head of a block of order `private` */
	PG_slab,       /* belongs to a slab */
	PG_table,      /* page-table page */
	PG_reserved,   /* not the allocator's: kernel image, mem_map (private: enum lowmem_user); refcount 0: no RAM */
	PG_swapcache,  /* private is a swap entry */
	PG_swapbacked, /* anonymous or tmpfs: goes to swap, not to a file */
	PG_mlocked,    /* pinned: on no LRU list, pincount in use */
	PG_error,
	PG_chain,      /* page->chain is a list, not `direct` */
	PG_waiters,    /* somebody sleeps on PG_locked or PG_writeback */
	PG_reclaim,    /* reclaim waits for its write-out: to the tail of its list when that ends */
	PG_readahead,  /* swap: read because a neighbour was wanted; files: read the next window now */
	PG_poisoned,   /* debug: free, and filled with a pattern */
	PG_state,      /* rmap.lock=bit: lock over chain, direct, mapping */
	PG_unused,     /* swap cache: its last user went while it was read or written; whoever ends that lets go of it */
	PG_zone_shift = 30
};
#define PAGE_MAPPING_ANON 1UL

/* test_, set_, clear_ and test_and_set_/test_and_clear_ for each flag: page_locked(p), set_page_locked(p)... */
#define PAGE_FLAG(name)                                                                                    \
	static inline bool page_##name(const struct page *p) { return READ_ONCE(p->flags) >> PG_##name & 1; }  \
	static inline void set_page_##name(struct page *p) { atomic_or_long(1UL << PG_##name, &p->flags); }    \
	static inline void clear_page_##name(struct page *p) { atomic_and_long(~(1UL << PG_##name), &p->flags); } \
	static inline bool test_set_page_##name(struct page *p) { return test_and_set_bit(PG_##name, &p->flags); } \
	static inline bool test_clear_page_##name(struct page *p) { return test_and_clear_bit(PG_##name, &p->flags); }
PAGE_FLAG(locked)
PAGE_FLAG(uptodate)
PAGE_FLAG(dirty)
PAGE_FLAG(writeback)
PAGE_FLAG(lru)
PAGE_FLAG(active)
PAGE_FLAG(referenced)
PAGE_FLAG(buddy)
PAGE_FLAG(slab)
PAGE_FLAG(table)
PAGE_FLAG(reserved)
PAGE_FLAG(swapcache)
PAGE_FLAG(swapbacked)
PAGE_FLAG(mlocked)
PAGE_FLAG(error)
PAGE_FLAG(chain)
PAGE_FLAG(waiters)
PAGE_FLAG(reclaim)
PAGE_FLAG(readahead)
PAGE_FLAG(state)
PAGE_FLAG(unused)

enum zone_id { ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM, NR_ZONES };

/* mem_map is one array, indexed by frame number; parts of it that no memory needs are given back. */
extern struct page *mem_map;
extern pfn_t max_pfn;      /* first frame beyond all memory */
extern pfn_t max_low_pfn;  /* first frame beyond low memory */

static inline struct page *pfn_to_page(pfn_t pfn) { return mem_map + pfn.n; }
static inline pfn_t page_to_pfn(const struct page *p) { return (pfn_t){ p - mem_map }; }
static inline phys_t page_to_phys(const struct page *p) { return pfn_pos(page_to_pfn(p)); }
static inline enum zone_id page_zone_id(const struct page *p) { return p->flags >> PG_zone_shift; }
extern struct page *high_mem_map; /* mem_map + max_low_pfn */
static inline bool page_is_high(const struct page *p) { return p >= high_mem_map; }
static inline void *page_address(const struct page *p) /* low pages; one shift for page_to_pfn and pfn to address */
{
	return (char *)PAGE_OFFSET + ((unsigned long)((char *)p - (char *)mem_map) << (PAGE_SHIFT - 5));
}
static inline struct page *virt_to_page(const void *v) { return pfn_to_page((pfn_t){ __pa(v) >> PAGE_SHIFT }); } /* low memory */

/* A PTE and the page that it maps. */
static inline struct page *pte_page(pte_t e) { return pfn_to_page(pfn_of(pte_mmu_pfn(e))); }
static inline pte_t page_pte(const struct page *p, u64 bits)
{
	PAGE_IS_ONE_MMU_PAGE("a page's PTE maps all of it");
	return pte_make(mmu_pfn_of(page_to_pfn(p)), bits);
}

/* Memory is opened in blocks of 4 MB (one buddy block of the largest order): until a zone needs a block, nobody has
 * touched its struct pages. Is there RAM behind this frame, and has its struct page been initialised? Walkers by frame number ask first.
 * => any context; a page once opened stays opened */
bool pfn_opened(pfn_t pfn);
bool pfn_has_ram(pfn_t pfn); /* is there any in its block of 4 MB? */

static inline bool page_anon(const struct page *p) { return (unsigned long)p->mapping & PAGE_MAPPING_ANON; }
static inline struct address_space *page_mapping(const struct page *p) { return page_anon(p) ? NULL : p->mapping; }
/* Is it mapped anywhere? In every scheme of the reverse map all ones mean no; how often: page_mapcount, mm/rmap/rmap.h. */
static inline bool page_mapped(const struct page *p) { return atomic_read(&p->mapcount) != -1; }

/* Does any PTE show it? Those of nonlinear areas are pins, and in no reverse map. */
static inline bool page_in_tables(const struct page *p) { return page_mapped(p) || unlikely(page_mlocked(p)); }

static inline void get_page(struct page *p)
{
	ASSERT(atomic_read(&p->refcount) > 0);
	atomic_inc(&p->refcount);
}
/* Lookup without a lock: fails on a page that is free or frozen. */
static inline bool try_get_page(struct page *p) { return atomic_inc_not_zero(&p->refcount); }
void free_page_last(struct page *p); /* refcount reached zero */
static inline void put_page(struct page *p)
{
	if (atomic_dec_and_test(&p->refcount))
		free_page_last(p);
}

/* Sleeps until it holds PG_locked. The lock order stands in mm/rmap/rmap.h. */
void lock_page(struct page *p);
int lock_page_killable(struct page *p); /* 0 or -EINTR */
static inline bool trylock_page(struct page *p) { return !test_set_page_locked(p); }
void unlock_page(struct page *p);
void wait_on_page_locked(struct page *p); /* until somebody unlocked it; takes nothing */
void wait_on_page_writeback(struct page *p);
void end_page_writeback(struct page *p);

#endif
