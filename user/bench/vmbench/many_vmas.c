/* SPDX-License-Identifier: MIT
 *
 * vma10k_*: ten thousand areas of one page on one file, all of its first page, then each of a page of its own: map,
 * touch, truncate the file (which has to find them all), unmap. Every other area is read-only, which keeps neighbours
 * from merging.
 */
#include "bench.h"
#include <unistd.h>

#define AREAS 10000u
#define MOST_REPS 3

enum { MAP, TOUCH, TRUNCATE, UNMAP, STEPS };
static const char *const names[2][STEPS] = {
	{ "vma10k_map_samepage", "vma10k_touch_samepage", "vma10k_trunc_samepage", "vma10k_unmap_samepage" },
	{ "vma10k_map_distinct", "vma10k_touch_distinct", "vma10k_trunc_distinct", "vma10k_unmap_distinct" }
};
static char *areas[AREAS];

static void unmap(u32 n)
{
	for (u32 i = 0; i < n; i++)
		munmap(areas[i], PAGE);
}

static u64 map_all(bool distinct)
{
	u64 t = now();

	for (u32 i = 0; i < AREAS; i++) {
		areas[i] = map(PAGE, i & 1 ? RW : PROT_READ, MAP_SHARED, scratch, distinct ? (off_t)i * PAGE : 0);
		if (!areas[i]) {
			say("vma10k_map - %s at=%u\n", error_name(errno), i);
			unmap(i);
			return FAIL;
		}
	}
	return now() - t;
}

static u64 touch_all(bool distinct)
{
	u32 want = 0, sum = 0;
	u64 t = now();

	for (u32 i = 0; i < AREAS; i++) {
		sum += *(volatile u32 *)areas[i];
		want += distinct ? i : 0;
	}
	t = now() - t;
	if (sum != want)
		say("vma10k_touch - CONTENT\n");
	return t;
}

static u64 truncate_file(void)
{
	u64 t = now();

	return ftruncate(scratch, 0) ? 0 : now() - t;
}

static u64 unmap_all(void)
{
	u64 t = now();

	unmap(AREAS);
	return now() - t;
}

/* => false where it failed, which has been said */
static bool once(bool distinct, int rep, u64 times[STEPS][MOST_REPS])
{
	if (make_scratch(distinct ? (AREAS + 16) * PAGE & ~65535u : 65536)) {
		refused("vma10k_map");
		return false;
	}
	times[MAP][rep] = map_all(distinct);
	if (times[MAP][rep] == FAIL)
		return false;
	times[TOUCH][rep] = touch_all(distinct);
	times[TRUNCATE][rep] = truncate_file();
	times[UNMAP][rep] = unmap_all();
	return true;
}

void many_vmas(void)
{
	int reps = opt.reps > MOST_REPS ? MOST_REPS : opt.reps;
	u64 times[STEPS][MOST_REPS];

	if (!wanted("vma10k_"))
		return;
	for (int distinct = 0; distinct < 2; distinct++) {
		for (int rep = 0; rep < reps; rep++)
			if (!once(distinct, rep, times))
				return;
		for (int step = 0; step < STEPS; step++)
			report(names[distinct][step], times[step], reps, AREAS, "n=%u", AREAS);
	}
}
