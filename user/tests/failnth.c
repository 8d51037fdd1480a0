/* SPDX-License-Identifier: MIT
 * test: mem=256M smp=2 time=60 build=debug linux=no
 *
 * Every allocation of the kernel fails once: for each of many operations, its first allocation, its second, and so on
 * until it gets through untouched (/proc/thread-self/fail-nth of the debug build). An operation whose allocation failed
 * either still works or says ENOMEM (or what the manual page gives for it), and nothing is left behind.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#define LIMIT 400 /* allocations in one operation: more means a loop that never ends */

static int nth_fd;
static char *area; /* 8 MB, touched here and there */

/* The write may itself meet the failure that is armed still: then that has happened. */
static void arm(unsigned n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	for (int tries = 0; pwrite(nth_fd, text, len, 0) != len; tries++)
		if (tries == 3)
			_exit(248);
}

/* => it did not come to the nth allocation */
static bool disarm(void)
{
	char text[16] = "";
	long n = pread(nth_fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return true; /* the read itself met it: so the operation had not */
	n = atol(text);
	arm(0);
	return n != 0;
}

static int map_touch(void)
{
	char *p = mmap(NULL, 64 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	return munmap(p, 64 << 10);
}
static int split_protect(void)
{
	int r = mprotect(area + 4096, 4096, PROT_READ), e = errno;

	mprotect(area, 8 << 20, PROT_READ | PROT_WRITE);
	errno = e;
	return r;
}
static int punch(void)
{
	int r = munmap(area + (1 << 20), 4096), e = errno;

	if (!r && mmap(area + (1 << 20), 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return -1;
	errno = e;
	return r;
}
static int move(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;
	int e;

	if (p == MAP_FAILED)
		return -1;
	q = mremap(p, 1 << 20, 4 << 20, MREMAP_MAYMOVE);
	e = errno;
	munmap(q == MAP_FAILED ? p : q, q == MAP_FAILED ? 1 << 20 : 4 << 20);
	errno = e;
	return q == MAP_FAILED ? -1 : 0;
}
/* Memory that the parent has too, there and back; every word must be what it was, whatever failed. */
static int move_shared(void)
{
	char *p = area + (64 << 10), *q = mremap(p, 16 << 10, 16 << 10, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), *back = MAP_FAILED;
	int e = errno;

	if (q != MAP_FAILED) {
		back = mremap(q, 16 << 10, 16 << 10, MREMAP_MAYMOVE | MREMAP_FIXED, p);
		e = errno;
		if (back == MAP_FAILED && mremap(q, 16 << 10, 16 << 10, MREMAP_MAYMOVE | MREMAP_FIXED, p) == MAP_FAILED)
			_exit(254);
	}
	for (unsigned i = 0; i < 16 << 10; i++)
		if (p[i] != 1)
			_exit(253);
	errno = e;
	return back == MAP_FAILED ? -1 : 0;
}
static int shared_map(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : munmap(p, 1 << 20);
}
static int forking(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0) == pid ? 0 : -1;
}
static int execing(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return 0;
}
/* exec's own allocations: armed in the child, which dies of it or says why not */
static int exec_armed(unsigned n)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		int fd = open("/proc/thread-self/fail-nth", O_RDWR);
		char text[16];
		int len = snprintf(text, sizeof(text), "%u", n);

		if (write(fd, text, len) != len)
			_exit(97);
		execl("/bin/true", "true", NULL);
		_exit(errno == ENOMEM || errno == EAGAIN || errno == ENFILE ? 12 : errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}
static int pipes(void)
{
	int p[2];

	if (pipe(p))
		return -1;
	close(p[0]);
	close(p[1]);
	return 0;
}
static int files(void)
{
	int fd = open("/tmp/failnth", O_RDWR | O_CREAT, 0600), r, e;

	if (fd < 0)
		return -1;
	r = pwrite(fd, "x", 1, 10 << 20) == 1 ? 0 : -1;
	e = errno;
	close(fd);
	unlink("/tmp/failnth");
	errno = e;
	return r;
}
static int directories(void)
{
	int r = mkdir("/tmp/failnth.d", 0700) ? -1 : 0, e = errno;

	if (!r && (r = symlink("a long enough target to be on its own somewhere in memory", "/tmp/failnth.d/link")) < 0)
		e = errno;
	unlink("/tmp/failnth.d/link");
	rmdir("/tmp/failnth.d");
	errno = e;
	return r;
}
static int listing(void)
{
	DIR *d = opendir("/");

	if (!d)
		return -1;
	errno = 0;
	while (readdir(d))
		;
	closedir(d);
	return errno ? -1 : 0;
}
static int renames(void)
{
	close(open("/tmp/failnth.a", O_CREAT | O_WRONLY, 0600));
	int r = rename("/tmp/failnth.a", "/tmp/failnth.b"), e = errno;

	unlink("/tmp/failnth.a");
	unlink("/tmp/failnth.b");
	errno = e;
	return r == 0 || e == ENOENT ? 0 : -1;
}
static int many_fds(void)
{
	int fd = fcntl(0, F_DUPFD, 600);

	return fd < 0 ? -1 : close(fd);
}
static int polling(void)
{
	struct pollfd p[200];

	for (int i = 0; i < 200; i++)
		p[i] = (struct pollfd){ .fd = 0, .events = POLLIN };
	return poll(p, 200, 0) < 0 ? -1 : 0;
}
static int epolling(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(0), efd = eventfd(0, 0), r = -1, e = errno;

	if (ep >= 0 && efd >= 0) {
		r = epoll_ctl(ep, EPOLL_CTL_ADD, efd, &ev);
		e = errno;
	}
	close(ep);
	close(efd);
	errno = e;
	return r;
}
static int signals(void)
{
	union sigval v = { .sival_int = 1 };
	sigset_t set;
	siginfo_t info;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r = sigqueue(getpid(), SIGRTMIN, v);
	if (!r)
		sigwaitinfo(&set, &info);
	return r;
}
static int timers(void)
{
	timer_t t;

	if (timer_create(CLOCK_MONOTONIC, NULL, &t))
		return -1;
	return timer_delete(t);
}
static int proc_files(void)
{
	char buf[8192];
	int fd = open("/proc/self/smaps", O_RDONLY), r, e;

	if (fd < 0)
		return -1;
	r = read(fd, buf, sizeof(buf));
	e = errno;
	close(fd);
	errno = e;
	return r < 0 ? -1 : 0;
}
static int ptys(void)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	return fd < 0 ? -1 : close(fd);
}
static int locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 10 };
	int fd = open("/tmp/failnth.l", O_RDWR | O_CREAT, 0600), r, e;

	if (fd < 0)
		return -1;
	r = fcntl(fd, F_SETLK, &l);
	e = errno;
	close(fd);
	unlink("/tmp/failnth.l");
	errno = e;
	return r;
}
static int groups(void)
{
	gid_t g[3] = { 1, 2, 3 };

	return syscall(SYS_setgroups32, 3, g);
}
static int mounting(void)
{
	int r = syscall(SYS_mount, "none", "/tmp/failnth.m", "tmpfs", 0, "size=1m"), e = errno;

	if (!r)
		syscall(SYS_umount2, "/tmp/failnth.m", 0);
	errno = e;
	return r;
}
/* A descriptor and 20000 bytes through a pair, and out again. */
static int socket_pair(void)
{
	static char buf[20000];
	union { struct cmsghdr h; char bytes[CMSG_SPACE(sizeof(int))]; } c = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	int s[2], r, e;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, s))
		return -1;
	memcpy(CMSG_DATA(&c.h), &s[0], sizeof(int));
	r = sendmsg(s[0], &m, 0);
	e = errno;
	if (r > 0) {
		r = recvmsg(s[1], &m, 0);
		e = errno;
		if (r > 0 && m.msg_controllen >= sizeof(c.h))
			close(*(int *)CMSG_DATA(&c.h));
	}
	close(s[0]);
	close(s[1]);
	errno = e;
	return r < 0 ? -1 : 0;
}
static int socket_names(void)
{
	struct sockaddr_un un = { AF_UNIX, "/tmp/failnth.s" };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), a = -1, r = -1, e = errno;

	if (l >= 0 && c >= 0) {
		r = bind(l, (void *)&un, sizeof(un)) || listen(l, 5) || connect(c, (void *)&un, sizeof(un)) || (a = accept(l, NULL, NULL)) < 0 ? -1 : 0;
		e = errno;
	}
	close(l);
	close(c);
	close(a);
	unlink(un.sun_path);
	errno = e;
	return r;
}
static int sysv_shm(void)
{
	int id = shmget(IPC_PRIVATE, 8192, 0600), r = -1, e;
	char *p;

	if (id < 0)
		return -1;
	p = shmat(id, NULL, 0);
	e = errno;
	if (p != (void *)-1)
		r = shmdt(p);
	shmctl(id, IPC_RMID, NULL);
	errno = e;
	return r;
}
static int sysv_sem(void)
{
	int id = semget(IPC_PRIVATE, 1000, 0600), r, e;
	struct sembuf op = { 999, 1, SEM_UNDO };

	if (id < 0)
		return -1;
	r = semop(id, &op, 1);
	e = errno;
	semctl(id, 0, IPC_RMID);
	errno = e;
	return r;
}
static int sysv_msg(void)
{
	static struct { long type; char text[8000]; } m = { 1, "" };
	int id = msgget(IPC_PRIVATE, 0600), r, e;

	if (id < 0)
		return -1;
	r = msgsnd(id, &m, sizeof(m.text), 0);
	e = errno;
	if (!r) {
		r = msgrcv(id, &m, sizeof(m.text), 0, IPC_NOWAIT) < 0 ? -1 : 0;
		e = errno;
	}
	msgctl(id, IPC_RMID, NULL);
	errno = e;
	return r;
}

