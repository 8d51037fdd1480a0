/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=40
 *
 * Threads as glibc makes them: clone, TLS, futexes under contention, conditions, robust mutexes, exit.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;
static __thread int mine = 5;

static void *adder(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	mine += (long)arg;
	return (void *)(long)mine;
}

static void contention(void)
{
	pthread_t t[8];
	int good = 0;
	void *r;

	for (long i = 0; i < 8; i++)
		if (pthread_create(&t[i], NULL, adder, (void *)i))
			bail("pthread_create");
	for (long i = 0; i < 8; i++) {
		pthread_join(t[i], &r);
		good += (long)r == 5 + i;
	}
	is(counter, 160000, "a mutex excludes on four CPUs");
	is(good, 8, "each thread has its own TLS");
	is(mine, 5, "... and so has this one");
}

static int turn;

static void *player(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&lock);
		while (turn != (long)arg)
			pthread_cond_wait(&cond, &lock);
		turn = !turn;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void ping_pong(void)
{
	pthread_t a, b;

	pthread_create(&a, NULL, player, (void *)0L);
	pthread_create(&b, NULL, player, (void *)1L);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	ok(turn == 0, "4000 turns over a condition");
}

static long futex(int *at, int op, int val, void *timeout) { return syscall(SYS_futex, at, op, val, timeout, NULL, 0); }

static void raw_futex(void)
{
	struct timespec t = { 0, 20000000 };
	int word = 1;

	fails(futex(&word, FUTEX_WAIT, 0, NULL), EAGAIN, "FUTEX_WAIT on another value");
	fails(futex(&word, FUTEX_WAIT, 1, &t), ETIMEDOUT, "... times out");
	is(futex(&word, FUTEX_WAKE, 10, NULL), 0, "nobody to wake");
	fails(futex((int *)1, FUTEX_WAIT, 0, NULL), EINVAL, "an odd address");
	fails(futex((int *)0xc0000000, FUTEX_WAIT, 0, NULL), EFAULT, "a kernel address");
}

static void between_processes(void)
{
	int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), status;

	if (!fork()) {
		while (futex(word, FUTEX_WAIT, 0, NULL) && errno != EAGAIN)
			;
		_exit(*word);
	}
	usleep(30000);
	*word = 9;
	futex(word, FUTEX_WAKE, 1, NULL);
	wait(&status);
	is(WEXITSTATUS(status), 9, "a futex in shared memory wakes another process");
}

static void *dies(void *m)
{
	pthread_mutex_lock(m);
	return NULL;
}

static void robust(void)
{
	pthread_mutexattr_t a;
	pthread_mutex_t m;
	pthread_t t;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&m, &a);
	pthread_create(&t, NULL, dies, &m);
	pthread_join(t, NULL);
	is(pthread_mutex_lock(&m), EOWNERDEAD, "a robust mutex tells that its owner died");
}

static void *waits(void *arg)
{
	while (true)
		pause();
	return NULL;
}

static void ends_all(void *arg)
{
	pthread_t t;

	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, waits, NULL);
	usleep(10000);
	exit(11);
}

static void *maps(void *arg)
{
	for (int i = 0; i < 40; i++) {
		char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (int n = 0; n < 4; n++)
			if (p[n * 4096])
				return (void *)1;
			else
				p[n * 4096] = 1;
		munmap(p, 16384);
	}
	return NULL;
}

static void shared_mm(void)
{
	pthread_t t[4];
	long bad = 0;
	void *r;

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, maps, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		bad += (long)r;
	}
	is(bad, 0, "four threads map, touch and unmap in one address space");
}

static void *moves(void *arg)
{
	cpu_set_t set;
	int wrong = 0;

	for (int i = 0; i < 40; i++) {
		CPU_ZERO(&set);
		CPU_SET(i % 2, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			return (void *)-1L;
		wrong += sched_getcpu() != i % 2;
	}
	return (void *)(long)wrong;
}

static void affinity(void)
{
	pthread_t t;
	void *r;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		skip("one CPU");
		return;
	}
	pthread_create(&t, NULL, moves, NULL);
	pthread_join(t, &r);
	is((long)r, 0, "a thread goes where its affinity says");
}

int main(void)
{
	int status;

	contention();
	ping_pong();
	raw_futex();
	between_processes();
	robust();
	status = in_child(ends_all, NULL);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 11, "exit ends all threads");
	shared_mm();
	affinity();
	return done();
}
