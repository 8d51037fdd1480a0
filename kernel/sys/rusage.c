/* SPDX-License-Identifier: MIT
 *
 * What processes have used: getrusage, times, and what wait4 tells of a child.
 *
 * Threads that ended are summed up in the group (under siglock); living ones are read as they run.
 */
#include "kernel/sys/rusage.h"

#include "arch/i386/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/time/clock.h"
#include "mm/virt/mm.h"
#include <linux/times.h>

static void add_task(struct usage *u, struct task *t)
{
	u64 user, system;

	task_cpu_times(t, &user, &system);
	u->utime += user;
	u->stime += system;
	u->min_flt += t->min_flt;
	u->maj_flt += t->maj_flt;
	u->nvcsw += t->nvcsw;
	u->nivcsw += t->nivcsw;
}

static void add_group_locked(struct usage *u, struct group *g)
{
	struct task *t;

	u->utime += g->utime;
	u->stime += g->stime;
	u->min_flt += g->min_flt;
	u->maj_flt += g->maj_flt;
	u->nvcsw += g->nvcsw;
	u->nivcsw += g->nivcsw;
	u->maxrss = max(u->maxrss, g->maxrss);
	for_each_thread(g, t)
		add_task(u, t);
}

static void add_waited_locked(struct usage *u, const struct group *g)
{
	u->utime += g->cutime;
	u->stime += g->cstime;
	u->min_flt += g->cmin_flt;
	u->maj_flt += g->cmaj_flt;
	u->nvcsw += g->cnvcsw;
	u->nivcsw += g->cnivcsw;
	u->maxrss = max(u->maxrss, g->cmaxrss);
}

void task_usage(struct task *t, struct usage *u)
{
	*u = (struct usage){ 0 };
	add_task(u, t);
}

void group_usage(struct group *g, struct usage *own, struct usage *waited)
{
	if (own)
		*own = (struct usage){ 0 };
	*waited = (struct usage){ 0 };
	spin_lock_irq(&g->siglock);
	if (own)
		add_group_locked(own, g);
	add_waited_locked(waited, g);
	spin_unlock_irq(&g->siglock);
}

static struct __kernel_old_timeval_k { s32 sec, usec; } to_timeval(u64 ns)
{
	struct timespec64 t = ns_to_timespec64(ns);

	return (struct __kernel_old_timeval_k){ t.sec, t.nsec / NSEC_PER_USEC };
}

static void usage_to_user(struct rusage *ru, const struct usage *u)
{
	struct __kernel_old_timeval_k user = to_timeval(u->utime), system = to_timeval(u->stime);

	memset(ru, 0, sizeof(*ru));
	ru->ru_utime.tv_sec = user.sec;
	ru->ru_utime.tv_usec = user.usec;
	ru->ru_stime.tv_sec = system.sec;
	ru->ru_stime.tv_usec = system.usec;
	ru->ru_maxrss = u->maxrss * (MMU_PAGE_SIZE / 1024);
	ru->ru_minflt = u->min_flt;
	ru->ru_majflt = u->maj_flt;
	ru->ru_nvcsw = u->nvcsw;
	ru->ru_nivcsw = u->nivcsw;
}

void group_rusage(struct group *g, int who, struct rusage *ru)
{
	struct usage u = { 0 };

	spin_lock_irq(&g->siglock);
	if (who != RUSAGE_CHILDREN)
		add_group_locked(&u, g);
	if (who == RUSAGE_CHILDREN || who == RUSAGE_BOTH)
		add_waited_locked(&u, g);
	spin_unlock_irq(&g->siglock);
	usage_to_user(ru, &u);
}

void group_cpu_times(struct group *g, u64 *user, u64 *system)
{
	struct usage u = { 0 };
	unsigned long flags;

	spin_lock_irqsave(&g->siglock, flags);
	add_group_locked(&u, g);
	spin_unlock_irqrestore(&g->siglock, flags);
	*user = u.utime;
	*system = u.stime;
}

void add_child_rusage(struct group *parent, struct group *child)
{
	struct usage u = { 0 };

	spin_lock_irq(&child->siglock);
	add_group_locked(&u, child);
	add_waited_locked(&u, child);
	spin_unlock_irq(&child->siglock);
	spin_lock_irq(&parent->siglock);
	parent->cutime += u.utime;
	parent->cstime += u.stime;
	parent->cmin_flt += u.min_flt;
	parent->cmaj_flt += u.maj_flt;
	parent->cnvcsw += u.nvcsw;
	parent->cnivcsw += u.nivcsw;
	parent->cmaxrss = max(parent->cmaxrss, u.maxrss);
	spin_unlock_irq(&parent->siglock);
}

static unsigned long living_rss(void)
{
	return current->mm ? max(current->mm->hiwater_rss, mm_rss(current->mm)) : 0;
}

SYSCALL(getrusage, int who, struct rusage __user *to)
{
	struct usage u;
	struct rusage ru;

	if (who == RUSAGE_THREAD) {
		task_usage(current, &u);
		usage_to_user(&ru, &u);
	} else if (who == RUSAGE_SELF || who == RUSAGE_CHILDREN) {
		group_rusage(current->group, who, &ru);
	} else {
		return -EINVAL;
	}
	if (who != RUSAGE_CHILDREN)
		ru.ru_maxrss = max((unsigned long)ru.ru_maxrss, living_rss() * (MMU_PAGE_SIZE / 1024));
	return copy_to_user(to, &ru, sizeof(ru)) ? -EFAULT : 0;
}

static u32 ticks(u64 ns)
{
	return div_u64(ns, NSEC_PER_SEC / 100);
}

SYSCALL(times, struct tms __user *to)
{
	struct usage own, waited;
	struct tms t;

	if (to) {
		group_usage(current->group, &own, &waited);
		t = (struct tms){ ticks(own.utime), ticks(own.stime), ticks(waited.utime), ticks(waited.stime) };
		if (copy_to_user(to, &t, sizeof(t)))
			return -EFAULT;
	}
	return ticks(ktime_get());
}
