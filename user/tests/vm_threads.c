/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=4 time=60
 *
 * Threads of one address space that fault, map, unmap, protect, discard and fork at the same time.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#define P 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define THREADS 4
#define ROUNDS 40

static volatile int stop;
static int bad;
static char *shared;

static void blame(void) { __atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED); }

/* Own memory, mapped and unmapped beside that of others. */
static void *mapper(void *arg)
{
	for (int round = 0; round < ROUNDS; round++) {
		char *p = mmap(NULL, 40 * P, RW, ANON, -1, 0);

		if (p == MAP_FAILED) {
			blame();
			break;
		}
		for (int i = 0; i < 40; i++)
			p[i * P] = round;
		mprotect(p + 10 * P, 10 * P, PROT_READ);
		munmap(p + 20 * P, 5 * P);
		for (int i = 0; i < 20; i++)
			if (p[i * P] != (char)round)
				blame();
		mprotect(p + 10 * P, 10 * P, RW);
		p[15 * P] = 1;
		munmap(p, 40 * P);
	}
	return NULL;
}

/* The same pages at the same time: each thread owns one byte of every page. */
static void *toucher(void *arg)
{
	long me = (long)arg;

	for (int round = 1; round <= ROUNDS / 4; round++)
		for (int i = 0; i < 256; i++)
			shared[i * P + me]++;
	return NULL;
}

/* A writer whose page is taken away and copied by forks: it must never lose a write that it made itself. */
static void *counter(void *arg)
{
	volatile unsigned *p = arg;
	unsigned n = 0;

	while (!stop) {
		if (p[0] != n)
			blame();
		p[0] = ++n;
	}
	return NULL;
}

static void together(void *(*fn)(void *), const char *what)
{
	pthread_t t[THREADS];

	bad = 0;
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, fn, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	is(bad, 0, "%s", what);
}

static void forks_meanwhile(void)
{
	unsigned *p = mmap(NULL, P, RW, ANON, -1, 0);
	pthread_t t;
	int status, failed = 0;

	bad = 0;
	pthread_create(&t, NULL, counter, p);
	for (int i = 0; i < 12; i++) {
		pid_t pid = fork();

		if (!pid) {
			volatile unsigned *q = p;
			unsigned seen = q[0];

			for (int k = 0; k < 1000; k++)
				if (q[0] != seen)
					_exit(1);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		failed += status != 0;
	}
	stop = 1;
	pthread_join(t, NULL);
	is(bad, 0, "a thread's writes survive forks by another");
	is(failed, 0, "and do not reach the children");
	munmap(p, P);
}

static volatile char *flipping;
static void *reader(void *arg)
{
	while (!stop) {
		char c = flipping[0];

		if (c != 0 && c != 1)
			blame();
		flipping[1] = 5;
	}
	return NULL;
}

static void discards_meanwhile(void)
{
	pthread_t t[2];

	flipping = mmap(NULL, P, RW, ANON, -1, 0);
	bad = stop = 0;
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, reader, NULL);
	for (int i = 0; i < 100; i++) {
		flipping[0] = 1;
		madvise((void *)flipping, P, MADV_DONTNEED);
	}
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	is(bad, 0, "MADV_DONTNEED under the feet of others");
}

/* --- what threads touch is counted, though each counts for itself first ------------------------------------------------- */
#define EACH 37
static pthread_barrier_t step;

static void *rss_toucher(void *arg)
{
	char *p = arg;

	for (int phase = 0; phase < 3; phase++) {
		pthread_barrier_wait(&step);
		for (int i = 0; phase == 1 && i < EACH; i++)
			p[i * P] = 1;
		if (phase == 2)
			madvise(p, 2 * P, MADV_DONTNEED);
		pthread_barrier_wait(&step);
	}
	return NULL;
}

static long rss_anon(void)
{
	char text[4096], *at;
	int fd = open("/proc/self/status", O_RDONLY), n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "RssAnon:");
	return at ? strtol(at + 8, NULL, 10) / 4 : -1;
}

static void rss_adds_up(void)
{
	long slack = access("/proc/lowmem", F_OK) ? 400 : 0; /* Linux's counters are approximate */
	pthread_t t[THREADS];
	char *p = mmap(NULL, THREADS * EACH * P, RW, ANON, -1, 0);
	long was[4] = { rss_anon() };

	pthread_barrier_init(&step, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, rss_toucher, p + i * EACH * P);
	for (int phase = 0; phase < 3; phase++) {
		pthread_barrier_wait(&step);
		pthread_barrier_wait(&step);
		was[phase] = rss_anon();
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	was[3] = rss_anon();
	ok(labs(was[1] - was[0] - THREADS * EACH) <= slack, "RssAnon counts what threads have touched (%ld)", was[1] - was[0]);
	ok(labs(was[1] - was[2] - 2 * THREADS) <= slack, "and what they gave back (%ld)", was[1] - was[2]);
	ok(labs(was[3] - was[2]) <= slack + 8, "and it stays when they end (%ld)", was[3] - was[2]);
	munmap(p, THREADS * EACH * P);
}

int main(void)
{
	int wrong = 0;

	together(mapper, "threads that map, protect and unmap");
	shared = mmap(NULL, 256 * P, RW, ANON, -1, 0);
	together(toucher, "threads that touch the same pages");
	for (int i = 0; i < 256; i++)
		for (int k = 0; k < THREADS; k++)
			wrong += shared[i * P + k] != ROUNDS / 4;
	is(wrong, 0, "no write was lost");
	forks_meanwhile();
	discards_meanwhile();
	rss_adds_up();
	return done();
}
