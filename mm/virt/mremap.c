/* SPDX-License-Identifier: MIT
 *
 * mremap: memory that grows, shrinks or moves with its pages.
 *
 * A move makes a second area that the reverse map knows, then carries the entries over, then takes the first away. Whole
 * page-table pages change their place at once where both addresses are aligned to 2 MB and no scheme of the reverse
 * map must then hear of each page; walks are kept out meanwhile. Entries that move one by one do so under both PTLs.
 * Stale translations of the old place are flushed before a PTL is dropped: nobody may dirty a page through them after
 * write-back has looked at the new place. If memory for tables runs out, everything is carried back.
 */
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

/* --- carrying entries over ------------------------------------------------------------------------------------------------- */
/* One entry, where a scheme wants to hear of it. => false: the page must be exclusive first */
static noinline bool carry_one(struct vma *from, pte_t *src, unsigned long old, struct vma *to, pte_t *dst, unsigned long new)
{
	pte_t e = pte_take(src);

	if (pte_present(e) && !pte_special(e) && !rmap_move(pte_page(e), from, old, to, new)) {
		pte_set(src, e);
		return false;
	}
	pte_set(dst, e);
	return true;
}

static void lock_two(struct page *a, struct page *b)
{
	if (a > b)
		swap(a, b);
	spin_lock(&a->ptl);
	if (a != b)
		spin_lock_nested(&b->ptl, 1);
}

static void unlock_two(struct page *a, struct page *b)
{
	if (a > b)
		swap(a, b);
	if (a != b)
		spin_unlock(&b->ptl);
	spin_unlock(&a->ptl);
}

/* Both ranges lie in one table each. => bytes done; less than len where a page must be made exclusive first */
static unsigned long carry_ptes(struct vma *from, unsigned long old, struct vma *to, unsigned long new, unsigned long len)
{
	struct page *pt = pt_page(from->mm, old), *new_pt = pt_page(from->mm, new);
	pte_t *src = pte_map(pt, old), *dst = pte_map(new_pt, new), *s = src;
	unsigned long at = old, end = old + len, shift = new - old;
	const bool plain = (!rmap_anon->move && !rmap_file->move) || vma_nonlinear(from);
	long apart = (char *)dst - (char *)src;
	int moved = 0;

	lock_two(pt, new_pt);
	if (likely(plain))
		for (; (at = pte_skip_none(&s, at, end)) != end; at += MMU_PAGE_SIZE, s++, moved++)
			pte_set((pte_t *)((char *)s + apart), pte_take(s));
	else
		for (; (at = pte_skip_none(&s, at, end)) != end; at += MMU_PAGE_SIZE, s++, moved++)
			if (!carry_one(from, s, at, to, (pte_t *)((char *)s + apart), at + shift))
				break;
	pt_count(pt, -moved);
	pt_count(new_pt, moved);
	if (moved)
		flush_tlb_range(&from->mm->mmu, old, old + len);
	unlock_two(pt, new_pt);
	pte_unmap(dst);
	pte_unmap(src);
	return at - old;
}

/* The page-table page itself. => mmap lock: write; there is none at new */
static void carry_table(struct vma *from, unsigned long old, unsigned long new)
{
	struct mm *mm = from->mm;
	pmd_t *src = mmu_pmd(&mm->mmu, old), *dst = mmu_pmd(&mm->mmu, new);
	struct page *pt = pt_page_of(src);

	rmap_adjust_begin(from);
	spin_lock(&mm->pt_lock);
	spin_lock(&pt->ptl);
	pt->address = new;
	pte_set(dst, pte_take(src));
	spin_unlock(&pt->ptl);
	spin_unlock(&mm->pt_lock);
	flush_tlb_range(&mm->mmu, old, old + PMD_SIZE);
	rmap_adjust_end(from);
}

/* Not of nonlinear areas: walks by their files could not be kept out (nonlinear.c). */
static bool whole_table(struct vma *from, unsigned long old, unsigned long new, unsigned long len)
{
	struct mm *mm = from->mm;

	return !vma_nonlinear(from) && !(old & (PMD_SIZE - 1)) && !(new & (PMD_SIZE - 1)) && len >= PMD_SIZE &&
	       (!rmap_anon->move || rmap_anon->by_table) && (!rmap_file->move || rmap_file->by_table) && mmu_pmd(&mm->mmu, new) && !pt_page(mm, new);
}

/* => how much can be done in one go: within one table at both ends */
static unsigned long step(unsigned long old, unsigned long new, unsigned long len)
{
	unsigned long left = PMD_SIZE - (old & (PMD_SIZE - 1));

	left = min(left, PMD_SIZE - (new & (PMD_SIZE - 1)));
	return min(left, len);
}

