/* SPDX-License-Identifier: MIT
 *
 * Moving tasks between CPUs: an idle CPU takes what others cannot run; a busy one compares itself with the busiest now
 * and then, and wakes an idle CPU when it has more than it can run.
 *
 * A queue of another CPU is only tried (two run queues lock in the order of CPU numbers): a missed chance comes again.
 */
#include "kernel/sched/internal.h"

#define BALANCE_TICKS 5

static struct rq *busiest(const struct rq *rq)
{
	struct rq *best = NULL;
	u32 most = max(rq->nr_running + 1, 1u);

	for_each_online_cpu(cpu) {
		struct rq *other = cpu_rq(cpu);

		if (READ_ONCE(other->nr_running) > most) {
			most = other->nr_running;
			best = other;
		}
	}
	return best;
}

static struct task *movable_rt(struct rq *from, unsigned cpu)
{
	struct task *t;
	unsigned slot;

	if (!from->nr_rt)
		return NULL;
	for_each_set_bit(slot, from->rt_map, NR_RT)
		list_for_each_entry(t, &from->rt[slot], sched.rt_node)
			if (allowed_on(t, cpu))
				return t;
	return NULL;
}

/* The one that would wait longest there. */
static struct task *movable(struct rq *from, unsigned cpu)
{
	struct task *rt = movable_rt(from, cpu);
	unsigned looked = 0;

	if (rt)
		return rt;
	for (struct rb_node *n = rb_last(&from->fair.root); n && looked < 8; n = rb_prev(n), looked++) {
		struct task *t = rb_entry(n, struct task, sched.node);

		if (allowed_on(t, cpu))
			return t;
	}
	return NULL;
}

/* Both locks held. => t is runnable on no queue, its vruntime relative */
static struct task *take_one(struct rq *from, struct rq *to)
{
	struct task *t = movable(from, to->cpu);

	if (!t)
		return NULL;
	dequeue(from, t);
	deactivate(from, t);
	t->sched.cpu = (u16)to->cpu;
	return t;
}

struct task *pull_for_idle(struct rq *rq)
{
	struct rq *from = busiest(rq);
	struct task *t;

	if (!from || !raw_spin_trylock(&from->lock))
		return NULL;
	t = take_one(from, rq);
	raw_spin_unlock(&from->lock);
	if (!t)
		return NULL;
	t->sched.vruntime += rq->min_vruntime;
	t->sched.on_rq = true;
	rq->nr_running++;
	return t;
}

static void pull_one(struct rq *rq)
{
	struct rq *from = busiest(rq);
	struct task *t;

	if (!from || from->nr_running < rq->nr_running + 2)
		return;
	raw_spin_lock(&rq->lock);
	if (raw_spin_trylock(&from->lock)) {
		t = take_one(from, rq);
		raw_spin_unlock(&from->lock);
		if (t) {
			activate(rq, t, false);
			check_preempt(rq, t);
		}
	}
	raw_spin_unlock(&rq->lock);
}

void balance_tick(struct rq *rq)
{
	unsigned long idle = sched_idle_cpus & cpu_online_mask;

	if (idle && rq->nr_running > 1) {
		unsigned cpu = __ffs(idle);

		clear_bit(cpu, &sched_idle_cpus);
		sched_kick(cpu); /* it looks for work before it idles again */
	} else if (++rq->ticks % BALANCE_TICKS == 0)
		pull_one(rq);
}
