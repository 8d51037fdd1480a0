/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=30
 *
 * epoll (level, edge, one shot, exclusive, nested, closing), eventfd, FIFOs, poll and select of many descriptors,
 * signals and times of ppoll and pselect.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <time.h>

static void *volatile nowhere = (void *)8;

static int add(int ep, int fd, unsigned events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}
static int mod(int ep, int fd, unsigned events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}
/* => events of the one that is ready, 0: none, -1: more than one */
static int now(int ep)
{
	struct epoll_event e[4];
	int n = epoll_wait(ep, e, 4, 0);

	return n == 1 ? (int)e[0].events : n ? -1 : 0;
}
static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void modes(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), p[2];
	char c;

	pipe(p);
	is(add(ep, p[0], EPOLLIN), 0, "add");
	fails(add(ep, p[0], EPOLLIN), EEXIST, "twice");
	is(now(ep), 0, "nothing yet");
	write(p[1], "ab", 2);
	is(now(ep), EPOLLIN, "level: ready");
	is(now(ep), EPOLLIN, "level: and again");
	read(p[0], &c, 1);
	is(now(ep), EPOLLIN, "level: as long as there is something");
	read(p[0], &c, 1);
	is(now(ep), 0, "level: then no more");
	is(mod(ep, p[0], EPOLLIN | EPOLLET), 0, "edge");
	write(p[1], "a", 1);
	is(now(ep), EPOLLIN, "edge: once");
	is(now(ep), 0, "edge: not again");
	write(p[1], "b", 1);
	is(now(ep), EPOLLIN, "edge: for each write");
	is(mod(ep, p[0], EPOLLIN | EPOLLONESHOT), 0, "one shot");
	is(now(ep), EPOLLIN, "one shot: once");
	write(p[1], "c", 1);
	is(now(ep), 0, "one shot: disarmed");
	is(mod(ep, p[0], EPOLLIN | EPOLLONESHOT), 0, "armed again");
	is(now(ep), EPOLLIN, "one shot: ready at once");
	mod(ep, p[0], EPOLLIN);
	close(p[1]);
	is(now(ep), EPOLLIN | EPOLLHUP, "the writer went");
	is(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL), 0, "delete");
	fails(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL), ENOENT, "twice");
	is(now(ep), 0, "silence");
	close(p[0]);
	pipe(p);
	add(ep, p[1], EPOLLOUT);
	is(now(ep), EPOLLOUT, "an empty pipe can be written");
	close(p[0]);
	is(now(ep), EPOLLOUT | EPOLLERR, "the reader went");
	close(p[1]);
	is(now(ep), 0, "a closed file leaves the set");
	fails(add(ep, 99, EPOLLIN), EBADF, "no file");
	fails(add(ep, ep, EPOLLIN), EINVAL, "itself");
	fails(epoll_wait(ep, (struct epoll_event *)&c, 0, 0), EINVAL, "no room");
	close(ep);
}

static void files(void)
{
	int ep = epoll_create(1), fd = open("/tmp", O_RDONLY), dup1, p[2];
	struct epoll_event e;

	fails(add(ep, fd, EPOLLIN), EPERM, "a directory cannot be watched");
	close(fd);
	pipe(p);
	dup1 = dup(p[0]);
	add(ep, p[0], EPOLLIN);
	is(add(ep, dup1, EPOLLIN), 0, "the same file by another descriptor");
	close(p[0]);
	write(p[1], "x", 1);
	is(epoll_wait(ep, &e, 1, 0), 1, "watched as long as the file is open by any");
	close(dup1);
	is(epoll_wait(ep, &e, 1, 0), 0, "then no more");
	close(p[1]);
	close(ep);
}

static void nested(void)
{
	int a = epoll_create1(0), b = epoll_create1(0), p[2];
	char c;

	pipe(p);
	add(a, p[0], EPOLLIN);
	is(add(b, a, EPOLLIN), 0, "an epoll file in another");
	fails(add(a, b, EPOLLIN), ELOOP, "not in a circle");
	is(now(b), 0, "nothing yet");
	write(p[1], "x", 1);
	is(now(b), EPOLLIN, "the inner one is ready");
	read(p[0], &c, 1);
	is(now(b), 0, "and is not");
	close(a), close(b), close(p[0]), close(p[1]);
}

#define CHAIN 64
/* Each new one below the last, and a pipe at the bottom: a write there would be told all the way up. */
static void chain(void)
{
	int ep[CHAIN], p[2], err = 0;

	pipe(p);
	for (int i = 0; i < CHAIN; i++) {
		ep[i] = epoll_create1(0);
		err = err || (i && add(ep[i - 1], ep[i], EPOLLIN));
	}
	err = err || add(ep[CHAIN - 1], p[0], EPOLLIN);
	ok(err && (errno == ELOOP || errno == EINVAL), "a chain made from its top must end somewhere too");
	write(p[1], "x", 1);
	for (int i = 0; i < CHAIN; i++)
		close(ep[i]);
	close(p[0]), close(p[1]);
}

