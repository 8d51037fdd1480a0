/* SPDX-License-Identifier: MIT
 *
 * Sending signals: queues, who is woken, when a whole process begins to die.
 *
 * A signal waits in task->pending (for one thread) or group->shared_pending. WORK_SIGNAL in a task's work word says
 * that it must look; only the task itself clears it. A default action that ends the process is taken at once: the group
 * is marked as exiting and every thread gets SIGKILL, so that a process dies even while the chosen thread sleeps.
 *
 * Locks: tasklist_lock > siglock (irqs off) > sighand->lock.
 */
#include "kernel/sys/sighand.h"

#include "kernel/lib/bug.h"
#include "kernel/lib/string.h"
#include "kernel/sys/cred.h"

static struct kmem_cache *sigqueue_cache;

/* --- queue entries ------------------------------------------------------------------------------------------------- */

/* => NULL: no memory, or the limit of the target's user. override: signals of the kernel's that must not get lost */
static struct sigqueue *queue_alloc(struct task *t, bool override)
{
	struct user *u = t->cred->user; /* stable: RCU */
	unsigned long limit = READ_ONCE(t->group->rlim[RLIMIT_SIGPENDING].rlim_cur);
	struct sigqueue *q;

	if (!override && (unsigned)atomic_read(&u->sigpending) >= limit)
		return NULL;
	q = kmem_cache_alloc(sigqueue_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!q)
		return NULL;
	atomic_inc(&u->refcount);
	atomic_inc(&u->sigpending);
	q->user = u;
	return q;
}

static void queue_free(struct sigqueue *q)
{
	q->queued = false;
	if (!q->user && !q->orphan)
		return; /* its timer's */
	if (q->user) {
		atomic_dec(&q->user->sigpending);
		put_user_of(q->user);
	}
	kmem_cache_free(sigqueue_cache, q);
}

struct sigqueue *sigqueue_alloc(void)
{
	struct sigqueue *q = kmem_cache_alloc(sigqueue_cache, GFP_KERNEL);

	if (q)
		memset(q, 0, sizeof(*q));
	return q;
}

/* A timer goes; its signal, if it waits, is still delivered and freed then. */
void sigqueue_free_timer(struct sigqueue *q, struct group *g)
{
	spin_lock_irq(&g->siglock);
	if (q->queued) {
		q->orphan = true;
		q = NULL;
	}
	spin_unlock_irq(&g->siglock);
	if (q)
		kmem_cache_free(sigqueue_cache, q);
}

/* Takes the signals of a set out of a queue. => siglock held */
void flush_signal(struct sigpending *p, u32 w0, u32 w1)
{
	struct sigqueue *q, *n;

	if (!((p->set.w[0] & w0) | (p->set.w[1] & w1)))
		return;
	p->set.w[0] &= ~w0;
	p->set.w[1] &= ~w1;
	list_for_each_entry_safe(q, n, &p->queue, node) {
		int sig = q->info.signo;

		if ((sig <= 32 ? w0 : w1) >> (sig - 1) % 32 & 1) {
			list_del(&q->node);
			queue_free(q);
		}
	}
}

void flush_pending(struct sigpending *p)
{
	flush_signal(p, ~0u, ~0u);
}

/* --- who looks, and when -------------------------------------------------------------------------------------------- */

static bool pending_unblocked(const struct sigpending *p, const ksigset_t *blocked)
{
	return (p->set.w[0] & ~blocked->w[0]) | (p->set.w[1] & ~blocked->w[1]);
}

static bool has_pending(struct task *t)
{
	return pending_unblocked(&t->pending, &t->blocked) || pending_unblocked(&t->group->shared_pending, &t->blocked) ||
	       t->jobctl & JOBCTL_STOP_PENDING;
}

/* => siglock held. Only current's bit may be cleared. */
void recalc_signal_pending(struct task *t)
{
	if (has_pending(t))
		work_set(t, WORK_SIGNAL);
	else if (t == current)
		work_clear(t, WORK_SIGNAL);
}