/* The directory for a table at addr, so that a whole one can move there. */
static int make_dir(struct mm *mm, unsigned long addr)
{
	return mmu_pmd(&mm->mmu, addr) ? 0 : pt_dir_alloc(mm, addr);
}

static int carry_step(struct vma *from, unsigned long old, struct vma *to, unsigned long new, unsigned long n)
{
	struct mm *mm = from->mm;
	unsigned long done = 0;
	bool major = false;
	int r;

	if (make_dir(mm, new))
		return -ENOMEM;
	if (whole_table(from, old, new, n)) {
		carry_table(from, old, new);
		return 0;
	}
	if (pt_alloc(mm, new))
		return -ENOMEM;
	while ((done += carry_ptes(from, old + done, to, new + done, n - done)) < n) {
		r = handle_vma_fault(from, old + done, true, &major);
		if (r != VMF_DONE && r != VMF_RETRY && r != VMF_DIRTIED)
			return -ENOMEM;
	}
	return 0;
}

/* => bytes carried over: less than len if there was no memory */
static unsigned long carry(struct vma *from, unsigned long old, struct vma *to, unsigned long new, unsigned long len)
{
	unsigned long done = 0, n;

	for (; done < len; done += n) {
		n = step(old + done, new + done, len - done);
		if (pt_page(from->mm, old + done) && carry_step(from, old + done, to, new + done, n))
			break;
		cond_resched();
	}
	return done;
}

/* --- the areas ------------------------------------------------------------------------------------------------------------------ */
struct remap {
	struct mm *mm;
	unsigned long addr, old_len, new_addr, new_len;
	u32 flags;
	bool populate;
};

static struct vma *second_area(struct vma *v, const struct remap *r)
{
	struct vma *new = vma_copy(v);
	int err;

	if (!new)
		return NULL;
	new->start = r->new_addr;
	new->end = r->new_addr + r->new_len;
	new->pgoff = vma_pgoff_at(v, r->addr);
	err = rmap_vma_clone(new, v);
	if (err) {
		vma_free(new);
		return NULL;
	}
	vma_insert(r->mm, new);
	return new;
}

/* Charged for growing: new_len - old_len. The new area holds new_len, and the old one gives back old_len when it goes. */
static long move_area(struct vma *v, struct remap *r)
{
	bool charged = v->flags & VM_ACCOUNT;
	unsigned long done;
	struct vma *new;

	if (r->mm->map_count >= sysctl_max_map_count - 3)
		return -ENOMEM;
	new = second_area(v, r);
	if (!new)
		return -ENOMEM;
	if (charged)
		vm_uncharge(-(r->old_len >> MMU_PAGE_SHIFT));
	done = carry(v, r->addr, new, r->new_addr, r->old_len);
	if (done < r->old_len) {
		for (unsigned long back = 0; back < done;) /* its tables are there still; at worst a copy has to wait for memory */
			back += carry(new, r->new_addr + back, v, r->addr + back, done - back);
		if (charged) /* what unmapping gives back too much: the caller's charge for growing is its own */
			vm_uncharge(-((r->new_len - r->old_len) >> MMU_PAGE_SHIFT));
		unmap_areas(r->mm, r->new_addr, r->new_addr + r->new_len);
		return -ENOMEM;
	}
	r->populate = v->flags & VM_LOCKED;
	if (r->flags & MREMAP_DONTUNMAP)
		vma_set_locked(v, 0);
	else if (r->old_len) /* without memory for a split the old place stays, empty */
		(void)unmap_areas(r->mm, r->addr, r->addr + r->old_len);
	vma_merge_around(new);
	return r->new_addr;
}

/* May the area at addr become new_len long? *charged: pages charged for that. => area, or ERR_PTR */
static struct vma *check_resize(struct remap *r, unsigned long *charged)
{
	struct vma *v = find_vma(r->mm, r->addr);
	unsigned long grow = (r->new_len - r->old_len) >> MMU_PAGE_SHIFT;
	unsigned long pgoff;

	*charged = 0;
	if (!v || v->start > r->addr)
		return ERR_PTR(-EFAULT);
	if (!r->old_len && !(v->flags & VM_SHARED))
		return ERR_PTR(-EINVAL);
	if (r->flags & MREMAP_DONTUNMAP && v->flags & VM_NONLINEAR)
		return ERR_PTR(-EINVAL);
	if (r->old_len > v->end - r->addr)
		return ERR_PTR(-EFAULT);
	if (r->new_len == r->old_len)
		return v;
	pgoff = vma_pgoff_at(v, r->addr).n;
	if (pgoff + (r->new_len >> MMU_PAGE_SHIFT) < pgoff)
		return ERR_PTR(-EINVAL);
	if (mm_may_lock(r->mm, v->flags, grow))
		return ERR_PTR(-EAGAIN);
	if (!mm_may_expand(r->mm, v->flags, grow) || (v->flags & VM_ACCOUNT && vm_charge(grow)))
		return ERR_PTR(-ENOMEM);
	if (v->flags & VM_ACCOUNT)
		*charged = grow;
	return v;
}

