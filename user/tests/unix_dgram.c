/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * AF_UNIX datagrams and sequenced packets: borders, names, full queues, who is called when there is room; many at once.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static socklen_t name_of(struct sockaddr_un *un, const char *name)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path + 1, name);
	return offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
}
static int named(const char *name, int type)
{
	struct sockaddr_un un;
	socklen_t len = name_of(&un, name);
	int fd = socket(AF_UNIX, type, 0);

	if (bind(fd, (void *)&un, len))
		bail(name);
	return fd;
}
static int dial(int fd, const char *name)
{
	struct sockaddr_un un;
	socklen_t len = name_of(&un, name);

	return connect(fd, (void *)&un, len);
}
static ssize_t send_name(int fd, const char *what, size_t n, int flags, const char *name)
{
	struct sockaddr_un un;
	socklen_t len = name_of(&un, name);

	return sendto(fd, what, n, flags, (void *)&un, len);
}
static short events(int fd, short want)
{
	struct pollfd p = { fd, want, 0 };

	poll(&p, 1, 0);
	return p.revents;
}

static void basics(void)
{
	int a = named("dg a", SOCK_DGRAM), b = socket(AF_UNIX, SOCK_DGRAM, 0), n;
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	char buf[64];

	is(events(b, POLLIN | POLLOUT), POLLOUT, "an unconnected one may send");
	fails(send(b, "x", 1, 0), ENOTCONN, "... but says to whom");
	is(send_name(b, "one", 3, 0, "dg a"), 3, "sendto");
	is(send_name(b, "three", 5, 0, "dg a"), 5, "another");
	is(send_name(b, "", 0, 0, "dg a"), 0, "an empty one");
	ioctl(a, FIONREAD, &n);
	is(n, 3, "FIONREAD: of the first");
	is(recv(a, buf, 64, MSG_PEEK), 3, "MSG_PEEK");
	is(recvfrom(a, buf, 64, 0, (void *)&un, &len), 3, "borders are kept");
	is(len, 0, "a sender without a name has no address");
	is(recv(a, buf, 2, MSG_TRUNC), 5, "MSG_TRUNC tells the true length");
	is(recv(a, buf, 64, 0), 0, "the empty one");
	fails(recv(a, buf, 64, MSG_DONTWAIT), EAGAIN, "no more");
	struct iovec iov = { buf, 2 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_name = &un, .msg_namelen = sizeof(un) };
	int c = named("dg c", SOCK_DGRAM);
	send_name(c, "long", 4, 0, "dg a");
	ok(recvmsg(a, &h, 0) == 2 && h.msg_flags == MSG_TRUNC, "recvmsg says that it cut");
	ok(h.msg_namelen == 7 && !memcmp(un.sun_path + 1, "dg c", 4), "... and who sent it");
	fails(send_name(b, "x", 1, 0, "nobody"), ECONNREFUSED, "nobody has the name");
	is(dial(c, "dg a"), 0, "connect");
	is(send(c, "y", 1, 0), 1, "... send");
	is(dial(a, "dg c"), 0, "back");
	fails(send_name(b, "x", 1, 0, "dg a"), EPERM, "a third one is not let in");
	fails(dial(b, "dg a"), EPERM, "... and cannot connect");
	is(send(a, "z", 1, 0), 1, "to each other");
	len = sizeof(un);
	ok(!getpeername(a, (void *)&un, &len) && len == 7, "getpeername");
	un.sun_family = AF_UNSPEC;
	is(connect(a, (void *)&un, 2), 0, "AF_UNSPEC: no longer connected");
	fails(getpeername(a, (void *)&un, &len), ENOTCONN, "... no peer");
	fails(recv(c, buf, 64, MSG_DONTWAIT), ECONNRESET, "the peer is told");
	close(a);
	fails(send(c, "y", 1, 0), ECONNREFUSED, "the receiver is gone: ECONNREFUSED");
	fails(send(c, "y", 1, 0), ENOTCONN, "... and then there is none");
	fails(listen(c, 1), EOPNOTSUPP, "listen");
	fails(accept(c, NULL, NULL), EOPNOTSUPP, "accept");
	fails(dial(c, "dg a"), ECONNREFUSED, "connect to nobody");
	int s = named("dg s", SOCK_STREAM);
	fails(send_name(b, "x", 1, 0, "dg s"), ECONNREFUSED, "abstract names are of a type");
	close(s);
	close(b);
	close(c);
	a = socket(AF_UNIX, SOCK_DGRAM, 0);
	b = socket(AF_UNIX, SOCK_STREAM, 0);
	unlink("/tmp/dg path");
	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	strcpy(un.sun_path, "/tmp/dg path");
	is(bind(a, (void *)&un, sizeof(un)), 0, "bind with room to spare");
	fails(connect(b, (void *)&un, sizeof(un)), EPROTOTYPE, "a path of another type: EPROTOTYPE");
	unlink("/tmp/dg path");
	close(a);
	close(b);
}

