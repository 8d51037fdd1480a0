/* SPDX-License-Identifier: MIT
 *
 * kernel/proc, what boot uses.
 */
#ifndef KERNEL_PROC_PROC_H
#define KERNEL_PROC_PROC_H

#include "kernel/lib/types.h"

void proc_init(void);    /* after vfs_init: the file system, the sysrq keys */
void boot_banner(void);  /* the last four lines of the boot */

#endif
