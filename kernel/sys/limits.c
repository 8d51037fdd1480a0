/* SPDX-License-Identifier: MIT
 *
 * Resource limits: getrlimit, setrlimit, prlimit64.
 *
 * A limit is two words; a reader takes one of them without a lock. Writers hold the siglock.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/cred.h"

struct rlimit64_u { u64 cur, max; };

static struct rlimit read_limit(struct group *g, unsigned which)
{
	struct rlimit l;

	spin_lock_irq(&g->siglock);
	l = g->rlim[which];
	spin_unlock_irq(&g->siglock);
	return l;
}

static int change_limit(struct group *g, unsigned which, const struct rlimit *new)
{
	struct rlimit *l = &g->rlim[which];
	int err = 0;

	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	spin_lock_irq(&g->siglock);
	if (new->rlim_max > l->rlim_max && !capable(CAP_SYS_RESOURCE))
		err = -EPERM;
	else
		*l = *new;
	spin_unlock_irq(&g->siglock);
	return err;
}

/* Old programs take the top of a signed number for "none". */
SYSCALL(getrlimit, unsigned which, u32 __user *to)
{
	struct rlimit l;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	l = read_limit(current->group, which);
	return put_user(min((u32)l.rlim_cur, 0x7fffffffu), to) || put_user(min((u32)l.rlim_max, 0x7fffffffu), to + 1) ? -EFAULT : 0;
}

SYSCALL(ugetrlimit, unsigned which, struct rlimit __user *to)
{
	struct rlimit l;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	l = read_limit(current->group, which);
	return copy_to_user(to, &l, sizeof(l)) ? -EFAULT : 0;
}

SYSCALL(setrlimit, unsigned which, const struct rlimit __user *from)
{
	struct rlimit l;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	if (copy_from_user(&l, from, sizeof(l)))
		return -EFAULT;
	return change_limit(current->group, which, &l);
}

static u64 widen(unsigned long v)
{
	return v == RLIM_INFINITY ? ~0ULL : v;
}

static unsigned long narrow(u64 v)
{
	return v >= RLIM_INFINITY ? RLIM_INFINITY : (unsigned long)v;
}

static bool may_touch(const struct task *t)
{
	const struct cred *me = current->cred, *c = t->cred;

	if (t->group == current->group || capable(CAP_SYS_RESOURCE))
		return true;
	return me->uid == c->euid && me->uid == c->suid && me->uid == c->uid && me->gid == c->egid && me->gid == c->sgid && me->gid == c->gid;
}

/* => task with reference, or ERR_PTR */
static struct task *target_of(pid_t pid)
{
	struct task *t;

	rcu_read_lock();
	t = pid ? find_task(pid) : current;
	if (!t)
		t = ERR_PTR(-ESRCH);
	else if (!may_touch(t))
		t = ERR_PTR(-EPERM);
	else if (!try_get_task(t))
		t = ERR_PTR(-ESRCH);
	rcu_read_unlock();
	return t;
}

SYSCALL(prlimit64, pid_t pid, unsigned which, const struct rlimit64_u __user *new, struct rlimit64_u __user *old)
{
	struct rlimit64_u u;
	struct rlimit l, was;
	struct task *t;
	int err = 0;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	if (new) {
		if (copy_from_user(&u, new, sizeof(u)))
			return -EFAULT;
		l = (struct rlimit){ narrow(u.cur), narrow(u.max) };
	}
	t = target_of(pid);
	if (IS_ERR(t))
		return PTR_ERR(t);
	was = read_limit(t->group, which);
	if (new)
		err = change_limit(t->group, which, &l);
	put_task(t);
	u = (struct rlimit64_u){ widen(was.rlim_cur), widen(was.rlim_max) };
	return !err && old && copy_to_user(old, &u, sizeof(u)) ? -EFAULT : err;
}
