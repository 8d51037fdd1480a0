/* SPDX-License-Identifier: MIT
 *
 * The first fields of struct task (kernel/sched/task.h), as arch knows them. boot/main.c asserts that they agree.
 */
#ifndef ARCH_I386_OFFSETS_H
#define ARCH_I386_OFFSETS_H

#include "arch/i386/thread.h"

#define TASK_WORK 0
#define TASK_STACK 4
#define TASK_FLAGS 12
#define TASK_ARCH 16
#define KERNEL_STACK_SIZE 8192U
#define STACK_CANARY 0x57ac1e5aU /* lowest word of each kernel stack */

/* Bits of task->work that arch looks at itself; the others are kernel/sched/task.h's. */
#define WORK_RESCHED_BIT 2U
#define WORK_FULL_RESTORE 0x100U /* the frame differs from the registers that a fast system-call exit would keep */

static inline volatile u32 *task_work(struct task *t) { return (volatile u32 *)((char *)t + TASK_WORK); }
static inline char *task_stack(struct task *t) { return *(char **)((char *)t + TASK_STACK); }
static inline struct arch_thread *task_arch(struct task *t) { return (struct arch_thread *)((char *)t + TASK_ARCH); }
static inline void task_set_work(struct task *t, u32 bits)
{
	__asm__ volatile("lock orl %1, %0" : "+m"(*task_work(t)) : "ri"(bits) : "memory");
}

#endif
