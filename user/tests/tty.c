/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=60
 *
 * Terminals, through a pty: canonical editing, echo, signals, raw reads with VMIN and VTIME, output processing, flow
 * control, window sizes, sessions and job control, hang-up. Passes on Linux as well.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>

static int master, slave;

static void open_pair(void)
{
	struct termios t;
	int unlock = 0, nr = -1;
	char name[32];

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (master < 0)
		bail("/dev/ptmx");
	if (ioctl(master, TIOCGPTN, &nr) || ioctl(master, TIOCSPTLCK, &unlock))
		bail("TIOCGPTN");
	snprintf(name, sizeof(name), "/dev/pts/%d", nr);
	slave = open(name, O_RDWR | O_NOCTTY);
	if (slave < 0)
		bail(name);
	tcgetattr(slave, &t);
	t.c_lflag &= ~ECHO;
	tcsetattr(slave, TCSANOW, &t);
}

static void close_pair(void)
{
	close(slave);
	close(master);
}

static void type(const char *text) { if (write(master, text, strlen(text)) < 0) perror("write to master"); }

#define LONG 60000 /* ms, for what must come: costs nothing when it does */

/* What arrives at fd within ms, at most n bytes; stops when it has n. */
static int collect(int fd, char *buf, int n, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int done = 0;

	while (done < n && poll(&p, 1, ms) > 0 && p.revents & POLLIN) {
		int r = read(fd, buf + done, n - done);

		if (r <= 0)
			break;
		done += r;
	}
	buf[done] = 0;
	return done;
}

static bool nothing_to_read(void)
{
	struct pollfd p = { .fd = slave, .events = POLLIN };

	return poll(&p, 1, 50) == 0;
}

/* keys typed; what a canonical read must give */
static void line(const char *keys, const char *want, const char *what)
{
	char buf[300];
	struct pollfd p = { .fd = slave, .events = POLLIN };
	int n;

	type(keys);
	if (poll(&p, 1, LONG) <= 0) {
		ok(false, "%s: nothing came", what);
		return;
	}
	n = read(slave, buf, sizeof(buf) - 1);
	buf[n < 0 ? 0 : n] = 0;
	if (!ok(n == (int)strlen(want) && !memcmp(buf, want, n), "%s", what))
		printf("# got %d bytes \"%s\"\n", n, buf);
}

static void set_flags(tcflag_t on, tcflag_t off)
{
	struct termios t;

	tcgetattr(slave, &t);
	t.c_lflag = (t.c_lflag | on) & ~off;
	tcsetattr(slave, TCSANOW, &t);
}

static void canonical(void)
{
	char buf[16];

	open_pair();
	line("hello\n", "hello\n", "a line");
	line("cr\r", "cr\n", "carriage return becomes newline");
	line("abcd\177\177X\n", "abX\n", "erase");
	line("one two\27three\n", "one three\n", "word erase");
	line("rubbish\25clean\n", "clean\n", "kill");
	line("a\26\177b\n", "a\177b\n", "literal next");
	line("\177\177ok\n", "ok\n", "erase at the start of a line does nothing");
	line("no newline\4", "no newline", "end of file sends an unfinished line");
	line("\4", "", "end of file on an empty line reads as 0 bytes");
	type("partial");
	ok(nothing_to_read(), "an unfinished line cannot be read");
	type("!\nsecond\n");
	is(read(slave, buf, 4), 4, "a short read takes part of a line");
	is(read(slave, buf, 16), 5, "the next takes the rest of it, not the next line");
	is(read(slave, buf, 16), 7, "then comes the next line");
	type("abcd\4");
	is(read(slave, buf, 4), 4, "a full buffer right before an end of file");
	ok(nothing_to_read(), "... does not leave a false end of file behind");
	close_pair();
}

