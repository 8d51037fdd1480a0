/* SPDX-License-Identifier: MIT
 *
 * /proc/PID: limits, wchan, stack, sched, lowmem, children.
 *
 * wchan and stack follow the callers on the kernel stack of a task that sleeps (arch/i386/stack.c). A running task has none.
 */
#include "arch/i386/stack.h"
#include "kernel/lib/div64.h"
#include "kernel/proc/internal.h"
#include "kernel/time/clock.h"
#include "mm/rmap/rmap.h"
#include <linux/capability.h>

static const struct { const char *name, *unit; } limits[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = { "Max cpu time", "seconds" }, [RLIMIT_FSIZE] = { "Max file size", "bytes" },
	[RLIMIT_DATA] = { "Max data size", "bytes" }, [RLIMIT_STACK] = { "Max stack size", "bytes" },
	[RLIMIT_CORE] = { "Max core file size", "bytes" }, [RLIMIT_RSS] = { "Max resident set", "bytes" },
	[RLIMIT_NPROC] = { "Max processes", "processes" }, [RLIMIT_NOFILE] = { "Max open files", "files" },
	[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" }, [RLIMIT_AS] = { "Max address space", "bytes" },
	[RLIMIT_LOCKS] = { "Max file locks", "locks" }, [RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
	[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" }, [RLIMIT_NICE] = { "Max nice priority", "" },
	[RLIMIT_RTPRIO] = { "Max realtime priority", "" }, [RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
};

static void limit_value(struct seq *s, unsigned long v)
{
	if (v == RLIM_INFINITY)
		seq_printf(s, "%-20s ", "unlimited");
	else
		seq_printf(s, "%-20lu ", v);
}

void pid_limits_show(struct seq *s, struct task *t)
{
	seq_printf(s, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit r = t->group->rlim[i];

		seq_printf(s, "%-25s ", limits[i].name);
		limit_value(s, r.rlim_cur);
		limit_value(s, r.rlim_max);
		seq_printf(s, "%-10s\n", limits[i].unit);
	}
}

/* --- where it sleeps --------------------------------------------------------------------------------------------------- */

static bool asleep(struct task *t)
{
	return t != current && READ_ONCE(t->state) != TASK_RUNNING && !READ_ONCE(t->sched.on_cpu) && !READ_ONCE(t->exit_state);
}

static bool waits_in(const char *name)
{
	static const char *const prefixes[] = { "schedule", "switch_to", "wait_", "mutex_", "rwsem_", "down_", "hrtimer_", "sleep_" };

	for (unsigned i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

void pid_wchan_show(struct seq *s, struct task *t)
{
	unsigned long addr, offset, size;
	enum stack_mark mark;
	struct stack_walk w;
	const char *name;

	if (asleep(t) && proc_may_look(t)) {
		stack_walk_task(&w, t);
		while ((addr = stack_next(&w, &mark)) != 0) {
			name = symbol_lookup(addr - 1, &offset, &size);
			if (name && !waits_in(name)) {
				seq_puts(s, name);
				return;
			}
		}
	}
	seq_puts(s, "0");
}

void pid_stack_show(struct seq *s, struct task *t)
{
	enum stack_mark mark;
	struct stack_walk w;
	unsigned long addr;

	if (!asleep(t) || !capable(CAP_SYS_ADMIN))
		return;
	stack_walk_task(&w, t);
	while ((addr = stack_next(&w, &mark)) != 0)
		seq_printf(s, "[<0>] %pS\n", (void *)addr);
}

/* --- numbers ---------------------------------------------------------------------------------------------------------------- */

static void ms_line(struct seq *s, const char *name, u64 ns)
{
	u32 rest;
	u64 ms = div_u64_rem(ns, NSEC_PER_MSEC, &rest);

	seq_printf(s, "%-45s:%14llu.%06u\n", name, ms, rest);
}

void pid_sched_show(struct seq *s, struct task *t)
{
	seq_printf(s, "%s (%d, #threads: %d)\n-------------------------------------------------------------------\n", t->comm, t->pid,
		   t->group->nr_threads);
	ms_line(s, "se.exec_start", t->sched.exec_start);
	ms_line(s, "se.vruntime", t->sched.vruntime);
	ms_line(s, "se.sum_exec_runtime", task_runtime(t));
	seq_printf(s, "%-45s:%21lu\n", "nr_switches", t->nvcsw + t->nivcsw);
	seq_printf(s, "%-45s:%21lu\n", "nr_voluntary_switches", t->nvcsw);
	seq_printf(s, "%-45s:%21lu\n", "nr_involuntary_switches", t->nivcsw);
	seq_printf(s, "%-45s:%21u\n%-45s:%21u\n%-45s:%21d\n", "se.load.weight", t->sched.weight, "policy", t->sched.policy, "prio",
		   120 + t->sched.nice);
}

void pid_children_show(struct seq *s, struct task *t)
{
	struct group *g;

	if (!task_is_leader(t))
		return;
	read_lock(&tasklist_lock);
	list_for_each_entry(g, &t->group->children, sibling)
		seq_printf(s, "%d ", g->tgid);
	list_for_each_entry(g, &t->group->zombies, sibling)
		seq_printf(s, "%d ", g->tgid);
	read_unlock(&tasklist_lock);
}

/* --- /proc/PID/lowmem: what one process holds of low memory ---------------------------------------------------------------- */

struct low { unsigned long vmas, tables; };

static unsigned long low_tables(struct mm *mm)
{
	unsigned long n = 0;

	for (unsigned long a = 0; a < TASK_SIZE; a += PMD_SIZE) {
		struct page *pt = pt_page(mm, a);

		if (pt && !page_is_high(pt))
			n++;
	}
	return n;
}

static void bytes_line(struct seq *s, const char *name, unsigned long bytes, const char *what)
{
	seq_printf(s, "%-12s %10lu  %s\n", name, bytes, what);
}

static unsigned long mm_lines(struct seq *s, struct mm *mm)
{
	unsigned long tables, vmas, total;

	mmap_read_lock(mm, MM_ALL);
	tables = low_tables(mm) * PAGE_SIZE;
	vmas = mm->map_count * rmap_vma_size;
	mmap_read_unlock(mm, MM_ALL);
	total = rmap_mm_size + vmas + mm->nr_pmds * PAGE_SIZE + tables;
	bytes_line(s, "Mm:", rmap_mm_size, "struct mm, the reverse map's part included");
	bytes_line(s, "Vmas:", vmas, "areas, the reverse map's parts included");
	bytes_line(s, "Pmds:", mm->nr_pmds * PAGE_SIZE, "page directories");
	bytes_line(s, "Ptes:", tables, "page-table pages that lie in low memory");
	return total;
}

/* All threads; what is shared with others (an mm under CLONE_VM, files) counts in full for each. */
void pid_lowmem_show(struct seq *s, struct task *t)
{
	struct group *g = t->group;
	struct mm *mm = get_task_mm(t);
	int n = max(g->nr_threads, 1);
	unsigned long files = files_table_bytes(t), total;

	total = n * (STACK_SIZE + sizeof(struct task)) + sizeof(struct group) + files;
	bytes_line(s, "Stacks:", n * STACK_SIZE, "kernel stacks");
	bytes_line(s, "Tasks:", n * sizeof(struct task), "struct task, one a thread");
	bytes_line(s, "Group:", sizeof(struct group), "what the threads share");
	bytes_line(s, "Files:", files, "descriptor table");
	if (mm) {
		total += mm_lines(s, mm);
		mmput(mm);
	}
	bytes_line(s, "Total:", total, "bytes");
}
