/* SPDX-License-Identifier: MIT
 *
 * What interrupt handlers of this room leave to a thread: signals to process groups (tty.c), writing to disk (sysrq).
 *
 * One thread, "chard", takes struct later off a list and calls it. An entry may be queued again from the moment at which
 * its function starts. Lock: later_lock, irqs off, a leaf but for the queue of the thread.
 */
#include "drivers/char/char.h"
#include "kernel/lib/bug.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/wait.h"

static DEFINE_SPINLOCK(later_lock);
static LIST_HEAD(later_list);
static DEFINE_WAIT_QUEUE(later_wait);

/* => any context */
void later_queue(struct later *l)
{
	unsigned long irq;

	spin_lock_irqsave(&later_lock, irq);
	if (!l->node.next || list_empty(&l->node))
		list_add_tail(&l->node, &later_list);
	spin_unlock_irqrestore(&later_lock, irq);
	wake_up(&later_wait);
}

static struct later *take(void)
{
	struct later *l = NULL;

	spin_lock_irq(&later_lock);
	if (!list_empty(&later_list)) {
		l = list_first_entry(&later_list, struct later, node);
		list_del_init(&l->node);
	}
	spin_unlock_irq(&later_lock);
	return l;
}

static int chard(void *arg)
{
	struct later *l;

	for (;;) {
		(void)wait_event_interruptible(&later_wait, !list_empty(&later_list));
		while ((l = take()) != NULL)
			l->fn(l);
	}
	return 0;
}

void later_init(void)
{
	if (IS_ERR(kthread_run(chard, NULL, "chard")))
		panic("chard: no memory for a thread");
}
