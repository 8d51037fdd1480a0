/* SPDX-License-Identifier: MIT
 *
 * Sleeping reader-writer locks. A zeroed one is unlocked. Uncontended: one locked instruction to take, one to give
 * back. Waiters queue in order; who comes later spins a little while the owner runs, and may be quicker than those in
 * the queue, until the first of them asks for hand-over. Read locks do not nest in one task.
 *
 *   count   bit 0 writer | bit 1 waiters queued | bit 2 the first one gets it next | bits 3-30 readers
 */
#ifndef KERNEL_SYNC_RWSEM_H
#define KERNEL_SYNC_RWSEM_H

#include "kernel/sync/mutex.h"

struct rwsem {
	atomic_t count;
	struct task *volatile owner; /* the writer, for spinners; a hint */
	spinlock_t lock;             /* over the waiters */
	struct sleeper *last;        /* ring, as in struct mutex */
#ifdef CONFIG_DEBUG
	u32 class;
#endif
};
#define RWSEM_INIT { .count = ATOMIC_INIT(0) }
#define DEFINE_RWSEM(name) struct rwsem name = RWSEM_INIT
#define RWSEM_WRITER 1
#define RWSEM_WAITERS 2
#define RWSEM_HANDOVER 4
#define RWSEM_READER 8

int rwsem_read_slow(struct rwsem *s, unsigned state);  /* our reader is not yet counted. 0 or -EINTR */
int rwsem_write_slow(struct rwsem *s, unsigned state);
void rwsem_wake(struct rwsem *s);                      /* somebody has let go, and somebody waits */
static inline bool rwsem_is_locked(const struct rwsem *s) { return atomic_read(&s->count) & ~(RWSEM_WAITERS | RWSEM_HANDOVER); }
static inline bool rwsem_is_write_locked(const struct rwsem *s) { return atomic_read(&s->count) & RWSEM_WRITER; }
static inline bool rwsem_is_contended(const struct rwsem *s) { return atomic_read(&s->count) & RWSEM_WAITERS; }

static inline bool raw_down_read_trylock(struct rwsem *s)
{
	int v = atomic_read(&s->count);

	do {
		if (v & (RWSEM_WRITER | RWSEM_WAITERS))
			return false;
	} while (!atomic_try_cmpxchg(&s->count, &v, v + RWSEM_READER));
	return true;
}
static inline int raw_down_read(struct rwsem *s, unsigned state)
{
	return likely(raw_down_read_trylock(s)) ? 0 : rwsem_read_slow(s, state);
}
static inline bool raw_down_write_trylock(struct rwsem *s)
{
	if (atomic_cmpxchg(&s->count, 0, RWSEM_WRITER) != 0)
		return false;
	s->owner = this_cpu_read_stable(current_task);
	return true;
}
static inline int raw_down_write(struct rwsem *s, unsigned state)
{
	return likely(raw_down_write_trylock(s)) ? 0 : rwsem_write_slow(s, state);
}
static inline void raw_up_read(struct rwsem *s)
{
	if (unlikely(atomic_sub_return(RWSEM_READER, &s->count) & RWSEM_WAITERS)) /* also while others read: has a writer waited too long? */
		rwsem_wake(s);
}
static inline void raw_up_write(struct rwsem *s)
{
	s->owner = NULL;
	if (unlikely(atomic_sub_return(RWSEM_WRITER, &s->count) & RWSEM_WAITERS))
		rwsem_wake(s);
}
static inline void raw_downgrade_write(struct rwsem *s)
{
	s->owner = NULL;
	if (unlikely(atomic_add_return(RWSEM_READER - RWSEM_WRITER, &s->count) & RWSEM_WAITERS))
		rwsem_wake(s);
}

#ifdef CONFIG_DEBUG
int rwsem_lock_debug(struct rwsem *s, const char *text, bool write, unsigned state, unsigned sub);
bool rwsem_trylock_debug(struct rwsem *s, const char *text, bool write);
bool rwsem_pass_debug(struct rwsem *s, const char *text);
void rwsem_unlock_debug(struct rwsem *s, const char *text, bool write);
#define rwsem_init(s, name) do { *(s) = (struct rwsem){ .class = lockdep_class(name) }; } while (0)
#define RWSEM_TEXT(s) __FILE__ ": " #s
#define down_read(s) ((void)rwsem_lock_debug(s, RWSEM_TEXT(s), false, 2, 0))
#define down_read_killable(s) rwsem_lock_debug(s, RWSEM_TEXT(s), false, 4, 0)
#define down_write(s) ((void)rwsem_lock_debug(s, RWSEM_TEXT(s), true, 2, 0))
#define down_read_nested(s, sub) ((void)rwsem_lock_debug(s, RWSEM_TEXT(s), false, 2, sub))
#define down_write_nested(s, sub) ((void)rwsem_lock_debug(s, RWSEM_TEXT(s), true, 2, sub))
#define down_write_killable(s) rwsem_lock_debug(s, RWSEM_TEXT(s), true, 4, 0)
#define down_read_trylock(s) rwsem_trylock_debug(s, RWSEM_TEXT(s), false)
#define down_read_pass(s) rwsem_pass_debug(s, RWSEM_TEXT(s)) /* past writers that wait; => false: a writer holds it */
#define down_write_trylock(s) rwsem_trylock_debug(s, RWSEM_TEXT(s), true)
#define up_read(s) rwsem_unlock_debug(s, RWSEM_TEXT(s), false)
#define up_write(s) rwsem_unlock_debug(s, RWSEM_TEXT(s), true)
#else
#define rwsem_init(s, name) do { *(s) = (struct rwsem){ .owner = NULL }; } while (0)
static inline void down_read(struct rwsem *s) { (void)raw_down_read(s, 2); }
static inline int __must_check down_read_killable(struct rwsem *s) { return raw_down_read(s, 4); }
static inline void down_write(struct rwsem *s) { (void)raw_down_write(s, 2); }
static inline int __must_check down_write_killable(struct rwsem *s) { return raw_down_write(s, 4); }
#define down_read_nested(s, sub) down_read(s)
#define down_write_nested(s, sub) down_write(s)
static inline bool down_read_trylock(struct rwsem *s) { return raw_down_read_trylock(s); }
static inline bool down_write_trylock(struct rwsem *s) { return raw_down_write_trylock(s); }
static inline void up_read(struct rwsem *s) { raw_up_read(s); }
static inline void up_write(struct rwsem *s) { raw_up_write(s); }
#endif
static inline void downgrade_write(struct rwsem *s) { raw_downgrade_write(s); }

#endif
