/* SPDX-License-Identifier: MIT
 *
 * Red-black trees: insertion and removal as in Cormen et al., Introduction to Algorithms, chapter 13, without sentinel
 * nodes, bottom up.
 *
 * Readers without a lock: every downward link is one WRITE_ONCE, and at no moment do downward links form a loop: a
 * rotation first gives the lower node's inner child to the upper node, then hangs the upper node below the lower one,
 * and last changes the link from above. A reader on its way may miss a subtree; it cannot run in circles.
 */
#include "kernel/lib/rbtree.h"

static inline bool is_red(const struct rb_node *n) { return n && !(n->parent_color & RB_BLACK); }
static inline bool is_black(const struct rb_node *n) { return !is_red(n); }
static inline void set_black(struct rb_node *n) { n->parent_color |= RB_BLACK; }
static inline void set_red(struct rb_node *n) { n->parent_color &= ~RB_BLACK; }
static inline void set_parent(struct rb_node *n, struct rb_node *p) { n->parent_color = (n->parent_color & RB_BLACK) | (unsigned long)p; }
static inline unsigned long color(const struct rb_node *n) { return n->parent_color & RB_BLACK; }

/* Whoever pointed down to old now points to new. */
static inline void change_child(struct rb_node *parent, struct rb_node *old, struct rb_node *new, struct rb_root *root)
{
	if (!parent)
		WRITE_ONCE(root->node, new);
	else if (parent->left == old)
		WRITE_ONCE(parent->left, new);
	else
		WRITE_ONCE(parent->right, new);
}

static struct rb_node *rotate_left(struct rb_node *x, struct rb_root *root)
{
	struct rb_node *y = x->right, *parent = rb_parent(x);

	WRITE_ONCE(x->right, y->left);
	if (y->left)
		set_parent(y->left, x);
	WRITE_ONCE(y->left, x);
	set_parent(y, parent);
	change_child(parent, x, y, root);
	set_parent(x, y);
	return y;
}

static struct rb_node *rotate_right(struct rb_node *x, struct rb_root *root)
{
	struct rb_node *y = x->left, *parent = rb_parent(x);

	WRITE_ONCE(x->left, y->right);
	if (y->right)
		set_parent(y->right, x);
	WRITE_ONCE(y->right, x);
	set_parent(y, parent);
	change_child(parent, x, y, root);
	set_parent(x, y);
	return y;
}

static __always_inline void insert_fix(struct rb_node *n, struct rb_root *root, rb_rotated rotated)
{
	struct rb_node *parent, *grand, *uncle;
	bool left;

	for (;;) {
		parent = rb_parent(n);
		if (!parent) {
			set_black(n);
			return;
		}
		if (is_black(parent))
			return;
		grand = rb_parent(parent); /* exists: the root is black */
		left = parent == grand->left;
		uncle = left ? grand->right : grand->left;
		if (!is_red(uncle))
			break;
		set_black(parent);
		set_black(uncle);
		set_red(grand);
		n = grand;
	}
	if (n == (left ? parent->right : parent->left)) { /* inner child: turn it outwards */
		n = left ? rotate_left(parent, root) : rotate_right(parent, root);
		if (rotated)
			rotated(parent, n);
		parent = n;
	}
	set_black(parent);
	set_red(grand);
	parent = left ? rotate_right(grand, root) : rotate_left(grand, root);
	if (rotated)
		rotated(grand, parent);
}

void rb_insert_color(struct rb_node *n, struct rb_root *root) { insert_fix(n, root, NULL); }
void rb_insert_rebalance(struct rb_node *n, struct rb_root *root, rb_rotated rotated) { insert_fix(n, root, rotated); }

/* n has two children: its successor takes its place. */
static struct rb_node *unlink_inner(struct rb_node *n, struct rb_root *root, struct rb_node **fix, struct rb_node **moved)
{
	struct rb_node *s = n->right, *sparent, *child;
	bool black;

