/* SPDX-License-Identifier: MIT
 *
 * Faults on anonymous memory: the first write and read, copy on write, and what it costs to unmap what they brought
 * in. A round is ROUND_PAGES pages of a fresh mapping; only the pages' own time counts, not that of mmap and munmap.
 */
#include "bench.h"
#include <unistd.h>

static u64 first_write(u32 n)
{
	u64 sum = 0, t;

	while (n--) {
		char *p = amap_aligned(ROUND, 4 * MB);

		if (!p)
			return FAIL;
		t = now();
		touch_write(p, ROUND);
		sum += now() - t;
		munmap(p, ROUND);
	}
	return sum;
}

static u64 first_read(u32 n)
{
	u64 sum = 0, t;

	while (n--) {
		char *p = amap(ROUND);

		if (!p)
			return FAIL;
		t = now();
		touch_read(p, ROUND);
		sum += now() - t;
		munmap(p, ROUND);
	}
	return sum;
}

static u64 populate(u32 n)
{
	u64 sum = 0;

	while (n--) {
		u64 t = now();
		char *p = map(ROUND, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		sum += now() - t;
		if (!p)
			return FAIL;
		munmap(p, ROUND);
	}
	return sum;
}

static u64 shared_write(u32 n)
{
	u64 sum = 0, t;

	while (n--) {
		char *p = map(ROUND, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (!p)
			return FAIL;
		t = now();
		touch_write(p, ROUND);
		sum += now() - t;
		munmap(p, ROUND);
	}
	return sum;
}

static u64 unmap_touched(u32 n)
{
	u64 sum = 0, t;

	while (n--) {
		char *p = amap(ROUND);

		if (!p)
			return FAIL;
		touch_write(p, ROUND);
		t = now();
		munmap(p, ROUND);
		sum += now() - t;
	}
	return sum;
}

/* --- copy on write: the child writes first (and copies), or the parent after the child has gone ------------------- */
static u64 timed_write(char *p)
{
	u64 t = now();

	touch_write(p, ROUND);
	return now() - t;
}

static void __attribute__((noreturn)) cow_child(char *p, bool reuse, int out)
{
	u64 t = reuse ? 0 : timed_write(p);

	_exit(write(out, &t, sizeof(t)) != sizeof(t));
}

static u64 cow_once(char *p, bool reuse)
{
	int fd[2], got;
	u64 t = 0;
	pid_t c;

	if (pipe(fd))
		return FAIL;
	c = fork();
	if (c < 0)
		return FAIL;
	if (!c)
		cow_child(p, reuse, fd[1]);
	got = read(fd[0], &t, sizeof(t));
	close(fd[0]);
	close(fd[1]);
	if (reap(c) || got != sizeof(t))
		return FAIL;
	return reuse ? timed_write(p) : t;
}

static u64 cow(u32 n, bool reuse)
{
	u64 sum = 0, t;

	while (n--) {
		char *p = amap(ROUND);

		if (!p)
			return FAIL;
		touch_write(p, ROUND);
		t = cow_once(p, reuse);
		if (t == FAIL)
			return FAIL;
		sum += t;
		munmap(p, ROUND);
	}
	return sum;
}

static u64 cow_copy(u32 n) { return cow(n, false); }
static u64 cow_reuse(u32 n) { return cow(n, true); }

const struct row fault_rows[] = {
	{ "anon_fault_write", first_write, ROUND_PAGES, 256 },
	{ "anon_fault_read", first_read, ROUND_PAGES, 256 },
	{ "anon_populate", populate, ROUND_PAGES, 256 },
	{ "shanon_fault_write", shared_write, ROUND_PAGES, 256 },
	{ "unmap_touched", unmap_touched, ROUND_PAGES, 256 },
	{ "cow_fault", cow_copy, ROUND_PAGES, 64 },
	{ "cow_reuse_fault", cow_reuse, ROUND_PAGES, 64 },
	{ NULL, NULL, 0, 0 }
};
