/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=30
 *
 * mlock and its family: what is locked is there, and counted exactly (on Isthmus in pages of all, from meminfo's Mlocked; on Linux
 * only VmLck of this process), through copy on write, fork, split, mremap, truncation, unmapping and exit.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "prog.h"
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define PAGE 4096
#define N 64
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif
#define ADVICE_DONTNEED_LOCKED 24

static bool isthmus;
static long base;

static long field(const char *file, const char *name)
{
	long kb = proc_field(file, name);

	return kb < 0 ? kb : kb / 4;
}
static long locked_vm(void) { return field("/proc/self/status", "VmLck:"); }

/* Pages pinned in the whole system since the start of this test; elsewhere we can but believe. */
static void pinned(long want, const char *what)
{
	long have = field("/proc/meminfo", "Mlocked:") - base;

	if (!isthmus) {
		ok(true, "%s", what);
		return;
	}
	is(have, want, "%s: %ld pages pinned", what, want);
}

static char *anon(int pages, int flags)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}

static int resident(void *p, int pages)
{
	unsigned char vec[N * 4];
	int n = 0;

	if (mincore(p, pages * PAGE, vec))
		return -1;
	for (int i = 0; i < pages; i++)
		n += vec[i] & 1;
	return n;
}

static void plain(void)
{
	char *p = anon(N, 0);

	is(mlock(p, N * PAGE), 0, "mlock");
	is(resident(p, N), N, "everything is there");
	is(locked_vm(), N, "VmLck");
	pinned(N, "mlock");
	is(mlock(p + PAGE, PAGE), 0, "again, a part");
	pinned(N, "locks do not nest");
	is(munlock(p + 8 * PAGE, 16 * PAGE), 0, "munlock in the middle");
	is(locked_vm(), N - 16, "VmLck of both ends");
	pinned(N - 16, "split");
	fails(madvise(p, PAGE, MADV_DONTNEED), EINVAL, "MADV_DONTNEED of locked memory");
	is(munmap(p + 60 * PAGE, 4 * PAGE), 0, "munmap of a locked end");
	pinned(N - 20, "unmapped");
	is(mlock(p, 60 * PAGE), 0, "mlock over all of it");
	pinned(60, "merged");
	is(munlock(p, 60 * PAGE), 0, "munlock");
	pinned(0, "munlock");
	is(locked_vm(), 0, "VmLck 0");
	is(munlock(p, 60 * PAGE), 0, "munlock of what is not locked");
	fails(mlock(p, N * PAGE), ENOMEM, "a hole");
	munmap(p, 60 * PAGE);
	pinned(0, "what was locked before the hole is gone");
}

static void on_fault(void)
{
	char *p = anon(N, 0);

	is(syscall(SYS_mlock2, p, N * PAGE, MLOCK_ONFAULT), 0, "mlock2(ONFAULT)");
	is(resident(p, N), 0, "nothing is brought in");
	is(locked_vm(), N, "but charged");
	for (int i = 0; i < 10; i++)
		p[i * PAGE] = 1;
	pinned(10, "ten faults");
	(void)*(volatile char *)(p + 20 * PAGE);
	pinned(10, "the zero page is not pinned");
	p[20 * PAGE] = 1;
	pinned(11, "its copy is");
	fails(syscall(SYS_mlock2, p, PAGE, 2), EINVAL, "unknown flag");
	munmap(p, N * PAGE);
	pinned(0, "unmapped");
	p = anon(N, MAP_LOCKED);
	is(resident(p, N), N, "MAP_LOCKED");
	pinned(N, "MAP_LOCKED");
	if (madvise(p, 4 * PAGE, ADVICE_DONTNEED_LOCKED))
		skip("no MADV_DONTNEED_LOCKED");
	else
		pinned(N - 4, "MADV_DONTNEED_LOCKED");
	munmap(p, N * PAGE);
	pinned(0, "unmapped");
}

static void all_of_it(void *arg)
{
	char *p = anon(N, 0), *q;
	long before, after;

	before = locked_vm();
	if (mlockall(MCL_CURRENT) || locked_vm() <= before + N - 1 || resident(p, N) != N)
		_exit(1);
	after = locked_vm();
	q = anon(N, 0);
	if (locked_vm() != after)
		_exit(2);
	if (mlockall(MCL_FUTURE) || (q = anon(N, 0)) == MAP_FAILED || resident(q, N) != N)
		_exit(3);
	if (mlockall(MCL_FUTURE | MCL_ONFAULT) || (q = anon(N, 0)) == MAP_FAILED || resident(q, N) != 0)
		_exit(4);
	if (munlockall() || locked_vm() != 0)
		_exit(5);
	if (mlockall(0) != -1 || errno != EINVAL || mlockall(MCL_ONFAULT) != -1 || errno != EINVAL)
		_exit(6);
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) /* and leaves with everything locked */
		_exit(7);
	_exit(0);
}

struct both { char *p; int go[2], done[2]; };

static void wait_char(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		_exit(9);
}

