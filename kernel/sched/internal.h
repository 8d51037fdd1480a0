/* SPDX-License-Identifier: MIT
 *
 * The run queue, shared by the files of kernel/sched.
 *
 * A runnable task belongs to the run queue of the CPU in t->sched.cpu, whose lock covers t->sched and the step from
 * asleep to runnable. The running task is in no tree. The lock is a bare spinlock, taken with interrupts off, and held
 * over the switch itself: the next task releases it (finish_switch).
 *
 * Locks: rq->lock, two of them in the order of CPU numbers; below it a CPU's timer lock. Nothing else.
 */
#ifndef KERNEL_SCHED_INTERNAL_H
#define KERNEL_SCHED_INTERNAL_H

#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include <linux/sched.h>

#define NR_RT 100
#define TICK_NS (10 * NSEC_PER_MSEC)
#define WAKE_GRAN (1 * NSEC_PER_MSEC)     /* a woken task must be that far behind to take the CPU at once */
#define SLEEP_CREDIT (3 * NSEC_PER_MSEC)  /* how far behind the queue a sleeper may come back */
#define SLICE (10 * NSEC_PER_MSEC)
#define RR_SLICE (100 * NSEC_PER_MSEC)

struct rq {
	spinlock_t lock;
	u32 cpu;
	struct task *curr, *idle;
	u32 nr_running;              /* with curr, without idle */
	u32 nr_rt;                   /* queued */
	u64 min_vruntime;            /* never goes back */
	struct rb_root_cached fair;
	unsigned long rt_map[4];
	struct list_head rt[NR_RT];  /* by 99 - priority: the first bit set wins */
	/* what finish_switch does once the lock is free */
	bool after;
	struct task *moving;         /* was running, may not stay on this CPU */
	struct mm *drop_mm;
	/* accounting */
	s32 nr_uninterruptible;      /* sum over CPUs counts */
	u32 switches;
	u64 idle_since;
	struct cpu_times times;
	struct hrtimer tick;
	u32 ticks;
};
DECLARE_PER_CPU(struct rq, runqueue);
#define this_rq() this_cpu_ptr(&runqueue)
#define cpu_rq(cpu) (&per_cpu(runqueue, cpu))
extern volatile unsigned long sched_idle_cpus; /* CPUs whose idle task runs and that nobody has woken yet */

static inline bool is_rt(const struct task *t) { return t->sched.rt_prio; }
static inline bool is_idle_task(const struct rq *rq, const struct task *t) { return t == rq->idle; }
static inline bool before(u64 a, u64 b) { return (s64)(a - b) < 0; }
static inline struct task *fair_first(const struct rq *rq) { return rb_entry_safe(rq->fair.leftmost, struct task, sched.node); }
static inline bool allowed_on(const struct task *t, unsigned cpu) { return t->sched.allowed >> cpu & 1; }

void update_curr(struct rq *rq, u64 now);
void enqueue(struct rq *rq, struct task *t);       /* runnable, not running: into tree or list */
void dequeue(struct rq *rq, struct task *t);
void activate(struct rq *rq, struct task *t, bool sleeper); /* becomes runnable here */
void deactivate(struct rq *rq, struct task *t);
void resched(struct rq *rq);                        /* lock held: another task should run there */
void check_preempt(struct rq *rq, struct task *t);  /* t became runnable there */
struct rq *lock_task_rq(struct task *t);            /* interrupts off */
unsigned pick_cpu(struct task *t, bool sync);
void place(struct task *t);                         /* RUNNING, on no queue: onto some CPU's. irqs off */
struct task *pull_for_idle(struct rq *rq);          /* lock held: something from another CPU, or NULL */
void balance_tick(struct rq *rq);                   /* lock not held, irqs off */
void schedule_locked_off(bool preempt);             /* preemption off once, irqs on */
void start_tick(struct rq *rq);
void tick_init(struct rq *rq);
void loadavg_update(u64 now);
void set_weight(struct task *t);

#endif
