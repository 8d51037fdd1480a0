/* SPDX-License-Identifier: MIT
 *
 * The load under tools/tests/boots/powercut.py, not a test by itself: until the power goes, four processes write, append,
 * replace and delete files with fsync, fdatasync, msync and sync, a fifth makes noise without ever waiting. What is about
 * to happen and what the kernel has confirmed is told on standard output, a line each:
 *
 *	b FILE VERSION          replacing begins: from now on the old version or the new one
 *	c FILE VERSION SIZE     confirmed: of this version at least SIZE bytes
 *	d FILE                  deleting begins: from now on perhaps not there
 *	g FILE                  confirmed: gone
 *
 * What begins waits until the host has heard of it: it answers b and d with the worker's digit on standard input.
 *
 * A file consists of lines of 64 bytes that name file, version and place.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE 64
#define WORKERS 4
#define FILES 12
#define MAX_LINES 5000

static unsigned seed;
static struct { unsigned version, lines; char there; } file[FILES];
static unsigned me;

static unsigned rnd(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void __attribute__((noreturn)) fail(const char *what)
{
	printf("! worker %u: %s: %s\n", me, what, strerror(errno));
	fflush(stdout);
	exit(1);
}
#define MUST(x) ((x) ? (void)0 : fail(#x))

static int answers[WORKERS][2]; /* pipes: a byte for each b or d that the host has seen */

static void say(const char *fmt, ...)
{
	char line[100];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	MUST(write(1, line, n) == n);
}

#define announce(...) do { char c_; say(__VA_ARGS__); MUST(read(answers[me][0], &c_, 1) == 1); } while (0)

/* Some directories come and go with their file: their names must be on the disk as well. */
static void path_of(char *p, unsigned f, const char *suffix)
{
	if (f % 3 == 2)
		sprintf(p, "w%u/sub%u/deep/f%u%s", me, f, f, suffix);
	else
		sprintf(p, "w%u/f%u%s", me, f, suffix);
}

static void fill(char *buf, unsigned f, unsigned version, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		memset(buf + i * LINE, '.', LINE);
		buf[i * LINE + sprintf(buf + i * LINE, "w%u f%u version %u line %u ", me, f, version, first + i)] = '.';
		buf[i * LINE + LINE - 1] = '\n';
	}
}

static void put(int fd, unsigned f, unsigned version, unsigned first, unsigned n)
{
	static char buf[300 * LINE];

	while (n) {
		unsigned here = n < 300 ? n : 300;

		fill(buf, f, version, first, here);
		MUST(pwrite(fd, buf, here * LINE, (off_t)first * LINE) == (ssize_t)(here * LINE));
		first += here;
		n -= here;
	}
}

static unsigned some_lines(void) { return 1 + (rnd(3) ? rnd(60) : rnd(MAX_LINES / 3)); }

static void confirm(int fd)
{
	if (rnd(8) == 0)
		sync();
	else
		MUST(!(rnd(2) ? fsync(fd) : fdatasync(fd)));
}

static void op_create(unsigned f)
{
	char path[80], dir[80];
	int fd;

	path_of(path, f, "");
	if (f % 3 == 2) {
		sprintf(dir, "w%u/sub%u", me, f);
		mkdir(dir, 0755);
		strcat(dir, "/deep");
		mkdir(dir, 0755);
	}
	file[f].version++;
	announce("b w%u/f%u %u\n", me, f, file[f].version);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
	MUST(fd >= 0);
	file[f].lines = some_lines();
	file[f].there = 1;
	put(fd, f, file[f].version, 0, file[f].lines);
	confirm(fd);
	say("c w%u/f%u %u %u\n", me, f, file[f].version, file[f].lines * LINE);
	close(fd);
}

static void op_append(unsigned f)
{
	unsigned n = some_lines();
	char path[80];
	int fd;

	if (file[f].lines + n > MAX_LINES)
		return;
	path_of(path, f, "");
	fd = open(path, O_WRONLY | (rnd(4) ? 0 : O_DSYNC));
	MUST(fd >= 0);
	put(fd, f, file[f].version, file[f].lines, n);
	file[f].lines += n;
	confirm(fd);
	say("c w%u/f%u %u %u\n", me, f, file[f].version, file[f].lines * LINE);
	close(fd);
}