static void limits(void)
{
	static char big[400000];
	int a = named("dg full", SOCK_DGRAM), b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), n = 0, status, sv[2];
	int c = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET }, got;
	int ep = epoll_create1(0);

	fails(send_name(b, big, sizeof(big), 0, "dg full"), EMSGSIZE, "larger than the buffer: EMSGSIZE");
	dial(b, "dg full");
	while (n < 5000 && send(b, "x", 1, 0) == 1)
		n++;
	ok(errno == EAGAIN && n > 5 && n < 5000, "a queue of a few");
	is(events(b, POLLOUT), 0, "not writable while the peer's queue is full");
	dial(c, "dg full"); /* another one, which has sent nothing: its own buffer never calls it */
	epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev);
	is(epoll_wait(ep, &got, 1, 0), 0, "... nor for epoll, nor for others");
	for (int i = 0; i < n; i++)
		recv(a, big, 1, 0);
	is(epoll_wait(ep, &got, 1, 60000), 1, "... which is called when there is room");
	is(events(b, POLLOUT), POLLOUT, "poll too");
	close(ep);
	close(c);
	for (int i = 0; i < n; i++)
		send(b, "x", 1, 0);
	if (!fork()) {
		fcntl(b, F_SETFL, 0);
		_exit(send(b, "late", 4, 0) != 4);
	}
	usleep(30000);
	recv(a, big, 1, 0);
	wait(&status);
	is(status, 0, "a sender waits for room");
	struct timeval tv = { 0, 20000 };
	fcntl(b, F_SETFL, 0);
	setsockopt(b, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	n = 0;
	while (n < 100 && send(b, "x", 1, 0) == 1)
		n++;
	is(errno, EAGAIN, "SO_SNDTIMEO");
	close(a);
	fails(send(b, "x", 1, 0), ECONNREFUSED, "the receiver goes while its queue is full");
	close(b);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, sv);
	for (n = 0; n < 60 && send(sv[0], "x", 1, 0) == 1; n++)
		;
	is(n, 60, "a pair is bounded by bytes alone");
	ok(send(sv[1], big, 100000, 0) == 100000 && recv(sv[0], big, sizeof(big), 0) == 100000, "100000 bytes at once");
	shutdown(sv[1], SHUT_RD);
	fails(send(sv[0], "x", 1, 0), EPIPE, "the peer does not read: EPIPE");
	close(sv[0]);
	close(sv[1]);
}

static volatile int pipes;
static void on_pipe(int sig) { pipes++; }

static void packets(void)
{
	int l = named("seq", SOCK_SEQPACKET), a, b, sv[2];
	char buf[64];

	a = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	fails(send(a, "x", 1, 0), ENOTCONN, "seqpacket: no connection");
	fails(recv(a, buf, 1, 0), ENOTCONN, "... to read from either");
	is(listen(l, 5), 0, "listen");
	is(dial(a, "seq"), 0, "connect");
	b = accept(l, NULL, NULL);
	is(send(a, "one", 3, 0), 3, "send");
	is(send(a, "two", 3, MSG_EOR), 3, "send again");
	struct iovec iov = { buf, 64 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	is(recvmsg(b, &h, 0), 3, "borders are kept");
	is(read(b, buf, 2), 2, "a short read");
	fails(recv(b, buf, 64, MSG_DONTWAIT), EAGAIN, "... loses the rest");
	signal(SIGPIPE, on_pipe);
	shutdown(b, SHUT_RD);
	fails(send(a, "x", 1, 0), EPIPE, "EPIPE");
	is(pipes, 0, "... without a signal");
	close(b);
	is(recv(a, buf, 1, 0), 0, "end of file");
	is(events(a, POLLIN | POLLRDHUP), POLLIN | POLLRDHUP | POLLHUP, "POLLHUP");
	close(a);
	close(l);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv);
	write(sv[0], "unread", 6);
	close(sv[1]);
	fails(recv(sv[0], buf, 1, 0), ECONNRESET, "what we sent was not read");
	is(recv(sv[0], buf, 1, 0), 0, "... and then the end");
	close(sv[0]);
	signal(SIGPIPE, SIG_IGN);
}

