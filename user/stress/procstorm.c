/* SPDX-License-Identifier: MIT
 * help: processes, threads and signals at random: fork, clone, exec, kill, stop, wait, futex, bad frames
 *
 * What syscallstorm leaves out because it would leave processes that nobody can find. Here each worker is a user of its
 * own in a session of its own, with at most 40 processes, so that one kill(-1) by that user ends all of them. Needs root.
 *
 * Every process of a worker does the same: random steps of process control with good and bad arguments. Signal frames are
 * returned to with random contents, robust lists are garbage, threads exec while others exit.
 *
 * Last line: procstorm result=ok|bad workers= steps= left= seconds= seed=
 * left: processes of the workers' users that SIGKILL did not end within ten seconds.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "prog.h"

#define FIRST_UID 50000
#define PIDS 64

static u64 length = 30, seed = 1, workers = 3;
struct shared { volatile u32 steps; volatile int pids[PIDS]; volatile int words[16]; };
static struct shared *sh;
static __thread u32 state;

static u32 rnd(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	return state ^= state << 5;
}

static u32 nasty(void)
{
	static const u32 v[] = { 0, 1, 2, 3, 16, 0xfff, 0x1000, 0x8048000, 0x7fffffff, 0x80000000, 0xbffff000, 0xc0000000, 0xc0100000, 0xffffffff, 0xfffff000 };

	return rnd() & 3 ? v[rnd() % (sizeof(v) / sizeof(v[0]))] : rnd();
}

static u32 address(void) { return rnd() & 1 ? (u32)&sh->words[rnd() % 16] : nasty(); }
static int some_pid(void) { int p = sh->pids[rnd() % PIDS]; return rnd() % 8 ? p : (int)nasty(); }

/* Numbers that kill() reads as "everybody": only within the worker's own user, which is what we want. */
static void send(void)
{
	static const int sigs[] = { 0, SIGSTOP, SIGCONT, SIGUSR1, SIGTERM, SIGCHLD, SIGTSTP, SIGHUP, SIGKILL, 34, 40, 64, 65, -1 };
	int sig = sigs[rnd() % (sizeof(sigs) / sizeof(sigs[0]))];

	switch (rnd() % 4) {
	case 0: syscall(SYS_kill, some_pid(), rnd() % 4 ? sig : SIGCONT); break;
	case 1: syscall(SYS_tkill, some_pid(), sig); break;
	case 2: syscall(SYS_tgkill, some_pid(), some_pid(), sig); break;
	case 3: syscall(SYS_rt_sigqueueinfo, some_pid(), sig, address()); break;
	}
}

static void play(void);

static void make_child(void)
{
	static char *dead[] = { "/bin/true", NULL };
	u32 flags = rnd() & (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK | CLONE_PARENT | CLONE_SYSVSEM |
			     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_SETTLS);
	char *stack;
	long pid;

	if (rnd() % 3 == 0)
		flags |= CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
	if (rnd() % 16 == 0)
		flags |= rnd();
	if (!(flags & CLONE_VM)) {
		pid = syscall(SYS_clone, flags | (rnd() & 3 ? SIGCHLD : rnd() & 0xff), 0, address(), address(), address());
		if (!pid)
			play();
	} else {
		/* The child runs on a page of its own and does nothing that libc would mind. */
		stack = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (stack == MAP_FAILED)
			return;
		pid = syscall(SYS_clone, (flags & ~CLONE_SETTLS) | SIGCHLD, 0, address(), 0, address());
		if (!pid) {
			if (rnd() & 1)
				syscall(SYS_execve, dead[0], dead, NULL);
			syscall(SYS_exit, 0);
		}
	}
	if (pid > 0)
		sh->pids[rnd() % PIDS] = pid;
}

static void bad_return(void)
{
	u32 frame[256];

	for (int i = 0; i < 256; i++)
		frame[i] = nasty();
	if (rnd() & 1)
		__asm__ volatile("mov %%esp, %%ebx; mov %0, %%esp; mov %1, %%eax; int $0x80; mov %%ebx, %%esp" : :
				 "r"(frame + rnd() % 32), "r"(rnd() & 1 ? SYS_sigreturn : SYS_rt_sigreturn) : "eax", "ebx", "memory");
}

