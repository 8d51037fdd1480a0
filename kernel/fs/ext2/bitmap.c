/* SPDX-License-Identifier: MIT
 *
 * Looking for room in a bitmap of blocks or inodes: as close behind a goal as can be, and in one piece if that is near.
 */
#include "kernel/fs/ext2/pure.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/string.h"

#define NEAR 64 /* bits behind the goal where a single free one is as good as a free byte further on */

/* => where the window that covers `bit` ends, or bit itself */
static u32 leave_windows(u32 bit, const struct ext2_avoid *avoid, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (bit >= avoid[i].from && bit < avoid[i].to) {
			bit = avoid[i].to;
			i = -1U; /* the next may lie in another one */
		}
	return bit;
}

static u32 next_free(const void *map, u32 size, u32 from, const struct ext2_avoid *avoid, unsigned n)
{
	while (from < size) {
		u32 bit = find_next_zero_bit(map, size, from);

		from = leave_windows(bit, avoid, n);
		if (from == bit)
			return bit;
	}
	return size;
}

static u32 run_length(const void *map, u32 size, u32 bit, u32 want, const struct ext2_avoid *avoid, unsigned n)
{
	u32 end = find_next_bit(map, min(size, want > size - bit ? size : bit + want), bit);

	for (unsigned i = 0; i < n; i++)
		if (avoid[i].from > bit && avoid[i].from < end)
			end = avoid[i].from;
	return end - bit;
}

/* => the first clear byte of the map from `from` on, as a bit; size: none */
static u32 free_byte(const void *map, u32 size, u32 from, const struct ext2_avoid *avoid, unsigned n)
{
	const u8 *p = map;

	for (u32 byte = (from + 7) / 8; byte < size / 8; byte++)
		if (!p[byte] && leave_windows(byte * 8, avoid, n) == byte * 8)
			return byte * 8;
	return size;
}

u32 ext2_bitmap_find(const void *map, u32 size, u32 goal, u32 want, const struct ext2_avoid *avoid, unsigned n, u32 *len)
{
	u32 bit, byte;

	if (goal >= size)
		goal = 0;
	bit = next_free(map, size, goal, avoid, n);
	if (bit >= size || bit > goal + NEAR) { /* nothing near: whoever starts anew starts where there is room */
		byte = free_byte(map, size, goal, avoid, n);
		if (byte < size)
			bit = byte;
	}
	if (bit >= size && goal) {
		bit = free_byte(map, goal, 0, avoid, n);
		if (bit >= goal)
			bit = next_free(map, goal, 0, avoid, n);
		if (bit >= goal)
			return size;
	}
	if (bit < size)
		*len = run_length(map, size, bit, want, avoid, n);
	return bit;
}

u32 ext2_bitmap_free(const void *map, u32 size)
{
	const u32 *p = map;
	u32 used = 0;

	for (u32 i = 0; i < size / 32; i++)
		used += hweight32(p[i]);
	for (u32 bit = size & ~31U; bit < size; bit++)
		used += test_bit(bit, map);
	return size - used;
}
