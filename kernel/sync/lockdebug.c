/* SPDX-License-Identifier: MIT
 *
 * Debug builds: spinning locks that tell the validator. It is told before the lock is waited for, so that a dead-lock is
 * reported rather than met.
 */
#ifdef CONFIG_DEBUG
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/rwlock.h"
#include "kernel/time/clock.h"

#define STUCK (20ULL * NSEC_PER_SEC)
#define LOOK  (100 * NSEC_PER_MSEC)

/* Spins with an eye on the clock: a lock that does not come free for that long never will. Looks come every few milliseconds; what
 * passes beyond that between two, the whole machine may have stood still. */
static void spin_watched(spinlock_t *l, const char *text)
{
	u64 last = ktime_get(), spun = 0;

	for (u32 n = 0; !raw_spin_trylock(l); n++) {
		u64 now;

		while (spin_is_locked(l) && (n++ & 0xffff))
			cpu_relax();
		now = ktime_get();
		spun += min(now - last, (u64)LOOK);
		last = now;
		if (spun > STUCK)
			panic("spinlock %s: stuck for 20 seconds", text);
	}
}

void spin_lock_debug(spinlock_t *l, const char *text, unsigned subclass)
{
	preempt_disable();
	lockdep_acquire((u32 *)&l->v, l, text, 0, subclass);
	if (!raw_spin_trylock(l))
		spin_watched(l, text);
}

bool spin_trylock_debug(spinlock_t *l, const char *text)
{
	preempt_disable();
	if (raw_spin_trylock(l)) {
		lockdep_acquire((u32 *)&l->v, l, text, LOCKDEP_TRY, 0);
		return true;
	}
	preempt_enable();
	return false;
}

void spin_unlock_debug(spinlock_t *l, const char *text)
{
	if (!spin_is_locked(l))
		panic("spinlock %s: unlocked, but it is not locked", text);
	lockdep_release(l, text);
	raw_spin_unlock(l);
	preempt_enable();
}

void rwlock_debug(rwlock_t *l, const char *text, u32 flags) { lockdep_acquire(&l->class, l, text, flags, 0); }
void rwlock_release_debug(rwlock_t *l, const char *text) { lockdep_release(l, text); }
#endif
