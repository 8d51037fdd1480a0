/* SPDX-License-Identifier: MIT
 * test: mem=1536M smp=2 time=40 disk=64M:dos block=both linux=no
 *
 * A disk as a file: its size, its ends, its partitions; random reads and writes against a model, past the cache again and
 * again; several processes that write beside each other in the same pages; a loop device whose place in its file changes.
 */
#define _GNU_SOURCE
#include "disk.h"
#include <linux/loop.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef HIGH
#define HIGH 0 /* disk_high.c: memory lies beyond 4 GB */
#endif
#define REGION (6 << 20)
#define LONGEST 200000

static void *volatile nowhere = (void *)8;
static unsigned seed;
static unsigned rnd(void) { return (seed = seed * 1103515245u + 12345u) >> 8; }
static char model[REGION], buf[LONGEST];

static void sizes(int fd)
{
	unsigned long sectors = 0;
	uint64_t bytes = 0;
	int size = 0, ro = 1;

	is(ioctl(fd, BLKGETSIZE64, &bytes), 0, "BLKGETSIZE64");
	is(bytes, 64 << 20, "... is the image's size");
	is(ioctl(fd, BLKGETSIZE, &sectors), 0, "BLKGETSIZE");
	is(sectors, bytes / 512, "... in sectors");
	is(ioctl(fd, BLKSSZGET, &size), 0, "BLKSSZGET");
	is(size, 512, "... 512");
	ok(!ioctl(fd, BLKROGET, &ro) && !ro, "it can be written");
	is(lseek64(fd, 0, SEEK_END), bytes, "SEEK_END");
	is(pread64(fd, buf, 100, bytes), 0, "nothing behind the end");
	is(pread64(fd, buf, 100, bytes - 10), 10, "... and little before it");
	fails(pwrite64(fd, buf, 1, bytes), ENOSPC, "no room behind the end");
	is(pwrite64(fd, "0123456789", 10, bytes - 5), 5, "a write is cut there");
	fails(ioctl(fd, BLKFLSBUF + 77, 0), ENOTTY, "an unknown ioctl");
	fails(pread64(fd, nowhere, 100, 0), EFAULT, "a bad buffer");
	fails(pwrite64(fd, nowhere, 8192, 0), EFAULT, "... to write from");
}

static void partitions(int fd)
{
	int part = open_disk("1", O_RDWR), fifth = open_disk("5", O_RDWR);
	char back[600];
	uint64_t bytes = 0;

	ok(part >= 0 && fifth >= 0, "partitions 1 and 5 are there");
	ioctl(part, BLKGETSIZE64, &bytes);
	is(bytes, 20480 * 512, "the first one's size");
	is(pwrite(part, "first sector", 12, 0), 12, "write to it");
	is(pwrite(fifth, "fifth", 5, 700), 5, "... and to a logical one");
	fails(pwrite64(part, "x", 1, bytes), ENOSPC, "... not beyond its end");
	is(fsync(part) | fsync(fifth), 0, "... and to the disk");
	is(ioctl(fd, BLKFLSBUF, 0), 0, "BLKFLSBUF");
	is(pread(fd, back, 600, 2048 * 512), 600, "the disk holds it");
	ok(!memcmp(back, "first sector", 12), "... where the partition starts");
	pread(fd, back, 600, 36864 * 512 + 700);
	ok(!memcmp(back, "fifth", 5), "... and the logical one");
	fails(open_disk("4", O_RDONLY), ENOENT, "an extended one is no device");
	close(part);
	close(fifth);
}

static void mapping(int fd)
{
	char *p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 4096 * 512), *q;

	pwrite(fd, "mapped", 6, 4096 * 512 + 5000);
	ok(p != MAP_FAILED && !memcmp(p + 5000, "mapped", 6), "a mapping shows what was written");
	q = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096 * 512);
	ok(q != MAP_FAILED && (q[5000] = 'M') && p[5000] == 'm', "a private one keeps its changes");
	munmap(q, 8192);
	q = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096 * 512);
	ok(q != MAP_FAILED && (q[5000] = 'N') && p[5000] == 'N', "a shared one shows them");
	is(msync(q, 8192, MS_SYNC), 0, "... msync");
	munmap(p, 8192);
	munmap(q, 8192);
	ioctl(fd, BLKFLSBUF, 0);
	ok(pread(fd, buf, 6, 4096 * 512 + 5000) == 6 && !memcmp(buf, "Napped", 6), "... and the disk has them");
}

