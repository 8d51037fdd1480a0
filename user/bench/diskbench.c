/* SPDX-License-Identifier: MIT
 * help: files on a disk: sequential, random, cached and mapped reads, writing, many small files; also runs on Linux
 *
 * Needs a folder on a file system with room for --size and some megabytes more, and root, who may drop caches.
 *
 * One line per row, as vmbench prints them:  name value unit.  The unit is ns/op, or with --ticks tk/op: instructions under
 * `tools/run --icount`, where a tick of the time-stamp counter is one. Waiting for the disk is no instruction, but QEMU lets that clock
 * run on while a processor is idle: so with --ticks a child of the lowest class (SCHED_IDLE) counts its own instructions meanwhile,
 * which are taken off. What is left is what this program, the kernel, its threads and its interrupt handlers did.
 *
 *   seq_write    an op is 64 KB, written to a new file; fsync is part of it
 *   seq_read     64 KB, in order, of a file that nothing of is cached          rand_read    4 KB of it, anywhere
 *   hit_read     64 KB, in order, all cached                                   hit_read_4K  4 KB, anywhere, all cached
 *   map_read     a page of a mapping, in order, all cached: with faults and the unmapping
 *   create       a file of 1 KB; sync is part of it                            remove       one of them; sync is part of it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "prog.h"
#include "ticks.h"

#define PAGE 4096u
#define CHUNK 65536u

static u64 size = 1ULL << 30, hot = 256 << 20, files = 10000, reads = 20000, repeat = 1;
static const char *dir = "/mnt";
static char big[300];
static char buf[CHUNK];

static int open_big(int flags)
{
	int fd = open(big, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		die(big);
	return fd;
}

static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	sync();
	if (fd < 0 || write(fd, "3", 1) != 1)
		die("diskbench: drop_caches");
	close(fd);
}

static void expect(u32 found, u64 wanted, const char *what)
{
	if (found == (u32)wanted)
		return;
	fprintf(stderr, "diskbench: %s: page %llu holds %u\n", what, (unsigned long long)wanted, found);
	exit(1);
}

/* Each page begins with its number. */
static void write_all_of_it(void)
{
	int fd = open_big(O_WRONLY | O_CREAT | O_TRUNC);

	for (u64 at = 0; at < size; at += CHUNK) {
		for (u32 o = 0; o < CHUNK; o += PAGE)
			*(u32 *)(buf + o) = (at + o) / PAGE;
		if (write(fd, buf, CHUNK) != CHUNK)
			die("diskbench: write");
	}
	if (fsync(fd))
		die("diskbench: fsync");
	close(fd);
}

static void read_in_order(u64 bytes)
{
	int fd = open_big(O_RDONLY);

	for (u64 at = 0; at < bytes; at += CHUNK) {
		if (read(fd, buf, CHUNK) != CHUNK)
			die("diskbench: read");
		expect(*(u32 *)buf, at / PAGE, "read");
	}
	close(fd);
}

static void read_anywhere(u64 bytes)
{
	int fd = open_big(O_RDONLY);

	for (u32 n = 0; n < reads; n++) {
		u64 page = mix32(n + 1) % (bytes / PAGE);

		if (pread(fd, buf, PAGE, page * PAGE) != PAGE)
			die("diskbench: pread");
		expect(*(u32 *)buf, page, "pread");
	}
	close(fd);
}

static void read_mapped(void)
{
	int fd = open_big(O_RDONLY);
	char *p = mmap(NULL, hot, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		die("diskbench: mmap");
	for (u64 at = 0; at < hot; at += PAGE)
		expect(*(volatile u32 *)(p + at), at / PAGE, "mapped");
	munmap(p, hot);
	close(fd);
}

static const char *small_name(u32 n)
{
	static char name[320];

	snprintf(name, sizeof(name), "%s/small/file%u", dir, n);
	return name;
}

static void create_files(void)
{
	snprintf(buf, sizeof(buf), "%s/small", dir);
	if (mkdir(buf, 0755))
		die(buf);
	memset(buf, 's', 1024);
	for (u32 n = 0; n < files; n++) {
		int fd = open(small_name(n), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		if (fd < 0 || write(fd, buf, 1024) != 1024)
			die(small_name(n));
		close(fd);
	}
	sync();
}

static void remove_files(void)
{
	for (u32 n = 0; n < files; n++)
		if (unlink(small_name(n)))
			die(small_name(n));
	snprintf(buf, sizeof(buf), "%s/small", dir);
	if (rmdir(buf))
		die(buf);
	sync();
}

static void warm(void) { read_in_order(hot); }
static void seq_read(void) { read_in_order(size); }
static void rand_read(void) { read_anywhere(size); }
static void hit_read(void) { read_in_order(hot); }
static void hit_read_4k(void) { read_anywhere(hot); }
static u64 chunks(void) { return size / CHUNK; }
static u64 hot_chunks(void) { return hot / CHUNK; }
static u64 hot_pages(void) { return hot / PAGE; }
static u64 read_count(void) { return reads; }
static u64 file_count(void) { return files; }

static const struct row { const char *name; void (*before)(void), (*run)(void); u64 (*ops)(void); } rows[] = {
	{ "seq_write", sync, write_all_of_it, chunks },
	{ "seq_read", drop_caches, seq_read, chunks },
	{ "rand_read", drop_caches, rand_read, read_count },
	{ "hit_read", warm, hit_read, hot_chunks },
	{ "hit_read_4K", warm, hit_read_4k, read_count },
	{ "map_read", warm, read_mapped, hot_pages },
	{ "create", sync, create_files, file_count },
	{ "remove", sync, remove_files, file_count },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

int main(int argc, char **argv)
{
	static const struct option_def defs[] = {
		{ "size", 's', &size, "of the large file (1G)" },
		{ "hot", 's', &hot, "how much of it the cached rows read (256M)" },
		{ "files", 'n', &files, "small files (10000)" },
		{ "reads", 'n', &reads, "reads of the random rows (20000)" },
		{ "repeat", 'n', &repeat, "rounds of which the best counts (1)" },
		{ "ticks", 'b', &ticks, "ticks of the time-stamp counter, without idle time" },
		{ 0 }
	};
	u64 best[ROWS];
	pid_t child = 0;

	if (argc > 1 && argv[argc - 1][0] == '/')
		dir = argv[--argc];
	parse_options(argc, argv, "[OPTIONS] [FOLDER (/mnt)]: files on a disk", defs);
	snprintf(big, sizeof(big), "%s/big", dir);
	memset(best, 255, sizeof(best));
	if (ticks)
		child = start_spinning();
	for (u32 n = 0; n < repeat; n++)
		for (u32 r = 0; r < ROWS; r++) {
			u64 t;

			rows[r].before();
			begin();
			rows[r].run();
			t = elapsed();
			best[r] = t < best[r] ? t : best[r];
		}
	for (u32 r = 0; r < ROWS; r++)
		printf("%s %.1f %s\n", rows[r].name, (double)best[r] / rows[r].ops(), ticks ? "tk/op" : "ns/op");
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	unlink(big);
	return 0;
}