#define WAYS 500 /* to one set that is watched; Linux's number */
/* However many sets watch a file, few of them may be watched themselves: each event goes up all the ways there are. */
static void ways(void)
{
	static int top[WAYS + 2];
	int one = epoll_create1(0), two = epoll_create1(0), p[2], bad = 0;
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max < 2000 ? l.rlim_max : 2000;
	setrlimit(RLIMIT_NOFILE, &l);
	pipe(p);
	for (int i = 0; i < WAYS + 2; i++) {
		top[i] = epoll_create1(0);
		bad += add(top[i], p[0], EPOLLIN) != 0;
	}
	is(bad, 0, "more than %d sets watch one file", WAYS);
	is(add(one, p[0], EPOLLIN), 0, "... and one more does");
	for (int i = 0; i < WAYS; i++)
		bad += add(top[i], one, EPOLLIN) != 0;
	is(bad, 0, "%d watch that one", WAYS);
	fails(add(top[WAYS], one, EPOLLIN), EINVAL, "... not %d", WAYS + 1);
	fails(epoll_ctl(top[WAYS], EPOLL_CTL_DEL, one, NULL), ENOENT, "... so it does not");
	write(p[1], "x", 1);
	ok(now(top[0]) == -1 && now(top[WAYS]) == EPOLLIN, "all are told by the ways there are");
	is(epoll_ctl(top[0], EPOLL_CTL_DEL, one, NULL), 0, "one way less");
	is(add(top[WAYS], one, EPOLLIN), 0, "... and there is room for one");
	for (int i = 0; i < WAYS + 2; i++)
		bad += add(top[i], two, EPOLLIN) != 0;
	is(bad, 0, "a set with nothing in it may be watched by more");
	fails(add(two, p[0], EPOLLIN), EINVAL, "... and then nothing comes into it");
	fails(add(two, one, EPOLLIN), EINVAL, "... neither by another set");
	close(one);
	is(close(top[0]) + close(top[1]) + add(two, p[0], EPOLLIN), 0, "... before there are fewer");
	for (int i = 2; i < WAYS + 2; i++)
		close(top[i]);
	close(two), close(p[0]), close(p[1]);
}

/* Four below each other, from either end; one may go, and then another come. */
static void depths(void)
{
	int ep[5], p[2];

	pipe(p);
	for (int i = 0; i < 5; i++)
		ep[i] = epoll_create1(0);
	is(add(ep[1], ep[2], EPOLLIN) + add(ep[0], ep[1], EPOLLIN) + add(ep[2], ep[3], EPOLLIN) + add(ep[3], p[0], EPOLLIN), 0, "four deep");
	write(p[1], "x", 1);
	is(now(ep[0]), EPOLLIN, "the top one hears of it");
	fails(add(ep[3], ep[0], EPOLLIN), ELOOP, "no circle");
	is(epoll_ctl(ep[1], EPOLL_CTL_DEL, ep[2], NULL), 0, "cut in the middle");
	is(now(ep[0]), 0, "the top one hears no more");
	is(add(ep[3], ep[0], EPOLLIN) + add(ep[1], p[0], EPOLLIN), 0, "the other way round");
	is(now(ep[2]), EPOLLIN, "is no circle now");
	for (int i = 0; i < 5; i++)
		close(ep[i]);
	close(p[0]), close(p[1]);
}

static void waiting(void)
{
	int ep = epoll_create1(0), p[2], status;
	struct epoll_event e;
	double t = seconds();

	pipe(p);
	add(ep, p[0], EPOLLIN);
	is(epoll_wait(ep, &e, 1, 150), 0, "time runs out");
	t = seconds() - t;
	ok(t >= 0.149 && t < 15, "... after 150 ms (%.3f)", t);
	if (!fork()) {
		bool sleeps = asleep(getppid());

		write(p[1], "x", 1);
		_exit(!sleeps);
	}
	is(epoll_wait(ep, &e, 1, -1), 1, "woken by a write");
	wait(&status);
	is(status, 0, "... out of its sleep");
	close(ep), close(p[0]), close(p[1]);
}

static void counters(void)
{
	int fd = eventfd(3, EFD_NONBLOCK), sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	struct pollfd pf = { .fd = fd, .events = POLLIN | POLLOUT };
	uint64_t v = 5;

	is(poll(&pf, 1, 0), 1, "eventfd polls");
	is(pf.revents, POLLIN | POLLOUT, "... both ways");
	is(write(fd, &v, 8), 8, "adds");
	is(read(fd, &v, 8), 8, "takes");
	is(v, 8, "... all");
	fails(read(fd, &v, 8), EAGAIN, "nothing left");
	v = ~0ULL;
	fails(write(fd, &v, 8), EINVAL, "too much");
	v = ~0ULL - 1;
	is(write(fd, &v, 8), 8, "the most");
	v = 1;
	fails(write(fd, &v, 8), EAGAIN, "no more fits");
	fails(read(fd, &v, 4), EINVAL, "half a number");
	is(read(sem, &v, 8), 8, "a semaphore gives");
	is(v, 1, "... one");
	is(read(sem, &v, 8), 8, "and another");
	fails(read(sem, &v, 8), EAGAIN, "and no more");
	close(fd), close(sem);
}

