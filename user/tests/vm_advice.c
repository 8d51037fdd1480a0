/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=20
 *
 * mprotect, madvise, mincore, msync, mlock: results and errors.
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
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static char *map(unsigned pages) { return mmap(NULL, pages * P, RW, ANON, -1, 0); }

static int resident(char *p, unsigned pages)
{
	unsigned char vec[64];
	int n = 0;

	if (mincore(p, pages * P, vec))
		return -1;
	for (unsigned i = 0; i < pages; i++)
		n += vec[i] & 1;
	return n;
}

static void protection(int ro)
{
	char *p = map(8), *f = mmap(NULL, P, PROT_READ, MAP_SHARED, ro, 0);
	int fd[2];

	if (pipe(fd))
		bail("pipe");
	memset(p, 1, 8 * P);
	fails(mprotect(p + 1, P, PROT_READ), EINVAL, "mprotect: not aligned");
	fails(mprotect(p, P, 0x40), EINVAL, "mprotect: unknown right");
	fails(mprotect(p, P, PROT_GROWSDOWN | PROT_GROWSUP), EINVAL, "mprotect: both directions");
	fails(mprotect(p, P, PROT_READ | PROT_GROWSDOWN), EINVAL, "mprotect: PROT_GROWSDOWN of what does not");
	is(mprotect(p, 0, PROT_READ), 0, "mprotect: nothing");
	fails(mprotect(f, P, RW), EACCES, "mprotect: shared file that is not open for writing");
	munmap(p + 4 * P, P);
	fails(mprotect(p + 2 * P, 4 * P, PROT_READ), ENOMEM, "mprotect: over a hole");
	is(write(fd[1], "xy", 2), 2, "something to read");
	fails(read(fd[0], p + 2 * P, 1), EFAULT, "what lies before the hole was changed");
	is(p[2 * P], 1, "contents stay");
	mprotect(p, 4 * P, PROT_NONE);
	mprotect(p, 4 * P, RW);
	p[3 * P] = 2;
	ok(p[0] == 1 && p[3 * P] == 2, "through PROT_NONE and back");
	munmap(p, 8 * P);
	close(fd[0]);
	close(fd[1]);
}

static void advice(int fd)
{
	char *p = map(8), *f = mmap(NULL, 2 * P, RW, MAP_PRIVATE, fd, 0);

	memset(p, 1, 8 * P);
	fails(madvise(p + 1, P, MADV_DONTNEED), EINVAL, "madvise: not aligned");
	fails(madvise(p, P, 9999), EINVAL, "madvise: unknown");
	is(madvise(p, 0, MADV_DONTNEED), 0, "madvise: nothing");
	is(madvise(p + P, 2 * P, MADV_DONTNEED), 0, "MADV_DONTNEED");
	ok(p[0] == 1 && p[P] == 0 && p[2 * P] == 0 && p[3 * P] == 1, "gives zeroes there and only there");
	f[0] = 'q';
	madvise(f, P, MADV_DONTNEED);
	is(f[0], 'A', "a private file shows the file again");
	is(madvise(p, 8 * P, MADV_FREE), 0, "MADV_FREE");
	ok(p[5 * P] == 0 || p[5 * P] == 1, "either old or zero");
	fails(madvise(f, P, MADV_FREE), EINVAL, "MADV_FREE of a file");
	for (int a = MADV_NORMAL; a <= MADV_WILLNEED; a++)
		is(madvise(p, 4 * P, a), 0, "advice %d", a);
	madvise(p, 4 * P, MADV_NORMAL);
	fails(madvise(f, P, MADV_WIPEONFORK), EINVAL, "MADV_WIPEONFORK of a file");
	is(madvise(p, P, MADV_DONTDUMP), 0, "MADV_DONTDUMP");
	is(madvise(p, P, MADV_DODUMP), 0, "MADV_DODUMP");
	munmap(p + 4 * P, P);
	p[2 * P] = p[6 * P] = 7;
	fails(madvise(p, 8 * P, MADV_DONTNEED), ENOMEM, "over a hole");
	ok(p[2 * P] == 0 && p[6 * P] == 0, "both sides are done all the same");
	munmap(p, 8 * P);
	p = map(8);
	is(madvise(p, 8 * P, MADV_POPULATE_WRITE), 0, "MADV_POPULATE_WRITE");
	is(resident(p, 8), 8, "all are there");
	mprotect(p, P, PROT_READ);
	fails(madvise(p, P, MADV_POPULATE_WRITE), EINVAL, "not where one may not write");
	is(madvise(p, P, MADV_POPULATE_READ), 0, "MADV_POPULATE_READ");
	munmap(p, 8 * P);
	munmap(f, 2 * P);
}

