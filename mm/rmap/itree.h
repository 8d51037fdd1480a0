/* SPDX-License-Identifier: MIT
 *
 * An interval tree: which intervals [first, last] meet [a, b]? A red-black tree by first, in which each node knows the
 * largest last below it, so that whole sub-trees are passed over. Insert and erase are O(log n), a query O(log n) for
 * each answer (Michel Lespinasse's form of 2012, which replaced the prio_tree).
 *
 * No interval is stored: ITREE_DEFINE(name, FIRST, LAST) makes name_insert, name_erase, name_find and name_next for
 * nodes whose ends FIRST(node) and LAST(node) compute. The caller's lock protects the tree.
 */
#ifndef MM_RMAP_ITREE_H
#define MM_RMAP_ITREE_H

#include "kernel/lib/rbtree.h"

struct itree_node {
	struct rb_node rb;
	unsigned long max_last; /* largest last in this sub-tree */
};
#define itree_of(n) rb_entry(n, struct itree_node, rb)

/* Does the sub-tree below n hold an interval that ends at a or later? */
static inline bool itree_reaches(const struct rb_node *n, unsigned long a) { return n && itree_of(n)->max_last >= a; }

#define ITREE_DEFINE(name, FIRST, LAST)                                                                              \
	static bool name##_update(struct rb_node *rb)                                                                \
	{                                                                                                            \
		struct itree_node *n = itree_of(rb);                                                                 \
		unsigned long m = LAST(n);                                                                           \
                                                                                                                     \
		if (rb->left)                                                                                        \
			m = max(m, itree_of(rb->left)->max_last);                                                    \
		if (rb->right)                                                                                       \
			m = max(m, itree_of(rb->right)->max_last);                                                   \
		if (m == n->max_last)                                                                                \
			return false;                                                                                \
		n->max_last = m;                                                                                     \
		return true;                                                                                         \
	}                                                                                                            \
	RB_AUGMENT(static, name##_rb, name##_update)                                                                 \
                                                                                                                     \
	static void name##_insert(struct rb_root_cached *root, struct itree_node *n)                                 \
	{                                                                                                            \
		struct rb_node **link = &root->root.node, *parent = NULL;                                            \
		unsigned long first = FIRST(n);                                                                      \
		bool leftmost = true;                                                                                \
                                                                                                                     \
		while (*link) {                                                                                      \
			parent = *link;                                                                              \
			if (first < FIRST(itree_of(parent))) {                                                       \
				link = &parent->left;                                                                \
			} else {                                                                                     \
				link = &parent->right;                                                               \
				leftmost = false;                                                                    \
			}                                                                                            \
		}                                                                                                    \
		rb_link_node(&n->rb, parent, link);                                                                  \
		n->max_last = LAST(n);                                                                               \
		name##_rb_insert_cached(&n->rb, root, leftmost);                                                     \
	}                                                                                                            \
	static void name##_erase(struct rb_root_cached *root, struct itree_node *n)                                  \
	{                                                                                                            \
		name##_rb_erase_cached(&n->rb, root);                                                                \
	}                                                                                                            \
	/* The first node below n, by ascending first, that meets [a, b]; something below n ends at a or later. */  \
	static struct itree_node *name##_descend(struct rb_node *n, unsigned long a, unsigned long b)                \
	{                                                                                                            \
		for (;;) {                                                                                           \
			if (itree_reaches(n->left, a))                                                               \
				n = n->left;                                                                         \
			else if (FIRST(itree_of(n)) > b)                                                             \
				return NULL; /* all to the right begin later still */                                \
			else if (LAST(itree_of(n)) >= a)                                                             \
				return itree_of(n);                                                                  \
			else                                                                                         \
				n = n->right; /* it ends at a or later, and neither n nor the left does */           \
		}                                                                                                    \
	}                                                                                                            \
	static struct itree_node *name##_find(const struct rb_root_cached *root, unsigned long a, unsigned long b)   \
	{                                                                                                            \
		return itree_reaches(root->root.node, a) ? name##_descend(root->root.node, a, b) : NULL;             \
	}                                                                                                            \
	static __unused struct itree_node *name##_next(struct itree_node *from, unsigned long a, unsigned long b)    \
	{                                                                                                            \
		struct rb_node *n = &from->rb, *child;                                                               \
                                                                                                                     \
		if (itree_reaches(n->right, a))                                                                      \
			return name##_descend(n->right, a, b);                                                       \
		for (;;) {                                                                                           \
			child = n;                                                                                   \
			n = rb_parent(n);                                                                            \
			if (!n)                                                                                      \
				return NULL;                                                                         \
			if (n->left != child)                                                                        \
				continue;                                                                            \
			if (FIRST(itree_of(n)) > b)                                                                  \
				return NULL;                                                                         \
			if (LAST(itree_of(n)) >= a)                                                                  \
				return itree_of(n);                                                                  \
			if (itree_reaches(n->right, a))                                                              \
				return name##_descend(n->right, a, b);                                               \
		}                                                                                                    \
	}

#endif
