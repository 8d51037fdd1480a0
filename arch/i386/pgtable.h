/* SPDX-License-Identifier: MIT
 *
 * The kernel's address map, and page tables as the PAE hardware sees them (Intel SDM 3A, 4.4).
 *
 *   C0000000  PAGE_OFFSET: low memory, 1:1, at most 896 MB, 2 MB pages (the kernel image in 4 KB pages, W^X)
 *   F8000000  VMALLOC_START .. VMALLOC_END
 *   FC000000  KMAP_BASE: 2 MB of slots (one page table) per CPU, 16 CPUs
 *   FE000000  device registers (local APIC, I/O APIC): 510 fixed slots
 *   FE1FE000  [vvar] and [vdso], which programs may read (vdso.c)
 *
 * With 3:1 the fourth PDPTE holds the whole kernel: one page directory shared by all address spaces, so that
 * kernel mappings need no copying. The three user page directories of an mm are made when first needed; a new
 * PDPTE is seen by a CPU only after it reloads CR3 (SDM 4.4.1).
 *
 * A PAE entry is two words and user page tables are read without locks: set the high word first, clear the low
 * word first; readers look twice. Only the helpers here touch an entry.
 */
#ifndef ARCH_I386_PGTABLE_H
#define ARCH_I386_PGTABLE_H

#include "arch/i386/percpu.h"
#include "kernel/lib/units.h"

#define PAGE_OFFSET 0xc0000000UL
#define TASK_SIZE PAGE_OFFSET
#define LOWMEM_MAX (896UL << 20)
#define VMALLOC_START 0xf8000000UL
#define VMALLOC_END 0xfc000000UL
#define KMAP_BASE 0xfc000000UL
#define KMAP_SLOTS 512U /* per CPU: one page table */
#define FIXMAP_BASE 0xfe000000UL

#define __pa(v) ((unsigned long)(v) - PAGE_OFFSET)
#define __va(p) ((void *)((unsigned long)(p) + PAGE_OFFSET))

#define PTRS_PER_TABLE 512
#define PMD_SHIFT 21
#define PMD_SIZE (1UL << PMD_SHIFT)   /* what one page-table page maps: 2 MB */
#define PDPT_SHIFT 30
#define PTE_INDEX(a) ((a) >> 12 & 511)
#define PMD_INDEX(a) ((a) >> PMD_SHIFT & 511)
#define PDPT_INDEX(a) ((a) >> PDPT_SHIFT)

#define PTE_PRESENT 0x001ULL
#define PTE_WRITE 0x002ULL
#define PTE_USER 0x004ULL
#define PTE_PWT 0x008ULL
#define PTE_PCD 0x010ULL
#define PTE_ACCESSED 0x020ULL
#define PTE_DIRTY 0x040ULL
#define PTE_LARGE 0x080ULL   /* in a page-directory entry */
#define PTE_GLOBAL 0x100ULL
#define PTE_SPECIAL 0x200ULL /* software: not a counted page (zero page, devices, vDSO) */
#define PTE_PROTNONE 0x100ULL /* software, PRESENT clear: there is a page, but PROT_NONE keeps the program out */
#define PTE_NX_BIT (1ULL << 63)
#define PTE_PFN_MASK 0x000ffffffffff000ULL
#define PTE_CACHE_OFF (PTE_PCD | PTE_PWT)
extern u64 pte_nx; /* PTE_NX_BIT, or 0 where the CPU lacks it */

#define KERNEL_RW (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL)

typedef union { u64 v; struct { u32 low, high; }; } pte_t;
typedef pte_t pmd_t; /* same format; only present/pfn/LARGE are used */

