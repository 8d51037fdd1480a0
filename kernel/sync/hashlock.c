/* SPDX-License-Identifier: MIT
 *
 * Hashed spinlocks. A class begins with one lock; at boot its table is made, sized by the number of CPUs: 64 slots per
 * CPU, a power of two, so that two CPUs that want different objects seldom meet (with n CPUs and s slots, a CPU finds its
 * slot taken with about n / s).
 *
 * hashlock=shared: the classes of one level that interrupts never touch use one table together; classes that nest have
 * different levels, so they never share: sharing cannot dead-lock a task with itself.
 *
 * Locks: two slots of one class in the order of the table; classes in the order of their levels.
 * Cannot: resize while in use.
 */
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sync/hashlock.h"

#define SLOTS_PER_CPU 64U

static struct hash_class *classes;
static spinlock_t *shared[NR_HASHLOCK_LEVELS];
static void *(*table_alloc)(size_t bytes);
static u32 table_bits;

static u32 mode;
PARAM_CHOICE("hashlock", mode, "hashed locks: a table a class, or one that classes share", "perclass", "shared");

static bool may_share(const struct hash_class *c) { return mode == 1 && !(c->flags & HASHLOCK_IRQ); }

/* Nobody holds a lock of c. */
static void make_table(struct hash_class *c)
{
	spinlock_t *table = may_share(c) ? shared[c->level] : NULL;

	if (!table) {
		table = table_alloc(sizeof(spinlock_t) << table_bits);
		if (!table) {
			pr_warn("hashlock: no memory for %s: one lock for all\n", c->name);
			return;
		}
		for (u32 i = 0; i < 1u << table_bits; i++)
			spin_lock_init(&table[i], may_share(c) ? "hashlock shared" : c->name);
		if (may_share(c))
			shared[c->level] = table;
	}
	c->table = table;
	c->bits = table_bits;
}

/* Boot, one CPU. */
void hash_class_register(struct hash_class *c)
{
	ASSERT(c->level < NR_HASHLOCK_LEVELS);
	for (const struct hash_class *o = classes; o; o = o->next) /* a handler may come while any other is held */
		if ((c->flags ^ o->flags) & HASHLOCK_IRQ && (c->flags & HASHLOCK_IRQ ? c->level <= o->level : c->level >= o->level))
			panic("hashlock: %s and %s: interrupts take one, and its level is not the higher", c->name, o->name);
	c->next = classes;
	classes = c;
	if (table_alloc)
		make_table(c);
}

void hashlock_init(void *(*alloc)(size_t bytes))
{
	table_alloc = alloc;
	table_bits = ilog2(roundup_pow_of_two(nr_cpus * SLOTS_PER_CPU));
	for (struct hash_class *c = classes; c; c = c->next)
		make_table(c);
}

void hash_lock_two(const struct hash_class *c, unsigned long a, unsigned long b)
{
	spinlock_t *x = hash_lock_of(c, a), *y = hash_lock_of(c, b);

	if (x > y)
		swap(x, y);
	hash_lock_slot(c, x, 0);
	if (x != y)
		hash_lock_slot(c, y, 1);
}

void hash_unlock_two(const struct hash_class *c, unsigned long a, unsigned long b)
{
	spinlock_t *x = hash_lock_of(c, a), *y = hash_lock_of(c, b);

	hash_unlock_slot(c, x);
	if (x != y)
		hash_unlock_slot(c, y);
}

size_t hashlock_report(char *buf, size_t size)
{
	size_t n = 0;

	for (struct hash_class *c = classes; c; c = c->next)
		n += (size_t)scnprintf(buf + n, size - n, "%-16s slots %5u level %u neighbours %2u%s%s\n", c->name, 1u << c->bits,
				       c->level, 1u << c->shift, c->flags & HASHLOCK_IRQ ? " irq" : "",
				       c->table == shared[c->level] ? " shared" : "");
	return n;
}

#ifdef CONFIG_DEBUG
#include "kernel/sched/task.h"
#define MAX_HELD 8

/* Hashed locks that this CPU holds: by a task that cannot be preempted, or by an interrupt handler above it. */
struct held_slots { u32 nr; struct { const struct hash_class *class; spinlock_t *slot; } of[MAX_HELD]; };
static DEFINE_PER_CPU(struct held_slots, held_slots);

static void check_order(const struct hash_class *c, spinlock_t *slot, unsigned sub, const struct held_slots *h)
{
	if (c->flags & HASHLOCK_IRQ && !irqs_disabled())
		panic("hashlock %s: declared for interrupts, taken with interrupts on", c->name);
	if (!(c->flags & HASHLOCK_IRQ) && in_irq())
		panic("hashlock %s: taken in an interrupt handler, but not declared so", c->name);
	for (u32 i = 0; i < h->nr; i++) {
		const struct hash_class *o = h->of[i].class;

		if (o == c ? sub != 1 || slot <= h->of[i].slot : o->level >= c->level)
			panic("hashlock order: %s (level %u) is taken while %s (level %u) is held", c->name, c->level, o->name, o->level);
	}
}

static void remember(const struct hash_class *c, spinlock_t *slot)
{
	struct held_slots *h = this_cpu_ptr(&held_slots);
	unsigned long flags;

	if (h->nr == MAX_HELD)
		panic("hashlock %s: more than %u hashed locks held", c->name, MAX_HELD);
	local_irq_save(flags);
	h->of[h->nr].class = c;
	h->of[h->nr++].slot = slot;
	local_irq_restore(flags);
}

void hash_lock_slot(const struct hash_class *c, spinlock_t *slot, unsigned sub)
{
	preempt_disable();
	check_order(c, slot, sub, this_cpu_ptr(&held_slots));
	spin_lock_debug(slot, c->name, sub);
	remember(c, slot);
	preempt_enable_no_resched();
}

bool hash_trylock_slot(const struct hash_class *c, spinlock_t *slot)
{
	bool got;

	preempt_disable();
	got = spin_trylock_debug(slot, c->name);
	if (got)
		remember(c, slot);
	preempt_enable();
	return got;
}

void hash_unlock_slot(const struct hash_class *c, spinlock_t *slot)
{
	struct held_slots *h = this_cpu_ptr(&held_slots);

	for (u32 i = h->nr; i-- > 0;)
		if (h->of[i].slot == slot) {
			unsigned long flags;

			local_irq_save(flags);
			h->of[i] = h->of[--h->nr];
			local_irq_restore(flags);
			spin_unlock_debug(slot, c->name);
			return;
		}
	panic("hashlock %s: unlocked, but this CPU does not hold it", c->name);
}
#endif
