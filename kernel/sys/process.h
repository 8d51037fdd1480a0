/* SPDX-License-Identifier: MIT
 *
 * kernel/sys, what the other rooms use of processes, credentials and signals.
 */
#ifndef KERNEL_SYS_PROCESS_H
#define KERNEL_SYS_PROCESS_H

#include "kernel/sched/sched.h"

/* --- numbers: one for a task, a process group and a session; lives while any of these uses it -------------------- */
struct pid {
	atomic_t refcount;
	pid_t nr;                       /* f */
	struct task *task;              /* RCU: the task of this number, NULL when it is gone */
	struct list_head groups;        /* T: group->pgrp_node of the process group of this number */
	struct list_head session;       /* T: group->session_node */
	struct pid *hash_next;          /* pid_lock, RCU */
	bool hashed;                    /* T: the number is in use */
	struct rcu_head rcu;
};
struct pid *find_pid(pid_t nr);     /* RCU; no reference */
struct pid *get_pid(struct pid *pid); /* NULL is fine, as for put_pid and pid_nr */
void put_pid(struct pid *pid);
static inline pid_t pid_nr(const struct pid *pid) { return pid ? pid->nr : 0; }
extern int sysctl_pid_max, sysctl_threads_max;
unsigned nr_threads(void);
pid_t last_pid(void);
static inline bool task_is_leader(const struct task *t) { return t->pid == t->group->tgid; }
static inline struct task *current_leader(void) { return current->group->leader; }
pid_t task_ppid(const struct task *t);  /* 0: none */
/* No process of it has a parent in another group of the same session: nobody could continue it. T held */
bool pgrp_orphaned(struct pid *pgrp);
pid_t next_tgid(pid_t from);        /* smallest live process number >= from; 0: none. For listing /proc */
#define for_each_in_pgrp(pgrp, g) list_for_each_entry(g, &(pgrp)->groups, pgrp_node)         /* T */
#define for_each_in_session(sid, g) list_for_each_entry(g, &(sid)->session, session_node)    /* T */

/* --- credentials --------------------------------------------------------------------------------------------------- */
struct user {                    /* one per uid in use: what RLIMIT_NPROC and RLIMIT_SIGPENDING count */
	atomic_t refcount, tasks, sigpending;
	atomic_t inflight;       /* files on their way through sockets: RLIMIT_NOFILE */
	atomic_t locked_shm;     /* pages under SHM_LOCK: RLIMIT_MEMLOCK */
	uid_t uid;
	struct list_head node;
};
struct cred {                    /* immutable once visible; replaced as a whole */
	atomic_t refcount;
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	u64 cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	u32 securebits;
	bool no_new_privs;
	u32 ngroups;
	struct user *user;           /* of uid */
	struct rcu_head rcu;
	gid_t groups[];              /* ascending */
};
bool capable(int cap);                      /* CAP_* of linux/capability.h */
bool in_group(gid_t gid);                   /* fsgid or a supplementary group of current */
bool in_egroup(gid_t gid);                  /* egid or a supplementary group */
#define current_cred() (current->cred)
const struct cred *get_task_cred(struct task *t); /* reference */
void put_cred(const struct cred *c);

/* --- signals: send. Any context that may take siglock; no sleep. => 0 or -errno ------------------------------------- */
struct siginfo_k {
	int signo, code, err;
	union {
		struct { pid_t pid; uid_t uid; u32 value; int status; u64 utime, stime; };
		struct { unsigned long addr; int trapno; };
		struct { int tid, overrun; u32 sival; };
		struct { int fd; long band; };
	};
};
int send_signal(int sig, const struct siginfo_k *info, struct task *t);       /* to one thread; info NULL: from the kernel */
int send_group_signal(int sig, const struct siginfo_k *info, struct task *t); /* to the process of t */
int send_pgrp_signal(int sig, struct pid *pgrp, bool from_kernel);            /* takes T for reading */
void force_signal(int sig, int code, unsigned long addr, int trapno);         /* current; unblocks, resets ignored */
void task_signal_sets(struct task *t, ksigset_t *ignored, ksigset_t *caught);  /* for /proc */
bool signal_ignored_or_blocked(int sig);                                       /* of current: for tty job control */
bool fatal_signal_pending(void);                                               /* SIGKILL waits for current */
/* A mask for the length of a call (ppoll, pselect, epoll_pwait, sigsuspend); undone before user mode or after the
 * handler that broke the call. NULL: no change. => 0 or -errno */
int set_user_sigmask(const void __user *mask, size_t size);
void restore_sigmask(void);      /* the call ended without a signal */

void do_exit(int code) __noreturn;          /* current thread only; code as wait() status */
void do_group_exit(int code) __noreturn;
int do_execve(const char *path, const char *const *argv, const char *const *envp); /* kernel strings: the first process */
void set_task_comm(struct task *t, const char *name);

/* --- names of this machine: uname ----------------------------------------------------------------------------------- */
struct new_utsname;
extern struct new_utsname uts_name;         /* nodename, domainname: uts_lock; the rest is fixed */
extern spinlock_t uts_lock;
int uts_set(bool domain, const char *name, size_t len); /* 0 or -EINVAL; the caller has checked who asks */

/* --- boot, and hooks for others' tables ------------------------------------------------------------------------------ */
void process_init(void);         /* pids, credentials, caches, sched_ops; before kthread_create */
void process_tick(bool user);    /* trap_ops.tick: sched_tick and the CPU-time timers */
void signal_user_work(struct regs *regs); /* trap_ops.user_work */
/* pid 1, once all is set up: runs path (init=), else the usual names, else stops with a clear message. NULL: no path */
struct task *fork_idle(unsigned cpu); /* for arch, before it starts a CPU; NULL: no memory */
struct task *start_first_process(const char *path);
int run_init(void *path);        /* its body */
extern struct task *init_task_1; /* pid 1 */
extern struct group *init_group;

#endif
