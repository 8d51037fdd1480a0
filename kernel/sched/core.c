/* SPDX-License-Identifier: MIT
 *
 * schedule(): from one task to the next.
 *
 *   schedule -> update_curr -> (asleep? deactivate) -> pick_next -> mm and stack switch -> finish_switch
 *
 * Every task is switched out with preempt_count 1 and interrupts off, inside schedule_locked_off, so the per-CPU word
 * needs no saving. A new task begins in sched_tail, as if it returned from there.
 * A context switch is a quiescent state for RCU: nobody comes here out of a reader.
 */
#include "arch/i386/pgtable.h"
#include "arch/i386/traps.h"
#include "kernel/lib/trace.h"
#include "kernel/sched/internal.h"

#ifndef CONFIG_DEBUG
static_assert(sizeof(struct task) <= 416, "low memory per thread");
static_assert(sizeof(struct group) <= 480, "low memory per process");
#endif

struct task boot_task = {
	.refcount = ATOMIC_INIT(1), .flags = PF_KTHREAD, .group = &boot_group, .comm = "idle/0",
	.thread_node = LIST_HEAD_INIT(boot_task.thread_node),
	.all_node = LIST_HEAD_INIT(boot_task.all_node),
	.pending = { .queue = LIST_HEAD_INIT(boot_task.pending.queue) },
	.sched = { .on_rq = true, .on_cpu = true, .allowed = 1, .weight = 1024, .inv_weight = 1 << 22 },
};
DEFINE_PER_CPU(struct task *, current_task) = &boot_task;
DEFINE_PER_CPU(u32, preempt_count) = PREEMPT_INIT;
DEFINE_PER_CPU(struct rq, runqueue);
const struct sched_ops *sched_ops;

bool signal_pending_state(unsigned state)
{
	struct task *t = current;
	u32 kill = 1u << (9 - 1); /* SIGKILL */

	if (likely(!(READ_ONCE(t->work) & WORK_SIGNAL)))
		return false;
	if (state & TASK_INTERRUPTIBLE)
		return true;
	return state & TASK_KILLABLE && ((t->pending.set.w[0] | t->group->shared_pending.set.w[0]) & kill || t->group->group_exiting);
}

/* --- what has to wait until the old task is off the CPU --------------------------------------------------------------- */
static noinline void finish_later(struct rq *rq, struct task *prev, bool dead)
{
	struct task *moving = rq->moving;
	struct mm *mm = rq->drop_mm;

	rq->moving = NULL;
	rq->drop_mm = NULL;
	rq->after = false;
	raw_spin_unlock(&rq->lock);
	if (moving)
		place(moving);
	local_irq_enable();
	if (mm)
		sched_ops->mm_drop(mm);
	if (dead)
		put_task(prev);
}

/* => interrupts on, preemption still off */
static void finish_switch(struct task *prev)
{
	struct rq *rq = this_rq();
	bool dead = prev->state == TASK_DEAD;

	prev->sched.on_cpu = false;
	if (unlikely(rq->after || dead)) {
		finish_later(rq, prev, dead);
		return;
	}
	raw_spin_unlock(&rq->lock);
	local_irq_enable();
}

void sched_tail(struct task *prev)
{
	finish_switch(prev);
	preempt_enable();
}

/* --- the choice ----------------------------------------------------------------------------------------------------------- */
static struct task *take_rt(struct rq *rq)
{
	unsigned slot = (unsigned)find_first_bit(rq->rt_map, NR_RT);
	struct task *t = list_first_entry(&rq->rt[slot], struct task, sched.rt_node);

	dequeue(rq, t);
	return t;
}

/* A real-time task waits, or prev is one. */
static noinline struct task *pick_rt(struct rq *rq, struct task *prev)
{
	unsigned slot = (unsigned)find_first_bit(rq->rt_map, NR_RT), mine = NR_RT - 1 - (prev ? prev->sched.rt_prio : 0);
	bool expired;

	if (!prev || !is_rt(prev))
		return take_rt(rq);
	expired = prev->sched.policy == SCHED_RR && prev->sched.sum_exec - prev->sched.slice_start >= RR_SLICE;
	if (slot > mine || (slot == mine && !expired))
		return prev;
	return take_rt(rq);
}

