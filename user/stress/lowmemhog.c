/* SPDX-License-Identifier: MIT
 * help: takes low memory, by consumer: one option each
 *
 * Each option makes so many objects of one kind, holds them, and says what one of them cost, by LowFree of /proc/meminfo (the cost of a
 * kind includes what the kernel adds: slabs, page tables in low memory, stacks). What cannot be had ends that kind and is reported, not an
 * error. With --hold the objects stay until Enter or a signal: time for /proc/lowmem. Everything is given back at the end, and LowFree
 * compared.
 *
 * A line for each kind:  lowmemhog kind= made= wanted= low_kb= bytes_each=
 * Last line: lowmemhog result=ok|leak low_kb_before= low_kb_taken= low_kb_after= seconds= seed=
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "pattern.h"

static u64 n_processes, n_threads, n_vmas, n_tables, n_directories, n_files, n_pipes, n_events, n_timers, n_locks, n_inodes, n_names, n_anon, hold, busy, seed = 1;
static int64_t low_free(void) { int64_t kb = proc_field("/proc/meminfo", "LowFree:"); return kb >= 0 ? kb : proc_field("/proc/meminfo", "MemFree:"); }

/* --- the kinds. => how many were made --------------------------------------------------------------------------------- */
static pid_t *children;
static u64 made_processes;

static u64 processes(u64 n)
{
	children = calloc(n, sizeof(pid_t));
	for (; children && made_processes < n; made_processes++) {
		pid_t pid = fork();

		if (!pid) {
			for (;;)
				pause();
		}
		if (pid < 0)
			break;
		children[made_processes] = pid;
	}
	return made_processes;
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static u64 threads(u64 n)
{
	pthread_attr_t a;
	pthread_t t;
	u64 made = 0;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 16384);
	while (made < n && !pthread_create(&t, &a, sleeper, NULL))
		made++;
	return made;
}

static void *map_at(size_t len, int prot) { return mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); }

static u64 vmas(u64 n) /* every other page unprotected: none can be merged */
{
	char *p = map_at(2 * n * PAGE, PROT_NONE);
	u64 made = 0;

	while (p != MAP_FAILED && made < n && !mprotect(p + made * 2 * PAGE, PAGE, PROT_READ))
		made++;
	return 2 * made;
}

static u64 spread(u64 n, size_t step) /* one page touched in each stretch of step bytes */
{
	u64 made = 0;

	while (made < n) {
		volatile char *p = map_at(step, PROT_READ | PROT_WRITE);

		if (p == MAP_FAILED)
			break;
		*(volatile char *)(((uintptr_t)p + step - 1) & ~(step - 1) & ~(uintptr_t)(PAGE - 1)) = 1;
		made++;
	}
	return made;
}
static u64 tables(u64 n) { return spread(n, 2u << 20); }
static u64 directories(u64 n) { return spread(n < 2 ? n : 2, 1u << 30); }

static u64 anon(u64 n) /* anon_vma objects: areas with a page each */
{
	char *p = map_at(2 * n * PAGE, PROT_NONE);
	u64 made = 0;

	for (; p != MAP_FAILED && made < n && !mprotect(p + made * 2 * PAGE, PAGE, PROT_READ | PROT_WRITE); made++)
		p[made * 2 * PAGE] = 1;
	return made;
}

static u64 files(u64 n)
{
	u64 made = 0;

	while (made < n && open("/dev/null", O_RDONLY) >= 0)
		made++;
	return made;
}

static u64 pipes(u64 n)
{
	static char data[PAGE];
	u64 made = 0;
	int fd[2];

	while (made < n && !pipe2(fd, O_NONBLOCK) && write(fd[1], data, PAGE) == PAGE)
		made++;
	return made;
}

