/* SPDX-License-Identifier: MIT
 * test: mem=2G smp=2 time=60 append="lowmem=64M" linux=no alone
 *
 * Low memory runs dry while high memory is plentiful. The killer must see which zone it is, pick who holds low memory and not
 * who holds most, and say so. Then a fork bomb of an ordinary user: it ends, all of it, and the machine answers.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "prog.h"
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MB (1 << 20)
static char log_text[1 << 18];

static long kills(void) { return proc_field("/proc/vmstat", "oom_kill "); }

static void set_adj(int adj)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "w");

	if (f) {
		fprintf(f, "%d", adj);
		fclose(f);
	}
}

/* Much high memory, little low. */
static pid_t rich_in_high(int mb)
{
	int up[2];
	char c = 'x', *p;
	pid_t pid;

	if (pipe(up))
		bail("pipe");
	pid = fork();
	if (!pid) {
		p = mmap(NULL, mb * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			_exit(5);
		memset(p, 1, mb * MB);
		if (write(up[1], &c, 1) != 1)
			_exit(6);
		for (;;)
			pause();
	}
	close(up[1]);
	if (read(up[0], &c, 1) != 1)
		bail("the holder of high memory");
	close(up[0]);
	return pid;
}

/* Areas without end, each a struct vma of low memory. */
static void eat_areas(void *arg)
{
	set_adj(0);
	for (;;) {
		char *p = mmap(NULL, 200 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			_exit(5);
		for (int at = 0; at < 200 * MB; at += 8192)
			if (mprotect(p + at, 4096, PROT_READ))
				_exit(6);
	}
}

static void areas(void)
{
	long before = kills();
	pid_t rich = rich_in_high(150);
	int status;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "w");

	fprintf(f, "10000000");
	fclose(f);
	is(in_child(eat_areas, NULL), SIGKILL, "who eats low memory is killed");
	is(kills(), before + 1, "one kill");
	ok(waitpid(rich, &status, WNOHANG) == 0, "not the one with 150 MB of high memory");
	ok(proc_field("/proc/meminfo", "HighFree:") > 1000000, "with a gigabyte of high memory free");
	kill(rich, SIGKILL);
	waitpid(rich, &status, 0);
	log_text[klogctl(3, log_text, sizeof(log_text) - 1)] = 0;
	ok(strstr(log_text, "out of memory: LOW memory ran dry"), "the report names low memory");
	ok(strstr(log_text, "(no use for this)"), "and that high memory is no use");
	ok(strstr(log_text, "held by: vm_area_struct"), "and who holds it");
}

static void bomb(void)
{
	struct rlimit many = { 100000, 100000 };

	set_adj(0);
	setpgid(0, 0);
	setgroups(0, NULL);
	setrlimit(RLIMIT_NPROC, &many);
	if (setgid(1000) || setuid(1000))
		_exit(9);
	for (;;)
		fork();
}

static int processes(void)
{
	long n = 0;
	FILE *f = fopen("/proc/loadavg", "r");

	if (!f || fscanf(f, "%*s %*s %*s %*d/%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

static void nothing(void *arg) {}

static void fork_bomb(void)
{
	long before = kills(), had = processes();
	double start = seconds(), ended = 0, worst = 0;
	int status;
	pid_t pid;
	FILE *f = fopen("/proc/sys/kernel/threads-max", "w");

	fprintf(f, "100000");
	fclose(f);
	pid = fork();
	if (!pid)
		bomb();
	while (seconds() - start < 40 && !ended) {
		double asked = seconds();

		usleep(100000);
		worst = seconds() - asked > worst ? seconds() - asked : worst;
		if (kills() > before && processes() < had + 10)
			ended = seconds();
	}
	waitpid(pid, &status, 0);
	printf("# %ld kills, over after %.1f s, longest wait %.1f s\n", kills() - before, ended ? ended - start : 0, worst);
	ok(ended, "the fork bomb came to an end: %d processes are left of it", (int)(processes() - had));
	is(status, SIGKILL, "its first process too");
	ok(worst < 10, "the machine answered all the time, in %.1f s at most", worst);
	is(in_child(nothing, NULL), 0, "and starts processes again");
}

int main(void)
{
	set_adj(-900);
	areas();
	fork_bomb();
	return done();
}
