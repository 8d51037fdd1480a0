/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=30
 *
 * remap_file_pages(2) as its manual page has it, and whatever walks an address space afterwards: the same on Linux, which only emulates the
 * call. What is Isthmus's own (locked memory, who may, MAP_NONLINEAR) is in vm_nonlinear_own.c.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "peek.h"
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#define P 4096UL
#define N 32 /* pages of the file */
#define RW (PROT_READ | PROT_WRITE)

static int fd;

static int in_file(unsigned page)
{
	int v = -9;

	return pread(fd, &v, sizeof(v), page * P) == sizeof(v) ? v : -8;
}

/* A file whose page n begins with n + 100. */
static void new_file(void)
{
	if (fd)
		close(fd);
	fd = memfd_create("nonlinear", 0);
	if (fd < 0 || ftruncate(fd, N * P))
		bail("memfd");
	for (int i = 0; i < N; i++) {
		int v = i + 100;

		if (pwrite(fd, &v, sizeof(v), i * P) != sizeof(v))
			bail("pwrite");
	}
}

static char *window(int pages, int prot)
{
	char *p = mmap(NULL, pages * P, prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}

static int shows(const char *p, const int *want, int n)
{
	int wrong = 0;

	for (int i = 0; i < n; i++) {
		long v = peek(p + i * P);

		if (v != want[i]) {
			printf("# slot %d shows %ld, not %d\n", i, v, want[i]);
			wrong++;
		}
	}
	return wrong;
}
#define SHOWS(p, what, ...) do { const int _w[] = { __VA_ARGS__ }; is(shows(p, _w, sizeof(_w) / sizeof(_w[0])), 0, what); } while (0)

static void arguments(void)
{
	char *p = window(8, RW), *private = mmap(NULL, P, RW, MAP_PRIVATE, fd, 0), *anon = mmap(NULL, P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct utsname u;

	fails(remap_file_pages(p, P, PROT_READ, 1, 0), EINVAL, "prot must be 0");
	fails(remap_file_pages(private, P, 0, 1, 0), EINVAL, "a private mapping");
	fails(remap_file_pages(anon, P, 0, 1, 0), EINVAL, "private anonymous memory");
	fails(remap_file_pages(p, 0, 0, 1, 0), EINVAL, "no size");
	fails(remap_file_pages(p, P - 1, 0, 1, 0), EINVAL, "size is rounded down to nothing");
	fails(remap_file_pages(p + 4 * P, -4 * P, 0, 1, 0), EINVAL, "a size that wraps");
	fails(remap_file_pages(p + 4 * P, 8 * P, 0, 1, 0), EINVAL, "more than the area");
	uname(&u);
	if (u.machine[0] == 'i') { /* else page numbers have more bits */
		fails(syscall(SYS_remap_file_pages, p, P, 0, 0xffffffff, 0), EINVAL, "an offset that wraps");
		fails(syscall(SYS_remap_file_pages, p, 3 * P, 0, 0xfffffffe, 0), EINVAL, "an end that wraps");
	}
	munmap(anon, P);
	fails(remap_file_pages(anon, P, 0, 1, 0), EINVAL, "no mapping");
	fails(remap_file_pages((void *)0xf0000000, P, 0, 1, 0), EINVAL, "the kernel");
	is(remap_file_pages(p + P, P, 0, 1, 0), 0, "what is there anyway");
	SHOWS(p, "nothing has changed", 100, 101, 102, 103);
	is(remap_file_pages(p + P + 5, P + 7, 0, 9, 0), 0, "start and size are rounded down");
	SHOWS(p, "one page", 100, 109, 102, 103);
	is(remap_file_pages(p + 2 * P, P, 0, 3, 0x40000000), 0, "unknown flags are ignored");
	munmap(private, P);
	munmap(p, 8 * P);
}

static void rearranged(void)
{
	char *p = window(8, RW);

	for (int i = 0; i < 4; i++)
		poke(p + i * P, 200 + i); /* mapped, linear, dirty */
	is(remap_file_pages(p, 4 * P, 0, 20, 0), 0, "four pages at once");
	SHOWS(p, "they and their neighbours", 120, 121, 122, 123, 104, 105, 106, 107);
	is(in_file(2), 202, "what was written before is in the file");
	for (int i = 0; i < 8; i++)
		is(remap_file_pages(p + i * P, P, 0, 7 - i, 0), 0, "reversed");
	SHOWS(p, "reversed", 107, 106, 105, 104, 203, 202, 201, 200);
	is(remap_file_pages(p, P, 0, 5, 0) | remap_file_pages(p + P, P, 0, 5, 0), 0, "one page twice");
	poke(p, 555);
	SHOWS(p, "is one page", 555, 555, 555);
	is(in_file(5), 555, "of the file");
	is(remap_file_pages(p + 3 * P, P, 0, 30, MAP_NONBLOCK), 0, "MAP_NONBLOCK");
	SHOWS(p + 3 * P, "comes with the touch", 130, 203);
	is(remap_file_pages(p + 3 * P, 3 * P, 0, N - 1, 0), 0, "beyond the end");
	SHOWS(p + 3 * P, "is SIGBUS", 100 + N - 1, -1, -1, 201);
	munmap(p, 8 * P);
}

static void cut(void)
{
	char *p = window(8, RW);

	is(remap_file_pages(p, 4 * P, 0, 10, 0) | remap_file_pages(p + 4 * P, P, 0, 20, 0), 0, "placed");
	SHOWS(p, "there", 110, 111, 112, 113, 120);
	is(ftruncate(fd, 12 * P), 0, "the file is cut");
	SHOWS(p, "cut slots are SIGBUS, not another page", 110, 111, -1, -1, -1, 105);
	is(ftruncate(fd, N * P), 0, "and grows again");
	SHOWS(p, "zeroes there", 110, 111, 0, 0, 0, 105);
	is(poke(p + 2 * P, 77), 0, "and one can write");
	is(in_file(12), 77, "into the file");
	is(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10 * P, 2 * P), 0, "a hole");
	SHOWS(p, "is zeroes", 0, 0, 77);
	poke(p + P, 78);
	is(in_file(11), 78, "of the file still");
	for (int i = 0; i < N; i++) /* most of them are shown nowhere */
		(void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * P, P);
	SHOWS(p, "holes of one page each", 0, 0, 0, 0, 0, 0);
	munmap(p, 8 * P);
}

static void parts(void)
{
	char *p = window(8, RW), *q;
	unsigned char vec[8];

	for (int i = 0; i < 8; i++)
		remap_file_pages(p + i * P, P, 0, 15 - i, 0);
	is(munmap(p + 3 * P, P), 0, "munmap of one in the middle");
	SHOWS(p, "the others stay", 115, 114, 113, -2, 111, 110, 109, 108);
	is(mprotect(p + 4 * P, 4 * P, PROT_READ), 0, "mprotect of the rest");
	is(poke(p + 5 * P, 1), -2, "no writing there");
	is(poke(p, 900), 0, "but here");
	SHOWS(p, "all read", 900, 114, 113, -2, 111, 110, 109, 108);
	is(remap_file_pages(p + 5 * P, P, 0, 1, 0), 0, "moved while read-only");
	is(poke(p + 5 * P, 1), -2, "which it stays");
	is(mprotect(p + 4 * P, 4 * P, RW), 0, "writable again");
	is(poke(p + 5 * P, 901), 0, "written");
	is(in_file(1), 901, "in the file");
	is(mprotect(p, 3 * P, PROT_NONE), 0, "no access");
	SHOWS(p, "at all", -2, -2, -2);
	is(mprotect(p, 3 * P, RW), 0, "again");
	SHOWS(p, "all there", 900, 114, 113);
	is(mincore(p, 3 * P, vec) | vec[0] | vec[2], 1, "mincore");
	q = mmap(NULL, 16 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	is(mremap(p, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, q + 3 * P) == q + 3 * P, 1, "mremap moves a slot");
	SHOWS(q + 3 * P, "and its page", 900);
	is(remap_file_pages(q + 3 * P, P, 0, 2, 0), 0, "which can still be moved");
	SHOWS(q + 3 * P, "as before", 102);
	munmap(q, 16 * P);
	munmap(p, 8 * P);
}

static void child(void *arg)
{
	char *p = arg;

	if (peek(p) != 107 || peek(p + P) != 106 || poke(p + P, 606) || remap_file_pages(p, P, 0, 3, 0) || peek(p) != 103)
		_exit(1);
}

static void forked(void)
{
	char *p = window(4, RW);

	remap_file_pages(p, P, 0, 7, 0);
	remap_file_pages(p + P, P, 0, 6, 0);
	SHOWS(p, "before the fork", 107, 106, 102);
	is(in_child(child, p), 0, "the child sees the slots, writes, moves its own");
	SHOWS(p, "ours are where they were, and show what it wrote", 107, 606, 102);
	madvise(p, 4 * P, MADV_DONTFORK);
	is(in_child(child, p) != 0, 1, "MADV_DONTFORK");
	munmap(p, 4 * P);
}

/* pagemap: which frame, as far as one may see it: present, file */
static void looked_at(void)
{
	uint64_t e[4] = { 0 };
	char *p = window(4, RW);
	int map = open("/proc/self/pagemap", O_RDONLY);

	remap_file_pages(p, P, 0, 2, 0);
	poke(p, 1);
	peek(p + 2 * P);
	is(pread(map, e, sizeof(e), (unsigned long)p / P * 8), sizeof(e), "pagemap");
	is(e[0] >> 63 & e[2] >> 63 & 1, 1, "present");
	is(e[0] >> 61 & 1, 1, "of a file");
	is((e[0] ^ e[2]) & ((1ULL << 55) - 1), 0, "the same frame twice");
	close(map);
	munmap(p, 4 * P);
}

static void two_areas(void)
{
	char *p = mmap(NULL, 8 * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mmap(p, 2 * P, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(p + 2 * P, 2 * P, RW, MAP_SHARED | MAP_FIXED, fd, 8 * P);
	is(remap_file_pages(p + P, 2 * P, 0, 20, 0), 0, "neighbours of one file count as one area");
	SHOWS(p, "both", 100, 120, 121, 109);
	mmap(p + 4 * P, P, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 8 * P);
	fails(remap_file_pages(p + 3 * P, 2 * P, 0, 20, 0), EINVAL, "not with other rights");
	mmap(p + 4 * P, P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	fails(remap_file_pages(p + 3 * P, 2 * P, 0, 20, 0), EINVAL, "nor another file");
	munmap(p, 8 * P);
	p = mmap(NULL, 4 * P, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 4; i++)
		poke(p + i * P, i);
	is(remap_file_pages(p, P, 0, 3, 0), 0, "shared anonymous memory");
	SHOWS(p, "rearranged", 3, 1, 2, 3);
	munmap(p, 4 * P);
}

/* A file on a disk: what is written through slots reaches read(2) at once, and msync's promise holds. */
static void on_disk(void)
{
	char name[] = "/var/tmp/nonlinearXXXXXX", *p;
	int keep = fd;

	fd = mkstemp(name);
	if (fd < 0 || ftruncate(fd, N * P)) {
		skip("no /var/tmp");
		fd = keep;
		return;
	}
	unlink(name);
	p = window(4, RW);
	is(remap_file_pages(p, 2 * P, 0, 10, 0), 0, "a file of a disk, if /var/tmp is on one");
	SHOWS(p, "zeroes", 0, 0, 0, 0);
	is(poke(p, 5) | poke(p + P, 6), 0, "written");
	is(msync(p, 4 * P, MS_SYNC), 0, "msync");
	is(poke(p, 7), 0, "and again");
	is(in_file(10) * 10 + in_file(11), 76, "read(2) sees it");
	is(fsync(fd), 0, "fsync");
	munmap(p, 4 * P);
	is(in_file(10) * 10 + in_file(11), 76, "after munmap");
	close(fd);
	fd = keep;
}

int main(void)
{
	peek_catch();
	new_file();
	arguments();
	new_file();
	rearranged();
	new_file();
	cut();
	new_file();
	parts();
	new_file();
	forked();
	looked_at();
	two_areas();
	on_disk();
	return done();
}
