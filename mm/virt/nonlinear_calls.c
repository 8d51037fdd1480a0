/* SPDX-License-Identifier: MIT
 *
 * The calls that place pages in nonlinear areas. user/doc/nonlinear.txt is their manual page.
 *
 *   remap_file_pages    Linux's call and its errors, as its emulation (4.0) has them: start and size are rounded down, flags but
 *                       MAP_NONBLOCK are ignored, neighbouring areas of one file count as one. The first call turns the area
 *                       nonlinear: EPERM, ENOMEM as mlock.
 *   nonlinear_place     ours: several ranges of several files in one area that was made with MAP_NONLINEAR.
 *
 * Placing needs the mmap lock for reading; for writing only when an area turns nonlinear, or a file is new to it.
 */
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

/* --- remap_file_pages ---------------------------------------------------------------------------------------------------------------- */
/* What neighbours must have in common for one call to cover them. */
static bool same_area(const struct vma *a, const struct vma *b)
{
	const u32 ours = VM_NONLINEAR | VM_LOCKED | VM_LOCKONFAULT | VM_PLACED;

	return a->file == b->file && !((a->flags ^ b->flags) & ~ours);
}

/* => the first area of [start, end), all of which one call may rearrange; or NULL */
static struct vma *find_areas(struct mm *mm, unsigned long start, unsigned long end)
{
	struct vma *first = find_vma(mm, start), *v = first;

	if (!v || v->start > start || !(v->flags & VM_SHARED) || !vma_mapping(v) || v->ops)
		return NULL;
	for (; v->end < end; v = vma_next(v)) {
		struct vma *next = vma_next(v);

		if (!next || next->start != v->end || !same_area(first, next))
			return NULL;
	}
	return first;
}

static pgoff_t pgoff_after(pgoff_t off, unsigned long bytes) { return (pgoff_t){ off.n + (bytes >> MMU_PAGE_SHIFT) }; }
/* Does the call ask for what a linear area shows anyway? Then there is no need to make it nonlinear. */
static bool is_linear(const struct vma *v, unsigned long start, pgoff_t pgoff) { return vma_pgoff_at(v, start).n == pgoff.n; }

enum { READY, CONVERT, NOTHING };

/* => READY: all areas are nonlinear; CONVERT: some are to become so, which is allowed; NOTHING to do; -errno */
static int what_to_do(struct mm *mm, unsigned long start, unsigned long end, pgoff_t pgoff)
{
	struct vma *v = find_areas(mm, start, end);
	bool linear = true, convert = false;

	if (!v)
		return -EINVAL;
	linear = is_linear(v, start, pgoff);
	for (; v && v->start < end; v = vma_next(v)) {
		convert |= !(v->flags & VM_NONLINEAR);
		linear &= !(v->flags & VM_NONLINEAR) && is_linear(v, max(v->start, start), pgoff_after(pgoff, max(v->start, start) - start));
	}
	if (!convert)
		return READY;
	if (nonlinear_allowed())
		return -EPERM;
	return linear ? NOTHING : CONVERT;
}

static int convert_areas(struct mm *mm, unsigned long start, unsigned long end)
{
	int err = 0;

	for (struct vma *v = find_vma(mm, start); v && v->start < end && !err; v = vma_next(v))
		if (!(v->flags & VM_NONLINEAR))
			err = nonlinear_convert(v);
	return err;
}

/* mmap lock: write; then read. => 0 or -errno: then not held */
static int lock_and_convert(struct mm *mm, unsigned long start, unsigned long end, pgoff_t pgoff)
{
	int err;

	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	err = what_to_do(mm, start, end, pgoff);
	if (err == CONVERT)
		err = convert_areas(mm, start, end);
	if (err == READY) {
		mmap_write_downgrade(mm, MM_ALL);
		return 0;
	}
	mmap_write_unlock(mm, MM_ALL);
	return err;
}

static int place_all(struct mm *mm, unsigned long start, unsigned long end, pgoff_t pgoff, bool read)
{
	int err = 0;

	for (struct vma *v = find_vma(mm, start); v && start < end && !err; v = vma_next(v)) {
		unsigned long to = min(v->end, end);

		err = nonlinear_place_range(v, start, to, nonlinear_file_number(v, 0), pgoff, read);
		pgoff = pgoff_after(pgoff, to - start);
		start = to;
	}
	return err;
}

