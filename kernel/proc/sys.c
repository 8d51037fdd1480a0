/* SPDX-License-Identifier: MIT
 *
 * /proc/sys: settings as files. A number has bounds; what it sets takes effect at once.
 */
#include "drivers/char/char.h"
#include "kernel/lib/div64.h"
#include "kernel/ipc/ipc.h"
#include "kernel/net/net.h"
#include "kernel/proc/internal.h"
#include "mm/cache/writeback.h"
#include "mm/phys/phys.h"
#include "mm/reclaim/reclaim.h"
#include "mm/reclaim/swap.h"
#include "mm/virt/nonlinear.h"
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/utsname.h>

static int parse(char *text, long long low, long long high, long long *v)
{
	int r = kstrtoll(strim(text), 0, v);

	if (r)
		return r;
	return *v < low || *v > high ? -EINVAL : 0;
}

/* name, variable, bounds */
#define NUMBER(name, var, low, high) \
	static void name##_show(struct seq *s, struct task *t) { seq_printf(s, "%lld\n", (long long)(var)); } \
	static int name##_write(struct task *t, char *text, size_t n) \
	{ \
		long long v; \
		int r = parse(text, low, high, &v); \
		if (!r) \
			var = (__typeof__(var))v; \
		return r; \
	}
#define FIXED(name, format, ...) static void name##_show(struct seq *s, struct task *t) { seq_printf(s, format "\n", __VA_ARGS__); }
#define RW(n) { .name = #n, .mode = 0644, .show = n##_show, .write = n##_write }
#define RO(n) { .name = #n, .show = n##_show }

/* --- kernel -------------------------------------------------------------------------------------------------------------- */

FIXED(ostype, "%s", uts_name.sysname)
FIXED(osrelease, "%s", uts_name.release)
FIXED(version, "%s", uts_name.version)
FIXED(ngroups_max, "%u", NGROUPS_MAX)
FIXED(cap_last_cap, "%u", CAP_LAST_CAP)
NUMBER(pid_max, sysctl_pid_max, 301, 4194304)
NUMBER(threads_max, sysctl_threads_max, 20, 0x3fffffff)

static void hostname_show(struct seq *s, struct task *t)
{
	char name[sizeof(uts_name.nodename)];

	spin_lock(&uts_lock);
	memcpy(name, uts_name.nodename, sizeof(name));
	spin_unlock(&uts_lock);
	seq_printf(s, "%s\n", name);
}

static int hostname_write(struct task *t, char *text, size_t n)
{
	text[strcspn(text, "\n")] = '\0';
	return uts_set(false, text, strlen(text));
}

static void domainname_show(struct seq *s, struct task *t)
{
	char name[sizeof(uts_name.domainname)];

	spin_lock(&uts_lock);
	memcpy(name, uts_name.domainname, sizeof(name));
	spin_unlock(&uts_lock);
	seq_printf(s, "%s\n", name);
}

static int domainname_write(struct task *t, char *text, size_t n)
{
	text[strcspn(text, "\n")] = '\0';
	return uts_set(true, text, strlen(text));
}

static void printk_show(struct seq *s, struct task *t) { seq_printf(s, "%d\t%d\t1\t%d\n", console_loglevel, LOG_WARNING, LOG_DEBUG); }
static int printk_write(struct task *t, char *text, size_t n)
{
	long long v;
	int r;

	text[strcspn(text, " \t")] = '\0';
	r = parse(text, 0, 15, &v);
	if (!r)
		console_loglevel = v;
	return r;
}

