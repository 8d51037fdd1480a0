/* SPDX-License-Identifier: MIT
 *
 * Signals on the way out to user mode: take one, act on it, build its frame; restart what it interrupted.
 *
 * Order in signal_user_work: reschedule, then signals, then the mask that a broken call left to restore. A default
 * action that ends the process ends here; WCOREDUMP is never set: no core files are written.
 */
#include "kernel/sys/fork.h"
#include "kernel/sys/sighand.h"

#include "arch/i386/traps.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/time/clock.h"
#include <asm/unistd_32.h>

struct taken { int sig; struct kaction action; struct siginfo_k info; };

/* => siglock held, dropped for a moment */
static bool stop_refused(int sig)
{
	struct group *g = current->group;
	bool orphaned, stands;

	if (sig == SIGSTOP)
		return false;
	current->jobctl |= JOBCTL_STOP_TAKEN;
	spin_unlock_irq(&g->siglock);
	read_lock(&tasklist_lock);
	orphaned = pgrp_orphaned(g->pgrp);
	read_unlock(&tasklist_lock);
	spin_lock_irq(&g->siglock);
	stands = current->jobctl & JOBCTL_STOP_TAKEN;
	current->jobctl &= ~JOBCTL_STOP_TAKEN;
	return orphaned || !stands;
}

static void tell_continued(struct group *g)
{
	g->wait_flags &= ~WAIT_NOTIFY_CONT;
	spin_unlock_irq(&g->siglock);
	notify_parent_jobctl(g, CLD_CONTINUED);
	spin_lock_irq(&g->siglock);
}

/* => true: t holds a signal whose handler runs. siglock held */
static bool act_on(struct taken *t)
{
	struct group *g = current->group;
	struct sighand *h = g->sighand;

	spin_lock(&h->lock);
	t->action = sig_action(h, t->sig);
	spin_unlock(&h->lock);
	if (t->sig != SIGKILL && t->action.handler == HANDLER_IGN)
		return false;
	if (t->sig != SIGKILL && t->action.handler != HANDLER_DFL)
		return true;
	if (sig_in(t->sig, SIGS_KERNEL_IGNORED) || (g->unkillable && t->sig != SIGKILL))
		return false;
	if (sig_in(t->sig, SIGS_STOP)) {
		if (!stop_refused(t->sig) && !g->group_exiting)
			do_signal_stop(t->sig);
		return false;
	}
	spin_unlock_irq(&g->siglock);
	do_group_exit(t->sig);
}

/* The process ends, or another thread executes a new program in it: then this thread goes alone. */
static void die(struct group *g)
{
	bool all = g->group_exiting;
	int code = g->group_exit_code;

	spin_unlock_irq(&g->siglock);
	if (all)
		do_group_exit(code);
	do_exit(SIGKILL);
}

static bool get_signal(struct taken *t)
{
	struct group *g = current->group;
	bool found = false;

	t->sig = 0;
	spin_lock_irq(&g->siglock);
	do {
		if (g->wait_flags & WAIT_NOTIFY_CONT)
			tell_continued(g);
		if (g->group_exiting || (g->exec_task && g->exec_task != current))
			die(g);
		if (current->jobctl & JOBCTL_STOP_PENDING) {
			do_signal_stop(0);
			continue;
		}
		t->sig = dequeue_signal_locked(&current->blocked, &t->info);
		if (t->sig)
			found = act_on(t);
	} while (!found && (t->sig || signal_pending()));
	spin_unlock_irq(&g->siglock);
	return found;
}

static void reset_action(int sig)
{
	struct kaction dfl = { .handler = HANDLER_DFL }, old;

	if (set_action(sig, &dfl, &old))
		force_signal(SIGKILL, SI_KERNEL, 0, 0); /* no memory to keep the promise of SA_RESETHAND */
}

static bool on_altstack(const stack_t *s, u32 sp)
{
	return sp > (u32)s->ss_sp && sp - (u32)s->ss_sp <= s->ss_size;
}

static void choose_stack(struct signal_frame *f, const struct regs *regs, u32 flags)
{
	stack_t *s = &current->altstack;
	bool on = !(s->ss_flags & SS_AUTODISARM) && on_altstack(s, regs->esp);

	f->altstack_sp = (u32)s->ss_sp;
	f->altstack_size = s->ss_size;
	f->altstack_flags = (s->ss_flags & SS_AUTODISARM) | (!s->ss_size ? SS_DISABLE : on ? SS_ONSTACK : 0);
	f->stack = regs->esp;
	if (flags & SA_ONSTACK && s->ss_size && !on)
		f->stack = (u32)s->ss_sp + s->ss_size;
	if (s->ss_flags & SS_AUTODISARM)
		*s = (stack_t){ .ss_flags = SS_DISABLE };
}

