/* SPDX-License-Identifier: MIT
 *
 * mmap and munmap. Checking comes first and changes nothing (mmap_flags, mmap_place); then what is in the way goes;
 * then a neighbour grows or a new area is made.
 */
#include "kernel/lib/trace.h"
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"
#include <linux/capability.h>

/* MAP_SHARED_VALIDATE promises to refuse what it does not know. */
#define MAP_KNOWN (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | \
		   MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_FIXED_NOREPLACE | MAP_UNINITIALIZED | MAP_NONLINEAR)

/* --- checking -------------------------------------------------------------------------------------------------------------- */
static int shared_file_flags(struct file *file, u32 prot, u32 *vm)
{
	if (prot & PROT_WRITE && !(file->mode & FMODE_WRITE))
		return -EACCES;
	*vm |= VM_SHARED;
	if (!(file->mode & FMODE_WRITE))
		*vm &= ~VM_MAYWRITE;
	return 0;
}

static int file_flags(struct file *file, u32 prot, u32 flags, u32 *vm)
{
	u32 type = flags & MAP_TYPE;
	int err;

	if (type == MAP_SHARED_VALIDATE && flags & ~MAP_KNOWN)
		return -EOPNOTSUPP;
	if (type != MAP_SHARED && type != MAP_SHARED_VALIDATE && type != MAP_PRIVATE)
		return -EINVAL;
	if (type != MAP_PRIVATE) {
		err = shared_file_flags(file, prot, vm);
		if (err)
			return err;
	}
	if (!(file->mode & FMODE_READ))
		return -EACCES;
	if (virt_ops->noexec(file)) {
		if (prot & PROT_EXEC)
			return -EPERM;
		*vm &= ~VM_MAYEXEC;
	}
	return flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

static int anon_flags(u32 flags, u32 *vm)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		*vm |= VM_SHARED;
		return flags & MAP_GROWSDOWN ? -EINVAL : 0;
	case MAP_PRIVATE:
		return 0;
	case MAP_SHARED_VALIDATE:
		*vm |= VM_SHARED | VM_NORESERVE; /* a nonlinear area's own object: its pages count when they come */
		if (!(flags & MAP_NONLINEAR) || flags & MAP_GROWSDOWN)
			return -EINVAL;
		return flags & ~MAP_KNOWN ? -EOPNOTSUPP : 0;
	default:
		return -EINVAL;
	}
}

/* MAP_NONLINEAR: locked, as by MAP_LOCKED, but pages come only when they are placed. */
static int nonlinear_flags(struct mm *mm, unsigned long len, u32 *vm)
{
	int err = nonlinear_allowed();

	if (err)
		return err;
	if (!may_lock_memory())
		return -EPERM;
	*vm |= VM_NONLINEAR | VM_PLACED | VM_LOCKED | VM_LOCKONFAULT;
	return mm_may_lock(mm, *vm, len >> MMU_PAGE_SHIFT);
}

static u32 common_flags(struct mm *mm, u32 prot, u32 flags)
{
	u32 vm = (prot & VM_PROT) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | mm->def_flags;

	if (flags & MAP_GROWSDOWN)
		vm |= VM_GROWSDOWN;
	if (flags & MAP_LOCKED)
		vm |= VM_LOCKED;
	if (flags & MAP_NORESERVE && sysctl_overcommit_memory != 2)
		vm |= VM_NORESERVE;
	return vm;
}

/* Where it goes. => address or -errno */
static long mmap_place(struct mm *mm, unsigned long addr, unsigned long len, u32 flags)
{
	long at;

	if (len > TASK_SIZE)
		return -ENOMEM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (addr > TASK_SIZE - len)
			return -ENOMEM;
		if (!page_aligned(addr))
			return -EINVAL;
		if (addr < sysctl_mmap_min_addr && !virt_ops->capable(CAP_SYS_RAWIO))
			return -EPERM;
		if (flags & MAP_FIXED_NOREPLACE && find_vma_intersection(mm, addr, addr + len))
			return -EEXIST;
		return addr;
	}
	at = addr ? find_gap_near(mm, addr, len) : find_gap(mm, len);
	return at;
}

/* --- doing ------------------------------------------------------------------------------------------------------------------- */
static unsigned long pages_in_the_way(struct mm *mm, unsigned long start, unsigned long end)
{
	unsigned long pages = 0;

	for (struct vma *v = find_vma_intersection(mm, start, end); v && v->start < end; v = vma_next(v))
		pages += (min(v->end, end) - max(v->start, start)) >> MMU_PAGE_SHIFT;
	return pages;
}

/* The area's object: the file's own mmap, or memory that forks share. */
static int attach(struct vma *v, struct file *file)
{
	if (file) {
		v->file = file;
		vma_get_file(v);
		return virt_ops->mmap_file(file, v);
	}
	if (!(v->flags & VM_SHARED))
		return 0;
	file = virt_ops->shmem_file("/dev/zero", (loff_t)(v->end - v->start), v->flags);
	if (IS_ERR(file))
		return PTR_ERR(file);
	v->file = file;
	return 0;
}

static int new_area(struct mm *mm, struct file *file, unsigned long start, unsigned long end, u32 vm, pgoff_t pgoff)
{
	struct vma *v = vma_alloc(mm);
	int err;

	if (!v)
		return -ENOMEM;
	v->start = start;
	v->end = end;
	v->pgoff = pgoff;
	v->flags = vm;
	err = attach(v, file);
	if (!err && vma_nonlinear(v))
		err = nonlinear_init(v);
	if (err) {
		vma_free(v);
		return err;
	}
	vma_insert(mm, v);
	return 0;
}

