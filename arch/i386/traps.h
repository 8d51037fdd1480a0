/* SPDX-License-Identifier: MIT
 *
 * Into the kernel and out of it: the register frame, and what the rooms to the right give arch to call.
 */
#ifndef ARCH_I386_TRAPS_H
#define ARCH_I386_TRAPS_H

#include "kernel/lib/types.h"

/* What entry.asm pushes; the order of the first fields is that of system-call arguments. */
struct regs {
	u32 ebx, ecx, edx, esi, edi, ebp, eax;
	u32 ds, es, fs, gs;
	u32 orig_eax; /* system-call number; -1 or vector otherwise */
	u32 eip, cs, eflags;
	u32 esp, ss;  /* only when it came from user mode */
};
static inline bool regs_user(const struct regs *r) { return r->cs & 3; }

enum { FAULT_PROT = 1, FAULT_WRITE = 2, FAULT_USER = 4, FAULT_RSVD = 8, FAULT_EXEC = 16 }; /* page-fault error code */

/* Filled in by the rooms on the right before the first user instruction. All run with interrupts on. */
struct trap_ops {
	/* => 0: handled, retry the access. -errno: the fault is the accessor's: user mode was sent its signal by the
	 *    callee; kernel mode goes to the exception table. */
	int (*page_fault)(struct regs *regs, unsigned long addr, unsigned code);
	/* deliver a synchronous signal to current; addr as si_addr */
	void (*signal)(int sig, int code, unsigned long addr, int trapno);
	/* before returning to user mode while current->work is set: signals; called until work is clear */
	void (*user_work)(struct regs *regs);
	/* every timer tick in interrupt context: accounting. user: it interrupted user mode */
	void (*tick)(bool user);
};
extern struct trap_ops trap_ops;
extern const void *syscall_table[]; /* long f(a, b, c, d, e, f), regparm(3); NULL-free */
extern const unsigned nr_syscalls;
long sys_unknown(struct regs *regs); /* number outside the table */

/* The registers with which current entered the kernel from user mode: at the top of its stack. */
struct regs *task_regs(const void *task_stack);
#define current_regs() task_regs(current->stack)

/* --- interrupts ------------------------------------------------------------------------------------------------ */
typedef void (*irq_handler)(void *arg);
/* gsi: ISA interrupt number or PCI line as ACPI gives it. The handler runs with interrupts off, acknowledges its
 * device, wakes, returns. => 0 or -EBUSY, -ENOMEM, -EINVAL. Handlers of one line may be several (shared). */
int request_irq(unsigned gsi, irq_handler handler, void *arg, const char *name, bool level);
extern unsigned long irq_count[16][256]; /* [cpu][vector], for /proc/interrupts and /proc/stat */

/* --- faults that the kernel takes on purpose -------------------------------------------------------------------- */
bool fixup_exception(struct regs *regs); /* exception table; true: eip moved to the fix-up */

#endif
