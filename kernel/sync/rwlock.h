/* SPDX-License-Identifier: MIT
 *
 * Spinning reader-writer locks. A waiting writer holds new readers off, except readers in interrupt handlers; so a
 * task must not take a read lock twice. Zeroed is unlocked.
 */
#ifndef KERNEL_SYNC_RWLOCK_H
#define KERNEL_SYNC_RWLOCK_H

#include "kernel/sync/spinlock.h"

typedef struct {
	atomic_t v; /* readers, RW_WRITER, RW_WAITING */
#ifdef CONFIG_DEBUG
	u32 class;
#endif
} rwlock_t;
#define RW_WRITER 0x40000000
#define RW_WAITING 0x20000000
#define RWLOCK_INIT { .v = ATOMIC_INIT(0) }
#define DEFINE_RWLOCK(name) rwlock_t name = RWLOCK_INIT

void read_lock_slow(rwlock_t *l);
void write_lock_slow(rwlock_t *l);

static inline bool raw_read_trylock(rwlock_t *l)
{
	int v = atomic_read(&l->v);

	return !(v & (RW_WRITER | RW_WAITING)) && atomic_try_cmpxchg(&l->v, &v, v + 1);
}
static inline void raw_read_lock(rwlock_t *l)
{
	if (unlikely(atomic_fetch_add(1, &l->v) & (RW_WRITER | RW_WAITING)))
		read_lock_slow(l);
}
static inline void raw_read_unlock(rwlock_t *l) { atomic_dec(&l->v); }
static inline bool raw_write_trylock(rwlock_t *l) { return atomic_cmpxchg(&l->v, 0, RW_WRITER) == 0; }
static inline void raw_write_lock(rwlock_t *l)
{
	if (unlikely(!raw_write_trylock(l)))
		write_lock_slow(l);
}
static inline void raw_write_unlock(rwlock_t *l) { atomic_sub(RW_WRITER, &l->v); }

#ifdef CONFIG_DEBUG
void rwlock_debug(rwlock_t *l, const char *text, u32 flags); /* about to take it */
void rwlock_release_debug(rwlock_t *l, const char *text);
#define rwlock_init(l, name) do { atomic_set(&(l)->v, 0); (l)->class = lockdep_class(name); } while (0)
#else
#define rwlock_debug(l, text, flags) do { } while (0)
#define rwlock_release_debug(l, text) do { } while (0)
#define rwlock_init(l, name) do { atomic_set(&(l)->v, 0); } while (0)
#endif
#define RW_TEXT(l) __FILE__ ": " #l

#define read_lock(l) do { preempt_disable(); rwlock_debug(l, RW_TEXT(l), LOCKDEP_READ); raw_read_lock(l); } while (0)
#define read_unlock(l) do { rwlock_release_debug(l, RW_TEXT(l)); raw_read_unlock(l); preempt_enable(); } while (0)
#define write_lock(l) do { preempt_disable(); rwlock_debug(l, RW_TEXT(l), 0); raw_write_lock(l); } while (0)
#define write_unlock(l) do { rwlock_release_debug(l, RW_TEXT(l)); raw_write_unlock(l); preempt_enable(); } while (0)
#define read_lock_irqsave(l, f) do { local_irq_save(f); read_lock(l); } while (0)
#define read_unlock_irqrestore(l, f) do { rwlock_release_debug(l, RW_TEXT(l)); raw_read_unlock(l); local_irq_restore(f); preempt_enable(); } while (0)
#define write_lock_irqsave(l, f) do { local_irq_save(f); write_lock(l); } while (0)
#define write_unlock_irqrestore(l, f) do { rwlock_release_debug(l, RW_TEXT(l)); raw_write_unlock(l); local_irq_restore(f); preempt_enable(); } while (0)
#define read_lock_irq(l) do { local_irq_disable(); read_lock(l); } while (0)
#define read_unlock_irq(l) do { rwlock_release_debug(l, RW_TEXT(l)); raw_read_unlock(l); local_irq_enable(); preempt_enable(); } while (0)
#define write_lock_irq(l) do { local_irq_disable(); write_lock(l); } while (0)
#define write_unlock_irq(l) do { rwlock_release_debug(l, RW_TEXT(l)); raw_write_unlock(l); local_irq_enable(); preempt_enable(); } while (0)

#endif
