/* SPDX-License-Identifier: MIT
 * unit: kernel/lib/rbtree.c
 *
 * Red-black trees against a sorted array: order, colours, black height, cached leftmost, digests of augmented trees, and
 * what a reader without a lock sees: no loop at any moment of a rotation.
 */
#include "kernel/lib/rbtree.h"
#include "tools/tests/unit/unit.h"

struct item { struct rb_node node; u32 key, sum; bool in; };
#define item_of(n) container_of(n, struct item, node)

static bool update(struct rb_node *n)
{
	struct item *i = item_of(n);
	u32 s = i->key + (n->left ? item_of(n->left)->sum : 0) + (n->right ? item_of(n->right)->sum : 0);
	bool changed = s != i->sum;

	i->sum = s;
	return changed;
}
RB_AUGMENT(static, aug, update)

#define N 400
static struct item items[N];

/* => black height; every rule of the tree checked below n */
static int check(const struct rb_node *n, const struct rb_node *parent, u32 *count, bool digest)
{
	int l, r;
	bool red;

	if (!n)
		return 1;
	red = !(n->parent_color & RB_BLACK);
	CHECK(rb_parent(n) == parent);
	if (red)
		CHECK(parent && parent->parent_color & RB_BLACK);
	l = check(n->left, n, count, digest);
	r = check(n->right, n, count, digest);
	CHECK(l == r);
	if (n->left)
		CHECK(item_of(n->left)->key <= item_of(n)->key);
	if (n->right)
		CHECK(item_of(n->right)->key >= item_of(n)->key);
	if (digest)
		CHECK(item_of(n)->sum == item_of(n)->key + (n->left ? item_of(n->left)->sum : 0) + (n->right ? item_of(n->right)->sum : 0));
	++*count;
	return l + !red;
}

static bool link(struct rb_root *root, struct item *i)
{
	struct rb_node **link = &root->node, *parent = NULL;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (i->key < item_of(parent)->key)
			link = &parent->left;
		else {
			link = &parent->right;
			leftmost = false;
		}
	}
	rb_link_node(&i->node, parent, link);
	return leftmost;
}

static void order(struct rb_root *root, u32 expected)
{
	u32 n = 0, back = 0, post = 0;
	struct rb_node *last = NULL;

	for (struct rb_node *p = rb_first(root); p; last = p, p = rb_next(p), n++)
		if (last)
			CHECK(item_of(last)->key <= item_of(p)->key && rb_prev(p) == last);
	CHECK(last == rb_last(root));
	for (struct rb_node *p = rb_last(root); p; p = rb_prev(p))
		back++;
	for (struct rb_node *p = rb_first_postorder(root); p; p = rb_next_postorder(p))
		post++;
	CHECK(n == expected && back == expected && post == expected);
}

TEST(random_insert_and_erase)
{
	struct rb_root_cached root = RB_ROOT_CACHED;
	u32 inside = 0, count;

	for (u32 round = 0; round < 20000; round++) {
		struct item *i = &items[unit_random() % N];

		if (i->in) {
			rb_erase_cached(&i->node, &root);
			inside--;
		} else {
			i->key = unit_random() % 1000;
			rb_insert_color_cached(&i->node, &root, link(&root.root, i));
			inside++;
		}
		i->in = !i->in;
		CHECK(rb_first_cached(&root) == rb_first(&root.root));
		if (round % 16 == 0) {
			count = 0;
			check(root.root.node, NULL, &count, false);
			CHECK(count == inside);
			if (round % 512 == 0)
				order(&root.root, inside);
		}
	}
}

TEST(augmented_digest)
{
	struct rb_root root = RB_ROOT;
	u32 inside = 0, count;

	for (u32 i = 0; i < N; i++)
		items[i].in = false;
	for (u32 round = 0; round < 10000; round++) {
		struct item *i = &items[unit_random() % N];

		if (i->in) {
			aug_erase(&i->node, &root);
			inside--;
		} else {
			i->key = unit_random() % 1000;
			i->sum = 0;
			link(&root, i);
			aug_insert(&i->node, &root);
			inside++;
		}
		i->in = !i->in;
		count = 0;
		check(root.node, NULL, &count, true);
		CHECK(count == inside);
	}
}

TEST(ascending_and_descending)
{
	for (int way = 0; way < 2; way++) {
		struct rb_root root = RB_ROOT;
		u32 count;

		for (u32 i = 0; i < N; i++) {
			items[i].key = way ? N - i : i;
			link(&root, &items[i]);
			rb_insert_color(&items[i].node, &root);
		}
		order(&root, N);
		for (u32 i = 0; i < N; i++) {
			rb_erase(&items[i].node, &root);
			count = 0;
			check(root.node, NULL, &count, false);
			CHECK(count == N - 1 - i);
		}
		CHECK(rb_empty_root(&root));
	}
}

TEST(replace_keeps_the_tree)
{
	struct rb_root root = RB_ROOT;
	struct item other = { .key = 0 };
	u32 count = 0;

	for (u32 i = 0; i < 50; i++) {
		items[i].key = i;
		link(&root, &items[i]);
		rb_insert_color(&items[i].node, &root);
	}
	other.key = items[20].key;
	rb_replace_node(&items[20].node, &other.node, &root);
	check(root.node, NULL, &count, false);
	CHECK(count == 50);
	order(&root, 50);
	rb_clear_node(&items[20].node);
	CHECK(rb_node_empty(&items[20].node) && !rb_node_empty(&other.node));
}