static void presence(void)
{
	unsigned char vec[8];
	char *p = map(8);

	is(resident(p, 8), 0, "nothing is there before the first touch");
	p[0] = p[5 * P] = 1;
	is(resident(p, 8), 2, "what was touched is");
	fails(mincore(p + 1, P, vec), EINVAL, "mincore: not aligned");
	fails(syscall(SYS_mincore, p, P, (void *)8), EFAULT, "mincore: bad vector");
	munmap(p + 4 * P, P);
	fails(mincore(p, 8 * P, vec), ENOMEM, "mincore: over a hole");
	munmap(p, 8 * P);
}

static void syncing(int fd)
{
	char *p = mmap(NULL, 2 * P, RW, MAP_SHARED, fd, 0);

	p[1] = 's';
	is(msync(p, 2 * P, MS_SYNC), 0, "MS_SYNC");
	is(msync(p, 2 * P, MS_ASYNC), 0, "MS_ASYNC");
	is(msync(p, 0, MS_SYNC), 0, "nothing");
	fails(msync(p + 1, P, MS_SYNC), EINVAL, "msync: not aligned");
	fails(msync(p, P, MS_SYNC | MS_ASYNC), EINVAL, "msync: both");
	fails(msync(p, P, 64), EINVAL, "msync: unknown flag");
	munmap(p + P, P);
	fails(msync(p, 2 * P, MS_SYNC), ENOMEM, "msync: over a hole");
	munmap(p, P);
}

static void locking(void)
{
	struct rlimit old, r;
	char *p = map(16);

	is(mlock(p, 8 * P), 0, "mlock");
	is(resident(p, 16), 8, "brings it in");
	fails(madvise(p, P, MADV_DONTNEED), EINVAL, "MADV_DONTNEED of locked memory");
	is(munlock(p, 8 * P), 0, "munlock");
	is(madvise(p, P, MADV_DONTNEED), 0, "then it may");
	munmap(p + 4 * P, P);
	fails(mlock(p, 8 * P), ENOMEM, "mlock over a hole");
	fails(mlockall(0), EINVAL, "mlockall: nothing asked for");
	fails(mlockall(64), EINVAL, "mlockall: unknown flag");
	is(munlockall(), 0, "munlockall");
	if (geteuid() == 0) {
		skip("limits do not bind root");
	} else {
		getrlimit(RLIMIT_MEMLOCK, &old);
		r = old;
		r.rlim_cur = 2 * P;
		setrlimit(RLIMIT_MEMLOCK, &r);
		fails(mlock(p, 4 * P), ENOMEM, "RLIMIT_MEMLOCK");
		setrlimit(RLIMIT_MEMLOCK, &old);
	}
	munmap(p, 16 * P);
}

int main(void)
{
	char name[] = "/tmp/vm_adviceXXXXXX", block[P];
	int rw = mkstemp(name), ro = open(name, O_RDONLY);

	for (int i = 0; i < 3; i++) {
		memset(block, 'A' + i, P);
		if (write(rw, block, P) != (long)P)
			bail("write");
	}
	unlink(name);
	protection(ro);
	advice(rw);
	presence();
	syncing(rw);
	locking();
	return done();
}
