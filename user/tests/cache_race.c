/* SPDX-License-Identifier: MIT
 * test: mem=96M smp=4 time=40 linux=no disk=24M:ext2=1024,24M:ext2=4096 block=both
 *
 * One file, and everything at once: it is cut and grows, holes are punched into it, it is written by write(), through
 * mappings and past the cache, synced, dropped from the cache, and read by all. Every word of it is written with its own
 * page's number, so whatever anybody sees is that number or zero; anything else is another page's, or a page that has
 * left its file. On ext2 with small and large blocks, and on tmpfs. At the end the file is what its last writer wrote, and the file
 * system is taken down while its names are.
 */
#define _GNU_SOURCE
#include "disk.h"
#include <linux/falloc.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>

#define PAGE 4096
#define PAGES 96
#define WORDS (PAGE / 4)
static unsigned seed;
static unsigned rnd(unsigned n) { return ((seed = seed * 1664525 + 1013904223) >> 8) % n; }

static int fd, raw, runtime = 2;
static unsigned page[WORDS] __attribute__((aligned(PAGE)));
static sigjmp_buf bus;
static void on_bus(int sig) { siglongjmp(bus, 1); }

static void fill(unsigned n)
{
	for (int i = 0; i < WORDS; i++)
		page[i] = n + 1;
}
/* => the first word that is neither zero nor the page's own, or 0 */
static unsigned strange(const unsigned *p, unsigned n, int words)
{
	for (int i = 0; i < words; i++)
		if (p[i] && p[i] != n + 1)
			return p[i];
	return 0;
}

