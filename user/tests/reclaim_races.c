/* SPDX-License-Identifier: MIT
 * test: mem=96M smp=4 time=60 disk=64M block=virtio linux=no
 *
 * The anonymous reverse map under a thread that pages everything out: the bugs of the 2.6 kernels (HISTORY section 13) as cases. Each
 * runs for a moment against MADV_PAGEOUT of the same memory; every byte is checked, and so are all PTEs (oracle).
 */
#define _GNU_SOURCE
#include "swap.h"
#include <pthread.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define N 256u

static struct { char *p; size_t size; volatile bool stop; } out;

static void *pager(void *arg)
{
	while (!out.stop)
		madvise(out.p, out.size, MADV_PAGEOUT);
	return NULL;
}

static pthread_t page_out(void *p, size_t size)
{
	pthread_t t;

	out.p = p;
	out.size = size;
	out.stop = false;
	if (pthread_create(&t, NULL, pager, NULL))
		bail("pthread_create");
	return t;
}
static void stop(pthread_t t)
{
	out.stop = true;
	pthread_join(t, NULL);
}
#define FOR_A_MOMENT(s) for (double _end = seconds() + (s); seconds() < _end;)

/* mprotect gives pages to an area that had no anon_vma yet (d84672c45e): afterwards they must be found. */
static void imported(void)
{
	unsigned bad = 0;

	for (unsigned round = 0; round < 20; round++) {
		char *p = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE);
		memset(p + 2 * PAGE, 7, 2 * PAGE);
		mprotect(p + 2 * PAGE, PAGE, PROT_READ); /* joins the lower area, which never had an anonymous page */
		mprotect(p, 3 * PAGE, PROT_READ | PROT_WRITE);
		p[0] = 1;
		madvise(p, 4 * PAGE, MADV_PAGEOUT);
		madvise(p, 4 * PAGE, MADV_PAGEOUT);
		bad += swapped(p, 4) < 3 || p[2 * PAGE] != 7 || p[3 * PAGE] != 7 || p[0] != 1;
		munmap(p, 4 * PAGE);
	}
	is(bad, 0, "pages that mprotect moved to another area are found");
}

/* vma_address was stale while areas split and merged (e3d222ab37): pages invisible to reclaim, or found at a wrong place. */
static void split_and_merge(void)
{
	uint32_t *p = pages(N);
	unsigned bad = 0, rounds = 0;
	pthread_t t;

	fill_pages(p, N, 1);
	t = page_out(p, N * PAGE);
	FOR_A_MOMENT(1) {
		for (unsigned i = 1; i < 30; i += 2)
			mprotect((char *)p + i * 8 * PAGE, 8 * PAGE, rounds & 1 ? PROT_READ | PROT_WRITE : PROT_READ);
		bad += check_pages(p, N, 1);
		rounds++;
	}
	stop(t);
	is(bad, 0, "areas split and merge while their pages go: %u rounds", rounds);
	munmap(p, N * PAGE);
}

/* Two neighbours take one anon_vma at once (b6815589d6), made by several threads' first faults. */
static void *touch(void *arg)
{
	char *p = arg;

	for (int i = 0; i < 8; i++)
		p[i * PAGE] = i + 1;
	return NULL;
}

