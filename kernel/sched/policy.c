/* SPDX-License-Identifier: MIT
 *
 * Changing how a task is scheduled: nice, policy, CPUs. Permissions are checked by the system calls (kernel/sys).
 */
#include "kernel/sched/internal.h"

/* Takes t off its queue for a change. => was it queued? */
static bool take_out(struct rq *rq, struct task *t)
{
	bool queued = t->sched.on_rq && rq->curr != t;

	if (rq->curr == t)
		update_curr(rq, ktime_get());
	if (queued)
		dequeue(rq, t);
	return queued;
}

static void put_back(struct rq *rq, struct task *t, bool queued)
{
	if (queued) {
		enqueue(rq, t);
		check_preempt(rq, t);
	} else if (rq->curr == t)
		resched(rq);
}

void set_task_nice(struct task *t, int nice)
{
	unsigned long flags;
	struct rq *rq;
	bool queued;

	preempt_disable();
	local_irq_save(flags);
	rq = lock_task_rq(t);
	queued = take_out(rq, t);
	t->sched.nice = (s8)clamp(nice, -20, 19);
	set_weight(t);
	put_back(rq, t, queued);
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
	preempt_enable();
}

int set_task_policy(struct task *t, u8 policy, u8 rt_prio)
{
	bool rt = policy == SCHED_FIFO || policy == SCHED_RR, queued, was_rt;
	unsigned long flags;
	struct rq *rq;

	if (!rt && policy != SCHED_NORMAL && policy != SCHED_BATCH && policy != SCHED_IDLE)
		return -EINVAL;
	if (rt ? rt_prio < 1 || rt_prio > 99 : rt_prio != 0)
		return -EINVAL;
	preempt_disable();
	local_irq_save(flags);
	rq = lock_task_rq(t);
	queued = take_out(rq, t);
	was_rt = is_rt(t);
	t->sched.policy = policy;
	t->sched.rt_prio = rt_prio;
	set_weight(t);
	if (was_rt && !rt) /* its vruntime is from long ago */
		t->sched.vruntime = rq->min_vruntime;
	put_back(rq, t, queued);
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
	preempt_enable();
	return 0;
}

u64 task_rr_interval(const struct task *t)
{
	return t->sched.policy == SCHED_FIFO ? 0 : t->sched.policy == SCHED_RR ? RR_SLICE : SLICE;
}

/* A queued task moves at once; a running one when it next goes through schedule(), which is soon. */
int set_task_affinity(struct task *t, u32 mask)
{
	unsigned long flags;
	struct rq *rq;
	bool move;

	if (!(mask & cpu_online_mask))
		return -EINVAL;
	preempt_disable();
	local_irq_save(flags);
	rq = lock_task_rq(t);
	t->sched.allowed = mask;
	move = t->sched.on_rq && rq->curr != t && !allowed_on(t, rq->cpu);
	if (move) {
		dequeue(rq, t);
		deactivate(rq, t);
		t->sched.moving = true;
	} else if (rq->curr == t && !allowed_on(t, rq->cpu))
		resched(rq);
	raw_spin_unlock(&rq->lock);
	if (move)
		place(t);
	local_irq_restore(flags);
	preempt_enable();
	if (t == current && !allowed_on(t, smp_processor_id()))
		schedule();
	return 0;
}
