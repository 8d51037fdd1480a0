/* SPDX-License-Identifier: MIT
 *
 * Waiting for children: wait4, waitpid, waitid.
 *
 * A call looks at the children of its process (the one named, or all) under tasklist_lock for reading, and claims what
 * it reports: a zombie by exit_state ZOMBIE -> DEAD, a stop or continuation by its flag. A child whose leader has
 * exited while threads remain is not reported yet. Children belong to the process, not to the thread that forked, so
 * __WNOTHREAD has no effect.
 *
 * Locks: tasklist_lock > siglock.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/cred.h"
#include "kernel/sys/fork.h"
#include "kernel/sys/rusage.h"
#include "kernel/sys/sighand.h"
#include <linux/wait.h>

struct wait_request {
	int kind;                /* P_ALL, P_PID, P_PGID */
	pid_t nr;
	u32 options;
	bool any_child;          /* out: there is something to wait for */
	/* what was found */
	pid_t pid;
	uid_t uid;
	int code, status;        /* CLD_*; as wait4 gives it */
	struct task *dead;       /* to be buried */
	struct rusage *usage;
};

static bool matches(const struct group *child, const struct wait_request *r)
{
	bool clone_child = child->leader->exit_signal != SIGCHLD;

	if (r->kind == P_PID && child->tgid != r->nr)
		return false;
	if (r->kind == P_PGID && pid_nr(child->pgrp) != r->nr)
		return false;
	return r->options & __WALL || clone_child == !!(r->options & __WCLONE);
}

static bool take_zombie(struct group *child, struct wait_request *r)
{
	struct task *t = child->leader;

	if (t->exit_state != TASK_ZOMBIE || child->nr_threads != 1)
		return false;
	if (!(r->options & WNOWAIT)) {
		if (cmpxchg(&t->exit_state, TASK_ZOMBIE, TASK_DEAD) != TASK_ZOMBIE)
			return false;
		r->dead = t;
	}
	r->status = group_wait_status(child);
	r->code = r->status & 0x7f ? r->status & 0x80 ? CLD_DUMPED : CLD_KILLED : CLD_EXITED;
	return true;
}

static bool take_event(struct group *child, struct wait_request *r, u32 flag)
{
	bool found;

	if (!(READ_ONCE(child->wait_flags) & flag))
		return false;
	spin_lock_irq(&child->siglock);
	found = child->wait_flags & flag;
	if (found && !(r->options & WNOWAIT))
		child->wait_flags &= ~flag;
	r->code = flag == WAIT_STOPPED ? CLD_STOPPED : CLD_CONTINUED;
	r->status = flag == WAIT_STOPPED ? child->stop_sig << 8 | 0x7f : 0xffff;
	spin_unlock_irq(&child->siglock);
	return found;
}

/* => true: this child is what the call returns */
static bool consider(struct group *child, struct wait_request *r)
{
	bool found;

	if (!matches(child, r) || child->leader->exit_state == TASK_DEAD)
		return false;
	r->any_child = true;
	found = (r->options & WEXITED && take_zombie(child, r)) ||
		(r->options & WSTOPPED && take_event(child, r, WAIT_STOPPED)) ||
		(r->options & WCONTINUED && take_event(child, r, WAIT_CONTINUED));
	if (!found)
		return false;
	r->pid = child->tgid;
	r->uid = child->leader->cred->uid;
	if (r->usage)
		group_rusage(child, RUSAGE_BOTH, r->usage);
	return true;
}

/* All children, or a process group of them. Who has thousands (the first process, when a fork bomb's orphans come to it) is not to look at
 * each of them for every one that ends, with forks and exits of all waiting meanwhile. */
static bool scan_many(struct wait_request *r)
{
	struct group *g = current->group, *child;

	list_for_each_entry(child, &g->zombies, sibling)
		if (consider(child, r))
			return true;
	list_for_each_entry(child, &g->children, sibling) {
		if (consider(child, r))
			return true;
		if (r->any_child && !(r->options & (WSTOPPED | WCONTINUED)))
			return false; /* none of them has ended: that there is one is all we want to know */
	}
	return false;
}

