/* SPDX-License-Identifier: MIT
 *
 * blockd: what the end of a bio cannot do in an interrupt handler. Today that is copying out of bounce pages, which needs
 * kmap. It never allocates nor waits for a disk, so it always comes to its next piece of work.
 *
 * Lock: lock, irqs off, a leaf.
 */
#include "drivers/block/internal.h"
#include "kernel/sched/sched.h"

static DEFINE_SPINLOCK(lock);
static LIST_HEAD(list);
static DEFINE_WAIT_QUEUE(wait);

void blockd_add(struct bio *bio, void (*fn)(struct bio *bio))
{
	unsigned long flags;

	bio->end = fn;
	spin_lock_irqsave(&lock, flags);
	list_add_tail(&bio->link, &list);
	spin_unlock_irqrestore(&lock, flags);
	wake_up(&wait);
}

static struct bio *take(void)
{
	struct bio *bio = NULL;

	spin_lock_irq(&lock);
	if (!list_empty(&list)) {
		bio = list_first_entry(&list, struct bio, link);
		list_del_init(&bio->link);
	}
	spin_unlock_irq(&lock);
	return bio;
}

static int blockd(void *arg)
{
	struct bio *bio;

	current->flags |= PF_MEMALLOC;
	for (;;) {
		(void)wait_event_interruptible(&wait, !list_empty(&list));
		while ((bio = take()) != NULL)
			bio->end(bio);
	}
	return 0;
}

void __init blockd_init(void)
{
	if (IS_ERR(kthread_run(blockd, NULL, "blockd")))
		panic("blockd: no memory for a thread");
}
