/* SPDX-License-Identifier: MIT
 *
 * Spinlocks: test-and-test-and-set with pause. One word: byte 0 the lock, the other three the class in debug builds.
 * A zeroed word is an unlocked lock. Holding one stops preemption; the holder does not sleep.
 */
#ifndef KERNEL_SYNC_SPINLOCK_H
#define KERNEL_SYNC_SPINLOCK_H

#include "kernel/sync/atomic.h"
#include "kernel/sync/lockdep.h"
#include "kernel/sync/preempt.h"

typedef struct { volatile u32 v; } spinlock_t;
static_assert(sizeof(spinlock_t) == 4, "lies in struct page");
#define SPINLOCK_INIT { 0 }
#define DEFINE_SPINLOCK(name) spinlock_t name = SPINLOCK_INIT

void spin_lock_slow(spinlock_t *l); /* spins; keeps to reading while somebody else holds it */

/* The bare lock: neither preemption nor the validator. For the scheduler, printk and lockdep themselves. */
static inline bool raw_spin_trylock(spinlock_t *l)
{
	u8 was = 1;

	__asm__ volatile("xchgb %0, %1" : "+q"(was), "+m"(*(volatile u8 *)l) : : "memory");
	return !was;
}
static inline void raw_spin_lock(spinlock_t *l)
{
	if (unlikely(!raw_spin_trylock(l)))
		spin_lock_slow(l);
}
static inline void raw_spin_unlock(spinlock_t *l)
{
	barrier();
	*(volatile u8 *)l = 0;
}
static inline bool spin_is_locked(const spinlock_t *l) { return *(const volatile u8 *)l; }

#ifdef CONFIG_DEBUG
void spin_lock_debug(spinlock_t *l, const char *text, unsigned subclass);
bool spin_trylock_debug(spinlock_t *l, const char *text);
void spin_unlock_debug(spinlock_t *l, const char *text);
#define SPIN_TEXT(l) __FILE__ ": " #l
#define spin_lock_init(l, class) do { (l)->v = lockdep_class(class) << 8; } while (0)
#define spin_lock(l) spin_lock_debug(l, SPIN_TEXT(l), 0)
#define spin_lock_nested(l, sub) spin_lock_debug(l, SPIN_TEXT(l), sub) /* second of a class, in a fixed order */
#define spin_trylock(l) spin_trylock_debug(l, SPIN_TEXT(l))
#define spin_unlock(l) spin_unlock_debug(l, SPIN_TEXT(l))
#define assert_spin_locked(l) ASSERT(spin_is_locked(l) && lockdep_holds(l))
#else
#define spin_lock_init(l, class) do { (l)->v = 0; } while (0)
static inline void spin_lock(spinlock_t *l)
{
	preempt_disable();
	raw_spin_lock(l);
}
#define spin_lock_nested(l, sub) spin_lock(l)
static inline bool spin_trylock(spinlock_t *l)
{
	preempt_disable();
	if (likely(raw_spin_trylock(l)))
		return true;
	preempt_enable();
	return false;
}
static inline void spin_unlock(spinlock_t *l)
{
	raw_spin_unlock(l);
	preempt_enable();
}
#define assert_spin_locked(l) do { } while (0)
#endif

#define spin_lock_irq(l) do { local_irq_disable(); spin_lock(l); } while (0)
#define spin_unlock_irq(l) do { spin_unlock_noresched(l); local_irq_enable(); preempt_enable(); } while (0)
#define spin_lock_irqsave(l, flags) do { local_irq_save(flags); spin_lock(l); } while (0)
#define spin_lock_irqsave_nested(l, flags, sub) do { local_irq_save(flags); spin_lock_nested(l, sub); } while (0)
#define spin_unlock_irqrestore(l, flags) do { spin_unlock_noresched(l); local_irq_restore(flags); preempt_enable(); } while (0)
#define spin_trylock_irqsave(l, flags) ({ local_irq_save(flags); bool _t = spin_trylock(l); \
	if (!_t) { local_irq_restore(flags); } _t; })
#define spin_trylock_irq(l) ({ local_irq_disable(); bool _t = spin_trylock(l); if (!_t) { local_irq_enable(); } _t; })
/* Unlock, preemption still off. */
#ifdef CONFIG_DEBUG
#define spin_unlock_noresched(l) do { preempt_disable(); spin_unlock_debug(l, SPIN_TEXT(l)); } while (0)
#else
#define spin_unlock_noresched(l) raw_spin_unlock(l)
#endif

#endif
