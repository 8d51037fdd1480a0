/* SPDX-License-Identifier: MIT
 * unit: kernel/fs/lockrange.c
 *
 * Byte-range locks against a model: an array of bytes, each with a type per owner.
 */
#include "tools/tests/unit/unit.h"
#include "kernel/fs/lockrange.h"

#define OWNERS 3
#define BYTES 40
enum { NONE = 9 };

static struct list_head ranges;
static long out; /* ranges handed out and not freed */

static struct lock_range *alloc_range(void)
{
	out++;
	return calloc(1, sizeof(struct lock_range));
}
static void free_range(struct lock_range *r)
{
	if (r) {
		out--;
		free(r);
	}
}

static void set(const void *owner, loff_t start, loff_t end, int type)
{
	struct lock_range want = { .owner = owner, .start = start, .end = end, .type = type }, *r, *next;
	struct lock_range *spare[2] = { alloc_range(), alloc_range() };
	LIST_HEAD(freed);

	range_set(&ranges, &want, spare, &freed);
	free_range(spare[0]);
	free_range(spare[1]);
	list_for_each_entry_safe(r, next, &freed, node)
		free_range(r);
}
static void clear(void)
{
	struct lock_range *r, *next;

	if (ranges.next)
		list_for_each_entry_safe(r, next, &ranges, node)
			free_range(r);
	INIT_LIST_HEAD(&ranges);
}
static int count(void)
{
	struct lock_range *r;
	int n = 0;

	list_for_each_entry(r, &ranges, node)
		n++;
	return n;
}
static int type_at(const void *owner, loff_t pos)
{
	struct lock_range *r;
	int type = NONE;

	list_for_each_entry(r, &ranges, node)
		if (r->owner == owner && r->start <= pos && pos <= r->end) {
			CHECK(type == NONE); /* one owner's ranges never overlap */
			type = r->type;
		}
	return type;
}

TEST(splits_in_the_middle)
{
	int me;

	clear();
	set(&me, 0, 99, RANGE_READ);
	set(&me, 40, 59, RANGE_WRITE);
	CHECK(count() == 3);
	CHECK(type_at(&me, 39) == RANGE_READ && type_at(&me, 40) == RANGE_WRITE && type_at(&me, 60) == RANGE_READ);
	set(&me, 40, 59, RANGE_READ);
	CHECK(count() == 1);
	set(&me, 50, 50, RANGE_UNLOCK);
	CHECK(count() == 2 && type_at(&me, 50) == NONE);
	set(&me, 0, RANGE_MAX, RANGE_UNLOCK);
	CHECK(count() == 0);
}

TEST(neighbours_merge_also_at_the_end_of_all_files)
{
	int me;

	clear();
	set(&me, 10, 19, RANGE_WRITE);
	set(&me, 30, RANGE_MAX, RANGE_WRITE);
	CHECK(count() == 2);
	set(&me, 20, 29, RANGE_WRITE);
	CHECK(count() == 1 && type_at(&me, RANGE_MAX) == RANGE_WRITE);
	set(&me, RANGE_MAX, RANGE_MAX, RANGE_UNLOCK);
	CHECK(count() == 1 && type_at(&me, RANGE_MAX) == NONE && type_at(&me, RANGE_MAX - 1) == RANGE_WRITE);
	clear();
}

TEST(conflicts_are_between_owners_and_of_one_kind)
{
	int a, b;
	struct lock_range want = { .owner = &b, .start = 5, .end = 5, .type = RANGE_READ };

	clear();
	set(&a, 0, 9, RANGE_READ);
	CHECK(!range_conflict(&ranges, &want));
	want.type = RANGE_WRITE;
	CHECK(range_conflict(&ranges, &want));
	want.owner = &a;
	CHECK(!range_conflict(&ranges, &want));
	want.owner = &b;
	want.kind = 1;
	CHECK(!range_conflict(&ranges, &want));
	want.kind = 0;
	want.start = want.end = 10;
	CHECK(!range_conflict(&ranges, &want));
	clear();
}

TEST(random_requests_agree_with_a_model)
{
	static int owner[OWNERS];
	static int model[OWNERS][BYTES];

	clear();
	for (int o = 0; o < OWNERS; o++)
		for (int n = 0; n < BYTES; n++)
			model[o][n] = NONE;
	for (int round = 0; round < 30000; round++) {
		int o = unit_random() % OWNERS, type = unit_random() % 3;
		loff_t start = unit_random() % BYTES, end = start + unit_random() % (BYTES - start);

		set(&owner[o], start, end, type);
		for (loff_t n = start; n <= end; n++)
			model[o][n] = type == RANGE_UNLOCK ? NONE : type;
		for (int n = 0; n < BYTES; n++)
			CHECK(type_at(&owner[o], n) == model[o][n]);
	}
	clear();
	CHECK(out == 0);
}

/* Also that nothing is left in two pieces that could be one. */
TEST(stays_minimal)
{
	int me;
	struct lock_range *a, *b;

	clear();
	for (int round = 0; round < 3000; round++) {
		loff_t start = unit_random() % BYTES;

		set(&me, start, start + unit_random() % 6, unit_random() % 3);
		list_for_each_entry(a, &ranges, node)
			list_for_each_entry(b, &ranges, node)
				CHECK(a == b || a->type != b->type || a->end + 1 != b->start);
	}
	clear();
}

TEST(offsets_from_user_space)
{
	struct lock_range r;

	CHECK(range_from_user(0, 10, 5, &r) == 0 && r.start == 10 && r.end == 14);
	CHECK(range_from_user(100, -10, 0, &r) == 0 && r.start == 90 && r.end == RANGE_MAX);
	CHECK(range_from_user(0, 10, -5, &r) == 0 && r.start == 5 && r.end == 9);
	CHECK(range_from_user(0, 10, -11, &r) == -EINVAL);
	CHECK(range_from_user(0, -1, 1, &r) == -EINVAL);
	CHECK(range_from_user(RANGE_MAX, 1, 1, &r) == -EOVERFLOW);
	CHECK(range_from_user(0, RANGE_MAX, 1, &r) == 0 && r.end == RANGE_MAX);
	CHECK(range_from_user(0, RANGE_MAX, 2, &r) == -EOVERFLOW);
}
