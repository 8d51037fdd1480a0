/* SPDX-License-Identifier: MIT
 * help: a tree of forks over shared pages that break one by one, every byte verified
 *
 * The root fills a region. Each process verifies it as its parent left it, breaks a part of it (copy on write: pages that a number made of
 * seed and process picks), forks --width children, and verifies again when they have gone: its own pages and those still shared. So
 * pages are mapped by up to 1 + width + width^2 ... processes, written under them, and swapped if memory is short.
 *
 * Last line: cowtree result=ok|bad depth= width= processes= mb= pages_verified= errors= seconds= seed=
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pattern.h"

static u64 size, depth = 4, width = 3, rounds = 1, seed = 1;
struct shared { volatile u32 processes, verified, errors, failed; };
static struct shared *shared;
static u32 *mem, pages;
static u32 *owner; /* by page: who wrote it last, on our way from the root */

static void verify(u32 who)
{
	for (u32 n = 0; n < pages; n++) {
		u32 bad = bad_words(mem + (size_t)n * WORDS, page_key(seed, owner[n], n, 0));

		if (bad && __sync_fetch_and_add(&shared->errors, 1) < 5)
			fprintf(stderr, "cowtree: process %u, page %u, written by %u: %u words are wrong\n", who, n, owner[n], bad);
	}
	__sync_fetch_and_add(&shared->verified, pages);
}

static void break_some(u32 who)
{
	u32 state = mix32(seed ^ who), count = pages / 8 + 1;

	while (count--) {
		u32 n = next_random(&state) % pages;

		owner[n] = who;
		fill_page(mem + (size_t)n * WORDS, page_key(seed, who, n, 0));
	}
}

static void grow(u32 who, u32 level)
{
	int status;

	__sync_fetch_and_add(&shared->processes, 1);
	verify(who);
	break_some(who);
	for (u64 k = 0; level && k < width; k++) {
		pid_t pid = fork();

		if (!pid) {
			grow(who * width + 1 + k, level - 1);
			_exit(0);
		}
		if (pid < 0)
			__sync_fetch_and_add(&shared->failed, 1);
	}
	while (wait(&status) > 0)
		if (status)
			__sync_fetch_and_add(&shared->failed, 1);
	verify(who);
}

static u64 tree_size(void)
{
	u64 n = 1, level = 1;

	for (u64 d = 0; d < depth && n < 100000; d++)
		n += level *= width;
	return n;
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "size", 's', &size, "of the region (what the whole tree may come to fits into memory and swap)" },
		{ "depth", 'n', &depth, "of the tree (4)" },
		{ "width", 'n', &width, "children of each (3)" },
		{ "rounds", 'n', &rounds, "trees, one after the other (1)" },
		{ "seed", 'n', &seed, "of patterns and choices (1)" },
		{ NULL, 0, NULL, NULL }
	};
	double start = seconds();

	parse_options(argc, argv, "usage: cowtree [--size SIZE] [--depth N] [--width N] [--rounds N] [--seed N]", defs);
	if (!size) /* each process breaks an eighth, and has page tables */
		size = swap_bound() / 2 / (1 + tree_size() / 8);
	pages = size / PAGE ? size / PAGE : 1;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mem = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	owner = calloc(pages, sizeof(*owner));
	if (shared == MAP_FAILED || mem == MAP_FAILED || !owner)
		die("cowtree");
	for (u64 r = 0; r < rounds; r++) {
		pid_t pid;
		int status;

		for (u32 n = 0; n < pages; n++)
			fill_page(mem + (size_t)n * WORDS, page_key(seed, owner[n] = 0, n, 0));
		pid = fork();
		if (!pid) {
			grow(0, depth);
			_exit(0);
		}
		if (pid < 0)
			die("cowtree: fork");
		while (!waitpid(pid, &status, WNOHANG)) {
			progress("cowtree: %u processes, %u MB verified", shared->processes, shared->verified / 256);
			usleep(20000);
		}
		shared->failed += status != 0;
	}
	progress_done();
	printf("cowtree result=%s depth=%u width=%u processes=%u mb=%u pages_verified=%u errors=%u seconds=%.1f seed=%u\n",
	       shared->errors || shared->failed ? "bad" : "ok", (u32)depth, (u32)width, shared->processes, pages / 256, shared->verified, shared->errors,
	       seconds() - start, (u32)seed);
	return shared->errors || shared->failed;
}
