/* SPDX-License-Identifier: MIT
 *
 * FPU and SSE state of programs. Saved eagerly at each switch, in a 512-byte area that a task gets when it first uses
 * the unit (#NM): until then CR0.TS is set while it runs and it pays nothing. The kernel itself is compiled without
 * FPU use; page.c borrows single xmm registers.
 */
#ifndef ARCH_I386_FPU_H
#define ARCH_I386_FPU_H

#include "arch/i386/offsets.h"
#include "arch/i386/traps.h"

#define FPU_AREA_SIZE 512

void fpu_init_cpu(void);
void fpu_first_use(struct regs *regs);
void fpu_switch(struct arch_thread *prev, struct arch_thread *next);
u32 fpu_pending_exceptions(bool simd);
/* Signal frames: the area holds current's registers afterwards. => NULL if current never used the unit */
void *fpu_area_sync(void);
/* => area to fill in, made if need be; NULL: out of memory. Then fpu_area_load(). */
void *fpu_area_for_load(void);
void fpu_area_load(void);
int fpu_copy(struct arch_thread *child, struct arch_thread *parent, bool live);
void fpu_drop(struct arch_thread *t, bool live); /* exec, exit: back to "never used" */

#endif
