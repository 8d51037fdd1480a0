/* SPDX-License-Identifier: MIT
 *
 * Priorities, policies, CPUs: nice, getpriority, sched_*.
 *
 * What a policy means is kernel/sched's; here are the checks of who may ask for what. SCHED_DEADLINE: EINVAL.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/cred.h"
#include "kernel/sys/timespec.h"
#include <linux/sched.h>
#include <linux/sched/types.h>

static bool same_owner(const struct task *t)
{
	const struct cred *me = current->cred, *c = t->cred;

	return me->euid == c->euid || me->euid == c->uid;
}

/* => task with reference, or ERR_PTR */
static struct task *get_target(pid_t pid, bool to_change)
{
	struct task *t;

	if (pid < 0)
		return ERR_PTR(-EINVAL);
	rcu_read_lock();
	t = pid ? find_task(pid) : current;
	if (!t)
		t = ERR_PTR(-ESRCH);
	else if (to_change && !same_owner(t) && !capable(CAP_SYS_NICE))
		t = ERR_PTR(-EPERM);
	else if (!try_get_task(t))
		t = ERR_PTR(-ESRCH);
	rcu_read_unlock();
	return t;
}

/* --- nice ------------------------------------------------------------------------------------------------------------------------------ */

static bool may_nice(const struct task *t, int nice)
{
	return nice >= t->sched.nice || (unsigned long)(20 - nice) <= t->group->rlim[RLIMIT_NICE].rlim_cur || capable(CAP_SYS_NICE);
}

