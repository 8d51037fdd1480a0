/* SPDX-License-Identifier: MIT
 *
 * The lock over the reverse map's words in struct page (statelock.h).
 *
 * A run belongs to the CPU: it lasts as long as a PTL is held, so nobody else comes by here meanwhile; interrupt handlers
 * never take these locks. One page has one bit, so with rmap.lock=bit there are no runs, which is what is wrong with it.
 */
#include "kernel/lib/param.h"
#include "kernel/sync/hashlock.h"
#include "mm/rmap/rmap.h"
#include "mm/rmap/statelock.h"

enum { HASHED, BIT_IN_FLAGS, GLOBAL };
static const char *const names[] = { "hashed", "bit", "global" };
static u32 kind;
PARAM_CHOICE("rmap.lock", kind, "how chain and direct lock their state in struct page", "hashed", "bit", "global");

static DEFINE_HASH_CLASS(state_locks, "rmap page state", HASHLOCK_LEVEL_CHAIN, 0, 4);
static DEFINE_SPINLOCK(global_lock);

static DEFINE_PER_CPU(u32, in_run);
static DEFINE_PER_CPU(bool, holds_global);       /* in a run */
static DEFINE_PER_CPU(struct hash_hold, hold);   /* in a run */
static DEFINE_PER_CPU(u32, next_key);

void __init state_lock_init(void)
{
	hash_class_register(&state_locks);
	for_each_cpu(cpu) {
		per_cpu(hold, cpu).class = &state_locks;
		per_cpu(next_key, cpu) = (u32)cpu << 26;
	}
}

const char *state_lock_name(void) { return names[kind]; }

unsigned long state_key(void)
{
	ASSERT(in_atomic());
	return (*this_cpu_ptr(&next_key))++;
}

/* --- a bit ------------------------------------------------------------------------------------------------------------------ */
#ifdef CONFIG_DEBUG
static u32 bit_class;
#define bit_acquire(page) lockdep_acquire(&bit_class, page, "rmap page state bit", 0, 0)
#define bit_release(page) lockdep_release(page, "rmap page state bit")
#else
#define bit_acquire(page) do { } while (0)
#define bit_release(page) do { } while (0)
#endif

static void bit_lock(struct page *page)
{
	preempt_disable();
	bit_acquire(page);
	while (unlikely(test_set_page_state(page)))
		while (page_state(page))
			cpu_relax();
}

static void bit_unlock(struct page *page)
{
	bit_release(page);
	ASSERT(page_state(page));
	clear_page_state(page); /* a locked operation: what was written under the bit is seen before the bit is gone */
	preempt_enable();
}

/* --- the three --------------------------------------------------------------------------------------------------------------- */
/* One load says whether this CPU is in a run. Outside of one it may be preempted afterwards: the answer stays no, since no
 * run is under way on a CPU that runs us. */
void state_lock(struct page *page)
{
	if (kind == BIT_IN_FLAGS) {
		bit_lock(page);
	} else if (!this_cpu_read(in_run)) {
		if (kind == GLOBAL)
			spin_lock(&global_lock);
		else
			hash_lock_at(&state_locks, &page->key);
	} else if (kind == HASHED) {
		hash_hold_at(this_cpu_ptr(&hold), &page->key);
	} else if (!this_cpu_read(holds_global)) {
		spin_lock(&global_lock);
		this_cpu_write(holds_global, true);
	}
}

void state_unlock(struct page *page)
{
	if (kind == BIT_IN_FLAGS)
		bit_unlock(page);
	else if (this_cpu_read(in_run))
		return;
	else if (kind == GLOBAL)
		spin_unlock(&global_lock);
	else
		hash_unlock_at(&state_locks, &page->key);
}

void rmap_run_begin(void)
{
	ASSERT(in_atomic() && !this_cpu_read(in_run));
	this_cpu_write(in_run, 1);
}

void rmap_run_end(void)
{
	ASSERT(this_cpu_read(in_run));
	this_cpu_write(in_run, 0);
	if (this_cpu_read(holds_global)) {
		this_cpu_write(holds_global, false);
		spin_unlock(&global_lock);
	}
	hash_release(this_cpu_ptr(&hold));
}
