/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=4 time=60
 *
 * Terminals under fire: several processes make ptys, lead sessions on them, write, change modes with random arguments,
 * and close either end at any moment, while others walk /proc and /dev/pts. Nothing may hang or be left over.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>

enum { WORKERS = 4, ROUNDS = 60 };
static unsigned rng;

static unsigned rnd(unsigned n)
{
	rng = rng * 1103515245 + 12345;
	return (rng >> 8) % n;
}

static const unsigned commands[] = {
	TCGETS, TCSETS, TCSETSW, TCSETSF, TCGETA, TCSETA, TCXONC, TCFLSH, TIOCGWINSZ, TIOCSWINSZ, TIOCGPGRP, TIOCSPGRP, TIOCGSID,
	TIOCSCTTY, TIOCNOTTY, FIONREAD, TIOCOUTQ, TIOCEXCL, TIOCNXCL, TIOCGETD, TIOCSETD, TIOCMGET, TIOCSTI, TIOCGPTN, TIOCSPTLCK,
	TIOCGPTLCK, TIOCVHANGUP, 0x5413, 0xdeadbeef,
};

static void nasty_ioctl(int fd)
{
	static char arg[256];
	unsigned cmd = commands[rnd(sizeof(commands) / sizeof(*commands))];

	for (unsigned i = 0; i < 64; i++)
		arg[i] = rnd(4) ? 0 : rnd(256);
	if (cmd == TCSETSW || cmd == TCSETSF)
		return; /* they wait for a reader */
	ioctl(fd, cmd, rnd(5) ? (unsigned long)arg : rnd(3));
}

static void session(int master, int slave)
{
	char buf[600];

	signal(SIGALRM, SIG_DFL);
	alarm(2);
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	if (rnd(2))
		close(master);
	for (int i = rnd(20); i >= 0; i--) {
		memset(buf, "a\n\3\32\23\21\4\177\33["[rnd(10)], sizeof(buf));
		fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
		if (write(slave, buf, rnd(sizeof(buf))) < 0 || read(slave, buf, rnd(sizeof(buf))) < 0)
			nasty_ioctl(slave);
	}
	_exit(0);
}

static void one_round(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK), slave, nr, zero = 0;
	char name[32], buf[512];
	pid_t pid;

	if (master < 0 || ioctl(master, TIOCGPTN, &nr) || ioctl(master, TIOCSPTLCK, &zero))
		_exit(10);
	snprintf(name, sizeof(name), "/dev/pts/%d", nr);
	slave = open(name, O_RDWR | O_NOCTTY);
	if (slave < 0)
		_exit(11);
	pid = fork();
	if (!pid)
		session(master, slave);
	if (rnd(2))
		close(slave), slave = -1;
	for (int i = rnd(30); i >= 0; i--) {
		memset(buf, "x\n\3\32\34\23\21\4\25\26"[rnd(10)], sizeof(buf));
		if (write(master, buf, rnd(sizeof(buf))) < 0 || read(master, buf, sizeof(buf)) < 0)
			nasty_ioctl(master);
	}
	if (rnd(2))
		kill(pid, SIGKILL);
	close(master);
	kill(pid, SIGCONT);
	kill(pid, SIGHUP);
	if (slave >= 0)
		close(slave);
	waitpid(pid, NULL, 0);
}

static void walk(const char *dir)
{
	char name[300], buf[1024];
	struct dirent *d;
	DIR *p = opendir(dir);

	while (p && (d = readdir(p))) {
		int fd;

		snprintf(name, sizeof(name), "%s/%s/stat", dir, d->d_name);
		fd = open(name, O_RDONLY);
		if (fd >= 0) {
			while (read(fd, buf, sizeof(buf)) > 0)
				;
			close(fd);
		}
	}
	if (p)
		closedir(p);
}

int main(void)
{
	pid_t pid[WORKERS + 1];
	int status, bad = 0, left = 0;
	struct dirent *d;
	DIR *p;

	for (int i = 0; i <= WORKERS; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		rng = 77 * i + 1;
		signal(SIGHUP, SIG_IGN);
		while (i == WORKERS)
			walk("/proc"), walk("/dev/pts");
		for (int r = 0; r < ROUNDS; r++)
			one_round();
		_exit(0);
	}
	for (int i = 0; i < WORKERS; i++)
		bad += waitpid(pid[i], &status, 0) != pid[i] || status;
	kill(pid[WORKERS], SIGKILL);
	waitpid(pid[WORKERS], NULL, 0);
	is(bad, 0, "all workers came to their end");
	p = opendir("/dev/pts");
	while (p && (d = readdir(p)))
		left += d->d_name[0] >= '0' && d->d_name[0] <= '9';
	if (access("/proc/lowmem", R_OK))
		skip("others have ptys here");
	else
		is(left, 0, "no pty is left over");
	return done();
}
