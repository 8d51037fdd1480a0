/* SPDX-License-Identifier: MIT
 *
 * The top of /proc: the table of its files, the small ones among them, and the links self and thread-self.
 */
#include "drivers/char/char.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/div64.h"
#include "kernel/lib/param.h"
#include "kernel/ipc/ipc.h"
#include "kernel/net/net.h"
#include "kernel/proc/internal.h"
#include "kernel/sync/hashlock.h"
#include "kernel/time/clock.h"
#include "kernel/time/delaypoint.h"
#include "mm/reclaim/swap.h"
#include "mm/rmap/rmap.h"
#include "version.h"
#include <linux/utsname.h>

/* "12.34" seconds */
static void seconds(struct seq *s, u64 ns, char end)
{
	u32 rest;
	u64 sec = div_u64_rem(ns, NSEC_PER_SEC, &rest);

	seq_printf(s, "%llu.%02u%c", sec, rest / 10000000, end);
}

static void uptime_show(struct seq *s, struct task *t)
{
	u64 idle = 0;

	for_each_online_cpu(cpu)
		idle += cpu_idle_ns(cpu);
	seconds(s, ktime_get(), ' ');
	seconds(s, idle, '\n');
}

static void loadavg_show(struct seq *s, struct task *t)
{
	unsigned long avg[3];

	get_loadavg(avg);
	for (unsigned i = 0; i < 3; i++) {
		unsigned long a = avg[i] + (1 << 11) / 200; /* rounded */

		seq_printf(s, "%lu.%02lu ", a >> 11, ((a & 2047) * 100) >> 11);
	}
	seq_printf(s, "%lu/%u %d\n", max(nr_running(), 1UL), nr_threads(), last_pid());
}

static void version_show(struct seq *s, struct task *t)
{
	struct new_utsname u = uts_name;

	seq_printf(s, "%s version %s (Isthmus %s, commit %s) (gcc %s) %s\n", u.sysname, u.release, ISTHMUS_VERSION, ISTHMUS_COMMIT,
		   __VERSION__, u.version);
}

static void cmdline_show(struct seq *s, struct task *t) { seq_printf(s, "%s\n", boot_command_line); }
static void filesystems_file(struct seq *s, struct task *t) { filesystems_show(s); }
static void devices_file(struct seq *s, struct task *t) { devices_show(s); }
static void locks_file(struct seq *s, struct task *t) { locks_show(s); }
static void swap_line(void *arg, const struct swap_info *i)
{
	unsigned long kb = i->slots << (MMU_PAGE_SHIFT - 10), used = i->used << (MMU_PAGE_SHIFT - 10);
	int len = strlen(i->name);

	seq_printf(arg, "%s%*spartition\t%lu\t%s%lu\t%s%d\n", i->name, len < 40 ? 40 - len : 1, " ", kb, kb < 10000000 ? "\t" : "", used,
		   used < 10000000 ? "\t" : "", i->prio);
}

