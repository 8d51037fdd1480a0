/* SPDX-License-Identifier: MIT
 *
 * A fault on a swap entry: the page comes from the swap cache or from the disk and takes the entry's place.
 *
 *	PTL: is it really an entry? (the high word of one that is just being written looks like one)  pin its area
 *	nothing held: find or read the page, with neighbours
 *	page lock (its holder reads it in, or another thread or relative maps it)
 *	  still that entry's page? uptodate?            no: look again; SIGBUS
 *	  PTL: still that entry?                        no: somebody was faster
 *	    one entry fewer, one mapping more
 *	    nobody else holds the entry, or maps the page or looks at it, and this is a write: writable at once, and the slot is free
 *
 * Waiting for the disk is done without the mmap lock: the fault gives the page to its caller (f->wait), who drops the lock,
 * waits, and comes again; only the second time, and for callers that cannot, it waits here.
 *
 * Two threads that fault at once find the same page: its lock decides, the second sees a changed PTE. A relative that has the
 * same entry maps the same page; whoever writes later makes a copy, or keeps the page if it is alone by then.
 *
 * Also here: swapoff's part, which is the same fault for each entry of an address space.
 */
#include "mm/reclaim/swap.h"
#include "mm/virt/internal.h"

/* The lock, or the page for the caller to wait for. => 0; VMF_RETRY: the reference has gone to him, or was dropped */
static int lock_or_wait(struct fault *f, struct page *page)
{
	if (trylock_page(page))
		return 0;
	if (f->wait) {
		*f->wait = page;
		return VMF_RETRY;
	}
	if (!lock_page_killable(page))
		return 0;
	put_page(page);
	return VMF_RETRY;
}

/* => 0: *page is locked, uptodate, and stands for entry; a reference is ours */
static int get_swapped(struct fault *f, swap_entry_t entry, struct page **out)
{
	struct page *page = swap_read_page(entry, &f->major);
	int r;

	if (IS_ERR_OR_NULL(page))
		return page ? VMF_OOM : VMF_RETRY;
	r = lock_or_wait(f, page);
	if (r)
		return r;
	if (likely(page_swapcache(page) && page->private == entry.v)) {
		if (likely(swap_page_good(page))) {
			*out = page;
			return 0;
		}
		r = VMF_BUS;
	} else {
		r = VMF_RETRY;
	}
	swap_unlock_page(page);
	put_page(page);
	return r;
}

static u64 swapped_bits(const struct fault *f, bool write)
{
	u64 bits = vma_pte_bits(f->vma->flags);

	return write ? bits | PTE_DIRTY | (f->vma->flags & VM_WRITE ? PTE_WRITE : 0) : bits;
}

/* The page takes the entry's place, with our reference. => PTL and page lock held. True: writable. Not if there are more references than
 * the swap cache's and ours: see page_is_ours */
static bool take_place(struct fault *f, struct page *page)
{
	bool alone = !swap_take(page) && !page_mapped(page), write = f->write && alone && atomic_read(&page->refcount) == 2;

	rmap_add_swapped(page, f->vma, f->addr, &f->batch);
	if (unlikely(f->vma->flags & VM_LOCKED))
		page_pin(page);
	atomic_dec(&f->mm->swap_ents);
	atomic_inc(&f->mm->rss_anon);
	f->entry = page_pte(page, swapped_bits(f, write));
	pte_set(f->pte, f->entry);
	if (alone && (write || swap_tight()))
		swap_try_free(page);
	return write;
}

/* A scheme cannot have this page at this address: a copy that is ours alone. page stays the swap cache's. */
static int map_private_copy(struct fault *f, struct page *page)
{
	struct page *copy = alloc_page(GFP_HIGHUSER);
	int err = copy ? fault_remap(f) : VMF_OOM;

	if (!err)
		copy_page(copy, page);
	if (err || !fault_lock(f)) {
		if (copy)
			free_page(copy);
		return err;
	}
	if (!swap_take(page) && !page_mapped(page))
		set_page_unused(page); /* for swap_unlock_page */
	atomic_dec(&f->mm->swap_ents);
	fault_set_anon(f, copy, page_pte(copy, swapped_bits(f, true)));
	return VMF_DONE;
}

