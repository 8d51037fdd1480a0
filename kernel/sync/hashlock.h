/* SPDX-License-Identifier: MIT
 *
 * Hashed spinlocks: a table of locks that stands for a lock in each of very many objects. One facility, one table a
 * class.
 *
 *	DEFINE_HASH_CLASS(chain_locks, "rmap chain", HASHLOCK_LEVEL_CHAIN, 0, 4);
 *	hash_lock(&chain_locks, pfn); ... hash_unlock(&chain_locks, pfn);
 *
 * A class declares
 *   - its level: while holding a hashed lock one may take another only of a higher level (debug builds check). The
 *     levels stand below, in one place;
 *   - whether interrupt handlers take it (HASHLOCK_IRQ): then it is always taken with interrupts off, and its level is
 *     above those of all classes that are not;
 *   - its shift: 2^shift neighbouring keys share a slot, so that a batch over neighbours (hash_hold) takes each lock once.
 *
 * Two keys at once: hash_lock_two takes the slots in the order of the table. A key that may change while nobody holds its
 * lock: hash_lock_at looks again when it has the lock, and hash_unlock_at complains (debug) if it changed meanwhile. Tables are sized at boot by the number of
 * CPUs; before, each class has a single lock. `hashlock=shared` merges the classes of one level that interrupts never
 * touch into one table.
 */
#ifndef KERNEL_SYNC_HASHLOCK_H
#define KERNEL_SYNC_HASHLOCK_H

#include "kernel/sync/spinlock.h"

enum hashlock_level {
	HASHLOCK_LEVEL_FUTEX,
	HASHLOCK_LEVEL_CHAIN,    /* the reverse map's state in struct page */
	HASHLOCK_LEVEL_LEAF,
	HASHLOCK_LEVEL_PAGEWAIT, /* interrupts take it: so any other may be held, and below it none is taken */
	NR_HASHLOCK_LEVELS
};
#define HASHLOCK_IRQ 1u

struct hash_class {
	const char *name;
	spinlock_t *table;        /* f after boot */
	u32 bits;                 /* log2 of slots */
	u8 level, flags, shift;
	spinlock_t first;         /* the table until hashlock_init */
	struct hash_class *next;  /* all classes */
};
#define DEFINE_HASH_CLASS(var, text, lvl, fl, sh) struct hash_class var = { .name = text, .table = &var.first, \
	.level = lvl, .flags = fl, .shift = sh }
/* Classes are known before hashlock_init runs, or make their table when they register. */
void hash_class_register(struct hash_class *c);

static inline u32 hash_slot(const struct hash_class *c, unsigned long key)
{
	return c->bits ? hash_32((u32)(key >> c->shift), c->bits) : 0;
}
static inline spinlock_t *hash_lock_of(const struct hash_class *c, unsigned long key) { return &c->table[hash_slot(c, key)]; }

#ifdef CONFIG_DEBUG
void hash_lock_slot(const struct hash_class *c, spinlock_t *slot, unsigned sub);
void hash_unlock_slot(const struct hash_class *c, spinlock_t *slot);
bool hash_trylock_slot(const struct hash_class *c, spinlock_t *slot);
#else
static inline void hash_lock_slot(const struct hash_class *c, spinlock_t *slot, unsigned sub) { spin_lock(slot); }
static inline void hash_unlock_slot(const struct hash_class *c, spinlock_t *slot) { spin_unlock(slot); }
static inline bool hash_trylock_slot(const struct hash_class *c, spinlock_t *slot) { return spin_trylock(slot); }
#endif
static inline void hash_lock(const struct hash_class *c, unsigned long key) { hash_lock_slot(c, hash_lock_of(c, key), 0); }
static inline bool hash_trylock(const struct hash_class *c, unsigned long key) { return hash_trylock_slot(c, hash_lock_of(c, key)); }
static inline void hash_unlock(const struct hash_class *c, unsigned long key) { hash_unlock_slot(c, hash_lock_of(c, key)); }
/* => the lock of *key as it is now is held: *key stays in its slot until hash_unlock_at */
static inline void hash_lock_at(const struct hash_class *c, const unsigned long *key)
{
	for (;;) {
		spinlock_t *slot = hash_lock_of(c, READ_ONCE(*key));

		hash_lock_slot(c, slot, 0);
		if (likely(slot == hash_lock_of(c, READ_ONCE(*key))))
			return;
		hash_unlock_slot(c, slot);
	}
}
static inline void hash_unlock_at(const struct hash_class *c, const unsigned long *key) { hash_unlock(c, *key); }
void hash_lock_two(const struct hash_class *c, unsigned long a, unsigned long b);
void hash_unlock_two(const struct hash_class *c, unsigned long a, unsigned long b);

/* A walk over neighbouring keys: the lock changes only when the slot does. */
struct hash_hold { const struct hash_class *class; spinlock_t *slot; };
#define HASH_HOLD(c) { (c), NULL }
static inline void hash_hold(struct hash_hold *h, unsigned long key)
{
	spinlock_t *slot = hash_lock_of(h->class, key);

	if (slot == h->slot)
		return;
	if (h->slot)
		hash_unlock_slot(h->class, h->slot);
	h->slot = slot;
	hash_lock_slot(h->class, slot, 0);
}
static inline void hash_hold_at(struct hash_hold *h, const unsigned long *key)
{
	do
		hash_hold(h, READ_ONCE(*key));
	while (unlikely(h->slot != hash_lock_of(h->class, READ_ONCE(*key))));
}
static inline void hash_release(struct hash_hold *h)
{
	if (h->slot)
		hash_unlock_slot(h->class, h->slot);
	h->slot = NULL;
}

/* Boot, one CPU, once memory can be had: alloc(bytes) returns zeroed memory or NULL (then a class keeps one lock). */
void hashlock_init(void *(*alloc)(size_t bytes));
/* One line per class: name, slots, level, flags. => length */
size_t hashlock_report(char *buf, size_t size);

#endif
