/* SPDX-License-Identifier: MIT
 *
 * struct task: one thread; struct group: the threads of one process and what they share.
 *
 * Life: made by kernel/sys/fork.c (users) and kthread_create (kernel threads) with two references, one for being
 * alive and one for its parent; runs; exit() makes it a zombie; wait() drops the parent's reference; the last
 * put_task frees it after a grace period, so that lookups by pid under RCU are safe.
 *
 * Keys: c only current touches it | r its run queue's lock | S group->siglock | T tasklist_lock | A alloc_lock
 *       a atomic | f fixed after creation
 * Lock order: tasklist_lock > siglock > run-queue lock;  alloc_lock is a leaf below tasklist_lock.
 */
#ifndef KERNEL_SCHED_TASK_H
#define KERNEL_SCHED_TASK_H

#include "arch/i386/percpu.h"
#include "arch/i386/thread.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/sync/atomic.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/rwlock.h"
#include "kernel/sync/spinlock.h"
#include "kernel/sync/wait.h"
#include "kernel/time/timer.h"
#include <linux/resource.h>
#include <linux/signal.h>

struct mm;
struct files;
struct fs_info;
struct cred;
struct pid;
struct file;
struct tty;

#define STACK_ORDER 1 /* 8 KB kernel stacks */
#define STACK_SIZE (4096U << STACK_ORDER)
#define TASK_COMM 16
#define STACK_CANARY 0x57ac1e5aU /* lowest word of each kernel stack */

typedef struct { u32 w[2]; } ksigset_t; /* 64 signals, as the i386 kernel ABI; bit 0 = signal 1 */

struct sigpending { struct list_head queue; ksigset_t set; };

/* task->state. Sleepers are woken by whoever makes their condition true, never by time alone. */
enum {
	TASK_RUNNING = 0, TASK_INTERRUPTIBLE = 1, TASK_UNINTERRUPTIBLE = 2, TASK_KILLABLE = 4 /* fatal signals wake it */,
	TASK_STOPPED = 8, TASK_ZOMBIE = 16, TASK_DEAD = 32, TASK_TRACED = 64
};
/* task->work: why user_work must run before user mode */
enum { WORK_SIGNAL = 1, WORK_RESCHED = 2, WORK_RESTORE_SIGMASK = 4, WORK_NOTIFY = 8, WORK_RSEQ = 16 };

struct sched_state {            /* key r */
	union {
		struct rb_node node;      /* in the run queue, by vruntime; not while it runs */
		struct list_head rt_node; /* FIFO and RR */
	};
	u64 vruntime;               /* ns at weight 1024 */
	u64 exec_start, sum_exec;   /* ns: since when it runs, how long it ran */
	u64 charged;                /* part of sum_exec that is in utime + stime */
	u64 slice_start;            /* sum_exec when it was last picked */
	u32 weight, inv_weight;     /* from nice: 1024 at 0; 2^32 / weight */
	u32 allowed;                /* CPU mask */
	u16 cpu;                    /* whose run queue */
	u8 policy;                  /* SCHED_OTHER, BATCH, IDLE, FIFO, RR */
	u8 rt_prio;                 /* 1 to 99; 0 otherwise */
	s8 nice;
	bool on_rq;                 /* runnable or running */
	volatile bool on_cpu;       /* running right now */
	bool counted;               /* in the run queue's nr_uninterruptible */
	bool moving;                /* on no queue, but not asleep: place() is about to put it on one */
	bool reset_on_fork;
};

struct task {
	/* the first fields are known to entry.asm by offset: see arch/i386/offsets.h */
	volatile u32 work;          /* a: WORK_* */
	void *stack;                /* f: low end; canary there */
	volatile long state;
	u32 flags;                  /* c: PF_* */
	struct arch_thread arch;    /* c: registers while switched out, TLS, FPU */
	struct sched_state sched;
	struct mm *mm;              /* A: NULL for kernel threads */
	struct mm *active_mm;       /* c: whose page tables are loaded */

	atomic_t refcount;
	pid_t pid;                  /* f */
	struct group *group;        /* f: shared by the threads of a process */
	struct list_head thread_node; /* T: group->threads */
	struct list_head all_node;  /* T, RCU: all_tasks */
	struct pid *pids;           /* f: this task's struct pid (kernel/sys/pid.h) */
	s8 exit_signal;             /* T: to the parent when the process is gone; -1 for threads that are not leaders */
	u8 pdeath_signal;           /* c: PR_SET_PDEATHSIG */
	u16 ioprio;                 /* a: as ioprio_get shows it */
	u16 rseq_cpu;               /* c: the number that its struct rseq has */
	u8 exit_state;              /* T: 0, TASK_ZOMBIE: waits for its parent, TASK_DEAD: being buried */
	u8 rss_new;                 /* c: anonymous pages not yet in mm->rss_anon (a thread's only; mm/virt) */
	int exit_code;              /* c until zombie; as wait() gives it */

	/* signals; sighand is shared with CLONE_SIGHAND and kept in group (always with CLONE_THREAD) */
	ksigset_t blocked;          /* S: written by current only */
	ksigset_t saved_blocked;    /* c: for sigsuspend, ppoll */
	ksigset_t waiting;          /* S: blocked signals that sigtimedwait takes */
	u32 jobctl;                 /* S: JOBCTL_* */
	struct sigpending pending;  /* S */
	stack_t altstack;           /* c */

	const struct cred *cred;    /* current replaces it, others read under RCU */
	struct files *files;        /* A */
	struct fs_info *fs;         /* A */