void signal_wake_up(struct task *t, bool fatal)
{
	work_set(t, WORK_SIGNAL);
	if (!wake_up_state(t, TASK_INTERRUPTIBLE | (fatal ? TASK_KILLABLE | TASK_STOPPED | TASK_TRACED : 0)))
		kick_task(t);
}

bool fatal_signal_pending(void)
{
	return signal_pending() && sigset_has(&current->pending.set, SIGKILL);
}

static bool wants_signal(int sig, struct task *t)
{
	if (sigset_has(&t->blocked, sig) || t->flags & PF_EXITING)
		return false;
	if (sig == SIGKILL)
		return true;
	return !(t->jobctl & JOBCTL_STOPPED);
}

static struct task *choose_thread(int sig, struct task *t, bool group)
{
	struct task *u;

	if (wants_signal(sig, t))
		return t;
	if (!group || t->group->nr_threads == 1)
		return NULL;
	for_each_thread(t->group, u)
		if (wants_signal(sig, u))
			return u;
	return NULL;
}

/* Every other thread must come out and die. => siglock held */
void zap_threads_locked(struct group *g)
{
	struct task *t;

	for_each_thread(g, t) {
		t->jobctl &= ~(JOBCTL_STOP_PENDING | JOBCTL_STOP_TAKEN);
		if (t == current || t->flags & PF_EXITING)
			continue;
		sigset_add(&t->pending.set, SIGKILL);
		signal_wake_up(t, true);
	}
}

void begin_group_exit_locked(struct group *g, int code)
{
	g->group_exiting = true;
	g->group_exit_code = code;
	g->group_stopped = false;
	g->stop_count = 0;
	zap_threads_locked(g);
}

static bool default_kills(int sig, const struct group *g)
{
	if (sig_handler(g, sig) != HANDLER_DFL || sig_in(sig, SIGS_KERNEL_IGNORED | SIGS_STOP))
		return false;
	return !g->unkillable;
}

/* zap_threads_locked leaves current out: it may be a thread of g that is not the one chosen (it blocks the signal, or a timer's interrupt
 * has come to it). */
static void kill_current_of(const struct group *g)
{
	if (current->group != g || current->flags & PF_EXITING)
		return;
	sigset_add(&current->pending.set, SIGKILL);
	work_set(current, WORK_SIGNAL);
}

/* The signal is queued: who handles it? */
static void complete_signal(int sig, struct task *t, bool group)
{
	struct task *chosen = choose_thread(sig, t, group);
	struct group *g = t->group;

	if (!chosen)
		return; /* somebody unblocks it later */
	if (default_kills(sig, g) && !g->group_exiting && !sigset_has(&chosen->waiting, sig)) {
		begin_group_exit_locked(g, sig);
		kill_current_of(g);
		return;
	}
	signal_wake_up(chosen, sig == SIGKILL);
}

/* --- sending --------------------------------------------------------------------------------------------------------- */

static bool signal_is_ignored(int sig, struct task *t)
{
	u32 handler = sig_handler(t->group, sig);

	if (sigset_has(&t->blocked, sig) || sigset_has(&t->waiting, sig))
		return false;
	if (t->group->unkillable && handler == HANDLER_DFL)
		return true;
	return handler == HANDLER_IGN || (handler == HANDLER_DFL && sig_in(sig, SIGS_KERNEL_IGNORED));
}

static void flush_group(struct group *g, u32 set)
{
	struct task *t;

	flush_signal(&g->shared_pending, set, 0);
	for_each_thread(g, t)
		flush_signal(&t->pending, set, 0);
}

/* Stop and continue cancel each other when they are sent, not when they are taken. => false: drop the signal */
static bool prepare_signal(int sig, struct task *t)
{
	struct group *g = t->group;

	if (g->group_exiting)
		return sig == SIGKILL;
	if (sig_in(sig, SIGS_STOP)) {
		flush_group(g, SIGBIT(SIGCONT));
	} else if (sig == SIGCONT) {
		flush_group(g, SIGS_STOP);
		continue_group_locked(g);
	}
	return !signal_is_ignored(sig, t);
}

