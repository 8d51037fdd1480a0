/* SPDX-License-Identifier: MIT
 * help: thousands of areas over one file, touched by many tasks (the shape of rmap-test)
 *
 * --tasks processes each map --vmas shared areas of --pages pages over one file, with a page of nothing between them so that they stay
 * areas, and write to them --iterations times, in turn or at random. What searches over a file's areas cost shows when memory is short
 * (--busy holds half of it) and pages have to be unmapped. The short forms are those of Andrew Morton's rmap-test (2003):
 *
 *	-h half of memory busy   -l in turn   -r at random   -iN iterations   -nN areas a task   -sN pages an area   -tN tasks
 *	-VN areas to go through  -v, -vv (nothing)   and the file
 *
 * Each of the first 64 tasks owns a word of each page and verifies there what it wrote before; those beyond only read. At the end all of
 * the file is verified through read(2).
 *
 * Last line: mapmany result=ok|bad tasks= vmas= pages= iterations= mb= touched= errors= seconds= seed=
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "pattern.h"

#define OWNERS 64u
static u64 vmas = 10000, pages = 7, tasks = 1, iterations = 2, process, random_order, busy, seed = 1;
static const char *file;
struct shared { volatile u32 touched, errors; };
static struct shared *shared;
static int fd;

static u32 word_of(u32 task) { return task % OWNERS * 16; }
static u32 value(u32 task, u32 page, u32 round) { return page_key(seed, task, page, round); }

static u32 **map_all(void)
{
	size_t each = pages * PAGE, step = each + PAGE;
	char *base = mmap(NULL, vmas * step, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	u32 **area = malloc(vmas * sizeof(*area));

	if (base == MAP_FAILED || !area)
		return NULL;
	munmap(base, vmas * step);
	for (u64 n = 0; n < vmas; n++) {
		area[n] = mmap(base + n * step, each, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)n * each);
		if (area[n] == MAP_FAILED)
			return NULL;
	}
	return area;
}

static u32 *last; /* by area: the round in which this task was there last, plus one */

static void touch_area(u32 *area, u32 n, u32 task, u32 round)
{
	for (u32 p = 0; p < pages; p++) {
		u32 *w = area + p * WORDS + word_of(task), page = n * pages + p;

		if (task >= OWNERS) { /* no word of its own: it reads */
			(void)*(volatile u32 *)w;
			continue;
		}
		if (last[n] && *w != value(task, page, last[n] - 1) && __sync_fetch_and_add(&shared->errors, 1) < 5)
			fprintf(stderr, "mapmany: task %u, page %u: %08x instead of %08x\n", task, page, *w, value(task, page, last[n] - 1));
		*w = value(task, page, round);
	}
	last[n] = round + 1;
	__sync_fetch_and_add(&shared->touched, pages);
}

static int work(u32 task)
{
	u32 **area = map_all();
	struct shuffle order;

	last = calloc(vmas, sizeof(*last));
	if (!area || !last)
		die("mapmany: mmap (vm.max_map_count?)");
	for (u32 round = 0; round < iterations; round++) {
		shuffle_init(&order, vmas, page_key(seed, task, round, 1));
		for (u32 i = 0; i < (round ? process : vmas); i++) { /* the first round writes all: there is something to verify */
			u32 n = random_order && round ? shuffle_next(&order) : i;

			touch_area(area[n], n, task, round);
		}
	}
	return 0;
}

/* Random rounds may leave areas out: what was written last is then of an earlier round. */
static bool any_round(u32 got, u32 task, u32 page)
{
	for (u32 round = 0; round < iterations; round++)
		if (got == value(task, page, round))
			return true;
	return false;
}

