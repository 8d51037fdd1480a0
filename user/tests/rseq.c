/* SPDX-License-Identifier: MIT
 * test: smp=2 time=20
 *
 * Restartable sequences: registering, the CPU's number, and that a sequence is left when a signal, another thread or another
 * CPU comes between. The C library registers its threads itself; here it is undone first.
 */
#define _GNU_SOURCE
#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap.h"

#define SIG 0x12345678
#define CALL(a, len, flags, sig) syscall(SYS_rseq, a, len, flags, sig)

static struct rseq area[2] __attribute__((aligned(32)));
#define my (area[0])
static volatile unsigned count;
static volatile int handled;

static int bind(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/* Spins in a sequence for ever; only its abort ends it. */
static void spin_in_sequence(void)
{
	__asm__ volatile(".pushsection .data\n\t"
			 ".balign 32\n"
			 "9:\t.long 0, 0\n\t"
			 ".long 1f, 0\n\t"
			 ".long 2f - 1f, 0\n\t"
			 ".long 4f, 0\n\t"
			 ".popsection\n\t"
			 "movl $9b, %[cs]\n"
			 "1:\tincl %[count]\n\t"
			 "jmp 1b\n"
			 "2:\tjmp 5f\n\t"
			 ".long 0x12345678\n"
			 "4:\tnop\n"
			 "5:\n\t"
			 : [cs] "+m"(my.rseq_cs), [count] "+m"(count) : : "memory", "cc");
}

static volatile unsigned seen = 1;
static void on_signal(int sig)
{
	handled++;
	seen = (unsigned)my.rseq_cs;
}

static void undo_libc(void)
{
	char *self = __builtin_thread_pointer();

	if (__rseq_size)
		CALL(self + __rseq_offset, sizeof(struct rseq), RSEQ_FLAG_UNREGISTER, 0x53053053);
}

static void registration(void)
{
	fails(CALL((char *)&my + 4, sizeof(my), 0, SIG), EINVAL, "misaligned");
	fails(CALL(&my, sizeof(my) - 4, 0, SIG), EINVAL, "wrong size");
	fails(CALL(&my, sizeof(my), 6, SIG), EINVAL, "unknown flags");
	fails(CALL((void *)0xfffff000, sizeof(my), 0, SIG), EFAULT, "an address of the kernel's");
	fails(CALL(&my, sizeof(my), RSEQ_FLAG_UNREGISTER, SIG), EINVAL, "leaving without having come");
	is(CALL(&my, sizeof(my), 0, SIG), 0, "registered");
	fails(CALL(&my, sizeof(my), 0, SIG), EBUSY, "twice");
	fails(CALL(&my, sizeof(my), 0, SIG + 1), EPERM, "twice, with another signature");
	fails(CALL(&area[1], sizeof(my), 0, SIG), EINVAL, "twice, elsewhere");
	fails(CALL(&my, sizeof(my), RSEQ_FLAG_UNREGISTER, SIG + 1), EPERM, "leaving with another signature");
	is(CALL(&my, sizeof(my), RSEQ_FLAG_UNREGISTER, SIG), 0, "left");
	is((int)my.cpu_id, RSEQ_CPU_ID_UNINITIALIZED, "the number has gone");
	is(CALL(&my, sizeof(my), 0, SIG), 0, "and registered again");
}

static int number_is_right(void)
{
	unsigned cpu;

	syscall(SYS_getcpu, &cpu, NULL, NULL);
	return my.cpu_id == cpu && my.cpu_id_start == cpu;
}

static void numbers(void)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), good = 0, status;

	for (int i = 0; i < 40; i++) {
		if (bind(i % cpus))
			bail("no such CPU");
		good += number_is_right() && (int)my.cpu_id == i % cpus;
	}
	is(good, 40, "the CPU's number is that of getcpu, wherever we go");
	if (!fork()) {
		bind((cpus > 1) && !my.cpu_id);
		_exit(!number_is_right());
	}
	wait(&status);
	is(status, 0, "a child of fork is registered as well");
}

static void *plain_thread(void *arg)
{
	return (void *)(long)CALL(&area[1], sizeof(my), RSEQ_FLAG_UNREGISTER, SIG);
}

static void by_signal(void)
{
	struct itimerval soon = { { 0, 20000 }, { 0, 20000 } }; /* again and again: the first may come before the sequence */

	signal(SIGALRM, on_signal);
	setitimer(ITIMER_REAL, &soon, NULL);
	do /* it may have been preempted before */
		spin_in_sequence();
	while (!handled);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	is(seen, 0U, "when a signal's handler runs, the sequence is left");
}

static volatile int stop;
static void *hog(void *arg)
{
	bind(0);
	while (!stop)
		;
	return NULL;
}

static void by_preemption(void)
{
	pthread_t t;

	bind(0);
	if (pthread_create(&t, NULL, hog, NULL))
		bail("no thread");
	for (int i = 0; i < 3; i++)
		spin_in_sequence();
	stop = 1;
	pthread_join(t, NULL);
	ok(count > 0, "another thread on the CPU ends a sequence (it spun %u times)", count);
}

/* To and fro: the first move may come before the sequence. */
static void *mover(void *arg)
{
	cpu_set_t set;

	for (int cpu = 1; !stop; cpu = !cpu) {
		usleep(20000);
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(*(pid_t *)arg, sizeof(set), &set);
	}
	return NULL;
}

static void by_migration(void)
{
	pid_t me = syscall(SYS_gettid);
	pthread_t t;
	int at;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		ok(1, "one CPU: nowhere to move");
		return;
	}
	bind(0);
	stop = 0;
	if (pthread_create(&t, NULL, mover, &me))
		bail("no thread");
	do {
		spin_in_sequence();
		at = my.cpu_id;
	} while (!at);
	stop = 1;
	pthread_join(t, NULL);
	is(at, 1, "being moved to another CPU ends a sequence");
}

static void bad_sequence(void)
{
	static struct rseq_cs cs __attribute__((aligned(32)));
	int status;

	if (!fork()) {
		signal(SIGALRM, on_signal);
		cs = (struct rseq_cs){ .start_ip = (unsigned long)bad_sequence, .post_commit_offset = 4, .abort_ip = (unsigned long)numbers };
		my.rseq_cs = (unsigned long)&cs;
		raise(SIGALRM);
		_exit(0);
	}
	wait(&status);
	is(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGSEGV, "an abort address without the signature");
	if (!fork()) {
		signal(SIGALRM, on_signal);
		my.rseq_cs = 8;
		raise(SIGALRM);
		_exit(0);
	}
	wait(&status);
	is(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGSEGV, "a sequence at a bad address");
}

int main(void)
{
	pthread_t t;
	void *r;

	if (CALL(NULL, 0, 0, 0) && errno == ENOSYS)
		bail("no rseq");
	undo_libc();
	registration();
	numbers();
	pthread_create(&t, NULL, plain_thread, NULL);
	pthread_join(t, &r);
	is((long)r, -1, "a new thread is not registered where its creator is");
	by_signal();
	by_preemption();
	by_migration();
	bad_sequence();
	return done();
}
