/* SPDX-License-Identifier: MIT
 *
 * rmap.file=tree: objects of files. Nothing is kept per page or per PTE: a file's vmas, which truncate needs anyway,
 * stand in an interval tree by file offset (the job of 2004's prio_tree, in its form of 2012), and the page's index
 * tells where each would map it. What it shares with list is in objects.h.
 */
#include "mm/rmap/itree.h"
#include "mm/rmap/objects.h"

static inline struct itree_node *node_of(const struct vma *vma) { return rmap_tail_file(vma); }
static inline struct vma *vma_of(const struct itree_node *n) { return (struct vma *)((char *)n - rmap_file_tail); }
static inline unsigned long first_of(const struct itree_node *n) { return vma_of(n)->pgoff.n; }
static inline unsigned long last_of(const struct itree_node *n) { return vma_pgoff_last(vma_of(n)).n; }
ITREE_DEFINE(vmas, first_of, last_of)

static inline void tree_insert(struct address_space *m, struct vma *vma) { vmas_insert(&m->vmas, node_of(vma)); }
static inline void tree_erase(struct address_space *m, struct vma *vma) { vmas_erase(&m->vmas, node_of(vma)); }
static inline struct vma *tree_after(struct address_space *m, struct vma *after, pgoff_t first, pgoff_t last, u32 *passed)
{
	struct itree_node *n = after ? vmas_next(node_of(after), first.n, last.n) : vmas_find(&m->vmas, first.n, last.n);

	return n ? vma_of(n) : NULL;
}

static void tree_vma_init(struct vma *vma) { *node_of(vma) = (struct itree_node){ .max_last = 0 }; }
static void tree_vma_link(struct vma *vma) { file_link(vma, tree_insert); }
static void tree_vma_unlink(struct vma *vma) { file_unlink(vma, tree_erase); }
static void tree_adjust_begin(struct vma *vma) { file_adjust_begin(vma, tree_erase); }
static void tree_adjust_end(struct vma *vma) { file_adjust_end(vma, tree_insert); }
static void tree_vma_leave(struct vma *vma) { tree_erase(vma->file->mapping, vma); }
static enum rmap_result tree_walk(struct rmap_walk *w) { return file_walk(w, tree_after); }

static void tree_unmap_range(struct address_space *m, pgoff_t first, pgoff_t last, bool even_cows)
{
	if (READ_ONCE(m->vmas.root.node))
		file_unmap_range(m, first, last, even_cows, tree_after);
}

const struct rmap_scheme rmap_file_tree = {
	.name = "tree",
	.about = "an interval tree of vmas per file",
	.vma_bytes = sizeof(struct itree_node),
	.vma_init = tree_vma_init,
	.vma_link = tree_vma_link,
	.vma_unlink = tree_vma_unlink,
	.vma_leave = tree_vma_leave,
	.adjust_begin = tree_adjust_begin,
	.adjust_end = tree_adjust_end,
	.walk = tree_walk,
	.unmap_range = tree_unmap_range,
};
