/* SPDX-License-Identifier: MIT
 *
 * Who one is, and which process group and session one belongs to.
 *
 * A struct pid stands for a group of processes as long as it has members. Moving changes lists under tasklist_lock; the
 * number that was left may become free there.
 */
#include "kernel/lib/syscall.h"
#include "kernel/sys/fork.h"
#include "kernel/sys/pid.h"

SYSCALL(getpid, void)
{
	return current->group->tgid;
}

SYSCALL(gettid, void)
{
	return current->pid;
}

SYSCALL(getppid, void)
{
	return task_ppid(current);
}

static void move_to_pgrp(struct group *g, struct pid *to)
{
	struct pid *old = g->pgrp;

	if (old == to)
		return;
	if (old)
		list_del(&g->pgrp_node);
	g->pgrp = get_pid(to);
	list_add_tail(&g->pgrp_node, &to->groups);
	if (old) {
		release_pid_if_unused(old);
		put_pid(old);
	}
}

static void move_to_session(struct group *g, struct pid *to)
{
	struct pid *old = g->session;

	if (old == to)
		return;
	if (old)
		list_del(&g->session_node);
	g->session = get_pid(to);
	list_add_tail(&g->session_node, &to->session);
	if (old) {
		release_pid_if_unused(old);
		put_pid(old);
	}
}

/* current's process becomes the leader of a new session and group. => session number, -EPERM */
long new_session(void)
{
	struct group *g = current->group;
	struct pid *own;
	long ret = -EPERM;

	write_lock(&tasklist_lock);
	own = g->leader->pids;
	if (!g->session_leader && list_empty(&own->groups)) {
		move_to_session(g, own);
		move_to_pgrp(g, own);
		g->session_leader = true;
		spin_lock_irq(&g->siglock);
		g->tty = NULL;
		spin_unlock_irq(&g->siglock);
		ret = own->nr;
	}
	write_unlock(&tasklist_lock);
	return ret;
}

SYSCALL(setsid, void)
{
	return new_session();
}

/* T held for writing */
static int setpgid_locked(pid_t pid, pid_t pgid)
{
	struct group *me = current->group, *g;
	struct task *t = find_task(pid);
	struct pid *to;

	if (!t || !task_is_leader(t))
		return t ? -EINVAL : -ESRCH;
	g = t->group;
	if (g != me) {
		if (g->parent != me)
			return -ESRCH;
		if (g->session != me->session)
			return -EPERM;
		if (!(t->flags & PF_FORKNOEXEC))
			return -EACCES;
	}
	if (g->session_leader)
		return -EPERM;
	to = pgid == pid ? t->pids : find_pid(pgid);
	if (!to)
		return -EPERM;
	if (pgid != pid) {
		if (list_empty(&to->groups) || list_first_entry(&to->groups, struct group, pgrp_node)->session != me->session)
			return -EPERM;
	}
	move_to_pgrp(g, to);
	return 0;
}

SYSCALL(setpgid, pid_t pid, pid_t pgid)
{
	int err;

	if (!pid)
		pid = current->group->tgid;
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	write_lock(&tasklist_lock);
	err = setpgid_locked(pid, pgid);
	write_unlock(&tasklist_lock);
	return err;
}

static long group_number(pid_t pid, bool session)
{
	struct task *t;
	long nr = -ESRCH;

	read_lock(&tasklist_lock);
	t = pid ? find_task(pid) : current;
	if (t)
		nr = pid_nr(session ? t->group->session : t->group->pgrp);
	read_unlock(&tasklist_lock);
	return nr;
}

SYSCALL(getpgid, pid_t pid)
{
	return group_number(pid, false);
}

SYSCALL(getpgrp, void)
{
	return group_number(0, false);
}

SYSCALL(getsid, pid_t pid)
{
	return group_number(pid, true);
}
