/* SPDX-License-Identifier: MIT
 * help: random system calls with bad pointers, lengths and flags, from several threads
 *
 * No argument of any system call may bring the kernel down. Worker processes with several threads each call random
 * numbers with arguments from a collection of nasty values: unmapped, read-only, half-mapped and kernel addresses,
 * huge and negative lengths, random flags, open, closed and absurd descriptors. Workers crash often; that is fine.
 * The parent starts new ones, half of them as user 1000 when it is root, and removes the System V objects that they leave.
 *
 * Left out: what ends or changes the machine for everybody (reboot, kill of others, mount, chroot, setting clocks and
 * names) and what would leave processes that nobody can find (clone, vfork).
 *
 * Last line: syscallstorm result=ok|bad workers= calls= crashes= hung= seconds= seed=
 * A worker that does not die of SIGKILL within --patience seconds is hung.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "nonlinear.h"
#include "prog.h"

#define PAGE 4096
#define HIGHEST 460

static u64 length = 60, seed = 1, workers = 4, patience = 60, threads = 3, from_number, to_number = HIGHEST, trace;

static const int left_out[] = {
	SYS_reboot, SYS_kill, SYS_tkill, SYS_tgkill, SYS_exit, SYS_exit_group, SYS_fork, SYS_vfork, SYS_clone, 435 /* clone3 */,
	SYS_mount, SYS_umount, SYS_umount2, SYS_chroot, SYS_pivot_root, SYS_settimeofday, SYS_stime, SYS_clock_settime, SYS_adjtimex,
	SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_swapon, SYS_swapoff, SYS_vhangup, SYS_init_module, SYS_delete_module,
	SYS_finit_module, SYS_kexec_load, SYS_iopl, SYS_ioperm, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_pause, SYS_sigsuspend,
	SYS_rt_sigsuspend, SYS_setsid, SYS_ptrace, SYS_process_vm_writev, SYS_setns, SYS_unshare, SYS_sync, SYS_syslog, SYS_acct, SYS_quotactl,
	SYS_clock_settime64, SYS_clock_adjtime64, 424 /* pidfd_send_signal */, 434 /* pidfd_open */, SYS_sigreturn, SYS_rt_sigreturn,
};

struct counters { volatile u32 calls; };
static struct counters *counters;
static char *areas[6];                 /* writable, read-only, none, edge of a mapping, a file, shared */
static __thread u32 state;

static u32 rnd(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	return state ^= state << 5;
}

