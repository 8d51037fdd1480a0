/* SPDX-License-Identifier: MIT
 *
 * Sleeping for a time: a timer on the sleeper's stack.
 */
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"

struct sleep_timer { struct hrtimer timer; struct task *task; };

static void sleep_over(struct hrtimer *t)
{
	wake_up_process(container_of(t, struct sleep_timer, timer)->task);
}

void schedule_timeout_until(u64 expires)
{
	struct sleep_timer s = { .task = current };

	hrtimer_init(&s.timer, sleep_over);
	hrtimer_start(&s.timer, expires);
	schedule();
	hrtimer_cancel(&s.timer);
}

u64 schedule_timeout(u64 ns)
{
	u64 now, end;

	if (ns == MAX_TIMEOUT) {
		schedule();
		return MAX_TIMEOUT;
	}
	now = ktime_get();
	end = now + ns < now ? ~0ULL >> 1 : now + ns;
	schedule_timeout_until(end);
	now = ktime_get();
	return now < end ? end - now : 0;
}

void usleep(u64 us)
{
	u64 ns = us * NSEC_PER_USEC;

	might_sleep();
	while (ns) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		ns = schedule_timeout(ns);
	}
}

void msleep(u32 ms) { usleep((u64)ms * 1000); }
