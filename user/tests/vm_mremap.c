/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=20
 *
 * mremap: growing, shrinking, moving page by page and by whole tables, and what it refuses.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <sys/mman.h>
#include <sys/syscall.h>

#define P 4096UL
#define M (1UL << 20)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static char *map(unsigned long len) { return mmap(NULL, len, RW, ANON, -1, 0); }
static long remap(void *p, unsigned long a, unsigned long b, int flags, void *to) { return syscall(SYS_mremap, p, a, b, flags, to); }

static void fill(unsigned *p, unsigned long len)
{
	for (unsigned long i = 0; i < len / P; i++)
		p[i * P / 4] = i + 1;
}
static bool filled(unsigned *p, unsigned long len)
{
	for (unsigned long i = 0; i < len / P; i++)
		if (p[i * P / 4] != i + 1)
			return false;
	return true;
}
static bool mapped(void *p)
{
	unsigned char v;

	return !mincore(p, P, &v);
}

/* Room for len bytes at an address with the given alignment, and nothing there. */
static char *room(unsigned long len, unsigned long align)
{
	char *p = mmap(NULL, len + align, PROT_NONE, ANON, -1, 0);

	munmap(p, len + align);
	return (char *)(((unsigned long)p + align - 1) & ~(align - 1));
}

static void errors(void)
{
	char *p = map(4 * P);

	fails(remap(p + 1, P, P, 0, 0), EINVAL, "not aligned");
	fails(remap(p, P, 0, 0, 0), EINVAL, "to nothing");
	fails(remap(p, P, P, 16, 0), EINVAL, "unknown flag");
	fails(remap(p, P, P, MREMAP_FIXED, p), EINVAL, "MREMAP_FIXED without MAYMOVE");
	fails(remap(p, P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, p + 1), EINVAL, "new place not aligned");
	fails(remap(p, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, p + P), EINVAL, "onto itself");
	fails(remap(p, 8 * P, 9 * P, MREMAP_MAYMOVE, 0), EFAULT, "more than the area has");
	fails(remap(p, 0, P, MREMAP_MAYMOVE, 0), EINVAL, "a second one of private memory");
	fails(remap(p, P, 2 * P, 0, 0), ENOMEM, "no room to grow, may not move");
	fails(remap(p, P, 2 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), EINVAL, "DONTUNMAP with another size");
	munmap(p, 4 * P);
	fails(remap(p, P, P, 0, 0), EFAULT, "of nothing");
}

static void sizes(void)
{
	char *p = room(16 * P, P), *q;

	mmap(p, 4 * P, RW, ANON | MAP_FIXED, -1, 0);
	fill((unsigned *)p, 4 * P);
	is(remap(p, 4 * P, 8 * P, 0, 0), (long)p, "grows in place");
	ok(filled((unsigned *)p, 4 * P) && p[7 * P] == 0, "old contents, new zeroes");
	is(remap(p, 8 * P, 2 * P, 0, 0), (long)p, "shrinks");
	ok(!mapped(p + 2 * P) && filled((unsigned *)p, 2 * P), "the tail is gone");
	mmap(p + 2 * P, P, PROT_READ, ANON | MAP_FIXED, -1, 0);
	q = (char *)remap(p, 2 * P, 6 * P, MREMAP_MAYMOVE, 0);
	ok(q != MAP_FAILED && q != p && filled((unsigned *)q, 2 * P) && q[5 * P] == 0, "moves when it must");
	ok(!mapped(p), "the old place is free");
	munmap(q, 6 * P);
	munmap(p, 16 * P);
}

static void move(unsigned long len, unsigned long align, unsigned long skew, const char *what)
{
	char *from = room(len, align), *to;

	mmap(from, len, RW, ANON | MAP_FIXED, -1, 0);
	fill((unsigned *)from, len);
	to = room(len + skew, align) + skew;
	is(remap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to), (long)to, "move %s", what);
	ok(filled((unsigned *)to, len), "contents came along");
	ok(!mapped(from) && !mapped(from + len - P), "nothing is left");
	memset(to, 7, len);
	is(munmap(to, len), 0, "unmap");
}

static void special(void)
{
	char *p = map(4 * P), *q, *s;
	int status;

	fill((unsigned *)p, 4 * P);
	q = (char *)remap(p, 4 * P, 4 * P, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	ok(q != MAP_FAILED && q != p && filled((unsigned *)q, 4 * P), "DONTUNMAP moves the pages");
	ok(mapped(p) && p[0] == 0, "and leaves empty memory behind");
	s = mmap(NULL, 2 * P, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s[5] = 'x';
	p = (char *)remap(s, 0, 2 * P, MREMAP_MAYMOVE, 0);
	ok(p != MAP_FAILED && p != s && p[5] == 'x', "shared memory can be mapped a second time");
	p[6] = 'y';
	is(s[6], 'y', "and is the same memory");
	fill((unsigned *)q, 4 * P);
	if (!fork()) {
		char *r = (char *)remap(q, 4 * P, 8 * P, MREMAP_MAYMOVE, 0);

		r[4] = 1;
		_exit(!filled((unsigned *)r, 4 * P));
	}
	wait(&status);
	is(status, 0, "a child moves what it shares copy-on-write");
	ok(filled((unsigned *)q, 4 * P) && q[4] == 0, "the parent's stays");
}

int main(void)
{
	errors();
	sizes();
	move(64 * P, P, 0, "64 pages");
	move(4 * M, 2 * M, 0, "4 MB, aligned to tables");
	move(4 * M, 2 * M, 3 * P, "4 MB, not aligned");
	move(2 * M + 5 * P, 2 * M, 0, "a table and a bit");
	special();
	return done();
}
