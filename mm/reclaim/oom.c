/* SPDX-License-Identifier: MIT
 *
 * Out of memory: nothing can be reclaimed and somebody has to go. Who gives back most *in the zones that ran dry*.
 *
 *   the request may be high memory    all zones are empty: resident pages, swap, page tables
 *   it must be low memory             low memory is gone, perhaps with gigabytes free above it: stacks, tasks, areas, page
 *                                     directories, descriptor tables; resident pages only as far as they lie low
 *
 * oom_score_adj moves that by thousandths of those zones, as on Linux; -1000 and the first process are out of reach.
 *
 * One process dies (all that share its memory), and the others wait for it: until its memory is gone, or the reaper (oom_reap.c) has
 * taken it, or VICTIM_TIME has passed. It may use the reserves meanwhile (group->oom_victim, mm/phys/alloc.c). Areas, stacks and tasks are
 * free after a grace period only: nobody is chosen before what waits for one has come back, lest the second one dies for what the first
 * has given already.
 *
 * Families. A fork bomb's processes are small and alike, and each one killed is replaced before its memory is back. The
 * processes of one user and one process group are summed up; where one such family holds most of what all processes hold
 * together, and none of its members an eighth of that, the victim is its youngest member; and if it has forked since the last kill and
 * memory is gone again, or some of it died for nothing, the family dies as a whole, in one pass that no fork can slip through
 * (tasklist_lock; fork looks for signals under it).
 *
 * Locks: oom_mutex > tasklist_lock (reading) > alloc_lock of a task.
 */
#include "kernel/sync/rcu.h"
#include "kernel/time/clock.h"
#include "mm/reclaim/oom.h"
#include "mm/rmap/rmap.h"

#define VICTIM_TIME (3ULL * NSEC_PER_SEC)  /* to wait for a victim before another one is chosen */
#define OOM_WAIT (300 * NSEC_PER_MSEC)     /* of others, until they look again whether there is memory */
#define FAMILY_TIME (10ULL * NSEC_PER_SEC) /* kills nearer to one another than this belong together */
#define FAMILY_LEAST 24

const struct reclaim_ops *reclaim_ops;
static DEFINE_MUTEX(oom_mutex);
static DEFINE_WAIT_QUEUE(oom_wait);        /* a victim is gone, or a kill is done */
static struct { struct mm *mm; u64 since; bool family; } victim; /* oom_mutex; mm counted (mmgrab) */
static u64 last_family_kill;               /* oom_mutex: a member of `last_family` was killed then ... */
static u32 patience;                       /* what allocations that must not touch a file system have waited; races do no harm */
static unsigned family_kills;              /* ... for the so-manieth time */
static struct oom_family last_family;

/* --- what a process holds --------------------------------------------------------------------------------------------------- */
static void add_mm(struct mm *mm, struct oom_use *u)
{
	unsigned long tables = READ_ONCE(mm->nr_ptes);

	u->mm = mm;
	u->state = READ_ONCE(mm->oom_state);
	u->rss = mm_rss(mm);
	u->swap = atomic_read(&mm->swap_ents);
	u->low += rmap_mm_size + (unsigned long)mm->map_count * rmap_vma_size + mm->nr_pmds * PAGE_SIZE;
	if (pt_in_low_memory())
		u->low += tables * PAGE_SIZE;
	else
		u->rss += tables;
}

/* => tasklist_lock or RCU; false: it has no memory of its own (any more) */
bool oom_use_of(struct task *leader, struct oom_use *u)
{
	struct group *g = leader->group;
	struct task *t;

	*u = (struct oom_use){ .low = sizeof(struct group) + reclaim_ops->files_bytes(leader) };
	for_each_thread(g, t) {
		u->low += STACK_SIZE + sizeof(struct task);
		spin_lock(&t->alloc_lock);
		if (!u->mm && t->mm && !(t->flags & PF_KTHREAD))
			add_mm(t->mm, u);
		spin_unlock(&t->alloc_lock);
	}
	return u->mm;
}

/* Of 1024 resident pages how many lie in the zones that ran dry? As the LRU lists tell. */
static unsigned long share_in(enum zone_id highest)
{
	unsigned long in = 0, all = 1;

	for (int i = 0; i < NR_ZONES; i++) {
		unsigned long n = zone_mlocked(&zones[i]);

		for (int l = 0; l < NR_LRU; l++)
			n += zones[i].nr_lru[l];
		all += n;
		in += i <= (int)highest ? n : 0;
	}
	return all >> 10 ? min(in / (all >> 10), 1024UL) : in * 1024 / all;
}

