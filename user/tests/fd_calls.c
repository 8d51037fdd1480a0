/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * Descriptors as programs combine them: event loops over sockets and counters, sealed memory handed to another process,
 * files sent through sockets, locks that travel with an open file; and what a daemon sets for itself.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static void send_fd(int to, int fd)
{
	union { struct cmsghdr h; char bytes[CMSG_SPACE(sizeof(int))]; } c = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { "f", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };

	memcpy(CMSG_DATA(&c.h), &fd, sizeof(int));
	sendmsg(to, &m, 0);
}
static int receive_fd(int from)
{
	union { struct cmsghdr h; char bytes[CMSG_SPACE(sizeof(int))]; } c;
	char b;
	struct iovec iov = { &b, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	int fd = -1;

	if (recvmsg(from, &m, 0) == 1 && m.msg_controllen >= sizeof(c.h))
		memcpy(&fd, CMSG_DATA(&c.h), sizeof(int));
	return fd;
}

/* --- event loops -------------------------------------------------------------------------------------------------------- */
static int loops[2];
static volatile bool woken[2];
static volatile pid_t tids[2];
static void *sleeper(void *arg)
{
	struct epoll_event ev;

	tids[(long)arg] = syscall(SYS_gettid);
	woken[(long)arg] = epoll_wait(loops[(long)arg], &ev, 1, -1) == 1;
	return NULL;
}

/* Whom a write wakes is awake when it returns: the other one sleeps for good, until an event of its own. */
static void one_of_two(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE }, plain = { .events = EPOLLIN };
	int s[2], stop = eventfd(0, 0);
	uint64_t one = 1;
	pthread_t t[2];
	int other;

	socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
	for (long i = 0; i < 2; i++) {
		loops[i] = epoll_create1(0);
		epoll_ctl(loops[i], EPOLL_CTL_ADD, s[0], &ev);
		epoll_ctl(loops[i], EPOLL_CTL_ADD, stop, &plain);
		pthread_create(&t[i], NULL, sleeper, (void *)i);
	}
	while (!tids[0] || !tids[1])
		sched_yield();
	ok(asleep(tids[0]) && asleep(tids[1]), "two wait for one socket");
	write(s[1], "x", 1);
	ok(eventually(woken[0] || woken[1]), "a datagram wakes one");
	other = woken[0];
	ok(state_of(tids[other]) == 'S' && !woken[other], "... and not the other (EPOLLEXCLUSIVE)");
	write(stop, &one, 8);
	for (int i = 0; i < 2; i++) {
		pthread_join(t[i], NULL);
		close(loops[i]);
	}
	close(s[0]);
	close(s[1]);
	close(stop);
}

static void event_loops(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT }, got[4];
	int ep = epoll_create1(EPOLL_CLOEXEC), e = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE), s[2];
	uint64_t n = 0;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
	ev.data.fd = s[0];
	epoll_ctl(ep, EPOLL_CTL_ADD, s[0], &ev);
	ev = (struct epoll_event){ .events = EPOLLIN, .data.fd = e };
	epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev);
	is(epoll_wait(ep, got, 4, 0), 1, "the counter is ready");
	ok(read(e, &n, 8) == 8 && n == 1 && read(e, &n, 8) == 8 && read(e, &n, 8) == 8, "... three times one");
	fails(read(e, &n, 8), EAGAIN, "... and then is not");
	write(s[1], "x", 1);
	ok(epoll_wait(ep, got, 4, 0) == 1 && got[0].data.fd == s[0], "the socket is ready");
	is(epoll_wait(ep, got, 4, 0), 0, "... once (EPOLLONESHOT)");
	ev = (struct epoll_event){ .events = EPOLLIN | EPOLLOUT | EPOLLONESHOT, .data.fd = s[0] };
	epoll_ctl(ep, EPOLL_CTL_MOD, s[0], &ev);
	ok(epoll_wait(ep, got, 4, 0) == 1 && got[0].events == (EPOLLIN | EPOLLOUT), "... until it is armed again");
	close(s[0]);
	is(epoll_wait(ep, got, 4, 0), 0, "a closed one is not watched");
	close(s[1]);
	close(ep);
	close(e);
}

/* --- memory for another process ------------------------------------------------------------------------------------------- */
static void sealed_memory(void)
{
	int fd = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING), s[2], status, plain;
	char *p;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	is(ftruncate(fd, 8192), 0, "memfd_create, ftruncate");
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	strcpy(p + 4096, "sealed");
	fails(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY, "F_SEAL_WRITE while it is mapped writable");
	munmap(p, 8192);
	is(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0, "... afterwards");
	if (!fork()) {
		int g = receive_fd(s[1]), bad = 0;
		char *q = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, g, 0);

		bad |= fcntl(g, F_GET_SEALS) != (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
		bad |= (q == MAP_FAILED || strcmp(q + 4096, "sealed")) << 1;
		bad |= (write(g, "x", 1) != -1 || errno != EPERM) << 2;
		bad |= (ftruncate(g, 4096) != -1 || errno != EPERM) << 3;
		bad |= (ftruncate(g, 16384) != -1 || errno != EPERM) << 4;
		bad |= (mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, g, 0) != MAP_FAILED || errno != EPERM) << 5;
		bad |= (fcntl(g, F_ADD_SEALS, F_SEAL_SEAL) != -1 || errno != EPERM) << 6;
		_exit(bad);
	}
	send_fd(s[0], fd);
	wait(&status);
	is(WEXITSTATUS(status), 0, "the receiver can trust it");
	plain = memfd_create("plain", 0);
	fails(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE), EPERM, "one without MFD_ALLOW_SEALING takes none");
	close(plain);
	close(fd);
	close(s[0]);
	close(s[1]);
}

