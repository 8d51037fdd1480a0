/* SPDX-License-Identifier: MIT
 *
 * kernel/sched, all that others may use.
 */
#ifndef KERNEL_SCHED_SCHED_H
#define KERNEL_SCHED_SCHED_H

#include "kernel/sched/task.h"

void schedule(void);                 /* gives the CPU away; state decides whether it comes back by itself */
void cond_resched(void);             /* a good moment, in long loops that hold nothing */
bool need_resched(void);
void sched_yield_current(void);
/* Make t runnable if its state is in `states`. => true if it was asleep. Any context. */
bool wake_up_state(struct task *t, unsigned states);
static inline bool wake_up_process(struct task *t) { return wake_up_state(t, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE | TASK_KILLABLE); }
#define set_current_state(s) do { WRITE_ONCE(current->state, (s)); smp_mb(); } while (0)
long schedule_timeout(u64 ns);       /* sleep in the state set before; => ns left, 0 if it ran out; MAX_TIMEOUT: forever */
#define MAX_TIMEOUT (~0ULL)
bool signal_pending_state(unsigned state); /* should current not sleep in this state? */
static inline bool signal_pending(void) { return READ_ONCE(current->work) & WORK_SIGNAL; }

void sched_init(void);               /* boot CPU; makes the boot flow its idle task */
void sched_init_cpu(unsigned cpu, struct task *idle);
void sched_fork(struct task *t);     /* a new task: inherits weight, vruntime; not runnable yet */
void sched_start(struct task *t);    /* first wake-up: picks a CPU */
void sched_exit_final(void) __noreturn; /* current is TASK_DEAD; its stack is freed after the switch */
void set_task_nice(struct task *t, int nice);
int set_task_affinity(struct task *t, u32 mask); /* -EINVAL if no online CPU is left */
void sched_tick(bool user);          /* timer interrupt: charge time, ask for preemption */
void cpu_idle(void) __noreturn;
void preempt_schedule(void);         /* from preempt_enable and return from interrupt */
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
/* How a task is made belongs to kernel/sys/fork.c: set at boot. */
struct sched_ops { struct task *(*make_kthread)(int (*fn)(void *), void *arg, const char *name); void (*free_task)(struct task *t); };
extern const struct sched_ops *sched_ops;

#endif