static bool allowed(u32 nr)
{
	for (unsigned i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		if (left_out[i] == (int)nr)
			return false;
	return true;
}

/* --- nasty values ------------------------------------------------------------------------------------------------ */
static long address(void)
{
	static const unsigned long fixed[] = { 0, 1, 8, 0xfff, 0x1000, 0xbfffffff, 0xbffffffc, 0xc0000000, 0xc0100000, 0xf8000000,
		0xfec00000, 0xfee00000, 0xfffff000, 0xfffffffc, 0xffffffff, 0x80000000 };
	u32 r = rnd();

	if (r % 4 == 0)
		return fixed[rnd() % (sizeof(fixed) / sizeof(fixed[0]))];
	if (r % 4 == 1)
		return rnd();
	return (long)areas[rnd() % 6] + (r >> 8) % (2 * PAGE) - (r % 3 ? 0 : 4);
}

static long path(void)
{
	static const char *const paths[] = { ".", "..", "/", "/proc/self/maps", "/proc/self/mem", "/proc/self/status", "/dev/null", "/dev/zero",
		"/dev/full", "/dev/tty", "a", "b", "a/b", "dir", "dir/x", "/proc", "/proc/1/stat", "", "/proc/meminfo", "link", "/tmp/none/x",
		"/proc/self/fd", "/bin/busybox", "fifo" };

	static struct sockaddr_un names[] = { { AF_UNIX, "sock" }, { AF_UNIX, "\0storm" }, { AF_UNIX, "" }, { AF_UNSPEC, "" } };

	if (rnd() % 6 == 0)
		return (long)&names[rnd() % 4];
	return rnd() % 5 ? (long)paths[rnd() % (sizeof(paths) / sizeof(paths[0]))] : address();
}

static long number(void)
{
	static const long fixed[] = { 0, 1, 2, 3, 4, 7, 8, 12, 16, 64, 128, 255, 4095, 4096, 4097, 65536, 0x7fffffff, -1, -2, -4096, 0x40000000,
		(long)0x80000000, 0x10000000, -100 /* AT_FDCWD */ };

	switch (rnd() % 4) {
	case 0: return rnd() % 16;
	case 1: return 1L << rnd() % 32;
	case 2: return rnd();
	default: return fixed[rnd() % (sizeof(fixed) / sizeof(fixed[0]))];
	}
}

static long argument(void)
{
	switch (rnd() % 8) {
	case 0: case 1: case 2: return address();
	case 3: return path();
	case 4: return rnd() % 24; /* descriptors, small flags */
	default: return number();
	}
}

/* Puts structures with nasty members where calls may read them. */
static void stir(void)
{
	u32 *p = (u32 *)areas[0];

	for (int i = 0; i < 16; i++)
		p[rnd() % (PAGE / 4)] = argument();
}

static long raw(u32 nr, const long a[6])
{
	return syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static bool harmless(u32 nr, const long a[6])
{
	if (nr == SYS_unlink || nr == SYS_rmdir || nr == SYS_rename || nr == SYS_unlinkat || nr == SYS_renameat || nr == SYS_chmod ||
	    nr == SYS_chown || nr == SYS_fchmodat || nr == SYS_fchownat || nr == SYS_lchown || nr == SYS_chown32 || nr == SYS_truncate ||
	    nr == SYS_truncate64 || nr == SYS_renameat2 || nr == SYS_execve || nr == SYS_execveat)
		return a[0] == (long)"a" || getuid() != 0; /* root could take the system apart */
	if (nr == SYS_setpriority || nr == SYS_setpgid || nr == SYS_prlimit64 || nr == SYS_sched_setscheduler || nr == SYS_sched_setparam)
		return a[0] != 1 && getuid() != 0;
	if (nr == SYS_fcntl || nr == SYS_fcntl64)
		return a[1] != F_SETOWN;
	return true;
}

static void *storm(void *arg)
{
	state = (u32)(unsigned long)arg | 1;
	for (;;) {
		u32 nr = from_number + rnd() % (to_number - from_number);
		long a[6];

		if (to_number == HIGHEST && rnd() % 128 == 0)
			nr = SYS_nonlinear_place; /* ours, far away */
		for (int i = 0; i < 6; i++)
			a[i] = argument();
		if (nr == SYS_remap_file_pages && rnd() % 2) { /* sometimes as it should be, so that others meet nonlinear areas */
			a[0] = (long)areas[4 + rnd() % 2];
			a[1] = PAGE;
			a[2] = 0;
			a[3] = rnd() % 8;
		}
		if (!allowed(nr) || !harmless(nr, a))
			continue;
		if (rnd() % 16 == 0)
			stir();
		if (trace) {
			char line[160];
			int n = snprintf(line, sizeof(line), "%u(%lx, %lx, %lx, %lx, %lx, %lx)\n", nr, a[0], a[1], a[2], a[3], a[4], a[5]);

			syscall(SYS_write, 2, line, n);
		}
		raw(nr, a);
		__sync_fetch_and_add(&counters->calls, 1);
	}
	return NULL;
}

/* --- a worker ------------------------------------------------------------------------------------------------------- */
static void on_alarm(int sig) {}

static char *area(int prot, int flags, int fd)
{
	char *p = mmap(NULL, 2 * PAGE, prot, flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void make_areas(void)
{
	int fd;

	areas[0] = area(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	areas[1] = area(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	areas[2] = area(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	areas[3] = area(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	munmap(areas[3] + PAGE, PAGE);
	fd = open("a", O_RDWR | O_CREAT, 0600);
	ftruncate(fd, 3 * PAGE / 2);
	areas[4] = area(PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	areas[5] = area(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	for (int i = 0; i < 6; i++)
		if (!areas[i])
			areas[i] = areas[0];
}

static void open_things(void)
{
	int p[2], fd = open("/dev/null", O_RDWR);

	pipe(p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	socket(AF_UNIX, SOCK_SEQPACKET, 0);
	open("/dev/zero", O_RDWR);
	open("/proc/self/status", O_RDONLY);
	open(".", O_RDONLY | O_DIRECTORY);
	open("/dev/ptmx", O_RDWR | O_NOCTTY);
	mkdir("dir", 0700);
	mkfifo("fifo", 0600);
	symlink("a", "link");
	if (!trace)
		for (int i = 0; i < 3; i++)
			dup2(fd, i);
}

static void __attribute__((noreturn)) work(u32 who)
{
	struct rlimit few = { 64, 64 }, small = { 64 << 20, 64 << 20 };
	struct sigaction sa = { .sa_handler = on_alarm };
	pthread_t t[64];
	char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/storm.%u", (u32)getpid());
	mkdir(dir, 0777);
	chmod(dir, 0777);
	setpgid(0, 0);
	if (chdir(dir) || (who % 2 && getuid() == 0 && (setgid(1000) || setuid(1000))))
		_exit(1);
	setrlimit(RLIMIT_NPROC, &few);
	setrlimit(RLIMIT_AS, &small);
	setrlimit(RLIMIT_FSIZE, &small);
	make_areas();
	open_things();
	sigaction(SIGALRM, &sa, NULL);
	for (u32 i = 0; i < threads && i < 64; i++)
		if (pthread_create(&t[i], NULL, storm, (void *)(unsigned long)mix32(seed ^ mix32(who * 64 + i))))
			_exit(1);
	for (;;) { /* whatever blocks is interrupted */
		usleep(2000);
		for (u32 i = 0; i < threads && i < 64; i++)
			pthread_kill(t[i], SIGALRM);
	}
}

/* --- all of them ------------------------------------------------------------------------------------------------------ */
static u32 crashes, hung;

static void end_worker(pid_t pid)
{
	double until = seconds() + patience;
	int status;

	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (seconds() > until) {
			fprintf(stderr, "syscallstorm: process %d does not die\n", (int)pid);
			hung++;
			return;
		}
		usleep(10000);
	}
}

static void remove_ipc(void)
{
	struct shmid_ds shm;
	struct semid_ds sem;
	struct msqid_ds msg;
	struct seminfo si;
	int last;

	last = shmctl(0, IPC_INFO, (void *)&shm);
	for (int i = 0; i <= last; i++)
		shmctl(shmctl(i, SHM_STAT_ANY, &shm), IPC_RMID, NULL);
	last = semctl(0, 0, IPC_INFO, &si);
	for (int i = 0; i <= last; i++)
		semctl(semctl(i, 0, SEM_STAT_ANY, &sem), 0, IPC_RMID);
	last = msgctl(0, IPC_INFO, &msg);
	for (int i = 0; i <= last; i++)
		msgctl(msgctl(i, MSG_STAT_ANY, &msg), IPC_RMID, NULL);
}

static void round_of(u32 first, double until)
{
	pid_t pid[64];
	u32 n = workers > 64 ? 64 : workers, left = n;
	int status;

	for (u32 i = 0; i < n; i++) {
		pid[i] = fork();
		if (!pid[i])
			work(first + i);
	}
	while (left && seconds() < until) {
		for (u32 i = 0; i < n; i++)
			if (pid[i] > 0 && waitpid(pid[i], &status, WNOHANG) == pid[i]) {
				kill(-pid[i], SIGKILL);
				crashes += WIFSIGNALED(status);
				pid[i] = 0;
				left--;
			}
		usleep(20000);
	}
	for (u32 i = 0; i < n; i++)
		if (pid[i] > 0)
			end_worker(pid[i]);
	system("rm -rf /tmp/storm.*");
	remove_ipc();
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "seconds", 'n', &length, "how long (60)" },
		{ "workers", 'n', &workers, "processes at once (4)" },
		{ "threads", 'n', &threads, "in each (3)" },
		{ "patience", 'n', &patience, "seconds for a killed worker to end (60)" },
		{ "seed", 'n', &seed, "of the calls (1)" },
		{ "from", 'n', &from_number, "lowest system-call number (0)" },
		{ "to", 'n', &to_number, "first number above (460)" },
		{ "trace", 'b', &trace, "write each call to standard error first" },
		{ NULL, 0, NULL, NULL }
	};
	double start = seconds();
	u32 started = 0;

	parse_options(argc, argv, "usage: syscallstorm [--seconds N] [--workers N] [--threads N] [--seed N] [--from N] [--to N] [--trace]", defs);
	/* fences on both sides: the storm writes around its areas */
	counters = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counters == MAP_FAILED || mprotect(counters = (void *)((char *)counters + 32 * PAGE), PAGE, PROT_READ | PROT_WRITE))
		die("mmap");
	while (seconds() - start < length && !hung) {
		double until = seconds() + 2;

		round_of(started, until < start + length ? until : start + length);
		started += workers;
		progress("syscallstorm: %u calls, %u workers, %d s left", counters->calls, started, (int)(start + length - seconds()));
	}
	progress_done();
	printf("syscallstorm result=%s workers=%u calls=%u crashes=%u hung=%u seconds=%.1f seed=%u\n", hung ? "bad" : "ok", started,
	       counters->calls, crashes, hung, seconds() - start, (u32)seed);
	return hung != 0;
}
