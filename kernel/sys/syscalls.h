/* SPDX-License-Identifier: MIT
 *
 * The system-call table (made from syscalls.tbl) and what answers for calls that are missing.
 */
#ifndef KERNEL_SYS_SYSCALLS_H
#define KERNEL_SYS_SYSCALLS_H

#include "kernel/lib/types.h"

extern const char *const syscall_names[]; /* by number; NULL where there is no call */
#define OWN_SYSCALLS 1000 /* numbers from here on are ours, not Linux's; packed in a table of their own */
extern const void *const own_syscall_table[];
extern const char *const own_syscall_names[];
extern const unsigned nr_own_syscalls;
long sys_none(void);

#endif
