/* SPDX-License-Identifier: MIT
 *
 * GDT, TSS, IDT and the per-CPU areas that they live in.
 *
 * Section .data.percpu of the image is only the template. Each CPU, the boot CPU too, works in a copy; percpu_offset[]
 * holds the distance, and the base of segment PERCPU_SEG equals it, so that %fs:variable is the CPU's own. A direct
 * access to a per-CPU variable would hit the template, which is given back with the other boot data.
 */
#include "arch/i386/segment.h"
#include "arch/i386/cpu.h"
#include "arch/i386/traps.h"

extern char percpu_start[], percpu_end[], percpu_boot_area[];
extern char trap_stubs[], double_fault_entry[];

DEFINE_PER_CPU(u32, cpu_number);
DEFINE_PER_CPU(unsigned long, this_cpu_offset);
DEFINE_PER_CPU(u64, gdt[GDT_ENTRIES]) __aligned(64);
DEFINE_PER_CPU(struct cpu_stack, cpu_stack) __aligned(64);
static DEFINE_PER_CPU(struct tss, double_fault_tss);

unsigned long percpu_offset[MAX_CPUS];
unsigned nr_cpus = 1;
volatile u32 cpu_online_mask = 1;

static u64 idt[256] __section(".data.page_aligned") __aligned(4096);

static u64 descriptor(u32 base, u32 limit, u32 access, u32 flags)
{
	return (u64)(limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 | (u64)(limit >> 16 & 15) << 48 |
	       (u64)flags << 52 | (u64)(base >> 24) << 56;
}
#define FLAT(access) descriptor(0, 0xfffff, access, 0xc)

static void gdt_fill(unsigned cpu)
{
	u64 *g = per_cpu(gdt, cpu);

	g[GDT_KERNEL_CS] = FLAT(0x9b);
	g[GDT_KERNEL_DS] = FLAT(0x93);
	g[GDT_USER_CS] = FLAT(0xfb);
	g[GDT_USER_DS] = FLAT(0xf3);
	g[GDT_TSS] = descriptor((u32)&per_cpu(cpu_stack, cpu).tss, sizeof(struct tss) - 1, 0x89, 0);
	g[GDT_DOUBLEFAULT] = descriptor((u32)&per_cpu(double_fault_tss, cpu), sizeof(struct tss) - 1, 0x89, 0);
	g[GDT_PERCPU] = descriptor(percpu_offset[cpu], 0xfffff, 0x93, 0xc);
}

/* A double fault switches to a task of its own: whatever stack pointer caused it is not used again. */
static void double_fault_fill(unsigned cpu)
{
	struct tss *t = &per_cpu(double_fault_tss, cpu);

	t->cr3 = read_cr3();
	t->eip = (u32)double_fault_entry;
	t->esp = (u32)&per_cpu(cpu_stack, cpu).tss;
	t->eflags = 2;
	t->cs = KERNEL_CS;
	t->ss = KERNEL_DS;
	t->ds = t->es = USER_DS;
	t->fs = PERCPU_SEG;
	t->io_base = sizeof(*t);
}

void percpu_init_cpu(unsigned cpu, void *area)
{
	const u32 *from = (u32 *)percpu_start;
	u32 *to = area;

	while (from < (u32 *)percpu_end)
		*to++ = *from++;
	percpu_offset[cpu] = (unsigned long)area - (unsigned long)percpu_start;
	per_cpu(cpu_number, cpu) = cpu;
	per_cpu(this_cpu_offset, cpu) = percpu_offset[cpu];
	per_cpu(cpu_stack, cpu).tss.ss0 = KERNEL_DS;
	per_cpu(cpu_stack, cpu).tss.io_base = sizeof(struct tss);
	gdt_fill(cpu);
	double_fault_fill(cpu);
}

void percpu_init_boot(void) { percpu_init_cpu(0, percpu_boot_area); }

static void idt_gate(unsigned vector, const void *entry, u32 type_and_dpl)
{
	u32 a = (u32)entry;

	idt[vector] = (u64)(a & 0xffff0000) << 32 | (u64)type_and_dpl << 40 | (u64)KERNEL_CS << 16 | (a & 0xffff);
}

/* Interrupt gates everywhere but for system calls: these enter with interrupts on. */
void idt_init(void)
{
	extern char syscall_entry[];

	for (unsigned v = 0; v < 256; v++)
		idt_gate(v, trap_stubs + v * 16, 0x8e);
	idt_gate(3, trap_stubs + 3 * 16, 0xee);
	idt_gate(4, trap_stubs + 4 * 16, 0xee);
	idt_gate(VECTOR_SYSCALL, syscall_entry, 0xef);
	idt[8] = (u64)0x85 << 40 | (u64)(GDT_DOUBLEFAULT * 8) << 16;
}

void segments_load(unsigned cpu)
{
	struct __packed { u16 limit; u32 base; } r;

	r.limit = sizeof(gdt) - 1;
	r.base = (u32)per_cpu(gdt, cpu);
	__asm__ volatile("lgdt %0\n\tljmp %1, $1f\n1:" : : "m"(r), "i"(KERNEL_CS) : "memory");
	__asm__ volatile("movl %0, %%ss; movl %1, %%ds; movl %1, %%es; movl %2, %%gs; movl %3, %%fs" : : "r"(KERNEL_DS),
			 "r"(USER_DS), "r"(0), "r"(PERCPU_SEG) : "memory");
	__asm__ volatile("lldt %w0; ltr %w1" : : "r"(0), "r"(GDT_TSS * 8));
	r.limit = sizeof(idt) - 1;
	r.base = (u32)idt;
	__asm__ volatile("lidt %0" : : "m"(r));
}