void oom_question(struct oom_question *q, enum zone_id highest)
{
	q->highest = highest;
	q->low_only = highest != ZONE_HIGHMEM && zones[ZONE_HIGHMEM].present;
	q->share = q->low_only ? share_in(highest) : 1024;
	q->total = 0;
	for (int i = 0; i <= (int)highest; i++)
		q->total += mmu_pages(zones[i].managed);
}

/* In MMU pages of the zones that ran dry */
unsigned long oom_points(const struct oom_question *q, const struct oom_use *u, int adj)
{
	unsigned long pages = (u->low + MMU_PAGE_SIZE - 1) / MMU_PAGE_SIZE + u->rss / 1024 * q->share + u->rss % 1024 * q->share / 1024;
	long points;

	if (adj <= -1000)
		return 0;
	if (!q->low_only)
		pages += u->swap;
	points = (long)pages + (long)(q->total / 1000 * (long)adj);
	return points > 0 ? points : 1;
}

unsigned oom_score(struct task *t)
{
	struct oom_question q;
	struct oom_use u;
	unsigned long points;

	oom_question(&q, zones[ZONE_HIGHMEM].present ? ZONE_HIGHMEM : ZONE_NORMAL);
	rcu_read_lock();
	points = !t->group->unkillable && oom_use_of(t->group->leader, &u) ? oom_points(&q, &u, t->group->oom_score_adj) : 0;
	rcu_read_unlock();
	return min(div_u64((u64)points * 1000, max(q.total + swap_total_slots(), 1UL)), 2000ULL);
}

/* --- choosing ---------------------------------------------------------------------------------------------------------------- */
static bool may_die(const struct task *t)
{
	const struct group *g = t->group;

	return t == g->leader && !(t->flags & PF_KTHREAD) && !g->unkillable && g->oom_score_adj > -1000 && !g->oom_victim;
}

struct choice {
	const struct oom_question *q;
	struct mm *init_mm;           /* of the first process: whoever shares it stays */
	struct task *best;
	unsigned long points, all;
	struct oom_family *table;
};

/* Sums by user and process group; what finds no room in the table is no family that matters. */
static void add_to_family(struct choice *c, struct task *t, unsigned long points)
{
	struct oom_family key = { .uid = reclaim_ops->task_uid(t), .pgrp = t->group->pgrp };
	u32 hash = (key.uid + (unsigned long)key.pgrp / 16) * 0x9e3779b1u;

	for (unsigned i = 0; i < 8; i++) {
		struct oom_family *f = &c->table[((hash >> 24) + i) % OOM_FAMILIES];

		if (!f->members)
			*f = key;
		else if (f->uid != key.uid || f->pgrp != key.pgrp)
			continue;
		f->members++;
		f->points += points;
		if (!f->youngest || t->start_time > f->youngest->start_time)
			f->youngest = t;
		return;
	}
}

static void consider(struct choice *c, struct task *t)
{
	struct oom_use u;
	unsigned long points;

	if (!may_die(t) || !oom_use_of(t, &u) || u.mm == c->init_mm || u.state != OOM_MM_ALIVE)
		return;
	points = oom_points(c->q, &u, t->group->oom_score_adj);
	c->all += points;
	add_to_family(c, t, points);
	if (points > c->points || (points == c->points && c->best && t->start_time > c->best->start_time)) {
		c->best = t;
		c->points = points;
	}
}

static struct oom_family *largest_family(struct oom_family *table)
{
	struct oom_family *most = table;

	for (unsigned i = 1; i < OOM_FAMILIES; i++)
		if (table[i].points > most->points)
			most = &table[i];
	return most;
}

static bool in_family(struct task *t, const struct oom_family *f)
{
	return t->group->pgrp == f->pgrp && reclaim_ops->task_uid(t) == f->uid;
}

/* => tasklist_lock; NULL: nobody. *family: that it is of, if that is what holds most */
static struct task *choose(const struct oom_question *q, struct oom_family *family)
{
	static struct oom_family table[OOM_FAMILIES]; /* oom_mutex */
	struct choice c = { .q = q, .table = table };
	struct oom_family *most;
	struct task *t;

