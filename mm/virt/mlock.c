/* SPDX-License-Identifier: MIT
 *
 * mlock and its family: areas that must stay in memory, within RLIMIT_MEMLOCK. The area is marked, its pages are pinned, and what
 * is missing is brought in (not with ONFAULT: then it is pinned as it comes).
 *
 * The rule: a PTE that maps a counted page in a VM_LOCKED area is one pin of that page (mm/phys/pin.c), from the moment that it
 * is set until it is cleared, both under its PTL. So whoever sets or clears such a PTE pins or unpins:
 *
 *   set      fault_set_anon, map_page, map_slots (faults), swap-in
 *   cleared  zap_page (munmap, exit, truncate, MADV_DONTNEED_LOCKED), replace_page (copy on write)
 *   neither  fork: the child's areas are not locked; mremap: the entry moves, and so does its pin; mprotect; split and merge: areas
 *            that differ in VM_LOCKED never merge; rmap_unmap: refuses pinned pages
 *
 * VM_LOCKED changes here only, together with the pins of all PTEs: under the mmap lock for writing, which keeps faults away, and under
 * the file's map_lock, which keeps truncation away. The oracle compares all pins with all PTEs.
 *
 * A nonlinear area (nonlinear.c) is VM_LOCKED from the moment that it is one until it goes, whatever mlock and munlock say; its pins come
 * and go in the files nonlinear_*.c, and its PTEs do not count as mappings.
 */
#include "mm/virt/internal.h"
#include <linux/capability.h>

#define LOCK_FLAGS (VM_LOCKED | VM_LOCKONFAULT)

/* The pages of [addr, end), which lie in one table, get a pin each, or lose one. */
static void pin_table(struct mm *mm, unsigned long addr, unsigned long end, bool pin)
{
	struct pin_run run = { .zone = NULL };
	struct page *pt;
	pte_t *first = pte_lock_at(mm, addr, &pt), *pte = first;

	if (!first)
		return;
	for (; (addr = pte_skip_none(&pte, addr, end)) != end; addr += MMU_PAGE_SIZE, pte++)
		if (pte_present(*pte) && !pte_special(*pte))
			pin_run_page(&run, pte_page(*pte), pin);
	pin_run_end(&run);
	pte_unlock_at(first, pt);
}

static void pin_area(struct vma *v, bool pin)
{
	for (unsigned long addr = v->start, next; addr < v->end; addr = next) {
		next = table_end(addr, v->end);
		pin_table(v->mm, addr, next, pin);
		cond_resched();
	}
}

/* => mmap lock: write. For mremap too, whose old place loses the lock with nothing left in it. */
void vma_set_locked(struct vma *v, u32 lock)
{
	bool was = v->flags & VM_LOCKED, is = lock & VM_LOCKED;
	struct address_space *m = vma_mapping(v);

	if (was != is && m)
		down_write(&m->map_lock);
	vma_set_flags(v, (v->flags & ~LOCK_FLAGS) | lock);
	if (was != is)
		pin_area(v, is);
	if (was != is && m)
		up_write(&m->map_lock);
}

static struct vma *lock_area(struct vma *v, unsigned long start, unsigned long end, u32 lock)
{
	u32 flags = (v->flags & ~LOCK_FLAGS) | lock;

	if (flags == v->flags || v->flags & VM_NONLINEAR) /* nonlinear: locked for as long as it exists */
		return v;
	v = vma_isolate(v, start, end);
	if (IS_ERR(v))
		return v;
	vma_set_locked(v, lock);
	return vma_merge_around(v);
}

/* mmap lock: write */
static int lock_range(struct mm *mm, unsigned long start, unsigned long end, u32 lock)
{
	struct vma *v = find_vma(mm, start);

	while (v && v->start <= start) {
		unsigned long to = min(v->end, end);

		v = lock_area(v, start, to, lock);
		if (IS_ERR(v))
			return PTR_ERR(v);
		if (to == end)
			return 0;
		start = to;
		if (v->end <= start)
			v = vma_next(v);
	}
	return -ENOMEM;
}

static unsigned long locked_pages(struct mm *mm, unsigned long start, unsigned long end)
{
	unsigned long pages = 0;

	for (struct vma *v = find_vma(mm, start); v && v->start < end; v = vma_next(v))
		if (v->flags & VM_LOCKED)
			pages += (min(v->end, end) - max(v->start, start)) >> MMU_PAGE_SHIFT;
	return pages;
}

static bool within_limit(struct mm *mm, unsigned long start, unsigned long end)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> MMU_PAGE_SHIFT, want = mm->locked_vm + ((end - start) >> MMU_PAGE_SHIFT);

	return want <= limit || virt_ops->capable(CAP_IPC_LOCK) || want - locked_pages(mm, start, end) <= limit;
}

static int do_mlock(unsigned long start, unsigned long len, u32 lock)
{
	struct mm *mm = current->mm;
	unsigned long end;
	int err;

	if (!may_lock_memory())
		return -EPERM;
	len = page_up(len + (start & ~MMU_PAGE_MASK));
	start &= MMU_PAGE_MASK;
	end = start + len;
	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	if (!within_limit(mm, start, end))
		err = -ENOMEM;
	else if (end < start)
		err = -EINVAL;
	else
		err = end == start ? 0 : lock_range(mm, start, end, lock);
	mmap_write_unlock(mm, MM_ALL);
	if (!err && !(lock & VM_LOCKONFAULT))
		err = mm_populate(mm, start, len);
	return err == -EFAULT ? -ENOMEM : err;
}

SYSCALL(mlock, unsigned long start, unsigned long len)
{
	return do_mlock(start, len, VM_LOCKED);
}

SYSCALL(mlock2, unsigned long start, unsigned long len, u32 flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return do_mlock(start, len, flags & MLOCK_ONFAULT ? LOCK_FLAGS : VM_LOCKED);
}

SYSCALL(munlock, unsigned long start, unsigned long len)
{
	struct mm *mm = current->mm;
	int err = 0;

	len = page_up(len + (start & ~MMU_PAGE_MASK));
	start &= MMU_PAGE_MASK;
	if (start + len < start)
		return -EINVAL;
	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	if (len)
		err = lock_range(mm, start, start + len, 0);
	mmap_write_unlock(mm, MM_ALL);
	return err;
}

static void lock_all(struct mm *mm, u32 lock)
{
	for (struct vma *v = first_vma(mm); v; v = vma_next(v)) {
		struct vma *done = lock_area(v, v->start, v->end, lock);

		if (!IS_ERR(done))
			v = done;
	}
}

SYSCALL(mlockall, u32 flags)
{
	u32 lock = flags & MCL_ONFAULT ? LOCK_FLAGS : VM_LOCKED;
	struct mm *mm = current->mm;
	int err = 0;

	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock_memory())
		return -EPERM;
	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	if (flags & MCL_CURRENT && mm->total_vm > rlimit(RLIMIT_MEMLOCK) >> MMU_PAGE_SHIFT && !virt_ops->capable(CAP_IPC_LOCK)) {
		err = -ENOMEM;
	} else {
		mm->def_flags = flags & MCL_FUTURE ? lock : 0;
		if (flags & MCL_CURRENT)
			lock_all(mm, lock);
	}
	mmap_write_unlock(mm, MM_ALL);
	if (!err && flags & MCL_CURRENT && !(flags & MCL_ONFAULT))
		populate_all(mm);
	return err;
}

SYSCALL(munlockall, void)
{
	struct mm *mm = current->mm;

	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	mm->def_flags = 0;
	lock_all(mm, 0);
	mmap_write_unlock(mm, MM_ALL);
	return 0;
}
