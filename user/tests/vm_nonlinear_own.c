/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=30 linux=no
 *
 * Nonlinear areas as only Isthmus has them: locked memory (VmLck, Mlocked, RLIMIT_MEMLOCK), who may have them (vm.nonlinear), MAP_NONLINEAR
 * and nonlinear_place with several files, and every errno of these. On the debug build the oracle looks while the areas exist.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "nonlinear.h"
#include "peek.h"
#include "prog.h"
#include "rmapstat.h"
#include <fcntl.h>
#include <sys/klog.h>
#include <sys/resource.h>
#include <linux/futex.h>

#define P 4096UL
#define N 64
#define RW (PROT_READ | PROT_WRITE)
#define ADVICE_POPULATE_READ 22
#define ADVICE_DONTNEED_LOCKED 24

static long base;

static long locked_vm(void) { return proc_field("/proc/self/status", "VmLck:") / 4; }
static void pinned(long want, const char *what) { is(proc_field("/proc/meminfo", "Mlocked:") / 4 - base, want, "%s: Mlocked", what); }

static void set(const char *file, const char *value)
{
	int fd = open(file, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		bail(file);
	close(fd);
}
/* Debug builds: all counts against all PTEs, now. */
static void oracle(void)
{
	if (rmap_oracle())
		bail("the oracle");
}

static int file_of(int first)
{
	int fd = memfd_create("f", 0);

	if (fd < 0 || ftruncate(fd, N * P))
		bail("memfd");
	for (int i = 0; i < N; i++) {
		int v = first + i;

		pwrite(fd, &v, sizeof(v), i * P);
	}
	return fd;
}
static int in_file(int fd, unsigned page)
{
	int v = -9;

	return pread(fd, &v, sizeof(v), page * P) == sizeof(v) ? v : -8;
}

static char *area(int pages, int fd)
{
	return mmap(NULL, pages * P, RW, MAP_SHARED_VALIDATE | MAP_NONLINEAR | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
}
static long place(char *p, unsigned pages, int fd, unsigned pgoff)
{
	struct nonlinear_range r = { (uint32_t)(unsigned long)p, pages, fd, pgoff };

	return nonlinear_place(&r, 1, 0);
}

/* --- the classic call: locked ------------------------------------------------------------------------------------------ */
static void locked(void)
{
	int fd = file_of(100);
	char *p = mmap(NULL, N * P, RW, MAP_SHARED, fd, 0), *q;

	for (int i = 0; i < 10; i++)
		peek(p + i * P);
	is(remap_file_pages(p, P, 0, 20, 0), 0, "one page is placed");
	is(locked_vm(), N, "the whole area is charged");
	ok(proc_field("/proc/meminfo", "Mlocked:") / 4 - base >= 10, "what was mapped is pinned");
	oracle();
	is(munlock(p, N * P), 0, "munlock");
	is(locked_vm(), N, "changes nothing");
	is(mlock(p, 4 * P), 0, "nor mlock");
	is(locked_vm(), N, "nothing");
	fails(madvise(p, P, MADV_DONTNEED), EINVAL, "locked memory is not given up");
	is(madvise(p, 2 * P, ADVICE_DONTNEED_LOCKED), 0, "unless one says so");
	is(peek(p) * 1000 + peek(p + P), 120101, "the slots keep their places");
	fails(msync(p, P, MS_INVALIDATE), EBUSY, "MS_INVALIDATE");
	fails(madvise(p, P, MADV_REMOVE), EINVAL, "MADV_REMOVE");
	is(mremap(p, N * P, (N / 2) * P, 0) == p, 1, "mremap to half");
	is(locked_vm(), N / 2, "half the charge");
	q = mremap(p, (N / 2) * P, N * P, MREMAP_MAYMOVE);
	is(q != MAP_FAILED, 1, "and back, perhaps elsewhere");
	is(locked_vm(), N, "the whole charge");
	is(peek(q) * 1000 + peek(q + (N - 1) * P), 120163, "slots moved; what was never placed is linear");
	fails(mremap(q, P, P, MREMAP_MAYMOVE | 4, 0), EINVAL, "MREMAP_DONTUNMAP");
	oracle();
	munmap(q, N * P);
	is(locked_vm(), 0, "gone");
	pinned(0, "unmapped");
	p = mmap(NULL, N * P, RW, MAP_SHARED, fd, 0);
	mlock(p, N * P);
	is(remap_file_pages(p, P, 0, 5, 0), 0, "one that was locked before");
	is(locked_vm(), N, "is charged once");
	pinned(N - 1, "N slots, but one page twice"); /* page 0 is mapped no more */
	oracle();
	munmap(p, N * P);
	pinned(0, "gone");
	close(fd);
}

/* --- MAP_NONLINEAR, several files ---------------------------------------------------------------------------------------- */
static void several_files(void)
{
	int a = file_of(1000), b = file_of(2000), r;
	struct nonlinear_range list[3];
	char *p = area(8, -1), *q;

	is(p != MAP_FAILED, 1, "an area of no file");
	is(locked_vm(), 8, "is charged");
	pinned(0, "but empty");
	is(peek(p), -1, "a touch is SIGBUS");
	is(poke(p, 1), -1, "so is a write");
	fails(madvise(p, P, ADVICE_POPULATE_READ), EFAULT, "nor does populating help");
	for (int i = 0; i < 3; i++)
		list[i] = (struct nonlinear_range){ (uint32_t)(unsigned long)p + i * 2 * P, 2, i & 1 ? b : a, 10 * i };
	is(nonlinear_place(list, 3, 0), 3, "three ranges of two files");
	is(peek(p) + peek(p + P), 1000 + 1001, "first");
	is(peek(p + 2 * P) + peek(p + 3 * P), 2010 + 2011, "second");
	is(peek(p + 4 * P) + peek(p + 5 * P), 1020 + 1021, "third");
	is(peek(p + 6 * P), -1, "the rest is empty");
	pinned(6, "six pages");
	oracle();
	close(a);
	is(poke(p, 7), 0, "a closed file stays");
	is(place(p + 6 * P, 1, b, 0) + (peek(p + 6 * P) == 2000), 2, "another of an old file");
	r = ftruncate(b, 11 * P);
	is(r | peek(p + 3 * P), -1, "one file is cut");
	is(peek(p + 2 * P) * 10000 + peek(p), 20100007, "the others stay");
	ftruncate(b, N * P);
	is(peek(p + 3 * P), 0, "it grows: zeroes");
	is(place(p, 2, -1, 0), 1, "slots are emptied");
	is(peek(p) + peek(p + P), -2, "SIGBUS again");
	is(munmap(p + 3 * P, P), 0, "split");
	is(poke(p + 4 * P, 8), 0, "both parts work");
	q = mremap(p + 4 * P, 4 * P, 8 * P, MREMAP_MAYMOVE);
	is(peek(q) * 10 + peek(q + 7 * P), 79, "moved and longer, with an empty end");
	oracle();
	is(in_file(b, 0), 2000, "files as they were");
	munmap(p, 3 * P);
	munmap(q, 8 * P);
	pinned(0, "gone");
	is(locked_vm(), 0, "nothing charged");
	p = area(8, b);
	is(peek(p), -1, "an area of a file is empty too");
	is(remap_file_pages(p, 2 * P, 0, 3, 0), 0, "the classic call in it");
	is(peek(p) + peek(p + P), 2003 + 2004, "its own file");
	is(place(p + 2 * P, 1, b, 9), 1, "ours too");
	is(peek(p + 2 * P), 2009, "there");
	munmap(p, 8 * P);
	close(b);
}

static void errors(void)
{
	int fd = file_of(100), ro = open("/etc/passwd", O_RDONLY), wo = open("/tmp/nonlinear.wo", O_CREAT | O_WRONLY, 0600), null = open("/dev/null", O_RDWR), dir = open("/tmp", O_RDONLY), pipes[2];
	char *p = area(4, -1), *linear = mmap(NULL, P, RW, MAP_SHARED, fd, 0), *q;
	struct nonlinear_range two[2] = { { (uint32_t)(unsigned long)p, 1, fd, 0 }, { (uint32_t)(unsigned long)p + 4 * P, 1, fd, 0 } };

	pipe(pipes);
	is(nonlinear_place(NULL, 0, 0), 0, "no ranges");
	fails(nonlinear_place(NULL, 1, 0), EFAULT, "no memory there");
	fails(nonlinear_place(two, 1, 1), EINVAL, "unknown flags");
	is(nonlinear_place(two, 2, 0), 1, "the second is outside: one done");
	fails(nonlinear_place(two + 1, 1, 0), EINVAL, "outside");
	fails(place(p + 1, 1, fd, 0), EINVAL, "not aligned");
	fails(place(p, 0, fd, 0), EINVAL, "no pages");
	fails(place(p, 5, fd, 0), EINVAL, "more than the area");
	fails(place(p, 0xfffff, fd, 0), EINVAL, "far more");
	fails(place(p, 2, fd, 0xffffffff), EINVAL, "an offset that wraps");
	fails(place(linear, 1, fd, 0), EINVAL, "not a nonlinear area");
	fails(place(p, 1, 99, 0), EBADF, "no such file");
	fails(place(p, 1, wo, 0), EACCES, "a file not open for reading");
	fails(place(p, 1, ro, 0), EACCES, "a file not open for writing, where one may write");
	fails(place(p, 1, null, 0), ENODEV, "a device");
	fails(place(p, 1, pipes[0], 0), EACCES, "a pipe's end that cannot be written");
	fails(place(p, 1, dir, 0), EACCES, "a folder");
	fails(mmap(NULL, P, RW, MAP_SHARED_VALIDATE | MAP_NONLINEAR, null, 0), ENODEV, "a device, mapped");
	fails(mmap(NULL, P, RW, MAP_SHARED_VALIDATE | MAP_NONLINEAR | 0x02000000, fd, 0), EOPNOTSUPP, "another unknown flag");
	fails(mmap(NULL, P, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL, "anonymous without MAP_NONLINEAR: as on Linux");
	q = mmap(NULL, P, RW, MAP_PRIVATE | MAP_NONLINEAR, fd, 0);
	is(peek(q), 100, "elsewhere the flag means nothing");
	munmap(q, P);
	mprotect(p, 4 * P, PROT_READ);
	is(place(p, 1, ro, 0), 1, "where nobody writes, a read-only file is good enough");
	ok(peek(p) > 0, "it is there");
	fails(mprotect(p, 4 * P, RW), EACCES, "and from then on nobody can");
	is(place(p + P, 1, fd, 0x7fffffff), 1, "beyond any end");
	is(peek(p + P), -1, "is SIGBUS");
	munmap(p, 4 * P);
	munmap(linear, P);
	close(fd), close(ro), close(wo), close(null), close(dir), close(pipes[0]), close(pipes[1]);
	unlink("/tmp/nonlinear.wo");
	pinned(0, "nothing left");
}

/* --- who may ------------------------------------------------------------------------------------------------------------------ */
static int told(const char *what)
{
	static char log[1 << 16];
	int n = klogctl(3, log, sizeof(log) - 1), found = 0;

	for (char *at = log; n > 0 && (at = strstr(at, what)); at++)
		found++;
	return found;
}

static void limit(unsigned long bytes)
{
	struct rlimit r = { bytes, bytes };

	if (setrlimit(RLIMIT_MEMLOCK, &r))
		_exit(90);
}
#define CHECK(n, x) do { if (!(x)) _exit(n); } while (0)
#define FAILS(n, x, e) do { errno = 0; if ((long)(x) != -1 || errno != (e)) { printf("# step %d: errno %d\n", n, errno); fflush(stdout); _exit(n); } } while (0)

static void student_refused(void *arg)
{
	int fd = file_of(100);
	char *p = mmap(NULL, 4 * P, RW, MAP_SHARED, fd, 0);

	setuid(1000);
	for (int i = 0; i < 5; i++)
		FAILS(1, remap_file_pages(p, P, 0, 1, 0), EPERM);
	FAILS(2, area(4, -1), EPERM);
	FAILS(3, remap_file_pages(p, P, 0, 0, 0), EPERM);
	FAILS(4, remap_file_pages(p, P, 1, 0, 0), EINVAL); /* first things first */
	CHECK(5, peek(p) == 100 && !locked_vm());
}

static void student_allowed(void *arg)
{
	int fd = file_of(100), status;
	char *p = mmap(NULL, 4 * P, RW, MAP_SHARED, fd, 0), *q;

	limit(8 * P);
	setuid(1000);
	CHECK(1, !remap_file_pages(p, P, 0, 1, 0) && locked_vm() == 4);
	q = area(4, fd);
	CHECK(2, q != MAP_FAILED && locked_vm() == 8);
	FAILS(3, area(1, fd), EAGAIN);
	munmap(q, P);
	q = mmap(NULL, 4 * P, RW, MAP_SHARED, fd, 0);
	FAILS(4, remap_file_pages(q, P, 0, 1, 0), ENOMEM);
	CHECK(5, peek(q) == 100);
	FAILS(6, mremap(p, 4 * P, 6 * P, MREMAP_MAYMOVE), EAGAIN);
	FAILS(7, mlock(q, 4 * P), ENOMEM);
	if (!fork()) { /* a child has the same areas, and the same limit: it may; but not below */
		limit(6 * P);
		FAILS(8, fork(), EAGAIN);
		madvise(p, 4 * P, MADV_DONTFORK);
		pid_t pid = fork();
		CHECK(9, pid >= 0);
		_exit(pid && wait(NULL) != pid ? 15 : 0);
	}
	CHECK(10, wait(&status) > 0 && !status);
	limit(0);
	FAILS(11, remap_file_pages(q, P, 0, 1, 0), EPERM);
	FAILS(12, area(1, fd), EPERM);
	FAILS(13, mlock(q, P), EPERM);
	CHECK(14, !remap_file_pages(p, P, 0, 2, 0) && peek(p) == 102); /* an area that is one already locks no more */
}

static void who_may(void)
{
	int before = told("vm.nonlinear"), now;

	is(in_child(student_refused, NULL), 0, "an ordinary user is refused");
	now = told("vm.nonlinear"); /* of many programs in a row only some are told: the line is limited in rate */
	ok(now && now - before <= 1, "the log names the sysctl, once for a program");
	set("/proc/sys/vm/nonlinear", "1");
	is(in_child(student_allowed, NULL), 0, "with vm.nonlinear=1 within RLIMIT_MEMLOCK");
	set("/proc/sys/vm/nonlinear", "0");
	is(in_child(student_refused, NULL), 0, "and no more");
	pinned(0, "children gone");
}

/* --- seen from outside ---------------------------------------------------------------------------------------------------------- */
static int lines_with(const char *file, const char *a, const char *b)
{
	char line[512];
	FILE *f = fopen(file, "r");
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, a) && strstr(line, b);
	if (f)
		fclose(f);
	return n;
}

static void waiter(void *arg)
{
	_exit(syscall(SYS_futex, arg, FUTEX_WAIT, 0, NULL, NULL, 0) != 0);
}

static void outside(void)
{
	int fd = file_of(0);
	char *p = area(4, -1), *linear = mmap(NULL, N * P, RW, MAP_SHARED, fd, 0);
	unsigned char vec[4];
	int status, woken = 0;
	pid_t pid;

	place(p, 2, fd, 40);
	is(lines_with("/proc/self/maps", "[nonlinear]", ""), 1, "maps");
	is(lines_with("/proc/self/smaps", "VmFlags:", " nl "), 1, "smaps: VmFlags");
	is(lines_with("/proc/self/smaps", "VmFlags:", " lo "), 1, "smaps: locked");
	is(mincore(p, 4 * P, vec), 0, "mincore");
	is(vec[0] * 1000 + vec[1] * 100 + vec[2] * 10 + vec[3], 1100, "what was placed");
	is(madvise(p, P, ADVICE_DONTNEED_LOCKED), 0, "dropped");
	is(mincore(p, P, vec) + vec[0], 1, "still in the cache");
	poke(linear + 40 * P, 0);
	pid = fork();
	if (!pid)
		waiter(p);
	(void)eventually((woken = syscall(SYS_futex, linear + 40 * P, FUTEX_WAKE, 1, NULL, NULL, 0)) == 1);
	if (woken != 1)
		kill(pid, SIGKILL);
	ok(waitpid(pid, &status, 0) == pid && woken == 1 && !status, "a futex is where its page is");
	munmap(p, 4 * P);
	munmap(linear, N * P);
	close(fd);
}

static void nomem_child(void *arg)
{
	int fd = file_of(100);

	for (int nth = 1; nth < 12; nth++) {
		char file[64], text[16];
		char *p = mmap(NULL, 8 * P, RW, MAP_SHARED, fd, 0), *q;

		snprintf(file, sizeof(file), "/proc/self/fail-nth");
		snprintf(text, sizeof(text), "%d", nth);
		set(file, text);
		errno = 0;
		if (remap_file_pages(p, P, 0, 9, 0) && errno != ENOMEM)
			_exit(1);
		q = area(4, -1);
		if (q != MAP_FAILED && place(q, 2, fd, 3) < 0 && errno != ENOMEM)
			_exit(2);
		(void)munmap(p + 2 * P, P);
		pid_t pid = fork();
		if (!pid)
			_exit(0);
		set(file, "0");
		if (pid > 0)
			waitpid(pid, NULL, 0);
		oracle();
		munmap(p, 8 * P);
		munmap(q, 4 * P);
	}
}

int main(void)
{
	peek_catch();
	base = proc_field("/proc/meminfo", "Mlocked:") / 4;
	locked();
	several_files();
	errors();
	who_may();
	outside();
	if (access("/proc/self/fail-nth", W_OK))
		skip("no fail-nth");
	else
		is(in_child(nomem_child, NULL), 0, "each allocation fails once");
	pinned(0, "in the end");
	return done();
}
