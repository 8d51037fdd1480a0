/* SPDX-License-Identifier: MIT
 *
 * Who called whom: the callers on a kernel stack, the innermost first.
 *
 *	struct stack_walk w;
 *
 *	stack_walk_task(&w, t);
 *	while ((addr = stack_next(&w, &mark)) != 0)
 *		...
 */
#ifndef ARCH_I386_STACK_H
#define ARCH_I386_STACK_H

#include "arch/i386/traps.h"

struct stack_walk {
	u32 addr;      /* what comes next; 0: to be searched for, from at on */
	u32 at;        /* where addr lies */
	u32 ebp;       /* of the function that addr lies in; 0: unknown */
	u32 low, high; /* the stack */
	const struct regs *regs; /* what comes next is where these were interrupted */
};

enum stack_mark {
	STACK_FOLLOWED,    /* a caller, as certain as the debug information */
	STACK_SEARCHED,    /* the first word from there on that can be one: the frame before it is not known */
	STACK_INTERRUPTED, /* no caller: where an interrupt or a fault came */
};

void stack_walk_task(struct stack_walk *w, struct task *t); /* t does not run; if it starts to meanwhile: nonsense, no harm */
void stack_walk_regs(struct stack_walk *w, const struct regs *r, u32 esp); /* of the kernel's; esp at that time */
void stack_walk_here(struct stack_walk *w); /* from the caller's caller on */
/* => a return address, or 0 behind the last */
u32 stack_next(struct stack_walk *w, enum stack_mark *mark);

#endif
