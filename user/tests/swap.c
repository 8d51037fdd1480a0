/* SPDX-License-Identifier: MIT
 * test: mem=160M smp=2 time=60 disk=24M,24M block=both linux=no
 *
 * Swap areas: headers good and bad, priorities, turns; pages that leave and come back through faults, fork, mremap, mprotect, mincore,
 * madvise, munmap, exit; an area that is full; swapoff while others use it.
 */
#define _GNU_SOURCE
#include "swap.h"
#include <sched.h>
#include <sys/wait.h>

#define N 1024u /* pages: 4 MB */

/* --- on and off -------------------------------------------------------------------------------------------------------------- */
static void scribble(off_t at, const void *data, size_t n)
{
	int fd = open(swap_disk(0), O_RDWR);

	if (fd < 0 || pwrite(fd, data, n, at) != (ssize_t)n)
		bail("writing to the disk");
	close(fd);
}

static void as_student(void *arg)
{
	if (setuid(1000) || swapon(swap_disk(0), 0) != -1 || errno != EPERM || swapoff(swap_disk(0)) != -1 || errno != EPERM)
		_exit(1);
}

static void headers(void)
{
	static char zero[PAGE];
	uint32_t version = 2, last = 1 << 20;

	scribble(0, zero, PAGE);
	fails(swapon(swap_disk(0), 0), EINVAL, "no header");
	ok(mkswap("-L test", 0), "mkswap");
	scribble(1024, &version, 4);
	fails(swapon(swap_disk(0), 0), EINVAL, "an unknown version");
	ok(mkswap("", 0), "mkswap again");
	scribble(1028, &last, 4);
	fails(swapon(swap_disk(0), 0), EINVAL, "an area larger than its device");
	fails(swapon("/tmp", 0), EINVAL, "a directory");
	fails(swapon("/dev/null", 0), EINVAL, "a character device");
	fails(swapon("/none", 0), ENOENT, "no such file");
	fails(swapoff("/none"), ENOENT, "... to swapoff");
	fails(swapoff(swap_disk(0)), EINVAL, "swapoff of what is not on");
	fails(swapon(swap_disk(0), 1 << 20), EINVAL, "unknown flags");
	is(in_child(as_student, NULL), 0, "not for everybody");
}

static void on_and_off(void)
{
	struct sysinfo s;

	ok(mkswap("-b 1,7,4000", 0), "mkswap with bad pages");
	is(swapon(swap_disk(0), 0), 0, "swapon");
	is(swaps(0, 2), 24 * 1024 - 4 - 12, "the header and bad pages are not counted");
	ok(swaps(0, 4) < 0, "without a wish the priority is negative");
	fails(swapon(swap_disk(0), 0), EBUSY, "it is on already");
	is(proc_field("/proc/meminfo", "SwapTotal:"), swaps(0, 2), "SwapTotal");
	is(proc_field("/proc/meminfo", "SwapFree:"), swaps(0, 2), "SwapFree");
	ok(!sysinfo(&s) && s.totalswap / 1024 * s.mem_unit == (unsigned long)swaps(0, 2) && s.freeswap == s.totalswap, "sysinfo");
	is(swapoff(swap_disk(0)), 0, "swapoff");
	is(swaps(0, 2), -1, "... it has left /proc/swaps");
	is(swapon(swap_disk(0), SWAP_FLAG_PREFER | 5 | 0x10000), 0, "swapon with a priority and discard");
	is(swaps(0, 4), 5, "... the priority");
}

/* --- pages ---------------------------------------------------------------------------------------------------------------------- */
static unsigned resident(void *p, unsigned n)
{
	unsigned char vec[N];
	unsigned count = 0;

	if (mincore(p, n * PAGE, vec))
		bail("mincore");
	for (unsigned i = 0; i < n; i++)
		count += vec[i] & 1;
	return count;
}

static long used(void) { return swaps(0, 3) / 4; }
/* Read-ahead says that a page is here a moment before it unlocks it; what is dropped in between gives its slot up when that has ended.
 * => slots used, then */
static long used_soon(long want)
{
	(void)eventually(used() <= want);
	return used();
}

