/* SPDX-License-Identifier: MIT
 *
 * Searching and counting in bitmaps.
 */
#include "kernel/lib/bitops.h"

unsigned hweight32(u32 x)
{
	x -= x >> 1 & 0x55555555u;
	x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
	x = (x + (x >> 4)) & 0x0f0f0f0fu;
	return x * 0x01010101u >> 24;
}

/* flip: ~0 looks for a clear bit. */
static __always_inline unsigned long find_next(const unsigned long *map, unsigned long size, unsigned long from, unsigned long flip)
{
	unsigned long word, i = from / BITS_PER_LONG;

	if (from >= size)
		return size;
	word = (map[i] ^ flip) & (~0UL << (from % BITS_PER_LONG));
	while (!word) {
		if (++i * BITS_PER_LONG >= size)
			return size;
		word = map[i] ^ flip;
	}
	return min(i * BITS_PER_LONG + __ffs(word), size);
}

unsigned long find_next_bit(const unsigned long *map, unsigned long size, unsigned long from) { return find_next(map, size, from, 0); }
unsigned long find_next_zero_bit(const unsigned long *map, unsigned long size, unsigned long from) { return find_next(map, size, from, ~0UL); }

void bitmap_set(unsigned long *map, unsigned long from, unsigned long n)
{
	while (n--)
		__set_bit(from++, map);
}

void bitmap_clear(unsigned long *map, unsigned long from, unsigned long n)
{
	while (n--)
		__clear_bit(from++, map);
}

unsigned long bitmap_weight(const unsigned long *map, unsigned long size)
{
	unsigned long i, n = 0;

	for (i = 0; i < size / BITS_PER_LONG; i++)
		n += hweight32(map[i]);
	if (size % BITS_PER_LONG)
		n += hweight32(map[i] & ((1UL << size % BITS_PER_LONG) - 1));
	return n;
}