static void echo(void)
{
	char buf[200];

	open_pair();
	set_flags(ECHO, 0);
	type("hi\n");
	collect(master, buf, 4, LONG);
	ok(!strcmp(buf, "hi\r\n"), "echo, newline as CR LF");
	type("a\1b\n");
	collect(master, buf, 6, LONG);
	ok(!strcmp(buf, "a^Ab\r\n"), "control characters as ^X");
	type("xy\177\n");
	collect(master, buf, 7, LONG);
	ok(!strcmp(buf, "xy\b \b\r\n"), "erase is BS SP BS");
	type("x\1\177\n");
	collect(master, buf, 11, LONG);
	ok(!strcmp(buf, "x^A\b \b\b \b\r\n"), "erasing ^A takes two columns");
	type("abc\25\n");
	collect(master, buf, 14, LONG);
	ok(!strcmp(buf, "abc\b \b\b \b\b \b\r\n"), "kill erases visibly");
	set_flags(ECHONL, ECHO);
	type("secret\n");
	collect(master, buf, 2, LONG);
	ok(!strcmp(buf, "\r\n"), "ECHONL echoes the newline alone");
	close_pair();
}

static void output(void)
{
	struct termios t;
	char buf[64];

	open_pair();
	ok(write(slave, "a\nb", 3) == 3, "write to the slave");
	collect(master, buf, 4, LONG);
	ok(!strcmp(buf, "a\r\nb"), "ONLCR");
	tcgetattr(slave, &t);
	t.c_oflag = (t.c_oflag & ~TABDLY) | XTABS;
	tcsetattr(slave, TCSADRAIN, &t);
	ok(write(slave, "\rab\tc", 5) == 5, "write a tab");
	collect(master, buf, 10, LONG);
	ok(!strcmp(buf, "\rab      c"), "XTABS expands to the next multiple of eight");
	t.c_oflag &= ~OPOST;
	tcsetattr(slave, TCSANOW, &t);
	ok(write(slave, "a\nb", 3) == 3, "write raw");
	collect(master, buf, 3, LONG);
	ok(!strcmp(buf, "a\nb"), "without OPOST nothing changes");
	close_pair();
}

static long ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void raw_mode(int vmin, int vtime)
{
	struct termios t;

	tcgetattr(slave, &t);
	cfmakeraw(&t);
	t.c_cc[VMIN] = vmin;
	t.c_cc[VTIME] = vtime;
	tcsetattr(slave, TCSANOW, &t);
}

static void type_later(const char *text, int ms)
{
	if (fork() == 0) {
		usleep(ms * 1000);
		type(text);
		_exit(0);
	}
}

static void raw(void)
{
	char buf[300], all[256];
	int n, got;
	long start;

	open_pair();
	raw_mode(1, 0);
	for (int i = 0; i < 256; i++)
		all[i] = i;
	ok(write(master, all, 256) == 256, "256 different bytes in");
	is(collect(slave, buf, 256, LONG), 256, "256 out");
	ok(!memcmp(buf, all, 256), "raw mode is 8 bits clean");
	raw_mode(4, 0);
	type("12");
	type_later("34", 100);
	is(read(slave, buf, 10), 4, "VMIN 4 waits for four");
	wait(NULL);
	type("123456");
	is(read(slave, buf, 2), 2, "a read of fewer than VMIN is satisfied by what it asks for");
	is(read(slave, buf, 10), 4, "and the rest stays");
	raw_mode(0, 3);
	start = ms_now();
	is(read(slave, buf, 10), 0, "VMIN 0 VTIME 3 gives up");
	ok(ms_now() - start >= 250, "... after 0.3 s");
	raw_mode(0, 0);
	is(read(slave, buf, 10), 0, "VMIN 0 VTIME 0 does not wait");
	raw_mode(10, 2);
	type("abc");
	for (n = 0; n < 3; n += got) /* the three may come one by one, with a pause if the machine is busy */
		if ((got = read(slave, buf, 10)) <= 0)
			break;
	is(n, 3, "VMIN 10 VTIME 2 ends when bytes stop coming");
	raw_mode(1, 0);
	fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
	fails(read(slave, buf, 10), EAGAIN, "O_NONBLOCK");
	fcntl(slave, F_SETFL, O_RDWR);
	close_pair();
}

