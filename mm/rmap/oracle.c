/* SPDX-License-Identifier: MIT
 *
 * The oracle (debug builds): is what the reverse map says what the page tables say?
 *
 *   1. Wait until no task is inside a VM operation and keep newcomers out (vm_op_begin/end bracket each; the mmap lock's
 *      own functions call them).
 *   2. Read all page tables of all address spaces; count the PTEs of each frame.
 *   3. Go through all frames: the count must equal mapcount. For every k-th mapped frame walk the reverse map, which
 *      must find exactly that many.
 * Any difference is a panic that names page, scheme and difference.
 *
 * The counts live in pages of their own, one for 1,024 frames, made when the first PTE of such a group is met: what the
 * oracle needs grows with what is mapped, not with memory. Pins (PTEs in locked areas) are counted beside them; PTEs of nonlinear areas are
 * pins only, and truncation must be able to find them by their file. Swap
 * entries, of page tables and of files, are counted in the slots themselves (mm/reclaim/swapaudit.c), and compared with their counts.
 */
#ifdef CONFIG_DEBUG
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "mm/reclaim/swap.h"
#include "mm/rmap/rmap.h"
#include "mm/virt/nonlinear.h"

/* --- the bracket -------------------------------------------------------------------------------------------------------- */

static DEFINE_RWSEM(vm_ops);

void vm_op_begin(void)
{
	if (!current->vm_op_depth++)
		down_read(&vm_ops);
}

/* For those who may hold locks that an operation waits for: an oracle that waits for that operation must not keep them out. While
 * it works no operation is under way, and it waits for no page lock. */
bool vm_op_trybegin(void)
{
	if (!current->vm_op_depth && !down_read_pass(&vm_ops))
		return false;
	current->vm_op_depth++;
	return true;
}

void vm_op_begin_inside(void)
{
	while (!vm_op_trybegin())
		msleep(1);
}

bool rmap_oracle_works(void) { return rwsem_is_write_locked(&vm_ops); }

void vm_op_end(void)
{
	ASSERT(current->vm_op_depth);
	if (!--current->vm_op_depth)
		up_read(&vm_ops);
}

/* --- counting PTEs ------------------------------------------------------------------------------------------------------- */

#define GROUP_SHIFT 10
#define GROUP (1U << GROUP_SHIFT)
static_assert(GROUP * sizeof(u32) == PAGE_SIZE, "a group of counts is a page");

struct tally {
	struct page **groups; /* by frame >> GROUP_SHIFT: PTEs; behind them as many again: pins */
	unsigned nr_groups;
	struct mm *mm;        /* being read */
	struct vma *vma;      /* the area that it has come to */
	u32 swapped;          /* swap entries of this mm */
	int err;
};

static u32 tally_of(const struct tally *t, pfn_t pfn, bool pins)
{
	struct page *g = t->groups[(pfn.n >> GROUP_SHIFT) + (pins ? t->nr_groups : 0)];
	u32 *counts, n;

	if (!g)
		return 0;
	counts = kmap(g);
	n = counts[pfn.n & (GROUP - 1)];
	kunmap(counts);
	return n;
}

static void count_one(struct tally *t, pfn_t pfn, struct page **g)
{
	u32 *counts;

	if (!*g)
		*g = alloc_page(__GFP_HIGHMEM | __GFP_ZERO | __GFP_NOWARN); /* a PTL is held: no sleeping */
	if (!*g) {
		t->err = -ENOMEM;
		return;
	}
	counts = kmap(*g);
	counts[pfn.n & (GROUP - 1)]++;
	kunmap(counts);
}

/* The flags of the area that this PTE lies in: does it pin its page, and is it in the reverse map? They come in order of address. */
static u32 area_flags(struct tally *t, unsigned long addr)
{
	while (t->vma && addr >= t->vma->end)
		t->vma = vma_next(t->vma);
	return t->vma && addr >= t->vma->start ? t->vma->flags : 0;
}

