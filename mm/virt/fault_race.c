/* SPDX-License-Identifier: MIT
 *
 * truncate=racy and truncate=count: faults on files as kernels had them before the page-lock protocol (fault_file.c), to show the race that
 * they lost for years. What a fault can map without sleeping (cached neighbours) is mapped as ever; this is the fault that sleeps.
 *
 *   fault                                truncation                        racy      count (2.6.0)
 *                                                                                    note mapping->truncate_count
 *   below the file's end? yes
 *   find or read the page, sleeping      end moves; range unmapped
 *                                        the page leaves the file
 *   PTL                                                                              another count: start again
 *   map it                                                                 lost
 *
 * Lost: the page is mapped and belongs to no file. Nothing finds its mapping; what is written there goes nowhere, even when the file
 * grows again; and reclaim cannot have it until the process is gone. /proc/vmstat: truncate_raced counts the interleaving, under each of the
 * protocols, truncate_orphaned such pages.
 *
 * With count, truncation counts and unmaps once more after the pages have left: that makes it good for holes too, which the original was not.
 */
#include "kernel/time/delaypoint.h"
#include "mm/virt/internal.h"

/* Has truncation come by since? => true: too late to map the page. PTL held */
static bool overtaken(const struct address_space *m, u32 count)
{
	if (READ_ONCE(m->truncate_count) == count)
		return false;
	count_vm_event(TRUNCATE_RACED);
	return truncate_protocol == TRUNCATE_COUNT;
}

/* => true: PTL held, and it is not too late */
static bool lock_in_time(struct fault *f, const struct address_space *m, u32 count)
{
	if (!fault_lock(f))
		return false;
	if (!overtaken(m, count))
		return true;
	spin_unlock(&f->pt->ptl);
	return false;
}

static int copy_private(struct fault *f, const struct address_space *m, struct page *page, u32 count)
{
	struct page *copy = fault_new_page(f, false);

	if (!copy)
		return f->spare ? VMF_RETRY : VMF_OOM;
	copy_page(copy, page);
	if (!lock_in_time(f, m, count)) {
		free_page(copy);
		return VMF_RETRY;
	}
	fault_set_anon(f, copy, page_pte(copy, vma_pte_bits(f->vma->flags) | PTE_DIRTY | (f->vma->flags & VM_WRITE ? PTE_WRITE : 0)));
	return VMF_DONE;
}

/* The table is mapped, the page not locked: it may be in no file any more. */
static int map_unlocked(struct fault *f, struct address_space *m, struct page *page, u32 count, bool *mapped)
{
	bool disk = !(m->flags & MAPPING_SWAPBACKED);

	if (f->write && !(f->vma->flags & VM_SHARED))
		return copy_private(f, m, page, count);
	if (!lock_in_time(f, m, count))
		return VMF_RETRY;
	fault_map_page(f, page, m);
	if (truncate_protocol == TRUNCATE_RACY)
		truncate_orphan(page);
	spin_unlock(&f->pt->ptl);
	*mapped = true;
	return f->write && disk ? VMF_DIRTIED : VMF_DONE;
}

/* Announces a write to a page of a disk file. */
static int announce(struct fault *f, struct address_space *m, struct page *page)
{
	int r = VMF_RETRY;

	lock_page(page);
	if (page->mapping == m)
		r = fault_make_dirty(f->vma->file, page);
	unlock_page(page);
	return r;
}

/* Nothing is there; the table is mapped. */
int fault_file_unlocked(struct fault *f)
{
	struct address_space *m = vma_mapping(f->vma);
	pindex_t index = vma_pindex_at(f->vma, f->addr);
	u32 count = READ_ONCE(m->truncate_count);
	bool mapped = false;
	struct page *page;
	int r = VMF_DONE;

	smp_rmb();
	fault_unmap(f);
	if (index.n >= file_pages(f->vma->file).n)
		return VMF_BUS;
	page = read_cache_page(m, f->vma->file, index);
	if (IS_ERR(page))
		return PTR_ERR(page) == -ENOMEM ? VMF_OOM : VMF_BUS;
	delay_point(DELAY_FILE_FAULT);
	if (f->write && f->vma->flags & VM_SHARED && !(m->flags & MAPPING_SWAPBACKED))
		r = announce(f, m, page);
	if (r == VMF_DONE)
		r = fault_remap(f);
	if (r == VMF_DONE)
		r = map_unlocked(f, m, page, count, &mapped);
	if (!mapped)
		put_page(page);
	return r;
}
