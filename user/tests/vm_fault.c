/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=20
 *
 * Faults: which signal, code and address; the stack; the end of a file; what the kernel does with bad pointers.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define P 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static sigjmp_buf jump;
static volatile int got_sig, got_code;
static void *volatile got_addr;

static void handler(int sig, siginfo_t *si, void *context)
{
	got_sig = sig;
	got_code = si->si_code;
	got_addr = si->si_addr;
	siglongjmp(jump, 1);
}

/* Touches p; => true if it faulted with this signal, code and address */
static bool faults(volatile char *p, bool write, int sig, int code)
{
	got_sig = 0;
	if (!sigsetjmp(jump, 1)) {
		if (write)
			*p = 1;
		else
			(void)*p;
	}
	if (got_sig != sig || (sig && (got_code != code || got_addr != p)))
		printf("# signal %d code %d address %p, want %d %d %p\n", got_sig, got_code, got_addr, sig, code, p);
	return got_sig == sig && (!sig || (got_code == code && got_addr == (void *)p));
}

static void signals(void)
{
	char *p = mmap(NULL, 4 * P, RW, ANON, -1, 0), *ro = mmap(NULL, P, PROT_READ, ANON, -1, 0);
	char *none = mmap(NULL, P, PROT_NONE, ANON, -1, 0);

	munmap(p + P, P);
	ok(faults(p + P + 5, false, SIGSEGV, SEGV_MAPERR), "read of nothing");
	ok(faults(p + P + 5, true, SIGSEGV, SEGV_MAPERR), "write to nothing");
	ok(faults(NULL, false, SIGSEGV, SEGV_MAPERR), "the null pointer");
	ok(faults(ro, true, SIGSEGV, SEGV_ACCERR), "write to read-only memory, untouched");
	ok(faults(ro, false, 0, 0) && *ro == 0, "reading it is fine");
	ok(faults(ro + 1, true, SIGSEGV, SEGV_ACCERR), "write to read-only memory, touched");
	ok(faults(none + 7, false, SIGSEGV, SEGV_ACCERR), "PROT_NONE, read");
	ok(faults(none + 7, true, SIGSEGV, SEGV_ACCERR), "PROT_NONE, write");
	*p = 3;
	mprotect(p, P, PROT_NONE);
	ok(faults(p, false, SIGSEGV, SEGV_ACCERR), "PROT_NONE after use");
	mprotect(p, P, PROT_READ);
	is(*p, 3, "its contents come back");
	mprotect(p, P, RW);
	ok(faults(p, true, 0, 0), "and can be written again");
	munmap(p, 4 * P);
}

static void end_of_file(void)
{
	char name[] = "/tmp/vm_faultXXXXXX", *p, *q;
	int fd = mkstemp(name);

	unlink(name);
	if (ftruncate(fd, P + 100))
		bail("ftruncate");
	p = mmap(NULL, 4 * P, RW, MAP_SHARED, fd, 0);
	q = mmap(NULL, 4 * P, RW, MAP_PRIVATE, fd, 0);
	ok(faults(p + P + 200, false, 0, 0) && p[P + 200] == 0, "the last page is zero beyond the end");
	ok(faults(p + 2 * P, false, SIGBUS, BUS_ADRERR), "the page after is SIGBUS, read");
	ok(faults(p + 3 * P + 9, true, SIGBUS, BUS_ADRERR), "write");
	ok(faults(q + 2 * P, true, SIGBUS, BUS_ADRERR), "private write");
	if (ftruncate(fd, 4 * P))
		bail("ftruncate");
	ok(faults(p + 2 * P, true, 0, 0) && p[2 * P] == 1, "a file that grows takes it back");
	q[P] = 9;
	if (ftruncate(fd, 0))
		bail("ftruncate");
	ok(faults(p, false, SIGBUS, BUS_ADRERR), "truncated under the mapping: SIGBUS");
	ok(faults(q + P, false, SIGBUS, BUS_ADRERR), "private copies go as well");
	munmap(p, 4 * P);
	munmap(q, 4 * P);
	close(fd);
}

