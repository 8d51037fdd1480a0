/* SPDX-License-Identifier: MIT
 *
 * A radix tree from unsigned long to pointer, 64-way, with two tags a slot (dirty and write-back, say) that are also
 * kept per subtree, so that tagged items are found without looking at the others.
 *
 * Writers hold the owner's lock. Readers hold it too, or rcu_read_lock: what they find may already be gone, so they
 * take a reference and look again. Items are non-NULL pointers or words with bit 0 clear (bit 1 is the caller's, for
 * values that are no pointers). A tree with only index 0 has no node at all.
 *
 * Nodes come from a slab; inside a spinlock they are allocated without sleeping. Where that fails:
 *
 *	struct radix_spare spare = RADIX_SPARE;
 *	do {
 *		spin_lock(&lock);
 *		err = radix_insert(&tree, index, item, &spare);
 *		spin_unlock(&lock);
 *	} while (err == -ENOMEM && !radix_refill(&spare, GFP_KERNEL));
 *	radix_spare_free(&spare);
 */
#ifndef KERNEL_LIB_RADIX_H
#define KERNEL_LIB_RADIX_H

#include "kernel/lib/types.h"
#include "kernel/sync/rcu.h"

#define RADIX_BITS 6
#define RADIX_SLOTS 64
#define RADIX_TAGS 2
struct radix_node {
	u8 shift;               /* f: bits of the index below this level */
	u8 offset;              /* in the parent */
	u8 count;               /* slots in use */
	u8 unused;
	u32 tags[RADIX_TAGS][RADIX_SLOTS / 32];
	union {
		struct radix_node *parent; /* writers only */
		struct rcu_head rcu;       /* on its way out */
	};
	void *slots[RADIX_SLOTS];
};
static_assert(sizeof(struct radix_node) == 284, "one a 256 KB of every cached file, in low memory");

struct radix_tree { void *root; u32 root_tags; }; /* root: item for index 0, or node | 1 */
#define RADIX_TREE_INIT { NULL, 0 }
static inline void radix_init(struct radix_tree *t) { t->root = NULL; t->root_tags = 0; }
static inline bool radix_empty(const struct radix_tree *t) { return !READ_ONCE(t->root); }

struct radix_spare { struct radix_node *nodes; unsigned nr; };
#define RADIX_SPARE ((struct radix_spare){ NULL, 0 })
/* One worst-case insertion's nodes. Sleeps if gfp says so. => 0 or -ENOMEM */
int radix_refill(struct radix_spare *s, u32 gfp);
void radix_spare_free(struct radix_spare *s);

/* => 0, -EEXIST, -ENOMEM (tree unchanged). spare may be NULL. */
int __must_check radix_insert(struct radix_tree *t, unsigned long index, void *item, struct radix_spare *spare);
void *radix_lookup(const struct radix_tree *t, unsigned long index);         /* item or NULL */
/* Where items stand side by side from index on, *n slots until their leaf ends; NULL: none of these *n is there. RCU. */
void *const *radix_leaf(const struct radix_tree *t, unsigned long index, unsigned *n);
void *radix_delete(struct radix_tree *t, unsigned long index);               /* what was there; shrinks */
void *radix_replace(struct radix_tree *t, unsigned long index, void *item);  /* of an existing item; tags stay */
/* Up to n items from *index to last, in order; *index moves behind the last one found. => how many */
unsigned radix_gang(const struct radix_tree *t, unsigned long *index, unsigned long last, void **items, unsigned n);
unsigned radix_gang_tag(const struct radix_tree *t, unsigned long *index, unsigned long last, void **items, unsigned n, unsigned tag);
/* As radix_gang, and the index of each. */
unsigned radix_gang_indices(const struct radix_tree *t, unsigned long *index, unsigned long last, void **items,
			    unsigned long *indices, unsigned n);
void radix_tag_set(struct radix_tree *t, unsigned long index, unsigned tag); /* the item exists */
void radix_tag_clear(struct radix_tree *t, unsigned long index, unsigned tag);
bool radix_tag_get(const struct radix_tree *t, unsigned long index, unsigned tag);
static inline bool radix_tagged(const struct radix_tree *t, unsigned tag) { return READ_ONCE(t->root_tags) >> tag & 1; }
/* => first index in [from, last] without an item; last + 1 if there is none (0 if last is the largest) */
unsigned long radix_next_hole(const struct radix_tree *t, unsigned long from, unsigned long last);

/* mm/phys gives the memory: set once when the slab allocator is up. alloc(gfp) => node-sized memory or NULL. */
struct radix_ops { void *(*alloc)(u32 gfp); void (*free)(void *node); };
extern const struct radix_ops *radix_ops;
extern u32 radix_atomic_gfp; /* what insertion under a lock allocates with */

#endif