static void there_and_back(void)
{
	uint32_t *p = pages(N);
	long major = proc_field("/proc/vmstat", "pgmajfault ");

	fill_pages(p, N, 1);
	is(madvise(p, N * PAGE, MADV_PAGEOUT), 0, "MADV_PAGEOUT");
	is(swapped(p, N), N, "all are entries now");
	is(used(), N, "... as many slots are used");
	is(resident(p, N), 0, "mincore: not in memory");
	ok(proc_field("/proc/self/status", "VmSwap:") >= (long)N * 4, "VmSwap");
	is(check_pages(p, N, 1), 0, "they come back as they were");
	ok(proc_field("/proc/vmstat", "pgmajfault ") > major, "major faults are counted");
	is(swapped(p, N), 0, "no entry is left");
	is(madvise(p, N * PAGE, MADV_PAGEOUT), 0, "once more: clean copies need no writing");
	fill_pages(p, N, 2);
	is(check_pages(p, N, 2), 0, "written to instead of read");
	is(used(), 0, "a page that was written to gives its slot up");
	madvise(p, N * PAGE, MADV_PAGEOUT);
	is(madvise(p, N * PAGE, MADV_WILLNEED), 0, "MADV_WILLNEED");
	ok(eventually(resident(p, N) == N), "... brings them into the swap cache");
	is(swapped(p, N), N, "... and not into the page tables");
	is(madvise(p, N / 2 * PAGE, MADV_DONTNEED), 0, "MADV_DONTNEED");
	is(used_soon(N / 2), N / 2, "... frees slots");
	is(p[0], 0, "... and gives zeroes");
	is(munmap(p, N * PAGE), 0, "munmap");
	is(used_soon(0), 0, "... frees the others");
}

/* Also when another CPU takes the disk's interrupt, and has only just said that a page is written. */
static void out_from_each_cpu(void)
{
	cpu_set_t before, one;
	uint32_t *p = pages(N);
	unsigned left = 0;

	sched_getaffinity(0, sizeof before, &before);
	for (int i = 0; i < 8; i++) {
		CPU_ZERO(&one);
		CPU_SET(i % 2, &one);
		sched_setaffinity(0, sizeof one, &one);
		fill_pages(p, N, 4);
		madvise(p, N * PAGE, MADV_PAGEOUT);
		left += resident(p, N);
	}
	is(left, 0, "MADV_PAGEOUT frees what it has written, on whichever CPU");
	sched_setaffinity(0, sizeof before, &before);
	munmap(p, N * PAGE);
}

static void moved(void)
{
	uint32_t *p = pages(N), *q;

	fill_pages(p, N, 3);
	madvise(p, N * PAGE, MADV_PAGEOUT);
	is(mprotect(p, N * PAGE, PROT_READ), 0, "mprotect of swapped pages");
	q = mremap(p, N * PAGE, 2 * N * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)pages(4 * N) + 5 * PAGE);
	ok(q != MAP_FAILED, "mremap of swapped pages");
	is(check_pages(q, N, 3), 0, "... the bytes came along");
	is(mprotect(q, N * PAGE, PROT_READ | PROT_WRITE), 0, "writable again");
	fill_pages(q, N, 4);
	is(check_pages(q, N, 4), 0, "... and written");
	ok(oracle(), "the oracle finds nothing");
	munmap(q, 2 * N * PAGE);
	is(used(), 0, "no slot is left");
}

/* --- fork --------------------------------------------------------------------------------------------------------------------------- */
static int generation(uint32_t *p, unsigned depth, uint32_t seed)
{
	int status = 0, bad = 0;
	pid_t pid[2];

	if (check_pages(p, N / 4, 10) || check_pages(p + N * PAGE / 16, N / 4, seed))
		return 1;
	if (!depth)
		return 0;
	fill_pages(p + N * PAGE / 16, N / 4, seed + depth);
	madvise(p, N / 2 * PAGE, MADV_PAGEOUT);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(generation(p, depth - 1, seed + depth));
	}
	for (int i = 0; i < 2; i++)
		bad |= pid[i] < 0 || waitpid(pid[i], &status, 0) != pid[i] || status;
	return bad || check_pages(p, N / 4, 10) || check_pages(p + N * PAGE / 16, N / 4, seed + depth);
}

