/* SPDX-License-Identifier: MIT
 *
 * Mutexes, the slow ways. The word `owner` holds the owner and two flags: WAITERS sends the unlocker here; HANDOVER makes
 * it give the lock to the first waiter rather than to whoever comes first. A waiter that was woken in vain sets it.
 *
 * Locks: m->lock over the ring and the flags; below it the run-queue lock (wake-ups).
 */
#include "kernel/lib/trace.h"
#include "kernel/sync/sleeper.h"
#include "kernel/time/clock.h"

#define FLAGS (MUTEX_WAITERS | MUTEX_HANDOVER)
static inline struct task *owner_of(unsigned long v) { return (struct task *)(v & ~FLAGS); }

/* Takes a lock that nobody holds; flags stay. => true, or already ours by hand-over */
static bool try_take(struct mutex *m, bool first)
{
	unsigned long v = m->owner, me = (unsigned long)current;

	for (;;) {
		if (owner_of(v))
			return owner_of(v) == current;
		if (v & MUTEX_HANDOVER && !first)
			return false;
		if (try_cmpxchg(&m->owner, &v, (v & MUTEX_WAITERS) | me))
			return true;
	}
}

/* Spins while the owner runs on another CPU. => true: we have it */
static bool spin(struct mutex *m)
{
	bool got = false;

	preempt_disable();
	for (unsigned n = 0; n < SPIN_LIMIT; n++) {
		struct task *owner = owner_of(m->owner);

		if (owner) {
			if (owner == current || !owner_runs(owner))
				break;
		} else if ((got = try_take(m, false)) || m->owner & MUTEX_HANDOVER)
			break;
		cpu_relax();
	}
	preempt_enable();
	return got;
}

static void lock_waiters(struct mutex *m)
{
	preempt_disable();
	raw_spin_lock(&m->lock);
}
static void unlock_waiters(struct mutex *m)
{
	raw_spin_unlock(&m->lock);
	preempt_enable();
}

static int wait_for(struct mutex *m, unsigned state)
{
	struct sleeper me;
	int err = 0;
	bool woken = false;

	might_sleep();
	if (spin(m))
		return 0;
	sleeper_init(&me, true);
	lock_waiters(m);
	sleeper_push(&m->last, &me);
	atomic_or_long(MUTEX_WAITERS, &m->owner);
	for (;;) {
		bool first = sleeper_first(m->last) == &me;

		if (try_take(m, first))
			break;
		if (state != TASK_UNINTERRUPTIBLE && signal_pending_state(state)) {
			err = -EINTR;
			break;
		}
		if (first && woken)
			atomic_or_long(MUTEX_HANDOVER, &m->owner);
		set_current_state(state);
		if (!owner_of(m->owner)) { /* released between: the unlocker saw the old flags */
			__set_current_state(TASK_RUNNING);
			continue;
		}
		unlock_waiters(m);
		schedule();
		woken = true;
		lock_waiters(m);
	}
	__set_current_state(TASK_RUNNING);
	sleeper_remove(&m->last, &me);
	if (!m->last)
		atomic_and_long(~FLAGS, &m->owner);
	else if (err) { /* the wake-up meant for us goes on */
		atomic_and_long(~MUTEX_HANDOVER, &m->owner);
		wake_up_state(sleeper_first(m->last)->task, WAKE_NORMAL);
	}
	unlock_waiters(m);
	return err;
}

int mutex_lock_wait(struct mutex *m, unsigned state)
{
	u64 since = trace_on ? ktime_get() : 0;
	int err = wait_for(m, state);

	trace(lock_wait, m, true, since ? div_u64(ktime_get() - since, NSEC_PER_USEC) : 0, 0);
	return err;
}

void mutex_lock_slow(struct mutex *m) { mutex_lock_wait(m, TASK_UNINTERRUPTIBLE); }

void mutex_unlock_slow(struct mutex *m)
{
	struct sleeper *first;
	unsigned long v;

	ASSERT(owner_of(m->owner) == current);
	lock_waiters(m);
	first = sleeper_first(m->last);
	do {
		v = m->owner;
	} while (cmpxchg(&m->owner, v, !first ? 0UL : v & MUTEX_HANDOVER ? (unsigned long)first->task | MUTEX_WAITERS : MUTEX_WAITERS) != v);
	if (first)
		wake_up_state(first->task, WAKE_NORMAL);
	unlock_waiters(m);
}

#ifndef CONFIG_DEBUG
bool mutex_trylock(struct mutex *m) { return mutex_trylock_fast(m) || (!mutex_is_locked(m) && try_take(m, false)); }
#else
void mutex_lock_debug(struct mutex *m, const char *text, unsigned sub)
{
	might_sleep();
	lockdep_acquire(&m->class, m, text, LOCKDEP_SLEEPS, sub);
	if (!mutex_trylock_fast(m))
		mutex_lock_slow(m);
}

int mutex_lock_state_debug(struct mutex *m, const char *text, unsigned state)
{
	int err = 0;

	might_sleep();
	lockdep_acquire(&m->class, m, text, LOCKDEP_SLEEPS, 0);
	if (!mutex_trylock_fast(m))
		err = mutex_lock_wait(m, state);
	if (err)
		lockdep_release(m, text);
	return err;
}

bool mutex_trylock_debug(struct mutex *m, const char *text)
{
	bool got = mutex_trylock_fast(m) || (!mutex_is_locked(m) && try_take(m, false));

	if (got)
		lockdep_acquire(&m->class, m, text, LOCKDEP_SLEEPS | LOCKDEP_TRY, 0);
	return got;
}

void mutex_unlock_debug(struct mutex *m, const char *text)
{
	unsigned long me = (unsigned long)current;

	if (mutex_owner(m) != current)
		panic("mutex %s is unlocked by a task that does not hold it", text);
	lockdep_release(m, text);
	if (cmpxchg(&m->owner, me, 0UL) != me)
		mutex_unlock_slow(m);
}
#endif
