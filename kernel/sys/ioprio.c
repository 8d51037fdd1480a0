/* SPDX-License-Identifier: MIT
 *
 * ioprio_set, ioprio_get: a class and a level for a task's disk requests. ioprio_set(2).
 *
 * They are kept, inherited by fork and shown; the elevator (drivers/block/queue.c) does not look at them: all requests are equal.
 */
#include "kernel/lib/syscall.h"
#include "kernel/sys/cred.h"
#include <linux/capability.h>
#include <linux/ioprio.h>

static int valid(u32 prio)
{
	u32 level = prio & IOPRIO_PRIO_MASK;

	switch (prio >> IOPRIO_CLASS_SHIFT) {
	case IOPRIO_CLASS_RT:
		if (!capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
			return -EPERM;
		return level < IOPRIO_NR_LEVELS ? 0 : -EINVAL;
	case IOPRIO_CLASS_BE: return level < IOPRIO_NR_LEVELS ? 0 : -EINVAL;
	case IOPRIO_CLASS_IDLE: return 0;
	case IOPRIO_CLASS_NONE: return level ? -EINVAL : 0;
	default: return -EINVAL;
	}
}

/* tasklist_lock or RCU */
static bool chosen(const struct task *t, int which, u32 who)
{
	switch (which) {
	case IOPRIO_WHO_PROCESS: return t->pid == (pid_t)(who ? who : (u32)current->pid);
	case IOPRIO_WHO_PGRP: return pid_nr(t->group->pgrp) == (who ? (pid_t)who : pid_nr(current->group->pgrp));
	default: return t->cred->uid == (who ? who : current->cred->uid);
	}
}

static int set_one(struct task *t, u32 prio)
{
	const struct cred *me = current->cred, *c = t->cred;

	if (c->uid != me->euid && c->uid != me->uid && !capable(CAP_SYS_NICE))
		return -EPERM;
	WRITE_ONCE(t->ioprio, (u16)prio);
	return 0;
}

SYSCALL(ioprio_set, int which, u32 who, u32 prio)
{
	struct task *t;
	int err = valid(prio);

	if (err)
		return err;
	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	err = -ESRCH;
	read_lock(&tasklist_lock);
	for_each_task(t)
		if (chosen(t, which, who) && (err = set_one(t, prio)) != 0)
			break;
	read_unlock(&tasklist_lock);
	return err;
}

/* The best of several: real time before best effort before idle; none counts as best effort in the middle. */
static u32 rank(u32 prio) { return prio >> IOPRIO_CLASS_SHIFT ? prio : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_BE_NORM); }

SYSCALL(ioprio_get, int which, u32 who)
{
	struct task *t;
	long best = -ESRCH;

	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	read_lock(&tasklist_lock);
	for_each_task(t)
		if (chosen(t, which, who) && (best < 0 || rank(t->ioprio) < rank((u32)best)))
			best = t->ioprio;
	read_unlock(&tasklist_lock);
	return best;
}