static void count_pte(pte_t *pte, unsigned long addr, void *arg)
{
	struct tally *t = arg;
	pte_t e = pte_read(pte);
	pfn_t pfn = pfn_of(pte_mmu_pfn(e));
	u32 flags;

	t->swapped += pte_is_swap(e);
	if (!pte_present(e) || pte_special(e))
		return;
	if (!pfn_opened(pfn))
		panic("oracle: mm %p maps %08lx to frame %lx, which is no memory", t->mm, addr, pfn.n);
	flags = area_flags(t, addr);
	if (flags & VM_NONLINEAR)
		nonlinear_audit(t->vma, pfn_to_page(pfn), addr);
	else
		count_one(t, pfn, &t->groups[pfn.n >> GROUP_SHIFT]);
	if (flags & VM_LOCKED)
		count_one(t, pfn, &t->groups[(pfn.n >> GROUP_SHIFT) + t->nr_groups]);
}

/* No operation is under way, so the list changes only by mms that have no areas. */
static struct mm *next_mm(struct mm *mm)
{
	struct list_head *from = mm ? &mm->all_node : &mm_list;
	struct mm *next = NULL;

	spin_lock(&mm_list_lock);
	if (from->next != &mm_list) {
		next = list_entry(from->next, struct mm, all_node);
		mmgrab(next);
	}
	spin_unlock(&mm_list_lock);
	if (mm)
		mmdrop(mm);
	return next;
}

static void count_all(struct tally *t)
{
	for (struct mm *mm = next_mm(NULL); mm; mm = next_mm(mm)) {
		t->mm = mm;
		t->vma = first_vma(mm);
		t->swapped = 0;
		pt_walk(mm, 0, TASK_SIZE, count_pte, t);
		if (t->swapped != atomic_read(&mm->swap_ents))
			panic("oracle: mm %p has %u swap entries, its count says %d", mm, t->swapped, atomic_read(&mm->swap_ents));
	}
}

/* --- comparing ------------------------------------------------------------------------------------------------------------ */

static enum rmap_verdict count_visit(const struct rmap_mapping *m, struct page *page, void *arg)
{
	++*(u32 *)arg;
	return RMAP_KEEP;
}

static void check_walk(struct page *page, u32 want)
{
	u32 met = 0;

	if (truncate_protocol == TRUNCATE_RACY && !page->mapping) /* that is what the option is for */
		return;
	if (!trylock_page(page)) /* its holder may be waiting for us to let operations in again */
		return;
	if (rmap_walk(page, RMAP_AUDIT, count_visit, &met) == RMAP_DONE && met != want)
		panic("oracle: frame %lx (%s, index %lx, flags %lx) is mapped by %u PTEs, %s finds %u", page_to_pfn(page).n,
		      page_anon(page) ? "anonymous" : "file", page->index.n, page->flags, want,
		      (page_anon(page) ? rmap_anon : rmap_file)->name, met);
	unlock_page(page);
}

/* Pins are what mlock's PTEs say, and a pinned page is on no list. */
static void check_pins(const struct tally *t, const struct page *page, pfn_t pfn)
{
	u32 want = tally_of(t, pfn, true), have = page_mlocked(page) ? atomic_read(&page->pincount) : 0;

	if (want != have || (have && page_lru(page)))
		panic("oracle: frame %lx (%s, flags %lx) is pinned by %u PTEs, pincount says %u", pfn.n,
		      page_anon(page) ? "anonymous" : "file", page->flags, want, have);
}

/* Does page->mapcount mean anything here? Slabs and page tables use it for themselves, and come and go while we look: their flags are
 * set before they do, and cleared when it is -1 again. */
static bool has_mapcount(const struct page *page)
{
	return atomic_read(&page->refcount) > 0 && !page_buddy(page) && !page_slab(page) && !page_table(page) &&
	       !page_reserved(page);
}

