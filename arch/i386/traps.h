/* SPDX-License-Identifier: MIT
 *
 * Into the kernel and out of it: the register frame, and what the rooms to the right give arch to call.
 */
#ifndef ARCH_I386_TRAPS_H
#define ARCH_I386_TRAPS_H

#include "arch/i386/percpu.h"
#include "kernel/lib/types.h"

/* What entry.asm pushes; the order of the first fields is that of system-call arguments. */
struct task;
struct regs {
	u32 ebx, ecx, edx, esi, edi, ebp, eax;
	u32 ds, es, fs;  /* low 16 bits; %gs stays live: see struct arch_thread */
	u32 orig_eax;    /* system-call number; negative otherwise (interrupts: ~vector) */
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
	/* before returning to user mode while current->work is set, but for WORK_RESCHED: signals; until work is clear */
	void (*user_work)(struct regs *regs);
	/* every timer tick in interrupt context: accounting. user: it interrupted user mode */
	void (*tick)(bool user);
	/* one line about current for fault reports: name, pid */
	const char *(*task_name)(struct task *t);
};
extern struct trap_ops trap_ops;        /* read it; written by: */
void set_trap_ops(const struct trap_ops *ops);
extern const void *syscall_table[]; /* long f(a, b, c, d, e, f), regparm(3); NULL-free */
extern const unsigned nr_syscalls;
long sys_unknown(struct regs *regs); /* number outside the table */

/* Of kernel/sched, called by name where a table would cost too much. */
void schedule(void);
void preempt_schedule_irq(void);           /* back from an interrupt to preemptible kernel code; interrupts off */
void sched_tail(struct task *prev);        /* first thing in a new task */
void rcu_irq_enter(void), rcu_irq_exit(void);
DECLARE_PER_CPU(u32, rcu_idle);

/* The registers with which current entered the kernel from user mode: at the top of its stack. */
struct regs *task_regs(const void *task_stack);
#define current_regs() task_regs(current->stack)

/* --- interrupts ------------------------------------------------------------------------------------------------ */
DECLARE_PER_CPU(struct regs *, irq_regs);  /* what the innermost interrupt interrupted; NULL outside */
typedef void (*irq_handler)(void *arg);
/* gsi: ISA interrupt number or PCI line as ACPI gives it. The handler runs with interrupts off, acknowledges its
 * device, wakes, returns. => 0 or -EBUSY, -ENOMEM, -EINVAL. Handlers of one line may be several (shared). */
int request_irq(unsigned gsi, irq_handler handler, void *arg, const char *name, bool level);
extern unsigned long irq_count[MAX_CPUS][256]; /* [cpu][vector], for /proc/interrupts and /proc/stat */
/* => name of what vector serves ("" joined by ", " if shared), its gsi or -1; NULL: nothing */
const char *irq_describe(unsigned vector, int *gsi, char *buf, size_t size);
void irq_init(void);                       /* after the interrupt controllers are known */

/* --- faults that the kernel takes on purpose -------------------------------------------------------------------- */
bool fixup_exception(struct regs *regs); /* exception table; true: eip moved to the fix-up */
void extable_sort(void);

/* from entry.asm, interrupts off */
void do_trap(struct regs *regs, unsigned vector, u32 error);
void do_page_fault(struct regs *regs, u32 error, unsigned long addr);
void do_irq(struct regs *regs);
void do_exit_work(struct regs *regs);
void do_bad_iret(struct regs *regs);
void do_double_fault(void);

#endif
