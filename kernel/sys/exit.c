/* SPDX-License-Identifier: MIT
 *
 * The end of a task: what it holds is given back, its children get another parent, its parent is told.
 *
 * A leader that exits first stays a zombie until the last thread of its group is gone; only then is the parent told.
 * Other threads bury themselves. exit_state goes 0 -> TASK_ZOMBIE -> TASK_DEAD under tasklist_lock; a waiting parent
 * claims the zombie by the second step.
 *
 * Locks: tasklist_lock > siglock.
 */
#include "kernel/fs/tty_job.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/cred.h"
#include "kernel/sys/fork.h"
#include "kernel/sys/futex.h"
#include "kernel/sys/itimer.h"
#include "kernel/sys/pid.h"
#include "kernel/sys/sighand.h"
#include "mm/virt/mm.h"
#include "arch/i386/uaccess.h"
#include <linux/sched.h>

/* --- burying ----------------------------------------------------------------------------------------------------------- */

static void leave_pgrp_and_session(struct group *g)
{
	struct pid *pgrp = g->pgrp, *session = g->session;

	if (!pgrp)
		return;
	list_del(&g->pgrp_node);
	list_del(&g->session_node);
	release_pid_if_unused(pgrp);
	if (session != pgrp)
		release_pid_if_unused(session);
	g->pgrp = g->session = NULL;
	spin_lock_irq(&g->siglock);
	g->tty = NULL; /* a hang-up does not find us any more, and g may be looked at for long */
	spin_unlock_irq(&g->siglock);
	put_pid(pgrp);
	put_pid(session);
}

/* What a thread used is the process's from the moment on that it is in its list no more. => siglock held */
static void sum_up_thread(struct task *t)
{
	struct group *g = t->group;
	u64 user, system;

	task_cpu_times(t, &user, &system);
	g->utime += user;
	g->stime += system;
	g->min_flt += t->min_flt;
	g->maj_flt += t->maj_flt;
	g->nvcsw += t->nvcsw;
	g->nivcsw += t->nivcsw;
}

/* => T held for writing */
void unhash_task_locked(struct task *t)
{
	struct group *g = t->group;
	struct pid *pid = t->pids;

	list_del_rcu(&t->all_node);
	spin_lock_irq(&g->siglock);
	list_del_rcu(&t->thread_node);
	g->nr_threads--;
	if (t != g->leader)
		sum_up_thread(t);
	flush_pending(&t->pending); /* what comes later goes in free_task */
	if (t == g->leader)
		flush_pending(&g->shared_pending);
	spin_unlock_irq(&g->siglock);
	rcu_assign_pointer(pid->task, NULL);
	if (t == g->leader) {
		if (g->parent)
			list_del(&g->sibling);
		leave_pgrp_and_session(g);
	}
	release_pid_if_unused(pid);
	atomic_dec(&t->cred->user->tasks);
	task_unlinked();
}

void release_task(struct task *t)
{
	write_lock(&tasklist_lock);
	unhash_task_locked(t);
	write_unlock(&tasklist_lock);
	put_task(t);
}

/* --- telling the parent ------------------------------------------------------------------------------------------------ */

int group_wait_status(const struct group *g)
{
	return g->group_exiting ? g->group_exit_code : g->leader->exit_code;
}

static void exit_info(struct group *g, struct siginfo_k *info)
{
	int status = group_wait_status(g);

	*info = (struct siginfo_k){ .signo = g->leader->exit_signal, .pid = g->tgid, .uid = g->leader->cred->uid };
	task_cpu_times(g->leader, &info->utime, &info->stime);
	info->utime += g->utime;
	info->stime += g->stime;
	info->code = status & 0x7f ? status & 0x80 ? CLD_DUMPED : CLD_KILLED : CLD_EXITED;
	info->status = status & 0x7f ? status & 0x7f : status >> 8 & 0xff;
}

/* All threads of g are gone. => true: nobody will wait for it. T held for writing */
static bool tell_parent(struct group *g)
{
	struct group *p = g->parent;
	int sig = g->leader->exit_signal;
	struct siginfo_k info;
	bool reap = false;

	if (!p)
		return true;
	exit_info(g, &info);
	spin_lock_irq(&p->siglock);
	if (sig == SIGCHLD) {
		struct kaction a = sig_action(p->sighand, SIGCHLD);

		reap = a.handler == HANDLER_IGN || a.flags & SA_NOCLDWAIT;
		if (a.handler == HANDLER_IGN)
			sig = 0;
	}
	if (sig > 0)
		send_signal_locked(sig, &info, p->leader, true);
	spin_unlock_irq(&p->siglock);
	wake_up_all(&p->wait_child);
	return reap;
}

/* In the order in which they were born, as Linux's wait4 reports them. Who leaves thousands unwaited for does not hold everybody's
 * forks and exits up for that: past so many younger ones the order is no more exact. => T held for writing */
static void add_zombie(struct group *g)
{
	struct list_head *zombies = &g->parent->zombies, *at = zombies->prev;
	unsigned left = 100;

	while (at != zombies && list_entry(at, struct group, sibling)->start_time > g->start_time && left--)
		at = at->prev;
	list_move(&g->sibling, at);
}

/* The group has no running thread left: its leader becomes what its parent sees. */
static void end_group(struct group *g)
{
	struct task *leader = g->leader;

	if (tell_parent(g)) {
		leader->exit_state = TASK_DEAD;
		unhash_task_locked(leader);
		put_task(leader);
	} else
		add_zombie(g);
}

/* --- children ------------------------------------------------------------------------------------------------------------ */

static struct group *find_reaper(struct group *g)
{
	if (g->has_subreaper)
		for (struct group *p = g->parent; p; p = p->parent)
			if (p->subreaper && atomic_read(&p->live))
				return p;
	return init_group;
}

