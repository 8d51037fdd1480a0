/* SPDX-License-Identifier: MIT
 *
 * kernel/sys, what kernel/fs, kernel/proc and drivers' tables use of processes and signals.
 */
#ifndef KERNEL_SYS_PROCESS_H
#define KERNEL_SYS_PROCESS_H

#include "kernel/sched/sched.h"

/* A number for a task, a process group and a session; lives while any of these uses it. */
enum pid_kind { PID_TASK, PID_GROUP, PID_SESSION, NR_PID_KINDS };
struct pid {
	atomic_t refcount;
	pid_t nr;
	struct list_head tasks[NR_PID_KINDS]; /* T, RCU */
	struct rcu_head rcu;
};
struct pid *find_pid(pid_t nr);  /* RCU; no reference */

struct cred {                    /* immutable once visible; replaced as a whole */
	atomic_t refcount;
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	u64 cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	u32 securebits;
	bool no_new_privs;
	u32 ngroups;
	struct rcu_head rcu;
	gid_t groups[];
};
bool capable(int cap);                      /* CAP_* of linux/capability.h */
bool in_group(gid_t gid);
#define current_cred() (current->cred)

/* --- signals: send. Any context that may take siglock; no sleep. => 0 or -errno */
struct siginfo_k { int signo, code, err; union { struct { pid_t pid; uid_t uid; u32 value; int status; u64 utime, stime; }; struct { unsigned long addr; int trapno; }; struct { int tid, overrun; u32 sival; }; struct { int fd; long band; }; }; };
int send_signal(int sig, const struct siginfo_k *info, struct task *t);       /* to one thread */
int send_group_signal(int sig, const struct siginfo_k *info, struct task *t); /* to the process of t */
int send_pgrp_signal(int sig, struct pid *pgrp, bool from_kernel);
void force_signal(int sig, int code, unsigned long addr, int trapno);         /* current; unblocks, resets ignored */
bool signal_ignored_or_blocked(int sig);                                       /* of current: for tty job control */

void do_exit(int code) __noreturn;          /* current thread only; code as wait() status */
void do_group_exit(int code) __noreturn;
int do_execve(const char *path, const char *const *argv, const char *const *envp); /* kernel strings: the first process */

extern struct task *init_task_1;            /* pid 1 */
extern struct group *init_group;

#endif