static long move_checked(struct vma *v, struct remap *r, unsigned long charged)
{
	long at = move_area(v, r);

	if (IS_ERR_VALUE(at))
		vm_uncharge(charged);
	return at;
}

/* MREMAP_FIXED, MREMAP_DONTUNMAP: to a place that the caller names, or beside the old one. */
static long remap_to(struct remap *r)
{
	unsigned long charged;
	struct vma *v;
	long at;
	int err;

	if (!page_aligned(r->new_addr) || r->new_len > TASK_SIZE || r->new_addr > TASK_SIZE - r->new_len)
		return -EINVAL;
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return -EINVAL;
	if (r->mm->map_count + 2 >= sysctl_max_map_count - 3)
		return -ENOMEM;
	if (r->flags & MREMAP_FIXED) {
		err = do_munmap(r->mm, r->new_addr, r->new_len);
		if (err)
			return err;
	}
	if (r->old_len > r->new_len) {
		err = do_munmap(r->mm, r->addr + r->new_len, r->old_len - r->new_len);
		if (err)
			return err;
		r->old_len = r->new_len;
	}
	v = check_resize(r, &charged);
	if (IS_ERR(v))
		return PTR_ERR(v);
	if (r->flags & MREMAP_DONTUNMAP) {
		if (!mm_may_expand(r->mm, v->flags, r->old_len >> MMU_PAGE_SHIFT))
			return -ENOMEM;
	}
	if (!(r->flags & MREMAP_FIXED)) {
		at = find_gap_near(r->mm, r->new_addr, r->new_len);
		if (IS_ERR_VALUE(at))
			goto out;
		r->new_addr = at;
	} else if (r->new_addr < sysctl_mmap_min_addr) {
		at = -EPERM;
		goto out;
	}
	return move_checked(v, r, charged);
out:
	vm_uncharge(charged);
	return at;
}

static bool room_above(const struct vma *v, unsigned long end)
{
	struct vma *next = vma_next(v);

	return end > v->end && end <= TASK_SIZE && (!next || end <= vma_guard_start(next));
}

static long resize(struct remap *r)
{
	unsigned long charged, end = r->addr + r->new_len;
	struct vma *v;
	long at;
	int err;

	if (r->old_len >= r->new_len) {
		if (r->old_len == r->new_len)
			return r->addr;
		err = do_munmap(r->mm, end, r->old_len - r->new_len);
		return err ? err : (long)r->addr;
	}
	v = check_resize(r, &charged);
	if (IS_ERR(v))
		return PTR_ERR(v);
	if (r->old_len == v->end - r->addr && r->old_len && room_above(v, end)) {
		r->populate = v->flags & VM_LOCKED;
		r->new_addr = r->addr;
		vma_set_range(v, v->start, end, v->pgoff);
		vma_merge_around(v);
		return r->addr;
	}
	at = r->flags & MREMAP_MAYMOVE ? find_gap(r->mm, r->new_len) : -ENOMEM;
	if (IS_ERR_VALUE(at)) {
		vm_uncharge(charged);
		return at;
	}
	r->new_addr = at;
	return move_checked(v, r, charged);
}

static bool flags_valid(const struct remap *r)
{
	if (r->flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return false;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(r->flags & MREMAP_MAYMOVE))
		return false;
	return !(r->flags & MREMAP_DONTUNMAP) || r->old_len == r->new_len;
}

SYSCALL(mremap, unsigned long addr, unsigned long old_len, unsigned long new_len, u32 flags, unsigned long new_addr)
{
	struct remap r = { .mm = current->mm, .addr = addr, .old_len = old_len, .new_len = new_len,
			   .flags = flags, .new_addr = new_addr };
	struct vma *v;
	long at;

	if (!flags_valid(&r) || !page_aligned(addr))
		return -EINVAL;
	r.old_len = page_up(old_len);
	r.new_len = page_up(new_len);
	if (!r.new_len)
		return -EINVAL;
	if (mmap_write_lock_killable(r.mm, MM_ALL))
		return -EINTR;
	v = find_vma(r.mm, addr);
	if (!v || v->start > addr)
		at = -EFAULT;
	else
		at = flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? remap_to(&r) : resize(&r);
	mmap_write_unlock(r.mm, MM_ALL);
	if (r.populate && !IS_ERR_VALUE(at) && r.new_len > r.old_len)
		(void)mm_populate(r.mm, at + r.old_len, r.new_len - r.old_len);
	return at;
}
