/* SPDX-License-Identifier: MIT
 *
 * Stopping and continuing processes.
 *
 * The thread that takes a stop signal marks every thread of its group; each joins when it next looks for signals. The
 * last one to join makes the group stopped and tells the parent. SIGCONT, when it is sent, undoes all of it; the
 * parent hears of it from the first thread that wakes, because two siglocks are never held at once.
 *
 * Locks: tasklist_lock > siglock.
 */
#include "kernel/sys/sighand.h"

#include "arch/i386/smp.h"

void kick_task(struct task *t)
{
	if (t != current && READ_ONCE(t->sched.on_cpu))
		smp_send_reschedule(t->sched.cpu);
}

static void parent_info(struct group *g, struct siginfo_k *info, int code)
{
	*info = (struct siginfo_k){ .signo = SIGCHLD, .code = code, .pid = g->tgid, .uid = g->leader->cred->uid };
	info->status = code == CLD_CONTINUED ? SIGCONT : g->stop_sig;
	task_cpu_times(g->leader, &info->utime, &info->stime);
	info->utime += g->utime;
	info->stime += g->stime;
}

void notify_parent_jobctl(struct group *g, int code)
{
	struct siginfo_k info;
	struct kaction a;
	struct group *p;

	read_lock(&tasklist_lock);
	p = g->parent;
	if (p) {
		parent_info(g, &info, code);
		spin_lock_irq(&p->siglock);
		a = sig_action(p->sighand, SIGCHLD);
		if (a.handler != HANDLER_IGN && !(a.flags & SA_NOCLDSTOP))
			send_signal_locked(SIGCHLD, &info, p->leader, true);
		spin_unlock_irq(&p->siglock);
		wake_up_all(&p->wait_child);
	}
	read_unlock(&tasklist_lock);
}

static void start_stop(struct group *g, int sig)
{
	struct task *t;

	g->stop_sig = sig;
	g->stop_count = 0;
	for_each_thread(g, t) {
		if (t->flags & PF_EXITING || t->jobctl & JOBCTL_STOPPED)
			continue;
		t->jobctl |= JOBCTL_STOP_PENDING;
		g->stop_count++;
		if (t != current)
			signal_wake_up(t, false);
	}
}

/* One thread has stopped, or left for good. => true: it was the last */
static bool join_stop(struct group *g)
{
	if (--g->stop_count > 0)
		return false;
	g->stop_count = 0;
	g->group_stopped = true;
	g->wait_flags = WAIT_STOPPED;
	return true;
}

bool leave_stop_locked(struct task *t)
{
	if (!(t->jobctl & JOBCTL_STOP_PENDING))
		return false;
	t->jobctl &= ~JOBCTL_STOP_PENDING;
	return join_stop(t->group);
}

/* Stops current with its group; sig 0: joins a stop under way. => siglock held; dropped while it sleeps */
void do_signal_stop(int sig)
{
	struct group *g = current->group;
	bool last;

	if (!(current->jobctl & JOBCTL_STOP_PENDING))
		start_stop(g, sig);
	current->jobctl = (current->jobctl & ~JOBCTL_STOP_PENDING) | JOBCTL_STOPPED;
	last = join_stop(g);
	spin_unlock_irq(&g->siglock);
	if (last)
		notify_parent_jobctl(g, CLD_STOPPED);
	spin_lock_irq(&g->siglock);
	while (current->jobctl & JOBCTL_STOPPED && !sigset_has(&current->pending.set, SIGKILL)) {
		set_current_state(TASK_STOPPED);
		spin_unlock_irq(&g->siglock);
		schedule();
		spin_lock_irq(&g->siglock);
	}
	set_current_state(TASK_RUNNING);
	current->jobctl &= ~JOBCTL_STOPPED;
}

/* SIGCONT was sent. => siglock held */
void continue_group_locked(struct group *g)
{
	struct task *t;

	for_each_thread(g, t) {
		t->jobctl &= ~(JOBCTL_STOP_PENDING | JOBCTL_STOPPED | JOBCTL_STOP_TAKEN);
		wake_up_state(t, TASK_STOPPED);
	}
	if (g->group_stopped || g->stop_count) {
		g->group_stopped = false;
		g->stop_count = 0;
		g->wait_flags = WAIT_CONTINUED | WAIT_NOTIFY_CONT;
		work_set(g->leader, WORK_SIGNAL);
		for_each_thread(g, t)
			work_set(t, WORK_SIGNAL);
	}
}

static bool keeps_pgrp_alive(const struct group *g, const struct pid *pgrp)
{
	const struct group *p = g->parent;

	return g->leader->exit_state == 0 && p && p->pgrp != pgrp && p->session == g->session;
}

bool pgrp_orphaned(struct pid *pgrp)
{
	struct group *g;

	for_each_in_pgrp(pgrp, g)
		if (keeps_pgrp_alive(g, pgrp))
			return false;
	return true;
}