static void fill_default_info(struct siginfo_k *to, int sig)
{
	memset(to, 0, sizeof(*to));
	to->signo = sig;
	to->code = SI_KERNEL;
}

/* => siglock held. -EAGAIN: a queued signal (sigqueue) found no room */
int send_signal_locked(int sig, const struct siginfo_k *info, struct task *t, bool group)
{
	struct sigpending *p = group ? &t->group->shared_pending : &t->pending;
	struct sigqueue *q;

	BUG_ON(sig < 1 || sig > NR_SIGNALS);
	if (!prepare_signal(sig, t) || (sig < FIRST_QUEUED && sigset_has(&p->set, sig)))
		return 0;
	if (sig != SIGKILL) {
		q = queue_alloc(t, sig < FIRST_QUEUED && (!info || info->code >= 0));
		if (q) {
			if (info)
				q->info = *info;
			else
				fill_default_info(&q->info, sig);
			list_add_tail(&q->node, &p->queue);
		} else if (sig >= FIRST_QUEUED && info && info->code != SI_USER) {
			return -EAGAIN;
		}
	}
	sigset_add(&p->set, sig);
	complete_signal(sig, t, group);
	return 0;
}

static int send_any(int sig, const struct siginfo_k *info, struct task *t, bool group)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&t->group->siglock, flags);
	err = send_signal_locked(sig, info, t, group);
	spin_unlock_irqrestore(&t->group->siglock, flags);
	return err;
}

int send_signal(int sig, const struct siginfo_k *info, struct task *t)
{
	return send_any(sig, info, t, false);
}

int send_group_signal(int sig, const struct siginfo_k *info, struct task *t)
{
	return send_any(sig, info, t, true);
}

int send_pgrp_signal(int sig, struct pid *pgrp, bool from_kernel)
{
	struct siginfo_k info = { .signo = sig, .code = SI_USER, .pid = current->group->tgid, .uid = current->cred->uid };
	struct group *g;
	int err = -ESRCH;

	read_lock(&tasklist_lock);
	for_each_in_pgrp(pgrp, g)
		err = send_group_signal(sig, from_kernel ? NULL : &info, g->leader);
	read_unlock(&tasklist_lock);
	return err;
}

/* A timer's entry. It is armed again only when the signal is taken: a short period costs whoever asked for it. */
bool send_timer_signal(struct sigqueue *q, struct task *t, bool group)
{
	struct sigpending *p = group ? &t->group->shared_pending : &t->pending;
	unsigned long flags;
	bool sent = true;

	spin_lock_irqsave(&t->group->siglock, flags);
	if (!q->queued) {
		sent = prepare_signal(q->info.signo, t);
		if (sent) {
			q->info.overrun = 0;
			q->queued = true;
			list_add_tail(&q->node, &p->queue);
			sigset_add(&p->set, q->info.signo);
			complete_signal(q->info.signo, t, group);
		}
	}
	spin_unlock_irqrestore(&t->group->siglock, flags);
	return sent;
}

/* A fault of current's own: it cannot be ignored or put off. */
void force_signal(int sig, int code, unsigned long addr, int trapno)
{
	struct siginfo_k info = { .signo = sig, .code = code, .addr = addr, .trapno = trapno };
	struct group *g = current->group;
	u32 handler;

	spin_lock_irq(&g->siglock);
	handler = sig_handler(g, sig);
	if (handler == HANDLER_DFL || handler == HANDLER_IGN || sigset_has(&current->blocked, sig)) {
		/* No handler may run: the default action of every such signal, even for the first process. */
		if (!g->group_exiting)
			begin_group_exit_locked(g, sig);
		sigset_add(&current->pending.set, SIGKILL);
	} else {
		send_signal_locked(sig, &info, current, false);
	}
	work_set(current, WORK_SIGNAL);
	spin_unlock_irq(&g->siglock);
}

/* --- taking ---------------------------------------------------------------------------------------------------------- */

