/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=20
 *
 * Families whose pages go to swap and come back: entries that fork copies, entries that mremap carries to another
 * address before anybody reads them, relatives that come for the same page in either order, pages that are mapped again
 * while the last one lets go. Without a swap area it tests the same with pages that stay.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "rmapstat.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define P 4096UL
#define PAGES 24
#define RW (PROT_READ | PROT_WRITE)
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static unsigned *map(void) { return mmap(NULL, PAGES * P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static unsigned *word(unsigned *p, unsigned page) { return p + page * P / 4; }
static void out(unsigned *p) { madvise(p, PAGES * P, MADV_PAGEOUT); }

static void fill(unsigned *p, unsigned value)
{
	for (unsigned i = 0; i < PAGES; i++)
		*word(p, i) = value + i;
}
static bool intact(unsigned *p, unsigned value)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (*word(p, i) != value + i)
			return false;
	return true;
}
static int wait_for(pid_t pid)
{
	int status = -1;

	return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}
static unsigned *elsewhere(unsigned *p)
{
	unsigned *q = mmap(NULL, PAGES * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mremap(p, PAGES * P, PAGES * P, MREMAP_MAYMOVE | MREMAP_FIXED, q);
}

/* The child has the entries at another address. Who reads first? */
static void moved_entries(bool child_first)
{
	unsigned *p = map(), *q;
	int turn[2];
	pid_t pid;
	char c;

	fill(p, 100);
	out(p);
	if (pipe(turn))
		bail("pipe");
	pid = fork();
	if (!pid) {
		q = elsewhere(p);
		if (!child_first)
			read(turn[0], &c, 1);
		if (q == MAP_FAILED || !intact(q, 100) || rmap_walk(q, PAGES * P))
			_exit(1);
		if (child_first)
			write(turn[1], "", 1);
		fill(q, 500);
		out(q);
		_exit(!intact(q, 500) || rmap_walk(q, PAGES * P) ? 2 : 0);
	}
	if (child_first)
		read(turn[0], &c, 1);
	ok(intact(p, 100) && !rmap_walk(p, PAGES * P), "the parent reads its pages, %s", child_first ? "second" : "first");
	if (!child_first)
		write(turn[1], "", 1);
	is(wait_for(pid), 0, "the child, which has moved the entries, reads and writes its own");
	rmap_oracle();
	ok(intact(p, 100), "the parent's are as they were");
	close(turn[0]);
	close(turn[1]);
	munmap(p, PAGES * P);
}

/* Pages in memory, shared with the parent, out, moved, in, out again: each generation does it once more. */
static int generation(unsigned *p, unsigned depth)
{
	unsigned *q;
	pid_t pid;

	out(p);
	if (!intact(p, 7) || rmap_walk(p, PAGES * P))
		return 1;
	if (!depth)
		return 0;
	pid = fork();
	if (!pid) {
		if (depth % 2)
			*word(p, depth) = 7 + depth;
		q = depth % 3 ? elsewhere(p) : p;
		_exit(q == MAP_FAILED ? 2 : generation(q, depth - 1));
	}
	out(p);
	return wait_for(pid) || !intact(p, 7) || rmap_walk(p, PAGES * P) ? 3 : 0;
}

/* Several processes read and drop the same entries at once: last unmapping against swap-in. What went wrong is the exit status. */
enum { BYTES = 1, CHILD = 2, NO_CHILD = 4, WALK = 8 };

static int check(unsigned *p, unsigned value, const char *who, unsigned round)
{
	for (unsigned i = 0; i < PAGES; i++) {
		unsigned found = *word(p, i), again;

		if (found == value + i)
			continue;
		again = *(volatile unsigned *)word(p, i);
		printf("# %s, round %u, page %u: %#x instead of %#x, then %#x\n", who, round, i, found, value + i, again);
		fflush(stdout);
		return BYTES;
	}
	return 0;
}

static int one_more(unsigned *p, unsigned round)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(check(p, 900, "child", round));
	if (pid < 0)
		return NO_CHILD;
	status = wait_for(pid);
	if (status)
		printf("# round %u: a child ended with status %#x\n", round, status);
	fflush(stdout);
	return status ? CHILD : 0;
}

static int family(unsigned *p, unsigned n)
{
	int bad = 0;

	for (unsigned round = 0; round < 25; round++) {
		bad |= check(p, 900, "family", round);
		if (round % 4 == n)
			out(p);
		bad |= one_more(p, round);
		bad |= rmap_walk(p, PAGES * P) ? WALK : 0;
	}
	return bad;
}

static void crowd(void)
{
	unsigned *p = map();
	pid_t pids[4];
	int bad = 0;

	fill(p, 900);
	out(p);
	fflush(stdout);
	for (unsigned n = 0; n < 4; n++) {
		pids[n] = fork();
		if (!pids[n])
			_exit(family(p, n));
	}
	for (unsigned n = 0; n < 4; n++) {
		int status = wait_for(pids[n]);

		if (status)
			printf("# family %u: status %#x\n", n, status);
		bad += status != 0;
	}
	is(bad, 0, "four families read, drop and fork the same entries at once");
	rmap_oracle();
	ok(intact(p, 900), "every word as it was");
	munmap(p, PAGES * P);
}

int main(int argc, char **argv)
{
	unsigned *p = map();

	for (int n = argc > 1 ? atoi(argv[1]) : 0; n--;) /* by hand: `rmap_swap 200` */
		crowd();
	moved_entries(false);
	moved_entries(true);
	fill(p, 7);
	is(generation(p, 6), 0, "six generations, each out and in, every other one at a new address");
	rmap_oracle();
	ok(intact(p, 7), "the eldest's words are as they were");
	crowd();
	return done();
}
