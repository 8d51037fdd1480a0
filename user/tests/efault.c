/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=1 time=20
 *
 * A bad pointer gives EFAULT, wherever it is given: nowhere, read-only, across the end of a mapping, in the kernel.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

static int fd, p[2];
static unsigned long bad;

struct call { const char *name; long nr; long a[6]; };
#define BAD -77777 /* stands for the bad address */

static const struct call calls[] = {
	{ "read", SYS_read, { -3, BAD, 10 } }, { "write", SYS_write, { -4, BAD, 10 } }, { "open", SYS_open, { BAD, 0 } },
	{ "openat", SYS_openat, { AT_FDCWD, BAD, 0 } }, { "pread64", SYS_pread64, { -3, BAD, 10, 0, 0 } }, { "readv", SYS_readv, { -3, BAD, 1 } },
	{ "writev", SYS_writev, { -4, BAD, 1 } }, { "pipe", SYS_pipe, { BAD } }, { "pipe2", SYS_pipe2, { BAD, 0 } },
	{ "execve", SYS_execve, { BAD, 0, 0 } }, { "chdir", SYS_chdir, { BAD } }, { "unlink", SYS_unlink, { BAD } },
	{ "mkdir", SYS_mkdir, { BAD, 0 } }, { "rmdir", SYS_rmdir, { BAD } }, { "rename", SYS_rename, { BAD, BAD } },
	{ "link", SYS_link, { BAD, BAD } }, { "symlink", SYS_symlink, { BAD, BAD } }, { "readlink", SYS_readlink, { BAD, BAD, 10 } },
	{ "chmod", SYS_chmod, { BAD, 0 } }, { "access", SYS_access, { BAD, 0 } }, { "truncate64", SYS_truncate64, { BAD, 0, 0 } },
	{ "stat64", SYS_stat64, { BAD, BAD } }, { "fstat64", SYS_fstat64, { -3, BAD } }, { "fstatat64", SYS_fstatat64, { AT_FDCWD, BAD, BAD, 0 } },
	{ "statx", SYS_statx, { -3, BAD, 0x1000, 0x7ff, BAD } }, { "statfs64", SYS_statfs64, { BAD, 84, BAD } }, { "fstatfs64", SYS_fstatfs64, { -3, 84, BAD } },
	{ "getdents64", SYS_getdents64, { -5, BAD, 1000 } }, { "getcwd", SYS_getcwd, { BAD, 100 } }, { "uname", SYS_uname, { BAD } },
	{ "sysinfo", SYS_sysinfo, { BAD } }, { "gettimeofday", SYS_gettimeofday, { BAD, 0 } }, { "clock_gettime", SYS_clock_gettime, { 0, BAD } },
	{ "clock_gettime64", SYS_clock_gettime64, { 0, BAD } }, { "nanosleep", SYS_nanosleep, { BAD, 0 } },
	{ "setitimer", SYS_setitimer, { 0, BAD, 0 } }, { "getitimer", SYS_getitimer, { 0, BAD } }, { "times", SYS_times, { BAD } },
	{ "getrusage", SYS_getrusage, { 0, BAD } }, { "ugetrlimit", SYS_ugetrlimit, { 0, BAD } }, { "setrlimit", SYS_setrlimit, { 0, BAD } },
	{ "prlimit64", SYS_prlimit64, { 0, 0, BAD, 0 } }, { "rt_sigaction", SYS_rt_sigaction, { 10, BAD, 0, 8 } },
	{ "rt_sigprocmask", SYS_rt_sigprocmask, { 0, BAD, 0, 8 } }, { "rt_sigpending", SYS_rt_sigpending, { BAD, 8 } },
	{ "sigaltstack", SYS_sigaltstack, { BAD, 0 } }, { "rt_sigtimedwait", SYS_rt_sigtimedwait, { BAD, 0, 0, 8 } },
	{ "poll", SYS_poll, { BAD, 2, 0 } }, { "_newselect", SYS__newselect, { 5, BAD, 0, 0, 0 } }, { "wait4", SYS_wait4, { -1, BAD, 1, BAD } },
	{ "futex", SYS_futex, { BAD, 0, 0, 0 } }, { "set_thread_area", SYS_set_thread_area, { BAD } }, { "getrandom", SYS_getrandom, { BAD, 16, 0 } },
	{ "sched_getaffinity", SYS_sched_getaffinity, { 0, 128, BAD } }, { "sched_setaffinity", SYS_sched_setaffinity, { 0, 128, BAD } },
	{ "sched_getparam", SYS_sched_getparam, { 0, BAD } }, { "getgroups32", SYS_getgroups32, { 65536, BAD } }, { "getresuid32", SYS_getresuid32, { BAD, BAD, BAD } },
	{ "_llseek", SYS__llseek, { -3, 0, 0, BAD, 0 } }, { "ioctl FIONREAD", SYS_ioctl, { -6, 0x541b, BAD } },
	{ "fcntl64 F_GETLK64", SYS_fcntl64, { -3, 12, BAD } }, { "utimensat", SYS_utimensat, { -3, 0, BAD, 0 } },
	{ "mincore", SYS_mincore, { 0x8048000, 4096, BAD } }, { "clock_getres", SYS_clock_getres, { 0, BAD } }, { "timer_create", SYS_timer_create, { 0, 0, BAD } },
	{ "setgroups32", SYS_setgroups32, { 2, BAD } }, { "sethostname", SYS_sethostname, { BAD, 3 } }, { "capget", SYS_capget, { BAD, BAD } },
};

