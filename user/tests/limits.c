/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=20
 *
 * Limits and permissions as an ordinary user meets them.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char kilo[1500];

static void limit(int what, rlim_t n) { setrlimit(what, &(struct rlimit){ n, n }); }

static void become_student(void)
{
	setgroups(0, NULL);
	if (setgid(1000) || setuid(1000))
		_exit(99);
}

static void address_space(void *arg)
{
	limit(RLIMIT_AS, 64 << 20);
	if (mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != ENOMEM)
		_exit(1);
	_exit(0);
}
static void descriptors(void *arg)
{
	int n = 0;

	limit(RLIMIT_NOFILE, 20);
	while (dup(0) >= 0)
		n++;
	_exit(errno == EMFILE && n == 17 ? 0 : 1);
}
static void many_descriptors(void *arg)
{
	limit(RLIMIT_NOFILE, 5000);
	for (int i = 3; i < 5000; i++)
		if (dup2(0, i) != i)
			_exit(1);
	_exit(dup(0) == -1 && errno == EMFILE ? 0 : 2);
}
static void file_size(void *arg)
{
	int fd = open("/tmp/limits.big", O_CREAT | O_RDWR, 0600);

	signal(SIGXFSZ, SIG_IGN);
	limit(RLIMIT_FSIZE, 1000);
	if (write(fd, kilo, 1500) != 1000 || write(fd, "x", 1) != -1 || errno != EFBIG)
		_exit(1);
	unlink("/tmp/limits.big");
	_exit(0);
}
static void cpu_seconds(void *arg)
{
	limit(RLIMIT_CPU, 1);
	for (;;)
		;
}
static void processes(void *arg)
{
	int n = 0;

	become_student();
	limit(RLIMIT_NPROC, 10);
	for (pid_t pid; n < 50 && (pid = fork()) >= 0; n++)
		if (!pid) {
			pause();
			_exit(0);
		}
	int err = errno;
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	_exit(err == EAGAIN && n < 10 ? 0 : 1);
}
static void locked(void *arg)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	become_student();
	limit(RLIMIT_MEMLOCK, 65536);
	if (mlock(p, 65536))
		_exit(1);
	_exit(mlock(p + 65536, 4096) == -1 && errno == ENOMEM ? 0 : 2);
}
static void no_rights(void *arg)
{
	become_student();
	if (setuid(0) != -1 || kill(1, SIGUSR1) != -1 || errno != EPERM)
		_exit(1);
	if (open("/tmp/limits.root", O_RDONLY) != -1 || errno != EACCES)
		_exit(2);
	if (unlink("/tmp/limits.root") != -1 || errno != EPERM) /* sticky */
		_exit(3);
	if (mount("x", "/tmp", "tmpfs", 0, NULL) != -1 || errno != EPERM)
		_exit(4);
	if (setpriority(PRIO_PROCESS, 0, -5) != -1 || errno != EACCES)
		_exit(5);
	if (sethostname("x", 1) != -1 || errno != EPERM)
		_exit(6);
	if (chown("/tmp/limits.root", 1000, 1000) != -1 || errno != EPERM)
		_exit(7);
	_exit(0);
}
static void set_id(void *arg)
{
	uid_t r, e, s;

	if (setresuid(1000, 0, 1000) || getresuid(&r, &e, &s) || r != 1000 || e != 0 || s != 1000)
		_exit(1);
	if (seteuid(1000) || setuid(0) != -1)
		_exit(2);
	_exit(0);
}

static void check(void (*fn)(void *), const char *what)
{
	int status = in_child(fn, NULL);

	if (status)
		printf("# status %x\n", status);
	is(status, 0, "%s", what);
}

int main(void)
{
	int status;

	umask(022);
	close(open("/tmp/limits.root", O_CREAT | O_RDWR, 0600));
	for (int i = 3; i < 30; i++)
		close(i);
	check(address_space, "RLIMIT_AS");
	check(descriptors, "RLIMIT_NOFILE");
	check(many_descriptors, "5000 descriptors");
	check(file_size, "RLIMIT_FSIZE");
	status = in_child(cpu_seconds, NULL);
	ok(WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU), "RLIMIT_CPU");
	check(processes, "RLIMIT_NPROC");
	check(locked, "RLIMIT_MEMLOCK");
	check(no_rights, "an ordinary user may not");
	check(set_id, "real, effective and saved user");
	unlink("/tmp/limits.root");
	return done();
}
