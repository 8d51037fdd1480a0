/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * Clocks and sleeping: monotonic never runs back, sleeps last as long as asked, timers fire, CPU time is counted.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

static double now(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void monotonic(void)
{
	double last = now(CLOCK_MONOTONIC), t;
	int back = 0;

	for (int i = 0; i < 20000; i++) {
		t = now(CLOCK_MONOTONIC);
		back += t < last;
		last = t;
	}
	is(back, 0, "the monotonic clock never runs back");
	ok(now(CLOCK_REALTIME) > 1500000000, "the real-time clock knows the year");
	ok(time(NULL) - (time_t)now(CLOCK_REALTIME) <= 1, "time and clock_gettime agree");
}

static void sleeps(void)
{
	double start = now(CLOCK_MONOTONIC), took;
	struct timespec t = { 0, 1000000 }, until;

	usleep(200000);
	took = now(CLOCK_MONOTONIC) - start;
	ok(took >= 0.2 && took < 1.0, "usleep(200 ms) takes that long");
	start = now(CLOCK_MONOTONIC);
	for (int i = 0; i < 20; i++)
		nanosleep(&t, NULL);
	took = now(CLOCK_MONOTONIC) - start;
	ok(took >= 0.02 && took < 0.5, "twenty sleeps of 1 ms are no coarse ticks");
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += 50000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	is(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0, "an absolute sleep");
	is(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0, "... into the past returns at once");
	t = (struct timespec){ 0, 1000000000 };
	fails(nanosleep(&t, NULL), EINVAL, "a billion nanoseconds is no timespec");
}

static volatile int ticks;
static void on_tick(int sig) { ticks++; }

static void interval(void)
{
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } }, off = { { 0, 0 }, { 0, 0 } }, left;
	double start = now(CLOCK_MONOTONIC), took;

	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &it, NULL);
	while (ticks < 10)
		pause();
	took = now(CLOCK_MONOTONIC) - start;
	getitimer(ITIMER_REAL, &left);
	setitimer(ITIMER_REAL, &off, NULL);
	ok(took > 0.19 && took < 1.5, "ten ticks of 20 ms");
	ok(left.it_interval.tv_usec == 20000, "getitimer tells the interval");
	ticks = 0;
	alarm(1);
	ok(alarm(0) == 1, "alarm(0) tells what was left");
}

static void posix_timer(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec it = { { 0, 0 }, { 0, 30000000 } };
	timer_t t;

	signal(SIGUSR1, on_tick);
	ticks = 0;
	if (timer_create(CLOCK_MONOTONIC, &ev, &t)) {
		ok(false, "timer_create");
		return;
	}
	timer_settime(t, 0, &it, NULL);
	for (int i = 0; i < 100 && !ticks; i++)
		usleep(10000);
	is(ticks, 1, "a timer of timer_create fires once");
	is(timer_delete(t), 0, "timer_delete");
}

static void cpu_time(void)
{
	struct rusage before, after;
	double start = now(CLOCK_PROCESS_CPUTIME_ID), used;
	volatile long n = 0;
	struct tms tms;

	getrusage(RUSAGE_SELF, &before);
	while (now(CLOCK_MONOTONIC) > 0 && (used = now(CLOCK_PROCESS_CPUTIME_ID) - start) < 0.2)
		for (int i = 0; i < 10000; i++)
			n++;
	getrusage(RUSAGE_SELF, &after);
	used = after.ru_utime.tv_sec - before.ru_utime.tv_sec + (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6 +
	       after.ru_stime.tv_sec - before.ru_stime.tv_sec + (after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
	ok(used > 0.1 && used < 0.5, "getrusage counts about the same");
	ok(times(&tms) != -1 && tms.tms_utime + tms.tms_stime > 10, "times as well");
	start = now(CLOCK_PROCESS_CPUTIME_ID);
	usleep(100000);
	ok(now(CLOCK_PROCESS_CPUTIME_ID) - start < 0.05, "sleeping costs no CPU time");
	ok(after.ru_minflt > 0, "faults are counted");
}

int main(void)
{
	monotonic();
	sleeps();
	interval();
	posix_timer();
	cpu_time();
	return done();
}
