/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * AF_UNIX streams: names, connections, bytes in order, ends, limits, who is woken, races of closing.
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <linux/sockios.h>

static void *volatile nowhere = (void *)1;

static socklen_t name_of(struct sockaddr_un *un, const char *name)
{
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path + (*name == '@'), name + (*name == '@'));
	return offsetof(struct sockaddr_un, sun_path) + strlen(name) + (*name != '@');
}
static int bind_to(int fd, const char *name)
{
	struct sockaddr_un un;
	socklen_t len = name_of(&un, name);

	return bind(fd, (void *)&un, len);
}
static int connect_to(int fd, const char *name)
{
	struct sockaddr_un un;
	socklen_t len = name_of(&un, name);

	return connect(fd, (void *)&un, len);
}
static int listener(const char *name, int backlog)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (*name != '@')
		unlink(name);
	if (fd < 0 || bind_to(fd, name) || listen(fd, backlog))
		bail("listener");
	return fd;
}
static int dial(const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect_to(fd, name)) {
		int e = errno;

		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}
static short events(int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };

	poll(&p, 1, 0);
	return p.revents;
}
static int option(int fd, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) ? -1 : v;
}

static void kinds(void)
{
	int fd, sv[2];

	fails(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT, "an unknown family");
	fails(socket(AF_UNIX, 9, 0), ESOCKTNOSUPPORT, "an unknown type");
	fails(socket(AF_UNIX, 12, 0), EINVAL, "a type beyond all");
	fails(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT, "a protocol");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ok(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK), "flags of socket()");
	is(option(fd, SO_TYPE), SOCK_STREAM, "SO_TYPE");
	is(option(fd, SO_DOMAIN), AF_UNIX, "SO_DOMAIN");
	is(option(fd, SO_ACCEPTCONN), 0, "SO_ACCEPTCONN");
	is(events(fd), POLLOUT | POLLHUP, "an unconnected one polls as hung up");
	fails(send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN, "send without a peer");
	fails(recv(fd, nowhere, 1, 0), EINVAL, "recv without a peer");
	fails(listen(fd, 1), EINVAL, "listen without a name");
	fails(accept(fd, NULL, NULL), EINVAL, "accept without listen");
	fails(lseek(fd, 0, SEEK_CUR), ESPIPE, "lseek");
	close(fd);
	fails(send(0x7ffff, "x", 1, 0), EBADF, "EBADF");
	fails(send(1, "x", 1, 0), ENOTSOCK, "ENOTSOCK");
	is(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0, "socketpair");
	fails(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere), EFAULT, "socketpair: EFAULT");
	fails(connect_to(sv[0], "@nobody"), ECONNREFUSED, "nobody listens: ECONNREFUSED");
	close(sv[0]);
	close(sv[1]);
}

