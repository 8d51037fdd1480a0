/* SPDX-License-Identifier: MIT
 *
 * Object schemes of files: a page knows its file and its place in it, the file knows the vmas that map it. tree and list
 * differ in three small things only: how a vma is put in, how it is taken out, and which one comes next that maps a
 * given part of the file. Everything else is here, inlined with those three known, so that the choice costs nothing.
 *
 * An area is known to its file from rmap_vma_link to rmap_vma_unlink. While its range changes (adjust) the lock is held,
 * so no walk sees the moment between.
 */
#ifndef MM_RMAP_OBJECTS_H
#define MM_RMAP_OBJECTS_H

#include "mm/rmap/schemes.h"

/* => map_lock held: write for vma_set, read for vma_next */
typedef void (*vma_set)(struct address_space *m, struct vma *vma);
/* The first vma after `after` (NULL: of all) that maps any of MMU pages [first, last]; *passed: looked at in vain. */
typedef struct vma *(*vma_after)(struct address_space *m, struct vma *after, pgoff_t first, pgoff_t last, u32 *passed);

#define for_each_vma_of(m, vma, first, last, passed, next) \
	for (struct vma *vma = next(m, NULL, first, last, passed); vma; vma = next(m, vma, first, last, passed))

static inline bool may_write_file(const struct vma *vma) { return (vma->flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE); }

static __always_inline void file_link(struct vma *vma, vma_set insert)
{
	struct address_space *m = vma->file->mapping;

	if (!m)
		return;
	down_write(&m->map_lock);
	insert(m, vma);
	m->nr_writable += may_write_file(vma);
	up_write(&m->map_lock);
}

static __always_inline void file_unlink(struct vma *vma, vma_set erase)
{
	struct address_space *m = vma->file->mapping;

	if (!m)
		return;
	down_write(&m->map_lock);
	erase(m, vma);
	m->nr_writable -= may_write_file(vma);
	up_write(&m->map_lock);
}

static __always_inline void file_adjust_begin(struct vma *vma, vma_set erase)
{
	struct address_space *m = vma->file->mapping;

	if (!m)
		return;
	down_write(&m->map_lock);
	erase(m, vma);
}

static __always_inline void file_adjust_end(struct vma *vma, vma_set insert)
{
	struct address_space *m = vma->file->mapping;

	if (!m)
		return;
	insert(m, vma);
	up_write(&m->map_lock);
}

static __always_inline enum rmap_result file_walk(struct rmap_walk *w, vma_after next)
{
	struct address_space *m = w->page->mapping;
	pgoff_t first = pgoff_of(w->page->index), last = pgoff_last_of(w->page->index);

	if (!m)
		return RMAP_DONE;
	down_read(&m->map_lock);
	for_each_vma_of (m, vma, first, last, &w->candidates, next) {
		unsigned long addr;

		if (rmap_vma_address(vma, w->page, &addr) && !rmap_visit_one(w, vma->mm, vma, addr))
			break;
	}
	up_read(&m->map_lock);
	return RMAP_DONE;
}

static __always_inline void file_unmap_range(struct address_space *m, pgoff_t from, pgoff_t to, bool even_cows, vma_after next)
{
	u32 passed = 0;

	vm_op_begin_inside(); /* truncation has the page locked for which a fault may be waiting */
	down_read(&m->map_lock);
	for_each_vma_of (m, vma, from, to, &passed, next) {
		unsigned long a = max(from.n, vma->pgoff.n), b = min(to.n, vma_pgoff_last(vma).n);

		zap_file_range(vma, vma->start + ((a - vma->pgoff.n) << MMU_PAGE_SHIFT),
			       vma->start + ((b + 1 - vma->pgoff.n) << MMU_PAGE_SHIFT), even_cows);
	}
	up_read(&m->map_lock);
	vm_op_end();
}

/* list's own, which rmap.file=chain uses too: truncate wants the areas of a file whatever finds the mappings of a page. */
void list_vma_init(struct vma *vma), list_vma_link(struct vma *vma), list_vma_unlink(struct vma *vma), list_vma_leave(struct vma *vma);
void list_adjust_begin(struct vma *vma), list_adjust_end(struct vma *vma);
void list_unmap_range(struct address_space *m, pgoff_t first, pgoff_t last, bool even_cows);
#define LIST_TAIL_BYTES sizeof(struct list_head)

#endif
