/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=30
 *
 * Who maps this page, in families: trees in which each level copies some pages, parents that leave before their
 * children, areas that are split, moved and merged, lineages without end, exits at the same moment. After each step
 * every page's relatives must be found (on a debug build by the oracle too), and every word be what it was.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "rmapstat.h"
#include <pthread.h>
#include <sys/mman.h>

#define P 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define PAGES 48

static unsigned *map(unsigned pages) { return mmap(NULL, pages * P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static unsigned *word(unsigned *p, unsigned page) { return p + page * P / 4; }

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

/* --- trees ------------------------------------------------------------------------------------------------------------- */
/* Copies every (depth + 2)th page, looks for everybody's relatives, has two children. => 0 */
static int level(unsigned *p, unsigned depth)
{
	for (unsigned i = depth; i < PAGES; i += depth + 2)
		*word(p, i) = i + 1000;
	if (rmap_walk(p, PAGES * P))
		return 1;
	for (unsigned n = 0; depth && n < 2; n++) {
		pid_t pid = fork();

		if (!pid)
			_exit(level(p, depth - 1));
		if (rmap_walk(p, PAGES * P) || wait_for(pid))
			return 2;
	}
	if (!depth)
		rmap_oracle();
	return rmap_walk(p, PAGES * P) ? 3 : 0;
}

static void trees(void)
{
	unsigned *p = map(PAGES);

	fill(p, 1000);
	is(level(p, 3), 0, "a tree of processes, each level with copies of its own: all relatives found");
	ok(intact(p, 1000), "and every word as it was");
	munmap(p, PAGES * P);
}

/* The middle one leaves; the youngest has pages of three generations. */
static void orphans(void)
{
	unsigned *p = map(PAGES);
	int out[2], left = -1;
	pid_t pid;

	fill(p, 0);
	if (pipe(out))
		bail("pipe");
	pid = fork();
	if (!pid) {
		for (unsigned i = 0; i < PAGES / 2; i++)
			*word(p, i) = i;
		if (!fork()) {
			char status;

			while (getppid() != 1 && getppid() != getpgrp()) /* it leaves its memory before its children */
				usleep(1000);
			rmap_oracle();
			for (unsigned i = 0; i < PAGES; i += 3)
				*word(p, i) = i;
			status = rmap_walk(p, PAGES * P) ? 1 : intact(p, 0) ? 0 : 2;
			write(out[1], &status, 1);
			_exit(0);
		}
		_exit(0);
	}
	wait_for(pid);
	read(out[0], &left, 1);
	is(left & 0xff, 0, "its parent gone, a process finds the relatives of pages of three generations");
	is(rmap_walk(p, PAGES * P), 0, "so does the eldest");
	close(out[0]);
	close(out[1]);
	munmap(p, PAGES * P);
}

/* --- areas ------------------------------------------------------------------------------------------------------------ */
static int cut_and_move(unsigned *p)
{
	unsigned *q;

	if (mprotect(word(p, 8), 8 * P, PROT_READ) || rmap_walk(p, PAGES * P))
		return 1;
	*word(p, 20) = 20;
	if (mprotect(word(p, 8), 8 * P, RW) || rmap_walk(p, PAGES * P))
		return 2;
	q = mremap(word(p, 16), 16 * P, 16 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	if (q == MAP_FAILED || rmap_walk(q, 16 * P) || rmap_walk(p, PAGES * P))
		return 3;
	for (unsigned i = 0; i < 16; i++)
		if (*word(q, i) != i + 16)
			return 4;
	rmap_oracle();
	if (mremap(q, 16 * P, 16 * P, MREMAP_MAYMOVE | MREMAP_FIXED, word(p, 16)) == MAP_FAILED)
		return 5;
	if (munmap(word(p, 40), 2 * P) || rmap_walk(p, PAGES * P) || rmap_walk(word(p, 16), 16 * P))
		return 6;
	for (unsigned i = 0; i < 40; i++)
		if (*word(p, i) != i)
			return 7;
	return 0;
}

static void areas(void)
{
	unsigned *p = map(PAGES);
	pid_t pid;

	fill(p, 0);
	pid = fork();
	if (!pid) {
		pid_t below = fork();

		if (!below)
			_exit(cut_and_move(p));
		_exit(wait_for(below) ? 1 : cut_and_move(p));
	}
	is(wait_for(pid), 0, "child and grandchild split, protect, move and cut what they share");
	ok(intact(p, 0), "nothing of it reaches the parent");
	is(cut_and_move(p), 0, "the parent too");
	munmap(p, PAGES * P);
}

/* mprotect makes one area of two, of which only one had pages; and a hole is filled between two that had. */
static void neighbours(void)
{
	unsigned *p = map(6), *q;

	mprotect(word(p, 1), P, PROT_READ);
	*p = 1;
	*word(p, 2) = 3;
	mprotect(word(p, 1), P, RW);
	*word(p, 1) = 2;
	is(rmap_walk(p, 6 * P), 0, "mprotect joins areas with pages and one without");
	mprotect(p, P, PROT_READ);
	munmap(word(p, 3), P);
	*word(p, 4) = 5;
	q = mmap(word(p, 3), P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	*q = 4;
	is(rmap_walk(p, 6 * P), 0, "a hole between two areas is filled");
	rmap_oracle();
	ok(p[0] == 1 && *word(p, 1) == 2 && *word(p, 2) == 3 && *q == 4 && *word(p, 4) == 5, "the words are right");
	munmap(p, 6 * P);
}

/* --- time ----------------------------------------------------------------------------------------------------------------- */
/* A child's first page at the same moment by several threads; the area is fresh each time. */
static pthread_barrier_t together;
static unsigned *fresh;

static void *touch(void *n)
{
	for (unsigned round = 0; round < 60; round++) {
		pthread_barrier_wait(&together);
		*word(fresh, (unsigned)(unsigned long)n) = round;
		pthread_barrier_wait(&together);
	}
	return NULL;
}

static void first_pages(void)
{
	pthread_t t[3];
	int bad = 0;

	pthread_barrier_init(&together, NULL, 4);
	for (unsigned long n = 0; n < 3; n++)
		if (pthread_create(&t[n], NULL, touch, (void *)n))
			bail("pthread_create");
	for (unsigned round = 0; round < 60; round++) {
		fresh = map(3);
		pthread_barrier_wait(&together);
		pthread_barrier_wait(&together);
		bad += rmap_walk(fresh, 3 * P) || *fresh != round || *word(fresh, 2) != round;
		munmap(fresh, 3 * P);
	}
	for (unsigned n = 0; n < 3; n++)
		pthread_join(t[n], NULL);
	is(bad, 0, "three threads write to a new area at once, 60 times");
}

/* The first anonmm freed a family twice when its last two left together; anon_vmas count as well. */
static void exits(void)
{
	unsigned *p = map(PAGES);
	int bad = 0, go[2];

	fill(p, 0);
	for (unsigned round = 0; round < 40; round++) {
		pid_t pid;
		char c;

		if (pipe(go))
			bail("pipe");
		pid = fork(); /* the eldest of each round leaves with the others */
		for (unsigned n = 0; !pid && n < 4; n++)
			if (!fork())
				break;
		if (!pid) {
			*word(p, getpid() % PAGES) = 0;
			close(go[1]);
			_exit(read(go[0], &c, 1));
		}
		close(go[0]);
		close(go[1]);
		bad += wait_for(pid) != 0;
	}
	is(bad, 0, "families that leave at the same moment, 40 times");
	rmap_oracle();
	is(rmap_walk(p, PAGES * P), 0, "who stays finds himself");
	munmap(p, PAGES * P);
}

static long objects(const char *slab)
{
	char line[256], name[64];
	long n = 0, active;
	FILE *f = access("/proc/rmap", F_OK) ? NULL : fopen("/proc/slabinfo", "r"); /* on Linux others make and free them */

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", name, &active) == 2 && !strcmp(name, slab))
			n = active;
	if (f)
		fclose(f);
	return n;
}

static bool grows(const long slabs[3], long grown[3])
{
	grown[0] = objects("anon_vma") - slabs[0];
	grown[1] = objects("anon_vma_chain") - slabs[1];
	grown[2] = objects("anonmm") - slabs[2];
	return grown[0] >= 150 || grown[1] >= 400 || grown[2] >= 150;
}

/* Each generation writes its page, forks, and leaves: what is kept must not grow with the generations. */
static void lineage(void)
{
	long slabs[3] = { objects("anon_vma"), objects("anon_vma_chain"), objects("anonmm") }, grown[3] = { 0 };
	unsigned *p = map(PAGES);
	int out[2];
	pid_t pid;

	fill(p, 0);
	if (pipe(out))
		bail("pipe");
	pid = fork();
	if (!pid) {
		for (unsigned i = 0; i < 300; i++) {
			*word(p, i % PAGES) = i % PAGES;
			if (fork())
				_exit(0);
		}
		(void)eventually(!grows(slabs, grown)); /* some of the generations are leaving still */
		rmap_oracle();
		if (rmap_walk(p, PAGES * P) || !intact(p, 0))
			grown[0] = -1000000;
		write(out[1], grown, sizeof(grown));
		_exit(0);
	}
	wait_for(pid);
	if (read(out[0], grown, sizeof(grown)) != sizeof(grown))
		bail("the last of the line is silent");
	ok(grown[0] != -1000000, "after 300 generations that each left one page, all of them are found");
	printf("# objects more: anon_vma %ld, anon_vma_chain %ld, anonmm %ld\n", grown[0], grown[1], grown[2]);
	ok(grown[0] < 150 && grown[1] < 400 && grown[2] < 150, "what the reverse map keeps has not grown with them");
	close(out[0]);
	close(out[1]);
	munmap(p, PAGES * P);
}

/* Walks while everything changes. Numbers may be those of a moment ago: here it only must not fall over. */
static volatile bool over;

static void *walker(void *p)
{
	while (!over)
		rmap_walk(p, PAGES * P);
	return NULL;
}

static void meanwhile(void)
{
	unsigned *p = map(PAGES), *q;
	int bad = 0;
	pthread_t t;

	fill(p, 0);
	if (pthread_create(&t, NULL, walker, p))
		bail("pthread_create");
	for (unsigned i = 0; i < 60; i++) {
		pid_t pid = fork();

		if (!pid) {
			for (unsigned n = i % 3; n < PAGES; n += 3)
				*word(p, n) = n;
			_exit(cut_and_move(p));
		}
		q = mremap(p, PAGES * P, PAGES * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
		if (q == MAP_FAILED || mremap(q, PAGES * P, PAGES * P, MREMAP_MAYMOVE | MREMAP_FIXED, p) != p)
			bad++;
		bad += wait_for(pid) != 0;
	}
	over = true;
	pthread_join(t, NULL);
	is(bad, 0, "fork, copies, moves and exits under walks");
	ok(intact(p, 0), "every word as it was");
	rmap_oracle();
	is(rmap_walk(p, PAGES * P), 0, "and all found afterwards");
	munmap(p, PAGES * P);
}

int main(void)
{
	trees();
	orphans();
	areas();
	neighbours();
	first_pages();
	exits();
	lineage();
	meanwhile();
	return done();
}