static void names(void)
{
	struct sockaddr_un un, got;
	struct stat st;
	socklen_t len;
	int a, b, c;

	mkdir("/tmp/unix", 0777);
	unlink("/tmp/unix/a");
	a = socket(AF_UNIX, SOCK_STREAM, 0);
	len = sizeof(got);
	ok(!getsockname(a, (void *)&got, &len) && len == 2, "no name: two bytes of address");
	umask(022);
	is(bind_to(a, "/tmp/unix/a"), 0, "bind to a path");
	ok(!stat("/tmp/unix/a", &st) && st.st_mode == (S_IFSOCK | 0755), "... makes a socket, less the umask");
	fails(bind_to(a, "/tmp/unix/b"), EINVAL, "a second name: EINVAL");
	b = socket(AF_UNIX, SOCK_STREAM, 0);
	fails(bind_to(b, "/tmp/unix/a"), EADDRINUSE, "the path is taken");
	fails(bind_to(b, "/tmp/unix/no/a"), ENOENT, "no such folder");
	fails(connect_to(b, "/tmp/unix/a"), ECONNREFUSED, "not listening yet");
	is(listen(a, 5), 0, "listen");
	is(option(a, SO_ACCEPTCONN), 1, "SO_ACCEPTCONN says so");
	is(events(a), 0, "nobody there: no event");
	is(connect_to(b, "/tmp/unix/a"), 0, "connect");
	is(events(a), POLLIN, "a connection waits");
	fails(connect_to(b, "/tmp/unix/a"), EISCONN, "twice: EISCONN");
	len = sizeof(got);
	c = accept(a, (void *)&got, &len);
	ok(c >= 0 && len == 2, "accept; the peer has no name");
	len = sizeof(got);
	ok(!getpeername(b, (void *)&got, &len) && len == 2 + strlen("/tmp/unix/a") + 1 && !strcmp(got.sun_path, "/tmp/unix/a"), "getpeername");
	len = sizeof(got);
	ok(!getsockname(c, (void *)&got, &len) && !strcmp(got.sun_path, "/tmp/unix/a"), "an accepted one shows the listener's name");
	len = 4;
	ok(!getpeername(b, (void *)&got, &len) && len == 2 + strlen("/tmp/unix/a") + 1, "a short buffer: the length is told all the same");
	len = -1;
	fails(getpeername(b, (void *)&got, &len), EINVAL, "a negative length");
	fails(open("/tmp/unix/a", O_RDWR), ENXIO, "open of a socket");
	fails(connect_to(a, "/tmp/unix/a"), EINVAL, "a listener does not connect");
	unlink("/tmp/unix/a");
	fails(dial("/tmp/unix/a"), ENOENT, "the name is gone");
	close(a);
	close(b);
	close(c);
	close(open("/tmp/unix/f", O_CREAT | O_RDWR, 0666));
	fails(dial("/tmp/unix/f"), ECONNREFUSED, "a file is no socket");
	unlink("/tmp/unix/f");

	a = listener("@isthmus test", 5);
	b = dial("@isthmus test");
	ok(b >= 0, "an abstract name");
	fails(dial("@isthmus tes"), ECONNREFUSED, "... is compared whole");
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	fails(bind_to(c, "@isthmus test"), EADDRINUSE, "... and is there once");
	close(c);
	c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	is(bind_to(c, "@isthmus test"), 0, "... for each type");
	close(c);
	close(a);
	close(b);
	a = socket(AF_UNIX, SOCK_STREAM, 0);
	un.sun_family = AF_UNIX;
	is(bind(a, (void *)&un, sizeof(sa_family_t)), 0, "autobind");
	len = sizeof(got);
	ok(!getsockname(a, (void *)&got, &len) && len == 8 && !got.sun_path[0], "... makes an abstract name of five digits");
	fails(bind(a, (void *)&un, 1), EINVAL, "half an address");
	fails(bind(a, (void *)&un, 111), EINVAL, "too long an address");
	un.sun_family = AF_INET;
	fails(connect(a, (void *)&un, 16), EINVAL, "another family's address");
	close(a);
}

static void permission(void)
{
	int a, status;

	if (geteuid()) {
		skip("needs root");
		return;
	}
	chmod("/tmp/unix", 0777);
	a = listener("/tmp/unix/p", 5);
	chmod("/tmp/unix/p", 0700);
	if (!fork()) {
		setgid(1000);
		setuid(1000);
		if (dial("/tmp/unix/p") >= 0 || errno != EACCES)
			_exit(1);
		_exit(0);
	}
	wait(&status);
	is(status, 0, "connect needs the right to write");
	unlink("/tmp/unix/p");
	close(a);
}

