/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * Clocks and sleeping: monotonic never runs back, sleeps last as long as asked, timers fire, CPU time is counted; who waits for a time of the
 * wall clock learns that it was set.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>
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
	time_t coarse;
	int back = 0;

	for (int i = 0; i < 20000; i++) {
		t = now(CLOCK_MONOTONIC);
		back += t < last;
		last = t;
	}
	is(back, 0, "the monotonic clock never runs back");
	ok(now(CLOCK_REALTIME) > 1500000000, "the real-time clock knows the year");
	t = now(CLOCK_REALTIME);
	coarse = time(NULL);
	ok(coarse >= (time_t)t - 1 && coarse <= (time_t)now(CLOCK_REALTIME), "time and clock_gettime agree");
}

/* How long the shortest of many sleeps of so many nanoseconds took. A busy machine makes any of them longer, so we go on until one is no
 * longer than most; none may be shorter than what was asked for. */
static double shortest_sleep(long ns, double most)
{
	struct timespec t = { 0, ns };
	double best = 1e9;

	for (int i = 0; i < 1000 && best > most; i++) {
		double start = now(CLOCK_MONOTONIC), took;

		nanosleep(&t, NULL);
		took = now(CLOCK_MONOTONIC) - start;
		if (took < best)
			best = took;
	}
	return best;
}

static void sleeps(void)
{
	struct timespec t, until;
	double took;

	took = shortest_sleep(200000000, 0.4);
	ok(took >= 0.2 && took <= 0.4, "a sleep of 200 ms takes that long");
	took = shortest_sleep(1000000, 0.004);
	ok(took >= 0.001 && took <= 0.004, "a sleep of 1 ms is no coarse tick");
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
	unsigned n;

	signal(SIGALRM, on_tick);
	setitimer(ITIMER_REAL, &it, NULL);
	while (ticks < 10)
		pause();
	took = now(CLOCK_MONOTONIC) - start;
	getitimer(ITIMER_REAL, &left);
	setitimer(ITIMER_REAL, &off, NULL);
	ok(took > 0.19, "ten ticks of 20 ms"); /* who is late gets one for several */
	ok(left.it_interval.tv_usec == 20000, "getitimer tells the interval");
	ticks = 0;
	alarm(1000);
	n = alarm(0);
	ok(n > 900 && n <= 1000, "alarm(0) tells what was left");
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
	(void)eventually(ticks);
	is(ticks, 1, "a timer of timer_create fires once");
	is(timer_delete(t), 0, "timer_delete");
}

/* CPU time by the clock just before and just after getrusage, and what that said. A machine that stands still counts as used. */
struct reading { double before, usage, after; };
static struct reading cpu_now(struct rusage *ru)
{
	struct reading r = { .before = now(CLOCK_PROCESS_CPUTIME_ID) };

	getrusage(RUSAGE_SELF, ru);
	r.usage = ru->ru_utime.tv_sec + ru->ru_utime.tv_usec / 1e6 + ru->ru_stime.tv_sec + ru->ru_stime.tv_usec / 1e6;
	r.after = now(CLOCK_PROCESS_CPUTIME_ID);
	return r;
}

static void cpu_time(void)
{
	struct rusage ru;
	struct reading a = cpu_now(&ru), b;
	volatile long n = 0;
	double asleep = 1;
	struct tms tms;

	while (now(CLOCK_PROCESS_CPUTIME_ID) - a.after < 0.2)
		for (int i = 0; i < 10000; i++)
			n++;
	b = cpu_now(&ru);
	ok(b.usage - a.usage > b.before - a.after - 0.1 && b.usage - a.usage < b.after - a.before + 0.1, "getrusage counts about the same"); /* it may count in ticks */
	ok(times(&tms) != -1 && tms.tms_utime + tms.tms_stime > 10, "times as well");
	for (int i = 0; i < 300 && asleep >= 0.05; i++) { /* what a busy machine takes from us between sleeping and looking counts too */
		double start = now(CLOCK_PROCESS_CPUTIME_ID);

		usleep(100000);
		asleep = now(CLOCK_PROCESS_CPUTIME_ID) - start;
	}
	ok(asleep < 0.05, "sleeping costs no CPU time");
	ok(ru.ru_minflt > 0, "faults are counted");
}

/* --- timers that end when the wall clock is set -------------------------------------------------------------------------- */

/* => a timer for so many seconds from now, as a time of the wall clock */
static int timer_in(int seconds, int flags)
{
	int fd = timerfd_create(CLOCK_REALTIME, 0);
	struct itimerspec it = { .it_value.tv_sec = time(NULL) + seconds };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | flags, &it, NULL) ? -1 : fd;
}

static int canceled_read(int fd)
{
	unsigned long long n;

	return read(fd, &n, sizeof(n)) == -1 ? errno : 0;
}

static int polled_read(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, -1) == 1 ? canceled_read(fd) : 0;
}

static int epolled_read(int fd)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);

	return !epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) && epoll_wait(ep, &e, 1, -1) == 1 ? canceled_read(fd) : 0;
}

static pid_t start(int (*wait)(int fd), int fd)
{
	pid_t pid = fork();

	if (!pid)
		_exit(wait(fd));
	return pid;
}

static int step_clock(int seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += seconds;
	return clock_settime(CLOCK_REALTIME, &t);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* => its exit status; -1: it goes on waiting */
static int result_of(pid_t pid)
{
	int status;

	if (eventually(waitpid(pid, &status, WNOHANG) == pid))
		return WEXITSTATUS(status);
	stop(pid);
	return -1;
}

static void clock_set(void)
{
	static int (*const wait[])(int fd) = { canceled_read, polled_read, epolled_read };
	static const char *const name[] = { "read", "poll, then read", "epoll_wait, then read" };
	pid_t pid[3], other = start(polled_read, timer_in(1000000, 0));
	pid_t due = start(polled_read, timer_in(1800, 0));
	bool asleep_all = asleep(other) & asleep(due);

	for (int i = 0; i < 3; i++) {
		pid[i] = start(wait[i], timer_in(1000000, TFD_TIMER_CANCEL_ON_SET));
		asleep_all &= asleep(pid[i]);
	}
	ok(asleep_all, "who waits for a timer of the wall clock that is far away sleeps");
	if (!step_clock(3600)) {
		for (int i = 0; i < 3; i++)
			is(result_of(pid[i]), ECANCELED, "%s: ECANCELED once the clock is set", name[i]);
		is(result_of(due), 0, "a timer whose time has passed on that clock has run out");
		is(waitpid(other, NULL, WNOHANG), 0, "one that is still far away goes on, without TFD_TIMER_CANCEL_ON_SET");
		is(step_clock(-3600), 0, "the clock is set back");
	} else {
		for (int i = 0; i < 3; i++)
			stop(pid[i]);
		stop(due);
		fails(step_clock(0), EPERM, "here nobody sets the clock");
	}
	stop(other);
}

int main(void)
{
	monotonic();
	sleeps();
	interval();
	posix_timer();
	cpu_time();
	clock_set();
	return done();
}
