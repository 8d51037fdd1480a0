/* SPDX-License-Identifier: MIT
 *
 * The reaper: takes the memory of a victim that cannot go by itself, because it waits for a lock that somebody holds who waits
 * for memory. It needs the mmap lock for reading only, and only tries it.
 *
 * What goes is private memory that is not locked. The victim runs no more in user mode; what the kernel still reads of it on its
 * behalf finds zeroes where pages were.
 *
 * Life of mm->oom_state: ALIVE, VICTIM (chosen; linked here with a count), GONE (reaped, dead, or given up).
 */
#include "kernel/time/clock.h"
#include "mm/reclaim/oom.h"

#define TRIES 20

static DEFINE_SPINLOCK(lock);
static LIST_HEAD(victims);        /* lock: mm->oom_node */
static DEFINE_WAIT_QUEUE(wait);

void oom_reap_soon(struct mm *mm)
{
	mmgrab(mm);
	spin_lock(&lock);
	list_add_tail(&mm->oom_node, &victims);
	spin_unlock(&lock);
	wake_up(&wait);
}

static void reap_areas(struct mm *mm)
{
	for_each_vma(mm, v) {
		if (v->flags & (VM_LOCKED | VM_SHARED | VM_NONLINEAR) || v->ops)
			continue;
		zap_vma(v, v->start, v->end);
	}
}

/* => done, or nothing left to do */
static bool try_to_reap(struct mm *mm)
{
	if (!atomic_inc_not_zero(&mm->users))
		return true;
	if (!mmap_read_trylock(mm, MM_ALL)) {
		mmput(mm);
		return false;
	}
	reap_areas(mm);
	mmap_read_unlock(mm, MM_ALL);
	mmput(mm);
	count_vm_event(OOM_REAP);
	return true;
}

/* Most victims are gone before we come: they get a moment. */
static void reap(struct mm *mm)
{
	bool done = false;

	for (int i = 0; i < TRIES && !done; i++) {
		msleep(20);
		done = READ_ONCE(mm->oom_state) == OOM_MM_GONE || try_to_reap(mm);
	}
	oom_mm_gone(mm);
	mmdrop(mm);
}

static int reaper(void *unused)
{
	current->flags |= PF_MEMALLOC;
	for (;;) {
		struct mm *mm;

		(void)wait_event_interruptible(&wait, !list_empty(&victims));
		spin_lock(&lock);
		mm = list_first_entry(&victims, struct mm, oom_node);
		list_del(&mm->oom_node);
		spin_unlock(&lock);
		reap(mm);
	}
	return 0;
}

void oom_reap_init(void)
{
	if (IS_ERR(kthread_run(reaper, NULL, "oom_reaper")))
		panic("oom: no memory for a thread");
}
