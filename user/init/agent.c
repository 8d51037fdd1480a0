/* SPDX-License-Identifier: MIT
 *
 * The guest end of tools/run: a serial port carries frames both ways. The host asks for one command; its standard
 * input, output, error and its end travel in frames, byte for byte, apart from the console.
 *
 *   frame: kind (1 byte), length (3 bytes, little-endian), payload
 *   from the host:  A argv, each ended by NUL     E environment, likewise     U user name     W rows, columns (16 bits each)
 *                   G start the command           S start the shell on the console instead
 *                   I standard input              Z end of it                 K signal number for the command
 *   to the host:    H hello (protocol number, and the time-stamp counter when /init started: 32 and 64 bits)
 *                   O standard output           R standard error
 *                   C count of input bytes taken  X wait status: the command has ended (32 bits)
 *
 * The host keeps a limited number of bytes of input unacknowledged (tools/isthmus/agent.py). After X the machine powers off.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "init.h"

#define PROTOCOL 1
#define MAX_FRAME (1 << 20)
#define CHUNK 4096

struct buffer { char *data; size_t used, size; };

static int port = -1;
static struct buffer in;                       /* bytes from the port, not yet a whole frame */
static struct buffer input;                    /* standard input that the command has not taken yet */
static bool input_ended;
static char **argv, **envv;
static char user[64] = "root";
static int to_stdin = -1, from_out = -1, from_err = -1;
static pid_t command = -1;
static bool ended;
static int end_status;

/* --- frames ---------------------------------------------------------------------------------------------------- */
static void write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (w < 0 && errno != EINTR)
			return;
		else if (w > 0)
			p += w, n -= w;
	}
}

static void send_frame(char kind, const void *data, size_t n)
{
	char frame[4 + CHUNK] = { kind, n, n >> 8, n >> 16 };

	memcpy(frame + 4, data, n);
	write_all(port, frame, 4 + n);
}

static void send_number(char kind, uint32_t n) { send_frame(kind, &n, 4); }

static bool append(struct buffer *b, const void *data, size_t n)
{
	if (b->used + n > b->size) {
		size_t size = (b->used + n) * 2;
		char *p = realloc(b->data, size);

		if (!p)
			return false;
		b->data = p;
		b->size = size;
	}
	memcpy(b->data + b->used, data, n);
	b->used += n;
	return true;
}

static void drop_front(struct buffer *b, size_t n)
{
	memmove(b->data, b->data + n, b->used - n);
	b->used -= n;
}

/* NUL-ended strings -> a vector that execve takes */
static char **to_vector(const char *data, size_t n)
{
	char *copy = malloc(n + 1), **v;
	size_t count = 0;

	if (!copy)
		return NULL;
	memcpy(copy, data, n);
	copy[n] = 0;
	for (size_t i = 0; i < n; i++)
		count += !copy[i];
	v = calloc(count + 1, sizeof(*v));
	for (size_t i = 0; v && i < count; i++, copy += strlen(copy) + 1)
		v[i] = copy;
	return v;
}

/* --- the command ------------------------------------------------------------------------------------------------ */
static void close_input(void)
{
	if (to_stdin >= 0)
		close(to_stdin);
	to_stdin = -1;
	input.used = 0;
}

/* From /etc/passwd itself: a static program has no name services. */
static struct passwd *find_user(void)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw = NULL;

	while (f && (pw = fgetpwent(f)) && strcmp(pw->pw_name, user))
		;
	if (f)
		fclose(f);
	return pw;
}

static void become_user(void)
{
	struct passwd *pw = find_user();

	if (!pw) {
		dprintf(2, "init: no user %s\n", user);
		_exit(126);
	}
	setenv("HOME", pw->pw_dir, 1);
	setenv("USER", pw->pw_name, 1);
	setenv("LOGNAME", pw->pw_name, 1);
	setenv("SHELL", pw->pw_shell, 1);
	if (chdir(pw->pw_dir))
		chdir("/");
	if (pw->pw_uid && (setgroups(1, &pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid))) {
		dprintf(2, "init: cannot become %s: %s\n", user, strerror(errno));
		_exit(126);
	}
}

static void __attribute__((noreturn)) become_command(int fd_in, int fd_out, int fd_err)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };

	dup2(fd_in, 0);
	dup2(fd_out, 1);
	dup2(fd_err, 2);
	sigaction(SIGPIPE, &sa, NULL);
	setsid();
	clearenv();
	setenv("PATH", PATH, 1);
	for (char **e = envv; e && *e; e++)
		putenv(*e);
	become_user();
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static void start_command(void)
{
	int pin[2], pout[2], perr[2];

	if (!argv || !argv[0] || pipe2(pin, O_CLOEXEC) || pipe2(pout, O_CLOEXEC) || pipe2(perr, O_CLOEXEC)) {
		complain("run");
		send_number('X', 126 << 8);
		power(RB_POWER_OFF);
	}
	command = fork();
	if (!command)
		become_command(pin[0], pout[1], perr[1]);
	if (command < 0) {
		complain("fork");
		ended = true;
		end_status = 126 << 8;
	}
	close(pin[0]);
	close(pout[1]);
	close(perr[1]);
	to_stdin = pin[1];
	from_out = pout[0];
	from_err = perr[0];
	fcntl(to_stdin, F_SETFL, O_NONBLOCK);
	fcntl(from_out, F_SETFL, O_NONBLOCK);
	fcntl(from_err, F_SETFL, O_NONBLOCK);
}

