/* SPDX-License-Identifier: MIT
 *
 * madvise: some advice throws pages away or brings them in (mmap lock for reading), some is a flag of the area (mmap
 * lock for writing, splits and merges). MADV_FREE takes the pages at once: as lazily as Linux would they could only go
 * under pressure, which nothing here makes yet; the promise to the program is the same.
 */
#include "mm/cache/readahead.h"
#include "mm/reclaim/swap.h"
#include "mm/virt/internal.h"
#include "mm/virt/nonlinear.h"

/* --- flags ------------------------------------------------------------------------------------------------------------------- */
/* => 0; the flags the area gets */
static int advised_flags(const struct vma *v, int advice, u32 *flags)
{
	*flags = v->flags;
	switch (advice) {
	case MADV_NORMAL: *flags &= ~(VM_RAND | VM_SEQ); return 0;
	case MADV_SEQUENTIAL: *flags = (*flags & ~VM_RAND) | VM_SEQ; return 0;
	case MADV_RANDOM: *flags = (*flags & ~VM_SEQ) | VM_RAND; return 0;
	case MADV_DONTFORK: *flags |= VM_DONTFORK; return 0;
	case MADV_DOFORK: *flags &= ~VM_DONTFORK; return 0;
	case MADV_DONTDUMP: *flags |= VM_DONTDUMP; return 0;
	case MADV_DODUMP: *flags &= ~VM_DONTDUMP; return 0;
	case MADV_WIPEONFORK:
		*flags |= VM_WIPEONFORK;
		return !vma_is_anon(v) || v->flags & VM_SHARED ? -EINVAL : 0;
	default: /* MADV_KEEPONFORK */
		*flags &= ~VM_WIPEONFORK;
		return 0;
	}
}

static int advise_flags(struct vma **v, unsigned long start, unsigned long end, int advice)
{
	u32 flags;
	int err = advised_flags(*v, advice, &flags);

	if (err || flags == (*v)->flags)
		return err;
	*v = vma_isolate(*v, start, end);
	if (IS_ERR(*v))
		return -EAGAIN; /* no memory for this right now */
	vma_set_flags(*v, flags);
	*v = vma_merge_around(*v);
	return 0;
}

/* --- pages ------------------------------------------------------------------------------------------------------------------- */
static int advise_pages(struct vma *v, unsigned long start, unsigned long end, int advice)
{
	switch (advice) {
	case MADV_FREE:
		if (!vma_is_anon(v))
			return -EINVAL;
		fallthrough;
	case MADV_DONTNEED:
		if (v->flags & VM_LOCKED)
			return -EINVAL;
		fallthrough;
	case MADV_DONTNEED_LOCKED:
		if (vma_nonlinear(v))
			nonlinear_drop(v, start, end);
		else
			zap_vma(v, start, end);
		return 0;
	case MADV_COLD:
		return v->flags & VM_LOCKED ? -EINVAL : 0; /* a hint */
	case MADV_PAGEOUT:
		if (v->flags & VM_LOCKED)
			return -EINVAL;
		if (swap_on)
			page_out_area(v, start, end);
		return 0;
	default: /* MADV_WILLNEED */
		if (!vma_mapping(v) && !vma_is_anon(v))
			return -EBADF;
		if (vma_nonlinear(v)) /* what belongs there was brought in when it was placed */
			return 0;
		if (vma_mapping(v))
			(void)read_ahead_range(vma_mapping(v), v->file, vma_pindex_at(v, start), vma_pindex_at(v, end - 1));
		bring_in_area(v, start, end);
		return 0;
	}
}

/* --- the range ----------------------------------------------------------------------------------------------------------------- */
static bool changes_areas(int advice)
{
	switch (advice) {
	case MADV_DONTNEED: case MADV_FREE: case MADV_DONTNEED_LOCKED: case MADV_WILLNEED: case MADV_COLD: case MADV_PAGEOUT:
		return false;
	}
	return true;
}

