/* SPDX-License-Identifier: MIT
 *
 * Page faults: from the trap to a page-table entry. Who is on top, and what becomes of it:
 *
 *                      read                                write
 *   nothing there
 *     anonymous area   the zero page, shared               a page of zeroes, ours
 *     private file     the file's page, read-only,         a copy of the file's page, ours
 *                      and up to 15 cached neighbours
 *     shared file      the same                            the file's page, writable, dirty
 *     special area     what its owner gives (the vDSO): mapped, not counted
 *     nonlinear area   the page that was placed there (nonlinear_fault.c)
 *   swap entry         read it in (fault_swap.c)           read it in; writable at once if only we hold it, else as below
 *   something there, but read-only
 *     zero page        (spurious)                          a page of zeroes, ours
 *     anonymous page   (spurious)                          only we map it: made writable where it is
 *                                                          others do:      [other] <- old page    copy -> [ours]
 *     private file     (spurious)                          a copy, ours
 *     shared file      (spurious)                          page marked dirty (on a disk: page_mkwrite), made writable
 *   beyond the file's end: SIGBUS. No area, or not allowed: SIGSEGV. "Spurious": another CPU was faster, or our TLB is
 *   older than the entry: drop our translation, try again.
 *
 * One fault is one walk: the page-table page is mapped once (kmap: preemption off), the entry is read, a page is taken
 * without sleeping from this CPU's list, made ready, and only then the PTL is taken, the entry compared, and set. Only
 * when there is no page at hand, or the file's page must be read, everything is given back, and the fault looks again.
 *
 * Locks: mmap lock (read) > page lock (files) > PTL. The areas stay as they are; entries may change until the PTL.
 */
#include "kernel/lib/trace.h"
#include "mm/reclaim/reclaim.h"
#include "mm/cache/writeback.h"
#include "mm/virt/internal.h"

void fault_unmap(struct fault *f)
{
	if (f->pte)
		pte_unmap(f->pte);
	f->pte = NULL;
}

/* => the table is there; f->pte mapped, f->entry read. 0 or VMF_OOM */
static __always_inline int fault_map(struct fault *f)
{
	f->pmd = mmu_pmd(&f->mm->mmu, f->addr);
	f->pt = f->pmd ? pt_page_of(f->pmd) : NULL;
	if (unlikely(!f->pt)) {
		if (pt_alloc(f->mm, f->addr))
			return VMF_OOM;
		f->pmd = mmu_pmd(&f->mm->mmu, f->addr);
		f->pt = pt_page_of(f->pmd);
	}
	f->pte = pte_map(f->pt, f->addr);
	f->entry = pte_read(f->pte);
	return 0;
}

int fault_remap(struct fault *f)
{
	pte_t seen = f->entry;
	int err = fault_map(f);

	f->entry = seen;
	return err;
}

/* A page for current to own. With the table mapped it comes without sleeping or not at all: then the table is given
 * back, a page is got the slow way into f->spare, and the caller returns VMF_RETRY (VMF_OOM if spare is NULL). */
struct page *fault_new_page(struct fault *f, bool zero)
{
	gfp_t gfp = zero ? __GFP_ZERO : 0;
	struct page *page = f->spare;

	if (unlikely(page)) {
		f->spare = NULL;
		if (zero)
			clear_page(page);
		return page;
	}
	page = alloc_page(GFP_NOWAIT | __GFP_HIGHMEM | __GFP_NOWARN | gfp);
	if (likely(page))
		return page;
	fault_unmap(f);
	f->spare = alloc_page(GFP_HIGHUSER);
	return NULL;
}

static noinline void pin_new_page(struct page *page)
{
	page->flags |= 1UL << PG_swapbacked | 1UL << PG_uptodate;
	page_pin(page);
}

/* page, which nobody else knows, appears at the address. => PTL held; entry not present. The PTL is released. */
void fault_set_anon(struct fault *f, struct page *page, pte_t entry)
{
	rmap_add_new(page, f->vma, f->addr, &f->batch);
	count_anon(f->mm);
	if (unlikely(!f->vma->has_anon)) /* other CPUs read that cache line */
		f->vma->has_anon = true;
	if (pte_none(*f->pte))
		pt_count(f->pt, 1);
	/* before the PTL goes: another thread's MADV_DONTNEED could free it */
	if (unlikely(f->vma->flags & VM_LOCKED))
		pin_new_page(page);
	else
		lru_add_new(page, 1UL << PG_swapbacked | 1UL << PG_uptodate);
	pte_set(f->pte, entry);
	spin_unlock(&f->pt->ptl);
}

static int fault_special(struct fault *f)
{
	struct vma *v = f->vma;
	struct page *page;

	if (v->flags & VM_NONLINEAR)
		return fault_nonlinear(f);
	fault_unmap(f);
	if (f->entry.low || !v->ops || !v->ops->fault) /* a marker: what was there is lost */
		return VMF_BUS;
	page = v->ops->fault(v, f->addr);
	if (IS_ERR_OR_NULL(page))
		return PTR_ERR(page) == -ENOMEM ? VMF_OOM : VMF_BUS;
	if (!fault_remap(f)) {
		if (fault_lock(f)) {
			pte_set(f->pte, page_pte(page, vma_pte_bits(v->flags) | PTE_SPECIAL));
			pt_count(f->pt, 1);
			spin_unlock(&f->pt->ptl);
		}
	}
	put_page(page); /* its owner keeps it as long as the area exists */
	return VMF_DONE;
}

static int fault_once(struct fault *f)
{
	int err = fault_map(f);

	if (unlikely(err))
		return err;
	if (pte_present(f->entry))
		return fault_present(f);
	if (unlikely(pte_is_swap(f->entry)))
		return fault_swap(f);
	if (unlikely(f->entry.low || f->vma->ops || f->vma->flags & VM_NONLINEAR))
		return fault_special(f);
	return vma_is_anon(f->vma) ? fault_anon(f) : fault_file(f);
}