static void bytes(void)
{
	struct timeval tv = { 0, 30000 };
	char buf[64];
	int s[2], n;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	is(write(s[0], "hello ", 6), 6, "write");
	is(send(s[0], "world", 5, 0), 5, "send");
	ioctl(s[1], FIONREAD, &n);
	is(n, 11, "FIONREAD");
	ioctl(s[0], SIOCOUTQ, &n);
	ok(n >= 11, "SIOCOUTQ: what it holds");
	ok(recv(s[1], buf, 64, MSG_PEEK) == 11 && !memcmp(buf, "hello world", 11), "MSG_PEEK sees all of it");
	is(read(s[1], buf, 3), 3, "a short read");
	ok(read(s[1], buf, 64) == 8 && !memcmp(buf, "lo world", 8), "the rest: writes have no border");
	ioctl(s[0], SIOCOUTQ, &n);
	is(n, 0, "SIOCOUTQ: nothing left");
	fails(recv(s[1], buf, 1, MSG_DONTWAIT), EAGAIN, "MSG_DONTWAIT");
	setsockopt(s[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	fails(recv(s[1], buf, 1, 0), EAGAIN, "SO_RCVTIMEO");
	write(s[0], "abc", 3);
	is(recv(s[1], buf, 5, MSG_WAITALL), 3, "MSG_WAITALL takes what there is when time is up");
	write(s[0], "abc", 3);
	fails(read(s[1], nowhere, 3), EFAULT, "EFAULT on the way out");
	is(read(s[1], buf, 3), 3, "... loses nothing");
	fails(write(s[0], nowhere, 3), EFAULT, "EFAULT on the way in");
	is(events(s[0]), POLLOUT, "writable");
	write(s[1], "x", 1);
	is(events(s[0]), POLLIN | POLLOUT, "readable");
	is(write(s[0], "", 0), 0, "nothing written");
	fails(recv(s[1], buf, 1, MSG_DONTWAIT), EAGAIN, "... is nothing to read");
	close(s[0]);
	fails(read(s[1], buf, 1), ECONNRESET, "what we sent was not read: ECONNRESET");
	is(read(s[1], buf, 1), 0, "... once, then end of file");
	close(s[1]);
}

static volatile int pipes;
static void on_pipe(int sig) { pipes++; }

static void ends(void)
{
	char c;
	int s[2];

	signal(SIGPIPE, on_pipe);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	write(s[0], "x", 1);
	is(shutdown(s[0], SHUT_WR), 0, "shutdown for writing");
	fails(write(s[0], "y", 1), EPIPE, "write after it");
	is(pipes, 1, "... SIGPIPE");
	fails(send(s[0], "y", 1, MSG_NOSIGNAL), EPIPE, "MSG_NOSIGNAL");
	is(pipes, 1, "... none");
	is(events(s[1]), POLLIN | POLLOUT | POLLRDHUP, "the peer sees POLLRDHUP");
	is(read(s[1], &c, 1), 1, "... what was sent before");
	is(read(s[1], &c, 1), 0, "... and the end");
	is(write(s[1], "z", 1), 1, "the other way is open");
	is(read(s[0], &c, 1), 1, "... and works");
	fails(shutdown(s[0], 3), EINVAL, "shutdown 3");
	shutdown(s[1], SHUT_WR);
	is(events(s[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP, "both ways shut: POLLHUP");
	close(s[0]);
	is(events(s[1]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP, "closed: POLLHUP");
	fails(send(s[1], "y", 1, MSG_NOSIGNAL), EPIPE, "EPIPE");
	close(s[1]);
	signal(SIGPIPE, SIG_IGN);
}

static void buffers(void)
{
	static char big[300000];
	long total = 0;
	ssize_t n;
	int s[2], v = 20000;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
	while ((n = write(s[0], big, 10000)) > 0)
		total += n;
	is(errno, EAGAIN, "a full buffer: EAGAIN");
	ok(total >= 100000 && total < 1000000, "it holds some hundred KB");
	is(events(s[0]), 0, "not writable");
	while ((n = read(s[1], big, sizeof(big))) > 0)
		total -= n;
	is(total, 0, "all of it arrives");
	is(events(s[0]), POLLOUT, "writable again");
	is(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)), 0, "SO_SNDBUF");
	is(option(s[0], SO_SNDBUF), 40000, "... is doubled");
	while ((n = write(s[0], big, 1000)) > 0)
		total += n;
	ok(total < 45000, "... and bounds");
	n = write(s[1], big, sizeof(big));
	ok(n > 100000 && n < (ssize_t)sizeof(big), "a large write is taken in part");
	close(s[0]);
	close(s[1]);
	v = 1;
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof(v));
	ok(option(s[0], SO_SNDBUF) >= 2048, "the smallest buffer");
	struct timeval tv = { 0, 20000 };
	setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	n = write(s[0], big, sizeof(big));
	ok(n > 0 && n < (ssize_t)sizeof(big), "SO_SNDTIMEO");
	fails(setsockopt(s[0], SOL_SOCKET, 9999, &v, sizeof(v)), ENOPROTOOPT, "an unknown option");
	fails(setsockopt(s[0], 6, 1, &v, sizeof(v)), EOPNOTSUPP, "another level");
	fails(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, 1), EINVAL, "too short");
	close(s[0]);
	close(s[1]);
}

static void backlog(void)
{
	int l = listener("@backlog", 1), a = dial("@backlog"), b = dial("@backlog"), c, status;

	ok(a >= 0 && b >= 0, "a backlog of one takes two");
	c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	fails(connect_to(c, "@backlog"), EAGAIN, "then EAGAIN");
	if (!fork()) {
		close(l);
		int d = dial("@backlog");

		_exit(d < 0 || write(d, "k", 1) != 1);
	}
	usleep(30000);
	close(accept(l, NULL, NULL));
	wait(&status);
	is(status, 0, "a blocked connect goes on after an accept");
	if (!fork()) {
		close(l);
		_exit(dial("@backlog") >= 0 || errno != ECONNREFUSED);
	}
	usleep(30000);
	close(l);
	wait(&status);
	is(status, 0, "... and is refused when the listener goes");
	char ch;
	fails(read(b, &ch, 1), ECONNRESET, "who was not accepted is reset");
	close(a);
	close(b);
	close(c);
	l = listener("@backlog", 5);
	shutdown(l, SHUT_RD);
	fails(accept(l, NULL, NULL), EINVAL, "accept after shutdown");
	fails(dial("@backlog"), ECONNREFUSED, "connect after shutdown");
	close(l);
}

static void who(void)
{
	struct ucred u;
	socklen_t len = sizeof(u);
	int l = listener("@who", 5), a = dial("@who"), b = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), s[2];

	ok(fcntl(b, F_GETFD) == FD_CLOEXEC && fcntl(b, F_GETFL) & O_NONBLOCK, "flags of accept4");
	fails(accept4(l, NULL, NULL, 1), EINVAL, "... unknown ones");
	ok(!getsockopt(a, SOL_SOCKET, SO_PEERCRED, &u, &len) && u.pid == getpid() && u.uid == geteuid() && len == 12, "SO_PEERCRED");
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	ok(!getsockopt(s[1], SOL_SOCKET, SO_PEERCRED, &u, &len) && u.pid == getpid(), "... of a pair");
	int status = 0;
	if (!fork()) {
		int d = dial("@who");

		_exit(d < 0 || getpid() == 1);
	}
	wait(&status);
	int c = accept(l, NULL, NULL);
	ok(!getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &len) && u.pid != getpid() && u.pid > 0, "... of who has gone since");
	close(a);
	close(b);
	close(c);
	close(l);
	close(s[0]);
	close(s[1]);
}

