/* SPDX-License-Identifier: MIT
 *
 * The first process. Mounts, then either a root shell on the console, started again whenever it ends, or, with
 * run=PORT on the kernel's command line, what the host asks for through that serial port (agent.c). Reaps every orphan.
 *
 * Signals, as BusyBox's poweroff, reboot and halt send them: USR2 power off, TERM and INT reboot, USR1 halt.
 * Runs on Linux as well; what a kernel does not have (devpts, devtmpfs) is left out without a word.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "init.h"

int wake_pipe[2];
int console_fd = -1;
unsigned long long start_tsc;
static pid_t shell = -1;
static char **shell_env;
static char *default_env[] = { "PATH=" PATH, "HOME=/root", "TERM=linux", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", NULL };

void complain(const char *what)
{
	dprintf(console_fd < 0 ? 2 : console_fd, "init: %s: %s\n", what, strerror(errno));
}

static size_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n > 0 ? n : 0;
}

char *boot_option(const char *key)
{
	static char line[4096];
	size_t len = strlen(key);
	char *copy, *word, *found = NULL, *rest;

	if (!line[0])
		read_file("/proc/cmdline", line, sizeof(line));
	copy = rest = strdup(line);
	while (copy && (word = strsep(&rest, " \n")))
		if (!strncmp(word, key, len) && word[len] == '=') {
			free(found);
			found = strdup(word + len + 1);
		}
	free(copy);
	return found;
}

static void mount_one(const char *type, const char *where, const char *options)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, options) && errno != ENODEV && errno != EBUSY)
		complain(where);
}

static void mount_all(void)
{
	mount_one("proc", "/proc", NULL);
	mount_one("devtmpfs", "/dev", NULL);
	mount_one("devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666");
	mount_one("tmpfs", "/tmp", "mode=1777,size=90%");
	mount_one("tmpfs", "/dev/shm", "mode=1777,size=90%");
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/mounts", "/etc/mtab");
}

static void set_hostname(void)
{
	char *name = boot_option("hostname"), file[65];

	if (!name && read_file("/etc/hostname", file, sizeof(file))) {
		file[strcspn(file, "\n")] = 0;
		name = strdup(file);
	}
	if (name && sethostname(name, strlen(name)))
		complain("sethostname");
	free(name);
}

/* tools/run puts the modules of Linux's disks there, numbered. */
static void load_modules(void)
{
	struct dirent **names;
	int n = scandir("/lib/peer", &names, NULL, alphasort), fd;
	char path[300];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/lib/peer/%s", names[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (names[i]->d_name[0] != '.' && syscall(SYS_finit_module, fd, "", 0))
			complain(path);
		close(fd);
		free(names[i]);
	}
}

/* A disk whose driver is a module may come a little later. */
static int swap_on(const char *device)
{
	for (int tries = 0; tries < 50 && access(device, F_OK) && !access("/lib/peer", F_OK); tries++)
		usleep(100000);
	return swapon(device, 0);
}

/* swap=DEVICE, any number of times: swapped on, all with the priority that they get. */
static void swap_on_all(void)
{
	char line[4096], *rest = line, *word;

	read_file("/proc/cmdline", line, sizeof(line));
	while ((word = strsep(&rest, " \n")) != NULL)
		if (!strncmp(word, "swap=", 5) && swap_on(word + 5))
			complain(word);
}

static void on_signal(int sig)
{
	int err = errno;
	char c = sig;

	if (write(wake_pipe[1], &c, 1) < 0) {
		/* full: a wake-up is pending anyway */
	}
	errno = err;
}

static void catch_signals(void)
{
	static const int wanted[] = { SIGCHLD, SIGUSR1, SIGUSR2, SIGTERM, SIGINT };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK))
		complain("pipe");
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaction(wanted[i], &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del is then SIGINT to us */
}

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		fd = open("/dev/null", O_RDWR);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
	console_fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
}

