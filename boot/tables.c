/* SPDX-License-Identifier: MIT
 *
 * The tables through which rooms on the left call rooms on the right, where the room itself cannot fill them in.
 */
#include "boot/tables.h"
#include "arch/i386/fpu.h"
#include "arch/i386/offsets.h"
#include "arch/i386/ops.h"
#include "arch/i386/traps.h"
#include "kernel/fs/internal.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sys/process.h"
#include "mm/reclaim/reclaim.h"
#include "mm/virt/mm.h"
#include <linux/falloc.h>
#include <linux/mount.h>

static_assert(offsetof(struct task, work) == TASK_WORK && offsetof(struct task, stack) == TASK_STACK &&
	      offsetof(struct task, flags) == TASK_FLAGS && offsetof(struct task, arch) == TASK_ARCH, "arch/i386/offsets.h");
static_assert(STACK_SIZE == KERNEL_STACK_SIZE && WORK_RESCHED == WORK_RESCHED_BIT, "arch/i386/offsets.h");

static struct kmem_cache *fpu_cache;
static void *ops_alloc(size_t size) { return kzalloc(size, GFP_KERNEL); }
static void ops_free(void *p) { kfree(p); }
static void *ops_alloc_fpu(void) { return kmem_cache_alloc(fpu_cache, GFP_KERNEL); }
static void ops_free_fpu(void *p) { kmem_cache_free(fpu_cache, p); }
static void *ops_alloc_pages(unsigned order) { return alloc_low(GFP_KERNEL | __GFP_ZERO, order); }

static struct task *ops_make_idle(unsigned cpu)
{
	struct task *t = fork_idle(cpu);

	if (t)
		sched_init_cpu(cpu, t);
	return t;
}

void arch_ops_init(void)
{
	fpu_cache = kmem_cache_create("fpu", FPU_AREA_SIZE, 16, SLAB_PANIC, NULL);
	arch_ops.alloc = ops_alloc;
	arch_ops.free = ops_free;
	arch_ops.alloc_fpu = ops_alloc_fpu;
	arch_ops.free_fpu = ops_free_fpu;
	arch_ops.alloc_pages = ops_alloc_pages;
	arch_ops.make_idle = ops_make_idle;
	arch_ops.cpu_main = sched_cpu_main;
}

/* For fault reports; whoever comes second during a crash may mix up the text, nothing more. */
static const char *task_name(struct task *t)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s[%d]", t->comm, t->pid);
	return text;
}

static void trap_ops_init(void)
{
	static const struct trap_ops ops = { .page_fault = handle_user_fault, .signal = force_signal,
		.user_work = signal_user_work, .tick = process_tick, .task_name = task_name };

	set_trap_ops(&ops);
}

/* --- what mm/virt asks of files ------------------------------------------------------------------------------------------------ */
static int mmap_file(struct file *f, struct vma *v) { return f->ops->mmap ? f->ops->mmap(f, v) : -ENODEV; }
static loff_t file_size(struct file *f) { return inode_size(f->mapping->host); }
static bool file_noexec(struct file *f) { return f->mount && f->mount->flags & MS_NOEXEC; }

static int file_fsync(struct file *f, loff_t start, loff_t end)
{
	return f->ops->fsync ? f->ops->fsync(f, start, end, false) : 0;
}

/* --- what reclaim asks of processes -------------------------------------------------------------------------------------------- */
static u32 task_uid(struct task *t)
{
	const struct cred *c = get_task_cred(t);
	u32 uid = c->uid;

	put_cred(c);
	return uid;
}
static void kill_task(struct task *t) { send_group_signal(SIGKILL, NULL, t); }

static int file_punch_hole(struct file *f, loff_t start, loff_t len)
{
	return f->ops->fallocate ? (int)f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, len) : -EOPNOTSUPP;
}

void tables_init(void)
{
	static const struct reclaim_ops reclaim = { .files_bytes = files_table_bytes, .task_uid = task_uid, .kill = kill_task,
		.file_swapped = tmpfs_swapped, .next_swapped = tmpfs_next_swapped };
	static const struct virt_ops virt = { .fget = fget, .mmap_file = mmap_file, .shmem_file = shmem_file,
		.file_size = file_size, .fsync = file_fsync, .punch_hole = file_punch_hole, .noexec = file_noexec, .capable = capable,
		.attached = shm_attached };

	virt_ops = &virt;
	reclaim_ops = &reclaim;
	trap_ops_init();
}
