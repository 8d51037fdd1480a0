/* SPDX-License-Identifier: MIT
 *
 * Segments: the selectors that user space knows from Linux/i386, the kernel's own, and each CPU's GDT and TSS.
 */
#ifndef ARCH_I386_SEGMENT_H
#define ARCH_I386_SEGMENT_H

#define GDT_TLS 6                /* 6..8: thread-local storage, set_thread_area */
#define GDT_KERNEL_CS 12
#define GDT_KERNEL_DS 13         /* stack segment only: %ds and %es stay the user's flat one */
#define GDT_USER_CS 14
#define GDT_USER_DS 15
#define GDT_TSS 16
#define GDT_PERCPU 27
#define GDT_DOUBLEFAULT 31
#define GDT_ENTRIES 32

#define KERNEL_CS 0x60
#define KERNEL_DS 0x68
#define USER_CS 0x73
#define USER_DS 0x7b
#define PERCPU_SEG 0xd8

#define VECTOR_SYSCALL 0x80
#define VECTOR_PIC 0x20          /* 0x20..0x2f: the two 8259s */
#define VECTOR_DEVICE 0x30       /* 0x30..0xef: I/O APIC lines */
#define VECTOR_DEVICE_END 0xf0
#define VECTOR_TIMER 0xf0
#define VECTOR_RESCHEDULE 0xf1
#define VECTOR_CALL 0xf2
#define VECTOR_TLB 0xf3
#define VECTOR_ERROR 0xfe
#define VECTOR_SPURIOUS 0xff

#ifndef __ASSEMBLER__
#include "arch/i386/percpu.h"

struct tss {
	u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 es, cs, ss, ds, fs, gs, ldt;
	u16 trap, io_base;
};
static_assert(sizeof(struct tss) == 104, "SDM 3A, figure 7-2");

DECLARE_PER_CPU(u64, gdt[GDT_ENTRIES]);
/* sysenter arrives with esp at tss and takes the task's stack from it; a double fault runs on `emergency`, and so does what
 * comes between those two instructions (vdso.c). */
struct cpu_stack { char emergency[4096]; struct tss tss; };
DECLARE_PER_CPU(struct cpu_stack, cpu_stack);

void percpu_init_boot(void);             /* first C code of the boot CPU: makes %fs work */
void percpu_init_cpu(unsigned cpu, void *area); /* for a CPU to be started */
void segments_load(unsigned cpu);        /* this CPU: GDT, %fs, TSS, IDT */
void idt_init(void);
#endif
#endif
