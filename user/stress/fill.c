/* SPDX-License-Identifier: MIT
 * help: fill memory with patterns in many processes, verify every byte, report
 *
 * Each process fills its share, all at once; when everyone has, every word is verified, and again after a second
 * pass with the pattern inverted. Every word depends on seed, process and address, so that pages that were swapped
 * with one another, lost, or shared by mistake are all seen. A process holds at most 1 GB of its 3 GB address space.
 *
 * Last line: fill result=ok|bad processes= mb= passes= verified_mb= errors= high_mb= low_mb= seconds= seed=
 * high_mb and low_mb are what the fill took of each, from /proc/meminfo.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "prog.h"

#define PAGE 4096u
#define WORDS (PAGE / sizeof(u32))
#define MOST (1ULL << 30)

static u64 total, processes, passes = 2, seed = 1;

struct shared {              /* one page that all processes share */
	volatile u32 pages_done; /* for the progress line only */
	volatile u32 errors;
};
static struct shared *shared;

/* --- one process -------------------------------------------------------------------------------------------------- */
static u32 page_key(u32 who, u32 page, u32 pass) { return mix32(mix32((u32)seed ^ who * 0x9e3779b9u) ^ page) ^ (pass & 1 ? ~0u : 0); }

static void fill_page(u32 *p, u32 key)
{
	for (u32 i = 0; i < WORDS; i++)
		p[i] = key + i * 0x9e3779b1u;
}

static u32 bad_words(const u32 *p, u32 key)
{
	u32 bad = 0;

	for (u32 i = 0; i < WORDS; i++)
		bad += p[i] != key + i * 0x9e3779b1u;
	return bad;
}

/* Tells that this phase is done, and waits until the parent closes the phase's gate. */
static void step(int gate, int to_parent)
{
	char c = 'x';

	if (write(to_parent, &c, 1) != 1 || read(gate, &c, 1) != 0)
		_exit(3);
}

/* Fills and verifies; between the phases it waits for the others. */
static int work(u32 who, u32 pages, int (*gate)[2], int to_parent)
{
	u32 *mem = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u32 errors = 0;

	if (mem == MAP_FAILED) {
		perror("fill: mmap");
		return 2;
	}
	for (u32 pass = 0; pass < passes; pass++) {
		for (u32 n = 0; n < pages; n++) {
			fill_page(mem + n * WORDS, page_key(who, n, pass));
			__sync_fetch_and_add(&shared->pages_done, 1);
		}
		step(gate[2 * pass][0], to_parent);
		for (u32 n = 0; n < pages; n++) {
			u32 bad = bad_words(mem + n * WORDS, page_key(who, n, pass));

			if (bad && errors++ < 3)
				fprintf(stderr, "fill: process %u, address %p: %u words of the page are wrong\n", who, (void *)(mem + n * WORDS), bad);
			__sync_fetch_and_add(&shared->pages_done, 1);
		}
		step(gate[2 * pass + 1][0], to_parent);
	}
	__sync_fetch_and_add(&shared->errors, errors);
	return errors != 0;
}

/* --- all of them ---------------------------------------------------------------------------------------------------- */
static void show(const char *phase, u64 pages)
{
	progress("fill: %s %u of %u MB", phase, shared->pages_done / 256, (u32)(pages / 256));
}

/* Has a process died? They only end by themselves after the last phase. */
static bool one_is_dead(void)
{
	siginfo_t info = { .si_pid = 0 };

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* => true when every process has come to the end of its phase; false when one is dead, and then so are the others */
static bool wait_phase(int from_children, const char *phase, u64 pages)
{
	struct pollfd ready = { .fd = from_children, .events = POLLIN };
	char buf[256];

	for (u64 n = 0; n < processes;) {
		if (poll(&ready, 1, 200) > 0) {
			ssize_t got = read(from_children, buf, processes - n < sizeof(buf) ? processes - n : sizeof(buf));

			if (got <= 0)
				return false;
			n += got;
		} else if (one_is_dead()) {
			signal(SIGTERM, SIG_IGN);
			kill(0, SIGTERM);
			return false;
		}
		show(phase, pages);
	}
	shared->pages_done = 0;
	return true;
}

static int collect(void)
{
	int status, bad = 0;

	while (wait(&status) > 0)
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			bad++;
			if (WIFSIGNALED(status))
				fprintf(stderr, "fill: a process died of signal %d\n", WTERMSIG(status));
		}
	return bad;
}

/* A pipe for each phase: when its writing end is closed, everybody goes on. */
static bool make_gates(int (*gate)[2])
{
	for (u64 g = 0; g < 2 * passes; g++)
		if (pipe(gate[g]))
			return false;
	return true;
}

static int64_t free_kb(const char *field)
{
	int64_t kb = proc_field("/proc/meminfo", field);

	return kb < 0 ? 0 : kb;
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "size", 's', &total, "how much in all (three quarters of what is available, half of hostmem=)" },
		{ "processes", 'n', &processes, "how many (at least one per GB)" },
		{ "passes", 'n', &passes, "how often, each with other patterns (2)" },
		{ "seed", 'n', &seed, "of the patterns (1)" },
		{ NULL, 0, NULL, NULL }
	};
	int up[2], (*gate)[2], bad;
	int64_t high, low;
	double start = seconds();
	u64 pages;
	u32 each;

	parse_options(argc, argv, "usage: fill [--size SIZE] [--processes N] [--passes N] [--seed N]", defs);
	if (!total)
		total = memory_bound();
	if (!processes)
		processes = 8;
	if (processes < (total + MOST - 1) / MOST)
		processes = (total + MOST - 1) / MOST;
	each = total / processes / PAGE;
	pages = (u64)each * processes;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	gate = calloc(2 * passes, sizeof(*gate));
	if (!each || !passes || !gate || shared == MAP_FAILED || pipe(up) || !make_gates(gate)) {
		fprintf(stderr, "fill: cannot start (%u pages a process)\n", each);
		return 2;
	}
	setpgid(0, 0); /* so that kill(0) means us */
	high = free_kb("HighFree:");
	low = free_kb("LowFree:");
	for (u64 n = 0; n < processes; n++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fill: fork");
		if (!pid) {
			close(up[0]);
			for (u64 g = 0; g < 2 * passes; g++)
				close(gate[g][1]);
			_exit(work(n, each, gate, up[1]));
		}
	}
	close(up[1]);
	for (u64 pass = 0; pass < passes; pass++) {
		if (!wait_phase(up[0], "filled", pages))
			break;
		if (!pass) {
			high -= free_kb("HighFree:");
			low -= free_kb("LowFree:");
		}
		close(gate[2 * pass][1]);
		if (!wait_phase(up[0], "verified", pages))
			break;
		close(gate[2 * pass + 1][1]);
	}
	bad = collect();
	progress_done();
	printf("fill result=%s processes=%u mb=%u passes=%u verified_mb=%u errors=%u high_mb=%lld low_mb=%lld seconds=%.1f seed=%u\n",
	       bad ? "bad" : "ok", (u32)processes, (u32)(pages / 256), (u32)passes, bad ? 0 : (u32)(pages / 256 * passes), shared->errors,
	       (long long)high / 1024, (long long)low / 1024, seconds() - start, (u32)seed);
	return bad != 0;
}