static long value(long a)
{
	switch (a) {
	case BAD: return bad;
	case -3: return fd;
	case -4: return p[1];
	case -5: return open("/", O_RDONLY | O_DIRECTORY);
	case -6: return p[0];
	default: return a;
	}
}

/* wait4 and others with nothing to say may answer before they look at the pointer */
static bool excused(const struct call *c, long r, int err)
{
	return (c->nr == SYS_wait4 && err == ECHILD) || (c->nr == SYS_getgroups32 && r == 0) || (c->nr == SYS_mincore && err == ENOMEM) ||
	       (c->nr == SYS_sethostname && err == EPERM); /* without the right to */
}

static void all_calls(const char *where, unsigned long address)
{
	int wrong = 0;

	bad = address;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const struct call *c = &calls[i];
		long v[6], r;

		for (int n = 0; n < 6; n++)
			v[n] = value(c->a[n]);
		errno = 0;
		r = syscall(c->nr, v[0], v[1], v[2], v[3], v[4], v[5]);
		if ((r != -1 || errno != EFAULT) && !excused(c, r, errno)) {
			printf("# %s: got %ld, errno %d\n", c->name, r, errno);
			wrong++;
		}
		if (v[0] > p[1])
			close(v[0]);
	}
	is(wrong, 0, "%zu calls with an address %s", sizeof(calls) / sizeof(calls[0]), where);
}

static void partial(void)
{
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int zero = open("/dev/zero", O_RDONLY);

	munmap(edge + 4096, 4096);
	is(read(zero, edge + 4000, 200), 96, "a read across the end gives what fits");
	ssize_t n = write(p[1], edge + 4090, 100);
	ok(n == 6 || (n == -1 && errno == EFAULT), "a write across the end gives no more than that");
	fails(open(edge + 4096, O_RDONLY), EFAULT, "a name behind the end");
	memset(edge + 4090, 'x', 6);
	fails(open(edge + 4090, O_RDONLY), EFAULT, "a name that runs over the end");
	strcpy(edge + 4090, "/tmp");
	ok(open(edge + 4090, O_RDONLY) >= 0, "a name that ends just before it is fine");
}

int main(void)
{
	fd = open("/tmp/efault", O_RDWR | O_CREAT, 0600);
	write(fd, "0123456789abcdef", 16);
	lseek(fd, 0, SEEK_SET);
	pipe(p);
	write(p[1], "x", 1);
	signal(SIGPIPE, SIG_IGN);
	all_calls("in the first page", 16);
	all_calls("in the kernel", 0xc0100000);
	all_calls("at the very end", 0xfffffff0);
	partial();
	unlink("/tmp/efault");
	return done();
}
