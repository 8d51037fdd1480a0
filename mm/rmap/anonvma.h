/* SPDX-License-Identifier: MIT
 *
 * The half of anonvma.c that knows areas and no page: for schemes that have a list of vmas as well (direct.c). Their tail
 * begins with an anon_tail.
 */
#ifndef MM_RMAP_ANONVMA_H
#define MM_RMAP_ANONVMA_H

#include "mm/rmap/schemes.h"

struct anon_vma;
struct anon_tail {
	struct anon_vma *av;   /* mmap lock for writing; from NULL: tree_lock. Never changes once set */
	struct list_head node; /* av->lock */
};

int anonvma_init(void);
void anonvma_vma_init(struct vma *vma);
int anonvma_make(struct vma *vma); /* it has one then; mmap lock: read. 0 or -ENOMEM */
int anonvma_share(struct vma *to, struct vma *from);
bool anonvma_can_merge(const struct vma *a, const struct vma *b);
int anonvma_merge(struct vma *into, struct vma *gone);
void anonvma_unlink(struct vma *vma);
void anonvma_adjust_begin(struct vma *vma), anonvma_adjust_end(struct vma *vma);
void anonvma_hold(struct anon_vma *av); /* it has vmas, and keeps them meanwhile */
enum rmap_result anonvma_walk_list(struct rmap_walk *w, struct anon_vma *av); /* eats the reference */

#endif
