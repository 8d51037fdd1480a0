/* SPDX-License-Identifier: MIT
 *
 * Page tables: pages of 512 PTEs (2 MB each), high memory where there is some (highpte=off: low), and page directories
 * of 512 entries (1 GB each), always low, made when first needed: an ordinary process has two.
 *
 *   mm->mmu.pdpt[3] -> page directory (low) -> page-table page (high) -> page
 *
 * Life of a page-table page: pt_alloc hangs it in under pt_lock; munmap and exit take it out again when no area touches
 * its 2 MB any more, with the mmap lock held for writing and no vma linked that a walk could come by; the TLBs are
 * flushed; it is freed through RCU. Directories stay until exit: giving one back would cost a CR3 reload everywhere.
 *
 * Whoever touches a PTE maps the page (kmap: preemption off) and, to change it, takes page->ptl.
 */
#include "kernel/lib/param.h"
#include "mm/virt/internal.h"

static u32 highpte;
PARAM_CHOICE("highpte", highpte, "page tables in high memory", "on", "off");

static gfp_t table_gfp(void)
{
	return highpte == 0 ? GFP_HIGHUSER | __GFP_ZERO : GFP_KERNEL | __GFP_ZERO;
}

bool pt_in_low_memory(void) { return highpte != 0 || !zone_populated(&zones[ZONE_HIGHMEM]); }

struct page *pt_page(struct mm *mm, unsigned long addr)
{
	pmd_t *pmd = mmu_pmd(&mm->mmu, addr);

	return pmd ? pt_page_of(pmd) : NULL;
}

/* --- making ------------------------------------------------------------------------------------------------------------ */
int pt_dir_alloc(struct mm *mm, unsigned long addr)
{
	void *dir = alloc_low(GFP_KERNEL | __GFP_ZERO, 0);

	if (!dir)
		return -ENOMEM;
	spin_lock(&mm->pt_lock);
	if (likely(!mmu_pmd(&mm->mmu, addr))) {
		mmu_set_pdpte(&mm->mmu, addr, dir);
		mm->nr_pmds++;
		lowmem_account(LOW_PMD, virt_to_page(dir), 1);
		dir = NULL;
	}
	spin_unlock(&mm->pt_lock);
	if (dir)
		free_low(dir, 0);
	return 0;
}

static struct page *new_table(void)
{
	struct page *pt = alloc_page(table_gfp());

	if (likely(!pt || pt < rmap_table_limit))
		return pt;
	free_page(pt);
	return alloc_page(GFP_KERNEL | __GFP_ZERO);
}

/* Where others have mapcount, a table counts its entries: its flag is there as long as that may be (mm/rmap/oracle.c looks at any
 * frame at any time). */
static void become_table(struct page *pt, struct mm *mm, unsigned long addr)
{
	pt->flags |= 1UL << PG_table;
	smp_wmb();
	spin_lock_init(&pt->ptl, "ptl");
	pt->inuse = 0;
	pt->pt_mm = mm;
	pt->address = addr;
}

static void free_table(struct page *pt)
{
	pt->pt_mm = NULL;
	pt->private = 0;
	atomic_set(&pt->mapcount, -1);
	smp_wmb();
	pt->flags &= ~(1UL << PG_table);
	free_page(pt);
}

int pt_alloc(struct mm *mm, unsigned long addr)
{
	pmd_t *pmd = mmu_pmd(&mm->mmu, addr);
	struct page *pt;

	if (!pmd) {
		if (pt_dir_alloc(mm, addr))
			return -ENOMEM;
		pmd = mmu_pmd(&mm->mmu, addr);
	}
	if (pt_page_of(pmd))
		return 0;
	pt = new_table();
	if (!pt)
		return -ENOMEM;
	PAGE_IS_ONE_MMU_PAGE("a page table has a struct page of its own");
	become_table(pt, mm, addr & ~(PMD_SIZE - 1));
	spin_lock(&mm->pt_lock);
	if (likely(!pt_page_of(pmd))) {
		lowmem_account(LOW_PTE, pt, 1);
		mm->nr_ptes++;
		pte_set(pmd, page_pte(pt, PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED));
		pt = NULL;
	}
	spin_unlock(&mm->pt_lock);
	if (pt)
		free_table(pt);
	return 0;
}

