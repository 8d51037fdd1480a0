/* SPDX-License-Identifier: MIT
 *
 * prctl, personality, and their small relatives. What is not known is EINVAL.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/capcalls.h"
#include "kernel/sys/cred.h"
#include "kernel/sys/sighand.h"
#include <linux/prctl.h>
#include <linux/personality.h>

#define DEFAULT_SLACK 50000u

static long set_name(const char __user *from)
{
	char name[TASK_COMM] = "";

	if (strncpy_from_user(name, from, sizeof(name) - 1) < 0)
		return -EFAULT;
	set_task_comm(current, name);
	return 0;
}

static long get_name(char __user *to)
{
	char name[TASK_COMM] = "";

	strlcpy(name, current->comm, sizeof(name));
	return copy_to_user(to, name, sizeof(name)) ? -EFAULT : 0;
}

static long set_dumpable(u32 how)
{
	if (how > 1)
		return -EINVAL;
	current->group->dumpable = how;
	return 0;
}

static void mark_descendants(struct group *g)
{
	struct group *c;
	struct task *t;

	for_each_task(t)
		if (task_is_leader(t))
			for (c = t->group->parent; c; c = c->parent)
				if (c == g)
					t->group->has_subreaper = true;
}

static long set_subreaper(bool on)
{
	write_lock(&tasklist_lock);
	current->group->subreaper = on;
	if (on)
		mark_descendants(current->group);
	write_unlock(&tasklist_lock);
	return 0;
}

static long set_pdeath(u32 sig)
{
	if (sig > NR_SIGNALS)
		return -EINVAL;
	current->pdeath_signal = sig;
	return 0;
}

static long set_slack(u32 ns)
{
	current->timer_slack = ns;
	return 0;
}

/* Without huge pages there is nothing to switch off: a Linux built without them says EINVAL. */
static long get_caps_option(u32 op, u32 a)
{
	switch (op) {
	case PR_CAPBSET_READ: return a > CAP_LAST_CAP ? -EINVAL : (long)(current->cred->cap_bounding >> a & 1);
	case PR_CAPBSET_DROP: return prctl_bounding_drop(a);
	case PR_GET_KEEPCAPS: return current->cred->securebits >> 4 & 1;
	case PR_SET_KEEPCAPS: return prctl_keepcaps(a);
	case PR_GET_SECUREBITS: return current->cred->securebits;
	case PR_SET_SECUREBITS: return prctl_securebits(a);
	default: return -EINVAL;
	}
}

SYSCALL(prctl, u32 op, u32 a, u32 b, u32 c, u32 d)
{
	switch (op) {
	case PR_SET_NAME: return set_name((const char __user *)a);
	case PR_GET_NAME: return get_name((char __user *)a);
	case PR_SET_PDEATHSIG: return set_pdeath(a);
	case PR_GET_PDEATHSIG: return put_user((int)current->pdeath_signal, (int __user *)a);
	case PR_SET_DUMPABLE: return set_dumpable(a);
	case PR_GET_DUMPABLE: return current->group->dumpable;
	case PR_SET_CHILD_SUBREAPER: return set_subreaper(a);
	case PR_GET_CHILD_SUBREAPER: return put_user((int)current->group->subreaper, (int __user *)a);
	case PR_SET_NO_NEW_PRIVS: return a != 1 || b || c || d ? -EINVAL : prctl_no_new_privs();
	case PR_GET_NO_NEW_PRIVS: return a || b || c || d ? -EINVAL : current->cred->no_new_privs;
	case PR_SET_TIMERSLACK: return set_slack(a ? a : DEFAULT_SLACK);
	case PR_GET_TIMERSLACK: return current->timer_slack ? current->timer_slack : DEFAULT_SLACK;
	case PR_SET_TIMING: return a ? -EINVAL : 0;
	case PR_GET_TIMING: return 0;
	case PR_CAP_AMBIENT: return c || d ? -EINVAL : prctl_ambient(a, b);
	case PR_SET_THP_DISABLE: return b || c || d ? -EINVAL : 0; /* there are none to be used */
	case PR_GET_THP_DISABLE: return a || b || c || d ? -EINVAL : 0;
	case PR_GET_TSC: return put_user(PR_TSC_ENABLE, (int __user *)a);
	default: return get_caps_option(op, a);
	}
}

SYSCALL(personality, u32 persona)
{
	u32 old = current->personality;

	if (persona != 0xffffffff)
		current->personality = persona;
	return old;
}

SYSCALL(arch_prctl, u32 op, u32 arg)
{
	return -EINVAL; /* as Linux/i386 on a CPU without CPUID faulting */
}
