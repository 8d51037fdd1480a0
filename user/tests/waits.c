/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=30
 *
 * Waiting for children in all forms; orphans, subreapers, process groups and sessions; what a child leaves behind.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int gate[2]; /* a byte lets a child of kind 2 end */

static void nap(void) { usleep(20000); }

static pid_t child_that(int how)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	switch (how) {
	case 0: _exit(7);
	case 1: for (;;) pause();
	case 2: raise(SIGSTOP); read(gate[0], &(char){ 0 }, 1); _exit(9);
	default: nap(); _exit(how);
	}
}

static void states(void)
{
	int st;
	pid_t pid = child_that(1);

	is(waitpid(pid, &st, WNOHANG), 0, "WNOHANG: still running");
	kill(pid, SIGSTOP);
	is(waitpid(pid, &st, WUNTRACED), pid, "WUNTRACED reports the stop");
	ok(WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP, "... with its signal");
	is(waitpid(pid, &st, WUNTRACED | WNOHANG), 0, "... once");
	kill(pid, SIGCONT);
	is(waitpid(pid, &st, WCONTINUED), pid, "WCONTINUED reports going on");
	ok(WIFCONTINUED(st), "... as such");
	is(waitpid(pid, &st, WCONTINUED | WNOHANG), 0, "... once");
	kill(pid, SIGKILL);
	is(waitpid(pid, &st, 0), pid, "the end is reported");
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL, "... with the signal");
	fails(waitpid(pid, &st, 0), ECHILD, "... once");
	fails(waitpid(-1, &st, WNOHANG), ECHILD, "no children left");
	pid = child_that(1);
	kill(pid, SIGSTOP);
	waitpid(pid, &st, WUNTRACED);
	kill(pid, SIGKILL);
	ok(waitpid(pid, &st, 0) == pid && WIFSIGNALED(st), "SIGKILL ends a stopped process");
}

/* The youngest ends first; the oldest is reported first. */
static void order(void)
{
	pid_t pid[4];
	int right = 0;

	for (int i = 0; i < 4; i++)
		pid[i] = child_that(1);
	for (int i = 4; i--;) {
		kill(pid[i], SIGKILL);
		(void)eventually(state_of(pid[i]) == 'Z');
	}
	for (int i = 0; i < 4; i++)
		right += waitpid(-1, NULL, 0) == pid[i];
	is(right, 4, "children that have ended are reported in the order of their birth");
}

/* The parent looks all the time, on another CPU: it never sees a stop without its signal. */
static void stop_signals(void)
{
	int st, wrong = 0;
	pid_t pid = fork();

	if (!pid) {
		setpgid(0, 0); /* not orphaned: SIGTSTP stops it as well */
		for (;;) {
			raise(SIGSTOP);
			raise(SIGTSTP);
		}
	}
	for (int i = 0; i < 3000; i++) {
		while (waitpid(pid, &st, WUNTRACED | WNOHANG) == 0)
			;
		wrong += !WIFSTOPPED(st) || WSTOPSIG(st) != (i % 2 ? SIGTSTP : SIGSTOP);
		kill(pid, SIGCONT);
	}
	is(wrong, 0, "each stop is reported with its own signal");
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
}

/* SIGCONT comes while the process looks whether the stop signal is for it: it goes on, or does not stop at all. */
static void stop_and_go(void)
{
	volatile int *turns = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int st, stuck = 0;
	pid_t pid = fork();

	if (!pid) {
		setpgid(0, 0);
		for (;;)
			++*turns;
	}
	ok(eventually(*turns), "a process turns");
	for (int i = 0; i < 1500 && !stuck; i++) {
		int was;

		kill(pid, SIGTSTP);
		for (volatile int wait = i % 300 * 4; wait; wait--)
			;
		kill(pid, SIGCONT);
		was = *turns;
		for (int n = 0; n < 20000 && *turns == was; n++)
			;
		stuck += !eventually(*turns != was);
	}
	is(stuck, 0, "... also after each SIGTSTP with a SIGCONT behind it");
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
}

