/* SPDX-License-Identifier: MIT
 *
 * rfp_*: the pages of one mapping rearranged at random by remap_file_pages, looked at, unmapped. vmas= is how many
 * areas the process has then: one and the rest of the program's on a kernel that keeps such a mapping whole, one more
 * for each page where it is emulated.
 */
#include "bench.h"
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGES 1024u
#define MOST_REPS 3

enum { CALL, TOUCH, UNMAP, STEPS };
static const char *const names[STEPS] = { "rfp_call", "rfp_touch", "rfp_unmap" };
static u32 shown[PAGES];        /* by each page of the mapping: a page of the file */

static void shuffle(void)
{
	for (u32 i = 0; i < PAGES; i++)
		shown[i] = i;
	for (u32 i = PAGES - 1; i; i--) {
		u32 j = rnd() % (i + 1), was = shown[i];

		shown[i] = shown[j];
		shown[j] = was;
	}
}

static u64 rearrange(char *p)
{
	u64 t = now();

	for (u32 i = 0; i < PAGES; i++)
		if (syscall(SYS_remap_file_pages, p + i * PAGE, PAGE, 0, shown[i], 0)) {
			say("rfp_call - %s at=%u\n", error_name(errno), i);
			return FAIL;
		}
	return now() - t;
}

static u64 look(const char *p)
{
	u64 t = now();
	u32 bad = 0;

	for (u32 i = 0; i < PAGES; i++)
		bad += *(volatile const u32 *)(p + i * PAGE) != shown[i];
	t = now() - t;
	if (bad)
		say("rfp_touch - CONTENT bad=%u\n", bad);
	return t;
}

static int count_areas(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int c, n = 0;

	if (!f)
		return 0;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

/* => areas, or -1 where it failed, which has been said */
static int once(int rep, u64 times[STEPS][MOST_REPS])
{
	char *p;
	int n;
	u64 t;

	shuffle();
	p = map(PAGES * PAGE, RW, MAP_SHARED, scratch, 0);
	if (!p) {
		refused("rfp_call");
		return -1;
	}
	times[CALL][rep] = rearrange(p);
	if (times[CALL][rep] == FAIL) {
		munmap(p, PAGES * PAGE);
		return -1;
	}
	n = count_areas();
	times[TOUCH][rep] = look(p);
	t = now();
	munmap(p, PAGES * PAGE);
	times[UNMAP][rep] = now() - t;
	return n;
}

void nonlinear(void)
{
	int reps = opt.reps > MOST_REPS ? MOST_REPS : opt.reps, areas = 0;
	u64 times[STEPS][MOST_REPS];

	if (!wanted("rfp_"))
		return;
	if (make_scratch(PAGES * PAGE)) {
		refused("rfp_call");
		return;
	}
	for (int rep = 0; rep < reps; rep++) {
		areas = once(rep, times);
		if (areas < 0)
			return;
	}
	for (int step = 0; step < STEPS; step++)
		report(names[step], times[step], reps, PAGES, "n=%d vmas=%d", PAGES, areas);
}
