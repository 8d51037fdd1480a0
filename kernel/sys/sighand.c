/* SPDX-License-Identifier: MIT
 *
 * What a process does on each signal: the table of actions.
 *
 * The table (1.3 KB) is shared copy-on-write between processes: fork takes a reference, the first sigaction copies. As
 * long as all actions are "default" or plain "ignore", as after exec, a set of bits stands for the table.
 * Locks: siglock > sighand->lock. With CLONE_SIGHAND two groups share one sighand: both locks are needed to change it, and who holds only
 * the siglock of one group reads a table that the other may replace just then. So tables are freed through RCU.
 */
#include "kernel/sys/sighand.h"

#include "kernel/lib/string.h"

static void acts_free_rcu(struct rcu_head *h) { kfree(container_of(h, struct sigacts, rcu)); }

static void acts_put(struct sigacts *a)
{
	if (a && atomic_dec_and_test(&a->refcount))
		call_rcu(&a->rcu, acts_free_rcu);
}

static struct sigacts *acts_alloc(void)
{
	struct sigacts *a = kmalloc(sizeof(*a), GFP_KERNEL);

	if (a)
		atomic_set(&a->refcount, 1);
	return a;
}

int sighand_dup(struct group *child, struct group *parent, bool share)
{
	struct sighand *h;

	if (share) {
		child->sighand = parent->sighand;
		atomic_inc(&child->sighand->refcount);
		return 0;
	}
	h = kmalloc(sizeof(*h), GFP_KERNEL);
	if (!h)
		return -ENOMEM;
	atomic_set(&h->refcount, 1);
	spin_lock_init(&h->lock, "sighand");
	spin_lock_irq(&parent->sighand->lock);
	h->acts = parent->sighand->acts;
	h->ignored = parent->sighand->ignored;
	if (h->acts)
		atomic_inc(&h->acts->refcount);
	spin_unlock_irq(&parent->sighand->lock);
	child->sighand = h;
	return 0;
}

void sighand_put(struct sighand *h)
{
	if (h && atomic_dec_and_test(&h->refcount)) {
		acts_put(h->acts);
		kfree(h);
	}
}

/* => h->lock held. The table, changeable; NULL: there is none of its own and no *spare to make it. */
static struct sigacts *own_table(struct sighand *h, struct sigacts **spare)
{
	struct sigacts *old = h->acts, *new = *spare;

	if (old && atomic_read(&old->refcount) == 1)
		return old;
	if (!new)
		return NULL;
	for (int sig = 1; sig <= NR_SIGNALS; sig++)
		new->action[sig - 1] = sig_action(h, sig);
	h->acts = new;
	*spare = old; /* the caller drops it */
	return new;
}

/* Nothing but "ignore" or "default": needs no table while there is none. */
static bool is_plain(const struct kaction *a)
{
	return a->handler <= HANDLER_IGN && !a->flags && !a->restorer && sigset_empty(&a->mask);
}

/* => h->lock held. false: it needs a spare table */
static bool store_action(struct sighand *h, int sig, const struct kaction *new, struct sigacts **spare)
{
	struct sigacts *a;

	if (!h->acts && is_plain(new)) {
		sigset_del(&h->ignored, sig);
		if (new->handler == HANDLER_IGN)
			sigset_add(&h->ignored, sig);
		return true;
	}
	a = own_table(h, spare);
	if (a)
		a->action[sig - 1] = *new;
	return a;
}

static bool action_ignores(int sig, u32 handler)
{
	return handler == HANDLER_IGN || (handler == HANDLER_DFL && sig_in(sig, SIGS_KERNEL_IGNORED));
}

static void flush_everywhere(struct group *g, int sig)
{
	u32 w0 = sig <= 32 ? SIGBIT(sig) : 0, w1 = sig > 32 ? 1u << (sig - 33) : 0;
	struct task *t;

	flush_signal(&g->shared_pending, w0, w1);
	for_each_thread(g, t)
		flush_signal(&t->pending, w0, w1);
}

/* One try of set_action. => -EAGAIN: it needs a spare table. */
static int try_set_action(int sig, const struct kaction *new, struct kaction *old, struct sigacts **spare)
{
	struct group *g = current->group;
	struct sighand *h = g->sighand;
	int err = 0;

	spin_lock_irq(&g->siglock);
	spin_lock(&h->lock);
	*old = sig_action(h, sig);
	if (new && !store_action(h, sig, new, spare))
		err = -EAGAIN;
	spin_unlock(&h->lock);
	if (new && !err && action_ignores(sig, new->handler))
		flush_everywhere(g, sig);
	spin_unlock_irq(&g->siglock);
	return err;
}

int set_action(int sig, const struct kaction *new, struct kaction *old)
{
	struct sigacts *spare = NULL;
	struct kaction n;
	int err;

	if (sig < 1 || sig > NR_SIGNALS || (new && (sig == SIGKILL || sig == SIGSTOP)))
		return -EINVAL;
	if (new) {
		n = *new;
		sigset_del(&n.mask, SIGKILL);
		sigset_del(&n.mask, SIGSTOP);
		new = &n;
	}
	while ((err = try_set_action(sig, new, old, &spare)) == -EAGAIN) {
		spare = acts_alloc();
		if (!spare)
			return -ENOMEM;
	}
	acts_put(spare);
	return err;
}

static ksigset_t ignored_signals(const struct sighand *h)
{
	ksigset_t set = { { 0, 0 } };

	if (!h->acts)
		return h->ignored;
	for (int sig = 1; sig <= NR_SIGNALS; sig++)
		if (h->acts->action[sig - 1].handler == HANDLER_IGN)
			sigset_add(&set, sig);
	return set;
}

/* Exec: handlers fall back to default, ignored signals stay ignored, what is shared is left to the others.
 * => only thread of the group; may fail, with nothing changed */
int sighand_dup_for_exec(struct group *g)
{
	struct sighand *h = g->sighand, *new = h;
	struct sigacts *old = NULL;

	if (atomic_read(&h->refcount) > 1) {
		new = kmalloc(sizeof(*new), GFP_KERNEL);
		if (!new)
			return -ENOMEM;
		atomic_set(&new->refcount, 1);
		spin_lock_init(&new->lock, "sighand");
		new->acts = NULL;
	}
	spin_lock_irq(&g->siglock);
	spin_lock(&h->lock);
	new->ignored = ignored_signals(h);
	swap(new->acts, old);
	g->sighand = new;
	spin_unlock(&h->lock);
	spin_unlock_irq(&g->siglock);
	acts_put(old);
	if (new != h)
		sighand_put(h);
	return 0;
}