static void with_waitid(void)
{
	siginfo_t si;
	pid_t pid = child_that(0);

	memset(&si, 0, sizeof(si));
	is(waitid(P_PID, pid, &si, WEXITED | WNOWAIT), 0, "waitid with WNOWAIT");
	ok(si.si_signo == SIGCHLD && si.si_code == CLD_EXITED && si.si_status == 7 && si.si_pid == pid && si.si_uid == getuid(), "... tells all");
	is(waitid(P_PID, pid, &si, WEXITED), 0, "... and leaves it to be waited for");
	fails(waitid(P_PID, pid, &si, WEXITED), ECHILD, "... once");
	pipe(gate);
	pid = child_that(2);
	is(waitid(P_PID, pid, &si, WSTOPPED), 0, "WSTOPPED");
	ok(si.si_code == CLD_STOPPED && si.si_status == SIGSTOP, "... with the signal");
	memset(&si, 1, sizeof(si));
	is(waitid(P_ALL, 0, &si, WEXITED | WNOHANG), 0, "WNOHANG without an event");
	ok(si.si_pid == 0 && si.si_signo == 0, "... clears the answer");
	kill(pid, SIGCONT);
	is(waitid(P_PID, pid, &si, WCONTINUED), 0, "WCONTINUED");
	ok(si.si_code == CLD_CONTINUED && si.si_status == SIGCONT, "... with the signal");
	write(gate[1], "x", 1); /* not before: one that has ended has not continued */
	is(waitid(P_ALL, 0, &si, WEXITED), 0, "P_ALL");
	is(si.si_status, 9, "... its status");
	fails(waitid(P_PID, 1, &si, 0), EINVAL, "nothing asked for");
	fails(waitid(77, 1, &si, WEXITED), EINVAL, "no such kind");
	fails(waitid(P_ALL, 0, &si, WEXITED | 0x10), EINVAL, "no such flag");
	fails(wait4(-1, NULL, 0x10, NULL), EINVAL, "no such flag of wait4");
	fails(syscall(SYS_wait4, 0x80000000, NULL, 0, NULL), ESRCH, "the one process group that cannot be");
	close(gate[0]);
	close(gate[1]);
}

static void groups(void)
{
	pid_t a = fork(), b;
	int st;

	if (!a) {
		setpgid(0, 0);
		nap();
		_exit(1);
	}
	setpgid(a, a);
	b = child_that(4);
	is(waitpid(-a, &st, 0), a, "waiting for a process group");
	is(waitpid(0, &st, 0), b, "... and for one's own");
	fails(waitpid(-a, &st, 0), ECHILD, "... which is empty now");
}

static int plain_clone(void *arg) { nap(); return 5; }

static void clone_children(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid = clone(plain_clone, stack + sizeof(stack), 0, NULL);
	int st;

	fails(waitpid(pid, &st, 0), ECHILD, "a child without SIGCHLD is not waited for by default");
	is(waitpid(pid, &st, __WCLONE), pid, "... with __WCLONE it is");
	signal(SIGUSR2, SIG_IGN);
	pid = clone(plain_clone, stack + sizeof(stack), SIGUSR2, NULL);
	is(waitpid(-1, &st, __WALL), pid, "... and with __WALL");
	is(WEXITSTATUS(st), 5, "... its status");
}

static void orphans(void)
{
	int p[2], st;
	pid_t pid, seen[2] = { 0, 0 };

	pipe(p);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (!pid) {
		pid_t old = getpid();

		if (fork())
			_exit(0);
		while (getppid() == old)
			usleep(1000);
		seen[0] = getppid();
		seen[1] = getpid();
		write(p[1], seen, sizeof(seen));
		_exit(3);
	}
	waitpid(pid, &st, 0);
	read(p[0], seen, sizeof(seen));
	is(seen[0], getpid(), "a subreaper becomes the parent of orphans");
	ok(waitpid(-1, &st, 0) == seen[1] && WEXITSTATUS(st) == 3, "... and waits for them");
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(p[0]);
	close(p[1]);
}

