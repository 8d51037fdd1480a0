/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * /proc/PID/stack and wchan name where a task sleeps, and nothing else: what a child did before leaves no trace in them.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <time.h>

static bool isthmus;

static char *slurp(pid_t pid, const char *what)
{
	static char text[2][4096];
	static int turn;
	char name[64], *buf = text[turn ^= 1];
	int fd, n;

	snprintf(name, sizeof(name), "/proc/%d/%s", pid, what);
	fd = open(name, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, buf, sizeof(text[0]) - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = 0;
	return buf;
}

static void nothing(void) { }

/* Asleep in the kernel's books too: a moment after its state says so. Linux may leave wchan at "0" for longer, or for good. */
static void settle(pid_t pid)
{
	asleep(pid);
	for (int i = 0; i < (isthmus ? 3000 : 100) && !strcmp(slurp(pid, "wchan"), "0"); i++)
		usleep(10000);
}

/* Deep calls of many kinds: they leave return addresses all over the kernel stack. */
static void wander(void)
{
	char buf[4096], *p;
	int fd, status;

	for (int i = 0; i < 20; i++) {
		fd = open("/proc/self/maps", O_RDONLY);
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		close(fd);
		p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memset(p, i, 1 << 20);
		munmap(p, 1 << 20);
		if (!fork())
			_exit(0);
		wait(&status);
		nanosleep(&(struct timespec){ .tv_nsec = 1000 }, NULL);
	}
}

/* => a child that waits for its first byte from a pipe, after before(); *end: closing it lets the child go */
static pid_t reader(void (*before)(void), int *end)
{
	int fds[2], ready[2];
	char c = 1;
	pid_t pid;

	if (pipe(fds) || pipe(ready))
		bail("pipe");
	pid = fork();
	if (!pid) {
		close(fds[1]);
		before();
		write(ready[1], &c, 1);
		read(fds[0], &c, 1);
		_exit(0);
	}
	read(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
	close(fds[0]);
	*end = fds[1];
	settle(pid);
	return pid;
}

static bool in_order(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!(text = strstr(text, *words)))
			return false;
	return true;
}

static void same(void)
{
	int ends[2], status;
	pid_t plain = reader(nothing, &ends[0]), wanderer = reader(wander, &ends[1]);
	const char *a = slurp(plain, "stack"), *b;

	if (!*a && !isthmus) {
		skip("this system does not show stacks");
	} else {
		b = slurp(wanderer, "stack");
		if (!ok(*a && !strcmp(a, b), "two that sleep in the same call have the same stack"))
			printf("%s---\n%s", a, b);
	}
	if (isthmus)
		ok(in_order(a, (const char *const[]){ "schedule", "pipe_read", "vfs_read", "sys_read", NULL }), "... the innermost call comes first");
	a = slurp(plain, "wchan");
	b = slurp(wanderer, "wchan");
	if (!ok(!strcmp(a, b) || (!isthmus && (!strcmp(a, "0") || !strcmp(b, "0"))), "and the same wchan"))
		printf("# %s %s\n", a, b);
	close(ends[0]);
	close(ends[1]);
	wait(&status);
	wait(&status);
}

static void running(void)
{
	volatile int *stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid = fork();

	if (!pid) {
		while (!*stop)
			;
		_exit(0);
	}
	ok(!strcmp(slurp(pid, "wchan"), "0"), "who runs waits for nothing");
	*stop = 1;
	waitpid(pid, &status, 0);
}

int main(void)
{
	isthmus = !access("/proc/lowmem", F_OK);
	same();
	running();
	return done();
}