bool agent_reaped(pid_t pid, int status)
{
	if (pid != command)
		return false;
	ended = true;
	end_status = status;
	return true;
}

/* Whatever it wrote before it ended is in the pipes by now; a child that still holds them is not waited for. */
static void finish(void)
{
	char buf[CHUNK];
	ssize_t n;

	while (from_out >= 0 && (n = read(from_out, buf, sizeof(buf))) > 0)
		send_frame('O', buf, n);
	while (from_err >= 0 && (n = read(from_err, buf, sizeof(buf))) > 0)
		send_frame('R', buf, n);
	if (disks_mounted()) /* the result says that they are in order: the host may end the machine after it */
		quiesce();
	send_number('X', end_status);
	while (tcdrain(port) && errno == EINTR) /* a child's end must not cut the result short */
		;
	power(RB_POWER_OFF);
}

static void forward(int *fd, char kind)
{
	char buf[CHUNK];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n > 0) {
		send_frame(kind, buf, n);
	} else if (n == 0 || errno != EAGAIN) {
		close(*fd);
		*fd = -1;
	}
}

static void feed_input(void)
{
	ssize_t n = input.used ? write(to_stdin, input.data, input.used) : 0;

	if (n > 0) {
		drop_front(&input, n);
		send_number('C', n);
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		send_number('C', input.used); /* nobody reads: swallow the rest */
		close_input();
		return;
	}
	if (!input.used && input_ended)
		close_input();
}

/* --- what the host says ------------------------------------------------------------------------------------------ */
static void set_window(const unsigned char *p)
{
	struct winsize ws = { .ws_row = p[0] | p[1] << 8, .ws_col = p[2] | p[3] << 8 };

	ioctl(console_fd, TIOCSWINSZ, &ws);
}

static void take_input(const char *data, size_t n)
{
	if (to_stdin < 0)
		send_number('C', n);
	else if (!append(&input, data, n))
		complain("standard input");
}

static void handle_frame(char kind, const char *data, size_t n)
{
	switch (kind) {
	case 'A': argv = to_vector(data, n); break;
	case 'E': envv = to_vector(data, n); break;
	case 'U': snprintf(user, sizeof(user), "%.*s", (int)n, data); break;
	case 'W': if (n == 4) set_window((const unsigned char *)data); break;
	case 'G': start_command(); break;
	case 'S': start_shell(envv); break;
	case 'I': take_input(data, n); break;
	case 'Z': input_ended = true; break;
	case 'K': if (n && command > 0) kill(-command, data[0]); break;
	default: dprintf(console_fd, "init: unknown frame '%c' on the run port\n", kind);
	}
}

static void handle_frames(void)
{
	for (;;) {
		const unsigned char *h = (void *)in.data;
		size_t n;

		if (in.used < 4)
			return;
		n = h[1] | h[2] << 8 | h[3] << 16;
		if (n > MAX_FRAME) {
			dprintf(console_fd, "init: the run port is out of step\n");
			in.used = 0;
			return;
		}
		if (in.used < 4 + n)
			return;
		handle_frame(h[0], in.data + 4, n);
		drop_front(&in, 4 + n);
	}
}

static void read_port(void)
{
	char buf[CHUNK];
	ssize_t n = read(port, buf, sizeof(buf));

	if (n > 0 && append(&in, buf, n))
		handle_frames();
}

/* --- the main loop's side ------------------------------------------------------------------------------------------ */
static void say_hello(void)
{
	struct { uint32_t protocol; uint64_t started; } __attribute__((packed)) hello = { PROTOCOL, start_tsc };

	send_frame('H', &hello, sizeof(hello));
}

/* run.frames=HEX on the kernel's command line: frames that need no port (a recorded run gets no input). */
static void take_preset(const char *hex)
{
	char pair[3] = "";

	for (; hex && hex[0] && hex[1]; hex += 2) {
		memcpy(pair, hex, 2);
		char byte = (char)strtoul(pair, NULL, 16);
		if (!append(&in, &byte, 1))
			return;
	}
	handle_frames();
}

bool agent_open(const char *name)
{
	char path[64];
	struct termios t;

	snprintf(path, sizeof(path), "/dev/%s", name);
	port = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (port < 0 || tcgetattr(port, &t)) {
		complain(path);
		return false;
	}
	cfmakeraw(&t);
	cfsetspeed(&t, B115200);
	t.c_cflag |= CLOCAL | CREAD;
	tcsetattr(port, TCSANOW, &t);
	say_hello();
	take_preset(boot_option("run.frames"));
	return true;
}

int agent_fds(struct pollfd *fds)
{
	int n = 0;

	if (port >= 0)
		fds[n++] = (struct pollfd){ .fd = port, .events = POLLIN };
	if (from_out >= 0)
		fds[n++] = (struct pollfd){ .fd = from_out, .events = POLLIN };
	if (from_err >= 0)
		fds[n++] = (struct pollfd){ .fd = from_err, .events = POLLIN };
	if (to_stdin >= 0 && (input.used || input_ended))
		fds[n++] = (struct pollfd){ .fd = to_stdin, .events = POLLOUT };
	return n;
}

void agent_poll(struct pollfd *fds, int n)
{
	for (int i = 0; i < n; i++) {
		if (!fds[i].revents)
			continue;
		if (fds[i].fd == port)
			read_port();
		else if (fds[i].fd == from_out)
			forward(&from_out, 'O');
		else if (fds[i].fd == from_err)
			forward(&from_err, 'R');
		else if (fds[i].fd == to_stdin)
			feed_input();
	}
	if (ended)
		finish();
}
