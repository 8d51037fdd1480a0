/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/stat, statm, status: proc(5) says what stands where.
 *
 * A task that is found may die meanwhile: what it shares (group, credentials) lives as long as the reference; its mm is
 * asked for each time.
 */
#include "drivers/char/tty.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/div64.h"
#include "kernel/proc/internal.h"
#include "kernel/sys/rusage.h"

#define NS_PER_TICK 10000000U /* user space counts in hundredths of a second */

char task_state_letter(const struct task *t)
{
	long state = READ_ONCE(t->state);

	if (READ_ONCE(t->exit_state))
		return t->exit_state == TASK_ZOMBIE ? 'Z' : 'X';
	if (state & TASK_STOPPED)
		return 'T';
	if (state & TASK_TRACED)
		return 't';
	if (state & (TASK_UNINTERRUPTIBLE | TASK_KILLABLE))
		return t->flags & PF_KTHREAD ? 'I' : 'D';
	return state & TASK_INTERRUPTIBLE ? 'S' : 'R';
}

static const char *state_name(char c)
{
	switch (c) {
	case 'R': return "running";
	case 'S': return "sleeping";
	case 'D': return "disk sleep";
	case 'T': return "stopped";
	case 't': return "tracing stop";
	case 'Z': return "zombie";
	case 'I': return "idle";
	default: return "dead";
	}
}

static void get_terminal(struct group *g, dev_t *dev, pid_t *pgrp)
{
	*dev = 0;
	*pgrp = -1;
	spin_lock_irq(&g->siglock);
	if (g->tty) {
		*dev = g->tty->dev;
		spin_lock(&g->tty->lock);
		*pgrp = pid_nr(g->tty->pgrp);
		spin_unlock(&g->tty->lock);
	}
	spin_unlock_irq(&g->siglock);
}

static unsigned long ticks(u64 ns) { return (unsigned long)div_u64(ns, NS_PER_TICK); }

static void get_ids(struct task *t, pid_t *pgrp, pid_t *session)
{
	read_lock(&tasklist_lock);
	*pgrp = pid_nr(t->group->pgrp);
	*session = pid_nr(t->group->session);
	read_unlock(&tasklist_lock);
}

/* Fields 1 to 22. */
static void stat_head(struct seq *s, struct task *t, bool whole)
{
	struct group *g = t->group;
	pid_t pgrp, session, tpgid;
	struct usage u, waited;
	dev_t tty;
	int rt = t->sched.policy == 1 || t->sched.policy == 2;

	get_ids(t, &pgrp, &session);
	get_terminal(g, &tty, &tpgid);
	group_usage(g, whole ? &u : NULL, &waited);
	if (!whole)
		task_usage(t, &u);
	seq_printf(s, "%d (%s) %c %d %d %d %u %d %u", t->pid, t->comm, task_state_letter(t), task_ppid(t), pgrp, session, tty,
		   tpgid, t->flags & PF_KTHREAD ? 0x200000u : t->flags & PF_FORKNOEXEC ? 0x40u : 0u);
	seq_printf(s, " %lu %lu %lu %lu %lu %lu %ld %ld", u.min_flt, waited.min_flt, u.maj_flt, waited.maj_flt, ticks(u.utime),
		   ticks(u.stime), (long)ticks(waited.utime), (long)ticks(waited.stime));
	seq_printf(s, " %d %d %d 0 %llu", rt ? -1 - t->sched.rt_prio : 20 + t->sched.nice, t->sched.nice, g->nr_threads,
		   div_u64(whole ? g->start_time : t->start_time, NS_PER_TICK));
}

/* Fields 23 to 30: memory. Addresses only for who may look; stack pointer and program counter are 0, as on Linux. */
static void stat_mm(struct seq *s, struct task *t, struct mm *mm, bool look)
{
	seq_printf(s, " %lu %lu %lu", mm ? mm->total_vm << MMU_PAGE_SHIFT : 0, mm ? mm_rss(mm) : 0,
		   (unsigned long)t->group->rlim[RLIMIT_RSS].rlim_cur);
	seq_printf(s, " %lu %lu %lu 0 0", mm ? look ? mm->start_code : 1 : 0, mm ? look ? mm->end_code : 1 : 0,
		   mm && look ? mm->start_stack : 0);
}

static void stat_tail(struct seq *s, struct task *t, struct mm *mm, bool look)
{
	ksigset_t ignored, caught;

	task_signal_sets(t, &ignored, &caught);
	seq_printf(s, " %u %u %u %u 0 0 0 %d %u %u %u", t->pending.set.w[0], t->blocked.w[0], ignored.w[0], caught.w[0],
		   t->exit_signal, t->sched.cpu, t->sched.rt_prio, t->sched.policy);
	seq_puts(s, " 0 0 0");
	if (mm && look)
		seq_printf(s, " %lu %lu %lu %lu %lu %lu %lu", mm->start_data, mm->end_data, mm->start_brk, mm->arg_start,
			   mm->arg_end, mm->env_start, mm->env_end);
	else
		seq_puts(s, " 0 0 0 0 0 0 0");
	seq_printf(s, " %d\n", look ? t->exit_code : 0);
}

static void show_stat(struct seq *s, struct task *t, bool whole)
{
	bool look = proc_may_look(t);
	struct mm *mm = get_task_mm(t);

	look = look && proc_may_look(t); /* into this memory */
	stat_head(s, t, whole);
	stat_mm(s, t, mm, look);
	stat_tail(s, t, mm, look);
	if (mm)
		mmput(mm);
}