static u64 events(u64 n) /* an eventfd each, watched by one epoll */
{
	int ep = epoll_create1(0);
	u64 made = 0;

	for (; made < n; made++) {
		struct epoll_event e = { .events = EPOLLIN };
		int fd = eventfd(0, 0);

		if (fd < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
			break;
	}
	return made;
}

static u64 timers(u64 n)
{
	struct itimerspec later = { .it_value.tv_sec = 100000 };
	u64 made = 0;

	for (; made < n; made++) {
		int fd = timerfd_create(CLOCK_MONOTONIC, 0);

		if (fd < 0 || timerfd_settime(fd, 0, &later, NULL))
			break;
	}
	return made;
}

static char folder[] = "/tmp/lowmemhog.XXXXXX";

static u64 locks(u64 n) /* one byte each of one file */
{
	char name[128];
	u64 made = 0;
	int fd;

	snprintf(name, sizeof(name), "%s/locks", folder);
	fd = open(name, O_RDWR | O_CREAT, 0600);
	for (; made < n; made++) {
		struct flock l = { .l_type = F_WRLCK, .l_start = made * 2, .l_len = 1 };

		if (fcntl(fd, F_SETLK, &l))
			break;
	}
	return made;
}

static void name_of(char *name, const char *kind, u64 n) { sprintf(name, "%s/%s%llu", folder, kind, (unsigned long long)n); }

static u64 inodes(u64 n)
{
	u64 made = 0;
	char name[128];

	for (; made < n; made++) {
		name_of(name, "inode", made);
		if (mknod(name, S_IFREG | 0600, 0))
			break;
	}
	return made;
}

static u64 names(u64 n) /* names that do not exist are remembered too; the kernel may forget them when it likes */
{
	struct stat st;
	char name[128];

	for (u64 i = 0; i < n; i++) {
		name_of(name, "name-that-does-not-exist-", i);
		stat(name, &st);
	}
	return n;
}

/* --- all of them ------------------------------------------------------------------------------------------------------------ */
static const struct { const char *name; u64 *wanted; u64 (*make)(u64 n); const char *help; } kinds[] = {
	{ "processes", &n_processes, processes, "tasks, stacks, page directories, descriptor tables" },
	{ "threads", &n_threads, threads, "tasks and stacks" },
	{ "vmas", &n_vmas, vmas, "areas, two for each" },
	{ "anon", &n_anon, anon, "areas with a page: reverse-map objects" },
	{ "tables", &n_tables, tables, "page tables (high memory, but for highpte=off)" },
	{ "directories", &n_directories, directories, "page directories: at most 2" },
	{ "files", &n_files, files, "open files" },
	{ "pipes", &n_pipes, pipes, "with a page each" },
	{ "events", &n_events, events, "eventfds watched by an epoll" },
	{ "timers", &n_timers, timers, "timerfds" },
	{ "locks", &n_locks, locks, "POSIX locks" },
	{ "inodes", &n_inodes, inodes, "of tmpfs, with their names" },
	{ "names", &n_names, names, "of files that do not exist" },
};
#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void take_all(void)
{
	for (unsigned k = 0; k < NR_KINDS; k++) {
		int64_t before = low_free();
		u64 made;

		if (!*kinds[k].wanted)
			continue;
		made = kinds[k].make(*kinds[k].wanted);
		before -= low_free();
		printf("lowmemhog kind=%s made=%llu wanted=%llu low_kb=%lld bytes_each=%lld\n", kinds[k].name, (unsigned long long)made,
		       (unsigned long long)*kinds[k].wanted, (long long)before, made ? (long long)(before * 1024 / (int64_t)made) : 0);
		fflush(stdout);
	}
}

static void on_signal(int sig) {}

/* A child takes and holds: whatever it is, its end gives all of it back. */
static void child(int done, int go)
{
	struct rlimit many = { 1 << 20, 1 << 20 };
	char c = 0;

	if (setrlimit(RLIMIT_NOFILE, &many)) {
		many.rlim_cur = many.rlim_max = 65536;
		setrlimit(RLIMIT_NOFILE, &many);
	}
	take_all();
	write(done, &c, 1);
	read(go, &c, 1);
	for (u64 n = 0; n < made_processes; n++)
		kill(children[n], SIGKILL);
	while (wait(NULL) > 0)
		;
	_exit(0);
}

static void remove_folder(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command))
		fprintf(stderr, "lowmemhog: %s stays\n", folder);
}

int main(int argc, char **argv)
{
	struct option_def defs[NR_KINDS + 4] = { 0 };
	int64_t before, taken, after;
	double start = seconds();
	int done[2], go[2];
	bool any = false, leak;
	char c;

	for (unsigned k = 0; k < NR_KINDS; k++)
		defs[k] = (struct option_def){ kinds[k].name, 'n', kinds[k].wanted, kinds[k].help };
	defs[NR_KINDS] = (struct option_def){ "hold", 'b', &hold, "until Enter or a signal" };
	defs[NR_KINDS + 1] = (struct option_def){ "busy", 'b', &busy, "others are at work: LowFree at the end says nothing" };
	defs[NR_KINDS + 2] = (struct option_def){ "seed", 'n', &seed, "printed only: there is no chance in this" };
	parse_options(argc, argv, "usage: lowmemhog [--KIND N]... [--hold] [--busy]   (without a kind: 200 of each, 20 processes)", defs);
	for (unsigned k = 0; k < NR_KINDS; k++)
		any |= *kinds[k].wanted > 0;
	for (unsigned k = 0; k < NR_KINDS && !any; k++)
		*kinds[k].wanted = kinds[k].make == processes || kinds[k].make == threads ? 20 : 200;
	if (!mkdtemp(folder) || pipe(done) || pipe(go))
		die("lowmemhog");
	signal(SIGINT, on_signal);
	before = low_free();
	if (!fork()) {
		setpgid(0, 0);
		child(done[1], go[0]);
	}
	while (read(done[0], &c, 1) < 0 && errno == EINTR)
		;
	taken = before - low_free();
	if (hold) {
		fprintf(stderr, "lowmemhog: holding %lld kB of low memory; Enter lets go\n", (long long)taken);
		read(0, &c, 1);
	}
	write(go[1], &c, 1);
	if (reap_all("lowmemhog"))
		taken = 0;
	remove_folder();
	after = low_free();
	for (int i = 0; i < 300 && !busy && before - after > 4096; i++, after = low_free()) /* slabs and grace periods come a little later */
		usleep(100000);
	leak = !busy && before - after > 4096;
	printf("lowmemhog result=%s low_kb_before=%lld low_kb_taken=%lld low_kb_after=%lld seconds=%.1f seed=%u\n", leak ? "leak" : "ok",
	       (long long)before, (long long)taken, (long long)after, seconds() - start, (u32)seed);
	return leak;
}
