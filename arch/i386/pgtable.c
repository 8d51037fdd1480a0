/* SPDX-License-Identifier: MIT
 *
 * The kernel half of the address space.
 *
 * boot/entry.asm mapped 896 MB with everything allowed. paging_init() gives each part its rights: low memory in 2 MB
 * pages, writable and never executed, and the kernel image in 4 KB pages, text R-X, constants R--, data RW-. One page
 * directory serves all address spaces; page tables of the vmalloc area join it as they are needed, those of the fixed
 * area are static.
 *
 * Locks: none. Rights change at boot only; kernel_pte() hangs tables in with a compare-and-exchange.
 */
#include "arch/i386/pgtable.h"
#include "arch/i386/cpu.h"
#include "arch/i386/percpu.h"
#include "arch/i386/vdso.h"
#include "kernel/lib/bug.h"

extern char kernel_start[], kernel_end[], text_start[], text_end[], init_text_start[], init_text_end[], rodata_start[],
	rodata_end[], init_data_start[], init_data_end[];

#define IMAGE_TABLES 8 /* 16 MB */

u64 kernel_pdpt[4] __section(".bss.page_aligned") __aligned(4096);
pmd_t kernel_pmd[PTRS_PER_TABLE] __section(".bss.page_aligned") __aligned(4096);
static pte_t image_ptes[IMAGE_TABLES][PTRS_PER_TABLE] __section(".bss.page_aligned") __aligned(4096);
static pte_t fixmap_ptes[PTRS_PER_TABLE] __section(".bss.page_aligned") __aligned(4096);
static pte_t kmap_ptes_boot[KMAP_SLOTS] __section(".bss.page_aligned") __aligned(4096);
pte_t *kmap_ptes[MAX_CPUS];
unsigned long direct_map_end; /* physical */

#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)

static pmd_t *kernel_pmd_of(unsigned long addr) { return &kernel_pmd[PMD_INDEX(addr)]; }

/* Rights of a page of the image, by its address. */
static u64 image_rights(unsigned long addr)
{
	u64 rx = PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL;

	if ((addr >= (unsigned long)text_start && addr < (unsigned long)text_end) ||
	    (addr >= (unsigned long)init_text_start && addr < (unsigned long)init_text_end))
		return rx;
	if (addr >= (unsigned long)rodata_start && addr < (unsigned long)rodata_end)
		return rx | pte_nx;
	return rx | PTE_WRITE | PTE_DIRTY | pte_nx;
}

/* => bytes of low memory that are done */
static unsigned long map_image(void)
{
	unsigned tables = DIV_ROUND_UP(__pa(kernel_end), PMD_SIZE);

	BUG_ON(tables > IMAGE_TABLES);
	for (unsigned t = 0; t < tables; t++) {
		for (unsigned i = 0; i < PTRS_PER_TABLE; i++) {
			unsigned long pa = t * PMD_SIZE + i * 4096UL;

			image_ptes[t][i] = pte_make(mmu_pfn_at(pa), image_rights(PAGE_OFFSET + pa));
		}
		kernel_pmd[t].v = __pa(image_ptes[t]) | TABLE_FLAGS;
	}
	return tables * PMD_SIZE;
}

/* ram_end: end of RAM, or of anything else that should be reachable, below 896 MB; rounded up to 2 MB.
 * => boot CPU only, interrupts off. Takes the identity mapping away. */
void paging_init(u64 ram_end)
{
	unsigned long end = ram_end > LOWMEM_MAX ? LOWMEM_MAX : ALIGN_UP((unsigned long)ram_end, PMD_SIZE);

	direct_map_end = end;
	for (unsigned long pa = map_image(); pa < LOWMEM_MAX; pa += PMD_SIZE)
		kernel_pmd[pa >> PMD_SHIFT].v = pa < end ? pa | KERNEL_RW | PTE_LARGE | pte_nx : 0;
	kernel_pmd_of(FIXMAP_BASE)->v = __pa(fixmap_ptes) | TABLE_FLAGS | PTE_USER; /* for two pages: vdso.c */
	kmap_init_cpu(0, kmap_ptes_boot);
	kernel_pdpt[0] = 0;
	flush_tlb_all_local();
}

/* New rights for pages of the image's range: after .init was given back. */
void kernel_image_writable(unsigned long start, unsigned long end)
{
	pte_t *ptes = &image_ptes[0][0];

	for (unsigned long a = start; a < end; a += 4096)
		ptes[__pa(a) >> 12] = pte_make(mmu_pfn_at(__pa(a)), KERNEL_RW | pte_nx);
	flush_tlb_kernel(start, end);
}

pte_t *kernel_pte(unsigned long addr, void **table)
{
	pmd_t *pmd = kernel_pmd_of(addr);

	if (!(pmd->low & PTE_PRESENT)) {
		if (!table || !*table)
			return NULL;
		if (__sync_bool_compare_and_swap(&pmd->low, 0, __pa(*table) | (u32)TABLE_FLAGS))
			*table = NULL;
	}
	return (pte_t *)__va(pmd->low & 0xfffff000u) + PTE_INDEX(addr);
}

/* --- fixed area: device registers, mapped for good ------------------------------------------------------------------- */
static unsigned fixmap_used;

void *fixmap_map(phys_t phys, size_t size, u64 prot)
{
	unsigned pages = DIV_ROUND_UP((size_t)(phys & 4095) + size, 4096U), first;

	first = __sync_fetch_and_add(&fixmap_used, pages);
	if (first + pages > PTE_INDEX(VVAR_BASE))
		return NULL;
	for (unsigned i = 0; i < pages; i++)
		pte_set(&fixmap_ptes[first + i], pte_make(mmu_pfn_at(phys + i * MMU_PAGE_SIZE), KERNEL_RW | prot | pte_nx));
	return (void *)(FIXMAP_BASE + first * 4096UL + (unsigned long)(phys & 4095));
}

/* --- address spaces ---------------------------------------------------------------------------------------------------- */
void mmu_init(struct mmu *m)
{
	m->pdpt[0] = m->pdpt[1] = m->pdpt[2] = 0;
	m->pdpt[3] = kernel_pdpt[3];
	m->cpus = 0;
}

/* table: a zeroed page of low memory */
void kmap_init_cpu(unsigned cpu, void *table)
{
	kernel_pmd_of(KMAP_BASE + cpu * PMD_SIZE)->v = __pa(table) | TABLE_FLAGS;
	kmap_ptes[cpu] = table;
}