static void swaps_show(struct seq *s, struct task *t)
{
	seq_puts(s, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for_each_swap_area(swap_line, s);
}

static int self_readlink(struct task *t, char *buf, size_t size) { return scnprintf(buf, size, "%d", current->group->tgid); }
static int thread_readlink(struct task *t, char *buf, size_t size)
{
	return scnprintf(buf, size, "%d/task/%d", current->group->tgid, current->pid);
}
static int mounts_readlink(struct task *t, char *buf, size_t size) { return scnprintf(buf, size, "self/mounts"); }

/* The classes of hashed locks: how many slots stand for all their objects, and who may nest in whom. */
static void hashlocks_show(struct seq *s, struct task *t)
{
	size_t room = s->size - s->len, n = hashlock_report(s->buf + s->len, room);

	s->len += min(n, room);
	s->overflow = n + 1 >= room;
}

/* --- rmap ------------------------------------------------------------------------------------------------------------ */

static void rmap_show(struct seq *s, struct task *t)
{
	size_t room = s->size - s->len, n = rmap_report(s->buf + s->len, room);

	s->len += min(n, room);
	s->overflow = n + 1 >= room;
}

/* "0": counters to zero. "walk START LENGTH": a walk for each page that the writer maps there. */
static int rmap_write(struct task *t, char *text, size_t n)
{
	unsigned long start, len;
	char *end;
	long r;

	text = strim(text);
	if (!strcmp(text, "0")) {
		rmap_reset_counters();
		return 0;
	}
	if (strncmp(text, "walk ", 5))
		return -EINVAL;
	start = simple_strtoull(text + 5, &end, 0);
	len = simple_strtoull(skip_spaces(end), &end, 0);
	r = *end ? -EINVAL : rmap_audit(start, len);
	return min(r, 0L);
}

#ifdef CONFIG_DEBUG
static long oracle_checked;

static void oracle_show(struct seq *s, struct task *t) { seq_printf(s, "%ld\n", oracle_checked); }

static int oracle_write(struct task *t, char *text, size_t n)
{
	unsigned every;
	long r = kstrtouint(strim(text), 10, &every);

	if (r)
		return r;
	r = every ? rmap_oracle(every) : -EINVAL;
	if (r >= 0)
		oracle_checked = r;
	return r < 0 ? r : 0;
}

static void delays_show(struct seq *s, struct task *t)
{
	for (unsigned i = 0; i < NR_DELAY_POINTS; i++)
		seq_printf(s, "%s %u ms, passed %u\n", delay_points[i].name, delay_points[i].ms, delay_points[i].passed);
}

/* "NAME MS": for the writer and its children */
static int delays_write(struct task *t, char *text, size_t n)
{
	char *ms = strchr(strim(text), ' ');
	unsigned v;
	int r;

	if (!ms)
		return -EINVAL;
	*ms++ = '\0';
	r = kstrtouint(strim(ms), 10, &v);
	return r ? r : v > 60000 ? -EINVAL : delay_point_arm(strim(text), v);
}
#endif

static void modules_show(struct seq *s, struct task *t) { } /* there are none; lsmod says so */

static int trigger_write(struct task *t, char *text, size_t n)
{
	return n && !isspace(text[0]) ? (sysrq(text[0]) ? 0 : -EINVAL) : -EINVAL;
}

/* --- kallsyms: root only, since addresses help attackers --------------------------------------------------------------- */

static bool symbols_record(struct proc_open *o)
{
	unsigned long addr;
	const char *name = symbol_nth((u32)o->s.index, &addr);

	if (!name)
		return false;
	o->s.index++;
	seq_printf(&o->s, "%08lx t %s\n", addr, name);
	return true;
}
static const struct proc_records symbols_records = { .record = symbols_record };

static void unix_file(struct seq *s, struct task *t) { unix_show(s); }
static void sockstat_file(struct seq *s, struct task *t) { sockstat_show(s); }
static const struct proc_entry net_children[] = {
	{ .name = "sockstat", .show = sockstat_file },
	{ .name = "unix", .show = unix_file },
	{ 0 }
};

static void ipc_msg_file(struct seq *s, struct task *t) { sysvipc_msg_show(s); }
static void ipc_sem_file(struct seq *s, struct task *t) { sysvipc_sem_show(s); }
static void ipc_shm_file(struct seq *s, struct task *t) { sysvipc_shm_show(s); }
static const struct proc_entry sysvipc_children[] = {
	{ .name = "msg", .show = ipc_msg_file },
	{ .name = "sem", .show = ipc_sem_file },
	{ .name = "shm", .show = ipc_shm_file },
	{ 0 }
};

static const struct proc_entry root_children[] = {
	{ .name = "buddyinfo", .show = buddyinfo_show },
	{ .name = "cmdline", .show = cmdline_show },
	{ .name = "cpuinfo", .show = cpuinfo_show },
#ifdef CONFIG_DEBUG
	{ .name = "delay_points", .mode = 0600, .show = delays_show, .write = delays_write },
#endif
	{ .name = "devices", .show = devices_file },
	{ .name = "diskstats", .show = diskstats_show },
	{ .name = "filesystems", .show = filesystems_file },
	{ .name = "hashlocks", .show = hashlocks_show },
	{ .name = "interrupts", .show = interrupts_show },
	{ .name = "kallsyms", .mode = 0400, .records = &symbols_records },
	{ .name = "kmsg", .mode = 0400, .fops = &kmsg_proc_ops },
	{ .name = "kpagecount", .mode = 0400, .fops = &kpagecount_ops },
	{ .name = "kpageflags", .mode = 0400, .fops = &kpageflags_ops },
	{ .name = "loadavg", .show = loadavg_show },
	{ .name = "locks", .show = locks_file },
	{ .name = "lowmem", .show = lowmem_show },
	{ .name = "meminfo", .show = meminfo_show },
	{ .name = "modules", .show = modules_show },
	{ .name = "mounts", .readlink = mounts_readlink },
	{ .name = "net", .children = net_children },
	{ .name = "partitions", .show = partitions_show },
	{ .name = "trace", .mode = 0600, .show = trace_show, .write = trace_control },
	{ .name = "rmap", .mode = 0644, .show = rmap_show, .write = rmap_write },
#ifdef CONFIG_DEBUG
	{ .name = "rmap_oracle", .mode = 0600, .show = oracle_show, .write = oracle_write },
#endif
	{ .name = "self", .readlink = self_readlink },
	{ .name = "slabinfo", .mode = 0400, .show = slabinfo_show },
	{ .name = "stat", .show = stat_show },
	{ .name = "swaps", .show = swaps_show },
	{ .name = "sys", .children = sys_children },
	{ .name = "sysrq-trigger", .mode = 0200, .write = trigger_write },
	{ .name = "sysvipc", .children = sysvipc_children },
	{ .name = "thread-self", .readlink = thread_readlink },
	{ .name = "uptime", .show = uptime_show },
	{ .name = "version", .show = version_show },
	{ .name = "vmallocinfo", .mode = 0400, .show = vmallocinfo_show },
	{ .name = "vmstat", .show = vmstat_show },
	{ .name = "zoneinfo", .show = zoneinfo_show },
	{ 0 }
};

#define PID_BASE 1000 /* directory positions: dots, the table, then pids */

static int root_readdir(struct file *f, struct dir_context *c)
{
	if (dir_emit_dots(f, c) && !proc_readdir_table(f, c, 2)) {
		c->pos = max(c->pos, (loff_t)PID_BASE);
		proc_readdir_pids(f, c, PID_BASE);
	}
	return 0;
}

static int root_lookup(struct inode *dir, struct dentry *d)
{
	return isdigit(d->name[0]) ? proc_lookup_pid(dir, d) : proc_lookup_table(dir, d);
}

static const struct file_ops root_fops = { .readdir = root_readdir };
const struct proc_entry root_dir = {
	.name = "proc", .children = root_children, .dir_fops = &root_fops, .lookup = root_lookup,
};
static_assert(ARRAY_SIZE(root_children) < PID_BASE, "positions of pids begin behind the table");