static inline pte_t pte_make(mmu_pfn_t f, u64 prot) { return (pte_t){ .v = mmu_pfn_pos(f) | prot }; }
static inline bool pte_none(pte_t p) { return !p.v; }
/* A page belongs to it; the hardware may still refuse (PROT_NONE). User entries are never global, kernel ones present. */
static inline bool pte_present(pte_t p) { return p.low & (PTE_PRESENT | PTE_PROTNONE); }
static inline bool pte_protnone(pte_t p) { return (p.low & (PTE_PRESENT | PTE_PROTNONE)) == PTE_PROTNONE; }
static inline bool pte_write(pte_t p) { return p.low & PTE_WRITE; }
static inline bool pte_dirty(pte_t p) { return p.low & PTE_DIRTY; }
static inline bool pte_young(pte_t p) { return p.low & PTE_ACCESSED; }
static inline bool pte_special(pte_t p) { return p.low & PTE_SPECIAL; }
static inline mmu_pfn_t pte_mmu_pfn(pte_t p) { return mmu_pfn_at(p.v & PTE_PFN_MASK); } /* mm/phys/page.h: pte_page */
static inline pte_t pte_mkwrite(pte_t p) { p.low |= PTE_WRITE; return p; }
static inline pte_t pte_wrprotect(pte_t p) { p.low &= ~(u32)PTE_WRITE; return p; }
static inline pte_t pte_mkdirty(pte_t p) { p.low |= PTE_DIRTY; return p; }
static inline pte_t pte_mkclean(pte_t p) { p.low &= ~(u32)PTE_DIRTY; return p; }
static inline pte_t pte_mkyoung(pte_t p) { p.low |= PTE_ACCESSED; return p; }
static inline pte_t pte_mkold(pte_t p) { p.low &= ~(u32)PTE_ACCESSED; return p; }
static inline bool pte_same(pte_t a, pte_t b) { return a.v == b.v; }

/* Non-present entries. Swap: low word holds only a type tag, the high word the entry (as PAE Linux).
 *   low == 0, high != 0      swap_entry_t in high
 *   low & PTE_PROTNONE       a page that PROT_NONE hides: frame and flags as in a present entry
 *   low & fff == PTE_NONLINEAR   a slot of a nonlinear area whose page is not here: its page in the file in high, in low >> 12 which of
 *                            the area's files; elsewhere: lost, SIGBUS */
#define PTE_NONLINEAR 0x40U
#define PTE_SLOT_FILES (1U << 20)
static inline pte_t pte_make_slot(u32 file, u32 page) { return (pte_t){ .low = file << 12 | PTE_NONLINEAR, .high = page }; }
static inline u32 pte_slot_file(pte_t p) { return p.low >> 12; }
static inline u32 pte_slot_page(pte_t p) { return p.high; }
static inline bool pte_is_swap(pte_t p) { return !p.low && p.high; }
static inline pte_t pte_make_swap(swap_entry_t entry) { return (pte_t){ .low = 0, .high = entry.v }; }
static inline swap_entry_t pte_swap_entry(pte_t p) { return (swap_entry_t){ p.high }; }

/* Read an entry that others may be changing: both words from one moment, as far as any reader may care. */
static inline pte_t pte_read(const pte_t *p)
{
	pte_t e;

	do {
		e.low = *(volatile const u32 *)&p->low;
		barrier();
		e.high = *(volatile const u32 *)&p->high;
		barrier();
	} while (unlikely(e.low != *(volatile const u32 *)&p->low));
	return e;
}
/* Write an entry that is not present now (holder of the page-table lock). */
static inline void pte_set(pte_t *p, pte_t e)
{
	*(volatile u32 *)&p->high = e.high;
	barrier();
	*(volatile u32 *)&p->low = e.low;
}
/* Take an entry away and return what it was, dirty and young bits included. The caller flushes. */
static inline pte_t pte_take(pte_t *p)
{
	pte_t e;

	e.low = 0;
	__asm__ volatile("xchgl %0, %1" : "+r"(e.low), "+m"(p->low) : : "memory");
	e.high = p->high;
	*(volatile u32 *)&p->high = 0;
	return e;
}
/* Change low-word bits of a present entry without losing bits that the hardware sets meanwhile. */
static inline void pte_clear_bits(pte_t *p, u32 bits) { __asm__ volatile("lock andl %1, %0" : "+m"(p->low) : "ri"(~bits) : "memory"); }
static inline void pte_set_bits(pte_t *p, u32 bits) { __asm__ volatile("lock orl %1, %0" : "+m"(p->low) : "ri"(bits) : "memory"); }

