/* SPDX-License-Identifier: MIT
 *
 * Signals, inside kernel/sys: sets, handlers, queues.
 *
 * Handlers: fork gives the child the same table of actions, copied when either side changes one; after exec there is none
 * until the program sets a handler (most never do). CLONE_SIGHAND shares the struct sighand itself.
 * Locks: siglock > sighand->lock.
 */
#ifndef KERNEL_SYS_SIGHAND_H
#define KERNEL_SYS_SIGHAND_H

#include "kernel/sys/process.h"
#include "mm/phys/phys.h"

#define NR_SIGNALS 64
#define FIRST_QUEUED 32 /* signals from here on queue each instance (real-time) */

struct kaction { u32 handler, flags, restorer; ksigset_t mask; }; /* as struct kernel_sigaction of the i386 ABI */
struct sigacts { atomic_t refcount; struct rcu_head rcu; struct kaction action[NR_SIGNALS]; }; /* immutable while refcount > 1 */
struct sighand {
	atomic_t refcount;
	spinlock_t lock;
	struct sigacts *acts;    /* NULL: only defaults, and the ignored ones below; so it is after each exec */
	ksigset_t ignored;       /* while acts is NULL */
};

struct sigqueue {
	struct list_head node;
	struct siginfo_k info;
	struct user *user;       /* counted in its sigpending; NULL: a timer's own, never freed here */
	bool queued, orphan;     /* S: of a timer's own: in a queue; its timer is gone */
	void (*taken)(struct sigqueue *q); /* of a timer's own: arms it again; S held */
	void *owner;             /* the timer */
};

/* --- sets */
static inline bool sigset_has(const ksigset_t *s, int sig) { return s->w[(sig - 1) / 32] >> ((sig - 1) % 32) & 1; }
static inline void sigset_add(ksigset_t *s, int sig) { s->w[(sig - 1) / 32] |= 1u << (sig - 1) % 32; }
static inline void sigset_del(ksigset_t *s, int sig) { s->w[(sig - 1) / 32] &= ~(1u << (sig - 1) % 32); }
static inline bool sigset_empty(const ksigset_t *s) { return !(s->w[0] | s->w[1]); }
#define SIGBIT(sig) (1u << ((sig) - 1))
#define SIGS_KERNEL_IGNORED (SIGBIT(SIGCONT) | SIGBIT(SIGCHLD) | SIGBIT(SIGWINCH) | SIGBIT(SIGURG))
#define SIGS_STOP (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define SIGS_FAULT (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) | SIGBIT(SIGSYS))
static inline bool sig_in(int sig, u32 set) { return sig <= 32 && set & SIGBIT(sig); }
#define HANDLER_DFL 0u
#define HANDLER_IGN 1u

/* --- work bits of any task */
void rseq_resume(struct regs *regs); /* rseq.c: on the way to user mode, when WORK_RSEQ is set */
static inline void work_set(struct task *t, u32 bits) { __atomic_fetch_or(&t->work, bits, __ATOMIC_SEQ_CST); }
static inline void work_clear(struct task *t, u32 bits) { __atomic_fetch_and(&t->work, ~bits, __ATOMIC_SEQ_CST); }

/* --- handlers (sighand.c) */
int sighand_dup(struct group *child, struct group *parent, bool share);
int sighand_dup_for_exec(struct group *g);           /* its own; handlers to default, ignored stays */
void sighand_put(struct sighand *h);
static inline struct kaction sig_action(const struct sighand *h, int sig) /* siglock or h->lock held */
{
	return h->acts ? h->acts->action[sig - 1] : (struct kaction){ .handler = sigset_has(&h->ignored, sig) };
}
static inline u32 sig_handler(const struct group *g, int sig)
{
	const struct sighand *h = g->sighand;
	const struct sigacts *a = READ_ONCE(h->acts); /* RCU: another group that shares h may put another in its place */

	return a ? a->action[sig - 1].handler : sigset_has(&h->ignored, sig);
}
int set_action(int sig, const struct kaction *new, struct kaction *old);

/* --- queues and wake-ups (signal.c); siglock held */
void recalc_signal_pending(struct task *t);
void signal_wake_up(struct task *t, bool fatal);
int dequeue_signal_locked(const ksigset_t *blocked, struct siginfo_k *info);
void flush_pending(struct sigpending *p);
void flush_signal(struct sigpending *p, u32 w0, u32 w1);
int send_signal_locked(int sig, const struct siginfo_k *info, struct task *t, bool group);
struct sigqueue *sigqueue_alloc(void);               /* a timer's own */
void sigqueue_free_timer(struct sigqueue *q, struct group *g);
bool send_timer_signal(struct sigqueue *q, struct task *t, bool group); /* false: the signal is ignored */
#define IGNORED_TIMER_NS 10000000 /* a periodic timer whose signal nobody takes fires no more often than this */
void itimer_signal_taken(struct group *g);           /* a SIGALRM was taken; S held */
void set_blocked(const ksigset_t *mask);             /* of current; takes siglock */
void retarget_shared(const ksigset_t *old, const ksigset_t *new); /* current begins to block these */
void hand_over_shared_locked(struct task *t);        /* t exits: others look at what waits for the process */
void begin_group_exit_locked(struct group *g, int code);
void zap_threads_locked(struct group *g);            /* SIGKILL to all but current */
void kick_task(struct task *t);                      /* running in user mode on another CPU: make it enter the kernel */

/* --- stop and continue (jobctl.c) */
void do_signal_stop(int sig);                        /* siglock held; drops it, sleeps, takes it again */
bool leave_stop_locked(struct task *t);              /* t is exiting; true: that completed the stop, tell the parent */
void notify_parent_jobctl(struct group *g, int code); /* CLD_STOPPED, CLD_CONTINUED; no lock held */
void continue_group_locked(struct group *g);

void signal_init(void);
int group_wait_status(const struct group *g);
void siginfo_to_user(void *to128, const struct siginfo_k *from);
void siginfo_from_user(struct siginfo_k *to, const void *from128);

#endif
