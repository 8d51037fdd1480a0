/* SPDX-License-Identifier: MIT
 *
 * Stacks: areas that grow downwards when touched below their start, up to RLIMIT_STACK, and keep a guard gap to what
 * lies below (256 pages, so that a large frame cannot step over it).
 */
#include "mm/virt/internal.h"

#define STACK_FIRST (33 * MMU_PAGE_SIZE) /* what a program gets at exec, without a fault that widens the area */

static int may_grow(const struct vma *v, unsigned long addr, unsigned long grow)
{
	struct vma *prev = vma_prev(v);

	if (addr < sysctl_mmap_min_addr)
		return -EPERM;
	if (prev && addr < prev->end)
		return -ENOMEM;
	if (prev && !(prev->flags & VM_GROWSDOWN) && prev->flags & VM_PROT && addr - prev->end < STACK_GUARD_GAP)
		return -ENOMEM;
	if (grow > v->pgoff.n || v->end - addr > rlimit(RLIMIT_STACK) || !mm_may_expand(v->mm, v->flags, grow))
		return -ENOMEM;
	return mm_may_lock(v->mm, v->flags, grow);
}

/* => 0: addr lies in v now. mmap lock: write */
int expand_stack(struct vma *v, unsigned long addr)
{
	unsigned long grow;
	int err;

	addr &= MMU_PAGE_MASK;
	if (!(v->flags & VM_GROWSDOWN))
		return -EFAULT;
	if (addr >= v->start)
		return 0;
	grow = (v->start - addr) >> MMU_PAGE_SHIFT;
	err = may_grow(v, addr, grow);
	if (!err && v->flags & VM_ACCOUNT)
		err = vm_charge(grow);
	if (!err)
		vma_set_range(v, addr, v->end, (pgoff_t){ v->pgoff.n - grow });
	return err;
}

/* The area at addr, grown there if it is a stack. => NULL: none. The mmap lock is held for reading before and after,
 * but not all the time: no vma found before may be used afterwards. */
struct vma *find_extend_vma(struct mm *mm, unsigned long addr)
{
	struct vma *v = find_vma(mm, addr);

	if (!v || addr >= v->start)
		return v;
	if (!(v->flags & VM_GROWSDOWN))
		return NULL;
	mmap_read_unlock(mm, addr, addr + 1);
	mmap_write_lock(mm, MM_ALL);
	v = find_vma(mm, addr);
	if (v && expand_stack(v, addr))
		v = NULL;
	mmap_write_downgrade(mm, MM_ALL);
	return v;
}

int setup_stack_vma(struct mm *mm, unsigned long top)
{
	unsigned long size = max(min(page_up(rlimit(RLIMIT_STACK)), STACK_FIRST), MMU_PAGE_SIZE);
	struct vma *v = vma_alloc(mm);
	int err = -ENOMEM;

	if (!v)
		return err;
	v->end = top & MMU_PAGE_MASK;
	v->start = v->end - size;
	v->pgoff = pgoff_at(v->start);
	v->flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_GROWSDOWN | VM_ACCOUNT | mm->def_flags;
	mmap_write_lock(mm, MM_ALL);
	if (!find_vma_intersection(mm, v->start, v->end))
		err = vm_charge(vma_pages(v));
	if (err) {
		vma_free(v);
	} else {
		vma_insert(mm, v);
		mm->start_stack = v->end;
	}
	mmap_write_unlock(mm, MM_ALL);
	return err;
}