static void many(void)
{
	char out[4][8] = { "a", "bb", "ccc", "dddd" }, in[5][8] = { { 0 } };
	struct iovec ov[4], iv[5];
	struct mmsghdr om[4] = { 0 }, im[5] = { 0 };
	struct timespec ts = { 0, 50000000 };
	int s[2], good = 1;

	socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
	for (int i = 0; i < 5; i++) {
		iv[i] = (struct iovec){ in[i], 8 };
		im[i].msg_hdr.msg_iov = &iv[i];
		im[i].msg_hdr.msg_iovlen = 1;
		if (i == 4)
			break;
		ov[i] = (struct iovec){ out[i], i + 1 };
		om[i].msg_hdr.msg_iov = &ov[i];
		om[i].msg_hdr.msg_iovlen = 1;
	}
	is(sendmmsg(s[0], om, 4, 0), 4, "sendmmsg");
	is(recvmmsg(s[1], im, 5, MSG_WAITFORONE, NULL), 4, "recvmmsg takes what is there");
	for (int i = 0; i < 4; i++)
		good &= im[i].msg_len == i + 1u && om[i].msg_len == i + 1u && !strcmp(in[i], out[i]);
	ok(good, "... each with its length");
	fails(recvmmsg(s[1], im, 5, MSG_DONTWAIT, NULL), EAGAIN, "none");
	sendmmsg(s[0], om, 4, 0);
	ts.tv_nsec = 1;
	is(recvmmsg(s[1], im, 5, 0, &ts), 1, "the time is looked at after each");
	om[0].msg_hdr.msg_iovlen = 5000;
	fails(sendmsg(s[0], &om[0].msg_hdr, 0), EMSGSIZE, "too many pieces");
	om[0].msg_hdr.msg_iovlen = 1;
	om[0].msg_hdr.msg_namelen = -1;
	om[0].msg_hdr.msg_name = in;
	fails(sendmsg(s[0], &om[0].msg_hdr, 0), EINVAL, "a negative length of a name");
	close(s[0]);
	close(s[1]);
}

/* --- races ------------------------------------------------------------------------------------------------------------ */
static void *shouter(void *arg)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	for (int i = 0; i < 200; i++)
		if (i % 3)
			send_name(fd, "shout", 5, MSG_DONTWAIT, "race");
		else if (!dial(fd, "race"))
			send(fd, "x", 1, MSG_DONTWAIT);
	close(fd);
	return arg;
}
static void races(void)
{
	pthread_t t[3];
	char buf[8];
	long got = 0;

	for (int n = 0; n < 3; n++)
		pthread_create(&t[n], NULL, shouter, NULL);
	for (int i = 0; i < 60; i++) {
		int fd = named("race", SOCK_DGRAM);

		for (int k = 0; k < 10; k++)
			got += recv(fd, buf, 8, MSG_DONTWAIT | (k & 1 ? MSG_PEEK : 0)) > 0;
		close(fd);
		sched_yield();
	}
	for (int n = 0; n < 3; n++)
		pthread_join(t[n], NULL);
	ok(got >= 0, "receivers come and go under senders");
}

static bool ends_well(pid_t pid)
{
	int status = -1;

	if (eventually(waitpid(pid, &status, WNOHANG) == pid))
		return !status;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return false;
}

/* Who waits for room in a queue is called too when the queue is emptied, or it was the wrong one. */
static void partings(void)
{
	int a = named("dg part a", SOCK_DGRAM), b = named("dg part b", SOCK_DGRAM), s = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	pid_t pid;

	while (send_name(s, "x", 1, MSG_DONTWAIT, "dg part a") == 1)
		;
	dial(s, "dg part a");
	is(events(s, POLLOUT), 0, "the peer's queue is full");
	pid = fork();
	if (!pid) {
		struct pollfd p = { s, POLLOUT, 0 };

		_exit(poll(&p, 1, -1) != 1);
	}
	ok(asleep(pid), "one polls for room there");
	is(dial(s, "dg part b"), 0, "the peer is another now");
	ok(ends_well(pid), "... which has room");
	pid = fork();
	if (!pid)
		_exit(send_name(s, "y", 1, 0, "dg part a") != 1);
	ok(asleep(pid), "one waits to send");
	is(dial(a, "dg part b"), 0, "its receiver connects to another");
	is(connect(a, &nobody, sizeof(nobody)), 0, "... and is free again");
	ok(ends_well(pid), "what it had was forgotten, so there is room");
	close(a), close(b), close(s);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	basics();
	limits();
	packets();
	many();
	partings();
	races();
	return done();
}
