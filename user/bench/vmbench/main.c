/* SPDX-License-Identifier: MIT
 * help: virtual-memory benchmark; the same program runs on Linux (vmbench --help)
 *
 * Micro-benchmarks of virtual memory for 32-bit x86 kernels with Linux's ABI, in one static program that needs only a
 * writable directory (-d, default /tmp).
 *
 * Output: one line per measurement:  name value unit [k=v ...]
 *   unit is ns/op (clock_gettime) or tk/op (-T: raw rdtsc; under QEMU
 *   -icount shift=0 one tick is one guest instruction).
 *   A missing feature prints:  name - ERRNAME
 *
 * The order of the groups and of their rows is part of what is measured: a row finds what the earlier ones have left.
 */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct options opt = { .target = 40000000, .reps = 5, .dir = "/tmp" };

static struct {
	u32 swap_mb, hog_mb, shared_mb;
	bool huge, only_swap;
	const char *processes;  /* kind:MB:max:step */
} more = { .shared_mb = 16 };

/* Rows that run() measures, or a function that measures and prints its own. */
static const struct group {
	const struct row *rows;
	void (*measure)(void);
	int (*begin)(void);     /* before its rows, wanted or not; where it fails, a line of this name is all: */
	const char *name;
	void (*end)(void);
} groups[] = {
	{ .rows = call_rows },
	{ .rows = fork_rows },
	{ .rows = tiny_rows, .begin = make_tiny, .name = "fork_exec_tiny", .end = remove_tiny },
	{ .rows = exec_rows },
	{ .rows = fault_rows },
	{ .rows = file_rows, .begin = make_file, .name = "file_fault" },
	{ .rows = map_rows },
	{ .measure = many_vmas },
	{ .measure = nonlinear },
	{ .rows = switch_rows },
	{ .rows = bandwidth_rows },
	{ .measure = threads }
};

static void run_group(const struct group *group)
{
	if (group->measure)
		group->measure();
	else if (group->begin && group->begin())
		refused(group->name);
	else
		for (const struct row *row = group->rows; row->name; row++)
			run(row);
	if (group->end)
		group->end();
}

static bool usage(void)
{
	say("usage: vmbench [-T] [-t ms] [-r reps] [-d dir] [-H] [-S swapMB] [-P hogMB [-Q sharedMB]] [-O] "
	    "[-M kind:MB:max:step] [prefix...]\n");
	return false;
}

static bool parse(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "t:r:TS:P:Q:d:HM:O")) != -1)
		switch (o) {
		case 't': opt.target = strtoul(optarg, 0, 0) * 1000000ull; break;
		case 'r': opt.reps = atoi(optarg); break;
		case 'T': opt.ticks = true; break;
		case 'S': more.swap_mb = atoi(optarg); break;
		case 'P': more.hog_mb = atoi(optarg); break;
		case 'Q': more.shared_mb = atoi(optarg); break;
		case 'd': opt.dir = optarg; break;
		case 'H': more.huge = true; break;
		case 'M': more.processes = optarg; break;
		case 'O': more.only_swap = true; break;
		default: return usage();
		}
	if (opt.reps < 1)
		opt.reps = 1;
	opt.prefixes = argv + optind;
	opt.nprefixes = argc - optind;
	return true;
}

static void count_processes(const char *what)
{
	u32 mb = 0, max = 0, step = 10;

	sscanf(what + 1, ":%u:%u:%u", &mb, &max, &step);
	many_processes(what[0], mb, max, step ? step : 1);
}

static void benchmark(void)
{
	for (u32 i = 0; !more.only_swap && i < sizeof(groups) / sizeof(groups[0]); i++)
		run_group(&groups[i]);
	if (more.swap_mb || more.hog_mb)
		page_out();
	if (more.swap_mb)
		swap(more.swap_mb);
	if (more.hog_mb)
		pressure(more.shared_mb, more.hog_mb);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--exit")) /* the row fork_exec_static */
		_exit(0);
	opt.self = argv[0][0] == '/' ? argv[0] : "/proc/self/exe";
	if (!parse(argc, argv))
		return 2;
	if (!more.huge)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (more.processes)
		count_processes(more.processes);
	else
		benchmark();
	remove_scratch();
	return 0;
}
