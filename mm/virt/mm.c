/* SPDX-License-Identifier: MIT
 *
 * The life of an address space.
 *
 *   users   tasks that live in it, and whoever looks into it for long (get_task_mm); at 0 exit_mmap takes all down
 *   count   users as one, CPUs that still have its page tables loaded for a kernel thread, /proc; at 0 it is freed
 *
 * The page directories stay until count is 0: a CPU that runs a kernel thread on borrowed page tables may still walk
 * them by itself, speculatively.
 */
#include "mm/virt/internal.h"

LIST_HEAD(mm_list);
DEFINE_SPINLOCK(mm_list_lock);
const struct virt_ops *virt_ops;
static struct kmem_cache *mm_cache;

/* Room for a stack that may grow to its limit, within reason, lies above the mapped areas. */
static unsigned long default_mmap_base(void)
{
	unsigned long gap = current->group ? rlimit(RLIMIT_STACK) : MB(8UL);

	gap = clamp(gap, MB(128UL), TASK_SIZE / 6 * 5);
	return ALIGN_DOWN(TASK_SIZE - gap, MMU_PAGE_SIZE);
}

struct mm *mm_alloc(struct mm *parent)
{
	struct mm *mm = kmem_cache_alloc(mm_cache, GFP_KERNEL);

	if (!mm)
		return NULL;
	memset(mm, 0, rmap_mm_size);
	if (rmap_mm_init(mm, parent)) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	mmu_init(&mm->mmu);
	atomic_set(&mm->users, 1);
	atomic_set(&mm->count, 1);
	rwsem_init(&mm->mmap_sem, "mmap");
	spin_lock_init(&mm->tree_lock, "vma tree");
	spin_lock_init(&mm->pt_lock, "page tables");
	mm->mmap_base = default_mmap_base();
	spin_lock(&mm_list_lock);
	list_add_tail(&mm->all_node, &mm_list);
	spin_unlock(&mm_list_lock);
	return mm;
}

static void mm_free(struct mm *mm)
{
	pt_free_dirs(mm);
	WARN_ON_ONCE(mm->nr_ptes || mm->nr_pmds || mm_rss(mm));
	kmem_cache_free(mm_cache, mm);
}

void mmgrab(struct mm *mm) { atomic_inc(&mm->count); }
void mmget(struct mm *mm) { atomic_inc(&mm->users); }

void mmdrop(struct mm *mm)
{
	if (atomic_dec_and_test(&mm->count))
		mm_free(mm);
}

void mmput(struct mm *mm)
{
	if (!atomic_dec_and_test(&mm->users))
		return;
	exit_mmap(mm);
	rmap_mm_exit(mm);
	if (unlikely(mm->oom_state))
		oom_mm_gone(mm);
	spin_lock(&mm_list_lock); /* whoever finds it on the list may count on count */
	list_del(&mm->all_node);
	spin_unlock(&mm_list_lock);
	if (mm->exe_file)
		put_file(mm->exe_file);
	mm->exe_file = NULL;
	mmdrop(mm);
}

struct mm *get_task_mm(struct task *t)
{
	struct mm *mm;

	spin_lock(&t->alloc_lock);
	mm = t->mm;
	if (mm && (t->flags & PF_KTHREAD || !atomic_inc_not_zero(&mm->users)))
		mm = NULL;
	spin_unlock(&t->alloc_lock);
	return mm;
}

/* --- changing over ----------------------------------------------------------------------------------------------------
 * task->mm counts in users. task->active_mm counts in count only while it is borrowed, that is, while task->mm is NULL. */
void mm_switch(struct mm *mm)
{
	struct task *t = current;
	struct mm *old, *borrowed;

	rss_settle(t);
	spin_lock(&t->alloc_lock);
	old = t->mm;
	borrowed = old ? NULL : t->active_mm;
	t->mm = mm;
	t->active_mm = mm;
	mmu_switch(&mm->mmu);
	spin_unlock(&t->alloc_lock);
	if (old)
		mmput(old);
	if (borrowed)
		mmdrop(borrowed);
}

/* The page tables stay loaded, borrowed like those of a kernel thread, until the scheduler switches. */
void mm_leave(void)
{
	struct task *t = current;
	struct mm *mm = t->mm;

	if (!mm)
		return;
	mmgrab(mm);
	rss_settle(t);
	spin_lock(&t->alloc_lock);
	t->mm = NULL;
	spin_unlock(&t->alloc_lock);
	mmput(mm);
}

/* --- the mmap lock ------------------------------------------------------------------------------------------------------- */
void mmap_read_lock(struct mm *mm, unsigned long start, unsigned long end)
{
	vm_op_begin();
	down_read(&mm->mmap_sem);
}
void mmap_read_unlock(struct mm *mm, unsigned long start, unsigned long end)
{
	up_read(&mm->mmap_sem);
	vm_op_end();
}
bool mmap_read_trylock(struct mm *mm, unsigned long start, unsigned long end)
{
	vm_op_begin();
	if (down_read_trylock(&mm->mmap_sem))
		return true;
	vm_op_end();
	return false;
}
void mmap_write_lock(struct mm *mm, unsigned long start, unsigned long end)
{
	vm_op_begin();
	down_write(&mm->mmap_sem);
}
int mmap_write_lock_killable(struct mm *mm, unsigned long start, unsigned long end)
{
	int err;

	vm_op_begin();
	err = down_write_killable(&mm->mmap_sem);
	if (err)
		vm_op_end();
	return err;
}
void mmap_write_unlock(struct mm *mm, unsigned long start, unsigned long end)
{
	struct vma *corpses = mm->corpses;

	mm->corpses = NULL;
	up_write(&mm->mmap_sem);
	vm_op_end();
	if (corpses)
		vma_bury(mm, corpses);
}
void mmap_write_downgrade(struct mm *mm, unsigned long start, unsigned long end)
{
	ASSERT(!mm->corpses);
	downgrade_write(&mm->mmap_sem);
}

unsigned long mm_rss_anon(const struct mm *mm)
{
	int n = atomic_read(&mm->rss_anon);
	struct task *t;

	if (mm->threaded) {
		rcu_read_lock();
		for_each_task(t)
			if (READ_ONCE(t->mm) == mm)
				n += READ_ONCE(t->rss_new);
		rcu_read_unlock();
	}
	return max(n, 0);
}

unsigned long mm_rss(const struct mm *mm)
{
	return mm_rss_anon(mm) + atomic_read(&mm->rss_file) + atomic_read(&mm->rss_shmem);
}

void mm_virt_init(void)
{
	static_assert(offsetof(struct mm, mmu) == 0, "the scheduler and arch know");

	BUG_ON(!rmap_vma_size); /* rmap_init comes first: it decides what the tails of vma and mm need */
	mm_cache = kmem_cache_create("mm_struct", rmap_mm_size, 32, SLAB_PANIC, NULL);
	area_init();
}
