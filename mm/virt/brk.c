/* SPDX-License-Identifier: MIT
 *
 * The heap that brk moves the end of, and anonymous memory at a fixed place for exec (bss).
 */
#include "mm/virt/internal.h"

/* Anonymous memory at [addr, addr + len), which is free. => mmap lock: write */
static int brk_area(struct mm *mm, unsigned long addr, unsigned long len, u32 flags)
{
	u32 vm = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT | mm->def_flags | flags;
	unsigned long pages = len >> MMU_PAGE_SHIFT;
	struct vma *prev, *v;
	int err = mm_may_lock(mm, vm, pages);

	if (err)
		return err;
	if (!mm_may_expand(mm, vm, pages) || mm->map_count > sysctl_max_map_count)
		return -ENOMEM;
	err = vm_charge(pages);
	if (err)
		return err;
	find_vma_prev(mm, addr, &prev);
	if (vma_merge_new(mm, prev, addr, addr + len, vm, NULL, pgoff_at(addr), NULL))
		return 0;
	v = vma_alloc(mm);
	if (!v) {
		vm_uncharge(pages);
		return -ENOMEM;
	}
	v->start = addr;
	v->end = addr + len;
	v->pgoff = pgoff_at(addr);
	v->flags = vm;
	vma_insert(mm, v);
	return 0;
}

/* => did it work? *populate: new memory that must be there at once */
static bool move_brk(struct mm *mm, unsigned long to, bool *populate)
{
	unsigned long old = page_up(mm->brk), new = page_up(to);
	struct vma *next;

	if (to < mm->start_brk)
		return false;
	if ((u64)(to - mm->start_brk) + (mm->end_data - mm->start_data) > rlimit(RLIMIT_DATA))
		return false;
	if (new < old && unmap_areas(mm, new, old))
		return false;
	if (new > old) {
		next = find_vma(mm, old);
		if (new > TASK_SIZE || new < to || (next && new + MMU_PAGE_SIZE > vma_guard_start(next)))
			return false;
		if (brk_area(mm, old, new - old, 0))
			return false;
		*populate = mm->def_flags & VM_LOCKED;
	}
	return true;
}

SYSCALL(brk, unsigned long addr)
{
	struct mm *mm = current->mm;
	unsigned long old, now;
	bool populate = false;

	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	old = mm->brk;
	if (move_brk(mm, addr, &populate))
		mm->brk = addr;
	now = mm->brk;
	mmap_write_unlock(mm, MM_ALL);
	if (populate)
		(void)mm_populate(mm, page_up(old), page_up(now) - page_up(old));
	return now;
}