/* page: locked, with a reference of ours: both are given up */
static int map_swapped(struct fault *f, struct page *page)
{
	bool written;
	int r;

	if (unlikely(!rmap_fits(page, f->vma, f->addr))) {
		r = map_private_copy(f, page);
		goto out;
	}
	r = fault_remap(f);
	if (r || !fault_lock(f))
		goto out;
	written = take_place(f, page);
	unlock_page(page); /* before anybody can take the mapping, whose page it is now, away again: he must get the lock */
	spin_unlock(&f->pt->ptl);
	return f->write && !written ? fault_present(f) : VMF_DONE;
out:
	swap_unlock_page(page);
	put_page(page);
	return r;
}

/* Table mapped, f->entry looks like a swap entry. */
int fault_swap(struct fault *f)
{
	swap_entry_t entry = pte_swap_entry(f->entry);
	struct page *page;
	int r;

	if (!fault_lock(f))
		return VMF_DONE;
	swap_pin(entry);
	spin_unlock(&f->pt->ptl);
	fault_unmap(f);
	if ((!f->write && rmap_prepare(f->vma, &f->batch, 1)) || rmap_reserve(rmap_anon, &f->batch, 1, GFP_KERNEL))
		r = VMF_OOM;
	else
		r = get_swapped(f, entry, &page);
	if (!r)
		r = map_swapped(f, page);
	swap_unpin(entry);
	return r;
}

/* --- alone with a page in the swap cache? ------------------------------------------------------------------------------- */
/* May page be written where vma maps it? The slot's count cannot rise from 0 while we hold the PTL of the only mapping. If the page lock
 * is free, the slot, whose content is about to be old, is given up as well. */
bool swapped_page_is_ours(struct page *page, struct vma *v, unsigned long addr)
{
	if (atomic_read(&page->refcount) != 2 || swap_count(page_swap_entry(page)) || !rmap_reuse(page, v, addr))
		return false;
	if (trylock_page(page)) {
		if (page_swapcache(page))
			swap_try_free(page);
		unlock_page(page);
	}
	return true;
}

/* --- swapoff ---------------------------------------------------------------------------------------------------------------- */
/* What could not be read back: whoever touches it gets SIGBUS, and the slot is let go. */
static void leave_marker(struct mm *mm, unsigned long addr, swap_entry_t entry)
{
	struct page *pt;
	pte_t *pte = pte_lock_at(mm, addr, &pt);

	if (!pte)
		return;
	if (pte_is_swap(*pte) && pte_swap_entry(*pte).v == entry.v) {
		pte_set(pte, (pte_t){ .low = PTE_NONLINEAR, .high = 0 });
		atomic_dec(&mm->swap_ents);
		swap_free(entry);
	}
	pte_unlock_at(pte, pt);
}

/* The first entry of an area in [*addr, end), which lie in one table. */
static swap_entry_t find_entry_of(struct mm *mm, unsigned long *addr, unsigned long end, u32 type)
{
	struct page *pt;
	pte_t *first = pte_lock_at(mm, *addr, &pt), *pte = first;
	swap_entry_t entry = { 0 };

	if (!first)
		return entry;
	for (; !entry.v && (*addr = pte_skip_none(&pte, *addr, end)) != end; pte++) {
		if (pte_is_swap(*pte) && swap_type(pte_swap_entry(*pte)) == type)
			entry = pte_swap_entry(*pte);
		else
			*addr += MMU_PAGE_SIZE;
	}
	pte_unlock_at(first, pt);
	return entry;
}

static int bring_back_table(struct vma *v, unsigned long addr, unsigned long end, u32 type)
{
	bool major = false;
	swap_entry_t entry;
	int r;

	while (addr < end && (entry = find_entry_of(v->mm, &addr, end, type)).v) {
		if (signal_pending())
			return -EINTR;
		r = handle_vma_fault(v, addr, false, &major);
		if (r == VMF_OOM)
			return -ENOMEM;
		if (r == VMF_BUS)
			leave_marker(v->mm, addr, entry);
		cond_resched();
	}
	return 0;
}

/* Every entry of one area that mm holds; the mmap lock is dropped between tables. => 0, -ENOMEM, -EINTR */
int mm_bring_back(struct mm *mm, u32 type)
{
	unsigned long addr = 0, next;
	int err = 0;

	while (!err && addr < TASK_SIZE && atomic_read(&mm->swap_ents)) {
		struct vma *v;

		mmap_read_lock(mm, MM_ALL);
		v = find_vma(mm, addr);
		addr = v ? max(addr, v->start) : TASK_SIZE;
		next = !v ? TASK_SIZE : v->has_anon ? table_end(addr, v->end) : v->end;
		if (v && v->has_anon)
			err = bring_back_table(v, addr, next, type);
		mmap_read_unlock(mm, MM_ALL);
		addr = next;
	}
	return err;
}
