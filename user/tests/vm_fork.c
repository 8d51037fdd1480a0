/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=30
 *
 * fork and memory: copy on write in trees of processes, what is inherited and what not, file pages, many areas.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <sys/mman.h>

#define P 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static unsigned *map(unsigned pages) { return mmap(NULL, pages * P, RW, ANON, -1, 0); }
static unsigned *word(unsigned *p, unsigned page) { return p + page * P / 4; }

/* Each generation checks what it inherited, changes a third of it, forks, and checks that the child changed nothing. */
static int generation(unsigned *p, unsigned pages, unsigned depth)
{
	int status = 0;

	for (unsigned i = depth % 3; i < pages; i += 3)
		*word(p, i) = depth * 1000 + i;
	for (unsigned n = 0; depth && n < 2; n++) {
		pid_t pid = fork();

		if (!pid)
			_exit(generation(p, pages, depth - 1));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			return 1;
	}
	for (unsigned i = depth % 3; i < pages; i += 3)
		if (*word(p, i) != depth * 1000 + i)
			return 2;
	return 0;
}

static void gone(void *arg) { _exit(mincore(arg, P, &(unsigned char){ 0 }) == 0); }
static void wiped(void *arg) { _exit(*(unsigned *)arg != 0); }
static void one(void *arg) { _exit(*(unsigned *)arg != 1); }

static void inheritance(void)
{
	unsigned *p = map(4);

	*p = *word(p, 1) = *word(p, 2) = 1;
	madvise(p, P, MADV_DONTFORK);
	is(in_child(gone, p), 0, "MADV_DONTFORK: not in the child");
	is(in_child(one, word(p, 1)), 0, "its neighbour is");
	madvise(p, P, MADV_DOFORK);
	is(in_child(one, p), 0, "MADV_DOFORK: again");
	madvise(p, P, MADV_WIPEONFORK);
	is(in_child(wiped, p), 0, "MADV_WIPEONFORK: zero in the child");
	is(*p, 1, "not in the parent");
	munmap(p, 4 * P);
}

static void files(void)
{
	char name[] = "/tmp/vm_forkXXXXXX", *a, *b;
	int fd = mkstemp(name), status;

	unlink(name);
	if (ftruncate(fd, 8 * P))
		bail("ftruncate");
	a = mmap(NULL, 8 * P, RW, MAP_PRIVATE, fd, 0);
	b = mmap(NULL, 8 * P, RW, MAP_SHARED, fd, 0);
	b[0] = 's';
	a[P] = 'p';
	if (!fork()) {
		bool good = a[0] == 's' && a[P] == 'p' && a[2 * P] == 0;

		a[P] = 'c';
		b[3 * P] = 'c';
		_exit(!good);
	}
	wait(&status);
	is(status, 0, "the child sees both kinds of pages");
	ok(a[P] == 'p', "its private write is its own");
	ok(b[3 * P] == 'c' && a[3 * P] == 'c', "its shared write is everybody's");
	munmap(a, 8 * P);
	munmap(b, 8 * P);
	close(fd);
}

/* Written by the parent after fork while the child reads: neither sees the other's. */
static void race(void)
{
	unsigned *p = map(256), bad = 0;
	int status;

	for (unsigned round = 0; round < 20; round++) {
		pid_t pid;

		for (unsigned i = 0; i < 256; i++)
			*word(p, i) = round;
		pid = fork();
		if (!pid) {
			for (unsigned i = 256; i--;)
				if (*word(p, i) != round)
					_exit(1);
			_exit(0);
		}
		for (unsigned i = 0; i < 256; i++)
			*word(p, i) = 0xdead;
		waitpid(pid, &status, 0);
		bad += status != 0;
	}
	is(bad, 0, "the child keeps the state at the fork");
	munmap(p, 256 * P);
}

static void many_areas(void)
{
	unsigned n = 1000;
	unsigned *p = mmap(NULL, 2 * n * P, PROT_NONE, ANON, -1, 0);
	int status, bad = 0;

	for (unsigned i = 0; i < n; i++) {
		mprotect(word(p, 2 * i), P, RW);
		*word(p, 2 * i) = i;
	}
	if (!fork()) {
		for (unsigned i = 0; i < n; i++)
			bad += *word(p, 2 * i) != i;
		_exit(bad != 0);
	}
	wait(&status);
	is(status, 0, "a thousand areas are inherited");
	is(munmap(p, 2 * n * P), 0, "and unmapped at once");
}

int main(void)
{
	unsigned *p = map(60);

	is(generation(p, 60, 5), 0, "a tree of 63 processes, copy on write");
	munmap(p, 60 * P);
	inheritance();
	files();
	race();
	many_areas();
	return done();
}