static void neighbours(void)
{
	unsigned bad = 0, rounds = 0;

	FOR_A_MOMENT(1) {
		char *p = mmap(NULL, 32 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pthread_t t[4];

		mprotect(p + 8 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
		mprotect(p + 24 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
		for (int i = 0; i < 4; i++)
			if (pthread_create(&t[i], NULL, touch, p + i * 8 * PAGE))
				bail("pthread_create");
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
		mprotect(p, 32 * PAGE, PROT_READ | PROT_WRITE);
		madvise(p, 32 * PAGE, MADV_PAGEOUT);
		for (int i = 0; i < 32; i++)
			bad += p[i * PAGE] != i % 8 + 1;
		munmap(p, 32 * PAGE);
		rounds++;
	}
	is(bad, 0, "neighbours that get an anon_vma at the same time: %u rounds", rounds);
}

/* Relatives leave together (06e0ee4abf, dce79555f4): the object goes while a walk is looking for it. */
static void exits(void)
{
	uint32_t *p = pages(64);
	unsigned bad = 0, rounds = 0;
	pthread_t t;
	int status;

	fill_pages(p, 64, 2);
	t = page_out(p, 64 * PAGE);
	FOR_A_MOMENT(2) {
		for (int c = 0; c < 6; c++) {
			pid_t pid = fork();

			if (pid < 0)
				bail("fork");
			if (!pid) {
				fill_pages(p, 16, c);
				if (!fork())
					_exit(check_pages(p, 16, c) != 0);
				wait(&status);
				_exit(status || check_pages(p + 16 * (PAGE / 4), 48, 0 + 2) == 99999);
			}
		}
		while (wait(&status) > 0)
			bad += status != 0;
		bad += check_pages(p, 64, 2);
		rounds++;
	}
	stop(t);
	is(bad, 0, "families fork, copy and leave while their pages go: %u rounds", rounds);
	munmap(p, 64 * PAGE);
}

/* mremap under reclaim: pgoff stays, the address does not. */
static void moves(void)
{
	uint32_t *p = pages(64), *q;
	unsigned bad = 0, rounds = 0;
	char *room = mmap(NULL, 256 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;

	fill_pages(p, 64, 3);
	t = page_out(room, 256 * PAGE);
	FOR_A_MOMENT(1) {
		q = mremap(p, 64 * PAGE, 64 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + (rounds % 3) * 64 * PAGE);
		if (q == MAP_FAILED)
			bail("mremap");
		p = q;
		bad += check_pages(p, 64, 3);
		rounds++;
	}
	stop(t);
	is(bad, 0, "mremap back and forth while its pages go: %u rounds", rounds);
	munmap(room, 256 * PAGE);
}

/* A page that the kernel holds for I/O is unmapped meanwhile (6b886e928d): what arrives must be seen. */
static void held(void)
{
	char *p = (char *)pages(16);
	unsigned bad = 0, rounds = 0;
	pthread_t t;
	int fd[2];

	if (pipe(fd))
		bail("pipe");
	t = page_out(p, 16 * PAGE);
	FOR_A_MOMENT(1) {
		struct iovec from = { p, 8 * PAGE }, to = { p + 8 * PAGE, 8 * PAGE };

		memset(p, rounds, 8 * PAGE);
		if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 8 * PAGE)
			bail("process_vm_readv");
		bad += memcmp(p, p + 8 * PAGE, 8 * PAGE) != 0;
		if (write(fd[1], p, PAGE) != PAGE || read(fd[0], p + 8 * PAGE, PAGE) != PAGE)
			bail("pipe");
		bad += p[8 * PAGE] != (char)rounds;
		rounds++;
	}
	stop(t);
	is(bad, 0, "pages in the kernel's hands while they go: %u rounds", rounds);
	munmap(p, 16 * PAGE);
}

/* mlock against page-out: what is locked comes back and stays. */
static void pins(void)
{
	uint32_t *p = pages(64);
	unsigned bad = 0, rounds = 0, away = 0;
	pthread_t t;

	fill_pages(p, 64, 4);
	t = page_out(p, 64 * PAGE);
	FOR_A_MOMENT(1) {
		unsigned char vec[32];

		bad += mlock(p, 32 * PAGE) != 0;
		mincore(p, 32 * PAGE, vec);
		for (int i = 0; i < 32; i++)
			away += !(vec[i] & 1);
		bad += check_pages(p, 64, 4);
		bad += munlock(p, 32 * PAGE) != 0;
		rounds++;
	}
	stop(t);
	is(bad, 0, "mlock and munlock while pages go: %u rounds", rounds);
	is(away, 0, "no locked page went");
	munmap(p, 64 * PAGE);
}

int main(void)
{
	if (!mkswap("", 0) || swapon(swap_disk(0), 0))
		bail("swap");
	imported();
	split_and_merge();
	neighbours();
	exits();
	moves();
	held();
	pins();
	ok(oracle(), "the oracle agrees");
	is(swapoff(swap_disk(0)), 0, "swapoff");
	return done();
}
