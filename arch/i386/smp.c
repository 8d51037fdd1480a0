/* SPDX-License-Identifier: MIT
 *
 * Starting the other CPUs (INIT, SIPI: Intel SDM 3A, 8.4) and calling functions on them.
 *
 * They are started one after another, through one page of real-mode code below 1 MB. Each arrives on the stack of its
 * idle task, sets itself up, says that it is online, and goes to arch_ops.cpu_main.
 */
#include "arch/i386/smp.h"
#include "arch/i386/apic.h"
#include "arch/i386/clock.h"
#include "arch/i386/cpu.h"
#include "arch/i386/fpu.h"
#include "arch/i386/offsets.h"
#include "arch/i386/ops.h"
#include "arch/i386/pgtable.h"
#include "arch/i386/segment.h"
#include "arch/i386/vdso.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/printk.h"

extern char trampoline_start[], trampoline_end[], percpu_start[], percpu_end[];

/* Read by boot/trampoline.asm */
u64 trampoline_pdpt[4] __aligned(32);
static pmd_t trampoline_pmd[PTRS_PER_TABLE] __section(".bss.page_aligned") __aligned(4096);
void *ap_stack;
u32 ap_number, ap_nxe;
void ap_start(u32 number);

/* --- interrupts between CPUs --------------------------------------------------------------------------------------------- */
void smp_send_reschedule(unsigned c) { apic_send(c, VECTOR_RESCHEDULE); }

struct call { void (*fn)(void *); void *arg; volatile u32 waiting; };
static DEFINE_PER_CPU(struct call, call_request);
static DEFINE_PER_CPU(volatile u32, call_asked);

void smp_call_ipi(void)
{
	u32 me = smp_processor_id(), from = __sync_lock_test_and_set(&per_cpu(call_asked, me), 0);

	for (; from; from &= from - 1) {
		struct call *c = &per_cpu(call_request, __builtin_ctz(from));

		c->fn(c->arg);
		__sync_fetch_and_and(&c->waiting, ~(1U << me));
	}
}

void smp_call_function(u32 cpus, void (*fn)(void *), void *arg)
{
	unsigned long flags;
	struct call *c;
	u32 me, others;

	this_cpu_inc(preempt_count);
	barrier();
	me = smp_processor_id();
	cpus &= cpu_online_mask;
	others = cpus & ~(1U << me);
	c = this_cpu_ptr(&call_request);
	ASSERT(!others || !irqs_disabled());
	*c = (struct call){ fn, arg, others };
	for (u32 m = others; m; m &= m - 1)
		__sync_fetch_and_or(&per_cpu(call_asked, __builtin_ctz(m)), 1U << me);
	apic_send_mask(others, VECTOR_CALL);
	if (cpus >> me & 1) {
		local_irq_save(flags);
		fn(arg);
		local_irq_restore(flags);
	}
	while (c->waiting && !panic_cpu)
		cpu_relax();
	barrier();
	this_cpu_dec(preempt_count);
}

/* --- starting -------------------------------------------------------------------------------------------------------------- */
void ap_start(u32 number)
{
	segments_load(number);
	write_cr3(__pa(kernel_pdpt)); /* the trampoline's identity mapping goes */
	cpu_setup();
	flush_tlb_all_local();
	apic_setup_cpu();
	fpu_init_cpu();
	sysenter_init_cpu();
	clock_init_cpu();
	__sync_fetch_and_or(&cpu_online_mask, 1U << number);
	arch_ops.cpu_main(number);
}

static unsigned order_of(size_t size)
{
	unsigned order = 0;

	while ((4096U << order) < size)
		order++;
	return order;
}

/* The per-CPU areas of all CPUs that ACPI named: before anybody goes through for_each_cpu. */
void smp_init_areas(void)
{
	for (unsigned c = 1; c < nr_cpus; c++) {
		void *area = arch_ops.alloc_pages(order_of(percpu_end - percpu_start));

		if (!area) {
			pr_err("no memory for the data of CPU %u: going on with %u\n", c, c);
			nr_cpus = c;
			return;
		}
		percpu_init_cpu(c, area);
	}
}

/* What else this CPU will need: kmap page table, idle task. */
static bool prepare(unsigned c)
{
	void *table = arch_ops.alloc_pages(0);
	struct task *idle;

	if (!table)
		return false;
	kmap_init_cpu(c, table);
	idle = arch_ops.make_idle(c);
	if (!idle)
		return false;
	per_cpu(current_task, c) = idle;
	ap_stack = task_stack(idle) + KERNEL_STACK_SIZE - sizeof(struct regs);
	ap_number = c;
	return true;
}

static bool wait_online(unsigned c, u32 us)
{
	for (u32 waited = 0; waited < us && !cpu_online(c); waited += 10)
		arch_delay_us(10);
	return cpu_online(c);
}

static bool start_one(unsigned c)
{
	apic_send_startup(c, APIC_INIT, 0);
	arch_delay_us(200);
	apic_send_startup(c, APIC_INIT_DEASSERT, 0);
	apic_send_startup(c, APIC_STARTUP, TRAMPOLINE_PHYS >> 12);
	if (wait_online(c, 10000))
		return true;
	apic_send_startup(c, APIC_STARTUP, TRAMPOLINE_PHYS >> 12);
	return wait_online(c, 1000000);
}

static void fill_trampoline(void)
{
	char *to = __va(TRAMPOLINE_PHYS);

	for (const char *from = trampoline_start; from < trampoline_end;)
		*to++ = *from++;
	trampoline_pmd[0].v = PTE_PRESENT | PTE_WRITE | PTE_LARGE;
	trampoline_pdpt[0] = __pa(trampoline_pmd) | PTE_PRESENT;
	trampoline_pdpt[3] = kernel_pdpt[3];
	ap_nxe = cpu.nx;
	/* Warm-reset vector, for processors that begin at the BIOS after INIT. */
	*(volatile u16 *)__va(0x467) = 0;
	*(volatile u16 *)__va(0x469) = TRAMPOLINE_PHYS >> 4;
}

void smp_boot_others(void)
{
	unsigned wanted = nr_cpus;

	if (nr_cpus > 1)
		fill_trampoline();
	for (unsigned c = 1; c < nr_cpus; c++) {
		if (prepare(c) && start_one(c))
			continue;
		pr_err("CPU %u (APIC %u) does not start: going on with %u\n", c, cpu_apic_id[c], c);
		nr_cpus = c;
	}
	if (cpus_left_out)
		pr_warn("%u more CPUs left out (%s)\n", cpus_left_out, wanted < MAX_CPUS ? "maxcpus=" : "Isthmus drives 16");
}
