/* SPDX-License-Identifier: MIT
 * unit: kernel/fs/ext2/bitmap.c kernel/lib/bitops.c
 *
 * Looking for room in a bitmap, against a model that looks at each bit; goals, windows of others, short last groups.
 */
#include "kernel/fs/ext2/pure.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/string.h"
#include "tools/tests/unit/unit.h"

static unsigned long map[8192 / 32];

static bool avoided(u32 bit, const struct ext2_avoid *a, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (bit >= a[i].from && bit < a[i].to)
			return true;
	return false;
}

/* What is found is free, of nobody's window, in one piece; nothing is found only where there is nothing. */
static void check_find(u32 size, u32 goal, u32 want, const struct ext2_avoid *a, unsigned n)
{
	u32 len = 0, bit = ext2_bitmap_find(map, size, goal, want, a, n, &len);
	bool any = false;

	for (u32 i = 0; i < size && !any; i++)
		any = !test_bit(i, map) && !avoided(i, a, n);
	CHECK(any == (bit < size));
	if (bit >= size)
		return;
	CHECK(len >= 1 && len <= want && bit + len <= size);
	for (u32 i = bit; i < bit + len; i++)
		CHECK(!test_bit(i, map) && !avoided(i, a, n));
	if (goal < size && !test_bit(goal, map) && !avoided(goal, a, n))
		CHECK(bit == goal);
}

TEST(against_a_model)
{
	for (unsigned round = 0; round < 3000; round++) {
		u32 size = round & 1 ? 8192 : 8 * (unit_random() % 1024 + 1), used = unit_random() % 100;
		struct ext2_avoid a[4];

		for (u32 i = 0; i < 8192 / 8; i++)
			((u8 *)map)[i] = unit_random() % 100 < used ? 0xff : unit_random() & unit_random();
		if (round % 50 == 0)
			memset(map, 0xff, sizeof(map));
		for (unsigned i = 0; i < 4; i++) {
			a[i].from = unit_random() % size;
			a[i].to = min(a[i].from + unit_random() % 200, size);
		}
		for (unsigned i = 0; i < 20; i++)
			check_find(size, unit_random() % 8300, unit_random() % 64 + 1, a, unit_random() % 5);
	}
}

TEST(a_new_file_starts_where_there_is_room)
{
	u32 len;

	memset(map, 0, sizeof(map));
	bitmap_set(map, 0, 1000);
	clear_bit(500, map);          /* one hole far behind the goal ... */
	CHECK(ext2_bitmap_find(map, 8192, 100, 8, NULL, 0, &len) == 1000 && len == 8);
	clear_bit(130, map);          /* ... and one near */
	CHECK(ext2_bitmap_find(map, 8192, 100, 8, NULL, 0, &len) == 130 && len == 1);
}

TEST(counting)
{
	memset(map, 0, sizeof(map));
	CHECK(ext2_bitmap_free(map, 8192) == 8192 && ext2_bitmap_free(map, 100) == 100);
	bitmap_set(map, 3, 70);
	CHECK(ext2_bitmap_free(map, 8192) == 8122 && ext2_bitmap_free(map, 72) == 3);
}
