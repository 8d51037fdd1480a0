/* SPDX-License-Identifier: MIT
 *
 * Numbers of tasks, inside kernel/sys.
 */
#ifndef KERNEL_SYS_PID_H
#define KERNEL_SYS_PID_H

#include "kernel/sys/process.h"
#include "mm/phys/phys.h"

#define PID_MAX_LIMIT 4194304

struct pid *alloc_pid(pid_t want);
void release_pid_if_unused(struct pid *p);
void pid_init(void);

#endif
