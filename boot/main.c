/* SPDX-License-Identifier: MIT
 *
 * kernel_main: from the loader's hand-over to the first process, in the order in which the rooms depend on each other.
 * The folder boot/ alone sees all rooms; tables.c fills in the tables through which the left ones call the right ones.
 *
 *   early_init        this CPU, the console, the boot options                 boot stack, interrupts off
 *   memory_init       the memory map, page tables, mm/phys
 *   interrupts_init   ACPI, APICs, clock, scheduler
 *   boot_thread       everything that may sleep: the other CPUs, file systems, drivers, the first process
 * The flow itself is CPU 0's idle task (boot_task) from the first instruction on.
 */
#include "arch/i386/apic.h"
#include "arch/i386/clock.h"
#include "arch/i386/cpu.h"
#include "arch/i386/dump.h"
#include "arch/i386/fpu.h"
#include "arch/i386/offsets.h"
#include "arch/i386/segment.h"
#include "arch/i386/smp.h"
#include "arch/i386/vdso.h"
#include "boot/multiboot.h"
#include "boot/tables.h"
#include "drivers/block/block.h"
#include "drivers/bus/acpi.h"
#include "drivers/bus/pci.h"
#include "drivers/char/char.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc.h"
#include "kernel/net/net.h"
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/proc/proc.h"
#include "kernel/sync/hashlock.h"
#include "kernel/sync/selftest.h"
#include "kernel/sys/process.h"
#include "kernel/time/clock.h"
#include "mm/reclaim/reclaim.h"
#include "mm/rmap/rmap.h"
#include "mm/virt/mm.h"
#include "version.h"

extern char kernel_start[], kernel_end[], boot_stack[];
extern char init_text_start[], init_text_end[], init_data_start[], init_data_end[];
void kernel_main(u32 magic, u32 info) __noreturn;

PARAM_UINT("maxcpus", max_cpus, 1, MAX_CPUS, "use at most this many CPUs");

/* --- memory --------------------------------------------------------------------------------------------------------------- */
static void *alloc_table(size_t bytes) { return kzalloc(bytes, GFP_KERNEL); }

static void __init memory_init(void)
{
	static struct mem_range reserved[BOOT_MODULES + 2] __initdata;
	unsigned n = 0;

	memmap_check();
	paging_init(boot_lowmem_top());
	reserved[n++] = (struct mem_range){ __pa(kernel_start), __pa(kernel_end), LOW_KERNEL };
	reserved[n++] = (struct mem_range){ TRAMPOLINE_PHYS, TRAMPOLINE_PHYS + 4096, LOW_KERNEL };
	for (unsigned i = 0; i < boot_info.nr_modules; i++)
		reserved[n++] = (struct mem_range){ boot_info.modules[i].start, boot_info.modules[i].end, LOW_MODULE };
	phys_init(boot_ram, boot_nr_ram, reserved, n);
	arch_ops_init();
	hashlock_init(alloc_table);
}

/* What only booting needed: .init, the trampoline's page. */
static void free_init_memory(void)
{
	kernel_image_writable((unsigned long)init_text_start, (unsigned long)init_text_end);
	phys_release(__pa(init_text_start), __pa(init_text_end));
	phys_release(__pa(init_data_start), __pa(init_data_end));
	phys_release(TRAMPOLINE_PHYS, TRAMPOLINE_PHYS + 4096);
}

/* --- the first steps, on the boot stack, interrupts off --------------------------------------------------------------------- */
static void __init early_init(u32 magic, u32 info)
{
	percpu_init_boot();
	segments_load(0);
	idt_init();
	extable_sort();
	cpu_detect();
	cpu_setup();
	boot_task.stack = boot_stack;
	*(u32 *)boot_stack = STACK_CANARY;
	dump_init();
	console_early_init();
	pr_info("Isthmus %s (%s, %s)\n", ISTHMUS_VERSION, ISTHMUS_COMMIT, ISTHMUS_BUILD);
	if (!multiboot_read(magic, info))
		panic("no multiboot 1 loader (magic %08x)", magic);
	param_parse(boot_info.cmdline);
}

static void __init interrupts_init(void)
{
	apic_detect();
	acpi_init();
	smp_init_areas();
	irq_init();
	if (lapic_base)
		apic_setup_cpu();
	fpu_init_cpu();
	vdso_init();
	sysenter_init_cpu();
	clock_init_boot();
	clock_init_cpu();
	time_init();
	sched_init();
}

/* --- the rest, in a thread ---------------------------------------------------------------------------------------------------- */
static void load_modules(void)
{
	for (unsigned i = 0; i < boot_info.nr_modules; i++) {
		const struct boot_module *m = &boot_info.modules[i];
		size_t size = m->end - m->start;
		void *p = m->end <= direct_map_end ? __va((unsigned long)m->start) : vmap_phys(m->start, size, 0);

		if (!p || load_initramfs(p, size))
			pr_err("module %u (%s, %zu KB) not loaded\n", i, m->name, size >> 10);
		if (is_vmalloc(p))
			vfree(p);
		phys_release(m->start, m->end);
	}
}

static int boot_thread(void *unused)
{
	smp_boot_others();
	reclaim_init();
	selftest_run();
	pci_init();
	char_init();
	vfs_init();
	net_init();
	ipc_init();
	chrdev_init();
	blkdev_init();
	block_init();
	proc_init();
	vfs_init_task(current);
	load_modules();
	free_init_memory();
	boot_banner();
	if (IS_ERR(start_first_process(NULL)))
		panic("no memory for the first process");
	return 0;
}

void kernel_main(u32 magic, u32 info)
{
	early_init(magic, info);
	memory_init();
	interrupts_init();
	process_init();
	rmap_init();
	mm_virt_init();
	tables_init();
	local_irq_enable();
	rcu_init();
	if (IS_ERR(kthread_run(boot_thread, NULL, "boot")))
		panic("no memory for the boot thread");
	cpu_idle();
}