/* One look. => true: found */
static bool scan_children(struct wait_request *r)
{
	struct group *g = current->group;
	struct task *t;
	bool found = false;

	read_lock(&tasklist_lock);
	if (r->kind == P_PID) {
		t = find_task(r->nr);
		if (t && task_is_leader(t) && t->group->parent == g)
			found = consider(t->group, r);
	} else
		found = scan_many(r);
	read_unlock(&tasklist_lock);
	return found;
}

static void bury(struct task *t)
{
	add_child_rusage(current->group, t->group);
	release_task(t);
}

/* => pid, 0 (WNOHANG), -ECHILD, -ERESTARTSYS */
static long do_wait(struct wait_request *r)
{
	struct wait_queue *q = &current->group->wait_child;
	DEFINE_WAIT(w);
	long err = 0;

	w.fn = wake_task_entry; /* stays queued: several events may come before one is ours */
	if (r->options & WNOHANG) {
		if (!scan_children(r))
			return r->any_child ? 0 : -ECHILD;
	} else {
		for (;;) {
			prepare_to_wait(q, &w, TASK_INTERRUPTIBLE);
			r->any_child = false;
			if (scan_children(r))
				break;
			err = !r->any_child ? -ECHILD : signal_pending() ? -ERESTARTSYS : 0;
			if (err)
				break;
			schedule();
		}
		finish_wait(q, &w);
		if (err)
			return err;
	}
	if (r->dead)
		bury(r->dead);
	return r->pid;
}

static int set_target(struct wait_request *r, pid_t pid)
{
	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	r->kind = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
	r->nr = pid > 0 ? pid : -pid;
	if (pid == 0)
		r->nr = pid_nr(current->group->pgrp);
	return 0;
}

SYSCALL(wait4, pid_t pid, int __user *status, int options, struct rusage __user *usage)
{
	struct wait_request r = { .options = options | WEXITED };
	struct rusage ru;
	long ret;
	int err = set_target(&r, pid);

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (err)
		return err;
	r.usage = usage ? &ru : NULL;
	ret = do_wait(&r);
	if (ret <= 0)
		return ret;
	if (status && put_user(r.status, status))
		return -EFAULT;
	if (usage && copy_to_user(usage, &ru, sizeof(ru)))
		return -EFAULT;
	return ret;
}

SYSCALL(waitpid, pid_t pid, int __user *status, int options)
{
	return sys_wait4(pid, status, options, NULL);
}

static int waitid_target(struct wait_request *r, int kind, pid_t nr)
{
	if (kind != P_ALL && kind != P_PID && kind != P_PGID)
		return -EINVAL; /* P_PIDFD: there are no pidfds */
	if ((kind == P_PID && nr <= 0) || (kind == P_PGID && nr < 0))
		return -EINVAL;
	r->kind = kind;
	r->nr = kind == P_PGID && nr == 0 ? pid_nr(current->group->pgrp) : nr;
	return 0;
}

static int put_waitid_info(siginfo_t __user *to, const struct wait_request *r, long ret)
{
	struct siginfo_k k = { 0 };
	u32 info[128 / 4] = { 0 };

	if (ret > 0) {
		k = (struct siginfo_k){ .signo = SIGCHLD, .code = r->code, .pid = r->pid, .uid = r->uid };
		k.status = r->code == CLD_EXITED ? r->status >> 8 & 0xff : r->code == CLD_STOPPED ? r->status >> 8 :
			   r->code == CLD_CONTINUED ? SIGCONT : r->status & 0x7f;
		siginfo_to_user(info, &k);
	}
	return copy_to_user(to, info, sizeof(info)) ? -EFAULT : 0;
}

SYSCALL(waitid, int kind, pid_t nr, siginfo_t __user *info, int options, struct rusage __user *usage)
{
	struct wait_request r = { .options = options };
	struct rusage ru;
	long ret;
	int err;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	err = waitid_target(&r, kind, nr);
	if (err)
		return err;
	r.usage = usage ? &ru : NULL;
	ret = do_wait(&r);
	if (ret < 0)
		return ret;
	if (ret > 0 && usage && copy_to_user(usage, &ru, sizeof(ru)))
		return -EFAULT;
	return info ? put_waitid_info(info, &r, ret) : 0;
}
