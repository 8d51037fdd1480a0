/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=20
 *
 * clone and its flags, clone3, vfork; ids that are written and cleared; combinations that make no sense.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define STACK 65536
static char stack[STACK] __attribute__((aligned(16)));
static volatile int shared_word, parent_tid, child_tid, fd_seen;
static volatile mode_t old_umask;

static int set_word(void *arg) { shared_word = 77; return 0; }
static int open_one(void *arg) { fd_seen = open("/", O_RDONLY); return 0; }
static int change_fs(void *arg) { umask(0123); return 0; }
static void handler(int sig) { }
static int change_action(void *arg) { signal(SIGUSR1, handler); return 0; }
static int check_ids(void *arg) { return child_tid == (int)syscall(SYS_gettid) && parent_tid == child_tid ? 0 : 1; }
static int sleep_a_bit(void *arg) { usleep(30000); shared_word++; return 0; }

static int run(int (*fn)(void *), int flags)
{
	int st = -1;
	pid_t pid = clone(fn, stack + STACK, flags | SIGCHLD, NULL, &parent_tid, NULL, &child_tid);

	if (pid < 0 || waitpid(pid, &st, 0) != pid)
		return -1;
	return st;
}

static void sharing(void)
{
	struct sigaction a;

	shared_word = 0;
	run(set_word, 0);
	is(shared_word, 0, "memory is copied");
	run(set_word, CLONE_VM);
	is(shared_word, 77, "CLONE_VM shares it");
	run(open_one, CLONE_VM);
	fails(fcntl(fd_seen, F_GETFD), EBADF, "descriptors are copied");
	run(open_one, CLONE_VM | CLONE_FILES);
	is(fcntl(fd_seen, F_GETFD), 0, "CLONE_FILES shares them");
	close(fd_seen);
	umask(022);
	run(change_fs, CLONE_VM);
	is(umask(022), 022, "the umask is copied");
	run(change_fs, CLONE_VM | CLONE_FS);
	is(umask(022), 0123, "CLONE_FS shares it");
	signal(SIGUSR1, SIG_DFL);
	run(change_action, CLONE_VM);
	sigaction(SIGUSR1, NULL, &a);
	ok(a.sa_handler == SIG_DFL, "actions are copied");
	run(change_action, CLONE_VM | CLONE_SIGHAND);
	sigaction(SIGUSR1, NULL, &a);
	ok(a.sa_handler == handler, "CLONE_SIGHAND shares them");
	signal(SIGUSR1, SIG_DFL);
}

static void ids(void)
{
	is(run(check_ids, CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID), 0, "both ids are written before the child runs");
	child_tid = 5;
	run(set_word, CLONE_VM | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID);
	is(child_tid, 0, "CLONE_CHILD_CLEARTID clears it at the end");
}

static void vforks(void)
{
	pid_t pid;
	int st;

	shared_word = 0;
	pid = clone(sleep_a_bit, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	is(shared_word, 1, "CLONE_VFORK waits for the child");
	waitpid(pid, &st, 0);
	pid = vfork();
	if (!pid)
		_exit(6);
	ok(waitpid(pid, &st, 0) == pid && WEXITSTATUS(st) == 6, "vfork");
	pid = vfork();
	if (!pid) {
		execl("/proc/self/exe", "clones", "seven", NULL);
		_exit(1);
	}
	ok(waitpid(pid, &st, 0) == pid && WEXITSTATUS(st) == 7, "vfork and exec");
}

static void vfork_killed(void)
{
	int here[2], stay[2], st;
	pid_t pid;
	char c;

	pipe(here);
	pipe(stay);
	pid = fork();
	if (!pid) {
		close(stay[1]);
		if (!vfork()) {
			write(here[1], "x", 1);
			read(stay[0], &c, 1);
			_exit(0);
		}
		_exit(1);
	}
	read(here[0], &c, 1);
	kill(pid, SIGKILL);
	ok(waitpid(pid, &st, 0) == pid && WIFSIGNALED(st), "the parent of a vfork can be killed");
	close(here[0]), close(here[1]), close(stay[0]), close(stay[1]);
}

static void refused(void)
{
	fails(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), EINVAL, "THREAD without SIGHAND");
	fails(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL, "SIGHAND without VM");
	fails(syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 16, 0), EFAULT, "SETTLS with a bad descriptor");
	char args[200];
	memset(args, 0, sizeof(args));
	fails(syscall(SYS_clone3, args, 8), EINVAL, "clone3: too short");
	fails(syscall(SYS_clone3, args, 5000), E2BIG, "clone3: too long");
	args[150] = 1;
	fails(syscall(SYS_clone3, args, 200), E2BIG, "clone3: something behind what we know");
	fails(syscall(SYS_clone3, 16, 64), EFAULT, "clone3: nothing there");
	memset(args, 0, sizeof(args));
	args[32] = 100; /* exit_signal */
	fails(syscall(SYS_clone3, args, 64), EINVAL, "clone3: no such signal");
	args[32] = 0;
	args[40] = 1; /* a stack without a size */
	fails(syscall(SYS_clone3, args, 64), EINVAL, "clone3: a stack without a size");
}

/* The exit signal is a byte: what is no signal is not sent. */
static void odd_signals(void)
{
	static const int odd[] = { 0, 64, 65, 100, 127, 128, 255 };
	int st, wrong = 0;

	for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		long pid;

		signal(64, SIG_IGN);
		pid = syscall(SYS_clone, odd[i], 0, 0, 0, 0);
		if (!pid)
			_exit(3);
		wrong += waitpid(pid, &st, __WALL) != pid || WEXITSTATUS(st) != 3;
	}
	is(wrong, 0, "children with odd exit signals end and are found");
}

static void third(void)
{
	unsigned long long a[8] = { 0 };
	int st;
	long pid;

	a[4] = SIGCHLD;
	pid = syscall(SYS_clone3, a, sizeof(a));
	if (!pid)
		_exit(9);
	ok(waitpid(pid, &st, 0) == pid && WEXITSTATUS(st) == 9, "clone3 forks");
}

static volatile int futex_word;
static int thread_fn(void *arg) { shared_word = getpid() == (pid_t)(long)arg && syscall(SYS_gettid) != getpid(); return 0; }

static void thread(void)
{
	pid_t tid;

	shared_word = 0;
	futex_word = 1;
	tid = clone(thread_fn, stack + STACK, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
		    CLONE_CHILD_CLEARTID, (void *)(long)getpid(), NULL, NULL, &futex_word);
	ok(tid > 0, "a thread");
	while (futex_word)
		syscall(SYS_futex, &futex_word, FUTEX_WAIT, 1, NULL);
	is(shared_word, 1, "... with the process's pid and a tid of its own");
	fails(waitpid(tid, NULL, 0), ECHILD, "... that is no child");
	/* the word is cleared a little before the end */
	ok(eventually(syscall(SYS_tgkill, getpid(), tid, 0) == -1 && errno == ESRCH), "... and is gone");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 7;
	sharing();
	ids();
	vforks();
	vfork_killed();
	refused();
	third();
	odd_signals();
	thread();
	return done();
}