static int renice(struct task *t, int nice)
{
	if (!same_owner(t) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (!may_nice(t, nice))
		return -EACCES;
	set_task_nice(t, nice);
	return 0;
}

SYSCALL(nice, int by)
{
	int nice = clamp(current->sched.nice + clamp(by, -40, 40), -20, 19);

	if (!may_nice(current, nice))
		return -EPERM;
	set_task_nice(current, nice);
	return 0;
}

static bool chosen(const struct task *t, int which, u32 who)
{
	switch (which) {
	case 0 /* PRIO_PROCESS */: return t->pid == (pid_t)who;
	case 1 /* PRIO_PGRP */: return pid_nr(t->group->pgrp) == (pid_t)who;
	default: return t->cred->uid == who;
	}
}

static u32 default_who(int which, u32 who)
{
	if (who)
		return who;
	return which == 0 ? (u32)current->pid : which == 1 ? (u32)pid_nr(current->group->pgrp) : current->cred->uid;
}

SYSCALL(setpriority, int which, u32 who, int nice)
{
	struct task *t;
	int err = -ESRCH, one;

	if (which < 0 || which > 2)
		return -EINVAL;
	nice = clamp(nice, -20, 19);
	who = default_who(which, who);
	read_lock(&tasklist_lock);
	for_each_task(t)
		if (chosen(t, which, who)) {
			one = renice(t, nice);
			err = one ? one : err == -ESRCH ? 0 : err;
		}
	read_unlock(&tasklist_lock);
	return err;
}

/* => 20 - nice, so that it cannot look like an error */
SYSCALL(getpriority, int which, u32 who)
{
	struct task *t;
	long best = -ESRCH;

	if (which < 0 || which > 2)
		return -EINVAL;
	who = default_who(which, who);
	read_lock(&tasklist_lock);
	for_each_task(t)
		if (chosen(t, which, who))
			best = max(best, 20L - t->sched.nice);
	read_unlock(&tasklist_lock);
	return best;
}

/* --- policies --------------------------------------------------------------------------------------------------------------------------- */

static int policy_valid(u32 policy, u32 priority)
{
	policy &= ~SCHED_RESET_ON_FORK;
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return priority >= 1 && priority <= 99 ? 0 : -EINVAL;
	if (policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE)
		return priority ? -EINVAL : 0;
	return -EINVAL;
}

static int set_policy(pid_t pid, u32 policy, u32 priority)
{
	struct task *t;
	int err = policy_valid(policy, priority);

	if (err)
		return err;
	t = get_target(pid, true);
	if (IS_ERR(t))
		return PTR_ERR(t);
	if (priority && priority > t->group->rlim[RLIMIT_RTPRIO].rlim_cur && !capable(CAP_SYS_NICE))
		err = -EPERM;
	else
		err = set_task_policy(t, policy & ~SCHED_RESET_ON_FORK, priority);
	if (!err)
		t->sched.reset_on_fork = policy & SCHED_RESET_ON_FORK;
	put_task(t);
	return err;
}

SYSCALL(sched_setscheduler, pid_t pid, int policy, const int __user *param)
{
	int priority;

	if (policy < 0 || !param)
		return -EINVAL;
	return get_user(priority, param) ? -EFAULT : set_policy(pid, policy, priority);
}

SYSCALL(sched_setparam, pid_t pid, const int __user *param)
{
	struct task *t = get_target(pid, false);
	int priority;
	u32 policy;

	if (IS_ERR(t))
		return PTR_ERR(t);
	policy = t->sched.policy;
	put_task(t);
	if (!param)
		return -EINVAL;
	return get_user(priority, param) ? -EFAULT : set_policy(pid, policy, priority);
}

SYSCALL(sched_getscheduler, pid_t pid)
{
	struct task *t = get_target(pid, false);
	long policy;

	if (IS_ERR(t))
		return PTR_ERR(t);
	policy = t->sched.policy | (t->sched.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
	put_task(t);
	return policy;
}

SYSCALL(sched_getparam, pid_t pid, int __user *param)
{
	struct task *t;
	int priority;

	if (!param)
		return -EINVAL;
	t = get_target(pid, false);
	if (IS_ERR(t))
		return PTR_ERR(t);
	priority = t->sched.rt_prio;
	put_task(t);
	return put_user(priority, param);
}

SYSCALL(sched_setattr, pid_t pid, struct sched_attr __user *from, u32 flags)
{
	struct sched_attr a = { 0 };
	u32 size;
	int err;

	if (!from || flags)
		return -EINVAL;
	if (get_user(size, &from->size))
		return -EFAULT;
	if (size && size < SCHED_ATTR_SIZE_VER0)
		return -E2BIG;
	if (copy_from_user(&a, from, min(size ? size : SCHED_ATTR_SIZE_VER0, (u32)sizeof(a))))
		return -EFAULT;
	if (a.sched_policy == SCHED_DEADLINE)
		return -EINVAL;
	err = set_policy(pid, a.sched_policy, a.sched_priority);
	if (!err && !a.sched_priority)
		err = sys_setpriority(0, pid, a.sched_nice);
	return err;
}

SYSCALL(sched_getattr, pid_t pid, struct sched_attr __user *to, u32 size, u32 flags)
{
	struct sched_attr a = { .size = sizeof(a) };
	struct task *t;

	if (!to || flags || size < SCHED_ATTR_SIZE_VER0 || size > 4096)
		return -EINVAL;
	t = get_target(pid, false);
	if (IS_ERR(t))
		return PTR_ERR(t);
	a.size = min(size, (u32)sizeof(a));
	a.sched_policy = t->sched.policy;
	a.sched_priority = t->sched.rt_prio;
	a.sched_nice = t->sched.nice;
	put_task(t);
	return copy_to_user(to, &a, a.size) ? -EFAULT : 0;
}

static bool real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool known_policy(int policy)
{
	return real_time(policy) || policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

SYSCALL(sched_get_priority_max, int policy)
{
	return real_time(policy) ? 99 : known_policy(policy) ? 0 : -EINVAL;
}

SYSCALL(sched_get_priority_min, int policy)
{
	return real_time(policy) ? 1 : known_policy(policy) ? 0 : -EINVAL;
}

static long rr_interval(pid_t pid, void __user *to, bool time64)
{
	struct task *t = get_target(pid, false);
	u64 ns;

	if (IS_ERR(t))
		return PTR_ERR(t);
	ns = task_rr_interval(t);
	put_task(t);
	return put_timespec_ns(to, ns, time64);
}

SYSCALL(sched_rr_get_interval, pid_t pid, void __user *to) { return rr_interval(pid, to, false); }
SYSCALL(sched_rr_get_interval_time64, pid_t pid, void __user *to) { return rr_interval(pid, to, true); }

/* --- CPUs ---------------------------------------------------------------------------------------------------------------------------------- */

SYSCALL(sched_yield, void)
{
	sched_yield_current();
	return 0;
}

SYSCALL(sched_setaffinity, pid_t pid, u32 size, const u32 __user *mask)
{
	struct task *t;
	u32 m = 0;
	int err;

	if (copy_from_user(&m, mask, min(size, (u32)sizeof(m))))
		return -EFAULT;
	t = get_target(pid, true);
	if (IS_ERR(t))
		return PTR_ERR(t);
	err = set_task_affinity(t, m);
	put_task(t);
	return err;
}

/* => bytes written: programs count the CPUs that the kernel knows by it */
SYSCALL(sched_getaffinity, pid_t pid, u32 size, u32 __user *mask)
{
	struct task *t;
	u32 m;

	if (size * 8 < nr_cpus || size & 3)
		return -EINVAL;
	t = get_target(pid, false);
	if (IS_ERR(t))
		return PTR_ERR(t);
	m = t->sched.allowed & cpu_online_mask;
	put_task(t);
	return put_user(m, mask) ? -EFAULT : (long)sizeof(m);
}

SYSCALL(getcpu, u32 __user *cpu_nr, u32 __user *node)
{
	u32 c = smp_processor_id();

	if (cpu_nr && put_user(c, cpu_nr))
		return -EFAULT;
	return node && put_user(0u, node) ? -EFAULT : 0;
}
