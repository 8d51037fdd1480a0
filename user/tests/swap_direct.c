/* SPDX-License-Identifier: MIT
 * test: mem=96M smp=2 time=20 disk=24M,24M linux=no
 *
 * Direct reads into memory that is being paged out all the time. The disk writes to a page that the kernel holds for it: as long as that
 * is so the page keeps its PTE: else what comes from the disk would be newer than a page that swap believes clean, and a write to another
 * part of it meanwhile, here by a third thread, would make a copy without it.
 */
#define _GNU_SOURCE
#include "swap.h"
#include <pthread.h>
#include <sys/uio.h>

#define N 64u
#define ROUNDS 60u

static uint32_t *memory;
static volatile bool stop;

static void *page_out(void *unused)
{
	while (!stop)
		madvise(memory, N * PAGE, MADV_PAGEOUT);
	return NULL;
}

static void *scribble(void *unused)
{
	while (!stop)
		for (unsigned i = 0; i < N; i++)
			((volatile uint32_t *)memory)[(i + 1) * (PAGE / 4) - 1]++;
	return NULL;
}

/* The first half of each page; the other one is scribbled on. => was all read? */
static bool read_halves(int fd)
{
	struct iovec v[N];

	for (unsigned i = 0; i < N; i++)
		v[i] = (struct iovec){ memory + i * (PAGE / 4), PAGE / 2 };
	return preadv(fd, v, N, 0) == N * PAGE / 2;
}

/* => words that are not the disk's */
static unsigned wrong(void)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < N; i++)
		for (unsigned k = 0; k < PAGE / 8; k++)
			bad += memory[i * (PAGE / 4) + k] != key_of(1, i / 2) + i % 2 * (PAGE / 8) + k;
	return bad;
}

static void fill_disk(void)
{
	int fd = open(swap_disk(1), O_RDWR);

	fill_pages(memory, N, 1);
	if (fd < 0 || pwrite(fd, memory, N * PAGE, 0) != N * PAGE || fsync(fd))
		bail("the second disk");
	close(fd);
}

int main(void)
{
	unsigned bad = 0, cut = 0;
	pthread_t t[2];
	int fd;

	memory = pages(N);
	fill_disk();
	ok(mkswap("", 0) && !swapon(swap_disk(0), 0), "swap on the first disk");
	fd = open(swap_disk(1), O_RDONLY | O_DIRECT);
	ok(fd >= 0, "the second one opened for direct reads");
	if (pthread_create(&t[0], NULL, page_out, NULL) || pthread_create(&t[1], NULL, scribble, NULL))
		bail("a thread");
	for (unsigned i = 0; i < ROUNDS; i++) {
		for (unsigned k = 0; k < N; k++)
			memset(memory + k * (PAGE / 4), (int)i, PAGE / 2);
		cut += !read_halves(fd);
		bad += wrong();
	}
	stop = true;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	is(cut, 0, "every direct read reads all");
	is(bad, 0, "... and all of it is in memory");
	munmap(memory, N * PAGE);
	ok(eventually(swaps(0, 3) == 0), "no slot is left: %ld kB", swaps(0, 3));
	is(swapoff(swap_disk(0)), 0, "swapoff");
	ok(oracle(), "the oracle finds nothing");
	return done();
}
