/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * Pipes, poll and select: order, atomicity, ends, full and empty, who is woken.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/select.h>

static void *volatile nowhere = (void *)1;

static void basics(void)
{
	int p[2], n = -1;
	char buf[16];

	is(pipe(p), 0, "pipe");
	is(write(p[1], "hello", 5), 5, "write");
	ioctl(p[0], FIONREAD, &n);
	is(n, 5, "FIONREAD");
	is(read(p[0], buf, 3), 3, "a short read takes the front");
	is(read(p[0], buf, 16), 2, "... the next one the rest");
	close(p[1]);
	is(read(p[0], buf, 16), 0, "no writer: end of file");
	close(p[0]);
	pipe(p);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	fails(write(p[1], "x", 1), EPIPE, "no reader: EPIPE");
	close(p[1]);
	fails(write(p[1], "x", 1), EBADF, "closed: EBADF");
}

static void capacity(void)
{
	char big[65536];
	int p[2], total = 0, n;

	pipe2(p, O_NONBLOCK);
	memset(big, 'x', sizeof(big));
	while ((n = write(p[1], big, 4096)) > 0)
		total += n;
	is(errno, EAGAIN, "a full pipe is EAGAIN");
	is(total, 65536, "it holds 64 KB");
	struct pollfd out = { p[1], POLLOUT, 0 };
	is(poll(&out, 1, 0), 0, "... and is not writable");
	is(read(p[0], big, 4096), 4096, "after a read of a page");
	is(poll(&out, 1, 0), 1, "... it is");
	close(p[0]);
	poll(&out, 1, 0);
	ok(out.revents & POLLERR, "POLLERR when the reader is gone");
	close(p[1]);
}

static void blocking(void)
{
	long sum = 0, want = 0;
	int p[2], status;
	char buf[10000];

	pipe(p);
	if (!fork()) {
		close(p[0]);
		for (int i = 0; i < 300; i++) {
			memset(buf, i, sizeof(buf));
			if (write(p[1], buf, sizeof(buf)) != sizeof(buf))
				_exit(1);
		}
		_exit(0);
	}
	close(p[1]);
	for (ssize_t n; (n = read(p[0], buf, sizeof(buf))) > 0;)
		for (int i = 0; i < n; i++)
			sum += (unsigned char)buf[i];
	for (int i = 0; i < 300; i++)
		want += 10000L * (i & 255);
	wait(&status);
	ok(sum == want && status == 0, "3 MB through a pipe");
	close(p[0]);
}

static void atomic_writes(void)
{
	int p[2], bad = 0;
	char buf[512];

	pipe(p);
	for (int w = 0; w < 4; w++)
		if (!fork()) {
			memset(buf, 'a' + w, sizeof(buf));
			for (int i = 0; i < 200; i++)
				write(p[1], buf, sizeof(buf));
			_exit(0);
		}
	close(p[1]);
	for (int got = 0; got < 4 * 200; got++) {
		for (size_t n = 0; n < sizeof(buf);) {
			ssize_t r = read(p[0], buf + n, sizeof(buf) - n);

			if (r <= 0)
				goto out;
			n += r;
		}
		for (size_t i = 1; i < sizeof(buf); i++)
			bad += buf[i] != buf[0];
	}
out:
	is(bad, 0, "writes up to PIPE_BUF do not mix");
	close(p[0]);
	while (wait(NULL) > 0)
		;
}

static void polling(void)
{
	struct pollfd fds[2];
	int a[2], b[2];
	char c;

	pipe(a);
	pipe(b);
	fds[0] = (struct pollfd){ a[0], POLLIN, 0 };
	fds[1] = (struct pollfd){ b[0], POLLIN, 0 };
	is(poll(fds, 2, 30), 0, "poll times out");
	if (!fork()) {
		usleep(50000);
		write(b[1], "x", 1);
		_exit(0);
	}
	is(poll(fds, 2, 60000), 1, "poll is woken");
	ok(!fds[0].revents && fds[1].revents == POLLIN, "... and names the pipe");
	read(b[0], &c, 1);
	wait(NULL);
	fds[0].fd = 99;
	poll(fds, 1, 0);
	ok(fds[0].revents == POLLNVAL, "POLLNVAL for a closed descriptor");
	close(b[1]);
	poll(fds + 1, 1, 0);
	ok(fds[1].revents == POLLHUP, "POLLHUP when the writer is gone");

	fd_set set;
	FD_ZERO(&set);
	FD_SET(a[0], &set);
	struct timeval t = { 0, 20000 };
	is(select(a[0] + 1, &set, NULL, NULL, &t), 0, "select times out");
	write(a[1], "x", 1);
	FD_SET(a[0], &set);
	is(select(a[0] + 1, &set, NULL, NULL, NULL), 1, "select sees data");
	fails(select(-1, NULL, NULL, NULL, NULL), EINVAL, "select of -1");
	fails(poll(nowhere, 1, 0), EFAULT, "poll of nowhere");
}

/* bash's <(...): the program opens /dev/fd/63 when the other side may have written and gone. */
static void reopened(void)
{
	int p[2], r, w;
	char path[40], c;
	struct pollfd fd;

	pipe(p);
	write(p[1], "x", 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	close(p[1]);
	r = open(path, O_RDONLY);
	ok(r >= 0, "a pipe whose writer has gone is opened once more to read");
	is(read(r, &c, 1), 1, "... has what was left");
	fd = (struct pollfd){ r, POLLIN, 0 };
	ok(poll(&fd, 1, 0) == 1 && fd.revents == POLLHUP, "... is hung up");
	is(read(r, &c, 1), 0, "... and at its end");
	w = open(path, O_WRONLY);
	ok(w >= 0 && write(w, "y", 1) == 1 && read(p[0], &c, 1) == 1 && c == 'y', "its other end, once more");
	close(r);
	close(p[0]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", w);
	r = open(path, O_WRONLY);
	ok(r >= 0, "without a reader as well");
	close(w);
	close(r);
}

int main(void)
{
	basics();
	reopened();
	capacity();
	blocking();
	atomic_writes();
	polling();
	return done();
}