/* Root's shell by /etc/passwd, for a login: its path, with its last part as argv[0] after a '-'. Static programs have no NSS: read here. */
static char *login_shell(char argv0[static 64])
{
	static char path[64];
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;

	strcpy(path, "/bin/sh");
	while (f && (pw = fgetpwent(f)) != NULL)
		if (!pw->pw_uid && strlen(pw->pw_shell) < sizeof(path) && !access(pw->pw_shell, X_OK)) {
			strcpy(path, pw->pw_shell);
			break;
		}
	if (f)
		fclose(f);
	snprintf(argv0, 64, "-%s", strrchr(path, '/') + 1);
	return path;
}

/* The shell leads a session with the console (or fd) as its terminal, so that job control works. */
static void __attribute__((noreturn)) become_shell(int terminal)
{
	char name[64], *path = login_shell(name), *argv[] = { name, NULL };
	struct sigaction sa = { .sa_handler = SIG_DFL };

	sigaction(SIGPIPE, &sa, NULL);
	setsid();
	for (int i = 0; terminal >= 0 && i < 3; i++)
		dup2(terminal, i);
	if (ioctl(0, TIOCSCTTY, 1)) {
		int fd = open("/dev/ttyS0", O_RDWR); /* a console that cannot be a terminal of its own */

		for (int i = 0; fd >= 0 && i < 3; i++)
			dup2(fd, i);
		if (fd > 2)
			close(fd);
	}
	if (chdir("/root"))
		chdir("/");
	execve(path, argv, shell_env);
	complain(path);
	_exit(127);
}

pid_t fork_shell(int terminal)
{
	pid_t pid = fork();

	if (!pid)
		become_shell(terminal);
	return pid;
}

void start_shell(char **env)
{
	if (env)
		shell_env = env;
	shell = fork_shell(-1);
	if (shell < 0)
		complain("fork");
	terms_open();
}

static void show_motd(void)
{
	char text[1024];
	size_t n = read_file("/etc/motd", text, sizeof(text));

	dprintf(console_fd, "%.*s", (int)n, text);
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == shell) {
			tcflush(console_fd, TCIFLUSH);
			dprintf(console_fd, "The shell has ended; here is another. `poweroff` leaves.\n");
			if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
				sleep(1);
			start_shell(NULL);
		} else if (!terms_reaped(pid)) {
			agent_reaped(pid, status);
		}
	}
}

static void handle_signals(void)
{
	char sig;

	while (read(wake_pipe[0], &sig, 1) == 1) {
		switch (sig) {
		case SIGCHLD: reap(); break;
		case SIGUSR1: power(RB_HALT_SYSTEM);
		case SIGUSR2: power(RB_POWER_OFF);
		case SIGTERM:
		case SIGINT: power(RB_AUTOBOOT);
		}
	}
}

int main(void)
{
	char *port;

	start_tsc = __builtin_ia32_rdtsc();
	if (getpid() != 1) {
		fprintf(stderr, "init: must be the first process; use poweroff or reboot to leave\n");
		return 1;
	}
	umask(022);
	open_console();
	mount_all();
	load_modules();
	switch_root();
	close(console_fd);
	open_console(); /* once more: the one in the /dev that programs see, or ttyname() finds none */
	set_hostname();
	swap_on_all();
	catch_signals();
	shell_env = default_env;
	port = boot_option("run");
	if (!port || !agent_open(port)) {
		if (!port)
			become_root_init();
		show_motd();
		start_shell(NULL);
	}
	for (;;) {
		struct pollfd fds[12] = { { .fd = wake_pipe[0], .events = POLLIN } };
		int agents = agent_fds(fds + 1), terms = terms_fds(fds + 1 + agents);

		if (poll(fds, 1 + agents + terms, -1) < 0 && errno != EINTR)
			complain("poll");
		terms_poll(fds + 1 + agents, terms);
		handle_signals();
		agent_poll(fds + 1, agents);
	}
}
