/* SPDX-License-Identifier: MIT
 *
 * What arch keeps per task, and switching between tasks.
 */
#ifndef ARCH_I386_THREAD_H
#define ARCH_I386_THREAD_H

#include "kernel/lib/types.h"

struct task;
struct regs;

struct arch_thread {
	u32 esp;                /* kernel stack pointer while switched out */
	u64 tls[3];             /* GDT descriptors 6..8 of this thread (set_thread_area) */
	u32 gs;                 /* user %gs while in the kernel: %fs is the kernel's per-CPU segment, saved in regs */
	void *fpu;              /* 512-byte FXSAVE area, 16-byte aligned; made at first use; NULL for kernel threads */
	u32 fpu_cpu;            /* whose registers may still hold it */
	u32 cr2, trapno, error; /* of the last fault: for the signal frame */
};

/* Low-level switch; interrupts off. Returns in `next` the task that ran before. */
struct task *switch_to(struct task *prev, struct task *next);
/* A new task starts in fn(arg) on its own stack (kernel threads), or returns to user mode with regs (fork). */
void thread_start_kernel(struct task *t, int (*fn)(void *), void *arg);
void thread_start_user(struct task *t, const struct regs *regs);
int thread_copy(struct task *child, struct task *parent); /* FPU, TLS; -ENOMEM */
void thread_free(struct task *t);
void thread_exec(struct task *t, struct regs *regs, u32 eip, u32 esp); /* clean registers, FPU and TLS */

/* set_thread_area / get_thread_area and CLONE_SETTLS; user pointers to struct user_desc. 0 or -errno */
int thread_set_tls(struct task *t, void *user_desc, bool allocate);
int thread_get_tls(struct task *t, void *user_desc);

/* Signal frames on the user stack, as Linux/i386 lays them out. 0 or -EFAULT.
 * rt: SA_SIGINFO. On success regs enter the handler. sigreturn restores regs, FPU and gives the mask back. */
struct signal_frame {
	int sig; u32 handler, restorer, flags; /* SA_* */
	const void *siginfo;                   /* siginfo_t, 128 bytes, in user layout */
	u32 mask[2];                           /* to restore */
	u32 altstack_sp, altstack_size; int altstack_flags; u32 stack; /* stack: top to build on */
};
int signal_frame_push(struct regs *regs, const struct signal_frame *f);
int signal_frame_pop(struct regs *regs, bool rt, u32 mask[2], void *altstack /* stack_t */);

#endif
