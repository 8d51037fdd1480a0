/* SPDX-License-Identifier: MIT
 *
 * Waking: from asleep to runnable, and on which CPU.
 *
 * The sleeper sets its state, then looks at its condition; the waker makes the condition true, then looks at the state
 * (both with a full barrier between): one of them sees the other. The lock of the run queue that the sleeper was on last
 * makes the step single: whoever finds the state matching sets it to RUNNING and owns the task until it is queued.
 */
#include "arch/i386/smp.h"
#include "kernel/sched/internal.h"

volatile unsigned long sched_idle_cpus;

/* Another task should run on rq's CPU. Lock held. */
void resched(struct rq *rq)
{
	struct task *t = rq->curr;

	if (t->work & WORK_RESCHED)
		return;
	atomic_or_long(WORK_RESCHED, (volatile unsigned long *)&t->work);
	if (rq == this_rq())
		preempt_set_resched();
	else
		smp_send_reschedule(rq->cpu);
}

void sched_resched_ipi(void)
{
	if (current->work & WORK_RESCHED)
		preempt_set_resched();
}

void sched_kick(unsigned cpu)
{
	struct rq *rq = cpu_rq(cpu);
	unsigned long flags;

	local_irq_save(flags);
	raw_spin_lock(&rq->lock);
	if (rq->curr)
		resched(rq);
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
}

void check_preempt(struct rq *rq, struct task *t)
{
	struct task *curr = rq->curr;

	if (curr == rq->idle) {
		clear_bit(rq->cpu, &sched_idle_cpus);
		resched(rq);
	} else if (unlikely(is_rt(t) || is_rt(curr))) {
		if (t->sched.rt_prio > curr->sched.rt_prio)
			resched(rq);
	} else if (t->sched.policy == SCHED_NORMAL || curr->sched.policy == SCHED_IDLE) {
		update_curr(rq, ktime_get());
		if (before(t->sched.vruntime + WAKE_GRAN, curr->sched.vruntime))
			resched(rq);
	}
}

/* The CPU that t ran on if that idles (its cache is warm), any idle one, this one if the waker is about to sleep;
 * otherwise the old one, and balancing does the rest. */
unsigned pick_cpu(struct task *t, bool sync)
{
	unsigned long allowed = t->sched.allowed & cpu_online_mask, idle;
	unsigned old = t->sched.cpu, me = smp_processor_id();

	if (unlikely(!allowed)) /* its CPUs are gone or not yet there */
		return cpu_online(old) ? old : 0;
	if (!(allowed & (allowed - 1)))
		return __ffs(allowed);
	if (sync && allowed >> me & 1 && cpu_rq(me)->nr_running <= 1 && !in_irq())
		return me;
	idle = allowed & sched_idle_cpus;
	if (idle >> old & 1)
		return old;
	if (idle)
		return __ffs(idle);
	return allowed >> old & 1 ? old : __ffs(allowed);
}

/* The lock of t's old queue is held, t is RUNNING and on no queue; its vruntime is relative. To the queue of `cpu`.
 * => the lock of the new queue is held */
static struct rq *move_to(struct rq *rq, struct task *t, unsigned cpu)
{
	if (cpu == rq->cpu)
		return rq;
	t->sched.cpu = (u16)cpu;
	raw_spin_unlock(&rq->lock);
	return lock_task_rq(t);
}

/* The same, to a CPU that pick_cpu names. Between the two locks set_task_affinity finds t on no queue and leaves it to us. */
static struct rq *move_to_allowed(struct rq *rq, struct task *t, bool sync)
{
	do
		rq = move_to(rq, t, pick_cpu(t, sync));
	while (unlikely(!allowed_on(t, rq->cpu)) && t->sched.allowed & cpu_online_mask);
	return rq;
}

/* A task that was running and had to leave its CPU. Interrupts off. */
void place(struct task *t)
{
	struct rq *rq = lock_task_rq(t);

	rq = move_to_allowed(rq, t, false);
	t->sched.moving = false;
	activate(rq, t, false);
	check_preempt(rq, t);
	raw_spin_unlock(&rq->lock);
}

static struct rq *wake_sleeper(struct rq *rq, struct task *t, bool sync)
{
	if (t->sched.counted) {
		t->sched.counted = false;
		rq->nr_uninterruptible--;
	}
	t->sched.vruntime -= rq->min_vruntime;
	rq = move_to_allowed(rq, t, sync);
	activate(rq, t, true);
	check_preempt(rq, t);
	return rq;
}

bool wake_up_state(struct task *t, unsigned states)
{
	unsigned long flags;
	struct rq *rq;
	bool match;

	smp_mb();
	if (!((unsigned)READ_ONCE(t->state) & states & 0xff))
		return false;
	preempt_disable();
	local_irq_save(flags);
	rq = lock_task_rq(t);
	match = (unsigned)t->state & states & 0xff;
	if (match) {
		t->state = TASK_RUNNING;
		if (!t->sched.on_rq && !t->sched.moving) /* from here on nobody else touches it: state and queue say so */
			rq = wake_sleeper(rq, t, states & WAKE_SYNC);
	}
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
	preempt_enable();
	return match;
}

/* --- new tasks -------------------------------------------------------------------------------------------------------------- */
/* Behind those who are there: a fork gains nothing. */
static u64 fork_vruntime(unsigned cpu)
{
	struct rq *rq = cpu_rq(cpu);
	unsigned long flags;
	u64 v;

	local_irq_save(flags);
	raw_spin_lock(&rq->lock);
	v = rq->min_vruntime;
	if (before(v, current->sched.vruntime) && current->sched.cpu == cpu && !is_rt(current))
		v = current->sched.vruntime;
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
	return v + WAKE_GRAN;
}

/* => t is a copy of current or of a template; UNINTERRUPTIBLE until sched_start or wake_up_process */
void sched_fork(struct task *t)
{
	struct task *me = current;
	struct sched_state *s = &t->sched;

	t->state = TASK_UNINTERRUPTIBLE;
	t->work = 0;
	*s = (struct sched_state){ .allowed = me->sched.allowed, .policy = me->sched.policy, .rt_prio = me->sched.rt_prio,
				   .nice = me->sched.nice, .cpu = (u16)smp_processor_id() };
	if (me->sched.reset_on_fork || me->flags & PF_KTHREAD) {
		s->policy = SCHED_NORMAL;
		s->rt_prio = 0;
		s->nice = me->flags & PF_KTHREAD ? 0 : max(me->sched.nice, (s8)0);
	}
	if (me->flags & PF_KTHREAD)
		s->allowed = ~0u;
	set_weight(t);
	s->vruntime = fork_vruntime(s->cpu);
}

void sched_start(struct task *t) { wake_up_state(t, TASK_UNINTERRUPTIBLE); }
