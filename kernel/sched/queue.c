/* SPDX-License-Identifier: MIT
 *
 * Who waits for the CPU, and who is next in line. Fair tasks stand in a tree by virtual runtime: the time they ran,
 * stretched by 1024 / weight; the leftmost one runs next. FIFO and RR tasks stand in lists, before all others.
 *
 * min_vruntime is the queue's clock: a newcomer's vruntime is kept relative to it while it moves between CPUs.
 * All under rq->lock.
 */
#include "kernel/sched/internal.h"

/* 1024 / 1.25^nice */
static const u32 nice_weight[40] = {
	88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626, 14901, 11921,
	9537, 7629, 6104, 4883, 3906, 3125, 2500, 2000, 1600, 1280,
	1024, 819, 655, 524, 419, 336, 268, 215, 172, 137,
	110, 88, 70, 56, 45, 36, 29, 23, 18, 15,
};

void set_weight(struct task *t)
{
	t->sched.weight = t->sched.policy == SCHED_IDLE ? 3 : nice_weight[t->sched.nice + 20];
	t->sched.inv_weight = (u32)div_u64(1ULL << 32, t->sched.weight);
}

/* ns that t ran, as its vruntime counts them */
static inline u64 stretch(const struct task *t, u64 delta)
{
	if (likely(t->sched.weight == 1024))
		return delta;
	return mul_u64_u32_shr(delta, t->sched.inv_weight, 22);
}

static inline void advance_min(struct rq *rq, const struct task *curr)
{
	u64 v = curr->sched.vruntime;
	const struct task *first = fair_first(rq);

	if (first && before(first->sched.vruntime, v))
		v = first->sched.vruntime;
	if (before(rq->min_vruntime, v))
		rq->min_vruntime = v;
}

void update_curr(struct rq *rq, u64 now)
{
	struct task *t = rq->curr;
	u64 delta = now - t->sched.exec_start;

	if ((s64)delta <= 0)
		return;
	t->sched.exec_start = now;
	t->sched.sum_exec += delta;
	if (is_rt(t) || t == rq->idle)
		return;
	t->sched.vruntime += stretch(t, delta);
	advance_min(rq, t);
}

static void enqueue_fair(struct rq *rq, struct task *t)
{
	struct rb_node **link = &rq->fair.root.node, *parent = NULL;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (before(t->sched.vruntime, rb_entry(parent, struct task, sched.node)->sched.vruntime))
			link = &parent->left;
		else {
			link = &parent->right;
			leftmost = false;
		}
	}
	rb_link_node(&t->sched.node, parent, link);
	rb_insert_color_cached(&t->sched.node, &rq->fair, leftmost);
}

static void enqueue_rt(struct rq *rq, struct task *t)
{
	unsigned slot = NR_RT - 1 - t->sched.rt_prio;
	bool slice_left = t == rq->curr && (t->sched.policy == SCHED_FIFO || t->sched.sum_exec - t->sched.slice_start < RR_SLICE);

	if (slice_left) /* preempted: stays first of its priority */
		list_add(&t->sched.rt_node, &rq->rt[slot]);
	else
		list_add_tail(&t->sched.rt_node, &rq->rt[slot]);
	__set_bit(slot, rq->rt_map);
	rq->nr_rt++;
}

void enqueue(struct rq *rq, struct task *t)
{
	if (unlikely(is_rt(t)))
		enqueue_rt(rq, t);
	else
		enqueue_fair(rq, t);
}

void dequeue(struct rq *rq, struct task *t)
{
	unsigned slot = NR_RT - 1 - t->sched.rt_prio;

	if (likely(!is_rt(t))) {
		rb_erase_cached(&t->sched.node, &rq->fair);
		return;
	}
	list_del(&t->sched.rt_node);
	if (list_empty(&rq->rt[slot]))
		__clear_bit(slot, rq->rt_map);
	rq->nr_rt--;
}

/* Between queues, a task's vruntime is relative to min_vruntime. */
void activate(struct rq *rq, struct task *t, bool sleeper)
{
	s64 lag = (s64)t->sched.vruntime;

	if (sleeper && lag < -(s64)SLEEP_CREDIT)
		lag = t->sched.policy == SCHED_NORMAL ? -(s64)SLEEP_CREDIT : 0;
	t->sched.vruntime = rq->min_vruntime + (u64)lag;
	t->sched.on_rq = true;
	rq->nr_running++;
	enqueue(rq, t);
}

/* To move: not in the tree any more, or it was running. */
void deactivate(struct rq *rq, struct task *t)
{
	t->sched.on_rq = false;
	t->sched.vruntime -= rq->min_vruntime;
	rq->nr_running--;
}

/* => interrupts are off; t cannot change its run queue until the lock is released */
struct rq *lock_task_rq(struct task *t)
{
	for (;;) {
		unsigned cpu = READ_ONCE(t->sched.cpu);
		struct rq *rq = cpu_rq(cpu);

		raw_spin_lock(&rq->lock);
		if (likely(t->sched.cpu == cpu))
			return rq;
		raw_spin_unlock(&rq->lock);
	}
}