static const struct op { const char *name; int (*fn)(void); } ops[] = {
	{ "mmap and populate", map_touch }, { "mprotect that splits", split_protect }, { "munmap that splits", punch },
	{ "mremap that moves", move }, { "mremap of a family's memory", move_shared }, { "shared anonymous memory", shared_map }, { "fork", forking }, { "fork and exec", execing },
	{ "pipe", pipes }, { "open, write, unlink", files }, { "mkdir, symlink", directories }, { "readdir", listing },
	{ "rename", renames }, { "a large descriptor", many_fds }, { "poll of many", polling }, { "epoll", epolling },
	{ "a queued signal", signals }, { "timer_create", timers }, { "/proc/self/smaps", proc_files }, { "a pty", ptys },
	{ "a file lock", locks }, { "setgroups", groups }, { "mount", mounting },
	{ "a socket pair and a descriptor", socket_pair }, { "bind, connect, accept", socket_names }, { "System V memory", sysv_shm },
	{ "System V semaphores", sysv_sem }, { "System V messages", sysv_msg },
};

static bool good_error(int e)
{
	return e == ENOMEM || e == EAGAIN || e == ENFILE || e == ENOSPC || e == ENOLCK || e == EINTR || e == ENOBUFS;
}

/* In a child: a page fault that meets the failure kills it, which is an answer, too. => number of allocations, or -1 */
static int each_failure(const struct op *op)
{
	for (unsigned n = 1; n < LIMIT; n++) {
		bool untouched;
		int r, e;

		arm(n);
		r = op->fn();
		e = errno;
		untouched = disarm();
		if (r < 0 && !untouched && !good_error(e)) {
			printf("# %s: allocation %u fails: errno %d (%s)\n", op->name, n, e, strerror(e));
			fflush(stdout);
			return 250;
		}
		if (untouched)
			return r < 0 ? 249 : (int)(n > 240 ? 240 : n);
	}
	return 251;
}

