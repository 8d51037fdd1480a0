/* SPDX-License-Identifier: MIT
 *
 * rmap.file=tree: objects of files. Nothing is kept per page or per PTE: a file's vmas, which truncate needs anyway,
 * stand in an interval tree by file offset (the job of 2004's prio_tree, in its form of 2012), and the page's index
 * tells where each would map it.
 *
 * An area is in the tree from rmap_vma_link to rmap_vma_unlink. While its range changes (adjust) it is out of the tree
 * with the lock held, so no walk sees the moment between.
 */
#include "mm/rmap/itree.h"
#include "mm/rmap/schemes.h"

static inline struct itree_node *node_of(const struct vma *vma) { return rmap_tail_file(vma); }
static inline struct vma *vma_of(const struct itree_node *n) { return (struct vma *)((char *)n - rmap_file_tail); }
static inline unsigned long first_of(const struct itree_node *n) { return vma_of(n)->pgoff; }
static inline unsigned long last_of(const struct itree_node *n) { return vma_of(n)->pgoff + vma_pages(vma_of(n)) - 1; }
ITREE_DEFINE(vmas, first_of, last_of)

#define MMU_PER_PAGE (PAGE_SHIFT - MMU_PAGE_SHIFT)

static void filetree_vma_init(struct vma *vma) { *node_of(vma) = (struct itree_node){ .max_last = 0 }; }

static inline bool may_write_file(const struct vma *vma) { return (vma->flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE); }

static void filetree_link(struct vma *vma)
{
	struct address_space *m = vma->file->mapping;

	if (!m)
		return;
	down_write(&m->map_lock);
	vmas_insert(&m->vmas, node_of(vma));
	m->nr_writable += may_write_file(vma);
	up_write(&m->map_lock);
}

static void filetree_unlink(struct vma *vma)
{
	struct address_space *m = vma->file->mapping;

	if (!m)
		return;
	down_write(&m->map_lock);
	vmas_erase(&m->vmas, node_of(vma));
	m->nr_writable -= may_write_file(vma);
	up_write(&m->map_lock);
}

static void filetree_adjust_begin(struct vma *vma)
{
	struct address_space *m = vma->file->mapping;

	if (!m)
		return;
	down_write(&m->map_lock);
	vmas_erase(&m->vmas, node_of(vma));
}

static void filetree_adjust_end(struct vma *vma)
{
	struct address_space *m = vma->file->mapping;

	if (!m)
		return;
	vmas_insert(&m->vmas, node_of(vma));
	up_write(&m->map_lock);
}

static enum rmap_result filetree_walk(struct rmap_walk *w)
{
	struct address_space *m = w->page->mapping;
	unsigned long first, last;

	if (!m)
		return RMAP_DONE;
	first = w->page->index << MMU_PER_PAGE;
	last = first + (1UL << MMU_PER_PAGE) - 1;
	down_read(&m->map_lock);
	for (struct itree_node *n = vmas_find(&m->vmas, first, last); n; n = vmas_next(n, first, last)) {
		struct vma *vma = vma_of(n);
		unsigned long addr;

		if (rmap_vma_address(vma, w->page, &addr) && !rmap_visit_one(w, vma->mm, vma, addr))
			break;
	}
	up_read(&m->map_lock);
	return RMAP_DONE;
}

static void filetree_unmap_range(struct address_space *m, pgoff_t first, pgoff_t last, bool even_cows)
{
	unsigned long from = first << MMU_PER_PAGE;
	unsigned long to = last > ~0UL >> MMU_PER_PAGE ? ~0UL : ((last + 1) << MMU_PER_PAGE) - 1;

	if (!READ_ONCE(m->vmas.root.node))
		return;
	vm_op_begin();
	down_read(&m->map_lock);
	for (struct itree_node *n = vmas_find(&m->vmas, from, to); n; n = vmas_next(n, from, to)) {
		struct vma *vma = vma_of(n);
		pgoff_t a = max(from, first_of(n)), b = min(to, last_of(n));

		zap_file_range(vma, vma->start + ((a - vma->pgoff) << MMU_PAGE_SHIFT),
			       vma->start + ((b + 1 - vma->pgoff) << MMU_PAGE_SHIFT), even_cows);
	}
	up_read(&m->map_lock);
	vm_op_end();
}

const struct rmap_scheme rmap_file_tree = {
	.name = "tree",
	.about = "an interval tree of vmas per file",
	.vma_bytes = sizeof(struct itree_node),
	.vma_init = filetree_vma_init,
	.vma_link = filetree_link,
	.vma_unlink = filetree_unlink,
	.adjust_begin = filetree_adjust_begin,
	.adjust_end = filetree_adjust_end,
	.walk = filetree_walk,
	.unmap_range = filetree_unmap_range,
};
