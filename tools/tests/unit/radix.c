/* SPDX-License-Identifier: MIT
 * unit: kernel/lib/bitops.c
 *
 * The radix tree against a plain table: lookups, gangs, tags, holes; growing and shrinking; every allocation failing in
 * turn; and no node left behind.
 */
#include "kernel/lib/radix.c"
#include "tools/tests/unit/unit.h"

void bug_at(const char *file, int line, const char *what) { panic("%s:%d: %s", file, line, what); }

static long nodes;
static unsigned fail_at;
static struct rcu_head *gone;

static void *get_node(u32 gfp)
{
	if (fail_at && !--fail_at)
		return NULL;
	nodes++;
	return malloc(sizeof(struct radix_node));
}
static void put_node(void *n) { nodes--; free(n); }
static const struct radix_ops ops = { get_node, put_node };

/* A grace period that ends when the test says so: readers may still look at what was freed. */
void call_rcu(struct rcu_head *h, void (*fn)(struct rcu_head *)) { h->func = fn; h->next = gone; gone = h; }
static void grace(void)
{
	while (gone) {
		struct rcu_head *h = gone;

		gone = h->next;
		h->func(h);
	}
}

#define N 600
static unsigned long keys[N];
static u32 values[N];
static u8 tags[N];
static bool in[N];

static unsigned long some_key(u32 i)
{
	switch (i % 4) {
	case 0:
		return i;
	case 1:
		return i * 4099u;
	case 2:
		return ~0UL - i;
	default:
		return unit_random() << 8 | i;
	}
}

static void start(void)
{
	radix_ops = &ops;
	fail_at = 0;
	for (u32 i = 0; i < N; i++) {
		in[i] = false;
		tags[i] = 0;
		keys[i] = some_key(i);
		for (u32 j = 0; j < i; j++)
			if (keys[j] == keys[i]) {
				keys[i] = unit_random() ^ 0x40000000u;
				j = ~0u;
			}
	}
}

static void compare(struct radix_tree *t)
{
	unsigned long index = 0, before = 0, got[7];
	void *items[7];
	u32 found = 0, tagged[2] = { 0, 0 }, want[2] = { 0, 0 }, inside = 0, n;

	for (u32 i = 0; i < N; i++) {
		CHECK(radix_lookup(t, keys[i]) == (in[i] ? &values[i] : NULL));
		inside += in[i];
		for (unsigned tag = 0; tag < 2; tag++) {
			CHECK(radix_tag_get(t, keys[i], tag) == (in[i] && tags[i] >> tag & 1));
			want[tag] += in[i] && tags[i] >> tag & 1;
		}
	}
	while ((n = radix_gang_indices(t, &index, ~0UL, items, got, 7))) {
		for (u32 k = 0; k < n; k++) {
			u32 i = (u32 *)items[k] - values;

			CHECK(i < N && in[i] && keys[i] == got[k] && (!found || got[k] > before));
			before = got[k];
			found++;
		}
		if (!index)
			break;
	}
	CHECK(found == inside);
	for (unsigned tag = 0; tag < 2; tag++) {
		for (index = 0; (n = radix_gang_tag(t, &index, ~0UL, items, 7, tag));) {
			for (u32 k = 0; k < n; k++)
				CHECK(tags[(u32 *)items[k] - values] >> tag & 1);
			tagged[tag] += n;
			if (!index)
				break;
		}
		CHECK(tagged[tag] == want[tag]);
		CHECK(radix_tagged(t, tag) == (want[tag] > 0));
	}
}