SYSCALL(remap_file_pages, unsigned long start, unsigned long size, u32 prot, unsigned long first, u32 flags)
{
	pgoff_t pgoff = { first };
	struct mm *mm = current->mm;
	unsigned long end;
	int err;

	start &= MMU_PAGE_MASK;
	size &= MMU_PAGE_MASK;
	end = start + size;
	if (prot || end <= start || first + (size >> MMU_PAGE_SHIFT) < first)
		return -EINVAL;
	mmap_read_lock(mm, start, end);
	err = what_to_do(mm, start, end, pgoff);
	if (unlikely(err != READY)) {
		mmap_read_unlock(mm, start, end);
		if (err == CONVERT)
			err = lock_and_convert(mm, start, end, pgoff);
		if (err)
			return err == NOTHING ? 0 : err;
	}
	err = place_all(mm, start, end, pgoff, !(flags & MAP_NONBLOCK));
	mmap_read_unlock(mm, start, end);
	return err;
}

/* --- nonlinear_place ------------------------------------------------------------------------------------------------------------------- */
/* user/lib/nonlinear.h says the same to programs. */
struct nonlinear_range { u32 addr, pages; s32 fd; u32 pgoff; };

#define RANGES 32 /* copied in at a time */

static struct vma *placed_area(struct mm *mm, const struct nonlinear_range *r)
{
	struct vma *v = find_vma(mm, r->addr);

	if (!v || v->start > r->addr || !(v->flags & VM_PLACED) || r->pages > (v->end - r->addr) >> MMU_PAGE_SHIFT)
		return NULL;
	return v;
}

static bool range_valid(const struct nonlinear_range *r)
{
	return page_aligned(r->addr) && r->pages && r->pgoff + r->pages >= r->pgoff;
}

/* A file that is new to the area. => 0 or -errno. No lock held */
static int introduce(struct mm *mm, const struct nonlinear_range *r, struct file *file)
{
	struct nonlinear_file *f;
	struct vma *v;
	int err = -EINVAL;

	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	v = placed_area(mm, r);
	if (v)
		err = nonlinear_may_place(v, file, &f);
	if (!err && !f)
		err = nonlinear_add_file(v, file);
	mmap_write_unlock(mm, MM_ALL);
	return err;
}

enum { NEW_FILE = 1 };

/* => 0 or -errno; NEW_FILE: it must be introduced first */
static int try_to_place(struct mm *mm, const struct nonlinear_range *r, struct file *file, bool read)
{
	unsigned long end = r->addr + (r->pages << MMU_PAGE_SHIFT);
	struct nonlinear_file *f = NULL;
	struct vma *v;
	int err = 0;

	mmap_read_lock(mm, r->addr, end);
	v = placed_area(mm, r);
	if (!v)
		err = -EINVAL;
	else if (!file)
		zap_vma(v, r->addr, end);
	else
		err = nonlinear_may_place(v, file, &f);
	if (!err && file)
		err = f ? nonlinear_place_range(v, r->addr, end, f, (pgoff_t){ r->pgoff }, read) : NEW_FILE;
	mmap_read_unlock(mm, r->addr, end);
	return err;
}

static int place_range(struct mm *mm, const struct nonlinear_range *r, bool read)
{
	struct file *file = NULL;
	int err;

	if (!range_valid(r))
		return -EINVAL;
	if (r->fd != -1) {
		file = virt_ops->fget(r->fd);
		if (!file)
			return -EBADF;
	}
	while ((err = try_to_place(mm, r, file, read)) == NEW_FILE) {
		err = introduce(mm, r, file);
		if (err)
			break;
	}
	if (file)
		put_file(file);
	return err;
}

SYSCALL(nonlinear_place, const struct nonlinear_range __user *ranges, u32 n, u32 flags)
{
	struct nonlinear_range r[RANGES];
	u32 done = 0;
	int err = 0;

	if (flags & ~MAP_NONBLOCK)
		return -EINVAL;
	while (done < n && !err) {
		u32 part = min(n - done, (u32)RANGES), i;

		if (copy_from_user(r, ranges + done, part * sizeof(*r)))
			err = -EFAULT;
		for (i = 0; i < part && !err; i += !err)
			err = place_range(current->mm, &r[i], !(flags & MAP_NONBLOCK));
		done += i;
		if (!err && signal_pending_state(TASK_KILLABLE))
			err = -EINTR;
	}
	return done ? (long)done : err;
}