	u64 utime, stime;           /* c, ns */
	u64 start_time;             /* f, ns monotonic */
	unsigned long min_flt, maj_flt, nvcsw, nivcsw;
	u32 gfp_mask;               /* c: bits to take out of every gfp (NOIO and NOFS scopes); 0 normally */
	u32 clear_child_tid, set_child_tid; /* c: user addresses */
	u32 robust_list;            /* c: user address */
	u32 rseq, rseq_sig;         /* c: user address of its struct rseq, or 0; what stands before abort addresses */
	u32 personality;            /* c */
	u32 timer_slack;            /* c: ns */
	struct completion *vfork_done;
	struct { long (*fn)(struct task *); u64 expires; u32 arg[4]; } restart; /* c: ERESTART_RESTARTBLOCK */
	char comm[TASK_COMM];       /* A to write */
	spinlock_t alloc_lock;
	void *lockdep;              /* debug: locks held */
#ifdef CONFIG_DEBUG
	u32 vm_op_depth;            /* c: inside vm_op_begin/end (mm/rmap/oracle.c) */
	u32 fail_nth;               /* c: its nth allocation from now on fails, 0: none (mm/phys; /proc/PID/fail-nth) */
#endif
	void *io;                   /* c: whatever the block layer needs (plugs) */
	struct rcu_head rcu;
};

enum {
	JOBCTL_STOP_PENDING = 1 /* has to join the group's stop */, JOBCTL_STOPPED = 2 /* counted as stopped */,
	JOBCTL_STOP_TAKEN = 4 /* a stop signal was taken; SIGCONT or SIGKILL takes it back */
};
enum { PF_KTHREAD = 1, PF_EXITING = 2, PF_MEMALLOC = 4, PF_FORKNOEXEC = 8, PF_USED_FPU = 16, PF_VFORK = 64 };

struct group {
	atomic_t refcount;          /* tasks */
	atomic_t live;              /* threads that have not begun to exit */
	struct list_head threads;   /* T, RCU */
	int nr_threads;             /* S */
	struct task *leader;        /* T */
	pid_t tgid;                 /* f unless exec takes over */
	struct group *parent;       /* T, RCU: gets SIGCHLD; NULL: the first process and kernel threads */
	struct list_head children;  /* T: those that run; wait4 need not look at all of them */
	struct list_head zombies;   /* T: those that have ended, oldest first */
	struct list_head sibling;   /* T: in one of the two of its parent */
	struct pid *pgrp, *session; /* T */
	struct list_head pgrp_node, session_node; /* T: members of pgrp, of session */
	bool session_leader;        /* T */
	bool subreaper, has_subreaper; /* T: PR_SET_CHILD_SUBREAPER; some ancestor is one */
	u8 dumpable;                /* a */
	bool unkillable;            /* S: the first process: a default action does not end it */
	struct tty *tty;            /* S: controlling terminal */

	spinlock_t siglock;         /* irqs off: timers send signals */
	struct sighand *sighand;    /* handlers; T and S */
	struct sigpending shared_pending; /* S */
	int group_exit_code;        /* S */
	bool group_exiting;         /* S */
	bool group_stopped;         /* S */
	int stop_sig, stop_count;   /* S */
	u32 wait_flags;             /* S: WAIT_*: stopped/continued events not yet reported */
	struct wait_queue wait_child; /* parents sleep here in wait4 */
	struct task *exec_task;     /* S: thread that is in exec and waits for the others */

	struct rlimit rlim[RLIM_NLIMITS]; /* S to write; readers need none */
	u64 utime, stime, cutime, cstime; /* S: of threads gone, of children waited for */
	unsigned long min_flt, maj_flt, cmin_flt, cmaj_flt, nvcsw, nivcsw, cnvcsw, cnivcsw, maxrss, cmaxrss;
	u64 start_time;
	struct hrtimer real_timer;  /* ITIMER_REAL */
	u64 real_interval;
	struct { u64 value, interval; } cpu_timer[2]; /* S: ITIMER_VIRTUAL, PROF */
	struct list_head posix_timers; /* S */
	struct undo_list *sem_undo; /* kernel/ipc/sem.c; NULL: none */
	int next_timer_id;          /* S */
	s16 oom_score_adj, oom_score_adj_min;
	bool oom_victim;            /* a: the out-of-memory killer wants it gone: it may use the reserves */
	struct rcu_head rcu;
};

enum { WAIT_STOPPED = 1, WAIT_CONTINUED = 2, WAIT_NOTIFY_CONT = 4 /* the parent is still to be told */ };

DECLARE_PER_CPU(struct task *, current_task);
#define current this_cpu_read_stable(current_task)
static inline unsigned long rlimit(unsigned which) { return READ_ONCE(current->group->rlim[which].rlim_cur); }

extern struct task boot_task;       /* idle task of the boot CPU: current from the first instruction in C */
extern struct group boot_group;     /* of idle tasks */
extern rwlock_t tasklist_lock;      /* parentage, groups, sessions; taken with irqs on */
extern struct list_head all_tasks;  /* T, RCU; thread-group leaders and threads alike */
static inline void get_task(struct task *t)
{
	ASSERT(atomic_read(&t->refcount) > 0);
	atomic_inc(&t->refcount);
}
/* For one that find_task has found: it may have been buried since. => false: it has */
static inline bool try_get_task(struct task *t) { return atomic_inc_not_zero(&t->refcount); }
void put_task(struct task *t);     /* any context; the last one frees it after a grace period */
struct task *find_task(pid_t pid);  /* RCU read side; no reference */
struct task *get_task_nr(pid_t pid); /* with a reference, or NULL */
#define for_each_task(t) list_for_each_entry_rcu(t, &all_tasks, all_node)
#define for_each_thread(g, t) list_for_each_entry_rcu(t, &(g)->threads, thread_node)

#endif
