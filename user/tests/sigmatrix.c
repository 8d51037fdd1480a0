/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=30
 *
 * The default action of each signal; flags of actions; masks across fork, exec and handlers; waking without losing any;
 * limits of the queue; stacks; what a stopped process does with signals.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

static volatile int count, order[8], norder;
static void note(int sig) { count++; if (norder < 8) order[norder++] = sig; }

static void act(int sig, void (*fn)(int), int flags, int blocks)
{
	struct sigaction sa = { .sa_handler = fn, .sa_flags = flags };

	if (blocks)
		sigaddset(&sa.sa_mask, blocks);
	sigaction(sig, &sa, NULL);
}

enum { DIES, STOPS, NOTHING };

static int expected(int sig)
{
	switch (sig) {
	case SIGCHLD: case SIGCONT: case SIGURG: case SIGWINCH: return NOTHING;
	case SIGSTOP: case SIGTSTP: case SIGTTIN: case SIGTTOU: return STOPS;
	default: return DIES;
	}
}

static bool default_is(int sig)
{
	int st, want = expected(sig);
	pid_t pid = fork();

	if (!pid) {
		signal(sig, SIG_DFL);
		kill(getpid(), sig);
		_exit(42);
	}
	if (want == STOPS) {
		/* An orphaned group does not stop from the terminal's signals; ours may be one. */
		waitpid(pid, &st, WUNTRACED);
		if (WIFSTOPPED(st)) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return WSTOPSIG(st) == sig;
		}
		return sig != SIGSTOP && WIFEXITED(st) && WEXITSTATUS(st) == 42;
	}
	waitpid(pid, &st, 0);
	return want == DIES ? WIFSIGNALED(st) && WTERMSIG(st) == sig : WIFEXITED(st) && WEXITSTATUS(st) == 42;
}

static void defaults(void)
{
	int wrong = 0;
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	for (int sig = 1; sig <= 64; sig++)
		if (sig != 32 && sig != 33 && !default_is(sig)) {
			printf("# signal %d\n", sig);
			wrong++;
		}
	is(wrong, 0, "the default action of each signal");
}

static void flags(void)
{
	act(SIGUSR1, note, SA_NODEFER, 0);
	count = 0;
	raise(SIGUSR1);
	struct sigaction now;
	sigaction(SIGUSR1, NULL, &now);
	ok(count == 1 && now.sa_flags & SA_NODEFER, "flags are kept");
	act(SIGUSR1, note, 0, SIGUSR2);
	act(SIGUSR2, note, 0, 0);
	sigset_t both, old, p;
	sigemptyset(&both);
	sigaddset(&both, SIGUSR1);
	sigaddset(&both, SIGUSR2);
	sigprocmask(SIG_BLOCK, &both, &old);
	raise(SIGUSR2);
	raise(SIGUSR1);
	norder = 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	ok(norder == 2, "both blocked signals arrive");
	sigpending(&p);
	ok(!sigismember(&p, SIGUSR1) && !sigismember(&p, SIGUSR2), "... and are pending no more");
	fails(syscall(SYS_rt_sigaction, SIGUSR1, &now, NULL, 4), EINVAL, "a wrong size of the set");
	fails(syscall(SYS_rt_sigprocmask, 7, &both, NULL, 8), EINVAL, "a wrong way to change the mask");
	ok(syscall(SYS_sgetmask) == 0 && syscall(SYS_ssetmask, 1 << (SIGUSR1 - 1)) == 0 && syscall(SYS_ssetmask, 0) == 1 << (SIGUSR1 - 1), "the oldest mask calls");
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_BLOCK, &both, NULL);
	raise(SIGUSR1);
	sigpending(&p);
	signal(SIGUSR1, SIG_IGN);
	sigpending(&p);
	ok(!sigismember(&p, SIGUSR1), "ignoring a pending signal drops it");
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static volatile int depth, deepest, raises;
static void nested(int sig)
{
	if (++depth > deepest)
		deepest = depth;
	if (raises < 2) {
		raises++;
		raise(sig);
	}
	depth--;
}

static void nesting(void)
{
	act(SIGUSR1, nested, SA_NODEFER, 0);
	raise(SIGUSR1);
	is(deepest, 3, "SA_NODEFER nests");
	deepest = raises = 0;
	act(SIGUSR1, nested, 0, 0);
	raise(SIGUSR1);
	is(deepest, 1, "without it a handler is not interrupted by its own signal");
}

static int across_exec(char **argv)
{
	sigset_t now, p;
	struct sigaction a, b;

	sigprocmask(0, NULL, &now);
	sigpending(&p);
	sigaction(SIGUSR2, NULL, &a);
	sigaction(SIGHUP, NULL, &b);
	return !sigismember(&now, SIGUSR1) + 2 * !sigismember(&p, SIGUSR1) + 4 * (a.sa_handler != SIG_DFL) + 8 * (b.sa_handler != SIG_IGN);
}

