/* SPDX-License-Identifier: MIT
 *
 * What the files of mm/phys share among themselves.
 */
#ifndef MM_PHYS_INTERNAL_H
#define MM_PHYS_INTERNAL_H

#include "mm/phys/phys.h"

/* --- memory in blocks of 4 MB (boot.c sets the states, buddy.c opens) ----------------------------------------- */
#define BLOCK_PAGES (1UL << MAX_ORDER)
enum block_state {
	BLOCK_ABSENT,   /* no RAM; its part of mem_map was given back: never touch its struct pages */
	BLOCK_UNOPENED, /* all RAM, all free, counted in zone->free; struct pages not initialised */
	BLOCK_OPEN,     /* was UNOPENED */
	BLOCK_PARTIAL,  /* opened at boot: part of it is reserved or no RAM (PG_reserved there) */
};
extern u8 *block_states;
static inline pfn_t block_pfn(unsigned block) { return (pfn_t){ (unsigned long)block << MAX_ORDER }; }
static inline unsigned pfn_block(pfn_t pfn) { return pfn.n >> MAX_ORDER; }
extern unsigned nr_blocks;

static inline void page_init(struct page *p, enum zone_id zone, unsigned long flags)
{
	p->flags = (unsigned long)zone << PG_zone_shift | flags;
	atomic_set(&p->refcount, 0);
	atomic_set(&p->mapcount, -1);
	p->private = 0;
	p->mapping = NULL;
	p->index.n = 0;
}

/* --- buddy lists (buddy.c); zone->lock held -------------------------------------------------------------------- */
struct page *buddy_take(struct zone *z, unsigned order);           /* changes zone->free; NULL if there is none */
void buddy_give(struct zone *z, struct page *page, unsigned order); /* likewise */
void buddy_init(struct zone *z);

/* --- zones (zone.c) ---------------------------------------------------------------------------------------------- */
extern u8 gfp_zone_table[4]; /* highest zone for gfp & (__GFP_DMA | __GFP_HIGHMEM) */
static inline enum zone_id gfp_zone(gfp_t gfp) { return gfp_zone_table[gfp & (__GFP_DMA | __GFP_HIGHMEM)]; }
void zones_set_up(void);     /* after boot.c filled in spans and counts */

/* --- page allocator (alloc.c, free.c) --------------------------------------------------------------------------------------- */
void free_frozen_page(struct page *page); /* refcount 0, off the LRU */

/* --- checks of debug builds (page_check.c) ------------------------------------------------------------------------- */
#ifdef CONFIG_DEBUG
bool fail_this_one(void);                     /* counts current->fail_nth down: tests see each allocation fail once */
void check_new_page(struct page *page);       /* refcount is still 0 */
unsigned long page_freed(struct page *page);  /* => what to leave in page->flags beside the zone */
#else
static inline bool fail_this_one(void) { return false; }
static inline void check_new_page(struct page *page) {}
static inline unsigned long page_freed(struct page *page) { return 0; }
#endif
void __cold bad_page(const struct page *page, const char *what) __noreturn;

/* --- slab (slab.c, slab_debug.c) ---------------------------------------------------------------------------------------- */
void slab_init(void);
unsigned long slab_reap(void);    /* empty slabs go back; => pages. Any context without a zone or slab lock */
void kmalloc_init(void);

/* --- low memory by consumer (lowmem.c): what was reserved at boot, by its page->private --------------------------- */
void lowmem_init(void);
unsigned long lowmem_boot_pages(enum lowmem_user who);
void lowmem_boot_release(const struct page *page);

void pagelock_init(void);
void lru_written(void); /* a page with PG_reclaim lies at the cold end, written; any context */

#endif
