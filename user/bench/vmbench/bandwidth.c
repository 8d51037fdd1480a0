/* SPDX-License-Identifier: MIT
 *
 * 16 MB at once: memset and memcpy onto fresh memory (faults and all) and onto warm; mlock and munlock of pages that
 * are not there yet, and of pages that are.
 */
#include "bench.h"
#include <string.h>

#define SIZE (16 * MB)

static char *fresh(void) { return amap_aligned(SIZE, 4 * MB); }

static u64 set_fresh(u32 n)
{
	u64 sum = 0, t;

	while (n--) {
		char *p = fresh();

		if (!p)
			return FAIL;
		t = now();
		memset(p, 7, SIZE);
		sum += now() - t;
		munmap(p, SIZE);
	}
	return sum;
}

static u64 set_warm(u32 n)
{
	char *p = fresh();
	u64 t;

	if (!p)
		return FAIL;
	memset(p, 1, SIZE);
	t = now();
	while (n--) {
		memset(p, n, SIZE);
		__asm__ volatile("" ::: "memory");
	}
	t = now() - t;
	munmap(p, SIZE);
	return t;
}

static u64 copy_fresh(u32 n)
{
	char *from = fresh();
	u64 sum = 0, t;

	if (!from)
		return FAIL;
	memset(from, 3, SIZE);
	while (n--) {
		char *p = fresh();

		if (!p)
			return FAIL;
		t = now();
		memcpy(p, from, SIZE);
		sum += now() - t;
		munmap(p, SIZE);
	}
	munmap(from, SIZE);
	return sum;
}

static u64 lock_and_unlock(u32 n, bool touched)
{
	char *p = amap(SIZE);
	u64 sum = 0, t;

	if (!p)
		return FAIL;
	if (touched)
		touch_write(p, SIZE);
	while (n--) {
		t = now();
		if (mlock(p, SIZE) || munlock(p, SIZE)) {
			munmap(p, SIZE);
			return FAIL;
		}
		sum += now() - t;
		if (touched)
			continue;
		munmap(p, SIZE);
		p = amap(SIZE);
		if (!p)
			return FAIL;
	}
	munmap(p, SIZE);
	return sum;
}

static u64 lock_cold(u32 n) { return lock_and_unlock(n, false); }
static u64 lock_hot(u32 n) { return lock_and_unlock(n, true); }

const struct row bandwidth_rows[] = {
	{ "memset_16M_fresh", set_fresh, 1, 16 },
	{ "memset_16M_warm", set_warm, 1, 16 },
	{ "memcpy_16M_fresh", copy_fresh, 1, 16 },
	{ "mlock_munlock_16M_cold", lock_cold, 1, 64 },
	{ "mlock_munlock_16M_hot", lock_hot, 1, 64 },
	{ NULL, NULL, 0, 0 }
};
