/* SPDX-License-Identifier: MIT
 *
 * Two units of memory, and the types that keep them apart.
 *
 *   PAGE_SIZE       what the kernel manages: struct page, the buddy allocator, the page cache
 *   MMU_PAGE_SIZE   4 KB: what one PTE maps and user space sees; offsets of mmap, rss, limits, swap slots, chain locators
 *
 * They are equal until page clustering makes PAGE_SIZE larger, so nothing but the compiler can tell who mixes them up:
 *
 *                     in PAGE_SIZE                                     in MMU_PAGE_SIZE
 *   physical memory   pfn_t     mem_map, zones, buddy, the swap cache  mmu_pfn_t  in a PTE, in pagemap, in a chain locator
 *   file or object    pindex_t  page->index, page cache, read-ahead    pgoff_t    vma->pgoff, what mmap2 takes and maps shows
 *   swap                                                               swap_entry_t (.v): area and slot
 *
 * Each is a struct around its number: .n, for arithmetic within one unit. Nothing turns one into another but the functions here:
 *
 *   x_at(byte)  the one in which it lies                 pfn_at     mmu_pfn_at  pindex_at   pgoff_at
 *   x_end(byte) the first that begins there or behind    pfn_end                pindex_end
 *   x_pos(x)    its first byte                           pfn_pos    mmu_pfn_pos pindex_pos  pgoff_pos
 *   x_of(y)     in the other unit: the page around an    pfn_of                 pindex_of
 *               MMU page; the first MMU page of a page   mmu_pfn_of             pgoff_of (pgoff_last_of: the last)
 *
 * mm/phys/page.h adds pte_page and page_pte, mm/virt/mm.h vma_pgoff_at and vma_pindex_at.
 *
 * Counts are plain numbers, and their names tell: nr_*_pages, totals of zones and caches are in PAGE_SIZE; rss, what is promised
 * and locked, limits and swap slots are in MMU_PAGE_SIZE. Where both meet, mmu_pages(pages) makes the first the second. In kB: kB, mmu_kB.
 *
 * Code that is only right while a page is one MMU page says so and why: PAGE_IS_ONE_MMU_PAGE("..."). It does not compile
 * otherwise, and page clustering begins with the list:
 *	make -k kernel PGCL=1 O=/tmp/pgcl 2>&1 | grep -o 'page clustering: .*' | sort -u
 *
 * A struct of one word costs nothing: with -mregparm=3 and -freg-struct-return it travels in a register as the bare number
 * does, and GCC makes the same code of it: one definition for release and debug builds. tools/tests/tree/units.py shows that,
 * and that mixtures do not compile.
 */
#ifndef KERNEL_LIB_UNITS_H
#define KERNEL_LIB_UNITS_H

#include "kernel/lib/types.h"

#ifndef PGCL
#define PGCL 0 /* log2 of the MMU pages in a page */
#endif
#define MMU_PAGE_SHIFT 12
#define MMU_PAGE_SIZE (1UL << MMU_PAGE_SHIFT)
#define MMU_PAGE_MASK (~(MMU_PAGE_SIZE - 1))
#define PAGE_SHIFT (MMU_PAGE_SHIFT + PGCL)
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))

#define PAGE_IS_ONE_MMU_PAGE(why) static_assert(PAGE_SIZE == MMU_PAGE_SIZE, "page clustering: " why)

#define mmu_pages(pages) ((unsigned long)(pages) << PGCL)
#define kB(pages) ((unsigned long)(pages) << (PAGE_SHIFT - 10))
#define mmu_kB(n) ((unsigned long)(n) << (MMU_PAGE_SHIFT - 10))

typedef struct { unsigned long n; } pfn_t;
typedef struct { unsigned long n; } mmu_pfn_t;
typedef struct { unsigned long n; } pindex_t;
typedef struct { unsigned long n; } pgoff_t;

#define PINDEX_MAX ((pindex_t){ ~0UL })

/* --- physical memory --------------------------------------------------------------------------------------------------- */
static inline pfn_t pfn_at(phys_t pa) { return (pfn_t){ (unsigned long)(pa >> PAGE_SHIFT) }; }
static inline pfn_t pfn_end(phys_t pa) { return pfn_at(pa + PAGE_SIZE - 1); }
static inline phys_t pfn_pos(pfn_t pfn) { return (phys_t)pfn.n << PAGE_SHIFT; }
static inline mmu_pfn_t mmu_pfn_at(phys_t pa) { return (mmu_pfn_t){ (unsigned long)(pa >> MMU_PAGE_SHIFT) }; }
static inline phys_t mmu_pfn_pos(mmu_pfn_t f) { return (phys_t)f.n << MMU_PAGE_SHIFT; }
static inline pfn_t pfn_of(mmu_pfn_t f) { return (pfn_t){ f.n >> PGCL }; }
static inline mmu_pfn_t mmu_pfn_of(pfn_t pfn) { return (mmu_pfn_t){ pfn.n << PGCL }; }

/* --- files and other objects ----------------------------------------------------------------------------------------------- */
static inline pindex_t pindex_at(loff_t pos) { return (pindex_t){ (u32)((u64)pos >> PAGE_SHIFT) }; }
static inline pindex_t pindex_end(loff_t size) { return pindex_at(size + PAGE_SIZE - 1); }
static inline loff_t pindex_pos(pindex_t index) { return (loff_t)index.n << PAGE_SHIFT; }
static inline pgoff_t pgoff_at(loff_t pos) { return (pgoff_t){ (u32)((u64)pos >> MMU_PAGE_SHIFT) }; }
static inline loff_t pgoff_pos(pgoff_t off) { return (loff_t)off.n << MMU_PAGE_SHIFT; }
static inline pindex_t pindex_of(pgoff_t off) { return (pindex_t){ off.n >> PGCL }; }
static inline pgoff_t pgoff_of(pindex_t index) { return (pgoff_t){ index.n << PGCL }; }
static inline pgoff_t pgoff_last_of(pindex_t index) { return index.n > ~0UL >> PGCL ? (pgoff_t){ ~0UL } : (pgoff_t){ ((index.n + 1) << PGCL) - 1 }; }

/* --- swap: slots are of MMU_PAGE_SIZE ---------------------------------------------------------------------------------------- */
/* A slot of an area, as a PTE, a page in the swap cache (page->private) and a tmpfs tree hold it: type (5) | offset (27). 0: none,
 * since slot 0 is the area's header. */
typedef struct { u32 v; } swap_entry_t;
#define SWAP_OFFSET_BITS 27
static inline swap_entry_t swap_entry(u32 type, u32 offset) { return (swap_entry_t){ type << SWAP_OFFSET_BITS | offset }; }
static inline u32 swap_type(swap_entry_t e) { return e.v >> SWAP_OFFSET_BITS; }
static inline u32 swap_offset(swap_entry_t e) { return e.v & ((1U << SWAP_OFFSET_BITS) - 1); }

#endif