static void verify_file(void)
{
	static u32 buf[WORDS];

	for (u32 page = 0; page < vmas * pages; page++) {
		if (pread(fd, buf, PAGE, (off_t)page * PAGE) != PAGE)
			die("mapmany: reading the file");
		for (u32 task = 0; task < tasks && task < OWNERS; task++)
			if (!any_round(buf[word_of(task)], task, page))
				shared->errors++;
		progress("mapmany: verified %u MB", page / 256);
	}
}

/* -n100 as --vmas 100 */
static bool old_option(const char *a)
{
	u64 *number = a[1] == 'i' ? &iterations : a[1] == 'n' ? &vmas : a[1] == 's' ? &pages : a[1] == 't' ? &tasks : a[1] == 'V' ? &process : NULL;

	switch (a[1]) {
	case 'h': busy = 1; return true;
	case 'l': random_order = 0; return true;
	case 'r': random_order = 1; return true;
	case 'v': return true; /* there is a progress line */
	}
	if (number && a[2])
		*number = strtoull(a + 2, NULL, 0);
	return number && a[2];
}

static void hold_half(void)
{
	size_t n = (size_t)(proc_field("/proc/meminfo", "MemTotal:") * 1024 / 2);
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; p != MAP_FAILED && i < n; i += PAGE)
		p[i] = 1;
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "vmas", 'n', &vmas, "areas of each task (10000)" },
		{ "pages", 'n', &pages, "of each area (7)" },
		{ "tasks", 'n', &tasks, "processes (1)" },
		{ "iterations", 'n', &iterations, "rounds (2)" },
		{ "process", 'n', &process, "areas to go through after the first round (all)" },
		{ "random", 'b', &random_order, "in no order (after the first round)" },
		{ "busy", 'b', &busy, "half of memory is held meanwhile" },
		{ "seed", 'n', &seed, "of patterns and order (1)" },
		{ NULL, 0, NULL, NULL }
	};
	char name[] = "/tmp/mapmany.XXXXXX", *rest[32];
	double start;
	int n = 1;
	u32 bad;

	rest[0] = argv[0];
	for (int i = 1; i < argc && n < 31; i++) {
		if (argv[i][0] == '-' && argv[i][1] != '-' && old_option(argv[i]))
			continue;
		if (argv[i][0] != '-' && (n == 1 || rest[n - 1][0] != '-')) {
			file = argv[i];
			continue;
		}
		rest[n++] = argv[i];
		if (i + 1 < argc && argv[i][0] == '-' && strcmp(argv[i], "--help") && strcmp(argv[i], "--random") && strcmp(argv[i], "--busy"))
			rest[n++] = argv[++i];
	}
	parse_options(n, rest, "usage: mapmany [--vmas N] [--pages N] [--tasks N] [--iterations N] [--process N] [--random] [--busy] [--seed N] [FILE]\n"
		      "       mapmany [-h] [-l] [-r] [-iN] [-nN] [-sN] [-tN] [-VN] [-v] [FILE]", defs);
	if (!process || process > vmas)
		process = vmas;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = file ? open(file, O_RDWR | O_CREAT, 0600) : mkstemp(name);
	if (fd < 0 || shared == MAP_FAILED || ftruncate(fd, (off_t)vmas * pages * PAGE))
		die("mapmany: the file");
	if (!file)
		unlink(name);
	if (busy)
		hold_half();
	start = seconds();
	for (u32 t = 0; t < tasks; t++) {
		pid_t pid = fork();

		if (pid < 0)
			die("mapmany: fork");
		if (!pid)
			_exit(work(t));
	}
	bad = reap_all("mapmany");
	verify_file();
	progress_done();
	bad += shared->errors;
	printf("mapmany result=%s tasks=%u vmas=%u pages=%u iterations=%u mb=%u touched=%u errors=%u seconds=%.1f seed=%u\n", bad ? "bad" : "ok",
	       (u32)tasks, (u32)vmas, (u32)pages, (u32)iterations, (u32)(vmas * pages / 256), shared->touched, shared->errors, seconds() - start, (u32)seed);
	return bad != 0;
}
