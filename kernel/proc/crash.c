/* SPDX-License-Identifier: MIT
 *
 * What a panic prints beside registers and stack: the address, page and area concerned, the locks of the task, the last
 * trace events. It stands here because it asks every room.
 *
 * All other CPUs are stopped, perhaps inside locks: so nothing is locked here, lists are followed within bounds, and a fault
 * meanwhile is a second panic, which ends it.
 */
#include "arch/i386/dump.h"
#include "arch/i386/uaccess.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/trace.h"
#include "kernel/proc/internal.h"
#include "kernel/sync/lockdep.h"
#include "mm/phys/phys.h"

#define EVENTS 20U

static void dump_vma(const struct vma *v)
{
	printk(KERN_EMERG "vma %p: %08lx-%08lx, flags %x, pgoff %lx, mm %p, file %p\n", v, v->start, v->end, v->flags, v->pgoff.n, v->mm,
	       v->file);
}

static void dump_user_address(unsigned long addr)
{
	struct mm *mm = current->mm;
	struct vma *v = mm ? find_vma(mm, addr) : NULL;
	struct page *table = mm ? pt_page(mm, addr) : NULL;

	if (!v || addr < v->start)
		printk(KERN_EMERG "user address %08lx: no area of %s\n", addr, mm ? "this address space" : "a kernel thread");
	if (v)
		dump_vma(v);
	if (table)
		dump_page(table);
}

static void dump_kernel_address(unsigned long addr)
{
	pfn_t pfn = pfn_at(__pa(addr));

	if (addr < VMALLOC_START && pfn.n < max_low_pfn.n && pfn_opened(pfn))
		dump_page(pfn_to_page(pfn));
	else if (addr < KMAP_BASE && addr >= VMALLOC_START)
		printk(KERN_EMERG "%08lx: vmalloc area\n", addr);
	else if (addr >= KMAP_BASE && addr < FIXMAP_BASE)
		printk(KERN_EMERG "%08lx: kmap slot %lu of CPU %lu\n", addr, (addr - KMAP_BASE) >> 12 & 511, (addr - KMAP_BASE) >> 21);
}

static void crash_details(void)
{
	unsigned long addr = fault_that_panicked();

	if (addr && addr < TASK_SIZE)
		dump_user_address(addr);
	else if (addr)
		dump_kernel_address(addr);
	lockdep_show_held();
	trace_dump(EVENTS);
}

void crash_init(void) { panic_ops.details = crash_details; }
