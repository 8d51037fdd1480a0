/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=30
 *
 * fcntl locks (POSIX and OFD), flock: conflicts, splitting, inheritance, closing, waiting, deadlock; leases of text
 * (ETXTBSY).
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

static char name[] = "/tmp/fs_locks.XXXXXX";
static int fd;

static int lock_op(int f, int cmd, int type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(f, cmd, &l);
}
/* Asked from another process: the type of what stands against a write lock there, or F_UNLCK. */
static int asked_type;
static struct flock asked;
static void ask_child(void *arg)
{
	struct flock *l = arg;
	int f = open(name, O_RDWR);

	l->l_type = F_WRLCK;
	if (fcntl(f, F_GETLK, l))
		_exit(99);
	_exit(l->l_type == F_UNLCK ? 9 : l->l_type + 20 * (l->l_start & 3));
}
static int ask(off_t start, off_t len)
{
	int status;

	asked = (struct flock){ .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	status = in_child(ask_child, &asked);
	asked_type = WEXITSTATUS(status) % 20;
	return asked_type == 9 ? F_UNLCK : asked_type;
}

static void ranges(void)
{
	is(lock_op(fd, F_SETLK, F_WRLCK, 0, 100), 0, "write lock on 0-99");
	is(ask(0, 1), F_WRLCK, "another process sees it");
	is(ask(100, 1), F_UNLCK, "... not behind its end");
	is(lock_op(fd, F_SETLK, F_RDLCK, 40, 20), 0, "the middle becomes a read lock");
	is(ask(45, 1), F_RDLCK, "seen as such");
	is(ask(30, 1), F_WRLCK, "the first part is as before");
	is(ask(70, 1), F_WRLCK, "the last part too");
	is(lock_op(fd, F_SETLK, F_UNLCK, 50, 1), 0, "a hole of one byte");
	is(ask(50, 1), F_UNLCK, "is free");
	is(ask(49, 1), F_RDLCK, "its neighbour is not");
	is(lock_op(fd, F_SETLK, F_UNLCK, 0, 0), 0, "everything off");
	is(ask(0, 0), F_UNLCK, "nothing is left");
	fails(lock_op(fd, F_SETLK, F_WRLCK, -1, 1), EINVAL, "before the beginning");
	fails(lock_op(fd, F_SETLK, 77, 0, 1), EINVAL, "a strange type");
	fails(lock_op(99, F_SETLK, F_WRLCK, 0, 1), EBADF, "no file");
}

static void try_child(void *unused)
{
	int f = open(name, O_RDWR);

	if (lock_op(f, F_SETLK, F_WRLCK, 0, 10) == 0 || (errno != EAGAIN && errno != EACCES))
		_exit(1);
	_exit(0);
}
static void inherit_child(void *unused)
{
	/* the lock is the parent's; this descriptor is the same open file */
	if (lock_op(fd, F_SETLK, F_WRLCK, 0, 10) == 0)
		_exit(1);
	close(fd); /* must not take the parent's lock off */
	_exit(0);
}
static void owners(void)
{
	int other, ro;

	is(lock_op(fd, F_SETLK, F_WRLCK, 0, 10), 0, "locked");
	is(in_child(try_child, NULL), 0, "another process does not get it");
	is(in_child(inherit_child, NULL), 0, "a child does not have it");
	is(ask(0, 1), F_WRLCK, "a child that closes does not take it off");
	other = open(name, O_RDWR);
	is(lock_op(other, F_SETLK, F_WRLCK, 0, 10), 0, "the same process through another open file does");
	close(other);
	is(ask(0, 1), F_UNLCK, "closing any descriptor of the file takes all its locks off");
	ro = open(name, O_RDONLY);
	fails(lock_op(ro, F_SETLK, F_WRLCK, 0, 1), EBADF, "a write lock on a read-only descriptor");
	is(lock_op(ro, F_SETLK, F_RDLCK, 0, 1), 0, "a read lock is fine");
	close(ro);
}

static void ofd(void)
{
	int a = open(name, O_RDWR), b = open(name, O_RDWR), c;

	is(lock_op(a, F_OFD_SETLK, F_WRLCK, 0, 10), 0, "OFD lock");
	fails(lock_op(b, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN, "another open file of the same process is kept out");
	fails(lock_op(fd, F_SETLK, F_WRLCK, 5, 1), EAGAIN, "... and so is a POSIX lock");
	c = dup(a);
	is(lock_op(c, F_OFD_SETLK, F_RDLCK, 0, 10), 0, "a duplicate is the same owner");
	is(lock_op(b, F_OFD_SETLK, F_RDLCK, 0, 10), 0, "readers share");
	close(a);
	is(lock_op(b, F_OFD_SETLK, F_WRLCK, 0, 10), -1, "the duplicate keeps it");
	close(c);
	is(lock_op(b, F_OFD_SETLK, F_WRLCK, 0, 10), 0, "the last close gives it up");
	close(b);
}

static void flocks(void)
{
	int a = open(name, O_RDWR), b = open(name, O_RDONLY);

	is(flock(a, LOCK_SH), 0, "flock shared");
	is(flock(b, LOCK_SH | LOCK_NB), 0, "twice");
	fails(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK, "not exclusive then");
	is(flock(b, LOCK_UN), 0, "one goes");
	is(flock(a, LOCK_EX | LOCK_NB), 0, "exclusive now");
	fails(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK, "the other is kept out");
	is(lock_op(fd, F_SETLK, F_WRLCK, 0, 0), 0, "fcntl locks do not care");
	lock_op(fd, F_SETLK, F_UNLCK, 0, 0);
	close(a);
	is(flock(b, LOCK_EX | LOCK_NB), 0, "closing gives it up");
	fails(flock(b, 77), EINVAL, "a strange operation");
	close(b);
}

/* A counter under a lock that many want at once. */
static void counter_child(void *arg)
{
	int f = open(name, O_RDWR), how = (int)(long)arg;
	unsigned v;

	for (int n = 0; n < 200; n++) {
		if (how ? flock(f, LOCK_EX) : lock_op(f, F_SETLKW, F_WRLCK, 0, 4))
			_exit(1);
		if (pread(f, &v, 4, 0) != 4)
			_exit(2);
		v++;
		if (pwrite(f, &v, 4, 0) != 4)
			_exit(3);
		if (how ? flock(f, LOCK_UN) : lock_op(f, F_SETLK, F_UNLCK, 0, 4))
			_exit(4);
	}
	_exit(0);
}
static void waiting(int how, const char *what)
{
	unsigned v = 0;
	int bad = 0, status;

	pwrite(fd, &v, 4, 0);
	for (int n = 0; n < 4; n++)
		if (!fork())
			counter_child((void *)(long)how);
	for (int n = 0; n < 4; n++)
		bad += wait(&status) < 0 || status;
	is(bad, 0, "%s: four processes at once", what);
	pread(fd, &v, 4, 0);
	is(v, 800, "%s: no step is lost", what);
}

static void on_alarm(int sig) { }
/* One may come before the call: another one comes. */
static int lock_under_alarms(void)
{
	struct itimerval often = { { 0, 50000 }, { 0, 50000 } }, never = { { 0, 0 }, { 0, 0 } };
	int r, e;

	setitimer(ITIMER_REAL, &often, NULL);
	r = lock_op(fd, F_SETLKW, F_WRLCK, 0, 1);
	e = errno;
	setitimer(ITIMER_REAL, &never, NULL);
	errno = e;
	return r;
}

static void deadlock(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	int ready[2], status;
	pid_t pid;
	char c;

	sigaction(SIGALRM, &sa, NULL);
	pipe(ready);
	lock_op(fd, F_SETLK, F_WRLCK, 0, 1);
	pid = fork();
	if (!pid) {
		int f = open(name, O_RDWR);

		lock_op(f, F_SETLK, F_WRLCK, 1, 1);
		write(ready[1], "x", 1);
		_exit(lock_op(f, F_SETLKW, F_WRLCK, 0, 1) ? 1 : 0); /* waits for the parent */
	}
	read(ready[0], &c, 1);
	ok(asleep(pid), "one waits for the other");
	fails(lock_op(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK, "a circle of two is refused");
	lock_op(fd, F_SETLK, F_UNLCK, 0, 1);
	waitpid(pid, &status, 0);
	is(status, 0, "the other one gets it then");
	pid = fork();
	if (!pid) {
		int f = open(name, O_RDWR);

		lock_op(f, F_SETLK, F_WRLCK, 0, 1);
		write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	read(ready[0], &c, 1);
	fails(lock_under_alarms(), EINTR, "a signal breaks the wait");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	is(lock_op(fd, F_SETLK, F_WRLCK, 0, 1), 0, "the dead hold no locks");
	close(ready[0]), close(ready[1]);
}

static void seals(void)
{
	int m = memfd_create("sealed", MFD_ALLOW_SEALING), n = memfd_create("plain", 0);
	char *p;

	ok(m >= 0 && n >= 0, "memfd_create");
	is(ftruncate(m, 8192), 0, "given a size");
	is(fcntl(n, F_GET_SEALS), F_SEAL_SEAL, "without ALLOW_SEALING it is sealed against seals");
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0);
	fails(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE), EBUSY, "no write seal while it is mapped for writing");
	munmap(p, 8192);
	is(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK), 0, "sealed");
	fails(write(m, "x", 1), EPERM, "no write");
	fails(ftruncate(m, 100), EPERM, "no shrinking");
	is(ftruncate(m, 16384), 0, "growing is allowed still");
	fails(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0) == MAP_FAILED ? -1 : 0, EPERM, "no writable mapping");
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, m, 0);
	ok(p != MAP_FAILED, "a readable one");
	close(m), close(n);
}

int main(void)
{
	fd = mkstemp(name);
	if (fd < 0)
		bail("no file");
	ranges();
	owners();
	ofd();
	flocks();
	waiting(0, "fcntl");
	waiting(1, "flock");
	deadlock();
	seals();
	unlink(name);
	return done();
}
