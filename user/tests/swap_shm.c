/* SPDX-License-Identifier: MIT
 * test: mem=160M smp=2 time=40 disk=24M block=both linux=no
 *
 * tmpfs files and shared anonymous memory in swap: reads, writes, faults, holes, truncation, SEEK_DATA, private copies over them, fork,
 * unlinking, swapoff; System V segments, locked and not.
 */
#define _GNU_SOURCE
#include "swap.h"
#include <pthread.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define N 1024u
#define WORDS (PAGE / 4)

static int file;
static uint32_t *map; /* of the file, shared */
static uint32_t buf[WORDS];

static long used(void) { return swaps(0, 3) / 4; }
/* What was cut while it was read or written gives its slot back when that has ended. => slots used, then */
static long used_soon(long want)
{
	(void)eventually(used() <= want);
	return used();
}

static uint32_t *map_file(int prot, int flags)
{
	uint32_t *p = mmap(NULL, N * PAGE, prot, flags, file, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}

static void make(uint32_t seed)
{
	file = open("/tmp/swapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0 || ftruncate(file, N * PAGE))
		bail("/tmp/swapped");
	map = map_file(PROT_READ | PROT_WRITE, MAP_SHARED);
	fill_pages(map, N, seed);
}

static void out(void) { madvise(map, N * PAGE, MADV_PAGEOUT); }

static bool page_is(unsigned page, uint32_t seed)
{
	if (pread(file, buf, PAGE, (off_t)page * PAGE) != PAGE)
		return false;
	for (unsigned k = 0; k < WORDS; k++)
		if (buf[k] != (seed ? key_of(seed, page) + k : 0))
			return false;
	return true;
}

static unsigned wrong_by_read(unsigned from, unsigned to, uint32_t seed)
{
	unsigned bad = 0;

	while (from < to)
		bad += !page_is(from++, seed);
	return bad;
}

static void forget(void)
{
	munmap(map, N * PAGE);
	close(file);
	unlink("/tmp/swapped");
}

static void there_and_back(void)
{
	struct stat before, st;
	long shmem;

	make(1);
	fstat(file, &before);
	shmem = proc_field("/proc/meminfo", "Shmem:");
	out();
	ok(used() > (long)N - 8, "a tmpfs file goes to swap: %ld of %u pages", used(), N);
	ok(shmem - proc_field("/proc/meminfo", "Shmem:") > (long)(N - 8) * 4, "Shmem says so");
	fstat(file, &st);
	is(st.st_blocks, before.st_blocks, "its blocks are still counted");
	is(wrong_by_read(0, N, 1), 0, "read(2) brings it back");
	out();
	is(check_pages(map, N, 1), 0, "so do faults");
	out();
	fill_pages(map, N, 2);
	is(wrong_by_read(0, N, 2), 0, "written through the mapping");
	out();
	for (unsigned i = 0; i < N; i += 2) {
		for (unsigned k = 0; k < WORDS; k++)
			buf[k] = key_of(3, i) + k;
		if (pwrite(file, buf, PAGE / 2, (off_t)i * PAGE) != PAGE / 2 || pwrite(file, buf + WORDS / 2, PAGE / 2, (off_t)i * PAGE + PAGE / 2) != PAGE / 2)
			bail("pwrite");
	}
	is(page_is(0, 3) && page_is(1, 2) && page_is(N - 2, 3) && page_is(N - 1, 2), 1, "half a page written with write(2): the other half is kept");
	out();
	forget();
	is(used_soon(0), 0, "closed and removed: no slot is left");
}

static void holes(void)
{
	make(4);
	out();
	is(lseek(file, 100, SEEK_DATA), 100, "SEEK_DATA sees what is in swap");
	is(lseek(file, 0, SEEK_HOLE), N * PAGE, "SEEK_HOLE too");
	is(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10 * PAGE, 90 * PAGE), 0, "a hole is punched into it");
	ok(used() <= (long)N - 90, "... its slots are free");
	ok(page_is(9, 4) && page_is(10, 0) && page_is(99, 0) && page_is(100, 4), "... zeroes there, and only there");
	is(lseek(file, 0, SEEK_HOLE), 10 * PAGE, "... SEEK_HOLE finds it");
	out();
	is(ftruncate(file, 500 * PAGE + 100), 0, "its end moves down into a swapped page");
	ok(used_soon(411) <= 411, "... the slots beyond are free: %ld are used", used());
	is(ftruncate(file, N * PAGE), 0, "... and up again");
	ok(!pread(file, buf, PAGE, 500 * PAGE) == 0 && buf[24] == key_of(4, 500) + 24 && !buf[25] && !buf[WORDS - 1], "... the page's tail is zeroes");
	is(wrong_by_read(501, N, 0), 0, "... and so are the pages after it");
	is(fallocate(file, 0, 0, N * PAGE), 0, "fallocate over swapped pages and holes");
	ok(page_is(9, 4) && page_is(20, 0) && page_is(499, 4), "... changes no byte");
	forget();
	is(used_soon(0), 0, "removed: no slot is left");
}

static void copies(void)
{
	uint32_t *private;
	int status;
	pid_t pid;

	make(5);
	private = map_file(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (unsigned i = 0; i < N; i += 2)
		private[i * WORDS] = i;
	madvise(private, N * PAGE, MADV_PAGEOUT);
	out();
	pid = fork();
	if (!pid) {
		for (unsigned i = 0; i < N; i++)
			if (private[i * WORDS] != (i % 2 ? key_of(5, i) : i) || map[i * WORDS] != key_of(5, i))
				_exit(1);
		private[0] = 77;
		map[WORDS] = 99;
		_exit(0);
	}
	ok(waitpid(pid, &status, 0) == pid && !status, "private copies over a swapped file, in a child");
	ok(private[0] == 0 && private[WORDS] == 99 && map[WORDS] == 99, "private stays private, shared is shared");
	out();
	madvise(private, N * PAGE, MADV_PAGEOUT);
	is(ftruncate(file, 0), 0, "truncated to nothing");
	is(used_soon(0), 0, "... takes the private copies' slots too");
	munmap(private, N * PAGE);
	forget();
	is(used_soon(0), 0, "no slot is left");
}

/* Dropped while neighbours are being read for it: every page is locked by its read. */
static void dropped_while_read(void)
{
	unsigned late = 0;

	for (unsigned round = 0; round < 20; round++) {
		uint32_t *p = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		fill_pages(p, N, round);
		madvise(p, N * PAGE, MADV_PAGEOUT);
		madvise(p, N * PAGE, MADV_WILLNEED);
		munmap(p, N * PAGE);
		late += used();
	}
	printf("# %u pages were under way when their last user went\n", late);
	is(used_soon(0), 0, "unmapped while it is read back: no slot is left");
}

static void anonymous(void)
{
	uint32_t *p = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (p == MAP_FAILED)
		bail("mmap");
	fill_pages(p, N, 6);
	madvise(p, N * PAGE, MADV_PAGEOUT);
	ok(used() > (long)N - 8, "shared anonymous memory goes to swap: %ld pages", used());
	pid = fork();
	if (!pid) {
		if (check_pages(p, N, 6))
			_exit(1);
		fill_pages(p, N, 7);
		_exit(0);
	}
	ok(waitpid(pid, &status, 0) == pid && !status, "a child finds it as it was");
	is(check_pages(p, N, 7), 0, "we find what the child wrote");
	madvise(p, N * PAGE, MADV_PAGEOUT);
	ok(oracle(), "the oracle finds nothing");
	is(swapoff(swap_disk(0)), 0, "swapoff brings it back");
	is(check_pages(p, N, 7), 0, "... all of it");
	is(swapon(swap_disk(0), 0), 0, "swapon");
	madvise(p, N * PAGE, MADV_PAGEOUT);
	munmap(p, N * PAGE);
	is(used_soon(0), 0, "unmapped for the last time: no slot is left");
}

static void segment(void)
{
	struct shm_info use = { 0 };
	int id = shmget(IPC_PRIVATE, N * PAGE, 0600);
	uint32_t *p = shmat(id, NULL, 0);

	if (p == (void *)-1)
		bail("shmat");
	fill_pages(p, N, 8);
	is(shmctl(id, SHM_LOCK, NULL), 0, "SHM_LOCK");
	madvise(p, N * PAGE, MADV_PAGEOUT);
	is(used(), 0, "... keeps a segment in memory");
	is(shmctl(id, SHM_UNLOCK, NULL), 0, "SHM_UNLOCK");
	madvise(p, N * PAGE, MADV_PAGEOUT);
	shmctl(0, SHM_INFO, (void *)&use);
	ok(used() > (long)N - 8 && use.shm_swp > N - 8, "... lets it go to swap, and SHM_INFO says so");
	is(shmdt(p), 0, "shmdt");
	ok(used() > (long)N - 8, "... it stays there");
	p = shmat(id, NULL, SHM_RDONLY);
	is(check_pages(p, N, 8), 0, "... and comes back to who attaches it");
	shmctl(id, IPC_RMID, NULL);
	shmdt(p);
	is(used_soon(0), 0, "removed: no slot is left");
}

static void *empty_swap(void *arg)
{
	return (void *)(long)swapoff(swap_disk(0));
}

/* A tmpfs is unmounted while swapoff brings its pages back, or has just met its file. */
static void gone_with_its_file_system(void)
{
	unsigned bad = 0;
	pthread_t t;
	void *err;

	mkdir("/tmp/going", 0700);
	for (unsigned i = 0; i < 24; i++) {
		bad += mount("none", "/tmp/going", "tmpfs", 0, NULL) != 0;
		file = open("/tmp/going/file", O_RDWR | O_CREAT, 0600);
		if (file < 0 || ftruncate(file, N * PAGE))
			bail("/tmp/going/file");
		map = map_file(PROT_READ | PROT_WRITE, MAP_SHARED);
		for (unsigned k = 0; k < N / 4; k++)
			map[k * WORDS] = k;
		out();
		munmap(map, N * PAGE);
		close(file);
		if (pthread_create(&t, NULL, empty_swap, NULL))
			bail("thread");
		usleep(i * 400); /* at another point each time */
		bad += umount("/tmp/going") != 0;
		pthread_join(t, &err);
		bad += err || swapon(swap_disk(0), 0);
	}
	is(bad, 0, "a file system goes while swapoff is at its file");
	rmdir("/tmp/going");
}

int main(void)
{
	ok(mkswap("", 0) && !swapon(swap_disk(0), 0), "swap");
	there_and_back();
	holes();
	copies();
	dropped_while_read();
	anonymous();
	segment();
	gone_with_its_file_system();
	is(swapoff(swap_disk(0)), 0, "swapoff");
	return done();
}
