/* SPDX-License-Identifier: MIT
 *
 * kernel_main: from the loader's hand-over to the first process, in the order in which the rooms depend on each other.
 * The only file that sees all rooms; it fills in the tables through which the left ones call the right ones.
 */
#include "arch/i386/apic.h"
#include "arch/i386/clock.h"
#include "arch/i386/cpu.h"
#include "arch/i386/dump.h"
#include "arch/i386/fpu.h"
#include "arch/i386/ops.h"
#include "arch/i386/segment.h"
#include "arch/i386/smp.h"
#include "boot/multiboot.h"
#include "drivers/bus/acpi.h"
#include "drivers/bus/pci.h"
#include "drivers/char/char.h"
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "version.h"

extern char kernel_start[], kernel_end[];
void kernel_main(u32 magic, u32 info) __noreturn;

PARAM_UINT("maxcpus", max_cpus, 1, MAX_CPUS, "use at most this many CPUs");

/* --- what arch asks of the others ------------------------------------------------------------------------------------- */
static struct kmem_cache *fpu_cache;
static void *ops_alloc(size_t size) { return kzalloc(size, GFP_KERNEL); }
static void ops_free(void *p) { kfree(p); }
static void *ops_alloc_fpu(void) { return kmem_cache_alloc(fpu_cache, GFP_KERNEL); }
static void ops_free_fpu(void *p) { kmem_cache_free(fpu_cache, p); }
static void *ops_alloc_pages(unsigned order) { return alloc_low(GFP_KERNEL | __GFP_ZERO, order); }

static void arch_ops_init(void)
{
	fpu_cache = kmem_cache_create("fpu", FPU_AREA_SIZE, 16, SLAB_PANIC, NULL);
	arch_ops.alloc = ops_alloc;
	arch_ops.free = ops_free;
	arch_ops.alloc_fpu = ops_alloc_fpu;
	arch_ops.free_fpu = ops_free_fpu;
	arch_ops.alloc_pages = ops_alloc_pages;
}

/* --- memory --------------------------------------------------------------------------------------------------------------- */
static void memory_init(void)
{
	static struct mem_range reserved[BOOT_MODULES + 2];
	unsigned n = 0;

	memmap_check();
	paging_init(boot_lowmem_top());
	reserved[n++] = (struct mem_range){ __pa(kernel_start), __pa(kernel_end), LOW_KERNEL };
	reserved[n++] = (struct mem_range){ TRAMPOLINE_PHYS, TRAMPOLINE_PHYS + 4096, LOW_KERNEL };
	for (unsigned i = 0; i < boot_info.nr_modules; i++)
		reserved[n++] = (struct mem_range){ boot_info.modules[i].start, boot_info.modules[i].end, LOW_MODULE };
	phys_init(boot_ram, boot_nr_ram, reserved, n);
}

/* --- the first steps, on the boot stack, interrupts off --------------------------------------------------------------------- */
static void early_init(u32 magic, u32 info)
{
	percpu_init_boot();
	segments_load(0);
	idt_init();
	extable_sort();
	cpu_detect();
	cpu_setup();
	dump_init();
	console_early_init();
	pr_info("Isthmus %s (%s, %s)\n", ISTHMUS_VERSION, ISTHMUS_COMMIT, ISTHMUS_BUILD);
	if (!multiboot_read(magic, info))
		panic("no multiboot 1 loader (magic %08x)", magic);
	param_parse(boot_info.cmdline);
}

static void interrupts_init(void)
{
	apic_detect();
	acpi_init();
	irq_init();
	if (lapic_base)
		apic_setup_cpu();
	fpu_init_cpu();
	clock_init_boot();
	clock_init_cpu();
}

void kernel_main(u32 magic, u32 info)
{
	early_init(magic, info);
	memory_init();
	arch_ops_init();
	interrupts_init();
	pci_init();
	panic("nothing more to do yet");
}
