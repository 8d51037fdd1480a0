/* SPDX-License-Identifier: MIT
 *
 * Local APIC in xAPIC mode (Intel SDM 3A, chapter 11): interprocessor interrupts, the timer's registers (clock.c uses
 * them), end of interrupt.
 */
#include "arch/i386/apic.h"
#include "arch/i386/cpu.h"
#include "arch/i386/pgtable.h"
#include "arch/i386/segment.h"
#include "kernel/lib/printk.h"

volatile u8 *lapic_base;
u8 cpu_apic_id[MAX_CPUS];
u32 max_cpus = MAX_CPUS, cpus_left_out;
static struct { bool known; u32 apic_id; u16 flags; u8 lint; } nmi_source = { .lint = 1 };

/* The boot CPU is always number 0; firmware lists it somewhere among the others. */
void cpu_add(u32 apic_id)
{
	if (!lapic_base || apic_id == cpu_apic_id[0])
		return;
	if (nr_cpus >= min(max_cpus, (u32)MAX_CPUS) || apic_id > 254) {
		cpus_left_out++;
		return;
	}
	cpu_apic_id[nr_cpus++] = apic_id;
}

void nmi_source_add(u32 apic_id, u16 flags, u8 lint)
{
	nmi_source.known = true;
	nmi_source.apic_id = apic_id;
	nmi_source.flags = flags;
	nmi_source.lint = lint & 1;
}

bool apic_detect(void)
{
	if (!cpu.apic) {
		pr_warn("no local APIC: one CPU, 8259 interrupts, timer without high resolution\n");
		return false;
	}
	lapic_base = fixmap_map(rdmsr(MSR_APIC_BASE) & 0xffffff000ULL, 4096, PTE_CACHE_OFF);
	if (!lapic_base)
		return false;
	cpu_apic_id[0] = apic_read(APIC_ID) >> 24;
	return true;
}

void apic_setup_cpu(void)
{
	u32 boot = smp_processor_id() == 0;

	wrmsr(MSR_APIC_BASE, (rdmsr(MSR_APIC_BASE) & ~(u64)0x400) | 0x800);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
	/* The 8259s' interrupts come in at LINT0, as external ones, while there is no I/O APIC. */
	apic_write(APIC_LVT_LINT0, boot && !ioapic_present() ? 0x700 : 0x700 | APIC_MASKED);
	apic_write(nmi_source.lint ? APIC_LVT_LINT1 : APIC_LVT_LINT0, 0x400);
	apic_write(APIC_LVT_TIMER, APIC_MASKED | VECTOR_TIMER);
	apic_write(APIC_ESR, 0);
	apic_write(APIC_LVT_ERROR, VECTOR_ERROR);
	apic_eoi();
}

static void wait_delivered(void)
{
	while (apic_read(APIC_ICR) & 0x1000)
		cpu_relax();
}

/* The command register is two words: nobody may come between them. */
static void send_command(u32 apic_id, u32 command)
{
	unsigned long flags;

	local_irq_save(flags);
	wait_delivered();
	apic_write(APIC_ICR_HIGH, apic_id << 24);
	apic_write(APIC_ICR, command);
	local_irq_restore(flags);
}

void apic_send(unsigned cpu, u32 vector) { send_command(cpu_apic_id[cpu], 0x4000 | vector); }

void apic_send_mask(u32 cpus, u32 vector)
{
	for (; cpus; cpus &= cpus - 1)
		apic_send(__builtin_ctz(cpus), vector);
}

void apic_send_nmi_others(void)
{
	u32 me = smp_processor_id();

	if (!lapic_base)
		return;
	for_each_online_cpu (c)
		if (c != me)
			send_command(cpu_apic_id[c], 0x4400);
}

void apic_send_startup(unsigned c, u32 what, u8 page)
{
	send_command(cpu_apic_id[c], what | page);
	wait_delivered();
}
