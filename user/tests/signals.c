/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * Signals: handlers and what they are told, masks, queues, restarts, alternate stacks, stop and continue.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

static volatile int count, last_sig, last_value;
static siginfo_t last;

static void plain(int sig) { count++; last_sig = sig; }
static void full(int sig, siginfo_t *si, void *uc) { count++; last_sig = sig; last_value = si->si_value.sival_int; last = *si; }

static void install(int sig, int flags)
{
	struct sigaction sa = { .sa_flags = flags };

	if (flags & SA_SIGINFO)
		sa.sa_sigaction = full;
	else
		sa.sa_handler = plain;
	sigaction(sig, &sa, NULL);
}

static void handlers(void)
{
	install(SIGUSR1, SA_SIGINFO);
	kill(getpid(), SIGUSR1);
	ok(count == 1 && last.si_signo == SIGUSR1 && last.si_code == SI_USER && last.si_pid == getpid(), "a handler runs and knows the sender");
	install(SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	struct sigaction now;
	sigaction(SIGUSR1, NULL, &now);
	ok(now.sa_handler == SIG_DFL, "SA_RESETHAND");
	fails(sigaction(SIGKILL, &(struct sigaction){ .sa_handler = plain }, NULL), EINVAL, "SIGKILL has no handler");
	fails(kill(getpid(), 99), EINVAL, "there is no signal 99");
	fails(kill(99999, 0), ESRCH, "no such process");
	is(kill(getpid(), 0), 0, "signal 0 only asks");
}

static void masks_and_queues(void)
{
	sigset_t set, pending, old;
	union sigval v = { .sival_int = 5 };

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	install(SIGUSR1, 0);
	install(SIGRTMIN, SA_SIGINFO);
	sigprocmask(SIG_BLOCK, &set, &old);
	count = 0;
	raise(SIGUSR1);
	raise(SIGUSR1);
	for (int i = 0; i < 3; i++)
		sigqueue(getpid(), SIGRTMIN, v);
	is(count, 0, "blocked signals wait");
	sigpending(&pending);
	ok(sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGRTMIN), "... and show as pending");
	sigprocmask(SIG_SETMASK, &old, NULL);
	is(count, 4, "a classic signal comes once, real-time ones as often as sent");
	is(last_value, 5, "... with their value");
}

static void waiting(void)
{
	struct timespec ts = { 0, 20000000 };
	siginfo_t si;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fails(sigtimedwait(&set, &si, &ts), EAGAIN, "sigtimedwait times out");
	kill(getpid(), SIGUSR2);
	is(sigtimedwait(&set, &si, &ts), SIGUSR2, "... and takes what is pending");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int written[2];
static void writes(int sig) { write(written[1], "x", 1); }

static void restarts(void)
{
	/* again and again: the first may come before the call that it is to interrupt */
	struct itimerval ticks = { { 0, 50000 }, { 0, 50000 } }, off = { { 0, 0 }, { 0, 0 } };
	struct sigaction sa = { .sa_handler = writes, .sa_flags = SA_RESTART };
	struct timespec t = { 10000, 0 }, left = { 0, 0 };
	char c;

	pipe(written);
	install(SIGALRM, 0);
	setitimer(ITIMER_REAL, &ticks, NULL);
	fails(read(written[0], &c, 1), EINTR, "a signal interrupts read");
	fails(nanosleep(&t, &left), EINTR, "nanosleep is interrupted");
	ok(left.tv_sec >= 9000 && left.tv_sec < 10000, "... and tells what is left");
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 50000 } }, NULL);
	is(read(written[0], &c, 1), 1, "SA_RESTART lets it go on");
	close(written[0]);
	close(written[1]);
}

static char *alt;
static volatile bool on_alt;
static void see_stack(int sig) { char here; on_alt = &here > alt && &here < alt + 65536; }