/* => true: the page says that it is mapped. One word that both looks see, and in between the page was neither slab nor table */
static bool says_mapped(const struct page *page)
{
	bool meant;
	int word;

	do {
		word = atomic_read(&page->mapcount);
		smp_rmb();
		meant = has_mapcount(page);
		smp_rmb();
	} while (atomic_read(&page->mapcount) != word);
	return meant && word != -1;
}

static long compare_all(struct tally *t, u32 every)
{
	long checked = 0;

	for (pfn_t pfn = { 0 }; pfn.n < max_pfn.n; pfn.n++) {
		struct page *page = pfn_to_page(pfn);
		u32 want = tally_of(t, pfn, false);

		if (!pfn_opened(pfn))
			continue;
		if (!want && !page_mlocked(page) && !says_mapped(page))
			continue;
		check_pins(t, page, pfn);
		if (page_mapcount(page) != want)
			panic("oracle: frame %lx (%s, index %lx, flags %lx) is mapped by %u PTEs, mapcount says %d", pfn.n,
			      page_anon(page) ? "anonymous" : "file", page->index.n, page->flags, want, page_mapcount(page));
		if (checked++ % every == 0)
			check_walk(page, want);
		if (!(pfn.n & 1023))
			cond_resched();
	}
	return checked;
}

/* No page could be had while nobody was let in. Frames up to the zones' frontiers need counts at most. => false: no memory */
static bool make_groups(struct tally *t)
{
	for (unsigned i = 0; i < 2 * t->nr_groups; i++) {
		pfn_t first = { (u32)(i % t->nr_groups) << GROUP_SHIFT };

		if (!t->groups[i] && first.n < max_pfn.n && pfn_opened(first))
			t->groups[i] = alloc_page(GFP_HIGHUSER);
		if (t->groups[i])
			clear_page(t->groups[i]);
		else if (first.n < max_pfn.n && pfn_opened(first))
			return false;
	}
	t->err = 0;
	return true;
}

static void tally_free(struct tally *t)
{
	for (unsigned i = 0; i < 2 * t->nr_groups; i++)
		if (t->groups[i])
			free_page(t->groups[i]);
	kvfree(t->groups);
}

/* --- swap ------------------------------------------------------------------------------------------------------------------- */
static void audit_pte(pte_t *pte, unsigned long addr, void *arg)
{
	pte_t e = pte_read(pte);

	if (pte_is_swap(e))
		swap_audit_entry(pte_swap_entry(e), "address", addr);
}

/* Truncation is no operation of ours, and swapoff frees areas: what is not right at once must become so, when who is at it gets to
 * run. On a busy host that may take a while; half a minute is for ever. */
static void check_swap(void)
{
	for (int tries = swap_on ? 6000 : 0; tries--;) {
		swap_audit_begin();
		for (struct mm *mm = next_mm(NULL); mm; mm = next_mm(mm))
			if (atomic_read(&mm->swap_ents))
				pt_walk(mm, 0, TASK_SIZE, audit_pte, NULL);
		swap_audit_files();
		if (swap_audit_check(!tries))
			return;
		msleep(5);
	}
}

long rmap_oracle(u32 every)
{
	struct tally t = { .nr_groups = (max_pfn.n >> GROUP_SHIFT) + 1 };
	long n;

	t.groups = kvmalloc(2 * t.nr_groups * sizeof(*t.groups), GFP_KERNEL | __GFP_ZERO);
	if (!t.groups)
		return -ENOMEM;
	ASSERT(!current->vm_op_depth);
	down_write(&vm_ops);
	count_all(&t);
	if (unlikely(t.err)) {
		up_write(&vm_ops);
		if (!make_groups(&t)) {
			tally_free(&t);
			return -ENOMEM;
		}
		down_write(&vm_ops);
		count_all(&t);
	}
	n = t.err ? t.err : compare_all(&t, max(every, 1u));
	check_swap();
	up_write(&vm_ops);
	tally_free(&t);
	return n;
}
#endif
