/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * What travels beside the bytes: descriptors and credentials; limits; sockets in flight that only hold each other.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

struct control { union { struct cmsghdr h; char bytes[CMSG_SPACE(260 * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))]; }; };

static ssize_t send_fds(int to, const int *fds, int n, const char *bytes, size_t len)
{
	struct control c;
	struct iovec iov = { (void *)bytes, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	memset(&c, 0, sizeof(c));
	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_RIGHTS;
	c.h.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&c.h), fds, n * sizeof(int));
	return sendmsg(to, &m, MSG_NOSIGNAL);
}

/* => bytes; *n: how many descriptors came, at most `room` */
static ssize_t receive_fds(int from, int *fds, int *n, int room, char *buf, size_t len, int flags, int *out_flags)
{
	struct control c;
	struct iovec iov = { buf, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = room ? CMSG_LEN(room * sizeof(int)) : 0 };
	ssize_t got;

	memset(&c, 0, sizeof(c));
	got = recvmsg(from, &m, flags);
	*n = 0;
	if (got >= 0 && m.msg_controllen >= sizeof(c.h) && c.h.cmsg_type == SCM_RIGHTS) {
		*n = (c.h.cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(&c.h), *n * sizeof(int));
	}
	if (out_flags)
		*out_flags = m.msg_flags;
	return got;
}