/* [start, end) becomes memory as described, whatever was there. => mmap lock: write. 0 or -errno */
static int map_region(struct mm *mm, struct file *file, unsigned long start, unsigned long end, u32 vm, pgoff_t pgoff)
{
	unsigned long pages = (end - start) >> MMU_PAGE_SHIFT, gone = 0;
	struct vma *prev, *next;
	int err;

	next = find_vma_prev(mm, start, &prev);
	if (next && next->start < end)
		gone = pages_in_the_way(mm, start, end);
	if (!mm_may_expand(mm, vm, pages - gone))
		return -ENOMEM;
	if (gone) {
		err = unmap_areas(mm, start, end);
		if (err)
			return err;
		find_vma_prev(mm, start, &prev);
	}
	if (vma_flags_account(vm)) {
		err = vm_charge(pages);
		if (err)
			return err;
		vm |= VM_ACCOUNT;
	}
	if ((file || !(vm & VM_SHARED)) && vma_merge_new(mm, prev, start, end, vm, file, pgoff, NULL))
		return 0;
	err = new_area(mm, file, start, end, vm, pgoff);
	if (err && vm & VM_ACCOUNT)
		vm_uncharge(pages);
	return err;
}

/* A mapping may only continue another one of the same file where the file's own mmap would make the same of it: that of
 * page-cache files does (vma_merge_new looks at ops). */
long do_mmap(struct file *file, unsigned long addr, unsigned long len, u32 prot, u32 flags, pgoff_t pgoff)
{
	struct mm *mm = current->mm;
	u32 vm;
	long at;
	int err;

	if (!len)
		return -EINVAL;
	len = page_up(len);
	if (!len)
		return -ENOMEM;
	if (pgoff.n + (len >> MMU_PAGE_SHIFT) < pgoff.n)
		return -EOVERFLOW;
	if (mm->map_count > sysctl_max_map_count)
		return -ENOMEM;
	at = mmap_place(mm, addr, len, flags);
	if (IS_ERR_VALUE(at))
		return at;
	vm = common_flags(mm, prot, flags);
	if (flags & MAP_LOCKED && !may_lock_memory())
		return -EPERM;
	err = mm_may_lock(mm, vm, len >> MMU_PAGE_SHIFT);
	if (err)
		return err;
	err = file ? file_flags(file, prot, flags, &vm) : anon_flags(flags, &vm);
	if (!err && unlikely(flags & MAP_NONLINEAR) && (flags & MAP_TYPE) == MAP_SHARED_VALIDATE)
		err = nonlinear_flags(mm, len, &vm);
	if (err)
		return err;
	if (!file)
		pgoff = pgoff_at(vm & VM_SHARED ? 0 : (unsigned long)at);
	err = map_region(mm, file, at, at + len, vm, pgoff);
	if (!err)
		trace(map, mm, at, at + len, vm);
	return err ? err : at;
}

long vm_mmap(struct file *file, unsigned long addr, unsigned long len, u32 prot, u32 flags, pgoff_t pgoff)
{
	struct mm *mm = current->mm;
	bool populate;
	long at;

	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	at = do_mmap(file, addr, len, prot, flags, pgoff);
	populate = (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE || flags & MAP_LOCKED || mm->def_flags & VM_LOCKED;
	mmap_write_unlock(mm, MM_ALL);
	if (populate && !IS_ERR_VALUE(at))
		(void)mm_populate(mm, at, page_up(len)); /* best effort: what is missing comes by faults */
	return at;
}

int do_munmap(struct mm *mm, unsigned long addr, unsigned long len)
{
	if (!page_aligned(addr) || addr > TASK_SIZE || len > TASK_SIZE - addr)
		return -EINVAL;
	len = page_up(len);
	if (!len)
		return -EINVAL;
	trace(unmap, mm, addr, addr + len, 0);
	return unmap_areas(mm, addr, addr + len);
}

/* --- calls --------------------------------------------------------------------------------------------------------------------- */
static long mmap_call(unsigned long addr, unsigned long len, u32 prot, u32 flags, unsigned fd, pgoff_t pgoff)
{
	struct file *file = NULL;
	long r;

	if (!(flags & MAP_ANONYMOUS)) {
		file = virt_ops->fget(fd);
		if (!file)
			return -EBADF;
	}
	if (flags & MAP_HUGETLB && !file)
		r = -EINVAL; /* there are no huge pages */
	else
		r = vm_mmap(file, addr, len, prot, flags, pgoff);
	if (file)
		put_file(file);
	return r;
}

SYSCALL(mmap2, unsigned long addr, unsigned long len, u32 prot, u32 flags, unsigned fd, unsigned long pgoff)
{
	return mmap_call(addr, len, prot, flags, fd, (pgoff_t){ pgoff });
}

/* The first mmap: its six arguments lie in memory, the offset in bytes. */
SYSCALL(mmap, const u32 __user *arg)
{
	u32 a[6];

	if (copy_from_user(a, arg, sizeof(a)))
		return -EFAULT;
	if (!page_aligned(a[5]))
		return -EINVAL;
	return mmap_call(a[0], a[1], a[2], a[3], a[4], pgoff_at(a[5]));
}

SYSCALL(munmap, unsigned long addr, unsigned long len)
{
	struct mm *mm = current->mm;
	int err;

	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	err = do_munmap(mm, addr, len);
	mmap_write_unlock(mm, MM_ALL);
	return err;
}
