/* SPDX-License-Identifier: MIT
 *
 * What is said when memory ran out: which zones ran dry and which did not, who holds low memory, which processes hold most of
 * what is missing, and whom it hit. Once for each kill; the kills of one storm in short.
 */
#include "kernel/lib/sort.h"
#include "mm/reclaim/oom.h"

#define TOP 6

static u32 storm[2]; /* printk_allowed: full reports */
static bool in_full;

/* --- zones, consumers -------------------------------------------------------------------------------------------------------- */
static void zone_line(const struct zone *z, bool wanted)
{
	unsigned long anon = z->nr_lru[LRU_ACTIVE_ANON] + z->nr_lru[LRU_INACTIVE_ANON];
	unsigned long file = z->nr_lru[LRU_ACTIVE_FILE] + z->nr_lru[LRU_INACTIVE_FILE];

	pr_warn("  %-8s %8lu kB free of %8lu, min %lu; anonymous %lu, files %lu, locked %lu%s\n", z->name, kB(zone_free_pages(z)), kB(z->managed),
		kB(z->watermark[WMARK_MIN]), kB(anon), kB(file), kB(zone_mlocked(z)), wanted ? "" : " (no use for this)");
}

struct holders { struct { const char *name; unsigned long pages, objects; } top[TOP]; unsigned n; };

static void keep_holder(void *arg, const char *name, unsigned long pages, unsigned long objects, bool sub)
{
	struct holders *h = arg;
	unsigned i;

	if (!strcmp(name, "slabs") || !strncmp(name, "free_", 5))
		return; /* the caches are listed one by one */
	for (i = h->n; i > 0 && h->top[i - 1].pages < pages; i--)
		if (i < TOP)
			h->top[i] = h->top[i - 1];
	if (i >= TOP)
		return;
	h->top[i].name = name;
	h->top[i].pages = pages;
	h->top[i].objects = objects;
	h->n = min(h->n + 1, TOP);
}

static void low_holders(void)
{
	struct holders h = { .n = 0 };

	lowmem_report(keep_holder, &h);
	pr_warn("  low memory is held by:");
	for (unsigned i = 0; i < h.n; i++) {
		pr_cont("%s %s %lu kB", i ? "," : "", h.top[i].name, kB(h.top[i].pages));
		if (h.top[i].objects)
			pr_cont(" (%lu)", h.top[i].objects);
	}
	pr_cont("\n");
}

/* --- processes ------------------------------------------------------------------------------------------------------------------ */
struct entry { unsigned long points; struct oom_use use; pid_t pid; int adj; char comm[TASK_COMM]; };

static void keep_entry(struct entry top[TOP], const struct entry *e)
{
	int i;

	for (i = TOP; i > 0 && top[i - 1].points < e->points; i--)
		if (i < TOP)
			top[i] = top[i - 1];
	if (i < TOP)
		top[i] = *e;
}

static void top_processes(const struct oom_question *q)
{
	static struct entry top[TOP]; /* oom_mutex */
	struct task *t;

	memset(top, 0, sizeof(top));
	rcu_read_lock();
	for_each_task(t) {
		struct entry e = { .pid = t->pid, .adj = t->group->oom_score_adj };

		if (t != t->group->leader || t->flags & PF_KTHREAD || !oom_use_of(t, &e.use))
			continue;
		strscpy(e.comm, t->comm, sizeof(e.comm));
		e.points = oom_points(q, &e.use, 0);
		keep_entry(top, &e);
	}
	rcu_read_unlock();
	pr_warn("  %7s %-15s %10s %10s %10s  adj\n", "pid", "process", "low kB", "rss kB", "swap kB");
	for (int i = 0; i < TOP && top[i].points; i++)
		pr_warn("  %7d %-15s %10lu %10lu %10lu %4d\n", top[i].pid, top[i].comm, top[i].use.low >> 10, mmu_kB(top[i].use.rss),
			mmu_kB(top[i].use.swap), top[i].adj);
}

/* --- the report -------------------------------------------------------------------------------------------------------------------- */
void oom_report_begin(const struct oom_kill *k)
{
	in_full = printk_allowed(storm, 4);
	if (!in_full)
		return;
	pr_warn("out of memory: %s: %s[%d] asks for %lu kB%s\n",
		k->q.low_only ? "LOW memory ran dry" : zones[ZONE_HIGHMEM].present ? "all zones ran dry" : "memory ran dry", current->comm,
		current->pid, kB(1UL << k->order), k->gfp & __GFP_FS ? "" : ", and may not wait for file systems");
	for (int i = NR_ZONES - 1; i >= 0; i--)
		if (zones[i].present)
			zone_line(&zones[i], i <= (int)k->q.highest);
	if (swap_total_slots())
		pr_warn("  swap     %8lu kB free of %8lu\n", mmu_kB(swap_free_slots()), mmu_kB(swap_total_slots()));
	low_holders();
	top_processes(&k->q);
}

void oom_report_end(const struct oom_kill *k, const struct mm *mm)
{
	if (!mm) {
		pr_err("out of memory, and nobody can be killed\n");
		return;
	}
	pr_err("out of memory%s: killed process %d (%s), uid %u: %lu kB low, %lu kB resident, %lu kB swapped, adj %d\n",
	       k->q.low_only ? " (low)" : "", k->pid, k->comm, k->uid, k->use.low >> 10, mmu_kB(k->use.rss), mmu_kB(k->use.swap), k->adj);
	if (k->killed)
		pr_err("out of memory: its family forks faster than it dies: all %u of its process group are killed\n", k->killed);
}
