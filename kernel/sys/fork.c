/* SPDX-License-Identifier: MIT
 *
 * Making tasks: fork, vfork, clone, kernel threads; and freeing their memory.
 *
 * copy_process builds the whole task unseen, and publishes it in one critical section (tasklist_lock + siglock) in
 * which a fatal signal to the parent still calls it off. What can fail comes before; the unwinding is in reverse.
 *
 * A user task has two references: its own, dropped by the scheduler after its last switch, and its parent's, dropped
 * by release_task. free_task runs after both and a grace period.
 */
#include "drivers/block/block.h"
#include "kernel/sys/fork.h"

#include "arch/i386/traps.h"
#include "arch/i386/uaccess.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sys/cred.h"
#include "kernel/sys/futex.h"
#include "kernel/sys/itimer.h"
#include "kernel/sys/pid.h"
#include "kernel/sys/sighand.h"
#include "kernel/time/clock.h"
#include "mm/virt/mm.h"
#include <linux/sched.h>

#define CLONE_IMPLEMENTED (CSIGNAL | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_PTRACE | CLONE_VFORK | \
	CLONE_PARENT | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | \
	CLONE_DETACHED | CLONE_UNTRACED | CLONE_CHILD_SETTID | CLONE_IO)

static struct kmem_cache *task_cache, *group_cache;
static atomic_t thread_count;
int sysctl_threads_max;
u64 total_forks;
LIST_HEAD(all_tasks);
DEFINE_RWLOCK(tasklist_lock);
struct task *init_task_1;
struct group *init_group;

/* Of idle tasks; kernel threads and the first process inherit the limits. */
static struct sighand boot_sighand = { .refcount = ATOMIC_INIT(1) };
struct group boot_group = {
	.refcount = ATOMIC_INIT(1 << 20), .live = ATOMIC_INIT(1), .dumpable = 1, .sighand = &boot_sighand,
	.threads = LIST_HEAD_INIT(boot_group.threads), .children = LIST_HEAD_INIT(boot_group.children),
	.zombies = LIST_HEAD_INIT(boot_group.zombies),
	.shared_pending = { LIST_HEAD_INIT(boot_group.shared_pending.queue), { { 0, 0 } } },
	.posix_timers = LIST_HEAD_INIT(boot_group.posix_timers), .wait_child = WAIT_QUEUE_INIT(boot_group.wait_child),
};

unsigned nr_threads(void)
{
	return atomic_read(&thread_count);
}

/* --- pieces ---------------------------------------------------------------------------------------------------------- */

static void free_stack(void *stack)
{
	lowmem_account(LOW_STACK, virt_to_page(stack), -(1 << STACK_ORDER));
	free_low(stack, STACK_ORDER);
}

static int make_stack(struct task *t)
{
	t->stack = alloc_low(GFP_KERNEL, STACK_ORDER);
	if (!t->stack)
		return -ENOMEM;
	lowmem_account(LOW_STACK, virt_to_page(t->stack), 1 << STACK_ORDER);
	*(u32 *)t->stack = STACK_CANARY;
	return 0;
}

/* A copy of current with everything of its own reset. */
static struct task *dup_task(void)
{
	struct task *t = kmem_cache_alloc(task_cache, GFP_KERNEL);

