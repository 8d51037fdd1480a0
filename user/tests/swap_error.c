/* SPDX-License-Identifier: MIT
 * test: mem=96M smp=2 time=30 disk=24M block=both linux=no append="blk.fail=vda:4800:r blk.fail=sda:4800:r blk.fail=vda:5600:4:w blk.fail=sda:5600:4:w"
 *
 * Sectors that cannot be read (slot 600) or written (slot 700): SIGBUS for whoever wanted the page, and for nobody else; its slot is not
 * used again; a page that could not be written stays in memory. swapoff gets by.
 */
#define _GNU_SOURCE
#include "swap.h"
#include <sched.h>
#include <setjmp.h>

#define N 1024u
static sigjmp_buf env;
static void *where;

static void caught(int sig, siginfo_t *info, void *context)
{
	where = info->si_addr;
	siglongjmp(env, 1);
}

/* => true: SIGBUS at this page */
static bool bus(volatile uint32_t *p)
{
	if (sigsetjmp(env, 1))
		return where == (void *)p;
	(void)*p;
	return false;
}

/* => pages that are lost; *bad: words of the others that are wrong */
static unsigned lost_pages(uint32_t *p, unsigned n, uint32_t seed, unsigned *bad, unsigned *which)
{
	unsigned lost = 0;

	*bad = 0;
	for (unsigned i = 0; i < n; i++) {
		if (bus(p + i * 1024)) {
			lost++;
			*which = i;
			continue;
		}
		for (unsigned k = 0; k < 1024; k++)
			*bad += p[i * 1024 + k] != key_of(seed, i) + k;
	}
	return lost;
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };
	unsigned bad, which = 0, child = 0;
	unsigned long one = 1;
	uint32_t *p = pages(N);
	int status;
	pid_t pid;
	long size;

	sigaction(SIGBUS, &sa, NULL);
	sched_setaffinity(0, sizeof(one), (cpu_set_t *)&one); /* another CPU has another cluster: slot 600 might not be used */
	ok(mkswap("", 0) && !swapon(swap_disk(0), 0), "swap on a disk with bad sectors");
	size = swaps(0, 2);
	fill_pages(p, N, 1);
	madvise(p, N * PAGE, MADV_PAGEOUT);
	ok(swapped(p, N) >= N - 1, "all but the unwritable are out");
	pid = fork();
	if (!pid)
		_exit(lost_pages(p, N, 1, &bad, &child) != 1 || bad);
	ok(waitpid(pid, &status, 0) == pid && !status, "a child loses the unreadable page and no other");
	is(lost_pages(p, N, 1, &bad, &which), 1, "so do we: SIGBUS at one page");
	is(bad, 0, "every other byte is right");
	ok(bus(p + which * 1024), "it stays lost");
	ok(oracle(), "the oracle finds nothing");
	is(munmap(p, N * PAGE), 0, "munmap");
	is(swaps(0, 2), size - 4, "the unreadable slot is gone for good");
	p = pages(N);
	fill_pages(p, N, 2);
	madvise(p, N * PAGE, MADV_PAGEOUT);
	is(lost_pages(p, N, 2, &bad, &which), 0, "nobody gets it again");
	is(bad, 0, "... and all is right");
	munmap(p, N * PAGE);
	is(swapoff(swap_disk(0)), 0, "swapoff");
	ok(!swapon(swap_disk(0), 0), "on again: the slot is back, as bad as before");
	p = pages(N);
	fill_pages(p, N, 3);
	madvise(p, N * PAGE, MADV_PAGEOUT);
	is(swapoff(swap_disk(0)), 0, "swapoff with a page that cannot be read");
	is(lost_pages(p, N, 3, &bad, &which), 1, "... it is lost");
	is(bad, 0, "... and only that");
	pid = fork();
	if (!pid)
		_exit(!bus(p + which * 1024));
	ok(waitpid(pid, &status, 0) == pid && !status, "to a child born afterwards as well");
	return done();
}
