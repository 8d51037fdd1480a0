/* SPDX-License-Identifier: MIT
 *
 * Where handlers without SA_RESTORER return to: addresses that a program cannot execute. See signal_frame.c.
 */
#ifndef ARCH_I386_SIGNAL_GATE_H
#define ARCH_I386_SIGNAL_GATE_H

#define SIGRETURN_GATE 0xffffe400U
#define RT_SIGRETURN_GATE 0xffffe440U

#endif
