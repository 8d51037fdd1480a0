/* SPDX-License-Identifier: MIT
 * help: what reclaim of other memory costs while many nonlinear areas exist
 *
 * Nonlinear areas are locked so that reclaim never meets them; here is the price of their existence to everybody else. First --areas areas of
 * --pages pages each are made; then anonymous memory, --times the rest, is written from end to end, --rounds times, so that all of it passes through
 * swap. How the areas are made:
 *
 *	--how none        no areas: one piece of locked memory, as large as they would be together
 *	--how linear      MAP_SHARED areas, locked, linear: in the reverse map
 *	--how nonlinear   the same areas after remap_file_pages
 *
 * Needs swap, and root. Time is what the CPUs were busy (/proc/stat), so that waiting for the disk does not count; under `tools/run --icount` it is
 * instructions.
 * Last line: beside result=ok how= areas= reclaimed= scanned= busy_ms= us_a_page=
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "pattern.h"

static u64 areas = 1000, pages = 8, size = 300 << 20, rounds = 2;

static u64 busy_ms(void)
{
	unsigned long long t[8] = { 0 };
	FILE *f = fopen("/proc/stat", "r");

	if (!f || fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", t, t + 1, t + 2, t + 3, t + 4, t + 5, t + 6, t + 7) < 7)
		die("beside: /proc/stat");
	fclose(f);
	return (t[0] + t[1] + t[2] + t[5] + t[6]) * 10;
}

static u64 events(const char *a, const char *b) { return (u64)(proc_field("/proc/vmstat", a) + proc_field("/proc/vmstat", b)); }

static void make_areas(const char *how)
{
	size_t len = pages * PAGE;
	int fd = memfd_create("beside", 0);

	if (!strcmp(how, "none")) {
		void *p = mmap(NULL, areas * len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);

		if (p == MAP_FAILED)
			die("beside: locked memory");
		return;
	}
	if (fd < 0 || ftruncate(fd, (off_t)(areas * len)))
		die("beside: memfd");
	for (u64 n = 0; n < areas; n++) { /* every second one between others, so that none merge */
		char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)((n * 7919 % areas) * len));

		if (p == MAP_FAILED)
			die("beside: mmap");
		if (!strcmp(how, "linear") ? mlock(p, len) : remap_file_pages(p, len, 0, n * pages, 0))
			die("beside: locking an area");
	}
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "areas", 'n', &areas, "how many (1000)" },
		{ "pages", 'n', &pages, "of each (8)" },
		{ "size", 's', &size, "of the memory that is written (300M)" },
		{ "rounds", 'n', &rounds, "how often (2)" },
		{ NULL, 0, NULL, NULL }
	};
	u64 busy, stolen, scanned;
	const char *how = "none";
	char *p;

	if (argc > 2 && !strcmp(argv[1], "--how")) {
		how = argv[2];
		argv[2] = argv[0];
		argv += 2, argc -= 2;
	}
	parse_options(argc, argv, "usage: beside [--how none|linear|nonlinear] [--areas N] [--pages N] [--size SIZE] [--rounds N]", defs);
	if (strcmp(how, "none") && strcmp(how, "linear") && strcmp(how, "nonlinear")) {
		fprintf(stderr, "beside: --how none, linear or nonlinear\n");
		return 2;
	}
	make_areas(how);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("beside: mmap");
	busy = busy_ms();
	stolen = events("pgsteal_kswapd", "pgsteal_direct");
	scanned = events("pgscan_kswapd", "pgscan_direct");
	for (u64 r = 0; r < rounds; r++)
		for (u64 at = 0; at < size; at += PAGE)
			*(volatile u32 *)(p + at) = (u32)(at + r);
	busy = busy_ms() - busy;
	stolen = events("pgsteal_kswapd", "pgsteal_direct") - stolen;
	scanned = events("pgscan_kswapd", "pgscan_direct") - scanned;
	printf("beside result=%s how=%s areas=%u reclaimed=%u scanned=%u busy_ms=%u us_a_page=%.2f\n", stolen ? "ok" : "nothing", how, (u32)areas, (u32)stolen,
	       (u32)scanned, (u32)busy, stolen ? busy * 1000.0 / stolen : 0);
	return !stolen;
}