static void family(void)
{
	uint32_t *p = pages(N / 2);

	fill_pages(p, N / 4, 10);
	fill_pages(p + N * PAGE / 16, N / 4, 11);
	is(generation(p, 4, 11), 0, "a fork tree over pages that are swapped out between generations");
	ok(oracle(), "the oracle finds nothing");
	is(check_pages(p, N / 4, 10), 0, "the root's pages are as they were");
	munmap(p, N / 2 * PAGE);
	is(used(), 0, "no slot is left");
}

/* --- two areas ------------------------------------------------------------------------------------------------------------------------ */
static void turns(void)
{
	uint32_t *p = pages(2 * N);
	long a, b;

	ok(mkswap("", 1) && !swapon(swap_disk(1), SWAP_FLAG_PREFER | 5), "a second area of the same priority");
	fill_pages(p, 2 * N, 20);
	madvise(p, 2 * N * PAGE, MADV_PAGEOUT);
	a = swaps(0, 3) / 4;
	b = swaps(1, 3) / 4;
	ok(a + b == 2 * N && a > (long)N * 3 / 4 && b > (long)N * 3 / 4, "they share: %ld and %ld pages", a, b);
	is(swapoff(swap_disk(0)), 0, "swapoff of one brings its pages back");
	is(check_pages(p, 2 * N, 20), 0, "... all of them");
	ok(!swapon(swap_disk(0), SWAP_FLAG_PREFER | 9), "on again, with a higher priority");
	fill_pages(p, 2 * N, 21);
	madvise(p, 2 * N * PAGE, MADV_PAGEOUT);
	ok(swaps(0, 3) / 4 > 2 * (long)N - 16 && swaps(1, 3) / 4 < 16, "... it takes all: %ld and %ld pages", swaps(0, 3) / 4, swaps(1, 3) / 4);
	is(check_pages(p, 2 * N, 21), 0, "... and gives it back");
	munmap(p, 2 * N * PAGE);
	is(swapoff(swap_disk(1)), 0, "the second goes");
}

static void full(void)
{
	unsigned n = swaps(0, 2) / 4 + 1000;
	uint32_t *p = pages(n);

	fill_pages(p, n, 30);
	is(madvise(p, n * PAGE, MADV_PAGEOUT), 0, "more pages than slots");
	ok(swaps(0, 2) - swaps(0, 3) < 1024, "nearly every slot is used: %ld kB are left", swaps(0, 2) - swaps(0, 3));
	is(check_pages(p, n, 30), 0, "... nothing is lost");
	munmap(p, n * PAGE);
	is(used(), 0, "all slots are free again");
}

/* --- under load ---------------------------------------------------------------------------------------------------------------------------- */
static void worker(uint32_t seed, int until)
{
	uint32_t *p = pages(N);
	unsigned char c;

	fill_pages(p, N, seed);
	while (read(until, &c, 1) < 0) { /* EAGAIN until the parent closes its end */
		int status;
		pid_t pid;

		madvise(p, N * PAGE, MADV_PAGEOUT);
		pid = fork();
		if (!pid)
			_exit(check_pages(p, N, seed) != 0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status || check_pages(p, N, seed))
			_exit(1);
		fill_pages(p, N, ++seed);
	}
	_exit(0);
}

static void under_load(void)
{
	int gate[2], status, bad = 0, rounds = 0, refused = 0;
	pid_t pid[3];

	if (pipe2(gate, O_NONBLOCK))
		bail("pipe");
	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			close(gate[1]);
			worker(100 * i, gate[0]);
		}
	}
	for (; rounds < 10; rounds++) {
		usleep(100000);
		refused += swapoff(swap_disk(0)) != 0 || swapon(swap_disk(0), 0) != 0;
	}
	close(gate[1]);
	for (int i = 0; i < 3; i++)
		bad += waitpid(pid[i], &status, 0) != pid[i] || status;
	is(refused, 0, "%d times swapoff and swapon under load", rounds);
	is(bad, 0, "... nobody has lost a byte");
	ok(oracle(), "the oracle finds nothing");
	is(used(), 0, "no slot is left");
}

int main(void)
{
	headers();
	on_and_off();
	there_and_back();
	out_from_each_cpu();
	moved();
	family();
	turns();
	full();
	under_load();
	is(swapoff(swap_disk(0)), 0, "swapoff");
	return done();
}