/* => true if the region at `base` behaved like an array of bytes */
static bool play(int fd, off64_t base, unsigned size, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		unsigned len = rnd() % (rnd() % 4 ? 5000 : LONGEST) + 1, at = rnd() % (size - len);

		if (rnd() % 2) {
			for (unsigned k = 0; k < len; k += 1 + k % 7)
				model[at + k] = rnd();
			if (pwrite64(fd, model + at, len, base + at) != (ssize_t)len) {
				printf("# write of %u at %u: %s\n", len, at, strerror(errno));
				return false;
			}
		} else if (pread64(fd, buf, len, base + at) != (ssize_t)len || memcmp(buf, model + at, len)) {
			printf("# read of %u at %u (+%lld) differs\n", len, at, (long long)base);
			return false;
		}
		if (rnd() % 16 == 0)
			ioctl(fd, BLKFLSBUF, 0);
		if (rnd() % 32 == 0 && fsync(fd))
			return false;
	}
	return true;
}

static bool verify(int fd, off64_t base, unsigned size)
{
	for (unsigned at = 0; at < size; at += LONGEST) {
		unsigned len = size - at < LONGEST ? size - at : LONGEST;

		if (pread64(fd, buf, len, base + at) != (ssize_t)len || memcmp(buf, model + at, len))
			return false;
	}
	return true;
}

static void random_access(int fd)
{
	off64_t base = 20 << 20;

	pread64(fd, model, REGION, base);
	ok(play(fd, base, REGION, 600), "random reads and writes are those of an array");
	is(fsync(fd), 0, "fsync");
	ioctl(fd, BLKFLSBUF, 0);
	ok(verify(fd, base, REGION), "... and so is the whole, read again");
}

/* Regions that share their first and last pages with their neighbours'. */
static void several(int fd)
{
	enum { WRITERS = 4, SIZE = (1 << 20) + 512 * 3 };
	int status, good = 0;

	for (int n = 0; n < WRITERS; n++)
		if (!fork()) {
			int own = open_disk("", O_RDWR);

			seed = 1000 + n;
			pread64(own, model, SIZE, (40 << 20) + n * SIZE);
			_exit(!play(own, (40 << 20) + n * SIZE, SIZE, 200) || !verify(own, (40 << 20) + n * SIZE, SIZE));
		}
	while (wait(&status) > 0)
		good += !status;
	is(good, WRITERS, "processes beside each other");
}

static const uint64_t places[] = { 4ULL << 30, 4096 };

static void __attribute__((noreturn)) move_on_and_on(void)
{
	struct loop_info64 info = { .lo_sizelimit = 512 };
	int loop = open("/dev/loop0", O_RDWR);

	for (unsigned n = 1;; n++) {
		info.lo_offset = places[n % 2];
		if (ioctl(loop, LOOP_SET_STATUS64, &info))
			_exit(1);
	}
}

/* Each read finds the old place or the new one. The file is empty where half of the one and half of the other offset lead to. */
static void moving(void)
{
	static char sector[512] __attribute__((aligned(512)));
	struct loop_info64 info = { .lo_sizelimit = 512, .lo_offset = places[0] };
	int file = open("/tmp/moving", O_CREAT | O_RDWR, 0600), loop = open("/dev/loop0", O_RDWR | O_DIRECT), status = 0;
	unsigned changes = 0, others = 0;
	char last = 0;
	pid_t pid;

	for (unsigned i = 0; i < 2; i++) {
		memset(sector, 'A' + i, sizeof(sector));
		pwrite64(file, sector, sizeof(sector), places[i]);
	}
	ok(!ioctl(loop, LOOP_SET_FD, file) && !ioctl(loop, LOOP_SET_STATUS64, &info), "a loop device in a sector of a file");
	pid = fork();
	if (!pid)
		move_on_and_on();
	while (changes < 1000 && !waitpid(pid, &status, WNOHANG) && pread(loop, sector, sizeof(sector), 0) == (ssize_t)sizeof(sector)) {
		changes += sector[0] != last;
		last = sector[0];
		others += last != 'A' && last != 'B';
	}
	is(changes, 1000, "it moves while it is read");
	is(others, 0, "... from one place to the other, by no third one");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	is(ioctl(loop, LOOP_CLR_FD, 0), 0, "... and is taken off");
	close(loop), close(file), unlink("/tmp/moving");
}

int main(void)
{
	int fd = open_disk("", O_RDWR);
	long bounced = vmstat("bounce");

	if (fd < 0)
		bail("no disk");
	seed = 42;
	sizes(fd);
	partitions(fd);
	mapping(fd);
	random_access(fd);
	several(fd);
	moving();
	bounced = vmstat("bounce") - bounced;
	printf("# %ld pages bounced\n", bounced);
	ok(HIGH && disk[5] == 's' ? bounced > 1000 : !bounced, "bounce pages where they are needed, and only there");
	is(vmstat("blk_error"), 0, "no error");
	return done();
}