TEST(random_operations)
{
	struct radix_tree t = RADIX_TREE_INIT;

	start();
	for (u32 round = 0; round < 12000; round++) {
		u32 i = unit_random() % N;

		switch (unit_random() % 5) {
		case 0:
		case 1:
			CHECK(radix_insert(&t, keys[i], &values[i], NULL) == (in[i] ? -EEXIST : 0));
			if (!in[i])
				tags[i] = 0;
			in[i] = true;
			break;
		case 2:
			CHECK(radix_delete(&t, keys[i]) == (in[i] ? &values[i] : NULL));
			in[i] = false;
			break;
		case 3:
			if (in[i]) {
				radix_tag_set(&t, keys[i], round & 1);
				tags[i] |= 1 << (round & 1);
			}
			break;
		default:
			if (in[i]) {
				radix_tag_clear(&t, keys[i], round & 1);
				tags[i] &= ~(1 << (round & 1));
			}
		}
		if (round % 64 == 0)
			compare(&t);
		if (round % 7 == 0)
			grace();
	}
	for (u32 i = 0; i < N; i++)
		radix_delete(&t, keys[i]);
	grace();
	CHECK(radix_empty(&t) && nodes == 0 && t.root_tags == 0);
}

TEST(one_item_needs_no_node)
{
	struct radix_tree t = RADIX_TREE_INIT;

	start();
	CHECK(!radix_insert(&t, 0, &values[0], NULL));
	CHECK(nodes == 0);
	radix_tag_set(&t, 0, 1);
	CHECK(!radix_insert(&t, 63, &values[1], NULL));
	CHECK(nodes == 1 && radix_tag_get(&t, 0, 1) && !radix_tag_get(&t, 63, 1));
	CHECK(radix_delete(&t, 63) == &values[1]);
	grace();
	CHECK(nodes == 0 && radix_lookup(&t, 0) == &values[0] && radix_tag_get(&t, 0, 1));
	CHECK(radix_replace(&t, 0, &values[2]) == &values[0] && radix_delete(&t, 0) == &values[2]);
	CHECK(radix_empty(&t));
}

TEST(every_allocation_fails_once)
{
	for (unsigned nth = 1; nth < 40; nth++) {
		struct radix_tree t = RADIX_TREE_INIT;
		struct radix_spare spare = RADIX_SPARE;
		static const unsigned long where[] = { 5, 70000, 0xfffffff0UL, 64, 0x12345678UL };

		start();
		for (u32 i = 0; i < ARRAY_SIZE(where); i++) {
			int err;

			fail_at = i == nth % 5 ? nth / 5 + 1 : 0;
			while ((err = radix_insert(&t, where[i], &values[i], &spare)) == -ENOMEM) {
				CHECK(!radix_lookup(&t, where[i]));
				for (u32 j = 0; j < i; j++)
					CHECK(radix_lookup(&t, where[j]) == &values[j]);
				fail_at = 0;
				CHECK(!radix_refill(&spare, 0));
			}
			CHECK(!err);
		}
		radix_spare_free(&spare);
		for (u32 i = 0; i < ARRAY_SIZE(where); i++)
			CHECK(radix_delete(&t, where[i]) == &values[i]);
		grace();
		CHECK(nodes == 0 && radix_empty(&t));
	}
}

TEST(holes_and_limits)
{
	struct radix_tree t = RADIX_TREE_INIT;
	void *items[4];
	unsigned long index = 0;

	start();
	for (u32 i = 10; i < 20; i++)
		CHECK(!radix_insert(&t, i, &values[i], NULL));
	CHECK(radix_next_hole(&t, 10, 100) == 20 && radix_next_hole(&t, 0, 5) == 0 && radix_next_hole(&t, 12, 19) == 20);
	CHECK(radix_gang(&t, &index, 11, items, 4) == 2 && index == 12);
	CHECK(radix_gang(&t, &index, 11, items, 4) == 0);
	CHECK(!radix_insert(&t, ~0UL, &values[0], NULL));
	index = 20;
	CHECK(radix_gang(&t, &index, ~0UL, items, 4) == 1 && items[0] == &values[0] && index == 0);
	for (u32 i = 10; i < 20; i++)
		radix_delete(&t, i);
	radix_delete(&t, ~0UL);
	grace();
	CHECK(nodes == 0);
}
