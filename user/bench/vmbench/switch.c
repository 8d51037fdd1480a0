/* SPDX-License-Identifier: MIT
 *
 * From one process or thread to another and back: through pipes and sockets, System V memory and semaphores,
 * sched_yield.
 */
#include "bench.h"
#include <pthread.h>
#include <string.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* --- a byte there and back ---------------------------------------------------------------------------------------- */
static void __attribute__((noreturn)) echo(int in, int out)
{
	char c;

	while (read(in, &c, 1) == 1)
		if (write(out, &c, 1) != 1)
			break;
	_exit(0);
}

static u64 pipe_process(u32 n)
{
	int there[2], back[2];
	char c = 0;
	pid_t p;
	u64 t;

	if (pipe(there) || pipe(back))
		return FAIL;
	p = fork();
	if (p < 0)
		return FAIL;
	if (!p) {
		close(there[1]);
		close(back[0]);
		echo(there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	t = now();
	for (u32 i = 0; i < n; i++)
		if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
			return FAIL;
	t = now() - t;
	close(there[1]);
	close(back[0]);
	return reap(p) ? FAIL : t;
}

static int pipes[4];            /* there: 0 and 1, back: 2 and 3 */

static void *echo_thread(void *unused)
{
	char c;

	while (read(pipes[0], &c, 1) == 1 && c == 0)
		if (write(pipes[3], &c, 1) != 1)
			break;
	return NULL;
}

static u64 pipe_thread(u32 n)
{
	pthread_t thread;
	char c = 0;
	u64 t;

	if (pipe(pipes) || pipe(pipes + 2))
		return FAIL;
	errno = pthread_create(&thread, NULL, echo_thread, NULL);
	if (errno)
		return FAIL;
	t = now();
	for (u32 i = 0; i < n; i++)
		if (write(pipes[1], &c, 1) != 1 || read(pipes[2], &c, 1) != 1)
			return FAIL;
	t = now() - t;
	c = 1;
	if (write(pipes[1], &c, 1) != 1)
		return FAIL;
	pthread_join(thread, NULL);
	for (int i = 0; i < 4; i++)
		close(pipes[i]);
	return t;
}

static u64 unix_process(u32 n)
{
	char c = 0;
	int s[2];
	pid_t p;
	u64 t;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return FAIL;
	p = fork();
	if (p < 0)
		return FAIL;
	if (!p) {
		close(s[0]);
		echo(s[1], s[1]);
	}
	close(s[1]);
	t = now();
	for (u32 i = 0; i < n; i++)
		if (write(s[0], &c, 1) != 1 || read(s[0], &c, 1) != 1)
			return FAIL;
	t = now() - t;
	close(s[0]);
	return reap(p) ? FAIL : t;
}

/* --- sockets ------------------------------------------------------------------------------------------------------ */
static u64 unix_64k(u32 n)
{
	static char buf[64 << 10];
	int s[2];
	u64 t;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		return FAIL;
	memset(buf, 1, sizeof(buf));
	t = now();
	for (u32 i = 0; i < n; i++)
		if (write(s[0], buf, sizeof(buf)) != sizeof(buf) ||
		    recv(s[1], buf, sizeof(buf), MSG_WAITALL) != sizeof(buf))
			return FAIL;
	t = now() - t;
	close(s[0]);
	close(s[1]);
	return t;
}

static u64 unix_connect(u32 n)
{
	struct sockaddr_un name = { AF_UNIX, "\0vmbench" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t len = 10;
	u64 t;

	if (listener < 0 || bind(listener, (void *)&name, len) || listen(listener, 5))
		return FAIL;
	t = now();
	while (n--) {
		int client = socket(AF_UNIX, SOCK_STREAM, 0), server;

		if (connect(client, (void *)&name, len))
			return FAIL;
		server = accept(listener, NULL, NULL);
		if (server < 0)
			return FAIL;
		close(client);
		close(server);
	}
	t = now() - t;
	close(listener);
	return t;
}

/* --- System V memory and semaphores, sched_yield ------------------------------------------------------------------ */
static u64 attach_and_touch(u32 n)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600);
	u64 t;

	if (id < 0)
		return FAIL;
	t = now();
	while (n--) {
		char *p = shmat(id, NULL, 0);

		if (p == (void *)-1)
			return FAIL;
		*p = 1;
		shmdt(p);
	}
	t = now() - t;
	shmctl(id, IPC_RMID, NULL);
	return t;
}

static u64 up_and_down(u32 n)
{
	struct sembuf up = { 0, 1, 0 }, down = { 0, -1, 0 };
	int id = semget(IPC_PRIVATE, 1, 0600);
	u64 t;

	if (id < 0)
		return FAIL;
	t = now();
	while (n--)
		if (semop(id, &up, 1) || semop(id, &down, 1))
			return FAIL;
	t = now() - t;
	semctl(id, 0, IPC_RMID);
	return t;
}

static u64 yield(u32 n)
{
	u64 t = now();

	for (; n; n--)
		syscall(SYS_sched_yield);
	return now() - t;
}

const struct row switch_rows[] = {
	{ "pipe_pingpong_proc", pipe_process, 1, 1u << 16 },
	{ "pipe_pingpong_thread", pipe_thread, 1, 1u << 16 },
	{ "unix_pingpong_proc", unix_process, 1, 1u << 16 },
	{ "unix_64K", unix_64k, 1, 1u << 14 },
	{ "unix_connect", unix_connect, 1, 1u << 16 },
	{ "shmat_touch_shmdt", attach_and_touch, 1, 1u << 16 },
	{ "semop_pair", up_and_down, 1, 1u << 16 },
	{ "sched_yield", yield, 1, 1u << 22 },
	{ NULL, NULL, 0, 0 }
};
