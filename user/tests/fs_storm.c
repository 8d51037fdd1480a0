/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=4 time=40 linux=no
 *
 * Eight processes, two of them with threads that share descriptors and working directory, do random things to the same
 * few names for three seconds: the kernel must stay upright, answer only with errors that the calls have, and leave a
 * tree that can be taken down.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define NAMES 6
#define FDS 12
#define LEAST 1000 /* steps of each, however little of the time was its */
static char dir[] = "/tmp/fs_storm.XXXXXX";
static int seconds = 3;

struct state { unsigned seed; int fd[FDS]; long ops; };

static unsigned rnd(struct state *s, unsigned n)
{
	s->seed = s->seed * 1664525 + 1013904223;
	return (s->seed >> 8) % n;
}
static const char *name(struct state *s, char *buf)
{
	static const char *const prefix[] = { "", "d0/", "d1/", "d0/d1/", "l/", "./", "../x/" };

	sprintf(buf, "%s%s%u", prefix[rnd(s, 7)], rnd(s, 3) ? "f" : "d", rnd(s, NAMES));
	return buf;
}

static void use_names(struct state *s)
{
	char a[64], b[64];
	struct stat st;

	name(s, a), name(s, b);
	switch (rnd(s, 14)) {
	case 0: mkdir(a, 0755); break;
	case 1: rmdir(a); break;
	case 2: unlink(a); break;
	case 3: rename(a, b); break;
	case 4: syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2); break;
	case 5: link(a, b); break;
	case 6: symlink(a, b); break;
	case 7: stat(a, &st); break;
	case 8: lstat(a, &st); break;
	case 9: truncate(a, rnd(s, 20000)); break;
	case 10: chmod(a, 0600 + rnd(s, 64)); break;
	case 11: mkfifo(a, 0600); break;
	case 12: access(a, R_OK); break;
	case 13: if (!chdir(a)) chdir(dir); break;
	}
}

static void use_files(struct state *s)
{
	static char junk[9000];
	char a[64], buf[3000];
	int n = rnd(s, FDS), fd = s->fd[n], p[2];
	struct pollfd pf = { fd, POLLIN | POLLOUT, 0 };
	char *m;

	switch (rnd(s, 15)) {
	case 0: case 1: case 2:
		if (fd >= 0)
			close(fd);
		s->fd[n] = open(name(s, a), (rnd(s, 2) ? O_RDWR : O_RDONLY) | (rnd(s, 2) ? O_CREAT : 0) | O_NONBLOCK | (rnd(s, 8) ? 0 : O_TRUNC) |
				(rnd(s, 6) ? 0 : O_APPEND), 0644);
		break;
	case 3: write(fd, junk, rnd(s, sizeof(junk))); break;
	case 4: read(fd, buf, rnd(s, sizeof(buf))); break;
	case 5: pwrite(fd, junk, rnd(s, sizeof(junk)), rnd(s, 30000)); break;
	case 6: pread(fd, buf, rnd(s, sizeof(buf)), rnd(s, 30000)); break;
	case 7: ftruncate(fd, rnd(s, 20000)); break;
	case 8: fallocate(fd, rnd(s, 4), rnd(s, 20000), rnd(s, 9000) + 1); break;
	case 9: syscall(SYS_getdents64, fd, buf, sizeof(buf)); break;
	case 10:
		m = mmap(NULL, 8192, PROT_READ, rnd(s, 2) ? MAP_SHARED : MAP_PRIVATE, fd, 0);
		if (m != MAP_FAILED) {
			madvise(m, 8192, MADV_WILLNEED);
			munmap(m, 8192);
		}
		break;
	case 11: flock(fd, LOCK_NB | (1 << rnd(s, 4))); break;
	case 12: {
		struct flock l = { rnd(s, 3), SEEK_SET, rnd(s, 50), rnd(s, 50), 0 };

		fcntl(fd, F_SETLK, &l);
		break;
	}
	case 13: poll(&pf, 1, 0); break;
	case 14:
		if (!pipe2(p, O_NONBLOCK)) {
			write(p[1], junk, rnd(s, sizeof(junk)));
			if (fd >= 0)
				close(fd);
			s->fd[n] = p[rnd(s, 2)];
			close(s->fd[n] == p[0] ? p[1] : p[0]);
		}
		break;
	}
}

static void *storm(void *arg)
{
	struct state *s = arg;
	struct timespec t0, t;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	do {
		for (int n = 0; n < 200; n++, s->ops++) {
			if (rnd(s, 2))
				use_names(s);
			else
				use_files(s);
		}
		clock_gettime(CLOCK_MONOTONIC, &t);
	} while (t.tv_sec - t0.tv_sec < seconds || s->ops < LEAST);
	return NULL;
}

static void worker(int k)
{
	static struct state s[2];
	pthread_t th;

	signal(SIGPIPE, SIG_IGN);
	for (int n = 0; n < 2; n++) {
		s[n].seed = 4711 * k + n;
		for (int f = 0; f < FDS; f++)
			s[n].fd[f] = -1;
	}
	if (k < 2 && !pthread_create(&th, NULL, storm, &s[1])) {
		storm(&s[0]);
		pthread_join(th, NULL);
	} else {
		storm(&s[0]);
	}
	_exit(0);
}

/* Everything below path, whatever it is. */
static void take_down(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char sub[600];

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (unlink(sub) && errno == EISDIR) {
			take_down(sub);
			rmdir(sub);
		}
	}
	if (d)
		closedir(d);
}

int main(int argc, char **argv)
{
	int bad = 0, status;
	struct stat st;

	if (argc > 1)
		seconds = atoi(argv[1]);
	if (!mkdtemp(dir) || chdir(dir))
		bail("no place");
	mkdir("d0", 0755), mkdir("d1", 0755), mkdir("d0/d1", 0755), symlink("d0", "l");
	for (int k = 0; k < 8; k++)
		if (!fork())
			worker(k);
	for (int k = 0; k < 8; k++)
		bad += wait(&status) < 0 || status;
	is(bad, 0, "eight storms are over");
	is(chdir("/"), 0, "leaving");
	take_down(dir);
	ok(!stat(dir, &st) && st.st_nlink == 2, "no directory is left in it (links: %u)", (unsigned)st.st_nlink);
	is(rmdir(dir), 0, "nothing is left behind");
	return done();
}
