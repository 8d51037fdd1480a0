/* SPDX-License-Identifier: MIT
 *
 * exec in a process with several threads: the others die, and the caller becomes the leader with the process's number.
 *
 * The caller marks the group (exec_task) and sends SIGKILL to the others; each, on its way out, wakes it. If it was not
 * the leader, it waits until the leader is a zombie and takes over: struct pid, place in the lists, exit signal.
 * Parents and process groups refer to the group, so they notice nothing.
 *
 * Locks: tasklist_lock > siglock.
 */
#include "kernel/sys/exec.h"
#include "kernel/sys/fork.h"
#include "kernel/sys/pid.h"
#include "kernel/sys/sighand.h"

static bool others_gone(struct group *g)
{
	struct task *leader = g->leader;

	if (leader == current)
		return READ_ONCE(g->nr_threads) == 1;
	return READ_ONCE(g->nr_threads) == 2 && READ_ONCE(leader->exit_state) == TASK_ZOMBIE;
}

static int wait_for_others(struct group *g)
{
	int err = 0;

	for (;;) {
		set_current_state(TASK_KILLABLE);
		if (others_gone(g))
			break;
		if (g->group_exiting) {
			err = -EAGAIN;
			break;
		}
		schedule();
	}
	set_current_state(TASK_RUNNING);
	return err;
}

static void take_over_leadership(struct group *g)
{
	struct task *old = g->leader, *me = current;
	pid_t nr = me->pid;

	write_lock(&tasklist_lock);
	me->pid = old->pid;
	old->pid = nr;
	swap(me->pids, old->pids);
	rcu_assign_pointer(me->pids->task, me);
	rcu_assign_pointer(old->pids->task, old);
	me->exit_signal = SIGCHLD;
	old->exit_signal = -1;
	g->leader = me;
	old->exit_state = TASK_DEAD;
	unhash_task_locked(old);
	write_unlock(&tasklist_lock);
	put_task(old);
}

int de_thread(void)
{
	struct group *g = current->group;
	int err;

	if (READ_ONCE(g->nr_threads) > 1 || g->leader != current) {
		spin_lock_irq(&g->siglock);
		if (g->group_exiting || g->exec_task) {
			spin_unlock_irq(&g->siglock);
			return -EAGAIN;
		}
		g->exec_task = current;
		zap_threads_locked(g);
		spin_unlock_irq(&g->siglock);
		err = wait_for_others(g);
		if (!err && g->leader != current)
			take_over_leadership(g);
		spin_lock_irq(&g->siglock);
		g->exec_task = NULL;
		spin_unlock_irq(&g->siglock);
		if (err)
			return err;
	}
	current->exit_signal = SIGCHLD;
	return 0;
}
