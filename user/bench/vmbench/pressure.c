/* SPDX-License-Identifier: MIT
 *
 * -P: rmap_pressure_KIND_N. N children map the same memory (sh: shared and anonymous; cow: private, inherited by fork;
 * file: a file). Then a hog touches -P megabytes, so that the shared pages have to go, which takes finding all who map
 * them. The figure is the hog's time per page; afterwards each child checks every page (verify_per_page=).
 */
#include "bench.h"
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_CHILDREN 512       /* 64 would do; README.md tells what a shorter .bss does to the rows of fork */
#define CHUNK (4 * MB)
#define MOST_CHUNKS 1024u

enum kind { SHARED, COW, MAPPED, KINDS };
static const char *const kind_names[KINDS] = { "sh", "cow", "file" };

static char *region;            /* that all map */
static u32 region_pages;
static pid_t children[MOST_CHILDREN];

static u32 seed(u32 page) { return page ^ 0x5bd1e995; }

static char *map_region(enum kind kind, size_t len)
{
	if (kind != MAPPED)
		return map(len, RW, (kind == COW ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);
	if (make_scratch(65536) || ftruncate(scratch, len))
		return NULL;
	return map(len, RW, MAP_SHARED, scratch, 0);
}

/* Maps and touches the region, says so, waits, and looks at every page. */
static void __attribute__((noreturn)) child(int ready, int go)
{
	u32 bad = 0;
	char c;

	touch_read(region, region_pages * PAGE);
	if (write(ready, "r", 1) != 1 || read(go, &c, 1) != 1)
		_exit(3);
	for (u32 i = 0; i < region_pages; i++)
		bad += page_is_bad(region + i * PAGE, seed(i));
	_exit(bad ? 2 : 0);
}

/* => how many are there */
static u32 start_children(const char *name, u32 n, const int ready[2], const int go[2])
{
	char c;

	for (u32 k = 0; k < n; k++) {
		children[k] = fork();
		if (children[k] < 0) {
			say("%s - %s at=%u\n", name, error_name(errno), k);
			return k;
		}
		if (!children[k])
			child(ready[1], go[0]);
		if (read(ready[0], &c, 1) != 1)
			return k;
	}
	return n;
}

static void __attribute__((noreturn)) hog(u32 mb, int out)
{
	u32 n = mb / 4 < MOST_CHUNKS ? mb / 4 : MOST_CHUNKS;
	char *chunks[MOST_CHUNKS];
	u64 t;

	for (u32 i = 0; i < n; i++) {
		chunks[i] = amap(CHUNK);
		if (!chunks[i])
			_exit(1);
	}
	t = now();
	for (u32 i = 0; i < n; i++)
		touch_write(chunks[i], CHUNK);
	t = now() - t;
	_exit(write(out, &t, sizeof(t)) != sizeof(t));
}

/* => the hog's status, -1 where it gave no time; in *t its time */
static int run_hog(u32 mb, const int times[2], u64 *t)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		hog(mb, times[1]);
	*t = 0;
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (status)
		return status;
	return read(times[0], t, sizeof(*t)) == sizeof(*t) ? 0 : -1;
}

/* => the time until all have looked; in *bad how many found something wrong, or died */
static u64 verify(u32 n, int go, u32 *bad)
{
	u64 t = now();
	int status;

	for (u32 i = 0; i < n; i++)
		if (write(go, "g", 1) != 1)
			break;
	*bad = 0;
	for (u32 i = 0; i < n; i++) {
		waitpid(children[i], &status, 0);
		*bad += status != 0;
	}
	return now() - t;
}

static void press(const char *name, u32 n, u32 hog_mb, int pipes[3][2])
{
	u32 there = start_children(name, n, pipes[0], pipes[1]), bad;
	long out = proc_field("/proc/vmstat", "pswpout ");
	u64 hogged, verified;
	int status;

	status = run_hog(hog_mb, pipes[2], &hogged);
	out = proc_field("/proc/vmstat", "pswpout ") - out;
	verified = verify(there, pipes[1][1], &bad);
	say("%s %.1f %s hogMB=%u pswpout=%ld hogstatus=%d badchildren=%u verify_per_page=%.1f\n", name,
	    hogged / (hog_mb * 256.0), unit(), hog_mb, out, status, bad,
	    verified / ((double)region_pages * (there ? there : 1)));
}

static void once(enum kind kind, u32 n, u32 mb, u32 hog_mb)
{
	int pipes[3][2];        /* a child is ready; it may look; the hog's time */
	char name[64];

	snprintf(name, sizeof(name), "rmap_pressure_%s_%u", kind_names[kind], n);
	if (!wanted(name))
		return;
	region = map_region(kind, (size_t)mb * MB);
	region_pages = mb * 256;
	if (!region) {
		refused(name);
		return;
	}
	for (u32 i = 0; i < region_pages; i++)
		fill_page(region + i * PAGE, seed(i));
	if (pipe(pipes[0]) || pipe(pipes[1]) || pipe(pipes[2]))
		return;
	press(name, n, hog_mb, pipes);
	for (int i = 0; i < 3; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	munmap(region, (size_t)mb * MB);
	if (kind == MAPPED)
		ftruncate(scratch, 0);
}

void pressure(u32 shared_mb, u32 hog_mb)
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (u32 n = 1; n <= 64; n *= 4)
			once(kind, n, shared_mb, hog_mb);
}
