/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=4 time=40
 *
 * Everything at once on nonlinear areas of one file: threads of several processes place, touch, unmap, move, protect, drop and fork, while
 * others cut the file, punch holes and let it grow. Any access works or is a signal; what is read is a zero, or what its own page may hold; in
 * the end all of the file is as long as it should be, and (debug builds) the counts are right at every moment.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#define P 4096UL
#define FILE_PAGES 128
#define AREA 64
#define RW (PROT_READ | PROT_WRITE)
#define DONTNEED_LOCKED 24

struct shared { volatile unsigned wrong, stop, moves; };
static struct shared *shared;
static int fd;
static char *base; /* AREA pages, of this process */
static __thread sigjmp_buf jump;
static __thread unsigned state;

static void on_signal(int sig) { siglongjmp(jump, 1); }
static unsigned rnd(unsigned n) { return (state = state * 1103515245 + 12345) / 65536 % n; }

/* Each page holds its own number + 1 in each word that was written, so a page in the wrong place shows. */
static void touch(unsigned slot, unsigned page)
{
	volatile unsigned *p = (void *)(base + slot * P);
	unsigned v;

	if (sigsetjmp(jump, 1))
		return;
	v = p[rnd(1024)];
	if (v > FILE_PAGES)
		__sync_fetch_and_add(&shared->wrong, 1);
	if (page < FILE_PAGES && rnd(2)) {
		v = p[1];
		(void)v;
	}
}

/* Places a page and writes its number through it: another thread may have moved the slot meanwhile, so only what belongs to no page is wrong. */
static void place(unsigned slot, unsigned page)
{
	if (!remap_file_pages(base + slot * P, P, 0, page, rnd(4) ? 0 : MAP_NONBLOCK))
		__sync_fetch_and_add(&shared->moves, 1);
	if (!sigsetjmp(jump, 1))
		((volatile unsigned *)(base + slot * P))[rnd(1024)] = page + 1;
	touch(slot, page);
}

/* The area comes again where it was torn. */
static void mend(unsigned slot, unsigned n)
{
	mmap(base + slot * P, n * P, RW, MAP_SHARED | MAP_FIXED, fd, slot * P);
}

static void one(void)
{
	unsigned slot = rnd(AREA - 8), page = rnd(FILE_PAGES), n = 1 + rnd(8);

	switch (rnd(16)) {
	case 0: munmap(base + slot * P, n * P); mend(slot, n); break;
	case 1: mprotect(base + slot * P, n * P, PROT_READ); touch(slot, page); mprotect(base + slot * P, n * P, RW); break;
	case 2: madvise(base + slot * P, n * P, DONTNEED_LOCKED); break;
	case 3: mremap(base + slot * P, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, base + rnd(AREA) * P); mend(slot, 1); break;
	case 4: remap_file_pages(base + slot * P, n * P, 0, page, 0); break;
	case 5: msync(base + slot * P, n * P, MS_SYNC); break;
	default: place(slot, page);
	}
}

static void *mapper(void *arg)
{
	state = (unsigned)(unsigned long)arg;
	while (!shared->stop)
		one();
	return NULL;
}

static void forker(void)
{
	pid_t pid = fork();

	if (!pid) {
		for (int i = 0; i < 30; i++)
			one();
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void process(unsigned who)
{
	pthread_t t[2];

	base = mmap(NULL, AREA * P, RW, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		_exit(1);
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, mapper, (void *)(unsigned long)(who * 10 + i + 1));
	state = who + 77;
	while (!shared->stop)
		forker();
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	_exit(0);
}

static void oracle(void)
{
	int o = open("/proc/rmap_oracle", O_WRONLY);

	if (o >= 0) {
		if (write(o, "3", 1) < 0)
			shared->wrong++;
		close(o);
	}
}

static void cutter(unsigned k)
{
	unsigned page = rnd(FILE_PAGES);

	if (k % 3 == 0)
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page * P, (1 + rnd(9)) * P);
	else if (!ftruncate(fd, page * P))
		ftruncate(fd, FILE_PAGES * P);
	if (k % 64 == 0)
		oracle();
	usleep(500);
}

int main(void)
{
	time_t end = time(NULL) + 3;
	int bad = 0, status;
	char zero[P];

	signal(SIGBUS, on_signal);
	signal(SIGSEGV, on_signal);
	fd = memfd_create("race", 0);
	shared = mmap(NULL, P, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || ftruncate(fd, FILE_PAGES * P) || shared == MAP_FAILED)
		bail("memfd");
	for (unsigned n = 0; n < 3; n++)
		if (!fork())
			process(n);
	state = 5;
	for (unsigned k = 0; time(NULL) < end || shared->moves <= 50; k++)
		cutter(k);
	shared->stop = 1;
	while (wait(&status) > 0)
		bad += status != 0;
	is(bad, 0, "all processes came through");
	is(shared->wrong, 0, "nothing was read that nobody wrote");
	ok(shared->moves > 50, "slots were moved");
	oracle();
	ftruncate(fd, 0);
	ftruncate(fd, FILE_PAGES * P);
	bad = 0;
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		pread(fd, zero, P, i * P);
		for (unsigned j = 0; j < P; j++)
			bad += zero[j] != 0;
	}
	is(bad, 0, "cut off and grown again: zeroes");
	return done();
}
