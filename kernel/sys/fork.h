/* SPDX-License-Identifier: MIT
 *
 * Making and burying tasks, inside kernel/sys.
 */
#ifndef KERNEL_SYS_FORK_H
#define KERNEL_SYS_FORK_H

#include "kernel/sys/process.h"

struct clone_request {
	u32 flags;               /* CLONE_* without the exit signal */
	int exit_signal;
	u32 stack;               /* new %esp, 0: the parent's */
	u32 parent_tid, child_tid; /* user addresses */
	u32 tls;                 /* user address of a struct user_desc, or 0 */
	bool tls_in_esi;
	pid_t want_pid;          /* 0: any */
	int (*fn)(void *);       /* kernel threads */
	void *arg;
	bool to_user;            /* fn returns into user mode: the first process */
};
struct task *copy_process(const struct clone_request *r); /* not yet running; ERR_PTR */
void release_task(struct task *t);           /* takes T for writing; t is nobody's any more */
void unhash_task_locked(struct task *t);
void mm_release(struct task *t);             /* what user space hears when t leaves its address space */
void exit_robust_list(struct task *t);
void store_child_tid(void);
void task_unlinked(void);                     /* counts */
long new_session(void);
int kthread_main(void *unused);

#endif
