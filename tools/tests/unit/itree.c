/* SPDX-License-Identifier: MIT
 * unit: kernel/lib/rbtree.c
 *
 * The interval tree of mm/rmap against a plain array: each query must give the same intervals, in order, once.
 */
#include "mm/rmap/itree.h"
#include "tools/tests/unit/unit.h"

struct ival {
	unsigned long first, last;
	struct itree_node node;
	bool in;
};
#define ival_of(n) container_of(n, struct ival, node)
#define FIRST(n) (ival_of(n)->first)
#define LAST(n) (ival_of(n)->last)
ITREE_DEFINE(ival, FIRST, LAST)

#define N 300
static struct ival iv[N];
static struct rb_root_cached root;

static unsigned check_node(const struct rb_node *n, unsigned long *max_last)
{
	unsigned long l = 0, r = 0;
	unsigned count;

	*max_last = 0;
	if (!n)
		return 0;
	count = 1 + check_node(n->left, &l) + check_node(n->right, &r);
	*max_last = max(LAST(itree_of(n)), max(l, r));
	CHECK(itree_of(n)->max_last == *max_last);
	return count;
}

static void compare(unsigned long a, unsigned long b)
{
	unsigned met = 0, want = 0;
	unsigned long before = 0;

	for (struct itree_node *n = ival_find(&root, a, b); n; n = ival_next(n, a, b)) {
		CHECK(ival_of(n)->in && FIRST(n) <= b && LAST(n) >= a);
		CHECK(FIRST(n) >= before);
		before = FIRST(n);
		met++;
	}
	for (int i = 0; i < N; i++)
		want += iv[i].in && iv[i].first <= b && iv[i].last >= a;
	CHECK(met == want);
}

static void flip(struct ival *v, unsigned long space)
{
	if (v->in) {
		ival_erase(&root, &v->node);
	} else {
		v->first = unit_random() % space;
		v->last = v->first + unit_random() % (unit_random() % 3 ? 4 : space);
		ival_insert(&root, &v->node);
	}
	v->in = !v->in;
}

static void churn(unsigned long space)
{
	unsigned long m;

	for (int round = 0; round < 20000; round++) {
		flip(&iv[unit_random() % N], space);
		if (round % 16 == 0) {
			unsigned long a = unit_random() % space;

			compare(a, a);
			compare(a, a + unit_random() % space);
		}
	}
	check_node(root.root.node, &m);
	for (int i = 0; i < N; i++)
		if (iv[i].in)
			flip(&iv[i], space);
	CHECK(!root.root.node);
}

TEST(queries_match_an_array_when_intervals_are_sparse) { churn(100000); }
TEST(queries_match_an_array_when_many_are_identical) { churn(7); }

TEST(the_ends_of_the_range_belong_to_it)
{
	iv[0] = (struct ival){ .first = 5, .last = 9 };
	iv[1] = (struct ival){ .first = 0, .last = ~0UL };
	ival_insert(&root, &iv[0].node);
	CHECK(ival_find(&root, 9, 9) && ival_find(&root, 5, 5) && ival_find(&root, 0, 5));
	CHECK(!ival_find(&root, 10, ~0UL) && !ival_find(&root, 0, 4));
	ival_insert(&root, &iv[1].node);
	CHECK(ival_find(&root, ~0UL, ~0UL) == &iv[1].node && ival_find(&root, 0, 0) == &iv[1].node);
	ival_erase(&root, &iv[0].node);
	ival_erase(&root, &iv[1].node);
	CHECK(!ival_find(&root, 0, ~0UL));
}
