/* SPDX-License-Identifier: MIT
 *
 * Sleeping for a page: until PG_locked can be taken, until PG_locked is seen clear, until PG_writeback is clear.
 *
 * 256 hashed queues serve all pages (their locks: kernel/sync/hashlock, a class that interrupts take). PG_waiters is set
 * while a queue holds an entry for the page, and changes under the queue's lock only, so that unlocking a page for which
 * nobody waits is one atomic operation and a test. Unlocking wakes all who only look and the first who wants the lock;
 * that one stays queued until it has the lock, so whoever snatches the page before it wakes it again on the way out.
 *
 * Lock order: queue lock > run-queue lock. The lock may be taken in interrupt handlers (end_page_writeback).
 */
#include "kernel/sched/sched.h"
#include "kernel/sync/hashlock.h"
#include "mm/phys/internal.h"

#define WAIT_TABLE_BITS 8

enum page_wish { WANT_LOCK, SEE_UNLOCKED, SEE_WRITTEN };
struct page_waiter {
	struct list_head list;
	struct page *page;
	struct task *task;
	enum page_wish wish;
};
static struct list_head table[1 << WAIT_TABLE_BITS];
static DEFINE_HASH_CLASS(page_waits, "page wait", HASHLOCK_LEVEL_PAGEWAIT, HASHLOCK_IRQ, 0);

void __init pagelock_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
		list_init(&table[i]);
	hash_class_register(&page_waits);
}

static u32 queue_of(const struct page *page) { return (u32)page_to_pfn(page).n * 0x9e3779b1U >> (32 - WAIT_TABLE_BITS); }

/* => interrupts off until unlock_queue */
static unsigned long lock_queue(u32 q)
{
	unsigned long flags;

	local_irq_save(flags);
	hash_lock(&page_waits, q);
	return flags;
}

static void unlock_queue(u32 q, unsigned long flags)
{
	preempt_disable(); /* interrupts first: a task that was woken runs when they are on again */
	hash_unlock(&page_waits, q);
	local_irq_restore(flags);
	preempt_enable();
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

static void enqueue(u32 q, struct page_waiter *w)
{
	unsigned long flags = lock_queue(q);

	list_add_tail(&w->list, &table[q]);
	set_page_waiters(w->page);
	unlock_queue(q, flags);
}

static bool others_wait(u32 q, const struct page *page)
{
	const struct page_waiter *w;

	list_for_each_entry(w, &table[q], list)
		if (w->page == page)
			return true;
	return false;
}

static void dequeue(u32 q, struct page_waiter *w)
{
	unsigned long flags = lock_queue(q);

	list_del(&w->list);
	if (!others_wait(q, w->page))
		clear_page_waiters(w->page);
	unlock_queue(q, flags);
}

/* what: WANT_LOCK for an unlock, SEE_WRITTEN for the end of write-back. The page may be freed by the first woken:
 * it is only an address here. */
static void wake_waiters(const struct page *page, enum page_wish what)
{
	u32 q = queue_of(page);
	unsigned long flags = lock_queue(q);
	struct page_waiter *w;

	list_for_each_entry(w, &table[q], list) {
		if (w->page != page || (w->wish == SEE_WRITTEN) != (what == SEE_WRITTEN))
			continue;
		if (wake_up_process(w->task) && w->wish == WANT_LOCK)
			break;
	}
	unlock_queue(q, flags);
}

/* => 0, or -EINTR if state lets a signal end it; then somebody else who waits is woken in our place */
static noinline int wait_for_page(struct page *page, enum page_wish wish, unsigned state)
{
	struct page_waiter w = { .page = page, .task = current, .wish = wish };
	u32 q = queue_of(page);
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

/* Until the flag goes the page stays in its file or the swap cache, and their reference is the one that keeps it. An I/O takes none
 * of its own: it would still be there when the first who is woken wants to free the page. Any context. */
void end_page_writeback(struct page *page)
{
	bool reclaim = page_reclaim(page);

	ASSERT(page_writeback(page));
	if (unlikely(reclaim)) {
		clear_page_reclaim(page);
		lru_rotate(page);
	}
	clear_page_writeback(page);
	if (unlikely(page_waiters(page)))
		wake_waiters(page, SEE_WRITTEN);
	if (unlikely(reclaim))
		lru_written();
}