static void sending_files(void)
{
	static char buf[300000];
	int fd = open("/tmp/sendfile test", O_RDWR | O_CREAT | O_TRUNC, 0600), s[2], status;
	unsigned long sum = 0, want = 0;
	off_t pos = 100;
	ssize_t n;

	unlink("/tmp/sendfile test");
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = i * 7;
	for (unsigned i = 100; i < sizeof(buf); i++)
		want += (unsigned char)buf[i];
	write(fd, buf, sizeof(buf));
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	if (!fork()) {
		close(s[1]);
		while (pos < (off_t)sizeof(buf))
			if (sendfile(s[0], fd, &pos, sizeof(buf)) <= 0)
				_exit(1);
		_exit(pos != sizeof(buf));
	}
	close(s[0]);
	while ((n = read(s[1], buf, sizeof(buf))) > 0)
		for (int i = 0; i < n; i++)
			sum += (unsigned char)buf[i];
	wait(&status);
	ok(sum == want && !status, "sendfile through a socket");
	close(s[1]);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
	pos = 0;
	n = sendfile(s[0], fd, &pos, sizeof(buf));
	ok(n > 0 && n < (ssize_t)sizeof(buf) && pos == n, "... takes what there is room for");
	fails(sendfile(s[0], fd, &pos, sizeof(buf)), EAGAIN, "... and then none");
	fails(sendfile(s[0], s[1], NULL, 1), EINVAL, "not from a socket");
	close(s[0]);
	close(s[1]);
	close(fd);
}

static void travelling_locks(void)
{
	int fd = open("/tmp/flock test", O_RDWR | O_CREAT, 0600), other = open("/tmp/flock test", O_RDWR), s[2], status;

	unlink("/tmp/flock test");
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	is(flock(fd, LOCK_EX), 0, "flock");
	fails(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK, "another open file does not get it");
	if (!fork()) {
		int g = receive_fd(s[1]);

		_exit(flock(g, LOCK_EX | LOCK_NB) || flock(g, LOCK_UN));
	}
	send_fd(s[0], fd);
	wait(&status);
	is(status, 0, "it travels with the open file");
	is(flock(other, LOCK_EX | LOCK_NB), 0, "... and was let go there");
	close(other);
	send_fd(s[0], fd);
	flock(fd, LOCK_SH);
	close(fd);
	fd = receive_fd(s[1]);
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_RDWR);
	fails(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK, "a file in flight keeps its lock");
	close(fd);
	is(flock(other, LOCK_EX | LOCK_NB), 0, "... until it is closed");
	close(other);
	close(s[0]);
	close(s[1]);
}

/* --- what a daemon sets for itself -------------------------------------------------------------------------------------------- */
static void daemon_things(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];
	struct rlimit r = { 100, 200 }, old;
	char name[16] = "";
	int status;
	pid_t pid;

	is(prctl(PR_SET_NAME, "a daemon of mine that is long"), 0, "PR_SET_NAME");
	ok(!prctl(PR_GET_NAME, name) && !strcmp(name, "a daemon of min"), "... is cut at 15");
	is(syscall(SYS_capget, &h, d), 0, "capget");
	if (!fork()) {
		int bad = 0;

		bad |= prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
		bad |= (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_GET_DUMPABLE) != 0) << 1;
		bad |= (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) << 2;
		bad |= (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) << 3;
		d[0].effective &= ~(1u << CAP_CHOWN);
		d[0].permitted &= ~(1u << CAP_CHOWN);
		bad |= (syscall(SYS_capset, &h, d) != 0) << 4;
		d[0].permitted |= 1u << CAP_CHOWN;
		bad |= (syscall(SYS_capset, &h, d) != -1 || errno != EPERM) << 5;
		bad |= (prctl(PR_SET_KEEPCAPS, 1) != 0 || prctl(PR_GET_KEEPCAPS) != 1) << 6;
		_exit(bad);
	}
	wait(&status);
	is(WEXITSTATUS(status), 0, "prctl and capset as daemons use them");
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	ok(!prlimit(pid, RLIMIT_NOFILE, &r, &old) && old.rlim_cur > 100, "prlimit of another process");
	ok(!prlimit(pid, RLIMIT_NOFILE, NULL, &old) && old.rlim_cur == 100 && old.rlim_max == 200, "... holds");
	r.rlim_cur = 300;
	fails(prlimit(pid, RLIMIT_NOFILE, &r, NULL), EINVAL, "soft above hard");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	event_loops();
	one_of_two();
	sealed_memory();
	sending_files();
	travelling_locks();
	daemon_things();
	return done();
}