static void exec_child(void *arg)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGUSR1);
	act(SIGUSR2, note, 0, 0);
	signal(SIGHUP, SIG_IGN);
	execl("/proc/self/exe", "sigmatrix", "exec", NULL);
	_exit(99);
}

static pid_t main_pid;
static void *shooter(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		while (*(volatile int *)arg != i)
			sched_yield();
		kill(main_pid, SIGUSR1);
	}
	return NULL;
}

/* Each signal must wake a sigsuspend: a lost one hangs here. */
static void suspend_race(void)
{
	volatile int turn = -1;
	sigset_t s, empty;
	pthread_t t;

	main_pid = getpid();
	act(SIGUSR1, note, 0, 0);
	sigemptyset(&empty);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &s, NULL);
	pthread_create(&t, NULL, shooter, (void *)&turn);
	count = 0;
	for (int i = 0; i < 2000; i++) {
		turn = i;
		while (count <= i)
			sigsuspend(&empty);
	}
	pthread_join(t, NULL);
	is(count, 2000, "sigsuspend loses no signal");
	pthread_sigmask(SIG_UNBLOCK, &s, NULL);
}

static void queue_limit(void *arg)
{
	struct rlimit few = { 10, 10 };
	union sigval v = { .sival_int = 1 };
	sigset_t s;
	int sent = 0;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &s, NULL);
	if (!getuid())
		setuid(54321); /* the count is the user's, and root may have some elsewhere */
	setrlimit(RLIMIT_SIGPENDING, &few);
	while (sent < 100 && !sigqueue(getpid(), SIGRTMIN + 1, v))
		sent++;
	_exit(sent >= 5 && sent <= 10 && errno == EAGAIN ? 0 : 1);
}

static void thread_kill_default(void *arg)
{
	pthread_t t;
	static volatile int never = -5;

	pthread_create(&t, NULL, shooter, (void *)&never);
	usleep(10000);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGTERM);
	for (;;)
		pause();
}

static void overflow_stack(void *arg)
{
	struct sigaction sa = { .sa_handler = note };

	sigaction(SIGSEGV, &sa, NULL); /* on the same stack: there is no room for the frame */
	__asm__ volatile("xor %%esp, %%esp; push %%eax" ::: "memory");
	_exit(1);
}

static sigjmp_buf *back;
static void jump_back(int sig) { siglongjmp(*back, 1); }
static int recurse(int n) { volatile char big[4096]; big[0] = n; return n < 1000000 ? recurse(n + 1) + big[0] : 0; }

static void altstack(void)
{
	static char area[65536];
	stack_t ss = { .ss_sp = area, .ss_size = sizeof(area) }, old;
	struct rlimit l;
	sigjmp_buf b;

	is(sigaltstack(&ss, NULL), 0, "an alternate stack");
	act(SIGSEGV, jump_back, SA_ONSTACK, 0);
	back = &b;
	getrlimit(RLIMIT_STACK, &l);
	l.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_STACK, &l);
	if (!sigsetjmp(b, 1))
		recurse(1);
	ok(true, "a stack overflow is handled on it");
	ss = (stack_t){ .ss_flags = SS_DISABLE };
	is(sigaltstack(&ss, &old), 0, "disabled");
	ok(old.ss_size == sizeof(area), "... the old one is told");
	ss = (stack_t){ .ss_sp = area, .ss_size = 100 };
	fails(sigaltstack(&ss, NULL), ENOMEM, "too small");
	ss = (stack_t){ .ss_sp = area, .ss_size = 65536, .ss_flags = 0x1234 };
	fails(sigaltstack(&ss, NULL), EINVAL, "bad flags");
	signal(SIGSEGV, SIG_DFL);
}

static volatile char *volatile hole = (volatile char *)16;
static siginfo_t fault;
static void seen(int sig, siginfo_t *si, void *uc) { fault = *si; siglongjmp(*back, 1); }

static void fault_info(void)
{
	struct sigaction sa = { .sa_sigaction = seen, .sa_flags = SA_SIGINFO };
	char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigjmp_buf b;

	back = &b;
	sigaction(SIGSEGV, &sa, NULL);
	if (!sigsetjmp(b, 1))
		*hole = 1;
	ok(fault.si_code == SEGV_MAPERR && fault.si_addr == (void *)16, "SEGV_MAPERR with the address");
	if (!sigsetjmp(b, 1))
		*(volatile char *)(ro + 5) = 1;
	ok(fault.si_code == SEGV_ACCERR && fault.si_addr == ro + 5, "SEGV_ACCERR with the address");
	sigaction(SIGFPE, &sa, NULL);
	volatile int zero = 0;
	if (!sigsetjmp(b, 1))
		zero = 7 / zero;
	is(fault.si_code, FPE_INTDIV, "FPE_INTDIV");
	sigaction(SIGTRAP, &sa, NULL);
	if (!sigsetjmp(b, 1))
		__asm__ volatile("int3");
	is(fault.si_signo, SIGTRAP, "SIGTRAP");
	signal(SIGSEGV, SIG_DFL);
	signal(SIGFPE, SIG_DFL);
}