/* prev: the task that ran, if it may go on; NULL if not. => next, out of the queue; prev too if it is not next: in it */
static struct task *pick_next(struct rq *rq, struct task *prev)
{
	struct task *next = fair_first(rq);

	if (unlikely(rq->nr_rt || (prev && is_rt(prev)))) {
		if (rq->nr_rt)
			next = pick_rt(rq, prev);
		else
			next = prev;
	} else if (!next || (prev && !before(next->sched.vruntime, prev->sched.vruntime)))
		next = prev;
	else
		rb_erase_cached(&next->sched.node, &rq->fair);
	if (next != prev && prev)
		enqueue(rq, prev);
	if (unlikely(!next))
		next = pull_for_idle(rq);
	return next ?: rq->idle;
}

/* --- the switch ------------------------------------------------------------------------------------------------------------ */
static inline void switch_mm(struct rq *rq, struct task *prev, struct task *next)
{
	if (next->mm) {
		if (prev->mm != next->mm)
			mmu_switch((struct mmu *)next->mm); /* struct mm begins with it */
		if (!prev->mm && prev->active_mm) {
			rq->drop_mm = prev->active_mm;
			prev->active_mm = NULL;
			rq->after = true;
		}
		return;
	}
	next->active_mm = prev->active_mm;
	if (prev->mm) {
		sched_ops->mm_grab(prev->mm);
		mmu_enter_lazy();
	} else
		prev->active_mm = NULL; /* its reference goes on to next */
}

static noinline void ask_rseq(struct task *t) { __atomic_fetch_or(&t->work, WORK_RSEQ, __ATOMIC_SEQ_CST); }

/* Restartable sequences (kernel/sys/rseq.c): prev may be in one if an interrupt or a fault brought it here; next has to hear of
 * another CPU. */
static inline void rseq_switch(struct task *prev, struct task *next)
{
	if (prev->rseq && (s32)task_regs(prev->stack)->orig_eax < 0)
		ask_rseq(prev);
	if (next->rseq && next->rseq_cpu != next->sched.cpu)
		ask_rseq(next);
}

static void switch_tasks(struct rq *rq, struct task *prev, struct task *next, u64 now)
{
	rq->curr = next;
	rq->switches++;
	next->sched.exec_start = now;
	next->sched.slice_start = next->sched.sum_exec;
	next->sched.on_cpu = true;
	rseq_switch(prev, next);
	if (unlikely(prev == rq->idle)) {
		rq->times.idle += now - rq->idle_since;
		start_tick(rq);
	} else {
		BUG_ON(*(u32 *)prev->stack != STACK_CANARY);
		if (next == rq->idle)
			rq->idle_since = now;
	}
	if (unlikely(trace_on & 1U << TRACE_sched_switch))
		trace_write_switch(next->pid, next->comm, (u32)prev->state);
	switch_mm(rq, prev, next);
	finish_switch(switch_to(prev, next));
}

static inline void clear_resched(struct task *prev)
{
	if (prev->work & WORK_RESCHED)
		atomic_and_long(~(unsigned long)WORK_RESCHED, (volatile unsigned long *)&prev->work);
	preempt_clear_resched();
}

/* prev does not want the CPU any more. Its vruntime stays as it is: while it sleeps, the queue's clock goes on. */
static void put_to_sleep(struct rq *rq, struct task *prev)
{
	if (prev->state & (TASK_UNINTERRUPTIBLE | TASK_KILLABLE)) {
		prev->sched.counted = true;
		rq->nr_uninterruptible++;
	}
	prev->sched.on_rq = false;
	rq->nr_running--;
	prev->nvcsw++;
}