static void uuid_line(struct seq *s, const u8 *b)
{
	seq_printf(s, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", b[0], b[1], b[2], b[3], b[4], b[5],
		   (b[6] & 15) | 64, b[7], (b[8] & 63) | 128, b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static void uuid_show(struct seq *s, struct task *t)
{
	u8 b[16];

	get_random_bytes(b, sizeof(b));
	uuid_line(s, b);
}

static void boot_id_show(struct seq *s, struct task *t)
{
	static DEFINE_MUTEX(lock);
	static u8 b[16];
	static bool made;

	mutex_lock(&lock);
	if (!made)
		get_random_bytes(b, sizeof(b));
	made = true;
	mutex_unlock(&lock);
	uuid_line(s, b);
}

FIXED(entropy_avail, "%u", random_entropy())
FIXED(poolsize, "%u", 256)
static const struct proc_entry random_children[] = { RO(boot_id), RO(entropy_avail), RO(poolsize), RO(uuid), { 0 } };

/* --- System V: kernel.shm*, msg*, sem */

NUMBER(msgmax, sysctl_msgmax, 0, 0x7fffffff)
NUMBER(msgmnb, sysctl_msgmnb, 0, 0x7fffffff)
NUMBER(msgmni, sysctl_msgmni, 0, 32768)
NUMBER(shmall, sysctl_shmall, 0, 0xffffffffLL)
NUMBER(shmmax, sysctl_shmmax, 0, 0xffffffffLL)
NUMBER(shmmni, sysctl_shmmni, 0, 32768)
static void sem_show(struct seq *s, struct task *t)
{
	seq_printf(s, "%u\t%u\t%u\t%u\n", sysctl_sem[0], sysctl_sem[1], sysctl_sem[2], sysctl_sem[3]);
}
/* One to four numbers, the later ones stay. */
static int sem_write(struct task *t, char *text, size_t n)
{
	u32 new[4] = { sysctl_sem[0], sysctl_sem[1], sysctl_sem[2], sysctl_sem[3] };
	char *end = skip_spaces(text);

	for (unsigned i = 0; i < 4 && *end; i++) {
		char *begin = end;
		u64 v = simple_strtoull(begin, &end, 0);

		if (end == begin || v > (i == 3 ? 32768 : 0x7fffffffU))
			return -EINVAL;
		new[i] = (u32)v;
		end = skip_spaces(end);
	}
	if (*end)
		return -EINVAL;
	memcpy(sysctl_sem, new, sizeof(new));
	return 0;
}

static const struct proc_entry kernel_children[] = {
	RO(cap_last_cap), RW(domainname), RW(hostname), RW(msgmax), RW(msgmnb), RW(msgmni), RO(ngroups_max), RO(osrelease), RO(ostype), RW(pid_max),
	RW(printk),
	{ .name = "random", .children = random_children },
	RW(sem), RW(shmall), RW(shmmax), RW(shmmni),
	{ .name = "threads-max", .mode = 0644, .show = threads_max_show, .write = threads_max_write },
	RO(version), { 0 }
};

/* --- vm ---------------------------------------------------------------------------------------------------------------------- */

NUMBER(overcommit_memory, sysctl_overcommit_memory, 0, 2)
NUMBER(overcommit_ratio, sysctl_overcommit_ratio, 0, 1000000)
NUMBER(max_map_count, sysctl_max_map_count, 1, 0x7fffffff)
NUMBER(mmap_min_addr, sysctl_mmap_min_addr, 0, TASK_SIZE - PAGE_SIZE)
NUMBER(nonlinear, sysctl_nonlinear, 0, 1)
NUMBER(swappiness, sysctl_swappiness, 0, 200)
NUMBER(vfs_cache_pressure, vfs_cache_pressure, 0, 10000)
NUMBER(page_cluster, sysctl_page_cluster, 0, 5)

NUMBER(dirty_expire_centisecs, sysctl_dirty_expire_centisecs, 0, 0x7fffffff)
static void dirty_writeback_centisecs_show(struct seq *s, struct task *t) { seq_printf(s, "%u\n", sysctl_dirty_writeback_centisecs); }
static int dirty_writeback_centisecs_write(struct task *t, char *text, size_t n)
{
	long long v;
	int r = parse(text, 0, 0x7fffffff, &v);

	if (!r)
		set_writeback_interval((unsigned)v);
	return r;
}

/* Bytes or percent: the one that was set last counts, the other one reads 0. */
#define EITHER(name, var, other, low, high) \
	static void name##_show(struct seq *s, struct task *t) { seq_printf(s, "%lu\n", (unsigned long)(var)); } \
	static int name##_write(struct task *t, char *text, size_t n) \
	{ \
		long long v; \
		int r = parse(text, low, high, &v); \
		if (!r) { \
			var = (__typeof__(var))v; \
			other = 0; \
		} \
		return r; \
	}
EITHER(dirty_ratio, sysctl_dirty_ratio, sysctl_dirty_bytes, 0, 100)
EITHER(dirty_bytes, sysctl_dirty_bytes, sysctl_dirty_ratio, 2 * PAGE_SIZE, 0xffffffffLL)
EITHER(dirty_background_ratio, sysctl_dirty_background_ratio, sysctl_dirty_background_bytes, 0, 100)
EITHER(dirty_background_bytes, sysctl_dirty_background_bytes, sysctl_dirty_background_ratio, 1, 0xffffffffLL)

static void min_free_kbytes_show(struct seq *s, struct task *t) { seq_printf(s, "%u\n", min_free_kbytes); }
static int min_free_kbytes_write(struct task *t, char *text, size_t n)
{
	long long v;
	int r = parse(text, 0, kB(totalram_pages) / 4, &v);

	if (!r)
		set_min_free_kbytes((u32)v);
	return r;
}

/* How many of the pages above a zone one page of reserve in it stands for, as Linux shows it: DMA and Normal. */
static void lowmem_reserve_ratio_show(struct seq *s, struct task *t)
{
	for (unsigned i = 0; i < NR_ZONES; i++) {
		unsigned long above = 0, reserve = zones[i].lowmem_reserve[NR_ZONES - 1];

		for (unsigned j = i + 1; j < NR_ZONES; j++)
			above += zones[j].managed;
		seq_printf(s, "%lu\t", reserve ? above / reserve : 0);
	}
	seq_puts(s, "\n");
}

/* 1: clean pages of files; 2: dentries, inodes and whatever else can shrink; areas of vmalloc that were freed. */
static int drop_caches_write(struct task *t, char *text, size_t n)
{
	long long v;
	int r = parse(text, 1, 3, &v);

	if (r)
		return r;
	if (v & 1)
		drop_page_cache();
	if (v & 2)
		vmalloc_sweep();
	while (v & 2 && shrink_slabs(1024, GFP_KERNEL) && !signal_pending())
		count_vm_event(DROP_SLAB);
	return 0;
}

static const struct proc_entry vm_children[] = {
	RW(dirty_background_bytes), RW(dirty_background_ratio), RW(dirty_bytes), RW(dirty_expire_centisecs), RW(dirty_ratio),
	RW(dirty_writeback_centisecs), { .name = "drop_caches", .mode = 0200, .write = drop_caches_write },
	RO(lowmem_reserve_ratio), RW(max_map_count), RW(min_free_kbytes), RW(mmap_min_addr), RW(nonlinear), RW(overcommit_memory), RW(overcommit_ratio),
	{ .name = "page-cluster", .mode = 0644, .show = page_cluster_show, .write = page_cluster_write }, RW(swappiness), RW(vfs_cache_pressure), { 0 }
};

/* --- fs ------------------------------------------------------------------------------------------------------------------------ */

static void file_max_show(struct seq *s, struct task *t)
{
	long n, max;

	files_get_stat(&n, &max);
	seq_printf(s, "%ld\n", max);
}

static void file_nr_show(struct seq *s, struct task *t)
{
	long n, max;

	files_get_stat(&n, &max);
	seq_printf(s, "%ld\t0\t%ld\n", n, max);
}

static void dentry_state_show(struct seq *s, struct task *t)
{
	struct dcache_stat st;

	dcache_get_stat(&st);
	seq_printf(s, "%ld\t%ld\t45\t0\t0\t0\n", st.nr_dentry, st.nr_unused);
}

static void inode_nr_show(struct seq *s, struct task *t)
{
	long n, unused;

	inodes_get_stat(&n, &unused);
	seq_printf(s, "%ld\t%ld\n", n, unused);
}

NUMBER(pipe_max_size, sysctl_pipe_max_size, 4096, 0x7fffffff)

static const struct proc_entry fs_children[] = {
	{ .name = "dentry-state", .show = dentry_state_show },
	{ .name = "file-max", .show = file_max_show },
	{ .name = "file-nr", .show = file_nr_show },
	{ .name = "inode-nr", .show = inode_nr_show },
	{ .name = "pipe-max-size", .mode = 0644, .show = pipe_max_size_show, .write = pipe_max_size_write },
	{ 0 }
};

/* --- net ----------------------------------------------------------------------------------------------------------------------- */

NUMBER(wmem_default, sysctl_wmem_default, 4608, 0x3fffffff)
NUMBER(wmem_max, sysctl_wmem_max, 4608, 0x3fffffff)
NUMBER(rmem_default, sysctl_rmem_default, 2304, 0x3fffffff)
NUMBER(rmem_max, sysctl_rmem_max, 2304, 0x3fffffff)
NUMBER(optmem_max, sysctl_optmem_max, 0, 0x100000)
NUMBER(somaxconn, sysctl_somaxconn, 0, 0x7fffffff)
NUMBER(max_dgram_qlen, sysctl_max_dgram_qlen, 0, 0x7fffffff)

static const struct proc_entry core_children[] = {
	RW(optmem_max), RW(rmem_default), RW(rmem_max), RW(somaxconn), RW(wmem_default), RW(wmem_max), { 0 }
};
static const struct proc_entry unix_children[] = { RW(max_dgram_qlen), { 0 } };
static const struct proc_entry sysnet_children[] = {
	{ .name = "core", .children = core_children }, { .name = "unix", .children = unix_children }, { 0 }
};

const struct proc_entry sys_children[] = {
	{ .name = "fs", .children = fs_children },
	{ .name = "kernel", .children = kernel_children },
	{ .name = "net", .children = sysnet_children },
	{ .name = "vm", .children = vm_children },
	{ 0 }
};
