/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * fork copies what it must and shares what it may: private pages part, shared ones stay one, files keep their offset.
 */
#include "tap.h"
#include <fcntl.h>
#include <sys/mman.h>

static int *shared, *private;

static void child_writes(void *arg)
{
	*shared = 42;
	*private = 42;
}

static void child_exits_7(void *arg) { _exit(7); }

static void child_aborts(void *arg) { abort(); }

static void children_at_once(int n)
{
	int status, reaped = 0;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(i & 0x7f);
		if (pid < 0)
			break;
	}
	while (wait(&status) > 0)
		reaped++;
	is(reaped, n, "%d children at once are all reaped", n);
	fails(wait(&status), ECHILD, "then there is none left");
}

int main(void)
{
	int status;

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || private == MAP_FAILED)
		bail("mmap");
	*private = 1;
	is(in_child(child_writes, NULL), 0, "child exits with 0");
	is(*shared, 42, "a shared page is one page");
	is(*private, 1, "a private page is copied on write");
	status = in_child(child_exits_7, NULL);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "exit status comes through");
	status = in_child(child_aborts, NULL);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "death by signal comes through");
	children_at_once(50);
	return done();
}