/* Much data both ways through the rings, with a slow reader. */
static void volume(void)
{
	enum { SIZE = 300000 };
	static unsigned char got[SIZE];
	int status, n = 0, bad = 0;
	pid_t pid;

	open_pair();
	raw_mode(1, 0);
	pid = fork();
	if (!pid) {
		unsigned char b[1000];

		for (int i = 0; i < SIZE; i += sizeof(b)) {
			for (unsigned j = 0; j < sizeof(b); j++)
				b[j] = (i + j) * 7 >> 3;
			for (unsigned k = 0; k < sizeof(b);) {
				int w = write(master, b + k, sizeof(b) - k);

				if (w <= 0)
					_exit(1);
				k += w;
			}
		}
		_exit(0);
	}
	while (n < SIZE) {
		int r = read(slave, got + n, SIZE - n < 777 ? SIZE - n : 777);

		if (r <= 0)
			break;
		n += r;
	}
	waitpid(pid, &status, 0);
	for (int i = 0; i < n; i++)
		bad += got[i] != (unsigned char)(i * 7 >> 3);
	is(n, SIZE, "300,000 bytes from the master arrive");
	is(bad, 0, "all of them right");
	close_pair();
}

static volatile int got_signal;
static void handler(int sig) { got_signal = sig; }

/* In a child: a session of its own on the slave. */
static void own_session(void)
{
	setsid();
	if (ioctl(slave, TIOCSCTTY, 0))
		_exit(99);
	close(master);
}

static int key_signal(const char *key, int sig)
{
	int status, ready[2];
	char c;
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		own_session();
		signal(sig, handler);
		if (write(ready[1], "x", 1) != 1)
			_exit(98);
		(void)eventually(got_signal);
		_exit(got_signal);
	}
	if (read(ready[0], &c, 1) != 1)
		return -1;
	type(key);
	waitpid(pid, &status, 0);
	close(ready[0]);
	close(ready[1]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void signals(void)
{
	struct winsize w = { .ws_row = 10, .ws_col = 33 }, v = { 0 };

	open_pair();
	is(key_signal("\3", SIGINT), SIGINT, "^C sends SIGINT");
	close_pair();
	open_pair();
	is(key_signal("\34", SIGQUIT), SIGQUIT, "^\\ sends SIGQUIT");
	close_pair();
	open_pair();
	is(key_signal("\32", SIGTSTP), SIGTSTP, "^Z sends SIGTSTP");
	close_pair();
	open_pair();
	ok(!ioctl(master, TIOCSWINSZ, &w) && !ioctl(slave, TIOCGWINSZ, &v) && v.ws_row == 10 && v.ws_col == 33,
	   "the window's size is set on one side and seen on the other");
	close_pair();
}

static void winch_child(void *arg)
{
	struct winsize w = { .ws_row = 44, .ws_col = 99 };
	sigset_t set;
	siginfo_t info;
	struct timespec t = { LONG / 1000, 0 };

	setsid();
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGWINCH, handler); /* an ignored signal would not be kept */
	if (ioctl(slave, TIOCSCTTY, 0) || ioctl(master, TIOCSWINSZ, &w))
		_exit(1);
	_exit(sigtimedwait(&set, &info, &t) == SIGWINCH ? 0 : 2);
}

/* A child in the background reads: it must be stopped with SIGTTIN; TOSTOP and writing: SIGTTOU. */
static void background_child(void *arg)
{
	int status, tosig = *(int *)arg;
	pid_t pid;

	own_session();
	if (tosig == SIGTTOU)
		set_flags(TOSTOP, 0);
	pid = fork();
	if (!pid) {
		char c;

		setpgid(0, 0);
		signal(SIGHUP, SIG_DFL);
		if ((tosig == SIGTTIN ? read(slave, &c, 1) : write(slave, "x", 1)) < 0)
			_exit(1);
		_exit(2);
	}
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		_exit(3);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	_exit(WSTOPSIG(status) == tosig ? 0 : 4);
}

