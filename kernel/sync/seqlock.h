/* SPDX-License-Identifier: MIT
 *
 * Sequence counts: readers look at data without a lock and look again if a writer was there meanwhile.
 * seqcount: writers have a lock of their own and preemption off. seqlock: brings a spinlock.
 */
#ifndef KERNEL_SYNC_SEQLOCK_H
#define KERNEL_SYNC_SEQLOCK_H

#include "kernel/sync/spinlock.h"

typedef struct { volatile u32 seq; } seqcount_t;
typedef struct { seqcount_t count; spinlock_t lock; } seqlock_t;
#define SEQCOUNT_INIT { 0 }
#define SEQLOCK_INIT { SEQCOUNT_INIT, SPINLOCK_INIT }
#define DEFINE_SEQLOCK(name) seqlock_t name = SEQLOCK_INIT

static inline u32 read_seqcount_begin(const seqcount_t *s)
{
	u32 v;

	while (unlikely((v = s->seq) & 1))
		cpu_relax();
	barrier();
	return v;
}
/* Without waiting for a writer: an odd result makes the retry fail. */
static inline u32 raw_seqcount_begin(const seqcount_t *s) { u32 v = s->seq; barrier(); return v & ~1U; }
static inline bool read_seqcount_retry(const seqcount_t *s, u32 v) { barrier(); return unlikely(s->seq != v); }
static inline void write_seqcount_begin(seqcount_t *s) { s->seq++; barrier(); }
static inline void write_seqcount_end(seqcount_t *s) { barrier(); s->seq++; }

static inline u32 read_seqbegin(const seqlock_t *l) { return read_seqcount_begin(&l->count); }
static inline bool read_seqretry(const seqlock_t *l, u32 v) { return read_seqcount_retry(&l->count, v); }
#define seqlock_init(l, class) do { (l)->count.seq = 0; spin_lock_init(&(l)->lock, class); } while (0)
#define write_seqlock(l) do { spin_lock(&(l)->lock); write_seqcount_begin(&(l)->count); } while (0)
#define write_sequnlock(l) do { write_seqcount_end(&(l)->count); spin_unlock(&(l)->lock); } while (0)
#define write_seqlock_irqsave(l, f) do { spin_lock_irqsave(&(l)->lock, f); write_seqcount_begin(&(l)->count); } while (0)
#define write_sequnlock_irqrestore(l, f) do { write_seqcount_end(&(l)->count); spin_unlock_irqrestore(&(l)->lock, f); } while (0)

#endif
