/* SPDX-License-Identifier: MIT
 *
 * kernel_main: from the loader's hand-over to the first process, in the order in which the rooms depend on each other.
 * The only file that sees all rooms; it fills in the tables through which the left ones call the right ones.
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
#include "arch/i386/ops.h"
#include "arch/i386/segment.h"
#include "arch/i386/smp.h"
#include "boot/multiboot.h"
#include "drivers/bus/acpi.h"
#include "drivers/bus/pci.h"
#include "drivers/char/char.h"
#include "kernel/fs/dev.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/proc/proc.h"
#include "kernel/sync/hashlock.h"
#include "kernel/sys/process.h"
#include "kernel/time/clock.h"
#include "mm/rmap/rmap.h"
#include "mm/virt/mm.h"
#include "version.h"

static_assert(offsetof(struct task, work) == TASK_WORK && offsetof(struct task, stack) == TASK_STACK &&
	      offsetof(struct task, flags) == TASK_FLAGS && offsetof(struct task, arch) == TASK_ARCH, "arch/i386/offsets.h");
static_assert(STACK_SIZE == KERNEL_STACK_SIZE && WORK_RESCHED == WORK_RESCHED_BIT, "arch/i386/offsets.h");

extern char kernel_start[], kernel_end[], boot_stack[];
extern char init_text_start[], init_text_end[], init_data_start[], init_data_end[];
void kernel_main(u32 magic, u32 info) __noreturn;

PARAM_UINT("maxcpus", max_cpus, 1, MAX_CPUS, "use at most this many CPUs");

/* --- the tables ----------------------------------------------------------------------------------------------------------- */
static struct kmem_cache *fpu_cache;
static void *ops_alloc(size_t size) { return kzalloc(size, GFP_KERNEL); }
static void ops_free(void *p) { kfree(p); }
static void *ops_alloc_fpu(void) { return kmem_cache_alloc(fpu_cache, GFP_KERNEL); }
static void ops_free_fpu(void *p) { kmem_cache_free(fpu_cache, p); }
static void *ops_alloc_pages(unsigned order) { return alloc_low(GFP_KERNEL | __GFP_ZERO, order); }

static struct task *ops_make_idle(unsigned cpu)
{
	struct task *t = fork_idle(cpu);

	if (t)
		sched_init_cpu(cpu, t);
	return t;
}

static void arch_ops_init(void)
{
	fpu_cache = kmem_cache_create("fpu", FPU_AREA_SIZE, 16, SLAB_PANIC, NULL);
	arch_ops.alloc = ops_alloc;
	arch_ops.free = ops_free;
	arch_ops.alloc_fpu = ops_alloc_fpu;
	arch_ops.free_fpu = ops_free_fpu;
	arch_ops.alloc_pages = ops_alloc_pages;
	arch_ops.make_idle = ops_make_idle;
	arch_ops.cpu_main = sched_cpu_main;
}

/* For fault reports; whoever comes second during a crash may mix up the text, nothing more. */
static const char *task_name(struct task *t)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s[%d]", t->comm, t->pid);
	return text;
}

static void trap_ops_init(void)
{
	static const struct trap_ops ops = { .page_fault = handle_user_fault, .signal = force_signal,
		.user_work = signal_user_work, .tick = process_tick, .task_name = task_name };

	set_trap_ops(&ops);
}

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
	irq_init();
	if (lapic_base)
		apic_setup_cpu();
	fpu_init_cpu();
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
	pci_init();
	char_init();
	vfs_init();
	chrdev_init();
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
	mm_virt_init();
	rmap_init();
	trap_ops_init();
	local_irq_enable();
	rcu_init();
	if (IS_ERR(kthread_run(boot_thread, NULL, "boot")))
		panic("no memory for the boot thread");
	cpu_idle();
}
