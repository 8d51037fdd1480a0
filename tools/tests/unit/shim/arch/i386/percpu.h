/* SPDX-License-Identifier: MIT
 *
 * Unit tests run on one CPU that is always number 0: per-CPU variables are plain ones.
 */
#ifndef ARCH_I386_PERCPU_H
#define ARCH_I386_PERCPU_H

#include "kernel/lib/types.h"

#define MAX_CPUS 16
#define DEFINE_PER_CPU(type, name) __typeof__(type) name
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) name
#define per_cpu(name, cpu) (*((void)(cpu), &(name)))
#define this_cpu_ptr(ptr) (ptr)
#define this_cpu_read(name) (name)
#define this_cpu_read_stable(name) (name)
#define this_cpu_write(name, val) ((void)((name) = (val)))
#define this_cpu_add(name, val) ((void)((name) += (val)))
#define this_cpu_inc(name) ((void)(name)++)
#define this_cpu_dec(name) ((void)(name)--)
struct task;
DECLARE_PER_CPU(struct task *, current_task);
DECLARE_PER_CPU(u32, preempt_count);
#define smp_processor_id() 0u
#define HARDIRQ_OFFSET 0x00010000U

struct task;
DECLARE_PER_CPU(struct task *, current_task);
DECLARE_PER_CPU(u32, preempt_count);

#define nr_cpus 1u
#define cpu_online_mask 1u
static inline bool cpu_online(unsigned cpu) { return cpu == 0; }
#define for_each_cpu(cpu) for (unsigned cpu = 0; cpu < 1; cpu++)
#define for_each_online_cpu(cpu) for_each_cpu(cpu)

#endif
