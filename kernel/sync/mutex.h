/* SPDX-License-Identifier: MIT
 *
 * Sleeping locks with one owner. A zeroed mutex is unlocked. Fast paths are one compare-and-exchange; a waiter spins
 * while the owner runs on another CPU, and sleeps otherwise. A waiter that was woken and lost the lock once more asks
 * for hand-over, so nobody starves.
 */
#ifndef KERNEL_SYNC_MUTEX_H
#define KERNEL_SYNC_MUTEX_H

#include "kernel/sync/spinlock.h"

struct task;
struct sleeper; /* a waiting task: kernel/sync/sleeper.h */
DECLARE_PER_CPU(struct task *, current_task);

struct mutex {
	volatile unsigned long owner; /* struct task * | MUTEX_WAITERS | MUTEX_HANDOVER */
	spinlock_t lock;              /* over the waiters */
	struct sleeper *last;         /* ring of waiters: last one in; its next is the first */
#ifdef CONFIG_DEBUG
	u32 class;
#endif
};
#define MUTEX_WAITERS 1UL
#define MUTEX_HANDOVER 2UL
#define MUTEX_INIT { .owner = 0 }
#define DEFINE_MUTEX(name) struct mutex name = MUTEX_INIT

void mutex_lock_slow(struct mutex *m);
int mutex_lock_wait(struct mutex *m, unsigned state); /* 0 or -EINTR */
void mutex_unlock_slow(struct mutex *m);
static inline bool mutex_is_locked(const struct mutex *m) { return m->owner & ~3UL; }
static inline struct task *mutex_owner(const struct mutex *m) { return (struct task *)(m->owner & ~3UL); }

static inline bool mutex_trylock_fast(struct mutex *m)
{
	return cmpxchg(&m->owner, 0UL, (unsigned long)this_cpu_read_stable(current_task)) == 0;
}
#ifdef CONFIG_DEBUG
void mutex_lock_debug(struct mutex *m, const char *text, unsigned sub);
int mutex_lock_state_debug(struct mutex *m, const char *text, unsigned state);
bool mutex_trylock_debug(struct mutex *m, const char *text);
void mutex_unlock_debug(struct mutex *m, const char *text);
#define mutex_init(m, name) do { *(m) = (struct mutex){ .class = lockdep_class(name) }; } while (0)
#define MUTEX_TEXT(m) __FILE__ ": " #m
#define mutex_lock(m) mutex_lock_debug(m, MUTEX_TEXT(m), 0)
#define mutex_lock_nested(m, sub) mutex_lock_debug(m, MUTEX_TEXT(m), sub)
#define mutex_lock_interruptible(m) mutex_lock_state_debug(m, MUTEX_TEXT(m), 1)
#define mutex_lock_killable(m) mutex_lock_state_debug(m, MUTEX_TEXT(m), 4)
#define mutex_trylock(m) mutex_trylock_debug(m, MUTEX_TEXT(m))
#define mutex_unlock(m) mutex_unlock_debug(m, MUTEX_TEXT(m))
#else
#define mutex_init(m, name) do { *(m) = (struct mutex){ 0 }; } while (0)
static inline void mutex_lock(struct mutex *m)
{
	if (unlikely(!mutex_trylock_fast(m)))
		mutex_lock_slow(m);
}
#define mutex_lock_nested(m, sub) mutex_lock(m)
static inline int __must_check mutex_lock_interruptible(struct mutex *m) { return likely(mutex_trylock_fast(m)) ? 0 : mutex_lock_wait(m, 1); }
static inline int __must_check mutex_lock_killable(struct mutex *m) { return likely(mutex_trylock_fast(m)) ? 0 : mutex_lock_wait(m, 4); }
bool mutex_trylock(struct mutex *m);
static inline void mutex_unlock(struct mutex *m)
{
	unsigned long me = (unsigned long)this_cpu_read_stable(current_task);

	if (unlikely(cmpxchg(&m->owner, me, 0UL) != me))
		mutex_unlock_slow(m);
}
#endif

#endif
