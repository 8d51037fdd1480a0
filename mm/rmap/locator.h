/* SPDX-License-Identifier: MIT
 *
 * Locators: a page-table entry named in 32 bits, wherever its page table lies.
 *
 *      31                        9 8         0
 *     +--------------------------+-----------+
 *     | frame of the table,      | slot: one |       mm and address come from the table's struct page:
 *     | holes squeezed out       | of 512    |         table->pt_mm;  table->address + slot * 4096
 *     +--------------------------+-----------+
 *
 * 2^23 frames are 32 GB of RAM: with the hole below 4 GB squeezed out, every frame of a 32 GB machine has its number.
 * On larger ones page tables stay below that (rmap_table_limit); all ones is no locator. 2.5 took the physical address of
 * the PTE, 64 bits with PAE, which halves what a cache line holds (rmap.chainpte=8); Red Hat's 2.4.21 kernel had this trick.
 *
 * A locator stays right when a page-table page moves to another address (mremap): only its struct page changes then. It
 * is dropped under the PTL together with the entry that it names, so it never outlives the table.
 */
#ifndef MM_RMAP_LOCATOR_H
#define MM_RMAP_LOCATOR_H

#include "mm/virt/mm.h"

typedef u32 locator_t;
#define NO_LOCATOR 0xffffffffU
#define SLOT_BITS 9

/* Sections of 128 MB, numbered without those that have no RAM. */
#define SECTION_SHIFT (27 - MMU_PAGE_SHIFT)
struct squeeze {
	u16 *gap;         /* by section: how many below it have no RAM */
	u16 *section;     /* the other way: by squeezed number */
	u32 nr;           /* sections with RAM */
};
extern struct squeeze squeeze;
int locator_init(void); /* => 0 or -ENOMEM; sets rmap_table_limit */

static inline u32 squeeze_frame(mmu_pfn_t f) { return f.n - ((u32)squeeze.gap[f.n >> SECTION_SHIFT] << SECTION_SHIFT); }
static inline mmu_pfn_t expand_frame(u32 n)
{
	return (mmu_pfn_t){ (u32)squeeze.section[n >> SECTION_SHIFT] << SECTION_SHIFT | (n & ((1U << SECTION_SHIFT) - 1)) };
}

static inline locator_t locator_make(const struct page *table, unsigned slot)
{
	PAGE_IS_ONE_MMU_PAGE("a page table has a struct page of its own");
	return squeeze_frame(mmu_pfn_of(page_to_pfn(table))) << SLOT_BITS | slot;
}
/* => PTL of that table held: there is one */
static inline locator_t locator_of(struct mm *mm, unsigned long addr) { return locator_make(pt_page(mm, addr), PTE_INDEX(addr)); }
static inline struct page *locator_table(locator_t l) { return pfn_to_page(pfn_of(expand_frame(l >> SLOT_BITS))); }
static inline unsigned locator_slot(locator_t l) { return l & ((1U << SLOT_BITS) - 1); }
/* What 2.5 kept: the physical address of the PTE. */
static inline u64 locator_to_phys(locator_t l) { return mmu_pfn_pos(expand_frame(l >> SLOT_BITS)) | locator_slot(l) * sizeof(pte_t); }
static inline locator_t locator_from_phys(u64 pa)
{
	return squeeze_frame(mmu_pfn_at(pa)) << SLOT_BITS | ((u32)pa & (MMU_PAGE_SIZE - 1)) / sizeof(pte_t);
}

#endif
