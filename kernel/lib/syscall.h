/* SPDX-License-Identifier: MIT
 *
 * How a room defines a system call: SYSCALL(close, unsigned fd) { ... }; without arguments SYSCALL(getpid, void). All
 * arguments are 32-bit words; 64-bit offsets arrive as (lo, hi) pairs. kernel/sys/syscalls.tbl must name it.
 */
#ifndef KERNEL_LIB_SYSCALL_H
#define KERNEL_LIB_SYSCALL_H

#include "kernel/lib/types.h"

#define SYSCALL(name, ...) long sys_##name(__VA_ARGS__); long sys_##name(__VA_ARGS__)
#define ARG64(lo, hi) ((u64)(u32)(hi) << 32 | (u32)(lo))

#endif
