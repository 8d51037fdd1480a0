/* SPDX-License-Identifier: MIT
 *
 * What processes have used.
 */
#ifndef KERNEL_SYS_RUSAGE_H
#define KERNEL_SYS_RUSAGE_H

#include "kernel/sys/process.h"

#define RUSAGE_BOTH (-2) /* itself and the children it waited for */

struct usage { u64 utime, stime; unsigned long min_flt, maj_flt, nvcsw, nivcsw, maxrss; }; /* ns; pages */

void task_usage(struct task *t, struct usage *u);                                  /* maxrss: 0 */
void group_usage(struct group *g, struct usage *own, struct usage *waited);        /* own or NULL: all its threads, gone ones too; its children */
void group_rusage(struct group *g, int who, struct rusage *ru);
void add_child_rusage(struct group *parent, struct group *child); /* child was waited for */
void group_cpu_times(struct group *g, u64 *user, u64 *system);    /* all its threads, gone ones too */

#endif