static void bad_pointers(void)
{
	char *p = mmap(NULL, 2 * P, RW, ANON, -1, 0), *ro = mmap(NULL, P, PROT_READ, ANON, -1, 0);
	void *volatile nowhere = (void *)8;
	int fd[2];

	if (pipe(fd))
		bail("pipe");
	munmap(p + P, P);
	fails(write(fd[1], nowhere, 4), EFAULT, "write from nowhere");
	fails(write(fd[1], (void *)0xfffffff0UL, 4), EFAULT, "write from kernel addresses");
	is(write(fd[1], p, 10), 10, "write from an untouched page");
	fails(read(fd[0], ro, 4), EFAULT, "read into read-only memory");
	is(write(fd[1], p, 10), 10, "more");
	fails(read(fd[0], p + P + 10, 4), EFAULT, "read into nothing");
	mprotect(p, P, PROT_NONE);
	fails(write(fd[1], p, 4), EFAULT, "write from PROT_NONE");
	mprotect(p, P, RW);
	ok(read(fd[0], p, 4) > 0, "read into good memory");
	close(fd[0]);
	close(fd[1]);
	munmap(p, P);
}

static int deep(int n)
{
	volatile char frame[3000];

	frame[0] = n;
	return n ? deep(n - 1) + frame[0] - frame[0] : frame[0];
}

static void overflow(void *arg)
{
	struct rlimit r = { 1 << 20, 1 << 20 };

	signal(SIGSEGV, SIG_DFL);
	setrlimit(RLIMIT_STACK, &r);
	deep(1000);
}

/* A frame that is not touched in order, as compilers may do it. */
static void big_frame(void *arg)
{
	volatile char frame[600000];

	frame[0] = 1;
	_exit(frame[0] == 1 ? 0 : 1);
}

static void stacks(void)
{
	int status;

	is(deep(200), 0, "the stack grows by 600 KB");
	is(in_child(big_frame, NULL), 0, "a touch far below the stack pointer's page grows it too");
	status = in_child(overflow, NULL);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "RLIMIT_STACK ends it with SIGSEGV");
}

static void grows_down(void)
{
	char *p = mmap(NULL, 600 * P, PROT_NONE, ANON, -1, 0), *s;

	munmap(p, 600 * P);
	s = mmap(p + 500 * P, 2 * P, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	ok(s == p + 500 * P, "MAP_GROWSDOWN");
	ok(faults(s - 3 * P, true, 0, 0), "a touch below it grows it");
	mmap(p + 100 * P, P, RW, ANON | MAP_FIXED, -1, 0);
	ok(faults(p + 101 * P, true, SIGSEGV, SEGV_MAPERR), "not into the guard gap of what lies below");
	munmap(p, 600 * P);
}

static bool cpu_has_nx(void)
{
	char line[4096];
	bool nx = false;
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f && !nx && fgets(line, sizeof(line), f))
		nx = !strncmp(line, "flags", 5) && strstr(line, " nx ");
	if (f)
		fclose(f);
	return nx;
}

static void execution(void)
{
	char *p = mmap(NULL, P, RW, ANON, -1, 0);
	void (*volatile code)(void) = (void (*)(void))p;

	*p = (char)0xc3; /* ret */
	got_sig = 0;
	if (!cpu_has_nx())
		skip("no NX");
	else {
		if (!sigsetjmp(jump, 1))
			code();
		ok(got_sig == SIGSEGV && got_code == SEGV_ACCERR && got_addr == p, "data is not executed");
	}
	got_sig = 0;
	mprotect(p, P, PROT_READ | PROT_EXEC);
	if (!sigsetjmp(jump, 1))
		code();
	is(got_sig, 0, "PROT_EXEC lets it run");
	munmap(p, P);
}

static void copy_on_write(void)
{
	unsigned char *p = mmap(NULL, 8 * P, RW, ANON, -1, 0);
	int sum = 0;

	for (int i = 0; i < 8; i++)
		sum += p[i * P];
	is(sum, 0, "fresh memory reads as zero");
	for (int i = 0; i < 8; i++)
		p[i * P] = i;
	for (int i = 0; i < 8; i++)
		sum += p[i * P + 1];
	is(sum, 0, "writing after reading keeps the rest zero");
	munmap(p, 8 * P);
}

int main(void)
{
	struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	signals();
	end_of_file();
	bad_pointers();
	stacks();
	grows_down();
	copy_on_write();
	execution();
	return done();
}
