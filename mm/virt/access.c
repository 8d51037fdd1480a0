/* SPDX-License-Identifier: MIT
 *
 * Pages of an address space for the kernel's own use: bringing a range in (MAP_POPULATE, mlock), taking a reference to a
 * page (mm_get_page), reading and writing the memory of another process or of one that exec is just making (mm_access).
 */
#include "mm/virt/internal.h"

/* --- bringing in --------------------------------------------------------------------------------------------------------------- */
static bool entry_there(struct mm *mm, unsigned long addr, bool write)
{
	struct page *pt;
	pte_t *pte = pte_lock_at(mm, addr, &pt);
	bool there;

	if (!pte)
		return false;
	there = pte_present(*pte) && (!write || pte_write(*pte) || pte_special(*pte));
	pte_unlock_at(pte, pt);
	return there;
}

static int populate_one(struct vma *v, unsigned long addr, bool write)
{
	bool major = false;
	int r;

	do {
		r = handle_vma_fault(v, addr, write, &major);
	} while (r == VMF_RETRY && !signal_pending_state(TASK_KILLABLE));
	switch (r) {
	case VMF_DONE: case VMF_DIRTIED: return 0;
	case VMF_RETRY: return -EINTR;
	case VMF_OOM: return -ENOMEM;
	default: return -EFAULT;
	}
}

/* May this kind of populating touch v, and is it a write? */
static int populate_kind(const struct vma *v, enum populate how, bool *write)
{
	*write = how == POPULATE_WRITE || (how == POPULATE_MLOCK && (v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE);
	if (how == POPULATE_MLOCK)
		return v->flags & VM_PROT ? 0 : -ENOMEM;
	if (how == POPULATE_WRITE)
		return v->flags & VM_WRITE ? 0 : -EINVAL;
	return v->flags & VM_READ ? 0 : -EINVAL;
}

/* [*start, end); *start moves along. => 0; -ENOMEM at a hole; mmap lock: read */
int populate_range(struct mm *mm, unsigned long *start, unsigned long end, enum populate how)
{
	bool write;
	int err;

	while (*start < end) {
		struct vma *v = find_vma(mm, *start);

		if (!v || v->start > *start)
			return -ENOMEM;
		err = populate_kind(v, how, &write);
		if (err)
			return err;
		for (; *start < min(v->end, end); *start += MMU_PAGE_SIZE) {
			if ((how == POPULATE_MLOCK && v->flags & VM_LOCKONFAULT) || (!write && entry_there(mm, *start, false)))
				continue;
			err = populate_one(v, *start, write);
			if (err)
				return err;
			cond_resched();
		}
	}
	return 0;
}

/* As mlock brings memory in. The lock is dropped now and then, for whoever waits to change the areas.
 * => 0; -ENOMEM at a hole; -EAGAIN where pages could not be had */
int mm_populate(struct mm *mm, unsigned long start, unsigned long len)
{
	unsigned long end = start + len;
	int err = 0;

	while (start < end && !err) {
		unsigned long to = min(end, start + MB(1UL));

		mmap_read_lock(mm, start, to);
		err = populate_range(mm, &start, to, POPULATE_MLOCK);
		mmap_read_unlock(mm, start, to);
		if (signal_pending_state(TASK_KILLABLE))
			return -EINTR;
	}
	return err;
}

/* Every area that can be; what is missing comes by faults. */
void populate_all(struct mm *mm)
{
	unsigned long start = 0;
	struct vma *v;

	do {
		mmap_read_lock(mm, MM_ALL);
		v = find_vma(mm, start);
		if (v) {
			start = max(start, v->start);
			(void)populate_range(mm, &start, v->end, POPULATE_MLOCK);
			start = v->end;
		}
		mmap_read_unlock(mm, MM_ALL);
	} while (v && !signal_pending_state(TASK_KILLABLE));
}

/* --- one page -------------------------------------------------------------------------------------------------------------------- */
/* force: as a debugger, who may read and write what the program itself may not, as long as mprotect could allow it;
 * a forced write makes a private copy and leaves it read-only for the program. */
static bool may_touch(const struct vma *v, bool write, bool force)
{
	if (write)
		return v->flags & VM_WRITE || (force && v->flags & VM_MAYWRITE && !(v->flags & VM_SHARED));
	return v->flags & (VM_READ | VM_WRITE | VM_EXEC) || (force && v->flags & VM_MAYREAD);
}

/* Is the entry good enough? => page with a reference, or NULL: a fault must come first. PTL held */
static struct page *page_at(struct vma *v, unsigned long addr, pte_t e, bool write)
{
	struct page *page;

	if (!pte_present(e))
		return NULL;
	page = pte_page(e);
	if (write && !pte_write(e)) { /* a forced copy: ours alone, and dirty since we made it */
		if (v->flags & VM_WRITE || pte_special(e) || !page_anon(page) || !pte_dirty(e) || !page_is_ours(page, v, addr))
			return NULL;
	}
	get_page(page);
	return page;
}

static struct page *get_one(struct mm *mm, unsigned long addr, bool write, bool force)
{
	struct page *page = NULL, *pt;
	struct vma *v;
	pte_t *pte;
	int err;

	for (;;) {
		v = find_extend_vma(mm, addr);
		if (!v || !may_touch(v, write, force))
			return ERR_PTR(-EFAULT);
		pte = pte_lock_at(mm, addr, &pt);
		if (pte) {
			page = page_at(v, addr, *pte, write);
			pte_unlock_at(pte, pt);
		}
		if (page)
			return page;
		err = populate_one(v, addr, write);
		if (err)
			return ERR_PTR(err);
	}
}

struct page *mm_get_page(struct mm *mm, unsigned long addr, bool write)
{
	struct page *page;

	if (addr >= TASK_SIZE)
		return ERR_PTR(-EFAULT);
	mmap_read_lock(mm, addr, addr + 1);
	page = get_one(mm, addr, write, false);
	mmap_read_unlock(mm, addr, addr + 1);
	return page;
}

/* --- memory of others --------------------------------------------------------------------------------------------------------------- */
static void copy_part(struct page *page, unsigned offset, void *buf, size_t n, bool write)
{
	char *p = kmap(page);

	if (write)
		memcpy(p + offset, buf, n);
	else
		memcpy(buf, p + offset, n);
	kunmap(p);
	if (write && !page_dirty(page)) /* an anonymous one may just have gone to swap, clean since */
		mark_page_dirty(page);
}

size_t mm_access(struct mm *mm, unsigned long addr, void *buf, size_t len, bool write)
{
	size_t done = 0;

	mmap_read_lock(mm, MM_ALL);
	while (done < len && addr + done < TASK_SIZE && addr + done >= addr) {
		unsigned offset = (addr + done) & ~MMU_PAGE_MASK;
		size_t n = min_t(size_t, len - done, MMU_PAGE_SIZE - offset);
		struct page *page = get_one(mm, addr + done, write, true);

		if (IS_ERR(page))
			break;
		copy_part(page, offset, (char *)buf + done, n, write);
		put_page(page);
		done += n;
	}
	mmap_read_unlock(mm, MM_ALL);
	return done;
}
