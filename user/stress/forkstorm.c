/* SPDX-License-Identifier: MIT
 * help: processes fork, touch memory and exit; then look whether any zone or slab has lost something
 *
 * Keeps --processes children going for --seconds. Each maps --pages pages, touches them, forks a grandchild that writes to half
 * of them (copy-on-write), and exits. Free pages of each zone and live objects of each slab are compared between the end of a
 * warm-up round and the end; what grows by more than the tolerance is a leak.
 *
 * Last line: forkstorm result=ok|leak|bad forks= failed= leak_pages= leak_slabs= seconds= seed=
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "prog.h"
#include "sample.h"

#define PAGE 4096

static u64 processes = 200, length = 60, pages = 32, busy, verbose, seed = 1;

/* --- the storm ---------------------------------------------------------------------------------------------------------- */
static int child(void)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (p == MAP_FAILED)
		return 2;
	for (u64 i = 0; i < pages; i++)
		p[i * PAGE] = i + seed;
	pid = fork();
	if (!pid) {
		for (u64 i = 0; i < pages; i += 2)
			p[i * PAGE]++;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return 3;
	for (u64 i = 0; i < pages; i++)
		if (p[i * PAGE] != (char)(i + seed))
			return 4;
	return 0;
}

static void storm(double until, u64 *forks, u64 *failed)
{
	u64 running = 0;
	int status;

	for (;;) {
		bool more = seconds() < until;

		while (more && running < processes) {
			pid_t pid = fork();

			if (!pid)
				_exit(child());
			if (pid < 0) {
				(*failed)++;
				break;
			}
			running++;
			++*forks;
		}
		if (!running)
			return;
		if (wait(&status) > 0) {
			running--;
			*failed += status != 0;
		}
		progress("forkstorm: %u processes, %u failed, %d s left", (u32)*forks, (u32)*failed, (int)(until - seconds()));
	}
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "processes", 'n', &processes, "at once (200)" },
		{ "seconds", 'n', &length, "how long (60)" },
		{ "pages", 'n', &pages, "each process touches (32)" },
		{ "busy", 'b', &busy, "others are at work: what is gone at the end says nothing" },
		{ "verbose", 'b', &verbose, "show every zone and slab" },
		{ "seed", 'n', &seed, "of what is written (1)" },
		{ NULL, 0, NULL, NULL }
	};
	u64 forks = 0, failed = 0, warm = 0;
	struct sample before;
	long lost_pages = 0, lost_objects = 0;
	double start;

	parse_options(argc, argv, "usage: forkstorm [--processes N] [--seconds N] [--pages N] [--busy] [--verbose] [--seed N]", defs);
	storm(seconds() + (length < 20 ? 1 : 3), &warm, &failed);
	sleep(1);
	sample_take(&before);
	start = seconds();
	storm(start + length, &forks, &failed);
	if (!busy)
		sample_settle(&before, &lost_pages, &lost_objects, verbose);
	progress_done();
	printf("forkstorm result=%s forks=%u failed=%u leak_pages=%ld leak_slabs=%ld seconds=%.1f seed=%u\n",
	       failed ? "bad" : lost_pages || lost_objects ? "leak" : "ok", (u32)(forks + warm), (u32)failed, lost_pages, lost_objects,
	       seconds() - start, (u32)seed);
	return failed || lost_pages || lost_objects;
}
