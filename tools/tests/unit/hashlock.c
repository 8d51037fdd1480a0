/* SPDX-License-Identifier: MIT
 *
 * The rules of hashed locks: tables and their size, sharing by level, two slots in order, holding over neighbours, and
 * that the debug build refuses what would dead-lock.
 */
#include "kernel/sync/hashlock.c"
#include "tools/tests/unit/unit.h"

void bug_at(const char *file, int line, const char *what) { panic("%s:%d: %s", file, line, what); }

/* The locks themselves: a count that must go 0, 1, 0. */
static unsigned taken;
static void key_moves(void);
static spinlock_t *last_taken, *before_that;
u32 lockdep_class(const char *name) { return 1; }
void spin_lock_debug(spinlock_t *l, const char *text, unsigned sub)
{
	CHECK(!(l->v & 1));
	l->v |= 1;
	taken++;
	before_that = last_taken;
	last_taken = l;
	key_moves();
}
bool spin_trylock_debug(spinlock_t *l, const char *text)
{
	if (l->v & 1)
		return false;
	spin_lock_debug(l, text, 0);
	return true;
}
void spin_unlock_debug(spinlock_t *l, const char *text)
{
	CHECK(l->v & 1);
	l->v &= ~1u;
}
int scnprintf(char *buf, size_t size, const char *fmt, ...) { return 0; }

static u32 pool[4096], pool_used;
static void *zeroed(size_t n)
{
	u32 *p = pool + pool_used;

	pool_used += n / 4;
	for (u32 i = 0; i < n / 4; i++)
		p[i] = 0;
	return p;
}
static void *nothing(size_t n) { return NULL; }

static DEFINE_HASH_CLASS(low, "low", HASHLOCK_LEVEL_CHAIN, 0, 4);
static DEFINE_HASH_CLASS(low2, "low2", HASHLOCK_LEVEL_CHAIN, 0, 0);
static DEFINE_HASH_CLASS(high, "high", HASHLOCK_LEVEL_LEAF, 0, 0);
static DEFINE_HASH_CLASS(in_irqs, "in_irqs", HASHLOCK_LEVEL_PAGEWAIT, HASHLOCK_IRQ, 0);

static DEFINE_HASH_CLASS(bad_irqs, "bad_irqs", HASHLOCK_LEVEL_CHAIN, HASHLOCK_IRQ, 0);

static void again(bool shared_mode, void *(*alloc)(size_t))
{
	struct hash_class *all[] = { &low, &low2, &high, &in_irqs };

	classes = NULL;
	table_alloc = NULL;
	pool_used = 0;
	for (unsigned i = 0; i < NR_HASHLOCK_LEVELS; i++)
		shared[i] = NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		all[i]->table = &all[i]->first;
		all[i]->bits = 0;
		all[i]->first.v = 0;
		hash_class_register(all[i]);
	}
	mode = shared_mode;
	if (alloc)
		hashlock_init(alloc);
	per_cpu(held_slots, 0).nr = 0;
}

TEST(before_boot_and_without_memory_there_is_one_lock)
{
	again(false, NULL);
	CHECK(hash_lock_of(&low, 1) == hash_lock_of(&low, 99999));
	again(false, nothing);
	hash_lock_two(&low, 1, 99999);
	hash_unlock_two(&low, 1, 99999);
	CHECK(!spin_is_locked(&low.first));
}

TEST(sharing)
{
	again(false, zeroed);
	CHECK(low.table != low2.table && low.bits == 6);
	again(true, zeroed);
	CHECK(low.table == low2.table && low.table != high.table && low.table != in_irqs.table);
}

TEST(two_slots_in_order)
{
	again(false, zeroed);
	for (unsigned i = 0; i < 1000; i++) {
		unsigned long a = unit_random(), b = unit_random() % 4 ? unit_random() : a;

		taken = 0;
		hash_lock_two(&low, a, b);
		CHECK(taken == (hash_lock_of(&low, a) == hash_lock_of(&low, b) ? 1 : 2));
		if (taken == 2)
			CHECK(before_that < last_taken);
		hash_unlock_two(&low, a, b);
	}
}

TEST(a_hold_over_neighbours_takes_each_lock_once)
{
	struct hash_hold h = HASH_HOLD(&low);

	again(false, zeroed);
	taken = 0;
	for (unsigned long key = 0; key < 256; key++) {
		hash_hold(&h, key);
		CHECK(spin_is_locked(hash_lock_of(&low, key)));
	}
	hash_release(&h);
	CHECK(taken <= 16); /* 16 neighbours share one */
	CHECK(!per_cpu(held_slots, 0).nr);
}

/* A key that somebody else changes between our look at it and our getting the lock. */
static volatile unsigned long moving_key;
static unsigned moves;
static void key_moves(void)
{
	if (moves) {
		moves--;
		moving_key += 1000;
	}
}
TEST(a_key_that_changes_is_looked_at_again)
{
	struct hash_hold h = HASH_HOLD(&low);

	again(false, zeroed);
	moving_key = 5;
	moves = 3;
	hash_lock_at(&low, (unsigned long *)&moving_key);
	CHECK(!moves && spin_is_locked(hash_lock_of(&low, moving_key)) && per_cpu(held_slots, 0).nr == 1);
	hash_unlock_at(&low, (unsigned long *)&moving_key);
	moves = 2;
	hash_hold_at(&h, (unsigned long *)&moving_key);
	CHECK(!moves && h.slot == hash_lock_of(&low, moving_key) && per_cpu(held_slots, 0).nr == 1);
	hash_release(&h);
	CHECK(!per_cpu(held_slots, 0).nr);
	hash_lock_at(&low, (unsigned long *)&moving_key);
	moving_key += 1000; /* under the lock: another slot */
	if (UNIT_CATCH_PANIC())
		hash_unlock_at(&low, (unsigned long *)&moving_key);
	CHECK(unit_panicked());
}

TEST(levels_are_checked)
{
	again(false, zeroed);
	hash_lock(&low, 1);
	hash_lock(&high, 1); /* upwards is fine */
	hash_unlock(&high, 1);
	hash_unlock(&low, 1);
	hash_lock(&high, 1);
	if (UNIT_CATCH_PANIC())
		hash_lock(&low, 1);
	CHECK(unit_panicked());
	again(false, zeroed);
	hash_lock(&low, 1);
	if (UNIT_CATCH_PANIC())
		hash_lock(&low2, 1); /* same level: shared, they would be one lock */
	CHECK(unit_panicked());
	again(false, zeroed);
	if (UNIT_CATCH_PANIC())
		hash_lock(&in_irqs, 1); /* interrupts are on */
	CHECK(unit_panicked());
	again(false, zeroed);
	if (UNIT_CATCH_PANIC())
		hash_class_register(&bad_irqs); /* a handler may take it over `high` */
	CHECK(unit_panicked());
	again(false, zeroed);
	if (UNIT_CATCH_PANIC())
		hash_unlock(&low, 7);
	CHECK(unit_panicked());
}
