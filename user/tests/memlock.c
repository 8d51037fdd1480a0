/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=20 as=student linux=no
 *
 * An ordinary user locks memory: the shell's `ulimit -l` is RLIMIT_MEMLOCK, in KB, for mlock, MAP_LOCKED and (vm.nonlinear=1 needed, so
 * refused here) nonlinear areas; a child has it too, and cannot raise it.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "nonlinear.h"
#include <sys/resource.h>

#define P 4096UL

/* What a program under the limit finds. => bits: 1 mlock of 16 KB, 2 of 64 KB, 4 MAP_LOCKED of 64 KB, 8 MAP_NONLINEAR; or 100 + errno */
static int child(void)
{
	char *p = mmap(NULL, 64 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;
	struct rlimit r;
	int got = 0;

	if (!mlock(p, 16 << 10))
		got |= 1;
	else if (errno != ENOMEM && errno != EPERM)
		return 100 + errno;
	munlock(p, 16 << 10);
	if (!mlock(p, 64 << 10))
		got |= 2;
	munlock(p, 64 << 10);
	q = mmap(NULL, 64 << 10, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (q != MAP_FAILED)
		got |= 4;
	else if (errno != EAGAIN && errno != EPERM)
		return 100 + errno;
	if (mmap(NULL, P, PROT_READ, MAP_SHARED_VALIDATE | MAP_NONLINEAR | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != EPERM)
		got |= 8;
	getrlimit(RLIMIT_MEMLOCK, &r);
	r.rlim_cur = r.rlim_max = r.rlim_max == RLIM_INFINITY ? RLIM_INFINITY : r.rlim_max + P;
	if (!setrlimit(RLIMIT_MEMLOCK, &r))
		got |= 16;
	return got;
}

static int under(const char *limit)
{
	char cmd[256];
	int status;

	snprintf(cmd, sizeof(cmd), "ulimit -l %s && exec /proc/%d/exe child", limit, getpid());
	status = system(cmd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "child"))
		return child();
	ok(getuid() != 0, "not root");
	is(system("test $(ulimit -l) = 8192"), 0, "8 MB at first, as on Linux");
	is(under("8192"), 1 | 2 | 4, "ulimit -l 8192");
	is(under("32"), 1, "ulimit -l 32: 16 KB yes, 64 KB no");
	is(under("8"), 0, "ulimit -l 8: nothing of it");
	is(under("0"), 0, "ulimit -l 0: refused");
	is(system("ulimit -l 16; ulimit -l 32 2>/dev/null"), 256, "a limit cannot be raised again");
	return done();
}
