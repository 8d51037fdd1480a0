/* SPDX-License-Identifier: MIT
 *
 * Numbers for tasks, process groups and sessions.
 *
 * A struct pid is hashed while its number is in use: as a task, as a process group with members, or as a session with
 * members. The number is free again as soon as all three are gone; references (a terminal's session) only keep the
 * memory. Numbers in use are bits in pages made when they are needed, so pid_max may be raised while running.
 *
 * Locks: tasklist_lock > pid_lock. Lookups: RCU.
 */
#include "kernel/sys/pid.h"

#include "kernel/lib/string.h"

#define HASH_SIZE 1024
#define PIDS_PER_PAGE (4096 * 8)
#define FIRST_REUSED_PID 300 /* low numbers belong to the kernel's own threads */

static struct pid *pid_hash[HASH_SIZE];
static u32 *pid_bits[PID_MAX_LIMIT / PIDS_PER_PAGE];
static DEFINE_SPINLOCK(pid_lock);
static struct kmem_cache *pid_cache;
static pid_t pid_last = 1;           /* 1 is kept for the first process */
int sysctl_pid_max = 32768;

struct pid *find_pid(pid_t nr)
{
	struct pid *p = rcu_dereference(pid_hash[(u32)nr % HASH_SIZE]);

	while (p && p->nr != nr)
		p = rcu_dereference(p->hash_next);
	return p;
}

struct task *find_task(pid_t nr)
{
	struct pid *p = find_pid(nr);

	return p ? rcu_dereference(p->task) : NULL;
}

struct task *get_task_nr(pid_t nr)
{
	struct task *t;

	rcu_read_lock();
	t = find_task(nr);
	if (t && !try_get_task(t))
		t = NULL;
	rcu_read_unlock();
	return t;
}

struct pid *get_pid(struct pid *pid)
{
	if (pid)
		atomic_inc(&pid->refcount);
	return pid;
}

static void pid_free_rcu(struct rcu_head *h)
{
	kmem_cache_free(pid_cache, container_of(h, struct pid, rcu));
}

void put_pid(struct pid *pid)
{
	if (pid && atomic_dec_and_test(&pid->refcount))
		call_rcu(&pid->rcu, pid_free_rcu);
}

pid_t last_pid(void)
{
	return READ_ONCE(pid_last);
}

/* First free number in [from, to), or 0 with *missing set to a page of bits that must be made first, or -1. */
static int find_free_nr(int from, int to, int *missing)
{
	for (int nr = from; nr < to;) {
		u32 *page = pid_bits[nr / PIDS_PER_PAGE];
		unsigned bit = nr % PIDS_PER_PAGE;

		if (!page) {
			*missing = nr / PIDS_PER_PAGE;
			return 0;
		}
		if (page[bit / 32] == ~0u)
			nr = (nr | 31) + 1;
		else if (page[bit / 32] >> (bit % 32) & 1)
			nr++;
		else
			return nr;
	}
	return -1;
}

static int take_nr_locked(pid_t want, int *missing)
{
	int max = READ_ONCE(sysctl_pid_max), nr = -1;

	if (want)
		nr = find_free_nr(want, want + 1, missing);
	else if (pid_last + 1 < max)
		nr = find_free_nr(pid_last + 1, max, missing);
	if (nr < 0 && !want)
		nr = find_free_nr(min(FIRST_REUSED_PID, max - 1), max, missing);
	if (nr > 0) {
		pid_bits[nr / PIDS_PER_PAGE][nr % PIDS_PER_PAGE / 32] |= 1u << nr % 32;
		pid_last = max(nr, want ? pid_last : nr);
	}
	return nr;
}

static int make_bits_page(int i)
{
	u32 *page = alloc_low(GFP_KERNEL | __GFP_ZERO, 0);

	if (!page)
		return -ENOMEM;
	lowmem_account(LOW_OTHER, virt_to_page(page), 1);
	spin_lock(&pid_lock);
	if (!pid_bits[i])
		swap(pid_bits[i], page);
	spin_unlock(&pid_lock);
	if (page) {
		lowmem_account(LOW_OTHER, virt_to_page(page), -1);
		free_low(page, 0);
	}
	return 0;
}

/* A new number, hashed, of no task yet; want 0: any. => ERR_PTR(-EAGAIN): none is free; -ENOMEM. May sleep. */
struct pid *alloc_pid(pid_t want)
{
	struct pid *p = kmem_cache_alloc(pid_cache, GFP_KERNEL);
	int nr, missing = -1;

	if (!p)
		return ERR_PTR(-ENOMEM);
	memset(p, 0, sizeof(*p));
	atomic_set(&p->refcount, 1);
	INIT_LIST_HEAD(&p->groups);
	INIT_LIST_HEAD(&p->session);
	spin_lock(&pid_lock);
	while ((nr = take_nr_locked(want, &missing)) == 0) {
		spin_unlock(&pid_lock);
		if (make_bits_page(missing)) {
			kmem_cache_free(pid_cache, p);
			return ERR_PTR(-ENOMEM);
		}
		spin_lock(&pid_lock);
	}
	if (nr > 0) {
		p->nr = nr;
		p->hashed = true;
		p->hash_next = pid_hash[nr % HASH_SIZE];
		rcu_assign_pointer(pid_hash[nr % HASH_SIZE], p);
	}
	spin_unlock(&pid_lock);
	if (nr > 0)
		return p;
	kmem_cache_free(pid_cache, p);
	return ERR_PTR(-EAGAIN);
}

static void unhash_locked(struct pid *p)
{
	struct pid **link = &pid_hash[p->nr % HASH_SIZE];

	while (*link != p)
		link = &(*link)->hash_next;
	WRITE_ONCE(*link, p->hash_next); /* p keeps its own link: a reader that stands on it walks on */
	pid_bits[p->nr / PIDS_PER_PAGE][p->nr % PIDS_PER_PAGE / 32] &= ~(1u << p->nr % 32);
}

/* Gives the number back if nothing uses it any more.
 * => T held for writing */
void release_pid_if_unused(struct pid *p)
{
	if (!p->hashed || p->task || !list_empty(&p->groups) || !list_empty(&p->session))
		return;
	p->hashed = false;
	spin_lock(&pid_lock);
	unhash_locked(p);
	spin_unlock(&pid_lock);
	put_pid(p);
}

pid_t task_ppid(const struct task *t)
{
	struct group *p;
	pid_t nr;

	rcu_read_lock();
	p = rcu_dereference(t->group->parent);
	nr = p ? p->tgid : 0;
	rcu_read_unlock();
	return nr;
}

static bool bit_used(int nr)
{
	u32 *page = READ_ONCE(pid_bits[nr / PIDS_PER_PAGE]);

	return page && READ_ONCE(page[nr % PIDS_PER_PAGE / 32]) >> nr % 32 & 1;
}

pid_t next_tgid(pid_t from)
{
	int max = READ_ONCE(sysctl_pid_max);
	struct task *t;

	for (int nr = max(from, 1); nr < max; nr++) {
		if (nr % PIDS_PER_PAGE == 0 && !READ_ONCE(pid_bits[nr / PIDS_PER_PAGE]))
			nr += PIDS_PER_PAGE - 1;
		else if (bit_used(nr)) {
			rcu_read_lock();
			t = find_task(nr);
			if (t && !task_is_leader(t))
				t = NULL;
			rcu_read_unlock();
			if (t)
				return nr;
		}
	}
	return 0;
}

void __init pid_init(void)
{
	pid_cache = kmem_cache_create("pid", sizeof(struct pid), 0, SLAB_PANIC, NULL);
}
