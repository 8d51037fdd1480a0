/* SPDX-License-Identifier: MIT
 *
 * Heap sort and binary search.
 */
#include "kernel/lib/sort.h"

static void swap_bytes(char *a, char *b, size_t n)
{
	for (; n >= 4; a += 4, b += 4, n -= 4)
		swap(*(u32 *)a, *(u32 *)b);
	for (; n; a++, b++, n--)
		swap(*a, *b);
}

/* Sink element i of a heap of n. */
static void sift(char *base, size_t i, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && cmp(base + child * size, base + (child + 1) * size) < 0)
			child++;
		if (cmp(base + i * size, base + child * size) >= 0)
			return;
		swap_bytes(base + i * size, base + child * size, size);
	}
}

void sort(void *base, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	for (size_t i = n / 2; i-- > 0;)
		sift(base, i, n, size, cmp);
	while (n > 1) {
		n--;
		swap_bytes(base, (char *)base + n * size, size);
		sift(base, 0, n, size, cmp);
	}
}

void *bsearch(const void *key, const void *base, size_t n, size_t size, int (*cmp)(const void *key, const void *elem))
{
	size_t low = 0;

	while (low < n) {
		size_t mid = low + (n - low) / 2;
		const char *elem = (const char *)base + mid * size;
		int c = cmp(key, elem);

		if (!c)
			return (void *)elem;
		if (c < 0)
			n = mid;
		else
			low = mid + 1;
	}
	return NULL;
}
