/* SPDX-License-Identifier: MIT
 *
 * The directories of tasks: numbers in /proc, threads in /proc/PID/task, descriptors in fd and fdinfo, and the tables of
 * what each holds. Which file is made where: pid_stat.c pid_mm.c pid_misc.c.
 *
 * Finding a task: RCU, and a reference that the inode then keeps; a number that is used again by another task is told
 * apart in proc_alive. Listing goes by number, so that it survives processes coming and going.
 */
#include "kernel/proc/internal.h"
#include "kernel/lib/ctype.h"
#include "kernel/time/delaypoint.h"
#include "mm/reclaim/reclaim.h"
#include <linux/capability.h>

/* As ptrace(2) says for PTRACE_MODE_READ: the same user in all ids and the same group, or the capability.
 * => to be asked before what is looked at is fetched, and again with it in hand. exec takes on a set-id program's credentials before
 *    that can open anything: who may look afterwards has nothing of it. And who may look into a new program has nothing of an old one
 *    into which he might not. */
bool proc_may_look(struct task *t)
{
	const struct cred *me = current_cred(), *c;
	bool same;

	if (!t || t->group == current->group)
		return true;
	c = get_task_cred(t);
	same = me->fsuid == c->uid && me->fsuid == c->euid && me->fsuid == c->suid && me->fsgid == c->gid &&
	       me->fsgid == c->egid && me->fsgid == c->sgid && t->group->dumpable == 1;
	put_cred(c);
	if (!same && !capable(CAP_SYS_PTRACE))
		return false;
	delay_point(DELAY_PROC_LOOK);
	return true;
}

/* The question before and after: exec makes a new program's credentials visible before its memory.
 * => NULL: none left; counted in mm->count; -EACCES */
struct mm *proc_mm_hold(struct task *t)
{
	struct mm *mm;

	if (!proc_may_look(t))
		return ERR_PTR(-EACCES);
	mm = get_task_mm(t);
	if (mm) {
		mmgrab(mm);
		mmput(mm);
	}
	if (proc_may_look(t))
		return mm;
	if (mm)
		mmdrop(mm);
	return ERR_PTR(-EACCES);
}

bool proc_alive(struct task *t)
{
	bool alive;

	rcu_read_lock();
	alive = find_task(t->pid) == t;
	rcu_read_unlock();
	return alive;
}