/* Call numbers stay in orig_eax only until the frame is built or the call restarted: it happens once. */
static void restart_or_fail(struct regs *regs, bool handler, u32 flags)
{
	int err = -(s32)regs->eax;
	bool again;

	if ((s32)regs->orig_eax < 0)
		return;
	if (err != ERESTARTSYS && err != ERESTARTNOINTR && err != ERESTARTNOHAND && err != ERESTART_RESTARTBLOCK)
		return;
	again = !handler || err == ERESTARTNOINTR || (err == ERESTARTSYS && flags & SA_RESTART);
	if (!again) {
		regs->eax = -EINTR;
	} else {
		regs->eax = err == ERESTART_RESTARTBLOCK ? __NR_restart_syscall : regs->orig_eax;
		regs->eip -= 2; /* int 0x80 */
	}
	regs->orig_eax = -1;
}

static void block_for_handler(const struct taken *t)
{
	ksigset_t m = current->blocked;

	m.w[0] |= t->action.mask.w[0];
	m.w[1] |= t->action.mask.w[1];
	if (!(t->action.flags & SA_NODEFER))
		sigset_add(&m, t->sig);
	set_blocked(&m);
}

static void push_frame(struct regs *regs, const struct taken *t)
{
	const ksigset_t *mask = current->work & WORK_RESTORE_SIGMASK ? &current->saved_blocked : &current->blocked;
	struct signal_frame f = { .sig = t->sig, .handler = t->action.handler, .flags = t->action.flags };
	u32 info[128 / 4];

	f.restorer = t->action.restorer;
	f.mask[0] = mask->w[0];
	f.mask[1] = mask->w[1];
	f.siginfo = info;
	if (t->action.flags & SA_SIGINFO)
		siginfo_to_user(info, &t->info);
	if (current->rseq)
		rseq_resume(regs); /* the handler interrupts a sequence */
	choose_stack(&f, regs, t->action.flags);
	if (signal_frame_push(regs, &f)) {
		if (t->sig == SIGSEGV)
			reset_action(SIGSEGV);
		force_signal(SIGSEGV, SI_KERNEL, 0, 0);
		return;
	}
	work_clear(current, WORK_RESTORE_SIGMASK);
	block_for_handler(t);
}

static void do_signal(struct regs *regs)
{
	struct taken t;

	if (get_signal(&t)) {
		restart_or_fail(regs, true, t.action.flags);
		if (t.action.flags & SA_RESETHAND)
			reset_action(t.sig);
		push_frame(regs, &t);
		return;
	}
	restart_or_fail(regs, false, 0);
	restore_sigmask();
}

void restore_sigmask(void)
{
	if (current->work & WORK_RESTORE_SIGMASK) {
		work_clear(current, WORK_RESTORE_SIGMASK);
		set_blocked(&current->saved_blocked);
	}
}

void signal_user_work(struct regs *regs)
{
	if (current->work & WORK_RESCHED)
		schedule();
	if (current->work & WORK_NOTIFY)
		store_child_tid();
	if (current->work & WORK_RSEQ)
		rseq_resume(regs);
	if (current->work & WORK_SIGNAL)
		do_signal(regs);
	else if (current->work & WORK_RESTORE_SIGMASK)
		restore_sigmask();
}

/* --- the user's siginfo_t ---------------------------------------------------------------------------------------------- */

static u32 ns_to_ticks(u64 ns)
{
	return div_u64(ns, NSEC_PER_SEC / 100);
}

void siginfo_to_user(void *to, const struct siginfo_k *k)
{
	siginfo_t *s = to;

	memset(s, 0, sizeof(*s));
	s->si_signo = k->signo;
	s->si_code = k->code;
	s->si_errno = k->err;
	if (k->code == SI_TIMER) {
		s->si_tid = k->tid;
		s->si_overrun = k->overrun;
		s->si_int = k->sival;
	} else if (k->code > 0 && sig_in(k->signo, SIGS_FAULT) && k->code != SI_KERNEL) {
		s->si_addr = (void *)k->addr;
	} else if (k->signo == SIGCHLD && k->code > 0 && k->code != SI_KERNEL) {
		s->si_pid = k->pid;
		s->si_uid = k->uid;
		s->si_status = k->status;
		s->si_utime = ns_to_ticks(k->utime);
		s->si_stime = ns_to_ticks(k->stime);
	} else if (k->signo == SIGPOLL && k->code > 0 && k->code != SI_KERNEL) {
		s->si_fd = k->fd;
		s->si_band = k->band;
	} else {
		s->si_pid = k->pid;
		s->si_uid = k->uid;
		s->si_int = k->value;
	}
}

/* From rt_sigqueueinfo: all codes that a program may send carry pid, uid and a value. */
void siginfo_from_user(struct siginfo_k *to, const void *from)
{
	const siginfo_t *s = from;

	memset(to, 0, sizeof(*to));
	to->code = s->si_code;
	to->err = s->si_errno;
	to->pid = s->si_pid;
	to->uid = s->si_uid;
	to->value = s->si_int;
}
