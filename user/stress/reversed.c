/* SPDX-License-Identifier: MIT
 * help: one-page areas over a file in reversed order, in many processes (the shape of test-mmap3)
 *
 * A file of --pages pages in shared memory; a window of nine tenths of it is mapped in one piece, then each page again at its place but from
 * the other end of the file: as many areas as pages, none of which can be merged; each is touched. --forks times everybody forks. This is
 * Ingo Molnar's test-mmap3.c (2003), which showed what searching a list of areas costs: unmapping one page looks at every area of every
 * process. Each process verifies what it sees; --pressure then fills memory so that the pages have to go.
 *
 * Last line: reversed result=ok|bad pages= processes= areas= verified= errors= seconds= seed=
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pattern.h"

static u64 pages = 20000, forks = 5, pressure, seed = 1;
struct shared { volatile u32 processes, verified, errors, areas; };
static struct shared *shared;

static u32 *map_reversed(int fd, u32 window)
{
	char *base = mmap(NULL, (size_t)window * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		return NULL;
	for (u32 i = 0; i < window; i++) {
		char *at = base + (size_t)i * PAGE;

		if (mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)(window - 1 - i) * PAGE) != at)
			return NULL;
		fill_page((u32 *)at, page_key(seed, 0, window - 1 - i, 0));
	}
	return (u32 *)base;
}

static void verify(u32 *base, u32 window)
{
	for (u32 i = 0; i < window; i++)
		if (bad_words(base + (size_t)i * WORDS, page_key(seed, 0, window - 1 - i, 0)) && __sync_fetch_and_add(&shared->errors, 1) < 5)
			fprintf(stderr, "reversed: page %u is wrong\n", window - 1 - i);
	__sync_fetch_and_add(&shared->verified, window);
}

static void fill_memory(void)
{
	size_t n = (size_t)(proc_field("/proc/meminfo", "MemAvailable:") * 1024);
	volatile char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; p != MAP_FAILED && i < n; i += PAGE) {
		p[i] = 1;
		progress("reversed: pressure, %u of %u MB", (u32)(i >> 20), (u32)(n >> 20));
	}
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "pages", 'n', &pages, "of the file (20000, or an eighth of what is free)" },
		{ "forks", 'n', &forks, "doublings: 5 make 32 processes (5)" },
		{ "pressure", 'b', &pressure, "fill memory afterwards: needs swap" },
		{ "seed", 'n', &seed, "of the patterns (1)" },
		{ NULL, 0, NULL, NULL }
	};
	double start = seconds();
	u32 window, failed = 0;
	u64 most;
	u32 *base;
	int status, fd, gate[2];
	bool root = true;
	char c;

	parse_options(argc, argv, "usage: reversed [--pages N] [--forks N] [--pressure] [--seed N]", defs);
	most = memory_bound() / 8 / PAGE;
	most = most > 100 ? most : 100;
	pages = pages < most ? pages : most;
	window = pages / 10 * 9;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = memfd_create("reversed", 0);
	if (shared == MAP_FAILED || fd < 0 || pipe(gate) || ftruncate(fd, (off_t)pages * PAGE))
		die("reversed");
	base = map_reversed(fd, window);
	if (!base)
		die("reversed: mmap (vm.max_map_count?)");
	shared->processes = 1;
	for (u64 n = 0; n < forks; n++) {
		pid_t pid = fork();

		if (!pid) {
			root = false;
			failed = 0;
			__sync_fetch_and_add(&shared->processes, 1);
		} else if (pid < 0) {
			failed++;
		}
	}
	verify(base, window);
	if (!root) { /* waits until the root has done what it has to do, then looks again */
		close(gate[1]);
		while (read(gate[0], &c, 1) > 0)
			;
		verify(base, window);
	} else {
		if (pressure)
			fill_memory();
		close(gate[1]);
		verify(base, window);
	}
	while (wait(&status) > 0)
		failed += status != 0;
	if (!root)
		_exit(failed != 0);
	progress_done();
	printf("reversed result=%s pages=%u processes=%u areas=%u verified=%u errors=%u seconds=%.1f seed=%u\n", shared->errors || failed ? "bad" : "ok",
	       (u32)pages, shared->processes, shared->processes * window, shared->verified, shared->errors, seconds() - start, (u32)seed);
	return shared->errors || failed;
}