static bool has_stopped(struct pid *pgrp)
{
	struct group *g;

	for_each_in_pgrp(pgrp, g)
		if (g->group_stopped)
			return true;
	return false;
}

static void hangup_if_orphaned(struct pid *pgrp)
{
	struct group *g;

	if (!pgrp || !pgrp_orphaned(pgrp) || !has_stopped(pgrp))
		return;
	for_each_in_pgrp(pgrp, g) {
		send_group_signal(SIGHUP, NULL, g->leader);
		send_group_signal(SIGCONT, NULL, g->leader);
	}
}

static void send_pdeath(struct group *g)
{
	struct task *t;

	for_each_thread(g, t)
		if (t->pdeath_signal)
			send_group_signal(t->pdeath_signal, NULL, t);
}

static void give_away_child(struct group *child, struct group *old, struct group *reaper)
{
	bool linked = child->pgrp != old->pgrp && child->session == old->session;

	child->parent = reaper;
	list_move_tail(&child->sibling, &reaper->children);
	child->leader->exit_signal = SIGCHLD;
	send_pdeath(child);
	if (child->leader->exit_state == TASK_ZOMBIE && child->nr_threads == 1)
		end_group(child);
	else if (linked)
		hangup_if_orphaned(child->pgrp);
}

/* => T held for writing */
static void give_away_children(struct group *g)
{
	struct group *reaper = find_reaper(g), *child, *next;

	list_for_each_entry_safe(child, next, &g->zombies, sibling)
		give_away_child(child, g, reaper);
	list_for_each_entry_safe(child, next, &g->children, sibling)
		give_away_child(child, g, reaper);
	if (g->parent && g->pgrp != g->parent->pgrp && g->session == g->parent->session)
		hangup_if_orphaned(g->pgrp);
}

/* --- leaving ------------------------------------------------------------------------------------------------------------- */

/* From here on no signal chooses t; what waits for the process goes to another thread. => T not held */
static void leave_signals(struct task *t)
{
	struct group *g = t->group;
	bool stopped;

	spin_lock_irq(&g->siglock);
	t->flags |= PF_EXITING;
	stopped = leave_stop_locked(t) && !g->group_exiting;
	hand_over_shared_locked(t);
	spin_unlock_irq(&g->siglock);
	if (stopped)
		notify_parent_jobctl(g, CLD_STOPPED);
}

static void complete_vfork(struct task *t)
{
	spin_lock(&t->alloc_lock);
	if (t->vfork_done)
		complete(t->vfork_done);
	t->vfork_done = NULL;
	spin_unlock(&t->alloc_lock);
}

void mm_release(struct task *t)
{
	if (t->robust_list)
		exit_robust_list(t);
	if (t->clear_child_tid) {
		u32 __user *tid = (u32 __user *)t->clear_child_tid;

		t->clear_child_tid = 0;
		if (atomic_read(&t->mm->users) > 1 && !put_user(0, tid))
			futex_wake_addr(tid, 1);
	}
	complete_vfork(t);
}

static void leave_mm(struct task *t)
{
	struct mm *mm = t->mm;
	struct group *g = t->group;
	unsigned long rss;

	if (!mm)
		return;
	mm_release(t);
	rss = max(mm->hiwater_rss, mm_rss(mm));
	if (g->maxrss < rss)
		g->maxrss = rss;
	mm_leave();
}

/* Out of all lists but the parent's; t still runs on its stack. */
static void exit_notify(struct task *t, bool group_dead)
{
	struct group *g = t->group;
	struct task *exec_task;
	bool bury = t != g->leader;

	write_lock(&tasklist_lock);
	if (group_dead)
		give_away_children(g);
	if (bury) {
		t->exit_state = TASK_DEAD;
		unhash_task_locked(t);
	} else {
		t->exit_state = TASK_ZOMBIE;
	}
	exec_task = READ_ONCE(g->exec_task); /* it may give up just now; its memory stays: preemption is off */
	if (exec_task)
		wake_up_state(exec_task, TASK_UNINTERRUPTIBLE | TASK_KILLABLE);
	else if (g->nr_threads == 1 && g->leader->exit_state == TASK_ZOMBIE)
		end_group(g);
	write_unlock(&tasklist_lock);
	if (bury)
		put_task(t);
}

static void last_thread_leaves(struct group *g)
{
	if (g == init_group)
		panic("the first process (%s) ended with status %#x: nothing is left to run", current->comm,
		      group_wait_status(g) ?: current->exit_code);
	cancel_itimers(g);
	posix_timers_exit(g);
	if (unlikely(g->sem_undo))
		sem_exit(g);
	if (g->session_leader)
		tty_session_exit();
}

void do_exit(int code)
{
	struct task *t = current;
	bool group_dead;

	leave_signals(t);
	t->exit_code = code;
	group_dead = atomic_dec_and_test(&t->group->live);
	if (group_dead)
		last_thread_leaves(t->group);
	leave_mm(t);
	if (t->files)
		files_exit(t);
	if (t->fs)
		fs_exit(t);
	exit_notify(t, group_dead);
	sched_exit_final();
}

void do_group_exit(int code)
{
	struct group *g = current->group;

	spin_lock_irq(&g->siglock);
	if (g->group_exiting)
		code = g->group_exit_code;
	else
		begin_group_exit_locked(g, code);
	spin_unlock_irq(&g->siglock);
	do_exit(code);
}

SYSCALL(exit, int code)
{
	do_exit((code & 0xff) << 8);
}

SYSCALL(exit_group, int code)
{
	do_group_exit((code & 0xff) << 8);
}