static void foreground_child(void *arg)
{
	pid_t fg = -1, sid = -1;
	int fd;

	own_session();
	if (ioctl(slave, TIOCGPGRP, &fg) || fg != getpgrp() || ioctl(slave, TIOCGSID, &sid) || sid != getsid(0))
		_exit(1);
	fd = open("/dev/tty", O_RDWR);
	if (fd < 0 || tcgetpgrp(fd) != getpgrp())
		_exit(2);
	if (ioctl(slave, TIOCNOTTY, 0) && errno != ENOTTY)
		_exit(3);
	close(fd);
	fd = open("/dev/tty", O_RDWR);
	_exit(fd >= 0 ? 4 : errno == ENXIO ? 0 : 5);
}

static void job_control(void)
{
	int in = SIGTTIN, out = SIGTTOU;

	open_pair();
	is(in_child(winch_child, NULL), 0, "a new size sends SIGWINCH");
	close_pair();
	open_pair();
	is(in_child(background_child, &in), 0, "reading in the background stops with SIGTTIN");
	close_pair();
	open_pair();
	is(in_child(background_child, &out), 0, "writing in the background with TOSTOP stops with SIGTTOU");
	close_pair();
	open_pair();
	signal(SIGHUP, SIG_IGN);
	is(in_child(foreground_child, NULL), 0, "foreground group, session, /dev/tty, giving the terminal up");
	signal(SIGHUP, SIG_DFL);
	close_pair();
}

/* A stopped terminal may block the writer or take a little: from a child. */
static void say(const char *text)
{
	if (fork() == 0)
		_exit(write(slave, text, strlen(text)) < 0);
	usleep(50000);
}

/* What is typed is worked on later: wait until the slave takes nothing more. */
static bool stopped(void)
{
	struct pollfd p = { .fd = slave, .events = POLLOUT };

	return eventually(poll(&p, 1, 0) == 0);
}

static void flow(void)
{
	char buf[64];

	open_pair();
	type("\23");
	ok(stopped(), "^S stops output");
	say("held");
	is(collect(master, buf, 4, 100), 0, "output after ^S is held");
	type("\21");
	is(collect(master, buf, 4, LONG), 4, "until ^Q");
	wait(NULL);
	ok(!tcflow(slave, TCOOFF), "TCOOFF");
	say("x");
	is(collect(master, buf, 1, 100), 0, "... holds");
	ok(!tcflow(slave, TCOON) && collect(master, buf, 1, LONG) == 1, "TCOON lets go");
	wait(NULL);
	type("typed\n");
	poll(&(struct pollfd){ .fd = slave, .events = POLLIN }, 1, LONG);
	ok(!tcflush(slave, TCIFLUSH), "TCIFLUSH");
	ok(nothing_to_read(), "... throws input away");
	close_pair();
}

static void hangup(void)
{
	struct pollfd p = { .events = POLLIN };
	char c;
	int n = -1;

	open_pair();
	type("abc\n");
	poll(&(struct pollfd){ .fd = slave, .events = POLLIN }, 1, LONG);
	ok(!ioctl(slave, FIONREAD, &n) && n == 4, "FIONREAD");
	close(slave);
	n = read(master, &c, 1);
	ok(n < 0 && errno == EIO, "the master reads EIO when no slave is left");
	p.fd = master;
	ok(poll(&p, 1, 0) == 1 && p.revents & POLLHUP, "and polls POLLHUP");
	close(master);
	open_pair();
	close(master);
	is(read(slave, &c, 1), 0, "the slave reads end of file when the master is gone");
	fails(write(slave, "x", 1), EIO, "and writes EIO");
	close(slave);
}