static int first_signal(const struct sigpending *p, const ksigset_t *blocked)
{
	u32 w0 = p->set.w[0] & ~blocked->w[0], w1 = p->set.w[1] & ~blocked->w[1];

	if (w0 & SIGS_FAULT)
		return __builtin_ctz(w0 & SIGS_FAULT) + 1; /* faults first: their frame must be the innermost cause */
	if (w0)
		return __builtin_ctz(w0) + 1;
	return w1 ? __builtin_ctz(w1) + 33 : 0;
}

static void collect_info(int sig, struct sigpending *p, struct siginfo_k *info)
{
	struct sigqueue *q, *first = NULL;
	bool more = false;

	list_for_each_entry(q, &p->queue, node) {
		if (q->info.signo != sig)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		sigset_del(&p->set, sig);
	if (sig == SIGALRM)
		itimer_signal_taken(current->group);
	if (first) {
		if (!first->user && !first->orphan)
			first->taken(first);
		*info = first->info;
		list_del(&first->node);
		queue_free(first);
	} else {
		memset(info, 0, sizeof(*info));
		info->signo = sig;
		info->code = SI_USER;
	}
}

/* The next signal of current outside `blocked`. => siglock held; 0: none */
int dequeue_signal_locked(const ksigset_t *blocked, struct siginfo_k *info)
{
	struct sigpending *p = &current->pending;
	int sig = first_signal(p, blocked);

	if (!sig) {
		p = &current->group->shared_pending;
		sig = first_signal(p, blocked);
	}
	if (sig)
		collect_info(sig, p, info);
	recalc_signal_pending(current);
	return sig;
}

/* Newly blocked signals that wait for the whole process are another thread's to take. */
void retarget_shared(const ksigset_t *old, const ksigset_t *new)
{
	struct group *g = current->group;
	ksigset_t *s = &g->shared_pending.set;
	u32 w0 = s->w[0] & new->w[0] & ~old->w[0], w1 = s->w[1] & new->w[1] & ~old->w[1];
	struct task *t;

	if (!(w0 | w1) || g->nr_threads == 1)
		return;
	for_each_thread(g, t)
		if (t != current && !(t->flags & PF_EXITING) && ((w0 & ~t->blocked.w[0]) | (w1 & ~t->blocked.w[1])))
			signal_wake_up(t, false);
}

void hand_over_shared_locked(struct task *t)
{
	static const ksigset_t all = { { ~0u, ~0u } };

	if (signal_pending())
		retarget_shared(&t->blocked, &all);
}

void set_blocked(const ksigset_t *mask)
{
	struct group *g = current->group;
	ksigset_t new = *mask;

	sigset_del(&new, SIGKILL);
	sigset_del(&new, SIGSTOP);
	spin_lock_irq(&g->siglock);
	if (signal_pending())
		retarget_shared(&current->blocked, &new);
	current->blocked = new;
	recalc_signal_pending(current);
	spin_unlock_irq(&g->siglock);
}

bool signal_ignored_or_blocked(int sig)
{
	bool ignored;

	rcu_read_lock();
	ignored = sig_handler(current->group, sig) == HANDLER_IGN;
	rcu_read_unlock();
	return ignored || sigset_has(&current->blocked, sig);
}

void task_signal_sets(struct task *t, ksigset_t *ignored, ksigset_t *caught)
{
	struct group *g = t->group;

	*ignored = *caught = (ksigset_t){ { 0, 0 } };
	spin_lock_irq(&g->siglock);
	for (int sig = 1; sig <= NR_SIGNALS; sig++) {
		u32 handler = sig_handler(g, sig);

		if (handler == HANDLER_IGN)
			sigset_add(ignored, sig);
		else if (handler != HANDLER_DFL)
			sigset_add(caught, sig);
	}
	spin_unlock_irq(&g->siglock);
}

void __init signal_init(void)
{
	sigqueue_cache = kmem_cache_create("sigqueue", sizeof(struct sigqueue), 0, SLAB_PANIC, NULL);
}
