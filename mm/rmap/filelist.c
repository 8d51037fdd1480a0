/* SPDX-License-Identifier: MIT
 *
 * rmap.file=list: objrmap as Dave McCracken proposed it (February 2003, in 2.6.7-rc1): the plain list of vmas that a file
 * has for truncate anyway. Eight bytes a vma, nothing to keep in order, and the cheapest link and unlink of all.
 *
 * What it cannot do: search. Each walk goes past every vma of the file, whether it maps the page or not: 100 processes
 * with 100 areas each, and one page costs 10,000 steps (akpm's rmap-test, Ingo Molnar's test-mmap3). Two things soften
 * that: a walk ends when all mappings are found (in objects.h, for tree too), and address spaces that hold no page of a
 * file at all, children that have just forked or that are going away, cost a glance (rmap_visit_one). Where they do not
 * help, /proc/rmap shows it: candidates counts the vmas that were passed over.
 */
#include "mm/rmap/objects.h"

static inline struct list_head *node_of(const struct vma *vma) { return rmap_tail_file(vma); }
static inline struct vma *vma_of(const struct list_head *n) { return (struct vma *)((char *)n - rmap_file_tail); }

/* At the end: fork's child comes after its parent, so that a walk that is under way, and has not yet come to the entry
 * which fork copies, will come to the copy as well (the order that truncate's race with fork needed in 2004). */
static inline void list_insert(struct address_space *m, struct vma *vma) { list_add_tail(node_of(vma), &m->vma_list); }
static inline void list_erase(struct address_space *m, struct vma *vma) { list_del(node_of(vma)); }
static inline void list_stay(struct address_space *m, struct vma *vma) {} /* its place does not depend on its range */
static inline struct vma *list_after(struct address_space *m, struct vma *after, pgoff_t first, pgoff_t last, u32 *passed)
{
	struct list_head *n = after ? node_of(after)->next : m->vma_list.next;

	for (; n != &m->vma_list; n = n->next, ++*passed) {
		const struct vma *vma = vma_of(n);

		if (vma->pgoff.n <= last.n && vma_pgoff_last(vma).n >= first.n)
			return vma_of(n);
	}
	return NULL;
}

void list_vma_init(struct vma *vma) { INIT_LIST_HEAD(node_of(vma)); }
void list_vma_link(struct vma *vma) { file_link(vma, list_insert); }
void list_vma_unlink(struct vma *vma) { file_unlink(vma, list_erase); }
void list_vma_leave(struct vma *vma) { list_erase(vma->file->mapping, vma); }
void list_adjust_begin(struct vma *vma) { file_adjust_begin(vma, list_stay); }
void list_adjust_end(struct vma *vma) { file_adjust_end(vma, list_stay); }
static enum rmap_result list_walk(struct rmap_walk *w) { return file_walk(w, list_after); }

void list_unmap_range(struct address_space *m, pgoff_t first, pgoff_t last, bool even_cows)
{
	if (READ_ONCE(m->vma_list.next) != &m->vma_list)
		file_unmap_range(m, first, last, even_cows, list_after);
}

const struct rmap_scheme rmap_file_list = {
	.name = "list",
	.about = "a plain list of vmas per file (objrmap, 2003)",
	.vma_bytes = LIST_TAIL_BYTES,
	.vma_init = list_vma_init,
	.vma_link = list_vma_link,
	.vma_unlink = list_vma_unlink,
	.vma_leave = list_vma_leave,
	.adjust_begin = list_adjust_begin,
	.adjust_end = list_adjust_end,
	.walk = list_walk,
	.unmap_range = list_unmap_range,
};