static void blocked_fault(void *arg)
{
	sigset_t s;

	sigfillset(&s);
	sigprocmask(SIG_BLOCK, &s, NULL);
	act(SIGSEGV, note, 0, 0);
	*hole = 1;
}

static void chld_flags(void)
{
	int st;
	pid_t pid;

	act(SIGCHLD, note, SA_NOCLDSTOP, 0);
	count = 0;
	pid = fork();
	if (!pid) {
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, &st, WUNTRACED);
	usleep(20000);
	is(count, 0, "SA_NOCLDSTOP: no signal when a child stops");
	kill(pid, SIGCONT);
	waitpid(pid, &st, 0);
	is(count, 1, "... but one when it ends");
	signal(SIGCHLD, SIG_DFL);
}

static void stopped_keeps_signals(void)
{
	int p[2], st;
	char c = 0;
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		act(SIGUSR1, note, 0, 0);
		count = 0;
		raise(SIGSTOP);
		c = count;
		write(p[1], &c, 1);
		_exit(0);
	}
	waitpid(pid, &st, WUNTRACED);
	kill(pid, SIGUSR1);
	usleep(20000);
	is(waitpid(pid, &st, WNOHANG), 0, "a signal does not wake a stopped process");
	kill(pid, SIGCONT);
	read(p[0], &c, 1);
	is(c, 1, "... it is handled after SIGCONT");
	waitpid(pid, &st, 0);
}

static void *in_read(void *arg) { char c; return (void *)(long)read(*(int *)arg, &c, 1); }

static void stop_threads(void)
{
	int p[2], st;
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		pthread_t t[3];
		void *r;

		for (int i = 0; i < 3; i++)
			pthread_create(&t[i], NULL, in_read, &p[0]);
		usleep(20000);
		kill(getpid(), SIGSTOP);
		write(p[1], "abc", 3);
		for (int i = 0; i < 3; i++) {
			pthread_join(t[i], &r);
			if ((long)r != 1)
				_exit(1);
		}
		_exit(0);
	}
	ok(waitpid(pid, &st, WUNTRACED) == pid && WIFSTOPPED(st), "a process with sleeping threads stops");
	kill(pid, SIGCONT);
	ok(waitpid(pid, &st, 0) == pid && st == 0, "... and all of them go on reading");
}

static timer_t quick;
static void at_tick(int sig, siginfo_t *si, void *uc)
{
	struct itimerspec off = { { 0, 0 }, { 0, 0 } };
	struct itimerval none = { { 0, 0 }, { 0, 0 } };

	if (++count < 100)
		return;
	if (si->si_code == SI_TIMER)
		timer_settime(quick, 0, &off, NULL);
	else
		setitimer(ITIMER_REAL, &none, NULL);
}

/* A period too short to be met costs its process, not the machine. */
static void shortest_timers(void)
{
	struct sigaction sa = { .sa_sigaction = at_tick, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerspec its = { { 0, 1 }, { 0, 1 } };
	struct itimerval it = { { 0, 1 }, { 0, 1 } };

	sigaction(SIGALRM, &sa, NULL);
	count = 0;
	is(timer_create(CLOCK_MONOTONIC, NULL, &quick), 0, "a timer");
	timer_settime(quick, 0, &its, NULL);
	while (count < 100)
		;
	ok(true, "... of one nanosecond");
	timer_delete(quick);
	count = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	while (count < 100)
		;
	ok(true, "an interval timer of a microsecond");
	signal(SIGALRM, SIG_IGN);
	setitimer(ITIMER_REAL, &it, NULL);
	usleep(50000);
	it = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	setitimer(ITIMER_REAL, &it, NULL);
	ok(true, "... also when its signal is ignored");
}

int main(int argc, char **argv)
{
	int st;

	if (argc > 1)
		return across_exec(argv);
	defaults();
	flags();
	nesting();
	is(WEXITSTATUS(in_child(exec_child, NULL)), 0, "exec keeps the mask, what is pending and what is ignored, and drops handlers");
	suspend_race();
	is(in_child(queue_limit, NULL), 0, "RLIMIT_SIGPENDING bounds the queue");
	st = in_child(thread_kill_default, NULL);
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM, "a signal to one thread ends the process");
	st = in_child(overflow_stack, NULL);
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV, "no room for a frame: SIGSEGV");
	altstack();
	fault_info();
	st = in_child(blocked_fault, NULL);
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV, "a blocked fault kills");
	chld_flags();
	stopped_keeps_signals();
	stop_threads();
	shortest_timers();
	return done();
}