static void alternate_stack(void)
{
	struct sigaction sa = { .sa_handler = see_stack, .sa_flags = SA_ONSTACK };
	stack_t ss, old;

	alt = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ss = (stack_t){ .ss_sp = alt, .ss_size = 65536 };
	sigaltstack(&ss, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	ok(on_alt, "a handler runs on the alternate stack");
	sigaltstack(NULL, &old);
	ok(old.ss_sp == alt && old.ss_flags == 0, "sigaltstack tells it");
}

static void with_context(int sig, siginfo_t *si, void *uc)
{
	ucontext_t *u = uc;

	u->uc_mcontext.gregs[REG_EIP] += 2; /* over the ud2 */
	count++;
}

static void contexts(void)
{
	struct sigaction sa = { .sa_sigaction = with_context, .sa_flags = SA_SIGINFO };
	double before = 1.5, after;

	count = 0;
	sigaction(SIGILL, &sa, NULL);
	__asm__ volatile("ud2");
	is(count, 1, "a handler may change where the program goes on");
	after = before * 2;
	ok(after == 3.0, "the FPU is as it was");
}

static void divide(void *arg)
{
	volatile int zero = 0;

	signal(SIGFPE, SIG_DFL);
	zero = 7 / zero;
}
/* It must not end before its parent has seen that it goes on. */
static void stop_self(int until) { raise(SIGSTOP); read(until, &(char){ 0 }, 1); _exit(3); }

static void children(void)
{
	int status = in_child(divide, NULL), gate[2];
	pid_t pid;

	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGFPE, "division by zero is SIGFPE");
	pipe(gate);
	pid = fork();
	if (!pid)
		stop_self(gate[0]);
	waitpid(pid, &status, WUNTRACED);
	ok(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "a stopped child is seen");
	kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	ok(WIFCONTINUED(status), "... continued");
	write(gate[1], "x", 1);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 3, "... and ends");
	close(gate[0]);
	close(gate[1]);
	count = 0;
	install(SIGCHLD, SA_SIGINFO);
	pid = fork();
	if (!pid)
		_exit(4);
	waitpid(pid, &status, 0);
	ok(count == 1 && last.si_code == CLD_EXITED && last.si_pid == pid && last.si_status == 4, "SIGCHLD tells who and how");
	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (!pid)
		_exit(0);
	fails(waitpid(pid, &status, 0), ECHILD, "with SIGCHLD ignored children leave nothing");
	signal(SIGCHLD, SIG_DFL);
}

static volatile pthread_t handled_by;
static void who(int sig) { handled_by = pthread_self(); }
static void *sleeper(void *arg)
{
	while (!handled_by)
		usleep(1000);
	return NULL;
}

static void *pauses(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

/* The sender blocks it; the thread that does not is the one that is chosen. */
static void kills_its_process(void *arg)
{
	sigset_t set;
	pthread_t t;

	pthread_create(&t, NULL, pauses, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGTERM);
	for (int i = 0; i < 50; i++)
		usleep(100000);
	_exit(1);
}

static int taken;
static void *takes_one(void *set)
{
	sigwaitinfo(set, NULL);
	__sync_fetch_and_add(&taken, 1);
	return NULL;
}

/* Two signals at once: the thread that takes one is not the only one to hear of the other. */
static int each_takes_one(sigset_t *set)
{
	pthread_t t[2];

	taken = 0;
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, takes_one, set);
	usleep(2000);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	for (int ms = 0; ms < 5000 && taken < 2; ms += 5)
		usleep(5000);
	if (taken < 2) {
		kill(getpid(), SIGUSR1);
		return 1;
	}
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	return 0;
}

static void waiting_threads(void)
{
	int lost = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 30 && !lost; i++)
		lost += each_takes_one(&set);
	is(lost, 0, "two signals for two threads in sigwaitinfo: each takes one");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void threads(void)
{
	pthread_t t;
	int st;

	signal(SIGUSR2, who);
	pthread_create(&t, NULL, sleeper, NULL);
	pthread_kill(t, SIGUSR2);
	pthread_join(t, NULL);
	ok(pthread_equal(handled_by, t), "pthread_kill reaches just that thread");
	st = in_child(kills_its_process, NULL);
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM, "a fatal signal ends also the thread that sent it and blocks it");
	waiting_threads();
}

int main(void)
{
	handlers();
	masks_and_queues();
	waiting();
	restarts();
	alternate_stack();
	contexts();
	children();
	threads();
	return done();
}