static void flow(void)
{
	unsigned long sum = 0, want = 0;
	int s[2], status;
	static unsigned char buf[70000];

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	if (!fork()) {
		close(s[0]);
		for (int i = 0; i < 200; i++) {
			size_t n = i * 331 % sizeof(buf) + 1;

			memset(buf, i, n);
			for (size_t at = 0; at < n;) {
				ssize_t w = write(s[1], buf + at, n - at);

				if (w <= 0)
					_exit(1);
				at += w;
			}
		}
		_exit(0);
	}
	close(s[1]);
	for (ssize_t n; (n = read(s[0], buf, sizeof(buf))) > 0;)
		for (ssize_t i = 0; i < n; i++)
			sum += buf[i];
	for (int i = 0; i < 200; i++)
		want += (i * 331 % sizeof(buf) + 1) * i;
	wait(&status);
	ok(sum == want && !status, "7 MB through a socket");
	close(s[0]);
}

static void waiting(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET }, got;
	int s[2], ep = epoll_create1(0), status;
	char c;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	epoll_ctl(ep, EPOLL_CTL_ADD, s[0], &ev);
	is(epoll_wait(ep, &got, 1, 0), 0, "epoll: nothing");
	if (!fork()) {
		usleep(20000);
		write(s[1], "x", 1);
		usleep(20000);
		_exit(0);
	}
	ok(epoll_wait(ep, &got, 1, 60000) == 1 && got.events == EPOLLIN, "epoll: a byte");
	is(epoll_wait(ep, &got, 1, 0), 0, "... told once (EPOLLET)");
	wait(&status);
	read(s[0], &c, 1);
	shutdown(s[1], SHUT_WR);
	ok(epoll_wait(ep, &got, 1, 60000) == 1 && got.events == (EPOLLIN | EPOLLRDHUP), "EPOLLRDHUP");
	close(s[1]);
	ok(epoll_wait(ep, &got, 1, 60000) == 1 && got.events == (EPOLLIN | EPOLLRDHUP | EPOLLHUP), "EPOLLHUP");
	close(s[0]);
	close(ep);
	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	if (!fork()) {
		close(s[1]);
		_exit(read(s[0], &c, 1) != 0);
	}
	close(s[0]);
	usleep(20000);
	close(s[1]);
	wait(&status);
	is(status, 0, "a sleeping reader sees the end");
}