	while (s->left)
		s = s->left;
	child = s->right;
	black = color(s);
	sparent = rb_parent(s);
	if (sparent == n)
		sparent = s;
	else {
		WRITE_ONCE(sparent->left, child);
		if (child)
			set_parent(child, sparent);
		WRITE_ONCE(s->right, n->right);
		set_parent(n->right, s);
	}
	WRITE_ONCE(s->left, n->left);
	set_parent(n->left, s);
	s->parent_color = n->parent_color;
	change_child(rb_parent(n), n, s, root);
	if (child)
		set_black(child), black = false; /* a lone child is red: it takes the black over */
	*fix = black ? sparent : NULL;
	*moved = s;
	return sparent;
}

struct rb_node *rb_unlink(struct rb_node *n, struct rb_root *root, struct rb_node **fix, struct rb_node **moved)
{
	struct rb_node *parent = rb_parent(n), *child = n->left ?: n->right;

	if (n->left && n->right)
		return unlink_inner(n, root, fix, moved);
	*moved = NULL;
	*fix = NULL;
	change_child(parent, n, child, root);
	if (child) {
		set_parent(child, parent);
		set_black(child); /* n was black, the lone child red */
	} else if (color(n))
		*fix = parent;
	return parent;
}

/* The subtree of parent that is NULL or headed by n lacks one black node. */
static __always_inline void erase_fix(struct rb_node *parent, struct rb_root *root, rb_rotated rotated)
{
	struct rb_node *n = NULL, *s, *near, *far;
	bool left;

	while (parent) {
		left = parent->left == n;
		s = left ? parent->right : parent->left;
		if (is_red(s)) { /* make the sibling black */
			set_black(s);
			set_red(parent);
			s = left ? rotate_left(parent, root) : rotate_right(parent, root);
			if (rotated)
				rotated(parent, s);
			s = left ? parent->right : parent->left;
		}
		near = left ? s->left : s->right;
		far = left ? s->right : s->left;
		if (is_black(near) && is_black(far)) {
			set_red(s);
			if (is_red(parent)) {
				set_black(parent);
				return;
			}
			n = parent;
			parent = rb_parent(n);
			continue;
		}
		if (is_black(far)) { /* turn the red nephew outwards */
			set_black(near);
			set_red(s);
			near = left ? rotate_right(s, root) : rotate_left(s, root);
			if (rotated)
				rotated(s, near);
			far = s;
			s = near;
		}
		set_black(far);
		s->parent_color = (s->parent_color & ~RB_BLACK) | color(parent);
		set_black(parent);
		s = left ? rotate_left(parent, root) : rotate_right(parent, root);
		if (rotated)
			rotated(parent, s);
		return;
	}
}

void rb_erase_rebalance(struct rb_node *parent, struct rb_root *root, rb_rotated rotated) { erase_fix(parent, root, rotated); }

void rb_erase(struct rb_node *n, struct rb_root *root)
{
	struct rb_node *fix, *moved;

	rb_unlink(n, root, &fix, &moved);
	if (fix)
		erase_fix(fix, root, NULL);
}

void rb_replace_node(struct rb_node *old, struct rb_node *new, struct rb_root *root)
{
	*new = *old;
	if (old->left)
		set_parent(old->left, new);
	if (old->right)
		set_parent(old->right, new);
	barrier();
	change_child(rb_parent(old), old, new, root);
}

/* --- in order ------------------------------------------------------------------------------------------------------ */
struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	while (n && n->left)
		n = n->left;
	return n;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	while (n && n->right)
		n = n->right;
	return n;
}

struct rb_node *rb_next(const struct rb_node *n)
{
	struct rb_node *p;

	if (n->right) {
		for (p = n->right; p->left;)
			p = p->left;
		return p;
	}
	while ((p = rb_parent(n)) && n == p->right)
		n = p;
	return p;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
	struct rb_node *p;

	if (n->left) {
		for (p = n->left; p->right;)
			p = p->right;
		return p;
	}
	while ((p = rb_parent(n)) && n == p->left)
		n = p;
	return p;
}

static struct rb_node *deepest_left(const struct rb_node *n)
{
	while (n->left || n->right)
		n = n->left ?: n->right;
	return (struct rb_node *)n;
}

struct rb_node *rb_first_postorder(const struct rb_root *root) { return root->node ? deepest_left(root->node) : NULL; }

struct rb_node *rb_next_postorder(const struct rb_node *n)
{
	struct rb_node *parent = rb_parent(n);

	if (parent && n == parent->left && parent->right)
		return deepest_left(parent->right);
	return parent;
}