	if (!t)
		return NULL;
	memcpy(t, current, sizeof(*t));
	t->arch.fpu = NULL;
	atomic_set(&t->refcount, 2);
	t->flags = (current->flags & ~(PF_EXITING | PF_MEMALLOC | PF_VFORK | PF_KTHREAD | PF_USED_FPU)) | PF_FORKNOEXEC;
	t->work = 0;
	t->state = TASK_UNINTERRUPTIBLE;
	t->mm = t->active_mm = NULL;
	t->group = NULL;
	t->pids = NULL;
	INIT_LIST_HEAD(&t->pending.queue);
	t->pending.set = t->waiting = (ksigset_t){ { 0, 0 } };
	t->jobctl = 0;
	t->exit_state = t->exit_code = 0;
	t->pdeath_signal = 0;
	t->files = NULL;
	t->fs = NULL;
	t->utime = t->stime = 0;
	t->min_flt = t->maj_flt = t->nvcsw = t->nivcsw = 0;
	t->rss_new = 0;
	t->gfp_mask = t->clear_child_tid = t->set_child_tid = t->robust_list = 0;
	t->vfork_done = NULL;
	t->restart.fn = NULL;
	t->io = NULL;
	t->lockdep = NULL;
#ifdef CONFIG_DEBUG
	t->fail_nth = 0;
#endif
	t->start_time = ktime_get();
	spin_lock_init(&t->alloc_lock, "task alloc_lock");
	return t;
}

static int dup_cred(struct task *t, bool kernel)
{
	int err = kernel ? 0 : check_nproc();

	if (err)
		return err;
	t->cred = get_cred(kernel ? &init_cred : current->cred);
	atomic_inc(&t->cred->user->tasks);
	return 0;
}

static void drop_cred(struct task *t)
{
	atomic_dec(&t->cred->user->tasks);
	put_cred(t->cred);
}

static struct group *alloc_group(void)
{
	struct group *g = kmem_cache_alloc(group_cache, GFP_KERNEL), *p = current->group;

	if (!g)
		return NULL;
	memset(g, 0, sizeof(*g));
	atomic_set(&g->refcount, 1);
	atomic_set(&g->live, 1);
	INIT_LIST_HEAD(&g->threads);
	INIT_LIST_HEAD(&g->children);
	INIT_LIST_HEAD(&g->zombies);
	INIT_LIST_HEAD(&g->sibling);
	INIT_LIST_HEAD(&g->shared_pending.queue);
	INIT_LIST_HEAD(&g->posix_timers);
	spin_lock_init(&g->siglock, "siglock");
	wait_queue_init(&g->wait_child);
	itimers_init(g);
	g->nr_threads = 1;
	g->start_time = ktime_get();
	g->dumpable = p->dumpable;
	g->oom_score_adj = p->oom_score_adj;
	g->oom_score_adj_min = p->oom_score_adj_min;
	memcpy(g->rlim, p->rlim, sizeof(g->rlim));
	return g;
}

static int dup_group(struct task *t, u32 flags)
{
	struct group *g;
	int err;

	if (flags & CLONE_THREAD) {
		t->group = current->group;
		atomic_inc(&t->group->refcount);
		return 0;
	}
	g = alloc_group();
	if (!g)
		return -ENOMEM;
	err = sighand_dup(g, current->group, flags & CLONE_SIGHAND);
	if (err) {
		kmem_cache_free(group_cache, g);
		return err;
	}
	g->leader = t;
	t->group = g;
	return 0;
}

static void free_group_rcu(struct rcu_head *h)
{
	kmem_cache_free(group_cache, container_of(h, struct group, rcu));
}

static void put_group(struct group *g)
{
	if (!atomic_dec_and_test(&g->refcount))
		return;
	flush_pending(&g->shared_pending);
	sighand_put(g->sighand);
	call_rcu(&g->rcu, free_group_rcu);
}

static int dup_mm(struct task *t, u32 flags)
{
	struct mm *mm = current->mm;
	int err;

	if (!mm)
		return 0;
	if (flags & CLONE_VM) {
		mmget(mm);
		if (flags & CLONE_THREAD)
			mm->threaded = true;
	} else {
		mm = mm_alloc(mm);
		if (!mm)
			return -ENOMEM;
		err = mm_dup(mm, current->mm);
		if (err) {
			mmput(mm);
			return err;
		}
	}
	t->mm = t->active_mm = mm;
	return 0;
}

/* Kernel threads share the files of kernel threads only. */
static bool inherits(const struct clone_request *r)
{
	return !r->fn || current->flags & PF_KTHREAD;
}

