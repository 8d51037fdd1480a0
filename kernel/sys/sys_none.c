/* SPDX-License-Identifier: MIT
 *
 * The answer for system calls that are missing: ENOSYS.
 */
#include "kernel/sys/syscalls.h"

long sys_none(void)
{
	return -ENOSYS;
}
