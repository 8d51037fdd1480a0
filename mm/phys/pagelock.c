/* SPDX-License-Identifier: MIT
 *
 * Sleeping for a page: until PG_locked can be taken, until PG_locked is seen clear, until PG_writeback is clear.
 *
 * 256 hashed queues serve all pages. PG_waiters is set while a queue holds an entry for the page, and changes under
 * the queue's lock only, so that unlocking a page for which nobody waits is one atomic operation and a test. Unlocking
 * wakes all who only look and the first who wants the lock; that one stays queued until it has the lock, so whoever
 * snatches the page before it wakes it again on the way out.
 *
 * Lock order: queue lock > run-queue lock. The lock may be taken in interrupt handlers (end_page_writeback).
 */
#include "kernel/sched/sched.h"
#include "mm/phys/internal.h"

#define WAIT_TABLE_BITS 8

enum page_wish { WANT_LOCK, SEE_UNLOCKED, SEE_WRITTEN };
struct page_waiter {
	struct list_head list;
	struct page *page;
	struct task *task;
	enum page_wish wish;
};
struct page_queue { spinlock_t lock; struct list_head waiters; };
static struct page_queue table[1 << WAIT_TABLE_BITS];

void __init pagelock_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		spin_lock_init(&table[i].lock, "page wait queue");
		list_init(&table[i].waiters);
	}
}

static struct page_queue *queue_of(const struct page *page)
{
	return &table[(u32)page_to_pfn(page) * 0x9e3779b1U >> (32 - WAIT_TABLE_BITS)];
}

static bool wish_fulfilled(const struct page_waiter *w)
{
	switch (w->wish) {
	case WANT_LOCK:
		return trylock_page(w->page);
	case SEE_UNLOCKED:
		return !page_locked(w->page);
	default:
		return !page_writeback(w->page);
	}
}

static void enqueue(struct page_queue *q, struct page_waiter *w)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	list_add_tail(&w->list, &q->waiters);
	set_page_waiters(w->page);
	spin_unlock_irqrestore(&q->lock, flags);
}

static bool others_wait(const struct page_queue *q, const struct page *page)
{
	const struct page_waiter *w;

	list_for_each_entry(w, &q->waiters, list)
		if (w->page == page)
			return true;
	return false;
}

static void dequeue(struct page_queue *q, struct page_waiter *w)
{
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	list_del(&w->list);
	if (!others_wait(q, w->page))
		clear_page_waiters(w->page);
	spin_unlock_irqrestore(&q->lock, flags);
}

/* what: WANT_LOCK for an unlock, SEE_WRITTEN for the end of write-back. The page may be freed by the first woken:
 * it is only an address here. */
static void wake_waiters(const struct page *page, enum page_wish what)
{
	struct page_queue *q = queue_of(page);
	struct page_waiter *w;
	unsigned long flags;

	spin_lock_irqsave(&q->lock, flags);
	list_for_each_entry(w, &q->waiters, list) {
		if (w->page != page || (w->wish == SEE_WRITTEN) != (what == SEE_WRITTEN))
			continue;
		if (wake_up_process(w->task) && w->wish == WANT_LOCK)
			break;
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

/* => 0, or -EINTR if state lets a signal end it; then somebody else who waits is woken in our place */
static noinline int wait_for_page(struct page *page, enum page_wish wish, unsigned state)
{
	struct page_waiter w = { .page = page, .task = current, .wish = wish };
	struct page_queue *q = queue_of(page);
	int err = 0;

	might_sleep();
	enqueue(q, &w);
	for (;;) {
		set_current_state(state);
		if (wish_fulfilled(&w))
			break;
		if (signal_pending_state(state)) {
			err = -EINTR;
			break;
		}
		schedule();
	}
	set_current_state(TASK_RUNNING);
	dequeue(q, &w);
	if (err && wish == WANT_LOCK && !page_locked(page))
		wake_waiters(page, WANT_LOCK);
	return err;
}

void lock_page(struct page *page)
{
	if (!trylock_page(page))
		wait_for_page(page, WANT_LOCK, TASK_UNINTERRUPTIBLE);
}

int lock_page_killable(struct page *page)
{
	return trylock_page(page) ? 0 : wait_for_page(page, WANT_LOCK, TASK_KILLABLE);
}

void unlock_page(struct page *page)
{
	ASSERT(page_locked(page));
	clear_page_locked(page); /* a full barrier: the waiter sets PG_waiters, then looks at PG_locked */
	if (unlikely(page_waiters(page)))
		wake_waiters(page, WANT_LOCK);
}

void wait_on_page_locked(struct page *page)
{
	if (page_locked(page))
		wait_for_page(page, SEE_UNLOCKED, TASK_UNINTERRUPTIBLE);
}

void wait_on_page_writeback(struct page *page)
{
	if (page_writeback(page))
		wait_for_page(page, SEE_WRITTEN, TASK_UNINTERRUPTIBLE);
}

/* The caller holds a reference. Any context. */
void end_page_writeback(struct page *page)
{
	ASSERT(page_writeback(page));
	clear_page_writeback(page);
	if (unlikely(page_waiters(page)))
		wake_waiters(page, SEE_WRITTEN);
	if (unlikely(page_reclaim(page)))
		lru_written(page);
}
