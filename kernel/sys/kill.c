/* SPDX-License-Identifier: MIT
 *
 * Sending signals by system call: kill, tkill, tgkill, rt_sigqueueinfo.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/cred.h"
#include "kernel/sys/sighand.h"

/* => 0, -EPERM. RCU */
static int check_kill_permission(int sig, struct task *t, const struct siginfo_k *info)
{
	const struct cred *me = current->cred, *to = rcu_dereference(t->cred);

	if (t->group == current->group)
		return 0;
	if (me->euid == to->suid || me->euid == to->uid || me->uid == to->suid || me->uid == to->uid || capable(CAP_KILL))
		return 0;
	return sig == SIGCONT && t->group->session == current->group->session ? 0 : -EPERM;
}

static struct siginfo_k own_info(int sig, int code)
{
	return (struct siginfo_k){ .signo = sig, .code = code, .pid = current->group->tgid, .uid = current->cred->uid };
}

static int send_checked(int sig, const struct siginfo_k *info, struct task *t, bool group)
{
	int err = check_kill_permission(sig, t, info);

	if (err || !sig)
		return err;
	return group ? send_group_signal(sig, info, t) : send_signal(sig, info, t);
}

static int kill_one(int sig, const struct siginfo_k *info, pid_t pid)
{
	struct task *t;
	int err = -ESRCH;

	rcu_read_lock();
	t = find_task(pid);
	if (t)
		err = send_checked(sig, info, t, true);
	rcu_read_unlock();
	return err;
}

/* A group of processes: success if any could be sent to. */
static int combine(int so_far, int err)
{
	return so_far == 0 || err == 0 ? 0 : err;
}

static int kill_pgrp(int sig, const struct siginfo_k *info, pid_t nr)
{
	struct pid *pgrp;
	struct group *g;
	int err = -ESRCH;

	read_lock(&tasklist_lock);
	pgrp = nr ? find_pid(nr) : current->group->pgrp;
	if (pgrp)
		for_each_in_pgrp(pgrp, g)
			err = combine(err, send_checked(sig, info, g->leader, true));
	read_unlock(&tasklist_lock);
	return err;
}

static int kill_all(int sig, const struct siginfo_k *info)
{
	struct task *t;
	int err = -ESRCH, one;

	read_lock(&tasklist_lock);
	for_each_task(t) {
		if (!task_is_leader(t) || t->pid <= 1 || t->group == current->group)
			continue;
		one = send_checked(sig, info, t, true);
		if (one != -EPERM)
			err = combine(err, one);
		else if (err == -ESRCH)
			err = -EPERM;
	}
	read_unlock(&tasklist_lock);
	return err;
}

SYSCALL(kill, pid_t pid, int sig)
{
	struct siginfo_k info = own_info(sig, SI_USER);

	if (sig < 0 || sig > NR_SIGNALS)
		return -EINVAL;
	if (pid > 0)
		return kill_one(sig, &info, pid);
	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	return pid == -1 ? kill_all(sig, &info) : kill_pgrp(sig, &info, -pid);
}

static long do_tkill(pid_t tgid, pid_t pid, int sig, const struct siginfo_k *info)
{
	struct task *t;
	long err = -ESRCH;

	if (sig < 0 || sig > NR_SIGNALS || pid <= 0 || (tgid <= 0 && tgid != -1))
		return -EINVAL;
	rcu_read_lock();
	t = find_task(pid);
	if (t && (tgid == -1 || t->group->tgid == tgid))
		err = send_checked(sig, info, t, false);
	rcu_read_unlock();
	return err;
}

SYSCALL(tkill, pid_t pid, int sig)
{
	struct siginfo_k info = own_info(sig, SI_TKILL);

	return do_tkill(-1, pid, sig, &info);
}

SYSCALL(tgkill, pid_t tgid, pid_t pid, int sig)
{
	struct siginfo_k info = own_info(sig, SI_TKILL);

	return tgid == -1 ? -EINVAL : do_tkill(tgid, pid, sig, &info);
}

/* Only the kernel may claim that a signal comes from it, from kill() or from tgkill(), except towards oneself. */
static int read_info(struct siginfo_k *info, int sig, const siginfo_t __user *from, pid_t target)
{
	u32 raw[128 / 4];

	if (copy_from_user(raw, from, sizeof(raw)))
		return -EFAULT;
	siginfo_from_user(info, raw);
	info->signo = sig;
	if ((info->code >= 0 || info->code == SI_TKILL) && target != current->group->tgid)
		return -EPERM;
	return 0;
}

SYSCALL(rt_sigqueueinfo, pid_t pid, int sig, const siginfo_t __user *from)
{
	struct siginfo_k info;
	int err = read_info(&info, sig, from, pid);

	if (err)
		return err;
	return sig < 0 || sig > NR_SIGNALS ? -EINVAL : kill_one(sig, &info, pid);
}

SYSCALL(rt_tgsigqueueinfo, pid_t tgid, pid_t pid, int sig, const siginfo_t __user *from)
{
	struct siginfo_k info;
	int err = read_info(&info, sig, from, tgid);

	if (err)
		return err;
	return tgid <= 0 ? -EINVAL : do_tkill(tgid, pid, sig, &info);
}
