/* SPDX-License-Identifier: MIT
 *
 * High-resolution timers: per CPU an ordered tree; arch's one event device is programmed for the first of them.
 *
 * Life: hrtimer_init; start (again, or anew: it moves); fires once: fn runs in interrupt context on the CPU of the
 * timer, off the tree, and may start it again; cancel before its memory goes.
 * Locks: a CPU's timer lock is taken with interrupts off, below the run-queue lock's level: fn runs without it.
 */
#ifndef KERNEL_TIME_TIMER_H
#define KERNEL_TIME_TIMER_H

#include "kernel/lib/rbtree.h"
#include "kernel/sync/spinlock.h"

struct hrtimer {
	struct rb_node node;
	u64 expires;                        /* ns, monotonic */
	void (*fn)(struct hrtimer *t);      /* interrupt context, interrupts off */
	u16 cpu;                            /* in whose tree it is or was last */
	u8 queued;
};

static inline void hrtimer_init(struct hrtimer *t, void (*fn)(struct hrtimer *))
{
	*t = (struct hrtimer){ .fn = fn };
}
/* Fires at `expires` (monotonic ns; past: at once) on this CPU. Any context. => true if it was pending and was moved */
bool hrtimer_start(struct hrtimer *t, u64 expires);
bool hrtimer_start_in(struct hrtimer *t, u64 ns);   /* from now */
/* => true if it was pending. Waits for a callback that runs on another CPU; afterwards it neither runs nor will.
 *    Not from its own callback, nor with a lock held that the callback takes. */
bool hrtimer_cancel(struct hrtimer *t);
/* => 1 was pending, 0 was not, -1: the callback runs right now. Any context */
int hrtimer_try_cancel(struct hrtimer *t);
static inline bool hrtimer_active(const struct hrtimer *t) { return READ_ONCE(t->queued); }
/* In a callback of a periodic timer: next multiple of interval after now. => how many periods were passed */
u64 hrtimer_forward(struct hrtimer *t, u64 now, u64 interval);
u64 hrtimer_remaining(const struct hrtimer *t);     /* ns; 0 if not pending or due */

void hrtimer_init_cpu(unsigned cpu);
void hrtimer_interrupt(void);                       /* arch's event device fired on this CPU */

#endif