static bool known(int advice)
{
	switch (advice) {
	case MADV_NORMAL: case MADV_RANDOM: case MADV_SEQUENTIAL: case MADV_WILLNEED: case MADV_DONTNEED: case MADV_FREE:
	case MADV_DONTFORK: case MADV_DOFORK: case MADV_DONTDUMP: case MADV_DODUMP: case MADV_WIPEONFORK:
	case MADV_KEEPONFORK: case MADV_COLD: case MADV_PAGEOUT: case MADV_POPULATE_READ: case MADV_POPULATE_WRITE:
	case MADV_DONTNEED_LOCKED: case MADV_REMOVE:
		return true;
	}
	return false;
}

/* Holes do not stop it: what is mapped is done, then -ENOMEM. */
static int advise_range(struct mm *mm, unsigned long start, unsigned long end, int advice, bool write)
{
	struct vma *v = find_vma(mm, start);
	int err, missing = 0;

	while (v && v->start < end) {
		unsigned long to = min(v->end, end);

		if (v->start > start) {
			missing = -ENOMEM;
			start = v->start;
		}
		err = write ? advise_flags(&v, start, to, advice) : advise_pages(v, start, to, advice);
		if (err)
			return err;
		start = to;
		if (start == end)
			return missing;
		v = vma_next(v);
	}
	return -ENOMEM;
}

/* MADV_REMOVE: a hole in the file where [start, end) of v shows it. The mmap lock is dropped meanwhile. */
static int remove_area(struct mm *mm, struct vma *v, unsigned long start, unsigned long end)
{
	loff_t from = pgoff_pos(vma_pgoff_at(v, start));
	struct file *file = v->file;
	int err;

	if (v->flags & VM_LOCKED || !vma_mapping(v))
		return -EINVAL;
	if ((v->flags & (VM_SHARED | VM_WRITE)) != (VM_SHARED | VM_WRITE))
		return -EACCES;
	get_file(file);
	mmap_read_unlock(mm, MM_ALL);
	err = virt_ops->punch_hole(file, from, end - start);
	put_file(file);
	mmap_read_lock(mm, MM_ALL);
	return err;
}

static int remove_advised(struct mm *mm, unsigned long start, unsigned long end)
{
	int err = 0, missing = 0;

	mmap_read_lock(mm, MM_ALL);
	while (start < end && !err) {
		struct vma *v = find_vma(mm, start);
		unsigned long to;

		if (!v || v->start >= end) {
			missing = -ENOMEM;
			break;
		}
		if (v->start > start) {
			missing = -ENOMEM;
			start = v->start;
		}
		to = min(v->end, end);
		err = remove_area(mm, v, start, to);
		start = to;
	}
	mmap_read_unlock(mm, MM_ALL);
	return err ? err : missing;
}

static int populate_advised(struct mm *mm, unsigned long start, unsigned long end, bool write)
{
	int err;

	mmap_read_lock(mm, start, end);
	err = populate_range(mm, &start, end, write ? POPULATE_WRITE : POPULATE_READ);
	mmap_read_unlock(mm, start, end);
	return err;
}

SYSCALL(madvise, unsigned long start, unsigned long len_in, int advice)
{
	unsigned long len = page_up(len_in), end = start + len;
	struct mm *mm = current->mm;
	bool write = changes_areas(advice);
	int err;

	if (!known(advice) || !page_aligned(start) || (len_in && !len) || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return populate_advised(mm, start, end, advice == MADV_POPULATE_WRITE);
	if (advice == MADV_REMOVE)
		return remove_advised(mm, start, end);
	if (!write) {
		mmap_read_lock(mm, start, end);
		err = advise_range(mm, start, end, advice, false);
		mmap_read_unlock(mm, start, end);
		return err;
	}
	if (mmap_write_lock_killable(mm, MM_ALL))
		return -EINTR;
	err = advise_range(mm, start, end, advice, true);
	mmap_write_unlock(mm, MM_ALL);
	return err;
}
