/* SPDX-License-Identifier: MIT
 *
 * kernel/sched, all that others may use.
 */
#ifndef KERNEL_SCHED_SCHED_H
#define KERNEL_SCHED_SCHED_H

#include "kernel/sched/task.h"

void schedule(void);                 /* gives the CPU away; state decides whether it comes back by itself */
void cond_resched(void);             /* a good moment, in long loops that hold nothing */
static inline bool need_resched(void) { return preempt_resched_wanted(); }
void sched_yield_current(void);
/* Make t runnable if its state is in `states`. => true if it was asleep. Any context. */
bool wake_up_state(struct task *t, unsigned states);
static inline bool wake_up_process(struct task *t) { return wake_up_state(t, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE | TASK_KILLABLE); }
/* ORed into states: the waker is about to sleep, so the woken task may as well run here */
#define WAKE_SYNC 0x100u
#define set_current_state(s) do { WRITE_ONCE(current->state, (s)); smp_mb(); } while (0)
#define __set_current_state(s) WRITE_ONCE(current->state, (s))
u64 schedule_timeout(u64 ns);        /* sleep in the state set before; => ns left, 0 if it ran out; MAX_TIMEOUT: forever */
void schedule_timeout_until(u64 expires); /* monotonic */
#define MAX_TIMEOUT (~0ULL)
bool signal_pending_state(unsigned state); /* should current not sleep in this state? */
static inline bool signal_pending(void) { return READ_ONCE(current->work) & WORK_SIGNAL; }

void sched_init(void);               /* boot CPU; makes the boot flow its idle task */
void sched_init_cpu(unsigned cpu, struct task *idle); /* from its starter; idle: memory with nothing but ->stack set */
void sched_fork(struct task *t);     /* a new task: inherits weight, vruntime; not runnable yet */
void sched_start(struct task *t);    /* first wake-up: picks a CPU */
void sched_exit_final(void) __noreturn; /* current is TASK_DEAD; its stack is freed after the switch */
void set_task_nice(struct task *t, int nice);
int set_task_policy(struct task *t, u8 policy, u8 rt_prio); /* -EINVAL; permissions are the caller's business */
u64 task_rr_interval(const struct task *t);                 /* ns; 0: FIFO */
int set_task_affinity(struct task *t, u32 mask); /* -EINVAL if no online CPU is left */
void sched_tick(bool user);          /* timer interrupt: charge time, ask for preemption */
void cpu_idle(void) __noreturn;
void preempt_schedule(void);         /* from preempt_enable */
void preempt_schedule_irq(void);     /* return from interrupt to preemptible kernel code; interrupts off */
void sched_tail(struct task *prev);  /* first thing that a new task does; interrupts off, on afterwards */
void sched_kick(unsigned cpu);       /* have that CPU go through schedule(); any context */
void sched_resched_ipi(void);        /* arch_ops.resched_ipi */
void sched_cpu_main(unsigned cpu) __noreturn; /* arch_ops.cpu_main's last act: a started CPU becomes its idle task */
/* CPU time of t so far, the running slice included; utime + stime is what it really ran. ns */
void task_cpu_times(struct task *t, u64 *utime, u64 *stime);
u64 task_runtime(struct task *t);    /* ns, exact */
u64 cpu_idle_ns(unsigned cpu);
struct cpu_times { u64 user, nice, system, idle, irq; };
void get_cpu_times(unsigned cpu, struct cpu_times *t);
unsigned long nr_running(void), nr_context_switches(void);
void get_loadavg(unsigned long avg[3]); /* fixed point, 11 bits */
extern u64 total_forks;

/* --- kernel threads ---------------------------------------------------------------------------------------------- */
/* Runs fn(arg) in a thread of its own; started by wake_up_process. => task or ERR_PTR(-ENOMEM). cpu < 0: any. */
struct task *kthread_create(int (*fn)(void *), void *arg, int cpu, const char *fmt, ...) __printf(4, 5);
struct task *kthread_run(int (*fn)(void *), void *arg, const char *fmt, ...) __printf(3, 4);
/* What sched asks of the rooms to its right; set at boot, before the first kthread_create.
 * make_kthread: a task that is not started, refcount held by itself only; when fn returns the thread exits.
 * free_task: after the grace period. mm_grab/mm_drop: a reference to an mm whose page tables stay loaded while a
 * kernel thread runs (mm->count); mm_drop runs with preemption on or off, interrupts on, no lock held. */
struct sched_ops {
	struct task *(*make_kthread)(int (*fn)(void *), void *arg, const char *name);
	void (*free_task)(struct task *t);
	void (*mm_grab)(struct mm *mm);
	void (*mm_drop)(struct mm *mm);
	unsigned (*user_tasks)(void); /* how many tasks the user of current has */
	void (*flush_io)(void); /* current goes to sleep with a plug (task->io): its bios must not wait for it */
};
extern const struct sched_ops *sched_ops;

#endif
