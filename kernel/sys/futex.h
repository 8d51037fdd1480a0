/* SPDX-License-Identifier: MIT
 *
 * Futexes, inside kernel/sys.
 */
#ifndef KERNEL_SYS_FUTEX_H
#define KERNEL_SYS_FUTEX_H

#include "kernel/sys/process.h"

int futex_wake_addr(u32 __user *addr, int nr); /* shared key, as at the end of a thread */
void futex_init(void);

#endif
