/* SPDX-License-Identifier: MIT
 *
 * How a room defines a system call. All arguments are 32-bit; 64-bit offsets arrive as (lo, hi) pairs.
 * kernel/sys/syscalls.tbl must name it.
 */
#ifndef KERNEL_LIB_SYSCALL_H
#define KERNEL_LIB_SYSCALL_H

#define SYSCALL(name, ...) long sys_##name(__VA_ARGS__); long sys_##name(__VA_ARGS__)

#endif