static __always_inline int vma_fault(struct vma *vma, unsigned long addr, bool write, bool *major, struct page **wait)
{
	struct fault f;
	int r;

	f.mm = vma->mm; /* one by one: this is shorter than clearing all of it first */
	f.vma = vma;
	f.addr = addr & MMU_PAGE_MASK;
	f.write = write;
	f.major = false;
	f.pte = NULL;
	f.spare = NULL;
	f.wait = wait;
	f.batch.objects = NULL;
	if (write && !(vma->flags & VM_SHARED) && rmap_prepare(vma, &f.batch, 1))
		return VMF_OOM;
	do {
		r = fault_once(&f);
		fault_unmap(&f);
	} while (r == VMF_RETRY && f.spare && !(wait && *wait)); /* one page to wait for: our spare one does not hurry that */
	rmap_unprepare(&f.batch);
	if (unlikely(f.spare))
		free_page(f.spare);
	*major |= f.major;
	return r;
}

/* => VMF_*; mmap lock held for reading, and the area permits the access (or write is forced on a private one) */
int handle_vma_fault(struct vma *vma, unsigned long addr, bool write, bool *major)
{
	return vma_fault(vma, addr, write, major, NULL);
}

/* --- from the trap ------------------------------------------------------------------------------------------------------- */
static bool access_allowed(const struct vma *v, unsigned code)
{
	if (code & FAULT_WRITE)
		return v->flags & VM_WRITE;
	if (code & FAULT_EXEC)
		return v->flags & VM_EXEC;
	return v->flags & VM_PROT; /* i386: what may be written or executed can be read */
}

/* User mode gets its signal; kernel mode goes to the exception table. */
static int bad_access(unsigned code, unsigned long addr, int sig, int si_code)
{
	if (code & FAULT_USER)
		trap_ops.signal(sig, si_code, addr, 14);
	return -EFAULT;
}

/* The allocator has tried everything, and perhaps killed somebody. Current itself, if it was that: its signal waits. Who exits gets no signal
 * any more, and goes on without what it wanted to touch. */
static noinline int out_of_memory(unsigned code)
{
	if (oom_page_fault())
		return (signal_pending_state(TASK_KILLABLE) || current->flags & PF_EXITING) && !(code & FAULT_USER) ? -EFAULT : 0;
	pr_err("%s (pid %d): no memory for a page fault: killed\n", current->comm, current->pid);
	trap_ops.signal(SIGKILL, SI_KERNEL, 0, 14);
	return -EFAULT;
}

static int finish_fault(int r, bool major, unsigned code, unsigned long addr)
{
	if (likely(r == VMF_DONE)) {
		count_vm_event(PGFAULT);
		current->min_flt += !major;
		if (unlikely(major)) {
			current->maj_flt++;
			count_vm_event(PGMAJFAULT);
		}
		return 0;
	}
	if (r == VMF_OOM)
		return out_of_memory(code);
	return r == VMF_BUS ? bad_access(code, addr, SIGBUS, BUS_ADRERR) : bad_access(code, addr, SIGSEGV, SEGV_ACCERR);
}

/* Asked to look again, the mmap lock is dropped: first wait for the page, if it is one that is being read. Once: a page that is
 * gone again by the time we come for it is waited for under the lock. => true: a signal ends it */
static noinline bool wait_to_retry(struct page **wait, struct page ***may_wait)
{
	if (*wait) {
		wait_on_page_locked(*wait);
		put_page(*wait);
		*wait = NULL;
		*may_wait = NULL;
	}
	return signal_pending_state(TASK_KILLABLE);
}

/* trap_ops.page_fault. => 0: look again at the instruction; -EFAULT: a signal is on its way, or the exception table
 * must help. Interrupts on. */
int handle_user_fault(struct regs *regs, unsigned long addr, unsigned code)
{
	struct mm *mm = current->mm;
	struct page *wait = NULL, **may_wait = &wait;
	struct flusher *flusher = NULL;
	bool major = false;
	struct vma *v;
	int r;

	if (unlikely(addr >= TASK_SIZE))
		return bad_access(code, addr, SIGSEGV, SEGV_MAPERR);
	if (unlikely(!mm || in_atomic())) {
		BUG_ON(code & FAULT_USER); /* somebody has left a lock behind: the fault would come again for ever */
		return -EFAULT;
	}
	do {
		mmap_read_lock(mm, addr, addr + 1);
		v = find_vma(mm, addr);
		if (unlikely(!v || addr < v->start))
			v = find_extend_vma(mm, addr);
		if (unlikely(!v)) {
			mmap_read_unlock(mm, addr, addr + 1);
			return bad_access(code, addr, SIGSEGV, SEGV_MAPERR);
		}
		r = access_allowed(v, code) ? vma_fault(v, addr, code & FAULT_WRITE, &major, may_wait) : VMF_SEGV;
		if (unlikely(r == VMF_DIRTIED))
			flusher = vma_mapping(v)->backing->flusher;
		mmap_read_unlock(mm, addr, addr + 1);
		if (unlikely(r == VMF_RETRY && wait_to_retry(&wait, &may_wait)))
			return code & FAULT_USER ? 0 : -EFAULT;
	} while (unlikely(r == VMF_RETRY));
	if (unlikely(flusher)) { /* r is VMF_DIRTIED */
		balance_dirty_some(flusher, 1);
		r = VMF_DONE;
	}
	trace(fault, addr, regs->eip, code, r);
	return finish_fault(r, major, code, addr);
}
