/* SPDX-License-Identifier: MIT
 *
 * Reader-writer semaphores, the slow ways. Whoever frees the lock while somebody waits hands it over: to the first
 * waiter if that writes, or to all readers up to the next writer. While WAITERS is set, nobody takes it past the queue;
 * so writers and readers alternate and nobody starves.
 *
 * Locks: s->lock over the ring and the WAITERS bit; below it the run-queue lock.
 */
#include "kernel/sync/sleeper.h"
#include "kernel/sync/rwsem.h"

static void lock_waiters(struct rwsem *s)
{
	preempt_disable();
	raw_spin_lock(&s->lock);
}
static void unlock_waiters(struct rwsem *s)
{
	raw_spin_unlock(&s->lock);
	preempt_enable();
}

/* Changes the count for one waiter. last: the queue is empty afterwards. => false: it has to wait on */
static bool count_in(struct rwsem *s, bool write, bool last)
{
	int v = atomic_read(&s->count), blocked = write ? ~RWSEM_WAITERS : RWSEM_WRITER;

	do {
		if (v & blocked)
			return false;
	} while (!atomic_try_cmpxchg(&s->count, &v, v + (write ? RWSEM_WRITER : RWSEM_READER) - (last ? RWSEM_WAITERS : 0)));
	return true;
}

/* Gives the lock to those in front. The ring is not empty, and WAITERS is set. */
static void hand_over(struct rwsem *s)
{
	struct sleeper *w;

	while ((w = sleeper_first(s->last)) && count_in(s, w->write, w == s->last)) {
		struct task *t = w->task;
		bool write = w->write;

		sleeper_remove(&s->last, w);
		if (write)
			s->owner = t;
		smp_store_release(&w->granted, true); /* from here on, w may be gone; t stays: preemption is off */
		wake_up_state(t, WAKE_NORMAL);
		if (write)
			return;
	}
}

void rwsem_wake(struct rwsem *s)
{
	lock_waiters(s);
	if (s->last)
		hand_over(s);
	unlock_waiters(s);
}

/* A writer holds it and runs: wait for it awake, unless others are queued. => true: we have it */
static bool spin(struct rwsem *s, bool write)
{
	bool got = false;

	preempt_disable();
	for (unsigned n = 0; n < SPIN_LIMIT; n++) {
		int v = atomic_read(&s->count);
		struct task *owner;

		if (v & RWSEM_WAITERS)
			break;
		got = write ? raw_down_write_trylock(s) : raw_down_read_trylock(s);
		if (got)
			break;
		owner = s->owner;
		if (v & RWSEM_WRITER ? owner && !owner_runs(owner) : !write || need_resched())
			break;
		if (!(v & RWSEM_WRITER) && n > 100) /* readers: nobody knows who they are */
			break;
		cpu_relax();
	}
	preempt_enable();
	return got;
}

/* A signal came first. => true: but the lock came as well, so we have it */
static bool give_up(struct rwsem *s, struct sleeper *me)
{
	bool granted;

	lock_waiters(s);
	granted = me->granted;
	if (!granted) {
		sleeper_remove(&s->last, me);
		if (!s->last)
			atomic_and(~RWSEM_WAITERS, &s->count);
		else
			hand_over(s); /* readers may have waited behind us only */
	}
	unlock_waiters(s);
	return granted;
}

static int wait_for(struct rwsem *s, bool write, unsigned state)
{
	struct sleeper me;
	int err = 0;

	might_sleep();
	if (spin(s, write))
		return 0;
	sleeper_init(&me, write);
	lock_waiters(s);
	sleeper_push(&s->last, &me);
	atomic_or(RWSEM_WAITERS, &s->count);
	hand_over(s); /* it may have come free before WAITERS was set */
	unlock_waiters(s);
	for (;;) {
		set_current_state(state);
		if (me.granted)
			break;
		if (state != TASK_UNINTERRUPTIBLE && signal_pending_state(state)) {
			err = give_up(s, &me) ? 0 : -EINTR;
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return err;
}

int rwsem_read_slow(struct rwsem *s, unsigned state) { return wait_for(s, false, state); }
int rwsem_write_slow(struct rwsem *s, unsigned state) { return wait_for(s, true, state); }

#ifdef CONFIG_DEBUG
int rwsem_lock_debug(struct rwsem *s, const char *text, bool write, unsigned state, unsigned sub)
{
	int err;

	might_sleep();
	lockdep_acquire(&s->class, s, text, LOCKDEP_SLEEPS | (write ? 0 : LOCKDEP_READ), sub);
	err = write ? raw_down_write(s, state) : raw_down_read(s, state);
	if (err)
		lockdep_release(s, text);
	return err;
}

bool rwsem_trylock_debug(struct rwsem *s, const char *text, bool write)
{
	bool got = write ? raw_down_write_trylock(s) : raw_down_read_trylock(s);

	if (got)
		lockdep_acquire(&s->class, s, text, LOCKDEP_SLEEPS | LOCKDEP_TRY | (write ? 0 : LOCKDEP_READ), 0);
	return got;
}

void rwsem_unlock_debug(struct rwsem *s, const char *text, bool write)
{
	int v = atomic_read(&s->count);

	if (write ? !(v & RWSEM_WRITER) : v < RWSEM_READER)
		panic("rwsem %s is released, but nobody holds it", text);
	lockdep_release(s, text);
	if (write)
		raw_up_write(s);
	else
		raw_up_read(s);
}
#endif