static void rights(void)
{
	int s[2], p[2], fds[3], n, flags;
	char buf[16], c;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	pipe(p);
	is(send_fds(s[0], &p[1], 1, "abc", 3), 3, "a descriptor with three bytes");
	close(p[1]);
	write(s[0], "def", 3);
	ok(receive_fds(s[1], fds, &n, 3, buf, 1, MSG_CMSG_CLOEXEC, &flags) == 1 && n == 1, "it comes with the first byte");
	ok(fcntl(fds[0], F_GETFD) == FD_CLOEXEC && flags & MSG_CMSG_CLOEXEC, "MSG_CMSG_CLOEXEC");
	ok(write(fds[0], "!", 1) == 1 && read(p[0], &c, 1) == 1 && c == '!', "... and is the pipe");
	ok(receive_fds(s[1], fds + 1, &n, 3, buf, 16, 0, NULL) == 5 && n == 0, "the rest is bytes alone");
	close(fds[0]);
	is(read(p[0], &c, 1), 0, "that was the last one");
	close(p[0]);

	write(s[0], "1", 1);
	fds[0] = fds[1] = 1;
	send_fds(s[0], fds, 2, "2", 1);
	write(s[0], "3", 1);
	ok(receive_fds(s[1], fds, &n, 3, buf, 16, 0, NULL) == 2 && n == 2 && !memcmp(buf, "12", 2), "a read ends behind descriptors");
	close(fds[0]);
	close(fds[1]);
	is(read(s[1], buf, 16), 1, "... and the next one goes on");

	pipe(p);
	send_fds(s[0], p, 2, "x", 1);
	ok(receive_fds(s[1], fds, &n, 3, buf, 16, MSG_PEEK, NULL) == 1 && n == 2, "MSG_PEEK copies them");
	close(fds[0]);
	close(fds[1]);
	ok(receive_fds(s[1], fds, &n, 1, buf, 16, 0, &flags) == 1 && n == 1 && flags == MSG_CTRUNC, "room for one: MSG_CTRUNC");
	close(fds[0]);
	close(p[1]);
	is(read(p[0], &c, 1), 0, "... the other one is closed");
	close(p[0]);
	pipe(p);
	send_fds(s[0], &p[1], 1, "x", 1);
	close(p[1]);
	is(read(s[1], buf, 1), 1, "a plain read");
	is(read(p[0], &c, 1), 0, "... closes what came along");
	close(p[0]);

	fds[0] = 999;
	fails(send_fds(s[0], fds, 1, "x", 1), EBADF, "no such descriptor");
	int many[260];
	for (int i = 0; i < 260; i++)
		many[i] = 1;
	fails(send_fds(s[0], many, 254, "x", 1), EINVAL, "more than 253");
	is(send_fds(s[0], many, 253, "x", 1), 1, "253");
	ok(receive_fds(s[1], many, &n, 253, buf, 1, 0, NULL) == 1 && n == 253, "... arrive");
	for (int i = 0; i < n; i++)
		close(many[i]);
	struct control ctl = { .h = { .cmsg_len = 4, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { buf, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = 16 };
	fails(sendmsg(s[0], &m, 0), EINVAL, "a header that is too short");
	ctl.h.cmsg_len = 100;
	fails(sendmsg(s[0], &m, 0), EINVAL, "... too long");
	ctl.h.cmsg_len = 16;
	ctl.h.cmsg_type = 77;
	fails(sendmsg(s[0], &m, 0), EINVAL, "... of no known type");
	close(s[0]);
	close(s[1]);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
	fds[0] = 1;
	send_fds(s[0], fds, 1, "datagram", 8);
	ok(receive_fds(s[1], fds, &n, 1, buf, 16, 0, NULL) == 8 && n == 1, "with a datagram");
	close(fds[0]);
	close(s[0]);
	close(s[1]);
}

static void limits(void)
{
	struct rlimit r = { 20, 20 };
	int s[2], fd = 1, status, n;

	if (geteuid()) {
		skip("needs root");
		return;
	}
	if (!fork()) {
		setgid(4242);
		setuid(4242);
		setrlimit(RLIMIT_NOFILE, &r);
		socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
		fcntl(s[0], F_SETFL, O_NONBLOCK);
		for (n = 0; n < 100 && send_fds(s[0], &fd, 1, "x", 1) == 1; n++)
			;
		if (errno != ETOOMANYREFS || n < 20 || n > 22)
			_exit(1);
		char c;
		int got[1], k;
		receive_fds(s[1], got, &k, 1, &c, 1, 0, NULL);
		for (k = 0; k < 5; k++)
			recv(s[1], &c, 1, 0);
		_exit(send_fds(s[0], &fd, 1, "x", 1) != 1);
	}
	wait(&status);
	is(status, 0, "RLIMIT_NOFILE bounds what is in flight");
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	if (!fork()) {
		int got[4], k, p[2], flags;
		char c;

		pipe(p);
		fd = p[1];
		int four[4] = { fd, fd, fd, fd };
		send_fds(s[0], four, 4, "x", 1);
		r.rlim_cur = r.rlim_max = p[1] + 3;
		setrlimit(RLIMIT_NOFILE, &r);
		receive_fds(s[1], got, &k, 4, &c, 1, 0, &flags);
		_exit(k != 2 || flags != MSG_CTRUNC);
	}
	wait(&status);
	is(status, 0, "a full table of descriptors: MSG_CTRUNC");
	close(s[0]);
	close(s[1]);
}

/* --- credentials ------------------------------------------------------------------------------------------------------------ */
static int get_cred(int fd, struct ucred *u)
{
	struct control c;
	char b[8];
	struct iovec iov = { b, 8 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };

	memset(u, 0, sizeof(*u));
	if (recvmsg(fd, &m, MSG_DONTWAIT) < 0 || m.msg_controllen < sizeof(c.h) || c.h.cmsg_type != SCM_CREDENTIALS)
		return -1;
	memcpy(u, CMSG_DATA(&c.h), sizeof(*u));
	return c.h.cmsg_len == CMSG_LEN(sizeof(*u)) ? 0 : -1;
}
static int send_cred(int fd, pid_t pid, uid_t uid)
{
	struct control c = { .h = { CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS } };
	struct ucred u = { pid, uid, getgid() };
	struct iovec iov = { "c", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = CMSG_SPACE(sizeof(u)) };

	memcpy(CMSG_DATA(&c.h), &u, sizeof(u));
	return sendmsg(fd, &m, 0);
}

static void credentials(void)
{
	int s[2], on = 1, status;
	struct ucred u;
	char buf[8];

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	write(s[0], "early", 5);
	setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	ok(!get_cred(s[1], &u) && u.pid == 0 && u.uid == 65534, "nobody asked when it was sent: nobody");
	write(s[0], "x", 1);
	ok(!get_cred(s[1], &u) && u.pid == getpid() && u.uid == getuid() && u.gid == getgid(), "SO_PASSCRED");
	is(send_cred(s[0], getpid(), getuid()), 1, "SCM_CREDENTIALS, true ones");
	ok(!get_cred(s[1], &u) && u.pid == getpid(), "... arrive");
	if (!fork())
		_exit(write(s[0], "child", 5) != 5);
	wait(&status);
	write(s[0], "parent", 6);
	is(read(s[1], buf, 8), 5, "a read does not join two senders");
	is(read(s[1], buf, 8), 6, "... the other one");
	if (!fork()) {
		if (geteuid() == 0) {
			setgid(4242);
			setuid(4242);
		}
		if (send_cred(s[0], 1, getuid()) != -1 || errno != EPERM)
			_exit(1);
		_exit(send_cred(s[0], getpid(), 0) != -1 || errno != EPERM);
	}
	wait(&status);
	is(status, 0, "false ones: EPERM");
	close(s[0]);
	close(s[1]);
	int d = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un un = { AF_UNIX, "" };
	bind(d, (void *)&un, 2);
	socklen_t len = sizeof(un);
	getsockname(d, (void *)&un, &len);
	int e = socket(AF_UNIX, SOCK_DGRAM, 0);
	setsockopt(e, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	sendto(e, "x", 1, 0, (void *)&un, len);
	len = sizeof(un);
	ok(!getsockname(e, (void *)&un, &len) && len == 8, "who passes credentials gets a name");
	close(d);
	close(e);
}

/* --- what nobody can reach ------------------------------------------------------------------------------------------------- */
/* Is the pipe's write end, which went into a ring of sockets, closed, within so many looks? */
static bool collected(int pipe_read, int looks)
{
	for (int i = 0; i < looks; i++) {
		struct pollfd p = { pipe_read, POLLIN, 0 };

		close(socket(AF_UNIX, SOCK_STREAM, 0)); /* a close looks for them */
		poll(&p, 1, 10);
		if (p.revents & POLLHUP)
			return true;
	}
	return false;
}

static void garbage(void)
{
	int s[2], t[2], p[2], fds[3], l, n;
	struct sockaddr_un un = { AF_UNIX, "" };
	socklen_t len = sizeof(un);
	char c;

	socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
	pipe(p);
	fds[0] = s[0], fds[1] = s[1], fds[2] = p[1];
	send_fds(s[0], fds, 3, "x", 1);
	close(p[1]);
	close(s[0]);
	ok(!collected(p[0], 50), "still open at one end: kept");
	ok(receive_fds(s[1], fds, &n, 3, &c, 1, 0, NULL) == 1 && n == 3, "... and received");
	send_fds(fds[0], fds, 3, "x", 1);
	close(s[1]);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	ok(collected(p[0], 3000), "a pair that holds itself is collected");
	close(p[0]);

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	socketpair(AF_UNIX, SOCK_STREAM, 0, t);
	pipe(p);
	fds[0] = t[0], fds[1] = t[1];
	send_fds(s[0], fds, 2, "x", 1);
	fds[0] = s[0], fds[1] = s[1], fds[2] = p[1];
	send_fds(t[0], fds, 3, "x", 1);
	close(s[0]), close(s[1]), close(t[0]), close(t[1]), close(p[1]);
	ok(collected(p[0], 3000), "two pairs that hold each other");
	close(p[0]);

	l = socket(AF_UNIX, SOCK_STREAM, 0);
	bind(l, (void *)&un, 2);
	getsockname(l, (void *)&un, &len);
	listen(l, 5);
	n = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(n, (void *)&un, len);
	pipe(p);
	fds[0] = l, fds[1] = p[1];
	send_fds(n, fds, 2, "x", 1);
	close(p[1]);
	close(l);
	close(n);
	ok(collected(p[0], 3000), "a listener in the queue of what it has not accepted");
	close(p[0]);

	pipe(p);
	fds[0] = p[1];
	for (int i = 0; i < 2000; i++) {
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, s))
			break;
		send_fds(s[0], fds, 1, "x", 1);
		close(s[0]);
		close(fds[0]);
		fds[0] = s[1];
	}
	close(fds[0]);
	ok(collected(p[0], 3000), "a chain of 2000 comes down");
	close(p[0]);
}

static int ring[2];
static void *passer(void *arg)
{
	int fds[2], n;
	char c;

	for (int i = 0; i < 300; i++) {
		int s[2];

		socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
		send_fds(s[0], s, 2, "x", 1);
		send_fds(ring[0], s, 1, "x", 1);
		close(s[0]);
		close(s[1]);
		if (receive_fds(ring[1], fds, &n, 2, &c, 1, MSG_DONTWAIT, NULL) == 1)
			for (int k = 0; k < n; k++)
				close(fds[k]);
	}
	return arg;
}
static void races(void)
{
	pthread_t t[3];

	socketpair(AF_UNIX, SOCK_DGRAM, 0, ring);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, passer, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	close(ring[0]);
	close(ring[1]);
	ok(true, "passing on while others look for garbage");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	rights();
	limits();
	credentials();
	garbage();
	races();
	return done();
}
