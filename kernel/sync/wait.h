/* SPDX-License-Identifier: MIT
 *
 * Wait queues and completions: sleeping until somebody has made a condition true.
 *
 *	err = wait_event_interruptible(&q, condition);          wake_up(&q) after making it true
 *
 * An entry with a callback of its own (poll, futex) is told instead of woken. wq.lock may be taken in interrupts.
 */
#ifndef KERNEL_SYNC_WAIT_H
#define KERNEL_SYNC_WAIT_H

#include "kernel/lib/list.h"
#include "kernel/sync/mutex.h"

struct wait_queue { spinlock_t lock; struct list_head list; };
#define WAIT_QUEUE_INIT(name) { SPINLOCK_INIT, LIST_HEAD_INIT((name).list) }
#define DEFINE_WAIT_QUEUE(name) struct wait_queue name = WAIT_QUEUE_INIT(name)
#define wait_queue_init(q) do { spin_lock_init(&(q)->lock, __FILE__ ": " #q); INIT_LIST_HEAD(&(q)->list); } while (0)

struct wait_entry;
/* Runs under q->lock with interrupts off. => true if somebody was really woken (counts for exclusive wake-ups). */
typedef bool (*wait_fn)(struct wait_entry *e, unsigned states, u32 key);
struct wait_entry {
	struct list_head list;
	wait_fn fn;
	struct task *task;     /* or whatever fn wants */
	u32 flags;             /* WAIT_EXCLUSIVE */
};
#define WAIT_EXCLUSIVE 1u
bool wake_task_entry(struct wait_entry *e, unsigned states, u32 key);        /* wakes e->task */
bool wake_task_autoremove(struct wait_entry *e, unsigned states, u32 key);   /* ... and takes e off the queue */
#define DEFINE_WAIT(name) struct wait_entry name = { LIST_HEAD_INIT((name).list), wake_task_autoremove, \
	this_cpu_read_stable(current_task), 0 }
static inline void wait_entry_init(struct wait_entry *e, wait_fn fn, void *arg)
{
	INIT_LIST_HEAD(&e->list);
	e->fn = fn;
	e->task = arg;
	e->flags = 0;
}
void add_wait_queue(struct wait_queue *q, struct wait_entry *e);
void add_wait_queue_exclusive(struct wait_queue *q, struct wait_entry *e);
void remove_wait_queue(struct wait_queue *q, struct wait_entry *e);
/* Queue (if not queued) and set the state: the condition is looked at after this, then schedule(). */
void prepare_to_wait(struct wait_queue *q, struct wait_entry *e, unsigned state);
void prepare_to_wait_exclusive(struct wait_queue *q, struct wait_entry *e, unsigned state);
void finish_wait(struct wait_queue *q, struct wait_entry *e);
static inline bool waitqueue_active(const struct wait_queue *q) { return !list_empty(&q->list); } /* smp_mb() before it */

#define WAKE_NORMAL 7u /* TASK_INTERRUPTIBLE | UNINTERRUPTIBLE | KILLABLE */
/* Wakes all entries that are not exclusive and up to nr exclusive ones (0: all). Any context. */
void wake_up_queue(struct wait_queue *q, unsigned states, unsigned nr, u32 key);
void wake_up_queue_locked(struct wait_queue *q, unsigned states, unsigned nr, u32 key);
/* The condition was made true before; an empty queue costs one look. */
static inline void wake_up_test(struct wait_queue *q, unsigned states, unsigned nr, u32 key)
{
	smp_mb();
	if (waitqueue_active(q))
		wake_up_queue(q, states, nr, key);
}
#define wake_up(q) wake_up_test(q, WAKE_NORMAL, 1, 0)
#define wake_up_nr(q, nr) wake_up_test(q, WAKE_NORMAL, nr, 0)
#define wake_up_all(q) wake_up_test(q, WAKE_NORMAL, 0, 0)
#define wake_up_interruptible(q) wake_up_test(q, 1, 1, 0)
#define wake_up_interruptible_all(q) wake_up_test(q, 1, 0, 0)
#define wake_up_poll(q, events) wake_up_test(q, WAKE_NORMAL, 1, events) /* key: EPOLL* */