static void fifo_writer(void *name)
{
	int fd = open(name, O_WRONLY);

	_exit(write(fd, "fifo", 4) == 4 ? 0 : 1);
}
static void fifos(void)
{
	char name[] = "/tmp/fs_fifo.XXXXXX", buf[10];
	struct pollfd pf = { .events = POLLIN };
	int fd, w, status;
	pid_t pid;

	close(mkstemp(name));
	unlink(name);
	is(mkfifo(name, 0600), 0, "mkfifo");
	fails(open(name, O_WRONLY | O_NONBLOCK), ENXIO, "no reader");
	fd = open(name, O_RDONLY | O_NONBLOCK);
	ok(fd >= 0, "a reader does not wait with O_NONBLOCK");
	pf.fd = fd;
	is(poll(&pf, 1, 0), 0, "no writer has come yet: no hang-up");
	is(read(fd, buf, 10), 0, "... and reading says end of file");
	w = open(name, O_WRONLY | O_NONBLOCK);
	ok(w >= 0, "a writer comes");
	fails(read(fd, buf, 10), EAGAIN, "now reading would wait");
	close(w);
	is(poll(&pf, 1, 0), 1, "it went");
	is(pf.revents, POLLHUP, "a hang-up");
	close(fd);
	pid = fork();
	if (!pid)
		fifo_writer(name);
	fd = open(name, O_RDONLY);
	ok(fd >= 0 && read(fd, buf, 10) == 4 && !memcmp(buf, "fifo", 4), "open waits for the other side");
	waitpid(pid, &status, 0);
	is(status, 0, "... on both sides");
	close(fd);
	unlink(name);
}

static void on_signal(int sig) { }
static void signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct timespec soon = { 5, 0 };
	struct timeval tv = { 0, 100000 };
	sigset_t block, none;
	struct pollfd pf = { .fd = -1 };
	double t;

	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, NULL);
	kill(getpid(), SIGUSR1);
	is(poll(&pf, 1, 50), 0, "a blocked signal does not break poll");
	fails(ppoll(&pf, 1, &soon, &none), EINTR, "ppoll lets it in");
	kill(getpid(), SIGUSR1);
	fails(pselect(0, NULL, NULL, NULL, &soon, &none), EINTR, "pselect too");
	sigprocmask(SIG_SETMASK, NULL, &none);
	is(sigismember(&none, SIGUSR1), 1, "the mask is as before");
	t = seconds();
	is(select(0, NULL, NULL, NULL, &tv), 0, "select as a sleep");
	t = seconds() - t;
	ok(t >= 0.099 && t < 10, "... of 100 ms (%.3f)", t);
	fails(poll(nowhere, 1, 0), EFAULT, "a bad address");
	fails(select(-1, NULL, NULL, NULL, &tv), EINVAL, "a negative count");
}

static void crowds(void)
{
	static struct pollfd pf[900];
	int p[2], n, top = 0;
	struct rlimit l;
	fd_set set;

	getrlimit(RLIMIT_NOFILE, &l);
	pipe(p);
	for (n = 0; n < 900; n++) {
		int fd = n < 800 ? dup(p[0]) : -1;

		if (fd > top)
			top = fd;
		pf[n] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	pf[899].fd = 5000;
	is(poll(pf, 899, 0), 0, "800 descriptors, none ready");
	is(poll(pf, 900, 0), 1, "one that is not open");
	is(pf[899].revents, POLLNVAL, "... is reported as such");
	write(p[1], "x", 1);
	is(poll(pf, 899, -1), 800, "all ready");
	FD_ZERO(&set);
	FD_SET(top, &set);
	FD_SET(p[0], &set);
	is(select(top + 1, &set, NULL, NULL, NULL), 2, "select of two");
	ok(FD_ISSET(top, &set) && FD_ISSET(p[0], &set), "... far apart");
	for (n = 0; n < 800; n++)
		close(pf[n].fd);
	FD_SET(top, &set);
	fails(select(top + 1, &set, NULL, NULL, NULL), EBADF, "select of one that is closed");
	close(p[0]), close(p[1]);
}

int main(void)
{
	modes();
	files();
	nested();
	chain();
	ways();
	depths();
	waiting();
	counters();
	fifos();
	signals();
	crowds();
	return done();
}
