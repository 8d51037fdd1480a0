/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=30
 *
 * Address spaces as a program sees them: mmap and its flags, holes, protection, moving, growing, forgetting, asking.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE 4096u
#define RW (PROT_READ | PROT_WRITE)

static sigjmp_buf fault_jump;
static siginfo_t fault_info;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	fault_info = *info;
	siglongjmp(fault_jump, sig);
}

/* => 0, or the signal that touching gave */
static int touch(volatile char *p, bool write)
{
	int sig = sigsetjmp(fault_jump, 1);

	if (sig)
		return sig;
	if (write)
		*p = 1;
	else
		(void)*p;
	return 0;
}

static char *anon(size_t pages, int prot)
{
	return mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void demand_zero(void)
{
	char *p = anon(64, RW);
	bool zero = true;

	for (unsigned i = 0; i < 64 * PAGE; i++)
		zero = zero && !p[i];
	ok(zero, "fresh memory reads as zeroes");
	memset(p, 0xa5, 64 * PAGE);
	munmap(p, 64 * PAGE);
	p = anon(64, RW);
	zero = true;
	for (unsigned i = 0; i < 64 * PAGE; i++)
		zero = zero && !p[i];
	ok(zero, "... also when the frames were used before");
	munmap(p, 64 * PAGE);
}

static void holes(void)
{
	char *p = anon(5, RW);

	is(munmap(p + PAGE, PAGE), 0, "munmap in the middle splits the area");
	is(touch(p, true), 0, "the part before is there");
	is(touch(p + PAGE, true), SIGSEGV, "the hole is not");
	ok(fault_info.si_code == SEGV_MAPERR && fault_info.si_addr == p + PAGE, "... SEGV_MAPERR with its address");
	is(touch(p + 2 * PAGE, true), 0, "the part behind is there");
	is(munmap(p, 5 * PAGE), 0, "munmap over a hole succeeds");
	fails(munmap(p + 1, PAGE), EINVAL, "munmap of an odd address");
	fails(munmap(p, 0), EINVAL, "munmap of nothing");
}

static void protection(void)
{
	char *p = anon(3, RW);

	memset(p, 7, 3 * PAGE);
	is(mprotect(p + PAGE, PAGE, PROT_READ), 0, "mprotect of a middle page");
	is(touch(p + PAGE, false), 0, "reading it works");
	is(touch(p + PAGE, true), SIGSEGV, "writing does not");
	is(fault_info.si_code, SEGV_ACCERR, "... SEGV_ACCERR");
	is(mprotect(p + PAGE, PAGE, PROT_NONE), 0, "PROT_NONE");
	is(touch(p + PAGE, false), SIGSEGV, "not even reading");
	is(mprotect(p, 3 * PAGE, RW), 0, "and back");
	is(p[PAGE + 5], 7, "the contents are still there");
	fails(mprotect((char *)0x1000, PAGE, RW), ENOMEM, "mprotect where nothing is");
	munmap(p, 3 * PAGE);
}

static void fixed(void)
{
	char *p = anon(4, RW), *q;

	p[PAGE] = 9;
	q = mmap(p + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ok(q == p + PAGE && q[0] == 0, "MAP_FIXED replaces");
	q = mmap(p + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ok(q == MAP_FAILED && errno == EEXIST, "MAP_FIXED_NOREPLACE does not");
	fails((long)mmap(p + 1, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL, "MAP_FIXED at an odd address");
	fails((long)mmap((void *)0xffffe000, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM, "MAP_FIXED across the end");
	fails((long)mmap(NULL, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL, "length 0");
	fails((long)mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL, "neither shared nor private");
	fails((long)mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF, "a bad descriptor");
	munmap(p, 4 * PAGE);
}

static void moving(void)
{
	char *p = anon(4, RW), *q;

	for (int i = 0; i < 4; i++)
		p[i * PAGE] = i + 1;
	q = mremap(p, 4 * PAGE, 4096 * PAGE, MREMAP_MAYMOVE);
	ok(q != MAP_FAILED && q[0] == 1 && q[3 * PAGE] == 4 && q[4 * PAGE] == 0, "mremap grows and keeps the contents");
	p = mremap(q, 4096 * PAGE, 2 * PAGE, 0);
	ok(p == q && touch(q + 2 * PAGE, false) == SIGSEGV, "... shrinks in place");
	q = anon(2, PROT_NONE);
	p = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	ok(p == q && p[PAGE] == 2, "... and moves where it is told");
	fails((long)mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_FIXED, q), EINVAL, "MREMAP_FIXED without MAYMOVE");
	munmap(p, 2 * PAGE);
}

static void program_break(void)
{
	char *old = sbrk(0), *p = sbrk(100 * PAGE);
	bool zero = true;

	ok(p == old, "the break grows");
	for (unsigned i = 0; i < 100 * PAGE; i++)
		zero = zero && !p[i];
	ok(zero, "... with zeroes");
	memset(p, 1, 100 * PAGE);
	ok(brk(old) == 0 && sbrk(0) == old, "... and shrinks");
	ok(sbrk(PAGE) == old && old[0] == 0, "what comes back is zero again");
	brk(old);
}

static void file_pages(void)
{
	int fd = open("mm.file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char buf[16] = "", *shared, *private;

	write(fd, "hello", 5);
	shared = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	private = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	ok(!memcmp(shared, "hello", 5) && shared[5] == 0 && shared[PAGE - 1] == 0, "a file page shows the file, zeroes behind its end");
	is(touch(shared + PAGE, false), SIGBUS, "a page wholly behind the end is SIGBUS");
	private[0] = 'J';
	shared[1] = 'a';
	pread(fd, buf, 5, 0);
	ok(!strcmp(buf, "hallo"), "a shared write reaches the file, a private one does not");
	ok(private[0] == 'J', "... and stays private");
	pwrite(fd, "HELLO", 5, 0);
	ok(!memcmp(shared, "HELLO", 5), "write(2) shows in the mapping");
	ftruncate(fd, 0);
	is(touch(shared, false), SIGBUS, "truncate takes mapped pages away");
	is(touch(private, false), SIGBUS, "... also private copies");
	ftruncate(fd, PAGE);
	is(touch(shared, true), 0, "growing gives them back");
	is(shared[1], 0, "... empty");
	is(msync(shared, PAGE, MS_SYNC), 0, "msync");
	munmap(shared, 2 * PAGE);
	munmap(private, PAGE);
	close(fd);
	fd = open("mm.file", O_RDONLY);
	fails((long)mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EACCES, "a writable shared mapping needs a writable descriptor");
	close(fd);
	unlink("mm.file");
}

static void asking(void)
{
	char *p = anon(8, RW);
	unsigned char vec[8];
	int resident = 0;

	for (int i = 0; i < 8; i += 2)
		p[i * PAGE] = 1;
	is(mincore(p, 8 * PAGE, vec), 0, "mincore");
	for (int i = 0; i < 8; i++)
		resident += (vec[i] & 1) == (i % 2 == 0);
	is(resident, 8, "... tells which pages are there");
	is(madvise(p, 4 * PAGE, MADV_DONTNEED), 0, "MADV_DONTNEED");
	ok(p[0] == 0 && p[4 * PAGE] == 1, "... forgets just that");
	fails(mincore(p, 8 * PAGE, (void *)1), EFAULT, "mincore into nowhere");
	munmap(p, 8 * PAGE);
	fails(mincore(p, 8 * PAGE, vec), ENOMEM, "mincore where nothing is");
	p = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	mincore(p, 8 * PAGE, vec);
	ok(vec[0] & vec[7] & 1, "MAP_POPULATE populates");
	munmap(p, 8 * PAGE);
}

static int __attribute__((noinline)) depth(int n, volatile char *above)
{
	volatile char frame[8192];

	frame[0] = 0;
	*above = 1;
	return (n ? depth(n - 1, frame) : 0) + frame[0];
}

static void overflow(void *arg)
{
	volatile char c;

	signal(SIGSEGV, SIG_DFL);
	depth(1 << 30, &c);
}

static void stack(void)
{
	volatile char c;
	int status;

	is(depth(400, &c), 400, "the stack grows by 3 MB");
	status = in_child(overflow, NULL);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "... and ends at its limit with SIGSEGV");
}

static void many_areas(void)
{
	char *p = anon(2000, RW);
	int good = 0;

	for (int i = 0; i < 2000; i += 2)
		good += mprotect(p + i * PAGE, PAGE, PROT_READ) == 0;
	is(good, 1000, "1000 splits");
	for (int i = 1; i < 2000; i += 2)
		p[i * PAGE] = 1;
	is(mprotect(p, 2000 * PAGE, RW), 0, "one merge");
	munmap(p, 2000 * PAGE);
}

static void cow_families(void)
{
	char *p = anon(256, RW);
	int status, bad = 0;

	for (int i = 0; i < 256; i++)
		p[i * PAGE] = 1;
	for (int child = 0; child < 10; child++)
		if (!fork()) {
			for (int i = 0; i < 256; i++) {
				if (p[i * PAGE] != 1)
					_exit(1);
				p[i * PAGE] = child + 2;
			}
			for (int i = 0; i < 256; i++)
				if (p[i * PAGE] != child + 2)
					_exit(2);
			_exit(0);
		}
	while (wait(&status) > 0)
		bad += status != 0;
	is(bad, 0, "ten children write to the same pages, each to its own copy");
	for (int i = 0; i < 256; i++)
		bad += p[i * PAGE] != 1;
	is(bad, 0, "... and the parent's are untouched");
	munmap(p, 256 * PAGE);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	chdir("/tmp");
	demand_zero();
	holes();
	protection();
	fixed();
	moving();
	program_break();
	file_pages();
	asking();
	stack();
	many_areas();
	cow_families();
	return done();
}
