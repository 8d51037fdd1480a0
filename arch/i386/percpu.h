/* SPDX-License-Identifier: MIT
 *
 * Per-CPU data: each CPU has a copy of section .data.percpu; %fs reaches the CPU's own in one instruction.
 */
#ifndef ARCH_I386_PERCPU_H
#define ARCH_I386_PERCPU_H

#include "kernel/lib/types.h"

#define MAX_CPUS 16

#define DEFINE_PER_CPU(type, name) __section(".data.percpu") __typeof__(type) name
#define DECLARE_PER_CPU(type, name) extern __section(".data.percpu") __typeof__(type) name
extern unsigned long percpu_offset[MAX_CPUS]; /* add to the address of a per-CPU variable */

#define per_cpu(name, cpu) (*(__typeof__(name) *)((char *)&(name) + percpu_offset[cpu]))
/* Address of this CPU's copy; stays that CPU's when the task moves, so preemption must be off. */
#define this_cpu_ptr(ptr) ({ unsigned long _o; __asm__ volatile("movl %%fs:this_cpu_offset, %0" : "=r"(_o)); \
	(__typeof__(ptr))((char *)(ptr) + _o); })

/* One instruction each, safe against interrupts and preemption; 1, 2 and 4 byte scalars and pointers. */
#define this_cpu_read(name) ({ __typeof__(name) _v; \
	__asm__ volatile("mov %%fs:%1, %0" : "=q"(_v) : "m"(name)); _v; })
#define this_cpu_read_stable(name) ({ __typeof__(name) _v; \
	__asm__("movl %%fs:%P1, %0" : "=r"(_v) : "p"(&(name))); _v; })
#define this_cpu_write(name, val) do { __typeof__(name) _v = (val); \
	__asm__ volatile("mov %1, %%fs:%0" : "+m"(name) : "q"(_v)); } while (0)
#define this_cpu_add(name, val) __asm__ volatile("addl %1, %%fs:%0" : "+m"(name) : "ri"(val) : "cc")
#define this_cpu_inc(name) __asm__ volatile("incl %%fs:%0" : "+m"(name) : : "cc")
#define this_cpu_dec(name) __asm__ volatile("decl %%fs:%0" : "+m"(name) : : "cc")

DECLARE_PER_CPU(unsigned long, this_cpu_offset);
DECLARE_PER_CPU(u32, cpu_number);
#define smp_processor_id() this_cpu_read(cpu_number) /* preemption off, or it is history */

struct task;
DECLARE_PER_CPU(struct task *, current_task); /* kernel/sched; entry.asm and switch_to know it by name */
DECLARE_PER_CPU(u32, preempt_count);          /* its layout: kernel/sync/preempt.h */
#define HARDIRQ_OFFSET 0x00010000U

extern unsigned nr_cpus;             /* present, numbered 0..nr_cpus-1; fixed after ACPI was read */
extern volatile u32 cpu_online_mask;
static inline bool cpu_online(unsigned cpu) { return cpu_online_mask >> cpu & 1; }
#define for_each_cpu(cpu) for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
#define for_each_online_cpu(cpu) for_each_cpu(cpu) if (cpu_online(cpu))

#endif
