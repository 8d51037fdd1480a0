/* SPDX-License-Identifier: MIT
 *
 * The system-call table (made from syscalls.tbl) and what answers for calls that are missing.
 */
#ifndef KERNEL_SYS_SYSCALLS_H
#define KERNEL_SYS_SYSCALLS_H

#include "kernel/lib/types.h"

extern const char *const syscall_names[]; /* by number; NULL where there is no call */
long sys_none(void);

#endif
