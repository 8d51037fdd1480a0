/* SPDX-License-Identifier: MIT
 *
 * Wait queues and completions. Exclusive entries stand at the tail, so that a wake-up first reaches all the others.
 */
#include "kernel/sched/sched.h"
#include "kernel/sync/wait.h"

bool wake_task_entry(struct wait_entry *e, unsigned states, u32 key)
{
	return wake_up_state(e->task, states);
}

bool wake_task_autoremove(struct wait_entry *e, unsigned states, u32 key)
{
	bool woken = wake_up_state(e->task, states);

	if (woken)
		list_del_init(&e->list);
	return woken;
}

static void add_entry(struct wait_queue *q, struct wait_entry *e, bool exclusive)
{
	unsigned long flags;

	e->flags = exclusive ? WAIT_EXCLUSIVE : 0;
	spin_lock_irqsave(&q->lock, flags);
	if (exclusive)
		list_add_tail(&e->list, &q->list);
	else
		list_add(&e->list, &q->list);
	spin_unlock_irqrestore(&q->lock, flags);
}

void add_wait_queue(struct wait_queue *q, struct wait_entry *e) { add_entry(q, e, false); }
void add_wait_queue_exclusive(struct wait_queue *q, struct wait_entry *e) { add_entry(q, e, true); }

void remove_wait_queue(struct wait_queue *q, struct wait_entry *e)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	list_del_init(&e->list);
	spin_unlock_irqrestore(&q->lock, flags);
}

static void prepare(struct wait_queue *q, struct wait_entry *e, unsigned state, bool exclusive)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	if (list_empty(&e->list)) {
		e->flags = exclusive ? WAIT_EXCLUSIVE : 0;
		if (exclusive)
			list_add_tail(&e->list, &q->list);
		else
			list_add(&e->list, &q->list);
	}
	set_current_state(state);
	spin_unlock_irqrestore(&q->lock, flags);
}

void prepare_to_wait(struct wait_queue *q, struct wait_entry *e, unsigned state) { prepare(q, e, state, false); }
void prepare_to_wait_exclusive(struct wait_queue *q, struct wait_entry *e, unsigned state) { prepare(q, e, state, true); }

void finish_wait(struct wait_queue *q, struct wait_entry *e)
{
	__set_current_state(TASK_RUNNING);
	/* A waker takes e off with its last touch of it, so an entry that looks unqueued is ours alone: both links. */
	if (READ_ONCE(e->list.next) != &e->list || READ_ONCE(e->list.prev) != &e->list)
		remove_wait_queue(q, e);
}

void wake_up_queue_locked(struct wait_queue *q, unsigned states, unsigned nr, u32 key)
{
	struct wait_entry *e, *next;

	list_for_each_entry_safe(e, next, &q->list, list) {
		bool exclusive = e->flags & WAIT_EXCLUSIVE;

		if (e->fn(e, states, key) && exclusive && nr && !--nr)
			return;
	}
}

void wake_up_queue(struct wait_queue *q, unsigned states, unsigned nr, u32 key)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	wake_up_queue_locked(q, states, nr, key);
	spin_unlock_irqrestore(&q->lock, flags);
}

int wait_should_stop(unsigned state) { return signal_pending_state(state) ? -ERESTARTSYS : 0; }
void wait_schedule(void) { schedule(); }
u64 wait_schedule_timeout(u64 ns) { return schedule_timeout(ns); }

/* --- completions ------------------------------------------------------------------------------------------------------- */

void complete(struct completion *c)
{
	unsigned long flags;

	spin_lock_irqsave(&c->wait.lock, flags);
	c->done++;
	wake_up_queue_locked(&c->wait, WAKE_NORMAL, 1, 0);
	spin_unlock_irqrestore(&c->wait.lock, flags);
}

/* => 0 done, -ERESTARTSYS */
static int wait_common(struct completion *c, unsigned state)
{
	DEFINE_WAIT(w);
	int err = 0;

	might_sleep();
	spin_lock_irq(&c->wait.lock);
	while (!c->done && !err) {
		if (list_empty(&w.list)) {
			w.flags = WAIT_EXCLUSIVE;
			list_add_tail(&w.list, &c->wait.list);
		}
		set_current_state(state);
		spin_unlock_irq(&c->wait.lock);
		if (state != TASK_UNINTERRUPTIBLE && signal_pending_state(state))
			err = -ERESTARTSYS;
		else
			schedule();
		spin_lock_irq(&c->wait.lock);
	}
	__set_current_state(TASK_RUNNING);
	list_del_init(&w.list);
	if (c->done) {
		err = 0;
		c->done--;
	}
	spin_unlock_irq(&c->wait.lock);
	return err;
}

void wait_for_completion(struct completion *c) { wait_common(c, TASK_UNINTERRUPTIBLE); }
int wait_for_completion_killable(struct completion *c) { return wait_common(c, TASK_KILLABLE); }
