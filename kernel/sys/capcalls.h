/* SPDX-License-Identifier: MIT
 *
 * The part of prctl that is about capabilities.
 */
#ifndef KERNEL_SYS_CAPCALLS_H
#define KERNEL_SYS_CAPCALLS_H

#include "kernel/lib/types.h"

long prctl_bounding_drop(u32 cap);
long prctl_ambient(u32 op, u32 cap);
long prctl_securebits(u32 bits);
long prctl_keepcaps(u32 on);
long prctl_no_new_privs(void);

#endif
