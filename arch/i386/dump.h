/* SPDX-License-Identifier: MIT
 *
 * When it goes wrong: registers, stacks, all CPUs stopped.
 */
#ifndef ARCH_I386_DUMP_H
#define ARCH_I386_DUMP_H

#include "arch/i386/traps.h"

void oops(struct regs *regs, const char *what, unsigned vector, u32 error, unsigned long addr); /* panics */
void dump_regs(const struct regs *regs);
void dump_task_stack(struct task *t);                  /* of a task that does not run */
/* Registers and stack of each online CPU, asked by NMI; those that do not answer within 100 ms are named. */
void smp_backtrace_all(void);
bool dump_nmi(struct regs *regs); /* true: this NMI was ours */
unsigned long fault_that_panicked(void); /* the address, if a page fault of the kernel's ended it; else 0 */
void stop_other_cpus(void);       /* for good */
void dump_init(void);             /* panic_ops */

#endif