static void run(const struct op *op)
{
	int status = -1, killed = 0;
	pid_t pid = fork();

	if (!pid) {
		nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
		_exit(nth_fd < 0 ? 252 : each_failure(op));
	}
	if (waitpid(pid, &status, 0) != pid)
		status = -1;
	killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	ok(killed || (WIFEXITED(status) && WEXITSTATUS(status) < 248), "%s: %d allocations (status %#x)", op->name,
	   WEXITSTATUS(status) - 1, status);
}

static void exec_each(void)
{
	int bad = 0, status = -1, through = 0;
	unsigned n;

	for (n = 1; n < LIMIT && through < 50; n++) { /* some can do without (neighbours of a fault): many in a row mean that it gets through */
		status = exec_armed(n);
		through = status ? 0 : through + 1;
		/* 12: exec said ENOMEM; 127: it went through, and libc's start had no memory (its brk came to the nth) */
		if (status && !(WIFEXITED(status) && (WEXITSTATUS(status) == 12 || WEXITSTATUS(status) == 127)) && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
			bad++, printf("# exec: allocation %u fails: status %#x\n", n, status);
	}
	ok(!bad && n < LIMIT, "exec: each of its first %u allocations (bad %d, last status %#x)", n - 1 - through, bad, status);
}

int main(void)
{
	if (access("/proc/thread-self/fail-nth", W_OK)) {
		skip("no fail-nth: this needs the debug build");
		return done();
	}
	area = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(area, 1, 128 << 10);
	for (unsigned i = 0; i < 2 << 20; i += 4 * 4096) /* not too many pages: with chains fork makes an allocation for each */
		area[i] = 1;
	mkdir("/tmp/failnth.m", 0700);
	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		run(&ops[i]);
	exec_each();
	return done();
}