static int dup_files(struct task *t, const struct clone_request *r)
{
	return current->files && inherits(r) ? files_dup(t, current, r->fn || r->flags & CLONE_FILES) : 0;
}

static int dup_fs(struct task *t, const struct clone_request *r)
{
	return current->fs && inherits(r) ? fs_dup(t, current, r->fn || r->flags & CLONE_FS) : 0;
}

static void note_child_tids(struct task *t, const struct clone_request *r)
{
	if (r->flags & CLONE_CHILD_SETTID) {
		t->set_child_tid = r->child_tid;
		work_set(t, WORK_NOTIFY);
	}
	if (r->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = r->child_tid;
	if (r->flags & CLONE_VM)
		t->rseq = 0; /* the structure is the caller's own */
	if ((r->flags & (CLONE_VM | CLONE_VFORK)) == CLONE_VM)
		t->altstack = (stack_t){ .ss_flags = SS_DISABLE };
}

static int start_registers(struct task *t, const struct clone_request *r)
{
	struct regs regs;

	if (r->fn) {
		t->restart.arg[0] = (u32)r->fn;
		t->restart.arg[1] = (u32)r->arg;
		thread_start_kernel(t, r->to_user ? r->fn : kthread_main, r->arg);
		return 0;
	}
	regs = *current_regs();
	regs.eax = 0;
	regs.orig_eax = -1;
	if (r->stack)
		regs.esp = r->stack;
	thread_start_user(t, &regs);
	return r->flags & CLONE_SETTLS ? thread_set_tls(t, (void *)r->tls, false) : 0;
}

/* --- publishing -------------------------------------------------------------------------------------------------------- */

static void link_thread(struct task *t)
{
	struct group *g = t->group;

	list_add_tail_rcu(&t->thread_node, &g->threads);
	atomic_inc(&g->live);
	g->nr_threads++;
	t->exit_signal = -1;
}

static void link_process(struct task *t, const struct clone_request *r)
{
	struct group *g = t->group, *p = current->group;

	list_add_tail_rcu(&t->thread_node, &g->threads);
	g->tgid = t->pid;
	if (r->fn) {
		g->parent = NULL;
	} else if (r->flags & CLONE_PARENT) {
		g->parent = p->parent;
		t->exit_signal = p->leader->exit_signal;
	} else {
		g->parent = p;
	}
	if (g->parent) {
		g->has_subreaper = g->parent->has_subreaper || g->parent->subreaper; /* here: prctl marks those whom it finds */
		list_add_tail(&g->sibling, &g->parent->children);
	}
	if (!r->fn && p->pgrp) {
		g->pgrp = get_pid(p->pgrp);
		g->session = get_pid(p->session);
		list_add_tail(&g->pgrp_node, &g->pgrp->groups);
		list_add_tail(&g->session_node, &g->session->session);
		g->tty = p->tty;
	}
}

static bool may_not_fork(const struct clone_request *r)
{
	struct group *g = current->group;

	if (r->fn)
		return false;
	return signal_pending() || g->group_exiting || (g->exec_task && g->exec_task != current);
}

static int publish(struct task *t, const struct clone_request *r)
{
	int err = 0;

	write_lock(&tasklist_lock);
	spin_lock_irq(&current->group->siglock);
	recalc_signal_pending(current);
	if (may_not_fork(r)) {
		err = -ERESTARTNOINTR;
	} else {
		if (r->flags & CLONE_THREAD)
			link_thread(t);
		else
			link_process(t, r);
		list_add_tail_rcu(&t->all_node, &all_tasks);
		rcu_assign_pointer(t->pids->task, t);
		atomic_inc(&thread_count);
		total_forks++;
	}
	spin_unlock_irq(&current->group->siglock);
	write_unlock(&tasklist_lock);
	return err;
}

static void unpublish_pid(struct task *t)
{
	write_lock(&tasklist_lock);
	release_pid_if_unused(t->pids);
	write_unlock(&tasklist_lock);
}

struct task *copy_process(const struct clone_request *r)
{
	struct task *t;
	int err;

	if (nr_threads() >= (unsigned)READ_ONCE(sysctl_threads_max))
		return ERR_PTR(-EAGAIN);
	t = dup_task();
	if (!t)
		return ERR_PTR(-ENOMEM);
	t->exit_signal = r->exit_signal;
	if (r->fn)
		t->flags |= PF_KTHREAD;
	if (r->fn && !r->to_user)
		t->blocked = (ksigset_t){ { ~0u, ~0u } }; /* before anybody can send it one */
	if ((err = make_stack(t)))
		goto free_task;
	if ((err = dup_cred(t, r->fn)))
		goto free_stack;
	if ((err = thread_copy(t, current)))
		goto drop_cred;
	sched_fork(t);
	if ((err = dup_group(t, r->flags)))
		goto free_thread;
	if ((err = dup_files(t, r)))
		goto put_group;
	if ((err = dup_fs(t, r)))
		goto drop_files;
	if (!r->fn && (err = dup_mm(t, r->flags)))
		goto drop_fs;
	if ((err = start_registers(t, r)))
		goto drop_mm;
	t->pids = alloc_pid(r->want_pid);
	if (IS_ERR(t->pids)) {
		err = PTR_ERR(t->pids);
		goto drop_mm;
	}
	t->pid = t->pids->nr;
	note_child_tids(t, r);
	if (r->flags & CLONE_PARENT_SETTID && put_user(t->pid, (u32 __user *)r->parent_tid))
		err = -EFAULT;
	if (!err)
		err = publish(t, r);
	if (!err)
		return t;
	unpublish_pid(t);
drop_mm:
	if (t->mm)
		mmput(t->mm);
drop_fs:
	if (t->fs)
		fs_exit(t);
drop_files:
	if (t->files)
		files_exit(t);
put_group:
	put_group(t->group);
free_thread:
	thread_free(t);
drop_cred:
	drop_cred(t);
free_stack:
	free_stack(t->stack);
free_task:
	kmem_cache_free(task_cache, t);
	return ERR_PTR(err);
}

/* --- kernel threads ---------------------------------------------------------------------------------------------------- */

int kthread_main(void *unused)
{
	int (*fn)(void *) = (void *)current->restart.arg[0];

	do_exit(fn((void *)current->restart.arg[1]));
}

static struct task *make_kthread(int (*fn)(void *), void *arg, const char *name)
{
	struct clone_request r = { .fn = fn, .arg = arg };
	struct task *t = copy_process(&r);

	if (!IS_ERR(t))
		set_task_comm(t, name);
	return t;
}

/* The thread that becomes pid 1: started here, before or after other kernel threads. path: init=, or NULL. */
struct task *start_first_process(const char *path)
{
	struct clone_request r = { .fn = run_init, .arg = (void *)path, .want_pid = 1, .to_user = true, .exit_signal = SIGCHLD };
	struct task *t = copy_process(&r);

	if (IS_ERR(t))
		return t;
	set_task_comm(t, "init");
	init_task_1 = t;
	init_group = t->group;
	sched_start(t);
	return t;
}

/* The idle task of a CPU to be started: a stack and the boot group; number 0, in no list. => NULL: no memory */
struct task *fork_idle(unsigned cpu)
{
	struct task *t = dup_task();

	if (!t)
		return NULL;
	if (make_stack(t)) {
		kmem_cache_free(task_cache, t);
		return NULL;
	}
	t->pid = 0;
	t->flags = PF_KTHREAD;
	t->group = &boot_group;
	t->cred = &init_cred;
	scnprintf(t->comm, sizeof(t->comm), "idle/%u", cpu);
	return t;
}

/* => nothing refers to t: its last switch is over and its parent has buried it */
static void free_task(struct task *t)
{
	flush_pending(&t->pending);
	put_group(t->group);
	thread_free(t);
	put_cred(t->cred);
	if (t->stack)
		free_stack(t->stack);
	kmem_cache_free(task_cache, t);
}

static unsigned user_tasks(void) { return (unsigned)atomic_read(&current->cred->user->tasks); }

static const struct sched_ops process_sched_ops = {
	.make_kthread = make_kthread, .free_task = free_task, .mm_grab = mmgrab, .mm_drop = mmdrop,
	.user_tasks = user_tasks, .flush_io = plug_flush
};

void set_task_comm(struct task *t, const char *name)
{
	spin_lock(&t->alloc_lock);
	strscpy(t->comm, name, sizeof(t->comm));
	spin_unlock(&t->alloc_lock);
}

/* --- the calls --------------------------------------------------------------------------------------------------------- */

static int check_flags(u32 f)
{
	if (f & ~CLONE_IMPLEMENTED)
		return -EINVAL; /* namespaces, CLONE_PIDFD and what is not known */
	if (f & CLONE_THREAD && !(f & CLONE_SIGHAND))
		return -EINVAL;
	if (f & CLONE_SIGHAND && !(f & CLONE_VM))
		return -EINVAL;
	if (f & CLONE_PARENT && current->group->unkillable)
		return -EINVAL;
	return 0;
}

/* The parent sleeps until the child has left the address space that they share. */
static void wait_for_vfork(struct task *child, struct completion *done)
{
	if (!wait_for_completion_killable(done))
		return;
	spin_lock(&child->alloc_lock);
	child->vfork_done = NULL;
	spin_unlock(&child->alloc_lock);
}

/* A user's processes that fork in vain, a bomb at its limit, would take all CPU time for that: the more they are the longer each waits.
 * A signal ends it. */
static void wait_at_limit(void)
{
	u32 tasks = atomic_read(&current->cred->user->tasks);

	if (tasks < 100 || check_nproc() != -EAGAIN)
		return;
	set_current_state(TASK_INTERRUPTIBLE);
	schedule_timeout((u64)tasks * 200 * NSEC_PER_USEC);
}

static long do_clone(const struct clone_request *r)
{
	DECLARE_COMPLETION(vfork_done);
	struct task *t;
	pid_t pid;
	int err = check_flags(r->flags);

	if (err)
		return err;
	t = copy_process(r);
	if (IS_ERR(t)) {
		if (PTR_ERR(t) == -EAGAIN)
			wait_at_limit();
		return PTR_ERR(t);
	}
	pid = t->pid;
	if (r->flags & CLONE_VFORK) {
		t->vfork_done = &vfork_done;
		get_task(t);
	}
	sched_start(t);
	if (r->flags & CLONE_VFORK) {
		wait_for_vfork(t, &vfork_done);
		put_task(t);
	}
	return pid;
}

/* The first work of a new task on its way to user mode. */
void store_child_tid(void)
{
	work_clear(current, WORK_NOTIFY);
	if (current->set_child_tid && put_user(current->pid, (u32 __user *)current->set_child_tid))
		return; /* as Linux: the child runs on */
	current->set_child_tid = 0;
}

SYSCALL(fork, void)
{
	struct clone_request r = { .exit_signal = SIGCHLD };

	return do_clone(&r);
}

SYSCALL(vfork, void)
{
	struct clone_request r = { .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD };

	return do_clone(&r);
}

/* The low byte of flags is any number: one that is no signal means that none is sent. */
SYSCALL(clone, u32 flags, u32 stack, u32 parent_tid, u32 tls, u32 child_tid)
{
	struct clone_request r = { .flags = flags & ~CSIGNAL, .stack = stack, .parent_tid = parent_tid, .child_tid = child_tid, .tls = tls };

	if ((flags & CSIGNAL) <= NR_SIGNALS)
		r.exit_signal = flags & CSIGNAL;

	return do_clone(&r);
}

static int read_clone_args(struct clone_args *a, const void __user *from, size_t size)
{
	char rest[64];

	if (size > 4096)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	memset(a, 0, sizeof(*a));
	if (copy_from_user(a, from, min(size, sizeof(*a))))
		return -EFAULT;
	for (size_t at = sizeof(*a); at < size; at += sizeof(rest)) {
		size_t n = min(size - at, sizeof(rest));

		if (copy_from_user(rest, (const char __user *)from + at, n))
			return -EFAULT;
		if (memchr_inv(rest, 0, n))
			return -E2BIG;
	}
	return 0;
}

static bool clone_args_valid(const struct clone_args *a)
{
	if (a->flags >> 32 || a->flags & (CSIGNAL | CLONE_DETACHED) || a->exit_signal > NR_SIGNALS)
		return false;
	if ((a->stack == 0) != (a->stack_size == 0) || a->stack >> 32 || a->stack + a->stack_size > TASK_SIZE)
		return false;
	if (a->flags & (CLONE_THREAD | CLONE_PARENT) && a->exit_signal)
		return false;
	return !((a->parent_tid | a->child_tid | a->tls) >> 32) && !a->set_tid && !a->set_tid_size && !a->cgroup;
}

SYSCALL(clone3, const void __user *args, size_t size)
{
	struct clone_args a;
	struct clone_request r;
	int err = read_clone_args(&a, args, size);

	if (err)
		return err;
	if (!clone_args_valid(&a))
		return -EINVAL;
	r = (struct clone_request){ .flags = a.flags, .exit_signal = a.exit_signal, .stack = a.stack + a.stack_size,
		.parent_tid = a.parent_tid, .child_tid = a.child_tid, .tls = a.tls };
	return do_clone(&r);
}

SYSCALL(set_tid_address, u32 addr)
{
	current->clear_child_tid = addr;
	return current->pid;
}

/* --- boot -------------------------------------------------------------------------------------------------------------- */

void task_unlinked(void)
{
	atomic_dec(&thread_count);
}

/* A task costs its stack, two page directories and about 4 KB of other low memory: threads may take a half of it. */
static void set_limits(void)
{
	unsigned long low_kb = nr_free_low() * (MMU_PAGE_SIZE / 1024);
	struct rlimit *l = boot_group.rlim;

	sysctl_threads_max = clamp(low_kb / 40, 64UL, (unsigned long)PID_MAX_LIMIT);
	for (int i = 0; i < RLIM_NLIMITS; i++)
		l[i] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	l[RLIMIT_STACK].rlim_cur = MB(8);
	l[RLIMIT_CORE].rlim_cur = 0;
	l[RLIMIT_NOFILE] = (struct rlimit){ 1024, 4096 };
	l[RLIMIT_MEMLOCK] = (struct rlimit){ MB(8), MB(8) };
	l[RLIMIT_MSGQUEUE] = (struct rlimit){ 819200, 819200 };
	l[RLIMIT_NICE] = l[RLIMIT_RTPRIO] = (struct rlimit){ 0, 0 };
	l[RLIMIT_NPROC] = l[RLIMIT_SIGPENDING] = (struct rlimit){ sysctl_threads_max / 2, sysctl_threads_max / 2 };
}

void __init process_init(void)
{
	task_cache = kmem_cache_create("task", sizeof(struct task), 16, SLAB_PANIC, NULL);
	group_cache = kmem_cache_create("group", sizeof(struct group), 0, SLAB_PANIC, NULL);
	cred_init();
	pid_init();
	signal_init();
	set_limits();
	futex_init();
	current->group = &boot_group;
	current->cred = &init_cred;
	atomic_inc(&init_cred.user->tasks);
	sched_ops = &process_sched_ops;
}