void schedule_locked_off(bool preempt)
{
	struct rq *rq;
	struct task *prev, *next, *stays;
	u64 now;

	ASSERT((preempt_value() & ~PREEMPT_NO_RESCHED) == 1);
	local_irq_disable();
	rcu_quiescent();
	rq = this_rq();
	prev = rq->curr;
	raw_spin_lock(&rq->lock);
	now = ktime_get();
	update_curr(rq, now);
	clear_resched(prev);
	stays = prev == rq->idle ? NULL : prev;
	if (!preempt && prev->state != TASK_RUNNING) {
		if (unlikely(signal_pending_state((unsigned)prev->state)))
			prev->state = TASK_RUNNING;
		else {
			put_to_sleep(rq, prev);
			stays = NULL;
		}
	} else if (unlikely(stays && !allowed_on(prev, rq->cpu))) {
		deactivate(rq, prev);
		prev->sched.moving = true;
		rq->moving = prev;
		rq->after = true;
		stays = NULL;
	}
	next = pick_next(rq, stays);
	if (likely(next != prev)) {
		if (stays)
			prev->nivcsw++;
		switch_tasks(rq, prev, next, now);
		return;
	}
	prev->sched.slice_start = prev->sched.sum_exec;
	raw_spin_unlock(&rq->lock);
	local_irq_enable();
}

void schedule(void)
{
	ASSERT(!in_atomic() || panic_cpu);
	if (unlikely(current->io) && current->state != TASK_RUNNING)
		sched_ops->flush_io();
	do {
		preempt_disable();
		schedule_locked_off(false);
		preempt_enable_no_resched();
	} while (unlikely(need_resched()));
}

static void preempt_loop(void)
{
	do {
		preempt_disable();
		schedule_locked_off(true);
		preempt_enable_no_resched();
	} while (need_resched());
}

void preempt_schedule(void)
{
	if (likely(!irqs_disabled()))
		preempt_loop();
}

/* => interrupts are off, on both sides. One that comes while they are on here asks in vain, since preemption is off: we look again. */
void preempt_schedule_irq(void)
{
	do {
		preempt_disable();
		local_irq_enable();
		schedule_locked_off(true);
		local_irq_disable();
		preempt_enable_no_resched();
	} while (need_resched());
}

/* For preempt_enable in the middle of anything: touches no register. */
__asm__(".text\n"
	".globl preempt_schedule_saved\n"
	".type preempt_schedule_saved, @function\n"
	"preempt_schedule_saved:\n"
	"	pushl %eax\n	pushl %ecx\n	pushl %edx\n"
	"	call preempt_schedule\n"
	"	popl %edx\n	popl %ecx\n	popl %eax\n"
	"	ret\n"
	".size preempt_schedule_saved, . - preempt_schedule_saved\n");

void cond_resched(void)
{
	if (unlikely(preempt_value() == 0)) /* wanted, and nothing forbids it */
		preempt_schedule();
}

void sched_yield_current(void)
{
	struct rq *rq;
	struct task *me = current, *first;

	preempt_disable();
	local_irq_disable();
	rq = this_rq();
	if (rq->nr_running == 1) { /* nobody to yield to */
		local_irq_enable();
		preempt_enable();
		return;
	}
	raw_spin_lock(&rq->lock);
	first = fair_first(rq);
	if (is_rt(me))
		me->sched.slice_start = me->sched.sum_exec - RR_SLICE; /* to the end of its list */
	else if (first && before(me->sched.vruntime, first->sched.vruntime + 1))
		me->sched.vruntime = first->sched.vruntime + 1;
	raw_spin_unlock(&rq->lock);
	local_irq_enable();
	schedule_locked_off(true);
	preempt_enable();
}

/* => preemption may be off already, once */
void sched_exit_final(void)
{
	if (!(preempt_value() & PREEMPT_MASK))
		preempt_disable();
	current->state = TASK_DEAD;
	schedule_locked_off(false);
	panic("a dead task runs again");
}

static void task_rcu_free(struct rcu_head *h) { sched_ops->free_task(container_of(h, struct task, rcu)); }

void put_task(struct task *t)
{
	if (!atomic_dec_and_test(&t->refcount))
		return;
	lockdep_task_exit(t->lockdep);
	call_rcu(&t->rcu, task_rcu_free);
}

unsigned long nr_running(void)
{
	unsigned long n = 0;

	for_each_online_cpu(cpu)
		n += READ_ONCE(cpu_rq(cpu)->nr_running);
	return n;
}

unsigned long nr_context_switches(void)
{
	unsigned long n = 0;

	for_each_cpu(cpu)
		n += READ_ONCE(cpu_rq(cpu)->switches);
	return n;
}