/* --- reaching ---------------------------------------------------------------------------------------------------------- */
pte_t *pte_lock_at(struct mm *mm, unsigned long addr, struct page **pt)
{
	pte_t *pte;

	*pt = pt_page(mm, addr);
	if (!*pt)
		return NULL;
	pte = pte_map(*pt, addr);
	spin_lock(&(*pt)->ptl);
	return pte;
}

pte_t *pte_trylock_at(struct mm *mm, unsigned long addr, struct page **pt)
{
	pte_t *pte;

	*pt = pt_page(mm, addr);
	if (!*pt)
		return NULL;
	pte = pte_map(*pt, addr);
	if (spin_trylock(&(*pt)->ptl))
		return pte;
	pte_unmap(pte);
	*pt = ERR_PTR(-EBUSY);
	return NULL;
}

void pte_unlock_at(pte_t *pte, struct page *pt)
{
	spin_unlock(&pt->ptl);
	pte_unmap(pte);
}

/* --- freeing ----------------------------------------------------------------------------------------------------------- */
static void pt_free_rcu(struct rcu_head *head) { free_table(container_of(head, struct page, rcu)); }

/* => the TLBs have been flushed */
void pt_free_chain(struct page *pt)
{
	while (pt) {
		struct page *next = (struct page *)pt->rcu.next;

		lowmem_account(LOW_PTE, pt, -1);
		call_rcu(&pt->rcu, pt_free_rcu);
		pt = next;
	}
}

static void pt_unhook(struct tlb_gather *g, pmd_t *pmd)
{
	struct page *pt = pt_page_of(pmd);

	if (!pt)
		return;
	spin_lock(&g->mm->pt_lock);
	pte_take(pmd);
	g->mm->nr_ptes--;
	spin_unlock(&g->mm->pt_lock);
	pt->rcu.next = (struct rcu_head *)g->tables;
	g->tables = pt;
	/* One INVLPG empties the caches of upper levels as well (SDM 3A, 4.10.4.1). */
	gather_flush(g, pt->address, pt->address + MMU_PAGE_SIZE);
}

/* [start, end) is empty; the neighbouring areas end at floor and begin at ceiling: tables that lie wholly between these
 * go. => mmap lock: write; no vma that needs them is linked */
void pt_free_range(struct tlb_gather *g, unsigned long start, unsigned long end, unsigned long floor, unsigned long ceiling)
{
	unsigned long first = start & ~(PMD_SIZE - 1), last = (end - 1) & ~(PMD_SIZE - 1); /* tables, by address */

	if (first < floor)
		first += PMD_SIZE;
	if (last + (PMD_SIZE - 1) >= ceiling)
		last -= PMD_SIZE;
	if (last + PMD_SIZE <= first)
		return;
	for (unsigned long addr = first;; addr += PMD_SIZE) {
		pmd_t *pmd = mmu_pmd(&g->mm->mmu, addr);

		if (pmd)
			pt_unhook(g, pmd);
		else
			addr |= (1UL << PDPT_SHIFT) - PMD_SIZE;
		if (addr >= last)
			break;
	}
}

/* => nobody runs in mm; all page-table pages are gone */
void pt_free_dirs(struct mm *mm)
{
	for (unsigned long addr = 0; addr < TASK_SIZE; addr += 1UL << PDPT_SHIFT) {
		pmd_t *dir = mmu_pmd(&mm->mmu, addr);

		if (!dir)
			continue;
		mm->mmu.pdpt[PDPT_INDEX(addr)] = 0;
		lowmem_account(LOW_PMD, virt_to_page(dir), -1);
		free_low(dir, 0);
		mm->nr_pmds--;
	}
}