static void listed(void)
{
	char line[300];
	int l = listener("@listed\1name", 5), found = 0, header = 0;
	FILE *f = fopen("/proc/net/unix", "r");

	while (f && fgets(line, sizeof(line), f)) {
		header |= !strcmp(line, "Num       RefCount Protocol Flags    Type St Inode Path\n");
		if (strstr(line, " @listed\1name"))
			found = !!strstr(line, " 00000000 00010000 0001 01 ");
	}
	if (f)
		fclose(f);
	ok(header && found, "/proc/net/unix");
	close(l);
}

/* --- races: each only has to end, and to leave nothing behind ---------------------------------------------------------- */
static int race[2];
static void *sender(void *arg)
{
	static char buf[3000];

	for (int i = 0; i < 50; i++)
		if (send(race[0], buf, sizeof(buf), MSG_NOSIGNAL) < 0)
			break;
	return arg;
}
static void *dialler(void *arg)
{
	for (int i = 0; i < 3; i++) {
		int fd = dial("@race");

		if (fd >= 0) {
			send(fd, "x", 1, MSG_NOSIGNAL);
			close(fd);
		}
	}
	return arg;
}

static void races(void)
{
	pthread_t t[3];
	int rounds = 0;

	for (int i = 0; i < 100; i++) {
		socketpair(AF_UNIX, SOCK_STREAM, 0, race);
		pthread_create(&t[0], NULL, sender, NULL);
		if (i & 1)
			sched_yield();
		char c;
		read(race[1], &c, 1);
		close(race[1]);
		pthread_join(t[0], NULL);
		close(race[0]);
		rounds++;
	}
	is(rounds, 100, "close against send");
	for (int i = 0; i < 60; i++) {
		int l = listener("@race", 2);

		for (int n = 0; n < 3; n++)
			pthread_create(&t[n], NULL, dialler, NULL);
		fcntl(l, F_SETFL, O_NONBLOCK);
		for (int n = 0; n < i % 5; n++)
			close(accept(l, NULL, NULL));
		close(l);
		for (int n = 0; n < 3; n++)
			pthread_join(t[n], NULL);
		rounds++;
	}
	is(rounds, 160, "connect and accept against close of the listener");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	kinds();
	names();
	permission();
	bytes();
	ends();
	buffers();
	backlog();
	who();
	flow();
	waiting();
	listed();
	races();
	rmdir("/tmp/unix");
	return done();
}