	memset(table, 0, sizeof(table));
	for_each_task(t)
		if (t->group->unkillable && t == t->group->leader)
			c.init_mm = t->mm;
	for_each_task(t)
		consider(&c, t);
	most = largest_family(table);
	*family = (struct oom_family){ .members = 0 };
	if (most->members < FAMILY_LEAST || most->points < c.all / 2 || (in_family(c.best, most) && c.points > most->points / 8))
		return c.best;
	*family = *most;
	return most->youngest;
}

/* --- killing ------------------------------------------------------------------------------------------------------------------- */
static void condemn(struct task *t)
{
	WRITE_ONCE(t->group->oom_victim, true);
	reclaim_ops->kill(t);
}

/* Everybody who lives in mm, whatever group. tasklist_lock */
static void kill_sharers(struct mm *mm)
{
	struct task *t;

	for_each_task(t)
		if (READ_ONCE(t->mm) == mm && !(t->flags & PF_KTHREAD) && !t->group->unkillable)
			condemn(t);
}

static unsigned kill_family(const struct oom_family *f)
{
	unsigned n = 0;
	struct task *t;

	for_each_task(t)
		if (t == t->group->leader && t->group->pgrp == f->pgrp && !t->group->session_leader && !t->group->unkillable &&
		    !(t->flags & PF_KTHREAD) && t->group->oom_score_adj > -1000 && reclaim_ops->task_uid(t) == f->uid) {
			condemn(t);
			n++;
		}
	return n;
}

static bool same_family_again(const struct oom_family *f)
{
	return f->members && last_family_kill && ktime_get() - last_family_kill < FAMILY_TIME && f->uid == last_family.uid &&
	       f->pgrp == last_family.pgrp;
}

/* mm is an address only, seen in a thread of t's process, which may be leaving just now. => counted; NULL: nobody lives in it there any more */
static struct mm *grab_mm(struct task *leader, struct mm *mm)
{
	struct task *t;
	bool there = false;

	for_each_thread(leader->group, t) {
		spin_lock(&t->alloc_lock);
		there = t->mm == mm;
		if (there)
			mmgrab(mm);
		spin_unlock(&t->alloc_lock);
		if (there)
			return mm;
	}
	return NULL;
}

/* Who is chosen may be gone a moment later: then somebody else is, of those that are left. tasklist_lock */
static struct task *choose_alive(const struct oom_question *q, struct oom_family *family, struct oom_use *use, struct mm **mm)
{
	struct task *t;

	do {
		t = choose(q, family);
		*mm = t && oom_use_of(t, use) ? grab_mm(t, use->mm) : NULL;
	} while (t && !*mm);
	return t;
}

/* => an address space that dies, counted for the reaper; NULL: nobody could be killed. tasklist_lock is taken inside */
static struct mm *kill_somebody(const struct oom_question *q, struct oom_kill *k)
{
	struct oom_family family;
	struct mm *mm;
	struct task *t;

	read_lock(&tasklist_lock);
	t = choose_alive(q, &family, &k->use, &mm);
	if (t) {
		k->pid = t->group->tgid;
		k->uid = reclaim_ops->task_uid(t);
		k->adj = t->group->oom_score_adj;
		strscpy(k->comm, t->comm, sizeof(k->comm));
		k->members = family.members;
		family_kills = same_family_again(&family) ? family_kills + 1 : 0;
		if (family_kills && (family_kills > 2 || family.members > 500 || family.youngest->start_time > last_family_kill))
			k->killed = kill_family(&family);
		kill_sharers(mm);
		if (family.members) {
			last_family = family;
			last_family_kill = ktime_get();
		}
	}
	read_unlock(&tasklist_lock);
	return mm;
}

/* --- the hook ------------------------------------------------------------------------------------------------------------------- */
static bool enough(enum zone_id highest, unsigned order)
{
	for (int i = highest; i >= 0; i--)
		if (zones[i].present && zone_watermark_ok(&zones[i], order, zones[i].watermark[WMARK_LOW], highest))
			return true;
	return false;
}

/* Those that are killed and not yet buried: their stacks and tasks are low memory still. */
static bool victims_left(void)
{
	struct task *t;
	bool left = false;

	rcu_read_lock();
	for_each_task(t) {
		left = t->group->oom_victim;
		if (left)
			break;
	}
	rcu_read_unlock();
	return left;
}

