/* SPDX-License-Identifier: MIT
 *
 * How much memory has been promised: commit charge, resource limits, the counts in struct mm.
 *
 * Charged is what could need memory (or swap) of its own: private writable areas, and shared anonymous ones through
 * their file. vm.overcommit_memory: 0 refuses only what could never fit, 1 nothing, 2 whatever exceeds the limit.
 */
#include "mm/reclaim/swap.h"
#include "mm/virt/internal.h"
#include <linux/capability.h>

int sysctl_overcommit_memory, sysctl_overcommit_ratio = 50, sysctl_max_map_count = 65530;
unsigned long sysctl_mmap_min_addr = 65536;
static atomic_t committed; /* MMU pages */

unsigned long vm_committed(void)
{
	return atomic_read(&committed);
}

unsigned long vm_commit_limit(void)
{
	unsigned long ratio = sysctl_overcommit_ratio, ram = mmu_pages(totalram_pages);

	return ram / 100 * ratio + ram % 100 * ratio / 100 + swap_total_slots();
}

/* An unprivileged program leaves root a little, and a big one leaves some for others to recover with. */
static unsigned long limit_for_current(void)
{
	unsigned long limit = vm_commit_limit();

	if (!virt_ops->capable(CAP_SYS_ADMIN))
		limit -= min(limit, KB(8192UL) >> MMU_PAGE_SHIFT);
	if (current->mm)
		limit -= min(limit, min(current->mm->total_vm / 32, KB(131072UL) >> MMU_PAGE_SHIFT));
	return limit;
}

int vm_charge(unsigned long pages)
{
	unsigned long now = atomic_add_return(pages, &committed);

	switch (READ_ONCE(sysctl_overcommit_memory)) {
	case 1:
		return 0;
	case 0:
		if (pages <= mmu_pages(totalram_pages) + swap_total_slots())
			return 0;
		break;
	default:
		if (now <= limit_for_current())
			return 0;
	}
	vm_uncharge(pages);
	return -ENOMEM;
}

void vm_uncharge(unsigned long pages)
{
	atomic_sub(pages, &committed);
}

bool vma_flags_account(u32 flags)
{
	return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

static bool is_data(u32 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

void mm_account(struct mm *mm, u32 flags, long pages)
{
	mm->total_vm += pages;
	if (flags & VM_LOCKED)
		mm->locked_vm += pages;
	if (flags & VM_GROWSDOWN)
		mm->stack_vm += pages;
	else if (is_data(flags))
		mm->data_vm += pages;
	else if ((flags & (VM_EXEC | VM_WRITE)) == VM_EXEC)
		mm->exec_vm += pages;
	if (pages > 0 && mm->total_vm > mm->hiwater_vm)
		mm->hiwater_vm = mm->total_vm;
}

bool mm_may_expand(struct mm *mm, u32 flags, unsigned long pages)
{
	if (mm->total_vm + pages > rlimit(RLIMIT_AS) >> MMU_PAGE_SHIFT)
		return false;
	return !is_data(flags) || mm->data_vm + pages <= rlimit(RLIMIT_DATA) >> MMU_PAGE_SHIFT;
}

bool may_lock_memory(void)
{
	return rlimit(RLIMIT_MEMLOCK) || virt_ops->capable(CAP_IPC_LOCK);
}

int mm_may_lock(struct mm *mm, u32 flags, unsigned long pages)
{
	if (!(flags & VM_LOCKED) || mm->locked_vm + pages <= rlimit(RLIMIT_MEMLOCK) >> MMU_PAGE_SHIFT)
		return 0;
	return virt_ops->capable(CAP_IPC_LOCK) ? 0 : -EAGAIN;
}
