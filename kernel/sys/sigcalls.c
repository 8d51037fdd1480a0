/* SPDX-License-Identifier: MIT
 *
 * The system calls about signals: actions, masks, waiting, alternate stack, return from handlers.
 */
#include "arch/i386/traps.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/sighand.h"
#include "kernel/sys/timespec.h"

struct old_sigaction { u32 handler, mask, flags, restorer; }; /* sigaction(67) */

#define SA_KNOWN (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND | 0x04000000u /* SA_RESTORER */)
#define MIN_ALTSTACK 2048

/* --- actions ------------------------------------------------------------------------------------------------------------ */

SYSCALL(rt_sigaction, int sig, const struct kaction __user *new, struct kaction __user *old, size_t size)
{
	struct kaction n = { 0 }, o;
	int err;

	if (size != sizeof(ksigset_t))
		return -EINVAL;
	if (new && copy_from_user(&n, new, sizeof(n)))
		return -EFAULT;
	if (new)
		n.flags &= SA_KNOWN;
	err = set_action(sig, new ? &n : NULL, &o);
	if (!err && old && copy_to_user(old, &o, sizeof(o)))
		err = -EFAULT;
	return err;
}

SYSCALL(sigaction, int sig, const struct old_sigaction __user *new, struct old_sigaction __user *old)
{
	struct old_sigaction u;
	struct kaction n, o;
	int err;

	if (new) {
		if (copy_from_user(&u, new, sizeof(u)))
			return -EFAULT;
		n = (struct kaction){ u.handler, u.flags & SA_KNOWN, u.restorer, { { u.mask, 0 } } };
	}
	err = set_action(sig, new ? &n : NULL, &o);
	if (!err && old) {
		u = (struct old_sigaction){ o.handler, o.mask.w[0], o.flags, o.restorer };
		if (copy_to_user(old, &u, sizeof(u)))
			err = -EFAULT;
	}
	return err;
}

SYSCALL(signal, int sig, u32 handler)
{
	struct kaction n = { .handler = handler, .flags = SA_RESETHAND | SA_NODEFER }, o;
	int err = set_action(sig, &n, &o);

	return err ? err : (long)o.handler;
}

/* --- masks -------------------------------------------------------------------------------------------------------------- */

static int change_mask(int how, const ksigset_t *set)
{
	ksigset_t m = current->blocked;

	for (int i = 0; i < 2; i++)
		switch (how) {
		case SIG_BLOCK: m.w[i] |= set->w[i]; break;
		case SIG_UNBLOCK: m.w[i] &= ~set->w[i]; break;
		case SIG_SETMASK: m.w[i] = set->w[i]; break;
		default: return -EINVAL;
		}
	set_blocked(&m);
	return 0;
}

SYSCALL(rt_sigprocmask, int how, const ksigset_t __user *new, ksigset_t __user *old, size_t size)
{
	ksigset_t was = current->blocked, n;
	int err = 0;

	if (size != sizeof(ksigset_t))
		return -EINVAL;
	if (new) {
		if (copy_from_user(&n, new, sizeof(n)))
			return -EFAULT;
		err = change_mask(how, &n);
	}
	if (!err && old && copy_to_user(old, &was, sizeof(was)))
		err = -EFAULT;
	return err;
}

SYSCALL(sigprocmask, int how, const u32 __user *new, u32 __user *old)
{
	u32 was = current->blocked.w[0], w;
	ksigset_t n = current->blocked;
	int err = 0;

	if (new) {
		if (get_user(w, new))
			return -EFAULT;
		n.w[0] = w;
		if (how != SIG_SETMASK)
			n.w[1] = 0;
		err = change_mask(how, &n);
	}
	return !err && old && put_user(was, old) ? -EFAULT : err;
}

SYSCALL(sgetmask, void)
{
	return current->blocked.w[0];
}

SYSCALL(ssetmask, u32 mask)
{
	u32 was = current->blocked.w[0];
	ksigset_t n = { { mask, current->blocked.w[1] } };

	set_blocked(&n);
	return was;
}

static void pending_now(ksigset_t *set)
{
	struct group *g = current->group;

	spin_lock_irq(&g->siglock);
	for (int i = 0; i < 2; i++)
		set->w[i] = (current->pending.set.w[i] | g->shared_pending.set.w[i]) & current->blocked.w[i];
	spin_unlock_irq(&g->siglock);
}

SYSCALL(rt_sigpending, ksigset_t __user *to, size_t size)
{
	ksigset_t set;

	if (size > sizeof(set))
		return -EINVAL;
	pending_now(&set);
	return copy_to_user(to, &set, size) ? -EFAULT : 0;
}

SYSCALL(sigpending, u32 __user *to)
{
	ksigset_t set;

	pending_now(&set);
	return put_user(set.w[0], to);
}

/* --- waiting ------------------------------------------------------------------------------------------------------------- */

static void swap_mask(const ksigset_t *mask)
{
	current->saved_blocked = current->blocked;
	set_blocked(mask);
	work_set(current, WORK_RESTORE_SIGMASK);
}

int set_user_sigmask(const void __user *mask, size_t size)
{
	ksigset_t m;

	if (!mask)
		return 0;
	if (size != sizeof(m))
		return -EINVAL;
	if (copy_from_user(&m, mask, sizeof(m)))
		return -EFAULT;
	swap_mask(&m);
	return 0;
}

SYSCALL(pause, void)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (signal_pending())
			break;
		schedule();
	}
	set_current_state(TASK_RUNNING);
	return -ERESTARTNOHAND;
}

