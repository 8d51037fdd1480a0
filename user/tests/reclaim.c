/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=60 disk=96M,160M block=virtio linux=no alone
 *
 * What reclaim takes and what it leaves, in 64 MB: files that are read twice stay while a long one streams by; anonymous memory is not
 * swapped for a stream; locked memory is never taken; working sets larger than memory keep every byte, private, shared by a family, and
 * in tmpfs; and nobody is killed for any of it.
 */
#define _GNU_SOURCE
#include "swap.h"
#include <sys/resource.h>
#include <sys/wait.h>

#define MB (1u << 20)
#define DISK_MB 96u
#define SET_MB 10u

static int disk = -1;
static char buf[64 << 10];

static long event(const char *name) { return proc_field("/proc/vmstat", name); }

static void stream(unsigned from_mb, unsigned to_mb)
{
	for (off_t at = (off_t)from_mb * MB; at < (off_t)to_mb * MB; at += sizeof(buf))
		if (pread(disk, buf, sizeof(buf), at) != sizeof(buf))
			bail("reading the disk");
}

/* Per cent of [from, to) of the disk that are cached. */
static unsigned cached(unsigned from_mb, unsigned to_mb)
{
	static unsigned char vec[DISK_MB * MB / PAGE];
	unsigned n = (to_mb - from_mb) * MB / PAGE, have = 0;
	void *p = mmap(NULL, (to_mb - from_mb) * MB, PROT_READ, MAP_SHARED, disk, (off_t)from_mb * MB);

	if (p == MAP_FAILED || mincore(p, (to_mb - from_mb) * MB, vec))
		bail("mincore");
	for (unsigned i = 0; i < n; i++)
		have += vec[i] & 1;
	munmap(p, (to_mb - from_mb) * MB);
	return have * 100 / n;
}

static void files(void)
{
	unsigned left;

	stream(0, SET_MB);
	stream(0, SET_MB);
	left = cached(0, SET_MB);
	ok(left == 100, "a file that is read twice is cached: %u %%", left);
	stream(SET_MB, DISK_MB);
	left = cached(0, SET_MB);
	ok(left > 90, "and still after %u MB of a stream: %u %%", DISK_MB - SET_MB, left);
	left = cached(SET_MB, 30);
	ok(left < 60, "the stream's beginning is not, but for what lies in a zone with enough free: %u %%", left);
	is(event("oom_kill "), 0, "nobody was killed");
}

static void anonymous(void)
{
	unsigned n = 16 * MB / PAGE;
	uint32_t *p = pages(n);
	long before;

	fill_pages(p, n, 3);
	before = event("pswpout ");
	stream(SET_MB, DISK_MB);
	stream(SET_MB, DISK_MB);
	printf("# %ld pages were swapped out for %u MB of streams\n", event("pswpout ") - before, 2 * (DISK_MB - SET_MB));
	ok(event("pswpout ") - before < (long)n / 8, "16 MB of memory stay while a stream goes by");
	is(check_pages(p, n, 3), 0, "and keep their bytes");
	munmap(p, n * PAGE);
}

static void locked_and_large(void)
{
	unsigned n = 80 * MB / PAGE, few = 8 * MB / PAGE;
	uint32_t *mine, *p;
	static unsigned char vec[8 * MB / PAGE];
	long out = event("pswpout "), majors;
	struct rusage a, b;
	unsigned there = 0;
	long own;

	if (mlockall(MCL_CURRENT)) /* our code and stack: a fault on them is none on what is locked here */
		bail("mlockall");
	own = proc_field("/proc/meminfo", "Mlocked:");
	mine = pages(few);
	p = pages(n);
	fill_pages(mine, few, 4);
	is(mlock(mine, few * PAGE), 0, "8 MB are locked");
	fill_pages(p, n, 5);
	ok(event("pswpout ") - out > 20 * (long)(MB / PAGE), "80 MB more: much was swapped out");
	mincore(mine, few * PAGE, vec);
	for (unsigned i = 0; i < few; i++)
		there += vec[i] & 1;
	is(there, few, "nothing of what is locked");
	getrusage(RUSAGE_SELF, &a);
	is(check_pages(mine, few, 4), 0, "it keeps its bytes");
	getrusage(RUSAGE_SELF, &b);
	majors = b.ru_majflt - a.ru_majflt;
	is(majors, 0, "without a fault that waits for the disk");
	is(check_pages(p, n, 5), 0, "and so do the 80 MB");
	is(proc_field("/proc/meminfo", "Mlocked:") - own, 8192, "Mlocked");
	munlockall();
	munmap(mine, few * PAGE);
	munmap(p, n * PAGE);
}

/* Ten processes share memory that is larger than what there is, and break a part of it. */
static void family(void)
{
	unsigned n = 70 * MB / PAGE, share = n / 10;
	uint32_t *p = pages(n);
	int bad = 0, status;

	fill_pages(p, n, 6);
	for (unsigned c = 0; c < 10; c++)
		if (!fork()) {
			fill_pages(p + c * share * (PAGE / 4), share / 4, 100 + c);
			_exit(check_pages(p + c * share * (PAGE / 4), share / 4, 100 + c) != 0);
		}
	while (wait(&status) > 0)
		bad += status != 0;
	is(bad, 0, "ten children wrote to a part of it each");
	is(check_pages(p, n, 6), 0, "the parent's 70 MB are as they were");
	munmap(p, n * PAGE);
}

static void in_tmpfs(void)
{
	unsigned n = 70 * MB / PAGE;
	int fd = memfd_create("reclaim", 0); /* /tmp takes half of memory at most */
	uint32_t *p;

	if (fd < 0 || ftruncate(fd, n * PAGE))
		bail("memfd_create");
	p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		bail("mmap");
	fill_pages(p, n, 7);
	is(check_pages(p, n, 7), 0, "70 MB of tmpfs through a mapping");
	munmap(p, n * PAGE);
	for (unsigned i = 0; i < n; i += 97) {
		uint32_t w[4];

		if (pread(fd, w, 16, (off_t)i * PAGE) != 16 || w[0] != key_of(7, i) || w[3] != key_of(7, i) + 3)
			bail("tmpfs lost a page");
	}
	ok(true, "and through read");
	close(fd);
}

int main(void)
{
	disk = open(swap_disk(0), O_RDWR);
	if (disk < 0 || !mkswap("", 1))
		bail("disks");
	files();
	is(swapon(swap_disk(1), 0), 0, "swapon");
	anonymous();
	locked_and_large();
	family();
	in_tmpfs();
	ok(oracle(), "the oracle agrees");
	is(event("oom_kill "), 0, "nobody was killed");
	/* About 1.8 to 1 where both CPUs run; as much less as the one that kswapd is on stands still. */
	ok(event("pgsteal_kswapd ") > event("pgsteal_direct ") / 4, "much of it in the background: %ld, %ld", event("pgsteal_kswapd "), event("pgsteal_direct "));
	is(swapoff(swap_disk(1)), 0, "swapoff");
	return done();
}
