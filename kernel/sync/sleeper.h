/* SPDX-License-Identifier: MIT
 *
 * A task that waits for a mutex or an rwsem: lies on its stack, in a ring whose owner keeps the last one. Two words in
 * the lock are saved against a list head with its own lock word. All under the lock's `lock`.
 */
#ifndef KERNEL_SYNC_SLEEPER_H
#define KERNEL_SYNC_SLEEPER_H

#include "kernel/sched/sched.h"

struct sleeper {
	struct sleeper *next;
	struct task *task;
	u64 since;             /* rwsem, of a writer: when it came */
	unsigned crowd;        /* rwsem: how many tasks its user had then */
	bool write;
	volatile bool granted; /* rwsem: the lock is ours */
};

static inline struct sleeper *sleeper_first(struct sleeper *last) { return last ? last->next : NULL; }
static inline void sleeper_push(struct sleeper **last, struct sleeper *s)
{
	if (*last) {
		s->next = (*last)->next;
		(*last)->next = s;
	} else
		s->next = s;
	*last = s;
}

#define SLEEPER_LOOK 16
/* In order, but for this: before the first whose user has sixteen times as many tasks. Else one user with thousands that
 * stand in line, a fork bomb at its program's file, keeps all others from that file. How often one of the many is passed
 * is bounded by how few the others are. */
static inline void sleeper_push_fair(struct sleeper **last, struct sleeper *s)
{
	struct sleeper *p = *last;

	for (unsigned n = 0; p && n < SLEEPER_LOOK; n++, p = p->next) {
		if (p->next->crowd / 16 > s->crowd) {
			s->next = p->next;
			p->next = s;
			return;
		}
		if (n && p == *last)
			break;
	}
	sleeper_push(last, s);
}
static inline void sleeper_remove(struct sleeper **last, struct sleeper *s)
{
	struct sleeper *p = *last;

	while (p->next != s)
		p = p->next;
	p->next = s->next;
	if (*last == s)
		*last = p == s ? NULL : p;
}
static inline void sleeper_init(struct sleeper *s, bool write)
{
	s->task = current;
	s->write = write;
	s->granted = false;
}
/* Is it worth spinning for what t holds? => preemption off, so that t's memory stays */
static inline bool owner_runs(const struct task *t) { return READ_ONCE(t->sched.on_cpu) && !need_resched(); }
#define SPIN_LIMIT 2000 /* pauses; virtual CPUs that seem to run may not be running */

#endif