static bool writer(unsigned *map)
{
	unsigned n = rnd(PAGES), first = rnd(WORDS);

	fill(n);
	return pwrite(fd, page, (WORDS - first) * 4, n * PAGE + first * 4) >= 0 || errno == ENOSPC;
}
static bool storer(unsigned *map)
{
	unsigned n = rnd(PAGES), w = rnd(WORDS), seen;

	if (sigsetjmp(bus, 1))
		return true; /* cut off just now */
	map[n * WORDS + w] = n + 1;
	seen = *(volatile unsigned *)&map[n * WORDS + rnd(WORDS)];
	if (seen && seen != n + 1)
		printf("# page %u is mapped and holds %x\n", n, seen);
	return !seen || seen == n + 1;
}
static bool reader(unsigned *map)
{
	unsigned n = rnd(PAGES), seen;
	bool past = raw >= 0 && !rnd(4);
	int got = pread(past ? raw : fd, page, PAGE, n * PAGE);

	seen = got > 0 ? strange(page, n, got / 4) : 0;
	if (seen)
		printf("# page %u holds %x%s\n", n, seen, past ? " on the disk" : "");
	return got >= 0 && !seen;
}
static bool cutter(unsigned *map)
{
	unsigned words = rnd(PAGES * WORDS);

	usleep(rnd(2000));
	if (rnd(3) == 0 && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, words * 4, rnd(20 * WORDS) * 4 + 4) && errno != EOPNOTSUPP)
		return false;
	return !ftruncate(fd, words * 4) && !ftruncate(fd, PAGES * PAGE);
}
static bool syncer(unsigned *map)
{
	int f;

	switch (rnd(6)) {
	case 0: return !fsync(fd);
	case 1: return !msync(map + rnd(PAGES / 2) * WORDS, PAGES / 2 * PAGE, MS_SYNC);
	case 2: return !posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	case 3: return !madvise(map, PAGES * PAGE, MADV_DONTNEED);
	case 4: return !sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	f = open("/proc/sys/vm/drop_caches", O_WRONLY);
	write(f, "1", 1);
	close(f);
	usleep(1000);
	return true;
}
static bool direct(unsigned *map)
{
	unsigned n = rnd(PAGES);

	if (raw < 0)
		return writer(map);
	fill(n);
	usleep(500);
	return pwrite(raw, page, PAGE, n * PAGE) >= 0 || errno == ENOSPC;
}

static int play(bool (*step)(unsigned *map), int n)
{
	unsigned *map = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	time_t end = time(NULL) + runtime;

	signal(SIGBUS, on_bus);
	seed = 77 * n + getpid();
	for (unsigned i = 0; time(NULL) < end; i++)
		for (int k = 0; k < 20; k++)
			if (!step(map)) {
				printf("# player %d, step %u: errno %d (%s)\n", n, i * 20 + k, errno, strerror(errno));
				fflush(stdout);
				return 1;
			}
	return 0;
}

static void race(const char *dir, const char *what)
{
	static bool (*const players[])(unsigned *) = { writer, storer, reader, cutter, syncer, direct, storer };
	int status, bad = 0, count = sizeof(players) / sizeof(*players);
	char name[64];

	snprintf(name, sizeof(name), "%s/file", dir);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	raw = strstr(what, "tmpfs") ? -1 : open(name, O_RDWR | O_DIRECT);
	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		bail(name);
	for (int n = 0; n < count; n++)
		if (!fork())
			_exit(play(players[n], n));
	while (wait(&status) > 0)
		bad += status != 0;
	is(bad, 0, what);
	for (unsigned n = 0; n < PAGES; n++) {
		fill(n);
		pwrite(fd, page, PAGE, n * PAGE);
	}
	is(fsync(fd), 0, "... fsync");
	for (unsigned n = bad = 0; n < PAGES; n++)
		bad += pread(raw < 0 ? fd : raw, page, PAGE, n * PAGE) != PAGE || strange(page, n, WORDS) || !page[0];
	is(bad, 0, "... the last word is the writer's");
	close(fd);
	close(raw);
}

/* Names and inodes that nobody uses are given up all the time while their file system is taken down. */
static void unmounting(const char *dev)
{
	int rounds = 0;
	char name[40];
	pid_t pid = fork();

	if (!pid)
		for (int f = open("/proc/sys/vm/drop_caches", O_WRONLY);;)
			if (pwrite(f, "2", 1, 0) != 1)
				_exit(1);
	for (bool good = true; good && rounds < 12; rounds += good) {
		good = !mount(dev, "/tmp/race", "ext2", 0, NULL);
		for (int n = 0; n < 150; n++) {
			snprintf(name, sizeof(name), "/tmp/race/%d", n);
			if (n % 3 || access(name, F_OK))
				close(open(name, n % 3 ? O_RDONLY : O_RDONLY | O_CREAT, 0600));
		}
		good = good && !umount("/tmp/race");
	}
	is(rounds, 12, "unmounted while names are dropped");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A file system that is found wanting only when its root has been read leaves nothing of it in memory. */
static void refused(const char *dev, unsigned block)
{
	int fd = open(dev, O_RDWR), before, after;
	uint16_t inode_size, mode, file = S_IFREG | 0644;
	uint32_t table;
	off_t at;

	pread(fd, &inode_size, 2, 1024 + 88);
	pread(fd, &table, 4, (block == 1024 ? 2 * 1024 : block) + 8);
	at = (off_t)table * block + inode_size;
	if (pread(fd, &mode, 2, at) != 2 || !S_ISDIR(mode) || pwrite(fd, &file, 2, at) != 2)
		bail("the root's inode");
	before = mount(dev, "/tmp/race", "ext2", 0, NULL);
	pwrite(fd, &mode, 2, at);
	close(fd);
	after = mount(dev, "/tmp/race", "ext2", 0, NULL);
	ok(before && !after, "mounted once its root is a directory");
	umount("/tmp/race");
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	is(write(fd, "2", 1), 1, "... and its inodes dropped");
	close(fd);
}

static void flush_after(const char *centisecs)
{
	static const char *const names[] = { "/proc/sys/vm/dirty_expire_centisecs", "/proc/sys/vm/dirty_writeback_centisecs" };

	for (int i = 0; i < 2; i++) {
		int f = open(names[i], O_WRONLY);

		if (write(f, i ? centisecs : "1", 1) != 1)
			bail(names[i]);
		close(f);
	}
}

/* Who removes a file has its blocks back at once, though the flusher was just about to write it. */
static void room_again(void)
{
	struct statfs before, after;
	int late = 0;

	flush_after("1");
	memset(page, 1, sizeof(page));
	for (int n = 0; n < 150; n++) {
		int f = open("/tmp/race/gone", O_CREAT | O_RDWR, 0600);

		statfs("/tmp/race", &before);
		for (int k = 0; k < 60; k++)
			write(f, page, PAGE);
		usleep(rnd(12000));
		close(f);
		unlink("/tmp/race/gone");
		statfs("/tmp/race", &after);
		late += after.f_bfree < before.f_bfree;
	}
	is(late, 0, "what a removed file held is free at once");
	flush_after("0");
}

/* The last page of a file is dropped from the cache while the file goes. */
static void dropped_as_it_goes(void)
{
	int drop = open("/proc/sys/vm/drop_caches", O_WRONLY), f;
	unsigned bad = 0;
	pid_t pid = fork();

	if (!pid)
		for (;;)
			if (pwrite(drop, "1", 1, 0) != 1)
				_exit(1);
	for (int i = 0; i < 60; i++) {
		f = open("/tmp/race/going", O_RDWR | O_CREAT, 0600);
		bad += f < 0 || write(f, page, PAGE) != PAGE || fsync(f) || close(f) || unlink("/tmp/race/going");
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(drop);
	is(bad, 0, "files whose last page is being dropped go");
}

int main(void)
{
	const char *kind = access("/dev/vda", F_OK) ? "/dev/sd" : "/dev/vd";
	char dev[16];

	mkdir("/tmp/race", 0700);
	race("/tmp/race", "tmpfs");
	for (int n = 0; n < 2; n++) {
		snprintf(dev, sizeof(dev), "%s%c", kind, 'a' + n);
		if (mount(dev, "/tmp/race", "ext2", 0, NULL))
			bail(dev);
		race("/tmp/race", n ? "ext2, 4 KB blocks" : "ext2, 1 KB blocks");
		unlink("/tmp/race/file");
		if (n) {
			room_again();
			dropped_as_it_goes();
		}
		is(umount("/tmp/race"), 0, "... unmounted");
		refused(dev, n ? 4096 : 1024);
		if (!n)
			unmounting(dev);
	}
	unlink("/tmp/race/file");
	return done();
}