static void nobody_waits(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };

	sigaction(SIGCHLD, &sa, NULL);
	child_that(0);
	fails(waitpid(-1, NULL, 0), ECHILD, "SA_NOCLDWAIT: waits until all are gone, finds nothing");
	signal(SIGCHLD, SIG_DFL);
}

static void used(void)
{
	struct rusage ru, all;
	int st;
	pid_t pid = fork();

	if (!pid) {
		volatile char *p = malloc(1 << 20);

		for (int i = 0; i < 1 << 20; i += 4096)
			p[i] = 1;
		for (volatile int i = 0; i < 30000000; i++)
			;
		_exit(0);
	}
	is(wait4(pid, &st, 0, &ru), pid, "wait4 with usage");
	ok(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec > 5000, "... CPU time was counted");
	ok(ru.ru_minflt >= 200, "... and faults");
	ok(ru.ru_maxrss >= 1000, "... and the largest size");
	getrusage(RUSAGE_CHILDREN, &all);
	ok(all.ru_minflt >= ru.ru_minflt && all.ru_maxrss >= ru.ru_maxrss, "... and summed up for the parent");
}

static void sessions(void *arg)
{
	pid_t me = getpid(), kid;
	int st;

	if (setsid() != me || getsid(0) != me || getpgrp() != me)
		_exit(1);
	if (setsid() != -1 || errno != EPERM)
		_exit(2);
	if (setpgid(0, 0) != -1 || errno != EPERM)
		_exit(3);
	kid = fork();
	if (!kid) {
		if (getsid(0) != me || getpgrp() != me)
			_exit(1);
		if (setpgid(0, 0) || getpgrp() != getpid())
			_exit(2);
		if (setpgid(0, 1) != -1 || errno != EPERM)
			_exit(3);
		if (setpgid(0, -1) != -1 || errno != EINVAL)
			_exit(4);
		if (setpgid(1, 0) != -1 || errno != ESRCH)
			_exit(5);
		_exit(setpgid(0, me) || getpgrp() != me ? 6 : 0);
	}
	waitpid(kid, &st, 0);
	_exit(st ? 10 + WEXITSTATUS(st) : 0);
}

static void after_exec(void)
{
	int p[2];
	pid_t pid;

	pipe2(p, O_CLOEXEC);
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "waits", "sleep", NULL);
		_exit(1);
	}
	close(p[1]);
	read(p[0], &pid, 1); /* closed by the exec */
	close(p[0]);
	fails(setpgid(pid, pid), EACCES, "no new group for a child that has called exec");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A stopped job whose last link to the session goes away is hung up and continued. */
static void orphaned_group(void)
{
	int p[2], got = 0;
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		setsid();
		pid = fork();
		if (!pid) {
			sigset_t s;
			int sig;

			setpgid(0, 0);
			sigemptyset(&s);
			sigaddset(&s, SIGHUP);
			sigprocmask(SIG_BLOCK, &s, NULL);
			raise(SIGSTOP);
			sigwait(&s, &sig);
			write(p[1], &sig, sizeof(sig));
			_exit(0);
		}
		waitpid(pid, NULL, WUNTRACED);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(p[1]);
	read(p[0], &got, sizeof(got));
	is(got, SIGHUP, "a stopped job that is orphaned gets SIGHUP and SIGCONT");
	close(p[0]);
}

static void pdeath(void)
{
	int p[2], n;
	char c;
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			write(p[1], "r", 1);
			for (;;)
				pause();
		}
		read(p[0], &c, 1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(p[1]);
	n = read(p[0], &c, 1); /* ends when the grandchild is gone */
	is(n, 0, "PR_SET_PDEATHSIG kills with the parent");
	close(p[0]);
}

int main(int argc, char **argv)
{
	int st;

	if (argc > 1)
		for (;;)
			pause();
	states();
	order();
	stop_signals();
	stop_and_go();
	with_waitid();
	groups();
	clone_children();
	orphans();
	nobody_waits();
	used();
	st = in_child(sessions, NULL);
	is(st, 0, "sessions and groups");
	after_exec();
	orphaned_group();
	pdeath();
	return done();
}
