/* SPDX-License-Identifier: MIT
 *
 * Splitting and merging areas, so that the reverse map never misses a page meanwhile:
 *
 *   split    [      v      ]        copy for the upper part; cloned and linked; only then v shrinks
 *            [   v  ][upper]
 *
 *   merge    [ lower][upper]        lower takes over upper's pages and grows over it; only then upper goes
 *            [    lower    ]
 *
 * A walk may meet a page by both of them for a moment, never by none. All under the mmap lock for writing.
 */
#include "mm/virt/internal.h"

/* v keeps [start, addr), *upper gets the rest. => 0; -ENOMEM: nothing has changed */
int vma_split(struct vma *v, unsigned long addr, struct vma **upper)
{
	struct mm *mm = v->mm;
	struct vma *new;
	int err;

	ASSERT(addr > v->start && addr < v->end && page_aligned(addr));
	if (mm->map_count >= sysctl_max_map_count)
		return -ENOMEM;
	new = vma_copy(v);
	if (!new)
		return -ENOMEM;
	new->start = addr;
	new->pgoff = vma_pgoff_at(v, addr);
	err = rmap_vma_clone(new, v);
	if (err) {
		vma_free(new);
		return err;
	}
	rmap_vma_link(new);
	vma_set_range(v, v->start, addr, v->pgoff);
	vma_insert_tree(mm, new);
	*upper = new;
	return 0;
}

struct vma *vma_isolate(struct vma *v, unsigned long start, unsigned long end)
{
	struct vma *upper;
	int err;

	if (start > v->start) {
		err = vma_split(v, start, &upper);
		if (err)
			return ERR_PTR(err);
		v = upper;
	}
	if (end < v->end) {
		err = vma_split(v, end, &upper);
		if (err) {
			vma_merge_around(v);
			return ERR_PTR(err);
		}
	}
	return v;
}

/* May memory described like this go on where v stops? Special areas stay by themselves. */
static bool same_kind(const struct vma *v, u32 flags, const struct file *file, const struct vma_ops *ops)
{
	return v->flags == flags && v->file == file && !ops && !v->ops && !(flags & VM_NONLINEAR);
}

static bool mergeable(const struct vma *lower, const struct vma *upper)
{
	return lower && upper && lower->end == upper->start && same_kind(lower, upper->flags, upper->file, upper->ops) &&
	       vma_pgoff_at(lower, lower->end).n == upper->pgoff.n && rmap_can_merge(lower, upper);
}

/* => false: there was no memory, both stay as they were */
static bool merge_pair(struct vma *lower, struct vma *upper)
{
	if (rmap_vma_merge(lower, upper))
		return false;
	lower->has_anon |= upper->has_anon;
	vma_set_range(lower, lower->start, upper->end, lower->pgoff);
	rmap_vma_unlink(upper);
	vma_remove(lower->mm, upper);
	return true;
}

struct vma *vma_merge_around(struct vma *v)
{
	struct vma *prev = vma_prev(v), *next = vma_next(v);

	if (mergeable(prev, v) && merge_pair(prev, v))
		v = prev;
	if (mergeable(v, next))
		merge_pair(v, next);
	return v;
}

/* New memory at [start, end), which is free; prev lies before it. => a neighbour that has grown over it, or NULL */
struct vma *vma_merge_new(struct mm *mm, struct vma *prev, unsigned long start, unsigned long end, u32 flags,
			  struct file *file, pgoff_t pgoff, const struct vma_ops *ops)
{
	struct vma *next = prev ? vma_next(prev) : first_vma(mm);
	unsigned long pages = (end - start) >> MMU_PAGE_SHIFT;

	if (prev && prev->end == start && same_kind(prev, flags, file, ops) && vma_pgoff_at(prev, start).n == pgoff.n) {
		vma_set_range(prev, prev->start, end, prev->pgoff);
		if (mergeable(prev, next))
			merge_pair(prev, next);
		return prev;
	}
	if (next && next->start == end && same_kind(next, flags, file, ops) && pgoff.n + pages == next->pgoff.n) {
		vma_set_range(next, start, next->end, pgoff);
		return next;
	}
	return NULL;
}
