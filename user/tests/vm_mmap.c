/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=20
 *
 * mmap, munmap, brk: what they refuse and with which error, where they put things, what merges.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define P 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static char *map(unsigned pages) { return mmap(NULL, pages * P, RW, ANON, -1, 0); }

/* Lines of /proc/self/maps that lie in [p, p + len); -1 without /proc. */
static int areas(const char *p, unsigned long len)
{
	char line[256];
	unsigned long a, b;
	FILE *f = fopen("/proc/self/maps", "r");
	int n = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &a, &b) == 2 && a < (unsigned long)p + len && b > (unsigned long)p)
			n++;
	fclose(f);
	return n;
}

static void errors(int rw, int ro, int wo)
{
	char *p = map(4);

	fails((long)mmap(NULL, 0, RW, ANON, -1, 0), EINVAL, "mmap: length 0");
	fails((long)mmap(NULL, -1UL, RW, ANON, -1, 0), ENOMEM, "mmap: length that wraps");
	fails((long)mmap(NULL, 0xfffff000UL, RW, ANON, -1, 0), ENOMEM, "mmap: longer than the address space");
	fails((long)mmap(NULL, P, RW, MAP_ANONYMOUS, -1, 0), EINVAL, "mmap: neither shared nor private");
	fails((long)mmap(NULL, P, RW, MAP_PRIVATE, 99, 0), EBADF, "mmap: bad descriptor");
	fails((long)mmap(NULL, P, RW, MAP_SHARED, ro, 0), EACCES, "mmap: shared and writable, file is not");
	fails((long)mmap(NULL, P, PROT_READ, MAP_PRIVATE, wo, 0), EACCES, "mmap: file not open for reading");
	ok(mmap(NULL, P, RW, MAP_PRIVATE, ro, 0) != MAP_FAILED, "mmap: private and writable of a read-only file");
	fails((long)mmap(p + 1, P, RW, ANON | MAP_FIXED, -1, 0), EINVAL, "mmap: MAP_FIXED not aligned");
	fails((long)mmap((void *)0xfffff000UL, 2 * P, RW, ANON | MAP_FIXED, -1, 0), ENOMEM, "mmap: MAP_FIXED beyond the end");
	fails((long)mmap(p, P, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST, "mmap: MAP_FIXED_NOREPLACE onto something");
	fails((long)mmap(NULL, P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), EINVAL, "mmap: shared that grows");
	fails(syscall(SYS_mmap2, NULL, P, RW, MAP_SHARED_VALIDATE | 0x400000, rw, 0), EOPNOTSUPP, "mmap: MAP_SHARED_VALIDATE unknown flag");
	fails(syscall(SYS_mmap2, NULL, P, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL, "mmap: MAP_SHARED_VALIDATE anonymous");
	fails(munmap(p + 1, P), EINVAL, "munmap: not aligned");
	fails(munmap(p, 0), EINVAL, "munmap: length 0");
	fails(munmap(p, -1UL), EINVAL, "munmap: longer than the address space");
	is(munmap(p, 4 * P), 0, "munmap");
	is(munmap(p, 4 * P), 0, "munmap of nothing is fine");
}

static void places(void)
{
	char *p = map(8), *q;

	memset(p, 1, 8 * P);
	is(munmap(p + 2 * P, 4 * P), 0, "a hole in the middle");
	ok(p[P] == 1 && p[7 * P] == 1, "both ends are still there");
	q = mmap(p + 3 * P, P, RW, ANON, -1, 0);
	ok(q == p + 3 * P, "a free hint is taken");
	ok(*q == 0, "new memory is zero");
	q = mmap(p, P, RW, ANON, -1, 0);
	ok(q != p && q != MAP_FAILED, "an occupied hint is not");
	q = mmap(p, 8 * P, RW, ANON | MAP_FIXED, -1, 0);
	ok(q == p && p[0] == 0 && p[7 * P] == 0, "MAP_FIXED replaces what is there");
	is(munmap(p, 2 * P), 0, "take the head");
	is(munmap(p + 6 * P, 2 * P), 0, "take the tail");
	p[2 * P] = p[6 * P - 1] = 7;
	ok(p[2 * P] == 7, "the middle stays");
	is(munmap(p, 8 * P), 0, "take all, holes included");
}

static void merging(void)
{
	char *p = mmap(NULL, 6 * P, PROT_NONE, ANON, -1, 0);

	if (areas(p, 6 * P) < 0) {
		skip("no /proc");
		return;
	}
	is(areas(p, 6 * P), 1, "one area");
	mprotect(p + 2 * P, 2 * P, RW);
	is(areas(p, 6 * P), 3, "mprotect in the middle makes three");
	mprotect(p + 2 * P, 2 * P, PROT_NONE);
	is(areas(p, 6 * P), 1, "and back one");
	munmap(p + 2 * P, 2 * P);
	is(areas(p, 6 * P), 2, "a hole makes two");
	mmap(p + 2 * P, 2 * P, PROT_NONE, ANON | MAP_FIXED, -1, 0);
	is(areas(p, 6 * P), 1, "filling it makes one");
	munmap(p, 6 * P);
}

static void limits(void)
{
	struct rlimit old, new;
	char *p;

	getrlimit(RLIMIT_AS, &old);
	new = old;
	new.rlim_cur = 64 << 20;
	setrlimit(RLIMIT_AS, &new);
	fails((long)mmap(NULL, 80 << 20, RW, ANON, -1, 0), ENOMEM, "RLIMIT_AS stops mmap");
	p = map(16);
	ok(p != MAP_FAILED, "less is fine");
	fails((long)mremap(p, 16 * P, 80 << 20, MREMAP_MAYMOVE), ENOMEM, "RLIMIT_AS stops mremap");
	setrlimit(RLIMIT_AS, &old);
	munmap(p, 16 * P);
}

static void populate(void)
{
	unsigned char vec[16];
	char *p = mmap(NULL, 16 * P, RW, ANON | MAP_POPULATE, -1, 0);
	int here = 0;

	is(mincore(p, 16 * P, vec), 0, "mincore");
	for (int i = 0; i < 16; i++)
		here += vec[i] & 1;
	is(here, 16, "MAP_POPULATE brings all in");
	munmap(p, 16 * P);
	p = mmap(NULL, 16 * P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ok(p != MAP_FAILED && p[15 * P] == 0, "shared memory too");
	munmap(p, 16 * P);
	p = mmap(NULL, 256 << 20, RW, ANON | MAP_NORESERVE, -1, 0);
	ok(p != MAP_FAILED, "MAP_NORESERVE");
	munmap(p, 256 << 20);
}

static void heap(void)
{
	char *now = sbrk(0), *p;

	p = sbrk(10 * P);
	ok(p == now, "brk grows the heap");
	memset(p, 5, 10 * P);
	is(brk(now), 0, "and shrinks it");
	p = sbrk(10 * P);
	ok(p == now && p[0] == 0 && p[10 * P - 1] == 0, "what comes back is zero");
	brk(now);
	ok((char *)syscall(SYS_brk, (void *)0x1000) == now, "a brk below the heap changes nothing");
	ok((char *)syscall(SYS_brk, (void *)0xfffff000UL) == now, "nor one beyond everything");
}

static void shared_file(int fd)
{
	char c, *a = mmap(NULL, 3 * P, RW, MAP_SHARED, fd, 0), *b = mmap(NULL, 3 * P, RW, MAP_PRIVATE, fd, 0);

	a[10] = 'x';
	is(b[10], 'x', "a private mapping shows the file until written");
	b[10] = 'y';
	is(a[10], 'x', "a private write stays private");
	ok(pread(fd, &c, 1, 10) == 1 && c == 'x', "a shared write is the file's");
	c = 'z';
	ok(pwrite(fd, &c, 1, P + 5) == 1 && a[P + 5] == 'z' && b[P + 5] == 'z', "a write to the file shows in both");
	munmap(a, 3 * P);
	munmap(b, 3 * P);
	a = mmap(NULL, P, PROT_READ, MAP_SHARED, fd, 2 * P);
	is(a[0], 'C', "an offset is honoured");
	munmap(a, P);
}

int main(void)
{
	char name[] = "/tmp/vm_mmapXXXXXX", block[P];
	int rw = mkstemp(name), ro = open(name, O_RDONLY), wo = open(name, O_WRONLY);

	for (int i = 0; i < 3; i++) {
		memset(block, 'A' + i, P);
		if (write(rw, block, P) != (long)P)
			bail("write");
	}
	unlink(name);
	errors(rw, ro, wo);
	places();
	merging();
	limits();
	populate();
	heap();
	shared_file(rw);
	return done();
}