/* --- address spaces ------------------------------------------------------------------------------------------ */
/* The part of an mm that the hardware needs. pdpt is what CR3 points to. */
struct mmu {
	u64 pdpt[4] __aligned(32); /* page-table allocation lock of the mm to write */
	volatile u32 cpus;         /* CPUs that may hold translations of it */
};
void mmu_init(struct mmu *m);              /* empty user part, kernel part shared */
/* => pmd page directory entry for addr, or NULL if there is no page directory yet */
static inline pmd_t *mmu_pmd(const struct mmu *m, unsigned long addr)
{
	u64 e = m->pdpt[PDPT_INDEX(addr)];
	return e & PTE_PRESENT ? (pmd_t *)__va((u32)e & 0xfffff000u) + PMD_INDEX(addr) : NULL;
}
void mmu_set_pdpte(struct mmu *m, unsigned long addr, void *table); /* reloads CR3 wherever m is loaded */
void mmu_switch(struct mmu *next);         /* load on this CPU; keeps next->cpus and the old one's up to date; irqs off */
void mmu_enter_lazy(void);                 /* switching to a task without an mm: the old one stays loaded until somebody
                                            * flushes it; then this CPU leaves it instead of flushing again and again */

/* --- kernel mappings ------------------------------------------------------------------------------------------ */
/* => 4 KB kernel PTE for addr in the vmalloc or fixmap area; page tables of these areas are made at boot or from
 *    `table` (a zeroed low page, used if needed: returns with *table NULL then). */
pte_t *kernel_pte(unsigned long addr, void **table);
extern pte_t *kmap_ptes[];                 /* per CPU: its KMAP_SLOTS entries */
/* Counts the flushes of this CPU's TLB: add one after each reload of CR3, preemption off. kmap uses a slot again only
 * when this has changed since the slot was let go. */
DECLARE_PER_CPU(u32, tlb_gen);
static inline void tlb_flushed(void) { this_cpu_inc(tlb_gen); }
void arch_clear_page(void *va);            /* page-aligned kernel addresses; preemption off */
void arch_copy_page(void *to, const void *from);
extern u64 kernel_pdpt[4];
extern pmd_t kernel_pmd[];
extern unsigned long direct_map_end;       /* physical: low memory is mapped up to here */
void paging_init(u64 ram_end);
void kernel_image_writable(unsigned long start, unsigned long end);
void kmap_init_cpu(unsigned cpu, void *table);
void *fixmap_map(phys_t phys, size_t size, u64 prot); /* device registers, for good; NULL when the area is full */

/* --- TLB ------------------------------------------------------------------------------------------------------- */
void flush_tlb_local(void);                /* this CPU, all but global entries */
void flush_tlb_all_local(void);            /* this CPU, global entries too */
void tlb_ipi(void);                        /* interrupt of VECTOR_TLB */
static inline void flush_tlb_one_local(unsigned long addr) { __asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory"); }
void flush_tlb_range(struct mmu *m, unsigned long start, unsigned long end); /* all CPUs that use m; waits; interrupts on */
bool mmu_elsewhere(const struct mmu *m);   /* would a flush interrupt other CPUs? A hint: they come and go at any time */
void flush_tlb_cpus(u32 cpus);             /* everything but global entries on these CPUs; waits; interrupts on */
void flush_tlb_kernel(unsigned long start, unsigned long end);               /* all CPUs; waits; interrupts on */

#endif