/* => 0 once cond is true; -ERESTARTSYS if a signal came first */
int wait_should_stop(unsigned state);                 /* signal_pending_state() as -ERESTARTSYS */
void wait_schedule(void);
u64 wait_schedule_timeout(u64 ns);                    /* => ns left */
#define WAIT_EVENT(q, cond, state, excl, sleep) ({                                    \
	int _err = 0;                                                                 \
	might_sleep();                                                                \
	if (!(cond)) {                                                                \
		DEFINE_WAIT(_w);                                                      \
		for (;;) {                                                            \
			if (excl)                                                     \
				prepare_to_wait_exclusive(q, &_w, state);             \
			else                                                          \
				prepare_to_wait(q, &_w, state);                       \
			if (cond)                                                     \
				break;                                                \
			if ((state) != 2 && (_err = wait_should_stop(state)))         \
				break;                                                \
			sleep;                                                        \
			if (cond) /* before queueing again: mostly it was made true */ \
				break;                                                \
		}                                                                     \
		finish_wait(q, &_w);                                                  \
		if ((excl) && _err) /* a wake-up meant for us goes on to the next */  \
			wake_up(q);                                                   \
	}                                                                             \
	_err; })
#define wait_event(q, cond) ((void)WAIT_EVENT(q, cond, 2, false, wait_schedule()))
#define wait_event_interruptible(q, cond) WAIT_EVENT(q, cond, 1, false, wait_schedule())
#define wait_event_killable(q, cond) WAIT_EVENT(q, cond, 4, false, wait_schedule())
#define wait_event_exclusive(q, cond) ((void)WAIT_EVENT(q, cond, 2, true, wait_schedule()))
#define wait_event_interruptible_exclusive(q, cond) WAIT_EVENT(q, cond, 1, true, wait_schedule())
#define wait_event_killable_exclusive(q, cond) WAIT_EVENT(q, cond, 4, true, wait_schedule())
/* => ns left (at least 1) if cond became true, 0 when time ran out; the interruptible one: s64, -ERESTARTSYS */
#define wait_event_timeout(q, cond, ns) ({ u64 _left = (ns); bool _ok = false;          \
	(void)WAIT_EVENT(q, (_ok = (cond)) || !_left, 2, false, _left = wait_schedule_timeout(_left)); \
	_ok ? max(_left, (u64)1) : 0; })
#define wait_event_interruptible_timeout(q, cond, ns) ({ u64 _left = (ns); bool _ok = false; \
	int _sig = WAIT_EVENT(q, (_ok = (cond)) || !_left, 1, false, _left = wait_schedule_timeout(_left)); \
	_sig ? (s64)_sig : _ok ? (s64)max(_left & ~(1ULL << 63), (u64)1) : (s64)0; })
#define wait_event_killable_timeout(q, cond, ns) ({ u64 _left = (ns); bool _ok = false; \
	int _sig = WAIT_EVENT(q, (_ok = (cond)) || !_left, 4, false, _left = wait_schedule_timeout(_left)); \
	_sig ? (s64)_sig : _ok ? (s64)max(_left & ~(1ULL << 63), (u64)1) : (s64)0; })

/* --- completions: one side waits for what the other does once ------------------------------------------------------ */
struct completion { u32 done; struct wait_queue wait; };
#define COMPLETION_INIT(name) { 0, WAIT_QUEUE_INIT((name).wait) }
#define DECLARE_COMPLETION(name) struct completion name = COMPLETION_INIT(name)
#define init_completion(c) do { (c)->done = 0; wait_queue_init(&(c)->wait); } while (0)
void complete(struct completion *c);      /* one waiter; any context; c may be gone once the waiter has seen it */
void wait_for_completion(struct completion *c);
int __must_check wait_for_completion_killable(struct completion *c);      /* 0 or -ERESTARTSYS */

#endif
