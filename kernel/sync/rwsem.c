/* SPDX-License-Identifier: MIT
 *
 * Reader-writer semaphores, the slow ways. Whoever frees the lock while somebody waits comes here: readers in front get
 * the lock at once, all up to the next writer; a writer in front is woken and takes it itself. Meanwhile somebody awake
 * may be quicker (a lock that always waits for a sleeper to wake up is a slow lock); for a writer in front that was woken
 * in vain, or that somebody who releases the lock finds to have waited for 4 ms, HANDOVER is set, and then nobody passes
 * it any more. (The writer does not look by itself: thousands that wait would do nothing else.) The line is in order,
 * except that a user with few tasks goes before one with very many (sleeper.h).
 *
 * Locks: s->lock over the ring and the two bits; below it the run-queue lock.
 */
#include "kernel/lib/trace.h"
#include "kernel/sync/sleeper.h"
#include "kernel/sync/rwsem.h"
#include "kernel/time/clock.h"

#define BITS (RWSEM_WAITERS | RWSEM_HANDOVER)
#define PATIENCE (4 * NSEC_PER_MSEC) /* of a writer that nobody wakes because readers overlap */

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

/* Takes the lock past or for a waiter. clear: bits that go with it. => false: not free for that */
static bool take(struct rwsem *s, bool write, int blocked, int clear)
{
	int v = atomic_read(&s->count);

	blocked |= write ? ~BITS : RWSEM_WRITER;
	do {
		if (v & blocked)
			return false;
	} while (!atomic_try_cmpxchg(&s->count, &v, (v & ~clear) + (write ? RWSEM_WRITER : RWSEM_READER)));
	return true;
}

/* For the waiter in front: the bits go when it was the last one; its wish is fulfilled. */
static bool take_first(struct rwsem *s, const struct sleeper *w)
{
	return take(s, w->write, 0, w == s->last ? BITS : RWSEM_HANDOVER);
}

/* To those in front, if it is free for them. s->lock held. */
static void serve(struct rwsem *s)
{
	struct sleeper *w;

	while ((w = sleeper_first(s->last))) {
		struct task *t = w->task;

		if (w->write) {
			if (!(atomic_read(&s->count) & ~BITS))
				wake_up_state(t, WAKE_NORMAL);
			else if (!(atomic_read(&s->count) & RWSEM_HANDOVER) && ktime_get() - w->since > PATIENCE)
				atomic_or(RWSEM_HANDOVER, &s->count);
			return;
		}
		if (!take_first(s, w))
			return;
		sleeper_remove(&s->last, w);
		smp_store_release(&w->granted, true); /* from here on, w may be gone; t stays: preemption is off */
		wake_up_state(t, WAKE_NORMAL);
	}
}

void rwsem_wake(struct rwsem *s)
{
	lock_waiters(s);
	serve(s);
	unlock_waiters(s);
}

/* Worth waiting awake? A writer that runs will soon be done; nobody knows who the readers are. */
static bool worth_spinning(const struct rwsem *s, int v, bool write, unsigned n)
{
	const struct task *owner = s->owner;

	if (v & RWSEM_HANDOVER || need_resched())
		return false;
	if (v & RWSEM_WRITER)
		return !owner || owner_runs(owner);
	return write && n < 100;
}

/* => true: we have it */
static bool spin(struct rwsem *s, bool write)
{
	bool got = false;

	preempt_disable();
	for (unsigned n = 0; n < SPIN_LIMIT; n++) {
		got = take(s, write, RWSEM_HANDOVER, 0);
		if (got || !worth_spinning(s, atomic_read(&s->count), write, n))
			break;
		cpu_relax();
	}
	preempt_enable();
	if (got && write)
		s->owner = current;
	return got;
}

static void leave_queue(struct rwsem *s, struct sleeper *me)
{
	sleeper_remove(&s->last, me);
	if (!s->last)
		atomic_and(~BITS, &s->count);
	else {
		atomic_and(~RWSEM_HANDOVER, &s->count);
		serve(s); /* readers may have waited behind us only */
	}
}

/* One look at the lock, s->lock held. => 1 it is ours, -EINTR, 0 sleep on */
static int look(struct rwsem *s, struct sleeper *me, unsigned state, bool woken)
{
	bool first = sleeper_first(s->last) == me;

	if (me->granted)
		return 1;
	if (first && take_first(s, me)) {
		sleeper_remove(&s->last, me);
		if (me->write)
			s->owner = current;
		else
			serve(s); /* the readers behind us as well */
		return 1;
	}
	if (state != TASK_UNINTERRUPTIBLE && signal_pending_state(state)) {
		leave_queue(s, me);
		return -EINTR;
	}
	if (first && woken)
		atomic_or(RWSEM_HANDOVER, &s->count);
	return 0;
}

static int wait_for(struct rwsem *s, bool write, unsigned state)
{
	struct sleeper me;
	bool woken = false;
	int r;

	might_sleep();
	if (spin(s, write))
		return 0;
	sleeper_init(&me, write);
	me.since = write ? ktime_get() : 0;
	me.crowd = sched_ops ? sched_ops->user_tasks() : 0;
	lock_waiters(s);
	sleeper_push_fair(&s->last, &me);
	atomic_or(RWSEM_WAITERS, &s->count);
	for (;;) {
		set_current_state(state);
		r = look(s, &me, state, woken);
		if (r)
			break;
		unlock_waiters(s);
		schedule();
		woken = true;
		if (smp_load_acquire(&me.granted)) { /* readers need not look twice */
			__set_current_state(TASK_RUNNING);
			return 0;
		}
		lock_waiters(s);
	}
	__set_current_state(TASK_RUNNING);
	unlock_waiters(s);
	return min(r, 0);
}

static int traced_wait(struct rwsem *s, bool write, unsigned state)
{
	u64 since = trace_on ? ktime_get() : 0;
	int err = wait_for(s, write, state);

	trace(lock_wait, s, write, since ? div_u64(ktime_get() - since, NSEC_PER_USEC) : 0, 0);
	return err;
}

int rwsem_read_slow(struct rwsem *s, unsigned state) { return traced_wait(s, false, state); }
int rwsem_write_slow(struct rwsem *s, unsigned state) { return traced_wait(s, true, state); }

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

bool rwsem_pass_debug(struct rwsem *s, const char *text)
{
	bool got = take(s, false, 0, 0);

	if (got)
		lockdep_acquire(&s->class, s, text, LOCKDEP_SLEEPS | LOCKDEP_TRY | LOCKDEP_READ, 0);
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
