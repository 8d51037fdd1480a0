/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=2 time=40 linux=no alone
 *
 * Out of memory: one process dies, the right one, and the rest goes on. Nothing dies as long as pages of files and slabs can be given
 * back. oom_score_adj decides; who is killed is said in /proc/vmstat and leaves at once.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "prog.h"
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MB (1 << 20)

static long kills(void) { return proc_field("/proc/vmstat", "oom_kill "); }
static long free_mb(void) { return proc_field("/proc/meminfo", "MemFree:") >> 10; }

static void set_adj_of(int pid, int adj)
{
	char path[40];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	f = fopen(path, "w");
	if (f) {
		fprintf(f, "%d", adj);
		fclose(f);
	}
}
static void set_adj(int adj) { set_adj_of(getpid(), adj); }

/* Takes mb megabytes and tells; then it sleeps, or goes on for ever if mb is 0. */
static pid_t eater(int mb, int adj)
{
	int up[2];
	char c = 'x';
	pid_t pid;

	if (pipe(up))
		bail("pipe");
	pid = fork();
	if (!pid) {
		set_adj(adj);
		for (int i = 0; !mb || i < mb; i++) {
			char *p = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			if (p == MAP_FAILED)
				_exit(5);
			for (int at = 0; at < MB; at += 4096)
				p[at] = i;
		}
		if (write(up[1], &c, 1) != 1)
			_exit(6);
		for (;;)
			pause();
	}
	close(up[1]);
	if (mb && read(up[0], &c, 1) != 1)
		printf("# the eater of %d MB did not come through\n", mb);
	close(up[0]);
	return pid;
}

static int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static int reap(pid_t pid)
{
	kill(pid, SIGTERM);
	return status_of(pid);
}

static void largest_dies(void)
{
	long before = kills(), had = free_mb();
	pid_t small = eater(6, 0), eats = eater(0, 0);
	double start = seconds();

	is(status_of(eats), SIGKILL, "who eats everything is killed");
	printf("# after %.2f s\n", seconds() - start);
	is(kills(), before + 1, "one kill");
	is(reap(small), SIGTERM, "the small one lived on");
	/* the reaper may have been at it when its owner was gone, and gives the rest back itself */
	ok(eventually(free_mb() > had - 4), "memory is back: %ld MB of %ld", free_mb(), had);
}

static void adjusted(void)
{
	long before = kills();
	pid_t first = eater(6, 900), spared = eater(12, -1000), eats = eater(0, 0);

	is(status_of(first), SIGKILL, "oom_score_adj 900 goes first");
	is(status_of(eats), SIGKILL, "then who ate it all");
	is(kills(), before + 2, "two kills");
	is(reap(spared), SIGTERM, "-1000 never");
}

static void score_file(const char *adj, long least, long most)
{
	pid_t pid = eater(8, atoi(adj));
	char name[64];
	long score = -1;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/oom_score", pid);
	f = fopen(name, "r");
	if (!f || fscanf(f, "%ld", &score) != 1)
		score = -1;
	if (f)
		fclose(f);
	ok(score >= least && score <= most, "oom_score of 8 of 64 MB, adj %s: %ld", adj, score);
	reap(pid);
}

/* Before anybody is killed, caches are emptied: the names of many files are slabs. */
static void slabs_first(void)
{
	long before = kills(), had;
	char name[64];
	pid_t pid;

	mkdir("/tmp/oom", 0700);
	for (int i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), "/tmp/oom/there-is-no-such-file-%d", i);
		access(name, F_OK); /* a name that is not there is remembered too */
	}
	had = proc_field("/proc/vmstat", "slabs_scanned ");
	pid = eater(0, 0);
	is(status_of(pid), SIGKILL, "who eats everything is killed");
	is(kills(), before + 1, "one kill");
	had = proc_field("/proc/vmstat", "slabs_scanned ") - had;
	ok(had > 500, "names were given up before: %ld", had);
	rmdir("/tmp/oom");
}

/* Threads of the victim, and children that share its memory, go with it. */
static void with_sharers(void)
{
	long before = kills();
	pid_t pid = fork();
	int status;

	if (!pid) {
		for (int i = 0; i < 3; i++)
			if (!vfork()) {
				char *p;

				for (;;) {
					p = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
					if (p == MAP_FAILED)
						_exit(5);
					memset(p, 1, MB);
				}
			}
		_exit(7);
	}
	status = status_of(pid);
	is(status, SIGKILL, "who shares the victim's memory dies too");
	is(kills(), before + 1, "one kill");
}

static void said(void)
{
	static char log[1 << 17];
	int n = klogctl(3, log, sizeof(log) - 1);

	log[n > 0 ? n : 0] = 0;
	ok(strstr(log, "out of memory: memory ran dry") && strstr(log, "is held by:") && strstr(log, "killed process"), "the log says what ran dry and who went");
	ok(!strstr(log, "page allocation failure"), "no allocation failed");
}

/* Everybody's oom_score_adj: -1000 and back. */
static void protect(bool on)
{
	static struct { int pid, adj; } was[64];
	static unsigned n;
	char path[40];
	struct dirent *e;
	DIR *proc;
	FILE *f;

	for (proc = on ? opendir("/proc") : NULL; proc && n < 64 && (e = readdir(proc));) {
		was[n].pid = atoi(e->d_name);
		snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", was[n].pid);
		f = was[n].pid ? fopen(path, "r") : NULL;
		n += f && fscanf(f, "%d", &was[n].adj) == 1;
		if (f)
			fclose(f);
	}
	if (proc)
		closedir(proc);
	for (unsigned i = 0; i < n; i++)
		set_adj_of(was[i].pid, on ? -1000 : was[i].adj);
}

/* Locks memory until there is none, for anybody, and nobody whom that could kill. Its exit then wants a page table. */
static void take_all_and_leave(void *arg)
{
	char *room = mmap(NULL, 8 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (room == MAP_FAILED || sched_setaffinity(0, sizeof(one), &one) || syscall(SYS_set_robust_list, room + 4 * MB, 12))
		_exit(5);
	for (int size = MB, failed = 0; size >= 4096 && failed < 20;) {
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p != MAP_FAILED && !mlock(p, size))
			continue;
		if (size > 4096)
			size /= 4;
		else
			failed++;
	}
}

static void leaves_when_nothing_is_left(void)
{
	protect(true);
	is(in_child(take_all_and_leave, NULL), 0, "who exits when nothing is left gets what that takes, and gives back the rest");
	protect(false);
}

int main(void)
{
	set_adj(-500);
	largest_dies();
	adjusted();
	score_file("0", 100, 180);
	score_file("500", 600, 700);
	score_file("-1000", 0, 0);
	slabs_first();
	with_sharers();
	said();
	leaves_when_nothing_is_left(); /* its failed allocations are in the log */
	return done();
}