/* Has the last victim still something to give, or the last family? oom_mutex */
static bool victim_pending(bool low_only)
{
	if (!victim.mm)
		return false;
	if (READ_ONCE(victim.mm->oom_state) == OOM_MM_VICTIM && ktime_get() - victim.since < VICTIM_TIME)
		return true;
	if ((low_only || victim.family) && ktime_get() - victim.since < (victim.family ? FAMILY_TIME : VICTIM_TIME) && victims_left())
		return true;
	cmpxchg(&victim.mm->oom_state, OOM_MM_VICTIM, OOM_MM_GONE); /* no use waiting for it */
	mmdrop(victim.mm);
	victim.mm = NULL;
	return false;
}

static bool oom_locked(enum zone_id highest, gfp_t gfp, unsigned order)
{
	struct oom_kill k = { .gfp = gfp, .order = order };
	struct mm *mm;

	oom_question(&k.q, highest);
	oom_report_begin(&k);
	mm = kill_somebody(&k.q, &k);
	oom_report_end(&k, mm);
	if (!mm)
		return false;
	count_vm_event(OOM_KILL);
	WRITE_ONCE(mm->oom_state, OOM_MM_VICTIM);
	if (!atomic_read(&mm->users))
		WRITE_ONCE(mm->oom_state, OOM_MM_GONE);
	victim.mm = mm;
	victim.since = ktime_get();
	victim.family = k.killed;
	if (!k.q.low_only) /* the reaper has no low memory to give back */
		oom_reap_soon(mm);
	return true;
}

void oom_mm_gone(struct mm *mm)
{
	WRITE_ONCE(mm->oom_state, OOM_MM_GONE);
	wake_up_all(&oom_wait);
}

/* current is to die: it waits for nobody, and may use the reserves */
static bool oom_dying(void)
{
	return signal_pending_state(TASK_KILLABLE) || current->flags & PF_EXITING || READ_ONCE(current->group->oom_victim);
}

/* Who may not reclaim all there is does not kill for it at once: others may, and kswapd and the flushers do. */
static bool others_can(gfp_t gfp, enum zone_id highest)
{
	unsigned long n = 0;

	if (gfp & __GFP_FS)
		return false;
	for (int i = 0; i <= (int)highest; i++)
		n += zone_reclaimable(&zones[i]);
	return n > 64 && patience++ < 100;
}

/* What waits for a grace period comes back, and then out of the CPUs' own stocks, where it was put: the zones know only what is in their
 * lists. No callback allocates, or takes a lock that somebody who allocates may hold. */
static void wait_for_freed(void)
{
	rcu_barrier();
	slab_drain_all();
	drain_all_pages();
}

bool oom(struct zone *zone, gfp_t gfp, unsigned order)
{
	enum zone_id highest = zone - zones;
	bool again = true;

	if (oom_dying())
		return true; /* the allocator lets it have the reserves */
	if (rmap_oracle_works() || others_can(gfp, highest)) {
		msleep(20);
		return true;
	}
	patience = 0;
	if (!mutex_trylock(&oom_mutex)) {
		(void)wait_event_killable_timeout(&oom_wait, !mutex_is_locked(&oom_mutex), OOM_WAIT);
		return true;
	}
	if (victim_pending(highest != ZONE_HIGHMEM && zones[ZONE_HIGHMEM].present)) {
		struct mm *mm = victim.mm;

		mmgrab(mm);
		mutex_unlock(&oom_mutex);
		(void)wait_event_killable_timeout(&oom_wait, READ_ONCE(mm->oom_state) != OOM_MM_VICTIM, OOM_WAIT);
		if (READ_ONCE(mm->oom_state) != OOM_MM_VICTIM) /* the rest of it takes a moment */
			msleep(10);
		mmdrop(mm);
		return true;
	}
	if (!enough(highest, order))
		wait_for_freed();
	if (!enough(highest, order))
		again = oom_locked(highest, gfp, order);
	mutex_unlock(&oom_mutex);
	wake_up_all(&oom_wait);
	return again;
}

bool oom_page_fault(void)
{
	enum zone_id highest = zones[ZONE_HIGHMEM].present ? ZONE_HIGHMEM : ZONE_NORMAL;

	return oom_dying() || enough(highest, 0) || oom(&zones[highest], GFP_HIGHUSER, 0);
}
