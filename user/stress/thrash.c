/* SPDX-License-Identifier: MIT
 * help: a working set larger than memory, walked through in turn or at random, every byte verified
 *
 * Processes fill their shares of the working set, then go through them --passes times: each page is verified and written anew (--read:
 * verified only), in order of addresses or (--random) in an order without any. Every word of a page depends on seed, process,
 * page and pass. Without swap the working set is cut down to what memory holds.
 *
 * Last line: thrash result=ok|bad mode=sequential|random processes= mb= memory_mb= passes= pages= seconds= pages_per_second=
 *   major= swapin= swapout= errors= seed=
 * pages, seconds and pages_per_second are those of the passes, without filling; major: faults that had to read, of all passes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pattern.h"

#define MOST (1ULL << 30) /* of one process */

static u64 size, times = 2, processes, passes = 2, random_order, read_only, seed = 1;
struct shared { volatile u32 filled, go, done, errors, major; };
static struct shared *shared;

static void one_page(u32 *p, u32 who, u32 page, u32 pass)
{
	u32 version = read_only ? 0 : pass, bad = bad_words(p, page_key(seed, who, page, version));

	if (bad && __sync_fetch_and_add(&shared->errors, 1) < 5)
		fprintf(stderr, "thrash: process %u, page %u (%p), pass %u: %u words are wrong\n", who, page, (void *)p, pass, bad);
	if (!read_only)
		fill_page(p, page_key(seed, who, page, version + 1));
	__sync_fetch_and_add(&shared->done, 1);
}

static void one_pass(u32 *mem, u32 who, u32 pages, u32 pass)
{
	struct shuffle order;

	shuffle_init(&order, pages, page_key(seed, who, 0, ~pass));
	for (u32 n = 0; n < pages; n++) {
		u32 page = random_order ? shuffle_next(&order) : n;

		one_page(mem + (size_t)page * WORDS, who, page, pass);
	}
}

static int work(u32 who, u32 pages)
{
	u32 *mem = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rusage before, after;

	if (mem == MAP_FAILED)
		die("thrash: mmap");
	for (u32 n = 0; n < pages; n++) {
		fill_page(mem + (size_t)n * WORDS, page_key(seed, who, n, 0));
		__sync_fetch_and_add(&shared->done, 1);
	}
	__sync_fetch_and_add(&shared->filled, 1);
	while (!shared->go)
		usleep(10000);
	getrusage(RUSAGE_SELF, &before);
	for (u32 pass = 0; pass < passes; pass++)
		one_pass(mem, who, pages, pass);
	getrusage(RUSAGE_SELF, &after);
	__sync_fetch_and_add(&shared->major, after.ru_majflt - before.ru_majflt);
	return 0;
}

static bool one_is_dead(void)
{
	siginfo_t info = { .si_pid = 0 };

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

static u64 working_set(void)
{
	u64 want = size ? size : (u64)proc_field("/proc/meminfo", "MemTotal:") * 1024 * times, most = swap_bound();

	if (!size && want > most) {
		fprintf(stderr, "thrash: %u MB instead of %u: there is no room for more\n", (u32)(most >> 20), (u32)(want >> 20));
		want = most;
	}
	return want;
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "times", 'n', &times, "the working set, in times main memory (2)" },
		{ "size", 's', &size, "the working set, if not by --times" },
		{ "processes", 'n', &processes, "how many share it (2, and at least one per GB)" },
		{ "passes", 'n', &passes, "how often it is gone through (2)" },
		{ "random", 'b', &random_order, "in no order" },
		{ "read", 'b', &read_only, "verify only: pages stay clean" },
		{ "seed", 'n', &seed, "of the patterns (1)" },
		{ NULL, 0, NULL, NULL }
	};
	int64_t in, out, memory = proc_field("/proc/meminfo", "MemTotal:");
	u64 total, pages;
	double start;
	u32 each, bad;

	parse_options(argc, argv, "usage: thrash [--times N | --size SIZE] [--processes N] [--passes N] [--random] [--read] [--seed N]", defs);
	total = working_set();
	processes = processes ? processes : 2;
	if (processes < (total + MOST - 1) / MOST)
		processes = (total + MOST - 1) / MOST;
	each = total / processes / PAGE;
	pages = (u64)each * processes;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!each || shared == MAP_FAILED) {
		fprintf(stderr, "thrash: nothing to do\n");
		return 2;
	}
	for (u32 n = 0; n < processes; n++) {
		pid_t pid = fork();

		if (pid < 0)
			die("thrash: fork");
		if (!pid)
			_exit(work(n, each));
	}
	while (shared->filled < processes && !one_is_dead()) {
		progress("thrash: filled %u of %u MB", shared->done / 256, (u32)(pages / 256));
		usleep(20000);
	}
	in = proc_field("/proc/vmstat", "pswpin ");
	out = proc_field("/proc/vmstat", "pswpout ");
	shared->done = 0;
	start = seconds();
	shared->go = 1;
	while (shared->done < pages * passes && !one_is_dead()) {
		progress("thrash: %u of %u MB, %.0f pages/s", shared->done / 256, (u32)(pages * passes / 256), shared->done / (seconds() - start));
		usleep(20000);
	}
	start = seconds() - start;
	bad = reap_all("thrash");
	progress_done();
	bad += shared->errors;
	printf("thrash result=%s mode=%s processes=%u mb=%u memory_mb=%u passes=%u pages=%u seconds=%.1f pages_per_second=%.0f major=%u "
	       "swapin=%lld swapout=%lld errors=%u seed=%u\n", bad || shared->done < pages * passes ? "bad" : "ok", random_order ? "random" : "sequential",
	       (u32)processes, (u32)(pages / 256), (u32)(memory / 1024), (u32)passes, shared->done, start, shared->done / start, shared->major,
	       (long long)(proc_field("/proc/vmstat", "pswpin ") - in), (long long)(proc_field("/proc/vmstat", "pswpout ") - out), shared->errors, (u32)seed);
	return bad || shared->done < pages * passes;
}
