/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=30
 *
 * Futex operations by themselves, time-outs, keys, robust lists, and many threads on one word.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

static long futex(volatile int *a, int op, int val, const void *t, volatile int *b, int val3)
{
	return syscall(SYS_futex, a, op, val, t, b, val3);
}

static volatile int word, word2;

struct old_ts { int sec, nsec; };
static long long now_ms(clockid_t c) { struct timespec t; clock_gettime(c, &t); return t.tv_sec * 1000LL + t.tv_nsec / 1000000; }

static void simple(void)
{
	struct old_ts t = { 0, 30000000 };
	long long at = now_ms(CLOCK_MONOTONIC);

	word = 5;
	fails(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0), EAGAIN, "the word has changed");
	fails(futex(&word, FUTEX_WAIT, 5, &t, NULL, 0), ETIMEDOUT, "a relative time-out");
	ok(now_ms(CLOCK_MONOTONIC) - at >= 30, "... after its time");
	t = (struct old_ts){ 0, 0 };
	fails(futex(&word, FUTEX_WAIT_BITSET, 5, &t, NULL, -1), ETIMEDOUT, "an absolute one in the past");
	at = now_ms(CLOCK_REALTIME) + 40;
	t = (struct old_ts){ at / 1000, at % 1000 * 1000000 };
	fails(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &t, NULL, -1), ETIMEDOUT, "an absolute one of the wall clock");
	ok(now_ms(CLOCK_REALTIME) >= at, "... after its time");
	fails(futex(&word, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0), EINVAL, "no bits");
	fails(futex((volatile int *)((char *)&word + 1), FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL, "not aligned");
	fails(futex((volatile int *)16, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT, "nothing there");
	t = (struct old_ts){ 0, 2000000000 };
	fails(futex(&word, FUTEX_WAIT, 5, &t, NULL, 0), EINVAL, "no such time");
	is(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0, "nobody to wake");
	fails(futex(&word, 99, 0, NULL, NULL, 0), ENOSYS, "no such operation");
}

static volatile int result[4];
static volatile pid_t waiters[4];
static void *waiter(void *arg)
{
	int i = (long)arg;

	waiters[i] = syscall(SYS_gettid);
	result[i] = futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 1 << i) ? errno : 1000;
	return NULL;
}

static bool all_asleep(int n)
{
	for (int i = 0; i < n; i++) {
		while (!waiters[i])
			sched_yield();
		if (!asleep(waiters[i]))
			return false;
	}
	return true;
}

static void bitsets_and_requeue(void)
{
	pthread_t t[4];

	word = 1;
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, waiter, (void *)i);
	ok(all_asleep(4), "four wait");
	is(futex(&word, FUTEX_WAKE_BITSET, 10, NULL, NULL, 1 << 2), 1, "a bit set wakes whom it names");
	pthread_join(t[2], NULL);
	is(result[2], 1000, "... and only that one");
	fails(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)10, &word2, 7), EAGAIN, "CMP_REQUEUE looks at the word");
	is(futex(&word, FUTEX_REQUEUE, 0, (void *)0x7fffffff, &word, 0), 3, "moved to the word where they are: that ends");
	is(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)10, &word2, 1), 3, "CMP_REQUEUE wakes one and moves the others");
	is(futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0), 0, "none is left at the first word");
	is(futex(&word2, FUTEX_WAKE, 10, NULL, NULL, 0), 2, "two wait at the second");
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	pthread_join(t[3], NULL);
	word2 = 10;
	is(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &word2, FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 10)), 0, "WAKE_OP");
	is(word2, 15, "... changes the second word");
	futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &word2, FUTEX_OP((FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT), 8, FUTEX_OP_CMP_LT, 0));
	is(word2, 15 | 256, "... by a shifted bit as well");
}

static void across_processes(void)
{
	volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile int *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int st;
	pid_t pid;

	*private = 0;
	pid = fork();
	if (!pid)
		_exit(futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
	ok(asleep(pid), "another process waits");
	is(futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0), 1, "shared anonymous memory is one word for two processes");
	waitpid(pid, &st, 0);
	pid = fork();
	if (!pid)
		_exit(futex(private, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
	ok(asleep(pid), "one waits at a word of its own");
	is(futex(private, FUTEX_WAKE, 1, NULL, NULL, 0), 0, "private memory is not");
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	is(st, SIGKILL, "... its waiter sleeps on");
}

static void nothing(int sig) { }
/* One may come before the call that it is to end: another one comes. */
static long wait_under_alarms(const struct old_ts *t)
{
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
	long r;
	int e;

	setitimer(ITIMER_REAL, &often, NULL);
	r = futex(&word, FUTEX_WAIT, 5, t, NULL, 0);
	e = errno;
	setitimer(ITIMER_REAL, &never, NULL);
	errno = e;
	return r;
}

static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct old_ts t = { 0, 100000000 };

	word = 5;
	sigaction(SIGALRM, &sa, NULL);
	fails(wait_under_alarms(NULL), EINTR, "a signal ends the wait");
	sa.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	ok(wait_under_alarms(&t) == -1 && (errno == ETIMEDOUT || errno == EINTR), "with a time-out it ends by it or by the signal");
}

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int counter, gate;
static void *adder(void *arg)
{
	for (int i = 0; i < 5000; i++) {
		pthread_mutex_lock(&m);
		counter++;
		pthread_mutex_unlock(&m);
	}
	pthread_mutex_lock(&m);
	while (!gate)
		pthread_cond_wait(&c, &m);
	pthread_mutex_unlock(&m);
	return NULL;
}

static void many_threads(void)
{
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, adder, NULL);
	usleep(50000);
	pthread_mutex_lock(&m);
	gate = 1;
	pthread_cond_broadcast(&c);
	pthread_mutex_unlock(&m);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	is(counter, 40000, "eight threads and one mutex");
}

static void *die_holding(void *arg) { pthread_mutex_lock(arg); return NULL; }

static void robust(void)
{
	pthread_mutexattr_t a;
	static pthread_mutex_t r;
	pthread_t t;
	unsigned head, size;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&r, &a);
	pthread_create(&t, NULL, die_holding, &r);
	pthread_join(t, NULL);
	is(pthread_mutex_lock(&r), EOWNERDEAD, "the holder of a robust mutex died");
	is(pthread_mutex_consistent(&r), 0, "... it is made consistent");
	is(pthread_mutex_unlock(&r), 0, "... and unlocked");
	is(pthread_mutex_lock(&r), 0, "... and serves again");
	is(syscall(SYS_get_robust_list, 0, &head, &size), 0, "get_robust_list");
	ok(size == 12 && head, "... tells the list");
	fails(syscall(SYS_set_robust_list, 0, 13), EINVAL, "set_robust_list wants the right size");
}

/* A list that is garbage must only cost its process. */
static void bad_robust(void *arg)
{
	static unsigned ring[3];

	ring[0] = (unsigned)ring;
	ring[0] = (unsigned)&ring[1];
	ring[1] = (unsigned)&ring[1]; /* never comes back to the head */
	syscall(SYS_set_robust_list, ring, 12);
	syscall(SYS_exit, 0);
}
static void worse_robust(void *arg)
{
	syscall(SYS_set_robust_list, 0xc0000000, 12);
	syscall(SYS_exit, 0);
}

int main(void)
{
	simple();
	bitsets_and_requeue();
	across_processes();
	interrupted();
	many_threads();
	robust();
	is(in_child(bad_robust, NULL), 0, "a robust list that runs in a circle ends");
	is(in_child(worse_robust, NULL), 0, "... and one in the kernel");
	return done();
}
