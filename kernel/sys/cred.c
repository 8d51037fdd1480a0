/* SPDX-License-Identifier: MIT
 *
 * Credentials: who a task is, for permission checks.
 *
 * A struct cred never changes once a task points to it: a change builds a copy and swaps the pointer. current reads its
 * own without a lock; others read under RCU or take a reference. struct user counts what a uid holds.
 *
 * Locks: user_lock, a leaf.
 */
#include "kernel/sys/cred.h"

#include "kernel/lib/string.h"
#include "mm/phys/phys.h"

static LIST_HEAD(users);
static DEFINE_SPINLOCK(user_lock);
static struct user root_user = { .refcount = ATOMIC_INIT(2), .uid = 0 };
struct cred init_cred = {
	.refcount = ATOMIC_INIT(1 << 20), /* static: never freed */
	.cap_effective = CAP_ALL, .cap_permitted = CAP_ALL, .cap_bounding = CAP_ALL, .user = &root_user,
};

static struct user *find_user_locked(uid_t uid)
{
	struct user *u;

	list_for_each_entry(u, &users, node)
		if (u->uid == uid && atomic_inc_not_zero(&u->refcount)) /* zero: about to leave the list */
			return u;
	return NULL;
}

/* Reference; NULL: out of memory */
static struct user *get_user_of(uid_t uid)
{
	struct user *u, *new;
	unsigned long flags;

	spin_lock_irqsave(&user_lock, flags);
	u = find_user_locked(uid);
	spin_unlock_irqrestore(&user_lock, flags);
	if (u)
		return u;
	new = kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return NULL;
	new->uid = uid;
	atomic_set(&new->refcount, 1);
	spin_lock_irqsave(&user_lock, flags);
	u = find_user_locked(uid);
	if (!u) {
		list_add(&new->node, &users);
		swap(u, new);
	}
	spin_unlock_irqrestore(&user_lock, flags);
	kfree(new);
	return u;
}

/* Any context: a signal that is freed puts its user. */
void put_user_of(struct user *u)
{
	unsigned long flags;

	if (!atomic_dec_and_test(&u->refcount))
		return;
	spin_lock_irqsave(&user_lock, flags);
	list_del(&u->node);
	spin_unlock_irqrestore(&user_lock, flags);
	kfree(u);
}

struct cred *cred_alloc(unsigned ngroups)
{
	struct cred *c = kzalloc(sizeof(*c) + ngroups * sizeof(gid_t), GFP_KERNEL | __GFP_NOWARN); /* 65536 groups are 256 KB */

	if (c)
		atomic_set(&c->refcount, 1);
	return c;
}

struct cred *cred_copy(void)
{
	const struct cred *old = current->cred;
	struct cred *c = cred_alloc(old->ngroups);

	if (!c)
		return NULL;
	memcpy(c, old, sizeof(*c) + old->ngroups * sizeof(gid_t));
	atomic_set(&c->refcount, 1);
	atomic_inc(&c->user->refcount);
	return c;
}

static void cred_free_rcu(struct rcu_head *h)
{
	struct cred *c = container_of(h, struct cred, rcu);

	if (c->user)
		put_user_of(c->user);
	kfree(c);
}

void put_cred(const struct cred *cc)
{
	struct cred *c = (struct cred *)cc;

	if (atomic_dec_and_test(&c->refcount))
		call_rcu(&c->rcu, cred_free_rcu);
}

const struct cred *get_task_cred(struct task *t)
{
	struct cred *c;

	rcu_read_lock();
	do
		c = (struct cred *)rcu_dereference(t->cred);
	while (!atomic_inc_not_zero(&c->refcount));
	rcu_read_unlock();
	return c;
}

/* => eats the reference to new. A task that changed its identity is not dumpable until its next exec. */
void commit_cred(struct cred *new)
{
	const struct cred *old = current->cred;

	if (new->user != old->user) {
		atomic_inc(&new->user->tasks);
		atomic_dec(&old->user->tasks);
	}
	if (new->euid != old->euid || new->egid != old->egid || new->cap_permitted & ~old->cap_permitted) {
		current->group->dumpable = 0;
		current->pdeath_signal = 0;
	}
	rcu_assign_pointer(current->cred, new);
	put_cred(old);
}

int cred_set_uid(struct cred *c, uid_t uid)
{
	struct user *u;

	if (c->uid != uid) {
		u = get_user_of(uid);
		if (!u)
			return -ENOMEM;
		put_user_of(c->user);
		c->user = u;
	}
	c->uid = uid;
	return 0;
}

bool capable(int cap)
{
	return cred_capable(current->cred, cap);
}

static bool has_group(const struct cred *c, gid_t gid)
{
	unsigned lo = 0, hi = c->ngroups;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (c->groups[mid] == gid)
			return true;
		if (c->groups[mid] < gid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool in_group(gid_t gid)
{
	return current->cred->fsgid == gid || has_group(current->cred, gid);
}

bool in_egroup(gid_t gid)
{
	return current->cred->egid == gid || has_group(current->cred, gid);
}

int check_nproc(void)
{
	struct user *u = current->cred->user;

	if (atomic_read(&u->tasks) < rlimit(RLIMIT_NPROC) || u == &root_user)
		return 0;
	return capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN) ? 0 : -EAGAIN;
}

void __init cred_init(void)
{
	list_add(&root_user.node, &users);
}