static void step(void)
{
	struct itimerval it = { { 0, rnd() % 3000 }, { 0, rnd() % 3000 } };
	stack_t ss = { (void *)nasty(), rnd() & 7, nasty() };
	bool again = rnd() & 1;
	char *args[] = { again ? "procstorm" : "true", (char *)nasty(), NULL };

	switch (rnd() % 32) {
	case 0: case 1: case 2: case 3: make_child(); break;
	case 4: case 5: case 6: send(); break;
	case 7: case 8: case 9: syscall(SYS_wait4, some_pid(), address(), (rnd() & 0xf) | WNOHANG, address()); break;
	case 10: case 11: syscall(SYS_waitid, rnd() % 5, some_pid(), address(), (rnd() & 0xff) << 24 | (rnd() & 15) | WNOHANG, address()); break;
	case 12: syscall(SYS_setpgid, some_pid(), some_pid()); break;
	case 13: syscall(SYS_setsid); break;
	case 14: syscall(SYS_futex, address(), (rnd() % 14) | (rnd() & 0x180), rnd() % 4, address(), address(), nasty()); break;
	case 15: syscall(SYS_set_robust_list, address(), 12); break;
	case 16: syscall(SYS_set_tid_address, address()); break;
	case 17: setitimer(rnd() % 3, &it, NULL); break;
	case 18: syscall(SYS_rt_sigaction, rnd() % 66, address(), address(), 8); break;
	case 19: syscall(SYS_rt_sigprocmask, rnd() % 4, address(), address(), 8); break;
	case 20: sigaltstack(&ss, NULL); break;
	case 21: syscall(SYS_prctl, rnd() % 60, nasty(), nasty(), nasty(), nasty()); break;
	case 22: syscall(SYS_timer_create, rnd() % 12, address(), address()); break;
	case 23: syscall(SYS_timer_settime, rnd() % 8, rnd() & 1, address(), address()); break;
	case 24: syscall(SYS_timer_delete, rnd() % 8); break;
	case 25: syscall(SYS_process_vm_readv, some_pid(), address(), rnd() % 4, address(), rnd() % 4, 0); break;
	case 26: syscall(SYS_sched_setscheduler, some_pid(), rnd() % 8, address()); break;
	case 27: syscall(SYS_sched_setaffinity, some_pid(), 4, address()); break;
	case 28: syscall(SYS_set_thread_area, address()); break;
	case 29: execve(again ? "/proc/self/exe" : "/bin/true", rnd() & 1 ? args : (char **)nasty(), (char **)(rnd() & 1 ? 0 : nasty())); break;
	case 30: bad_return(); break;
	case 31: if (rnd() % 4 == 0) syscall(rnd() & 1 ? SYS_exit : SYS_exit_group, rnd()); break;
	}
	__atomic_add_fetch(&sh->steps, 1, __ATOMIC_RELAXED);
}

static void play(void)
{
	state = mix32(state ^ (u32)getpid() * 2654435761u ^ sh->steps) | 1;
	for (int i = 0; i < 64; i++)
		step();
	syscall(SYS_exit_group, 0);
}

static void worker(u32 nr, double until)
{
	struct rlimit l = { 40, 40 }, cpu = { 20, 20 };
	int null = open("/dev/null", O_RDWR);
	double sweep = 0;

	setsid();
	dup2(null, 1);
	dup2(null, 2);
	setrlimit(RLIMIT_NPROC, &l);
	setrlimit(RLIMIT_CPU, &cpu);
	setgid(FIRST_UID + nr);
	setuid(FIRST_UID + nr);
	state = mix32((u32)seed * 97 + nr + sh->steps * 31) | 1;
	while (seconds() < until) {
		pid_t p = fork();

		if (!p)
			play();
		if (p > 0)
			sh->pids[rnd() % PIDS] = p;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (p < 0 || seconds() > sweep) { /* most of them sleep for ever by now */
			usleep(5000);
			kill(-1, SIGKILL);
			sweep = seconds() + 0.1;
		}
	}
}

static u32 count_left(void)
{
	struct dirent *d;
	struct stat st;
	DIR *dir = opendir("/proc");
	u32 n = 0;
	char path[300];

	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s", d->d_name);
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9' && !stat(path, &st) && st.st_uid >= FIRST_UID && st.st_uid < FIRST_UID + 100)
			n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

/* As that user: end everything that it runs. */
static void end_user(u32 nr)
{
	pid_t p = fork();

	if (!p) {
		setrlimit(RLIMIT_NPROC, &(struct rlimit){ 1000, 1000 });
		setuid(FIRST_UID + nr);
		kill(-1, SIGKILL);
		_exit(0);
	}
	waitpid(p, NULL, 0);
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "seconds", 'n', &length, "how long (30)" },
		{ "workers", 'n', &workers, "users at once (3)" },
		{ "seed", 'n', &seed, "of the steps (1)" },
		{ NULL, 0, NULL, NULL }
	};
	pid_t pid[50] = { 0 }, p;
	double start;
	u32 left = 1;

	if (argc && !strcmp(argv[0], "true"))
		return 0; /* run by a step */
	parse_options(argc, argv, "usage: procstorm [--seconds N] [--workers N] [--seed N]", defs);
	start = seconds();
	if (getuid() || workers > 50) {
		fprintf(stderr, "procstorm: needs root (its workers are users of their own), and at most 50 workers\n");
		return 2;
	}
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		die("mmap");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	while (seconds() - start < length) {
		for (u32 i = 0; i < workers; i++)
			if (!pid[i] && !(pid[i] = fork())) {
				worker(i, start + length);
				_exit(0);
			}
		usleep(20000);
		while ((p = waitpid(-1, NULL, WNOHANG)) > 0)
			for (u32 i = 0; i < workers; i++) /* its own children may well have killed it */
				if (pid[i] == p)
					pid[i] = 0;
		progress("procstorm: %u steps, %d s left", sh->steps, (int)(start + length - seconds()));
	}
	for (int i = 0; i < 100 && left; i++) {
		for (u32 k = 0; k < workers; k++)
			end_user(k);
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			;
		left = count_left();
		usleep(100000);
	}
	progress_done();
	printf("procstorm result=%s workers=%u steps=%u left=%u seconds=%.1f seed=%u\n", left ? "bad" : "ok", (u32)workers, sh->steps, left,
	       seconds() - start, (u32)seed);
	return left != 0;
}
