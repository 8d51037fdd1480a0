/* SPDX-License-Identifier: MIT
 *
 * Red-black trees. The caller walks and compares (inlined), links the node, and has it coloured:
 *
 *	struct rb_node **link = &root->node, *parent = NULL;
 *	while (*link) { parent = *link; link = key < key_of(parent) ? &parent->left : &parent->right; }
 *	rb_link_node(&new->node, parent, link);
 *	rb_insert_color(&new->node, root);
 *
 * Links downwards are written with WRITE_ONCE, and a node is complete before it is linked: readers under RCU may walk
 * down while a writer rebalances. They may miss nodes, never loop; a sequence count tells them to look again.
 *
 * Augmented trees keep in each node a digest of its subtree. RB_AUGMENT(static, name, update) makes name_insert,
 * name_erase and name_propagate, where `bool update(struct rb_node *)` recomputes one node's digest from its own
 * value and its children and tells whether it changed. The callback is inlined into rebalancing.
 */
#ifndef KERNEL_LIB_RBTREE_H
#define KERNEL_LIB_RBTREE_H

#include "kernel/lib/types.h"

struct rb_node {
	unsigned long parent_color; /* parent | RB_BLACK */
	struct rb_node *right, *left;
} __aligned(sizeof(long));
struct rb_root { struct rb_node *node; };
struct rb_root_cached { struct rb_root root; struct rb_node *leftmost; };

#define RB_ROOT (struct rb_root){ NULL }
#define RB_ROOT_CACHED (struct rb_root_cached){ { NULL }, NULL }
#define RB_RED 0UL
#define RB_BLACK 1UL
#define rb_entry(p, type, member) container_of(p, type, member)
#define rb_entry_safe(p, type, member) ({ struct rb_node *_p = (struct rb_node *)(p); _p ? rb_entry(_p, type, member) : NULL; })

static inline struct rb_node *rb_parent(const struct rb_node *n) { return (struct rb_node *)(n->parent_color & ~3UL); }
static inline bool rb_empty_root(const struct rb_root *r) { return !READ_ONCE(r->node); }
#define RB_EMPTY_ROOT(r) rb_empty_root(r)
/* A node that is in no tree may be marked so. */
static inline void rb_clear_node(struct rb_node *n) { n->parent_color = (unsigned long)n; }
static inline bool rb_node_empty(const struct rb_node *n) { return n->parent_color == (unsigned long)n; }
#define RB_CLEAR_NODE(n) rb_clear_node(n)
#define RB_EMPTY_NODE(n) rb_node_empty(n)

struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);
/* Children before parents: for taking a whole tree apart. */
struct rb_node *rb_first_postorder(const struct rb_root *root);
struct rb_node *rb_next_postorder(const struct rb_node *n);

static inline void rb_link_node(struct rb_node *n, struct rb_node *parent, struct rb_node **link)
{
	n->parent_color = (unsigned long)parent; /* red */
	n->left = n->right = NULL;
	barrier();
	WRITE_ONCE(*link, n);
}
void rb_insert_color(struct rb_node *n, struct rb_root *root);
void rb_erase(struct rb_node *n, struct rb_root *root);
void rb_replace_node(struct rb_node *old, struct rb_node *new, struct rb_root *root);

static inline struct rb_node *rb_first_cached(const struct rb_root_cached *r) { return r->leftmost; }
static inline void rb_insert_color_cached(struct rb_node *n, struct rb_root_cached *r, bool leftmost)
{
	if (leftmost)
		r->leftmost = n;
	rb_insert_color(n, &r->root);
}
static inline void rb_erase_cached(struct rb_node *n, struct rb_root_cached *r)
{
	if (r->leftmost == n)
		r->leftmost = rb_next(n);
	rb_erase(n, &r->root);
}
#define rb_for_each_entry(p, root, member) \
	for (p = rb_entry_safe(rb_first(root), __typeof__(*p), member); p; \
	     p = rb_entry_safe(rb_next(&p->member), __typeof__(*p), member))

/* --- augmented --------------------------------------------------------------------------------------------------- */
typedef bool (*rb_update)(struct rb_node *n);
/* rotated(old top, new top) has just been done; the link from the parent is already changed. */
typedef void (*rb_rotated)(struct rb_node *old, struct rb_node *new);
void rb_insert_rebalance(struct rb_node *n, struct rb_root *root, rb_rotated rotated);
/* Takes n out without rebalancing. => where the digest must be recomputed from (upwards), NULL if the tree is empty;
 * *fix: where a black node is missing below, or NULL. *moved: the node that took n's place from further down, or NULL:
 * its digest must be recomputed even if nothing below it changed. */
struct rb_node *rb_unlink(struct rb_node *n, struct rb_root *root, struct rb_node **fix, struct rb_node **moved);
void rb_erase_rebalance(struct rb_node *parent, struct rb_root *root, rb_rotated rotated);

#define RB_AUGMENT(scope, name, update)                                                                  \
	static void name##_rotated(struct rb_node *old, struct rb_node *new) { update(old); update(new); } \
	/* n's own value or its children changed: bring all digests above up to date */                    \
	scope __unused void name##_propagate(struct rb_node *n)                                           \
	{                                                                                                  \
		while (n && update(n))                                                                     \
			n = rb_parent(n);                                                                  \
	}                                                                                                  \
	/* n was linked with rb_link_node */                                                               \
	scope __unused void name##_insert(struct rb_node *n, struct rb_root *root)                         \
	{                                                                                                  \
		update(n);                                                                                 \
		name##_propagate(rb_parent(n));                                                            \
		rb_insert_rebalance(n, root, name##_rotated);                                              \
	}                                                                                                  \
	scope __unused void name##_erase(struct rb_node *n, struct rb_root *root)                          \
	{                                                                                                  \
		struct rb_node *fix, *moved, *from = rb_unlink(n, root, &fix, &moved);                     \
		for (; from && (update(from) || moved); from = rb_parent(from))                            \
			if (from == moved)                                                                 \
				moved = NULL;                                                              \
		if (fix)                                                                                   \
			rb_erase_rebalance(fix, root, name##_rotated);                                     \
	}                                                                                                  \
	scope __unused void name##_insert_cached(struct rb_node *n, struct rb_root_cached *r, bool leftmost) \
	{                                                                                                  \
		if (leftmost)                                                                              \
			r->leftmost = n;                                                                   \
		name##_insert(n, &r->root);                                                                \
	}                                                                                                  \
	scope __unused void name##_erase_cached(struct rb_node *n, struct rb_root_cached *r)               \
	{                                                                                                  \
		if (r->leftmost == n)                                                                      \
			r->leftmost = rb_next(n);                                                          \
		name##_erase(n, &r->root);                                                                 \
	}

#endif