/* A canonical decimal number. => -1: none */
static long number(const char *s, unsigned len)
{
	long n = 0;

	if (!len || len > 9 || (s[0] == '0' && len > 1))
		return -1;
	for (; len--; s++) {
		if (!isdigit(*s))
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n;
}

/* Threads too are found by name, as on Linux, though only processes are listed. */
int proc_lookup_pid(struct inode *dir, struct dentry *d)
{
	long nr = number(d->name, d->len);
	struct task *t = nr > 0 ? get_task_nr(nr) : NULL;
	int r;

	if (!t)
		return -ENOENT;
	r = proc_add(d, &pid_dir, t, ~0u, dir->sb);
	put_task(t);
	return r;
}

int proc_readdir_pids(struct file *f, struct dir_context *c, loff_t base)
{
	pid_t nr = c->pos > base ? c->pos - base : 1;
	char name[12];

	while ((nr = next_tgid(nr)) > 0) {
		int n = scnprintf(name, sizeof(name), "%d", nr);

		c->pos = base + nr;
		if (!dir_emit(c, name, n, proc_ino_nr(&pid_dir, nr, ~0u), DT_OF(S_IFDIR)))
			return 1;
		c->pos = base + ++nr;
	}
	return 0;
}

/* --- /proc/PID/task ------------------------------------------------------------------------------------------------------ */

static const struct proc_entry tid_dir;

static int task_lookup(struct inode *dir, struct dentry *d)
{
	long nr = number(d->name, d->len);
	struct task *t = nr > 0 ? get_task_nr(nr) : NULL;
	int r = -ENOENT;

	if (t && t->group == proc_task(dir)->group)
		r = proc_add(d, &tid_dir, t, ~0u, dir->sb);
	if (t)
		put_task(t);
	return r;
}

/* The pid of the nth thread, 0 at the end. */
static pid_t nth_thread(struct group *g, loff_t n)
{
	struct task *t;
	pid_t nr = 0;

	rcu_read_lock();
	for_each_thread(g, t)
		if (n-- == 0) {
			nr = t->pid;
			break;
		}
	rcu_read_unlock();
	return nr;
}

static int task_readdir(struct file *f, struct dir_context *c)
{
	struct group *g = proc_task(f->inode)->group;
	char name[12];
	pid_t nr;

	if (!dir_emit_dots(f, c))
		return 0;
	for (; (nr = nth_thread(g, c->pos - 2)) > 0; c->pos++) {
		int n = scnprintf(name, sizeof(name), "%d", nr);

		if (!dir_emit(c, name, n, proc_ino_nr(&tid_dir, nr, ~0u), DT_OF(S_IFDIR)))
			break;
	}
	return 0;
}

/* --- /proc/PID/fd and fdinfo -------------------------------------------------------------------------------------------------- */

static void fdinfo_show(struct seq *s, struct task *t)
{
	struct proc_open *o = container_of(s, struct proc_open, s);
	bool cloexec = false;
	struct file *f = files_get(t, o->fd, &cloexec);

	if (!f)
		return;
	if (proc_may_look(t))
		seq_printf(s, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%llu\n", f->pos, f->flags | (cloexec ? O_CLOEXEC : 0),
			   0, f->inode ? f->inode->ino : 0);
	put_file(f);
}

static const struct proc_entry fd_entry = { .name = "fd", .mode = S_IFLNK | 0500, .guard = true };
static const struct proc_entry fdinfo_entry = { .name = "fdinfo", .mode = 0400, .guard = true, .show = fdinfo_show };

static bool is_info(const struct inode *dir) { return proc_node(dir)->e->name[2] == 'i'; } /* fdinfo, fd */

/* Before this the walk has asked whether the directory may be entered: proc_permission. */
static int fd_lookup(struct inode *dir, struct dentry *d)
{
	bool info = is_info(dir);
	long fd = number(d->name, d->len);
	struct task *t = proc_task(dir);
	struct inode *i;
	struct file *f = fd >= 0 ? files_get(t, fd, NULL) : NULL;

	if (!proc_may_look(t)) {
		if (f)
			put_file(f);
		return -EACCES;
	}
	if (!f)
		return -ENOENT;
	i = proc_inode(dir->sb, info ? &fdinfo_entry : &fd_entry, t, fd);
	if (i && !info)
		i->mode = S_IFLNK | (f->mode & FMODE_READ ? 0500 : 0) | (f->mode & FMODE_WRITE ? 0300 : 0);
	put_file(f);
	if (!i)
		return -ENOMEM;
	d_set_flags(d, D_REVALIDATE | D_VOLATILE);
	d_add(d, i);
	return 0;
}

static int fd_readdir(struct file *f, struct dir_context *c)
{
	struct task *t = proc_task(f->inode);
	struct file *open;
	char name[12];
	unsigned fd;

	if (!proc_may_look(t))
		return -EACCES;
	if (!dir_emit_dots(f, c))
		return 0;
	for (fd = c->pos - 2; (open = files_next(t, &fd)) != NULL; fd++) {
		int n = scnprintf(name, sizeof(name), "%u", fd);

		put_file(open);
		if (!proc_may_look(t)) /* it may have become another program since the last one */
			return -EACCES;
		c->pos = fd + 2;
		if (!dir_emit(c, name, n, proc_ino(&fd_entry, t, fd), DT_OF(is_info(f->inode) ? S_IFREG : S_IFLNK)))
			break;
		c->pos = fd + 3;
	}
	return 0;
}

static const struct file_ops fd_dir_fops = { .readdir = fd_readdir };
static const struct file_ops task_dir_fops = { .readdir = task_readdir };

/* --- magic links ------------------------------------------------------------------------------------------------------------------ */

static int follow_cwd(struct task *t, struct path *to) { return fs_get_path(t, false, to); }
static int follow_root(struct task *t, struct path *to) { return fs_get_path(t, true, to); }

static int follow_exe(struct task *t, struct path *to)
{
	struct mm *mm = get_task_mm(t);
	struct file *f = NULL;

	if (mm) {
		spin_lock(&mm->tree_lock);
		f = mm->exe_file;
		if (f) {
			*to = (struct path){ f->mount, f->dentry };
			path_get(to);
		}
		spin_unlock(&mm->tree_lock);
		mmput(mm);
	}
	return f ? 0 : -ENOENT;
}

/* --- small files -------------------------------------------------------------------------------------------------------------------- */

static void comm_show(struct seq *s, struct task *t) { seq_printf(s, "%s\n", t->comm); }

static int comm_write(struct task *t, char *text, size_t n)
{
	if (t->group != current->group)
		return -EINVAL;
	text[strcspn(text, "\n")] = '\0';
	set_task_comm(t, text);
	return 0;
}

#ifdef CONFIG_DEBUG
/* As Linux's fault injection: writing n makes the nth allocation of that thread fail; it reads 0 once it has. */
static void fail_nth_show(struct seq *s, struct task *t) { seq_printf(s, "%u\n", t->fail_nth); }
static int fail_nth_write(struct task *t, char *text, size_t n)
{
	unsigned nth;

	text[strcspn(text, "\n")] = '\0';
	if (kstrtouint(text, 0, &nth))
		return -EINVAL;
	t->fail_nth = nth;
	return 0;
}
#define DEBUG_ENTRIES { .name = "fail-nth", .mode = 0644, .show = fail_nth_show, .write = fail_nth_write },
#else
#define DEBUG_ENTRIES
#endif

static void mounts_file(struct seq *s, struct task *t) { mounts_show(s, false); }
static void mountinfo_file(struct seq *s, struct task *t) { mounts_show(s, true); }
static void personality_show(struct seq *s, struct task *t)
{
	u32 now = READ_ONCE(t->personality);

	if (proc_may_look(t))
		seq_printf(s, "%08x\n", now);
}
static void oom_score_adj_show(struct seq *s, struct task *t) { seq_printf(s, "%d\n", t->group->oom_score_adj); }

static int set_oom_adj(struct group *g, int v)
{
	if (v < -1000 || v > 1000)
		return -EINVAL;
	if (v < g->oom_score_adj_min && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	g->oom_score_adj = v;
	if (capable(CAP_SYS_RESOURCE))
		g->oom_score_adj_min = v;
	return 0;
}

static int oom_score_adj_write(struct task *t, char *text, size_t n)
{
	int v, r = kstrtoint(strim(text), 10, &v);

	return r ? r : set_oom_adj(t->group, v);
}

/* The old scale: -17 (never) to 15. */
static void oom_adj_show(struct seq *s, struct task *t)
{
	int v = t->group->oom_score_adj;

	seq_printf(s, "%d\n", v == 1000 ? 15 : v * 17 / 1000);
}

static int oom_adj_write(struct task *t, char *text, size_t n)
{
	int v, r = kstrtoint(strim(text), 10, &v);

	if (r)
		return r;
	if (v < -17 || v > 15)
		return -EINVAL;
	return set_oom_adj(t->group, v == 15 ? 1000 : v * 1000 / 17);
}

static void oom_score_show(struct seq *s, struct task *t) { seq_printf(s, "%u\n", oom_score(t)); }

/* Nobody keeps account of who logged in: not set. getlogin(3) goes by it. */
static void loginuid_show(struct seq *s, struct task *t) { seq_printf(s, "%u", ~0U); }

static bool is_leader(struct task *t) { return task_is_leader(t); }

#define COMMON_ENTRIES(stat_fn) \
	DEBUG_ENTRIES \
	{ .name = "stat", .show = stat_fn }, \
	{ .name = "statm", .show = pid_statm_show }, \
	{ .name = "status", .show = pid_status_show }, \
	{ .name = "cmdline", .show = pid_cmdline_show }, \
	{ .name = "comm", .mode = 0644, .show = comm_show, .write = comm_write }, \
	{ .name = "environ", .mode = 0400, .show = pid_environ_show, .guard = true }, \
	{ .name = "auxv", .mode = 0400, .show = pid_auxv_show, .guard = true }, \
	{ .name = "maps", .records = &pid_maps_records, .guard = true }, \
	{ .name = "smaps", .records = &pid_smaps_records, .guard = true }, \
	{ .name = "smaps_rollup", .show = pid_rollup_show, .guard = true }, \
	{ .name = "pagemap", .mode = 0400, .fops = &pid_pagemap_ops }, \
	{ .name = "mem", .mode = 0600, .fops = &pid_mem_ops }, \
	{ .name = "fd", .mode = 0500, .dir_fops = &fd_dir_fops, .lookup = fd_lookup, .guard = true }, \
	{ .name = "fdinfo", .mode = 0500, .dir_fops = &fd_dir_fops, .lookup = fd_lookup, .guard = true }, \
	{ .name = "exe", .follow = follow_exe, .guard = true }, \
	{ .name = "cwd", .follow = follow_cwd, .guard = true }, \
	{ .name = "root", .follow = follow_root, .guard = true }, \
	{ .name = "limits", .show = pid_limits_show }, \
	{ .name = "oom_score", .show = oom_score_show }, \
	{ .name = "oom_adj", .mode = 0644, .show = oom_adj_show, .write = oom_adj_write }, \
	{ .name = "oom_score_adj", .mode = 0644, .show = oom_score_adj_show, .write = oom_score_adj_write }, \
	{ .name = "wchan", .show = pid_wchan_show }, \
	{ .name = "stack", .mode = 0400, .show = pid_stack_show }, \
	{ .name = "loginuid", .show = loginuid_show }, \
	{ .name = "mounts", .show = mounts_file }, \
	{ .name = "mountinfo", .show = mountinfo_file }, \
	{ .name = "sched", .show = pid_sched_show }, \
	{ .name = "lowmem", .show = pid_lowmem_show }, \
	{ .name = "personality", .mode = 0400, .show = personality_show, .guard = true }

static const struct proc_entry pid_children[] = {
	COMMON_ENTRIES(pid_stat_show),
	{ .name = "task", .dir_fops = &task_dir_fops, .lookup = task_lookup, .present = is_leader },
	{ 0 }
};
static const struct proc_entry tid_children[] = {
	COMMON_ENTRIES(tid_stat_show),
	{ .name = "children", .show = pid_children_show },
	{ 0 }
};
const struct proc_entry pid_dir = { .name = "PID", .children = pid_children };
static const struct proc_entry tid_dir = { .name = "TID", .children = tid_children };