static long suspend(const ksigset_t *mask)
{
	swap_mask(mask);
	return sys_pause();
}

SYSCALL(rt_sigsuspend, const ksigset_t __user *mask, size_t size)
{
	ksigset_t m;

	if (size != sizeof(m))
		return -EINVAL;
	return copy_from_user(&m, mask, sizeof(m)) ? -EFAULT : suspend(&m);
}

SYSCALL(sigsuspend, int unused1, int unused2, u32 mask)
{
	ksigset_t m = { { mask, 0 } };

	return suspend(&m);
}

/* Takes one signal of `want`; while it sleeps they count as unblocked, so that they wake it. => signal, or -EAGAIN */
static long take_or_wait(const ksigset_t *want, struct siginfo_k *info, u64 ns)
{
	struct group *g = current->group;
	ksigset_t others = { { ~want->w[0], ~want->w[1] } };
	int sig;

	spin_lock_irq(&g->siglock);
	sig = dequeue_signal_locked(&others, info);
	if (!sig && ns) {
		current->waiting = current->blocked;
		current->blocked.w[0] &= others.w[0];
		current->blocked.w[1] &= others.w[1];
		recalc_signal_pending(current);
		set_current_state(TASK_INTERRUPTIBLE);
		spin_unlock_irq(&g->siglock);
		if (!signal_pending())
			ns = schedule_timeout(ns);
		set_current_state(TASK_RUNNING);
		spin_lock_irq(&g->siglock);
		sig = dequeue_signal_locked(&others, info);
		retarget_shared(&current->blocked, &current->waiting); /* a second one woke only us */
		current->blocked = current->waiting;
		current->waiting = (ksigset_t){ { 0, 0 } };
	}
	recalc_signal_pending(current);
	spin_unlock_irq(&g->siglock);
	return sig ? sig : ns ? -EINTR : -EAGAIN;
}

static long sigtimedwait(const ksigset_t __user *set, siginfo_t __user *to, u64 ns, size_t size)
{
	struct siginfo_k info;
	u32 user_info[128 / 4];
	ksigset_t want;
	long sig;

	if (size != sizeof(want))
		return -EINVAL;
	if (copy_from_user(&want, set, sizeof(want)))
		return -EFAULT;
	sigset_del(&want, SIGKILL);
	sigset_del(&want, SIGSTOP);
	sig = take_or_wait(&want, &info, ns);
	if (sig > 0 && to) {
		siginfo_to_user(user_info, &info);
		if (copy_to_user(to, user_info, sizeof(user_info)))
			return -EFAULT;
	}
	return sig;
}

SYSCALL(rt_sigtimedwait, const ksigset_t __user *set, siginfo_t __user *to, const void __user *timeout, size_t size)
{
	u64 ns = MAX_TIMEOUT;
	int err = timeout ? get_timespec32_ns(&ns, timeout) : 0;

	return err ? err : sigtimedwait(set, to, ns, size);
}

SYSCALL(rt_sigtimedwait_time64, const ksigset_t __user *set, siginfo_t __user *to, const void __user *timeout, size_t size)
{
	u64 ns = MAX_TIMEOUT;
	int err = timeout ? get_timespec64_ns(&ns, timeout) : 0;

	return err ? err : sigtimedwait(set, to, ns, size);
}

/* --- alternate stack, return ------------------------------------------------------------------------------------------- */

static bool on_altstack(u32 sp)
{
	const stack_t *s = &current->altstack;

	return !(s->ss_flags & SS_AUTODISARM) && s->ss_size && sp > (u32)s->ss_sp && sp - (u32)s->ss_sp <= s->ss_size;
}

static int set_altstack(const stack_t *new)
{
	u32 mode = new->ss_flags & ~SS_AUTODISARM;

	if (on_altstack(current_regs()->esp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		current->altstack = (stack_t){ .ss_flags = new->ss_flags };
		return 0;
	}
	if (new->ss_size < MIN_ALTSTACK)
		return -ENOMEM;
	current->altstack = *new;
	current->altstack.ss_flags = new->ss_flags & SS_AUTODISARM;
	return 0;
}

SYSCALL(sigaltstack, const stack_t __user *new, stack_t __user *old)
{
	stack_t was = current->altstack, n;
	int err = 0;

	was.ss_flags = (was.ss_flags & SS_AUTODISARM) | (!was.ss_size ? SS_DISABLE : on_altstack(current_regs()->esp) ? SS_ONSTACK : 0);
	if (new) {
		if (copy_from_user(&n, new, sizeof(n)))
			return -EFAULT;
		err = set_altstack(&n);
	}
	if (!err && old && copy_to_user(old, &was, sizeof(was)))
		err = -EFAULT;
	return err;
}

static long do_sigreturn(bool rt)
{
	struct regs *regs = current_regs();
	ksigset_t mask;
	stack_t alt;

	if (signal_frame_pop(regs, rt, mask.w, &alt)) {
		force_signal(SIGSEGV, SI_KERNEL, 0, 0);
		return 0;
	}
	regs->orig_eax = -1; /* nothing to restart */
	set_blocked(&mask);
	if (rt)
		(void)set_altstack(&alt); /* a frame that the program changed badly keeps the present one */
	return regs->eax;
}

SYSCALL(sigreturn, void)
{
	return do_sigreturn(false);
}

SYSCALL(rt_sigreturn, void)
{
	return do_sigreturn(true);
}

SYSCALL(restart_syscall, void)
{
	long (*fn)(struct task *) = current->restart.fn;

	return fn ? fn(current) : -EINTR;
}