/* The end is made longer by truncate, and written through a mapping. */
static void op_map(unsigned f)
{
	unsigned n = 1 + rnd(100);
	char path[80], *p;
	int fd;

	if (file[f].lines + n > MAX_LINES)
		return;
	path_of(path, f, "");
	fd = open(path, O_RDWR);
	MUST(fd >= 0 && !ftruncate(fd, (file[f].lines + n) * LINE));
	p = mmap(NULL, (file[f].lines + n) * LINE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(p != MAP_FAILED);
	fill(p + file[f].lines * LINE, f, file[f].version, file[f].lines, n);
	MUST(!msync(p, (file[f].lines + n) * LINE, MS_SYNC));
	file[f].lines += n;
	say("c w%u/f%u %u %u\n", me, f, file[f].version, file[f].lines * LINE);
	munmap(p, file[f].lines * LINE);
	close(fd);
}

/* The way to replace a file at one blow. */
static void op_replace(unsigned f)
{
	char path[80], new[80];
	int fd;

	path_of(path, f, "");
	path_of(new, f, ".new");
	fd = open(new, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	MUST(fd >= 0);
	file[f].version++;
	file[f].lines = some_lines();
	put(fd, f, file[f].version, 0, file[f].lines);
	MUST(!fsync(fd));
	announce("b w%u/f%u %u\n", me, f, file[f].version);
	MUST(!rename(new, path));
	if (rnd(2)) {
		MUST(!fsync(fd));
		say("c w%u/f%u %u %u\n", me, f, file[f].version, file[f].lines * LINE);
	}
	close(fd);
}

static void op_delete(unsigned f)
{
	char path[80];
	int fd;

	path_of(path, f, "");
	announce("d w%u/f%u\n", me, f);
	MUST(!unlink(path));
	file[f].there = 0;
	if (rnd(2)) {
		*strrchr(path, '/') = 0;
		fd = open(path, O_RDONLY | O_DIRECTORY);
		MUST(fd >= 0 && !fsync(fd));
		close(fd);
		say("g w%u/f%u\n", me, f);
	} else if (f % 3 == 2) { /* and the directories with it */
		*strrchr(path, '/') = 0;
		MUST(!rmdir(path));
		*strrchr(path, '/') = 0;
		MUST(!rmdir(path));
	}
}

static void work(void)
{
	for (;;) {
		unsigned f = rnd(FILES);

		if (!file[f].there) {
			op_create(f);
			continue;
		}
		switch (rnd(5)) {
		case 0: case 1: op_append(f); break;
		case 2: op_map(f); break;
		case 3: op_replace(f); break;
		case 4: op_delete(f); break;
		}
	}
}

/* Blocks and inodes change their owners all the time. */
static void noise(void)
{
	static char buf[200000];
	char path[40];

	memset(buf, 7, sizeof(buf)); /* as block numbers: possible ones */
	for (;;) {
		int fd;

		sprintf(path, "noise/%u", rnd(40));
		switch (rnd(4)) {
		case 0: unlink(path); break;
		case 1: truncate(path, rnd(100000)); break;
		default:
			fd = open(path, O_CREAT | O_WRONLY, 0600);
			MUST(fd >= 0);
			if (pwrite(fd, buf, rnd(sizeof(buf)), rnd(2) ? 0 : rnd(2000000)) < 0)
				MUST(errno == ENOSPC);
			close(fd);
		}
		usleep(1000);
	}
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? atoi(argv[1]) : 1;
	mkdir("/mnt", 0755);
	MUST(!mount(argc > 2 ? argv[2] : "/dev/vda", "/mnt", "ext2", 0, NULL) && !chdir("/mnt"));
	for (me = 0; me <= WORKERS; me++) {
		char dir[20];

		sprintf(dir, "w%u", me);
		mkdir(me < WORKERS ? dir : "noise", 0755);
		if (me < WORKERS)
			MUST(!pipe(answers[me]));
		if (fork())
			continue;
		seed += me * 7919;
		if (me == WORKERS)
			noise();
		work();
	}
	for (;;) {
		char c;

		MUST(read(0, &c, 1) == 1 && c >= '0' && c < '0' + WORKERS);
		MUST(write(answers[c - '0'][1], &c, 1) == 1);
	}
}
