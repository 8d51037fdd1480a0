/* SPDX-License-Identifier: MIT
 *
 * What arch needs of the rooms to its right, besides trap_ops. boot/main.c fills it in; members are NULL before.
 */
#ifndef ARCH_I386_OPS_H
#define ARCH_I386_OPS_H

#include "kernel/lib/types.h"

struct task;
struct arch_ops {
	void *(*alloc)(size_t size);                 /* zeroed; may sleep; NULL */
	void (*free)(void *p);
	void *(*alloc_fpu)(void);                    /* 512 bytes, 16-byte aligned; may sleep; NULL */
	void (*free_fpu)(void *p);
	void *(*alloc_pages)(unsigned order);        /* low memory, zeroed, for good */
	struct task *(*make_idle)(unsigned cpu);     /* idle task of a CPU to be started; NULL: out of memory */
	void (*cpu_main)(unsigned cpu);              /* a started CPU's own initialisation, then its idle loop: no return */
	void (*timer_event)(void);                   /* the one-shot event of this CPU fired; interrupt context */
	void (*resched_ipi)(void);                   /* somebody set WORK_RESCHED on this CPU's task */
};
extern struct arch_ops arch_ops;

#endif