static void forks(void)
{
	struct both b = { .p = anon(N, 0) };
	int status;
	pid_t pid;

	memset(b.p, 7, N * PAGE);
	mlock(b.p, N * PAGE);
	if (pipe(b.go) || pipe(b.done))
		bail("pipe");
	pid = fork();
	if (!pid) {
		int bad = locked_vm() != 0;

		for (int i = 0; i < 8; i++)
			b.p[i * PAGE] = 8;
		if (write(b.done[1], bad ? "b" : "x", 1) != 1)
			_exit(2);
		wait_char(b.go[0]);
		_exit(b.p[20 * PAGE] == 7 ? bad : 3);
	}
	wait_char(b.done[0]);
	pinned(N, "fork: the child's copies are not pinned, ours are still");
	for (int i = 16; i < 32; i++)
		b.p[i * PAGE] = 9;
	pinned(N, "our own copies take the pins over");
	munlock(b.p, N / 2 * PAGE);
	pinned(N / 2, "half unlocked");
	if (write(b.go[1], "x", 1) != 1)
		bail("pipe");
	waitpid(pid, &status, 0);
	is(status, 0, "the child had no locks and kept what it saw");
	munmap(b.p, N * PAGE);
	pinned(0, "unmapped");
}

static void moves(void)
{
	char *p = anon(N, MAP_LOCKED), *q;

	memset(p, 5, N * PAGE);
	q = mremap(p, N * PAGE, 2 * N * PAGE, MREMAP_MAYMOVE);
	ok(q != MAP_FAILED && resident(q, 2 * N) == 2 * N, "mremap: what was added is there");
	pinned(2 * N, "mremap grew");
	p = anon(2 * N, 0);
	munmap(p, 2 * N * PAGE);
	q = mremap(q, 2 * N * PAGE, 2 * N * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p);
	ok(q == p && p[PAGE] == 5, "mremap to another place");
	pinned(2 * N, "mremap moved");
	q = mremap(q, 2 * N * PAGE, N * PAGE, 0);
	pinned(N, "mremap shrank");
	is(mprotect(q, PAGE, PROT_READ), 0, "mprotect");
	pinned(N, "mprotect");
	munmap(q, N * PAGE);
	pinned(0, "unmapped");
}

static int file_of(int pages)
{
	int fd = open("/tmp/vm_mlock.file", O_CREAT | O_TRUNC | O_RDWR, 0600);

	if (fd < 0 || ftruncate(fd, pages * PAGE))
		bail("/tmp/vm_mlock.file");
	for (int i = 0; i < pages; i++)
		if (pwrite(fd, "data", 4, i * PAGE) != 4)
			bail("write");
	unlink("/tmp/vm_mlock.file");
	return fd;
}

static void files(void)
{
	int fd = file_of(N);
	char *p = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *q = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *r = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	is(mlock(p, N * PAGE), 0, "mlock of a file");
	is(mlock(q, N * PAGE), 0, "and once more");
	pinned(N, "a page of two mappings counts once");
	munlock(p, N * PAGE);
	pinned(N, "one lock is left");
	is(ftruncate(fd, N / 2 * PAGE), 0, "truncate");
	pinned(N / 2, "truncated");
	munmap(q, N * PAGE);
	pinned(0, "none is left");
	is(syscall(SYS_mlock2, r, N / 2 * PAGE, MLOCK_ONFAULT), 0, "a private mapping");
	for (int i = 0; i < 4; i++)
		r[i * PAGE] = 1;
	pinned(4, "its copies are pinned");
	(void)*(volatile char *)(r + 20 * PAGE);
	r[20 * PAGE] = 1;
	is(mlock(r, N / 2 * PAGE), 0, "all of it");
	pinned(N / 2, "each page by a copy: written to when locked");
	is(ftruncate(fd, 0), 0, "truncate to nothing");
	pinned(0, "truncated, copies too");
	munmap(r, N * PAGE);
	munmap(p, N * PAGE);
	close(fd);
}

static void limits(void *arg)
{
	struct rlimit few = { 16 * PAGE, 16 * PAGE }, none = { 0, 0 };
	char *p = anon(N, 0);

	setgroups(0, NULL);
	if (setrlimit(RLIMIT_MEMLOCK, &few) || setgid(1000) || setuid(1000))
		_exit(99);
	if (mlock(p, 16 * PAGE))
		_exit(1);
	if (mlock(p, 16 * PAGE)) /* the same again costs nothing */
		_exit(2);
	if (mlock(p, 17 * PAGE) != -1 || errno != ENOMEM)
		_exit(3);
	if (mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) != MAP_FAILED || errno != EAGAIN)
		_exit(4);
	if (mlockall(MCL_CURRENT) != -1 || errno != ENOMEM)
		_exit(5);
	if (munlock(p, N * PAGE) || setrlimit(RLIMIT_MEMLOCK, &none))
		_exit(6);
	if (mlock(p, PAGE) != -1 || errno != EPERM || mlockall(MCL_CURRENT) != -1 || errno != EPERM)
		_exit(7);
	_exit(0);
}

static void leaves_locked(void *arg) { mlock(anon(N, 0), N * PAGE); kill(getpid(), SIGKILL); }

int main(void)
{
	isthmus = !access("/proc/rmap", F_OK);
	base = field("/proc/meminfo", "Mlocked:");
	plain();
	on_fault();
	is(in_child(all_of_it, NULL), 0, "mlockall, munlockall");
	pinned(0, "gone with the process");
	forks();
	moves();
	files();
	is(in_child(limits, NULL), 0, "an ordinary user's limit");
	in_child(leaves_locked, NULL);
	pinned(0, "killed with memory locked");
	return done();
}
