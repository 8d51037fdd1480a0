/* SPDX-License-Identifier: MIT
 *
 * High-resolution timers. Each CPU has a tree ordered by expiry; the event device of the CPU is set for the first one.
 * A timer goes to the CPU that starts it, unless its callback is running elsewhere: then it stays there, so that the
 * callback never runs twice at once. Cancelling leaves the event set: an interrupt for nothing is cheaper.
 *
 * t->cpu says whose lock covers t; it changes under that lock only.
 * Locks: base->lock, a bare spinlock with interrupts off, below the run-queue locks. Callbacks run without it.
 */
#include "arch/i386/clock.h"
#include "kernel/lib/bug.h"
#include "kernel/sync/seqlock.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

struct timer_base {
	spinlock_t lock;
	struct rb_root_cached tree;
	struct hrtimer *running;  /* its callback is under way on this CPU */
	u64 programmed;           /* what the device is set to; ~0: nothing */
	bool ready;
};
static DEFINE_PER_CPU(struct timer_base, timer_base);

static inline struct timer_base *base_of(unsigned cpu) { return &per_cpu(timer_base, cpu); }
static inline struct hrtimer *first_timer(const struct timer_base *b) { return rb_entry_safe(b->tree.leftmost, struct hrtimer, node); }

/* => interrupts are off */
static struct timer_base *lock_base(const struct hrtimer *t)
{
	for (;;) {
		unsigned cpu = READ_ONCE(t->cpu);
		struct timer_base *b = base_of(cpu);

		raw_spin_lock(&b->lock);
		if (likely(t->cpu == cpu))
			return b;
		raw_spin_unlock(&b->lock);
	}
}

/* => it is the first now */
static bool link_timer(struct timer_base *b, struct hrtimer *t)
{
	struct rb_node **link = &b->tree.root.node, *parent = NULL;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (t->expires < rb_entry(parent, struct hrtimer, node)->expires)
			link = &parent->left;
		else {
			link = &parent->right;
			leftmost = false;
		}
	}
	rb_link_node(&t->node, parent, link);
	rb_insert_color_cached(&t->node, &b->tree, leftmost);
	WRITE_ONCE(t->queued, 1);
	return leftmost;
}

static void unlink_timer(struct timer_base *b, struct hrtimer *t)
{
	rb_erase_cached(&t->node, &b->tree);
	WRITE_ONCE(t->queued, 0);
}

/* This CPU's device, this CPU's base locked. While callbacks run, hrtimer_interrupt sets it at its end. */
static void program(struct timer_base *b)
{
	const struct hrtimer *t = first_timer(b);
	u64 when = t ? t->expires : ~0ULL;

	if (b->running || when == b->programmed || !b->ready)
		return;
	b->programmed = when;
	arch_event_set(when);
}

bool hrtimer_start(struct hrtimer *t, u64 expires)
{
	unsigned long flags;
	struct timer_base *b, *here;
	bool was, first;

	local_irq_save(flags);
	here = this_cpu_ptr(&timer_base);
	for (;;) {
		b = lock_base(t);
		was = t->queued;
		if (was)
			unlink_timer(b, t);
		if (b == here || b->running == t)
			break;
		t->cpu = (u16)smp_processor_id();
		raw_spin_unlock(&b->lock);
		b = lock_base(t);
		if (b == here && !t->queued)
			break;
		raw_spin_unlock(&b->lock); /* somebody else started it meanwhile */
	}
	t->expires = expires;
	first = link_timer(b, t);
	if (first && b == here && expires < b->programmed)
		program(b);
	raw_spin_unlock(&b->lock);
	local_irq_restore(flags);
	return was;
}

bool hrtimer_start_in(struct hrtimer *t, u64 ns)
{
	u64 now = ktime_get();

	return hrtimer_start(t, now + ns < now ? ~0ULL >> 1 : now + ns);
}

int hrtimer_try_cancel(struct hrtimer *t)
{
	unsigned long flags;
	struct timer_base *b;
	int was = 0;

	local_irq_save(flags);
	b = lock_base(t);
	if (b->running == t)
		was = -1;
	else if (t->queued)
		was = 1;
	if (t->queued)
		unlink_timer(b, t);
	raw_spin_unlock(&b->lock);
	local_irq_restore(flags);
	return was;
}

bool hrtimer_cancel(struct hrtimer *t)
{
	bool was = false;

	for (;;) {
		int r = hrtimer_try_cancel(t);

		if (r >= 0)
			return was || r;
		was = true;
		cpu_relax();
	}
}

u64 hrtimer_forward(struct hrtimer *t, u64 now, u64 interval)
{
	u64 periods;

	if (now < t->expires)
		return 0;
	periods = now - t->expires < interval ? 1 : div64_u64(now - t->expires, interval) + 1;
	t->expires += periods * interval;
	return periods;
}

u64 hrtimer_remaining(const struct hrtimer *t)
{
	u64 now = ktime_get(), expires = READ_ONCE(t->expires);

	return hrtimer_active(t) && expires > now ? expires - now : 0;
}

/* The event device fired: interrupts off, interrupt context. */
void hrtimer_interrupt(void)
{
	struct timer_base *b = this_cpu_ptr(&timer_base);
	struct hrtimer *t;

	raw_spin_lock(&b->lock);
	b->programmed = ~0ULL;
	while ((t = first_timer(b)) && t->expires <= ktime_get()) {
		unlink_timer(b, t);
		b->running = t;
		raw_spin_unlock(&b->lock);
		t->fn(t); /* may free t */
		raw_spin_lock(&b->lock);
		b->running = NULL;
	}
	program(b);
	raw_spin_unlock(&b->lock);
}

void hrtimer_init_cpu(unsigned cpu)
{
	struct timer_base *b = base_of(cpu);

	b->tree = RB_ROOT_CACHED;
	b->programmed = ~0ULL;
	b->ready = true;
}