void pid_stat_show(struct seq *s, struct task *t) { show_stat(s, t, true); }
void tid_stat_show(struct seq *s, struct task *t) { show_stat(s, t, false); }

void pid_statm_show(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);
	unsigned long text;

	if (!mm) {
		seq_puts(s, "0 0 0 0 0 0 0\n");
		return;
	}
	text = (ALIGN_UP(mm->end_code, MMU_PAGE_SIZE) - ALIGN_DOWN(mm->start_code, MMU_PAGE_SIZE)) >> MMU_PAGE_SHIFT;
	seq_printf(s, "%lu %lu %u %lu 0 %lu 0\n", mm->total_vm, mm_rss(mm),
		   (unsigned)atomic_read(&mm->rss_file) + (unsigned)atomic_read(&mm->rss_shmem), text, mm->data_vm + mm->stack_vm);
	mmput(mm);
}

/* --- status ------------------------------------------------------------------------------------------------------------- */

static void status_ids(struct seq *s, struct task *t)
{
	const struct cred *c = get_task_cred(t);

	seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid, c->gid, c->egid, c->sgid,
		   c->fsgid);
	seq_puts(s, "FDSize:\t");
	seq_printf(s, "%u\nGroups:\t", files_table_size(t));
	for (u32 i = 0; i < c->ngroups; i++)
		seq_printf(s, "%u ", c->groups[i]);
	seq_puts(s, "\n");
	put_cred(c);
}

static void status_caps(struct seq *s, struct task *t)
{
	const struct cred *c = get_task_cred(t);

	seq_printf(s, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\nCapAmb:\t%016llx\nNoNewPrivs:\t%d\n",
		   c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bounding, c->cap_ambient, c->no_new_privs);
	put_cred(c);
}

static void kb(struct seq *s, const char *name, unsigned long pages) { seq_printf(s, "%s:\t%8lu kB\n", name, mmu_kB(pages)); }

static void status_mm(struct seq *s, struct mm *mm)
{
	unsigned long rss = mm_rss(mm);
	unsigned long text = (ALIGN_UP(mm->end_code, MMU_PAGE_SIZE) - ALIGN_DOWN(mm->start_code, MMU_PAGE_SIZE)) >> MMU_PAGE_SHIFT;

	kb(s, "VmPeak", max(mm->hiwater_vm, mm->total_vm));
	kb(s, "VmSize", mm->total_vm);
	kb(s, "VmLck", mm->locked_vm);
	kb(s, "VmPin", 0);
	kb(s, "VmHWM", max(mm->hiwater_rss, rss));
	kb(s, "VmRSS", rss);
	kb(s, "RssAnon", mm_rss_anon(mm));
	kb(s, "RssFile", atomic_read(&mm->rss_file));
	kb(s, "RssShmem", atomic_read(&mm->rss_shmem));
	kb(s, "VmData", mm->data_vm);
	kb(s, "VmStk", mm->stack_vm);
	kb(s, "VmExe", text);
	kb(s, "VmLib", mm->exec_vm - min(mm->exec_vm, text));
	kb(s, "VmPTE", mm->nr_ptes);
	kb(s, "VmPMD", mm->nr_pmds);
	kb(s, "VmSwap", atomic_read(&mm->swap_ents));
}

static void sigset_line(struct seq *s, const char *name, const ksigset_t *set)
{
	seq_printf(s, "%s:\t%08x%08x\n", name, set->w[1], set->w[0]);
}

static void status_signals(struct seq *s, struct task *t)
{
	ksigset_t ignored, caught, shared;
	struct group *g = t->group;
	const struct cred *c = get_task_cred(t);

	spin_lock_irq(&g->siglock);
	shared = g->shared_pending.set;
	spin_unlock_irq(&g->siglock);
	task_signal_sets(t, &ignored, &caught);
	seq_printf(s, "Threads:\t%d\nSigQ:\t%d/%lu\n", g->nr_threads, c->user ? atomic_read(&c->user->sigpending) : 0,
		   (unsigned long)g->rlim[RLIMIT_SIGPENDING].rlim_cur);
	put_cred(c);
	sigset_line(s, "SigPnd", &t->pending.set);
	sigset_line(s, "ShdPnd", &shared);
	sigset_line(s, "SigBlk", &t->blocked);
	sigset_line(s, "SigIgn", &ignored);
	sigset_line(s, "SigCgt", &caught);
}

/* "0-3,7" */
static void cpu_list(struct seq *s, u32 mask)
{
	const char *comma = "";

	for (unsigned i = 0; i < MAX_CPUS; i++) {
		unsigned first = i;

		if (!(mask >> i & 1))
			continue;
		while (i + 1 < MAX_CPUS && mask >> (i + 1) & 1)
			i++;
		seq_printf(s, first == i ? "%s%u" : "%s%u-%u", comma, first, i);
		comma = ",";
	}
	seq_puts(s, "\n");
}

void pid_status_show(struct seq *s, struct task *t)
{
	struct mm *mm = get_task_mm(t);
	char state = task_state_letter(t);
	u32 allowed = t->sched.allowed & ((1ULL << nr_cpus) - 1);

	seq_printf(s, "Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", t->comm,
		   fs_umask(t), state, state_name(state), t->group->tgid, t->pid, task_ppid(t));
	status_ids(s, t);
	if (mm) {
		status_mm(s, mm);
		mmput(mm);
	}
	status_signals(s, t);
	status_caps(s, t);
	seq_printf(s, "Seccomp:\t0\nCpus_allowed:\t%x\nCpus_allowed_list:\t", allowed);
	cpu_list(s, allowed);
	seq_puts(s, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
	seq_printf(s, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", t->nvcsw, t->nivcsw);
}