static int open_again(void)
{
	char name[32];
	int nr;

	ioctl(master, TIOCGPTN, &nr);
	snprintf(name, sizeof(name), "/dev/pts/%d", nr);
	return open(name, O_RDWR | O_NOCTTY);
}

static void dead_files(void)
{
	char buf[8];
	int old;

	open_pair();
	old = slave;
	if (ioctl(old, TIOCVHANGUP)) {
		skip("TIOCVHANGUP needs a capability");
	} else {
		slave = open_again();
		type("abc\n");
		poll(&(struct pollfd){ .fd = slave, .events = POLLIN }, 1, LONG);
		is(read(old, buf, sizeof(buf)), 0, "a file from before the hang-up reads nothing");
		is(read(slave, buf, sizeof(buf)), 4, "of what is typed for those after it");
		close(old);
	}
	close_pair();
}

/* A member of the terminal's session that ends before the terminal does: tells its pid, then lives until `end` closes. */
static void session(int tell, int end, int gone)
{
	pid_t pid;
	char c;

	signal(SIGHUP, SIG_IGN);
	close(master);
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	close(slave);
	pid = fork();
	if (!pid) {
		close(gone);
		_exit(read(end, &c, 1));
	}
	write(tell, &pid, sizeof(pid));
	waitpid(pid, NULL, 0);
	close(gone);
	pause();
}

/* => the number of its terminal, 0: it has none, or the process is gone, or all that is known of it */
static int terminal_of(int stat)
{
	char buf[512], *p;
	ssize_t n = pread(stat, buf, sizeof(buf) - 1, 0);
	int nr = 0;

	buf[n > 0 ? n : 0] = 0;
	p = strrchr(buf, ')');
	if (p)
		sscanf(p, ") %*c %*d %*d %*d %d", &nr);
	return nr;
}

static void burial(void)
{
	int tell[2], end[2], gone[2], stat;
	char name[32], c;
	pid_t leader, pid = 0;

	open_pair();
	if (pipe(tell) || pipe(end) || pipe(gone))
		bail("pipe");
	leader = fork();
	if (!leader) {
		close(end[1]), close(gone[0]);
		session(tell[1], end[0], gone[1]);
	}
	close(gone[1]);
	read(tell[0], &pid, sizeof(pid));
	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	stat = open(name, O_RDONLY);
	ok(terminal_of(stat) > 0, "a process of the session has the terminal");
	close(end[1]);
	read(gone[0], &c, 1);
	close_pair();
	usleep(100000); /* a grace period */
	is(terminal_of(stat), 0, "it is gone, and then the terminal, which it does not show any more");
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	close(stat), close(tell[0]), close(tell[1]), close(end[0]), close(gone[0]);
}

static void many(void)
{
	enum { N = 40 };
	int fd[N], n = 0;

	for (n = 0; n < N; n++)
		if ((fd[n] = open("/dev/ptmx", O_RDWR | O_NOCTTY)) < 0)
			break;
	is(n, N, "%d pairs at once", N);
	while (n--)
		close(fd[n]);
}

static int number_of_next(void)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY), nr = -1;

	ioctl(fd, TIOCGPTN, &nr);
	close(fd);
	return nr;
}

/* An open that is refused after all leaves nothing behind. */
static void refused(void)
{
	int nr = number_of_next();

	fails(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_DIRECT), EINVAL, "no O_DIRECT for terminals");
	is(number_of_next(), nr, "... and no pair is left of it");
}

int main(void)
{
	signal(SIGTTOU, SIG_DFL);
	canonical();
	echo();
	output();
	raw();
	volume();
	signals();
	job_control();
	flow();
	hangup();
	dead_files();
	burial();
	many();
	refused();
	fails(ioctl(open("/dev/null", O_RDWR), TCGETS, &(struct termios){ 0 }), ENOTTY, "/dev/null is no terminal");
	return done();
}
