/* SPDX-License-Identifier: MIT
 * help: windows onto a shared file rearranged by remap_file_pages
 *
 * Each process maps one shared file through a window and rearranges it, page by page, with remap_file_pages(2): no area for each page. It
 * remembers which page of the file stands where, writes versions through the window, and verifies every page it looks at, and the
 * whole file at the end through read(2). Says so, and leaves with 3, where the call is missing, and 4 where it is not allowed
 * (vm.nonlinear).
 *
 * Last line: remapper result=ok|bad|missing|refused processes= pages= window= remaps= verified= errors= seconds= seed=
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "pattern.h"

static u64 pages = 4096, window = 512, processes = 4, length = 10, seed = 1;
struct shared { volatile u32 remaps, verified, errors; };
static struct shared *shared;
static int fd;

static void complain(u32 who, u32 page)
{
	if (__sync_fetch_and_add(&shared->errors, 1) < 8)
		fprintf(stderr, "remapper: process %u, page %u is wrong\n", who, page);
}

/* A process owns the pages whose number is its own modulo the processes, and may place and write only these. */
static u32 own_page(u32 who, u32 *state) { return next_random(state) % (pages / processes) * processes + who; }

static int work(u32 who, double until)
{
	u32 *version = calloc(pages, sizeof(u32)), *at = malloc(window * sizeof(u32)), state = mix32(seed * 7 + who);
	u32 *map = mmap(NULL, window * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (!version || !at || map == MAP_FAILED)
		die("remapper");
	for (u32 i = 0; i < window; i++)
		at[i] = i;
	while (seconds() < until) {
		for (u32 k = 0; k < 100; k++) {
			u32 slot = next_random(&state) % window, page = own_page(who, &state);
			u32 *p = map + (size_t)slot * WORDS;

			if (remap_file_pages(p, PAGE, 0, page, 0))
				die("remapper: remap_file_pages");
			__sync_fetch_and_add(&shared->remaps, 1);
			at[slot] = page;
			if (bad_words(p, page_key(seed, page % processes, page, version[page])))
				complain(who, page);
			fill_page(p, page_key(seed, who, page, ++version[page]));
			slot = next_random(&state) % window;
			if (at[slot] % processes == who && bad_words(map + (size_t)slot * WORDS, page_key(seed, who, at[slot], version[at[slot]])))
				complain(who, at[slot]);
			__sync_fetch_and_add(&shared->verified, 2);
		}
	}
	for (u32 page = who; page < pages; page += processes) { /* read(2) sees the same */
		u32 buf[WORDS];

		if (pread(fd, buf, PAGE, (off_t)page * PAGE) != PAGE || bad_words(buf, page_key(seed, who, page, version[page])))
			complain(who, page);
	}
	return 0;
}

static void try_the_call(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int err = p == MAP_FAILED ? errno : remap_file_pages(p, PAGE, 0, 1, 0) ? errno : 0;

	munmap(p, 2 * PAGE);
	if (!err)
		return;
	fprintf(stderr, "remapper: remap_file_pages: %s\n", err == ENOSYS ? "this kernel does not have it" : strerror(err));
	printf("remapper result=%s processes=0 pages=0 window=0 remaps=0 verified=0 errors=0 seconds=0 seed=%u\n", err == ENOSYS ? "missing" : "refused", (u32)seed);
	exit(err == ENOSYS ? 3 : 4);
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "pages", 'n', &pages, "of the file (4096)" },
		{ "window", 'n', &window, "pages mapped (512)" },
		{ "processes", 'n', &processes, "at work (4)" },
		{ "seconds", 'n', &length, "how long (10)" },
		{ "seed", 'n', &seed, "of choices and patterns (1)" },
		{ NULL, 0, NULL, NULL }
	};
	double start = seconds();
	u32 buf[WORDS], bad;

	parse_options(argc, argv, "usage: remapper [--pages N] [--window N] [--processes N] [--seconds N] [--seed N]", defs);
	pages -= pages % processes;
	window = window < pages ? window : pages;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = memfd_create("remapper", 0);
	if (fd < 0 || shared == MAP_FAILED)
		die("remapper");
	for (u32 page = 0; page < pages; page++) {
		fill_page(buf, page_key(seed, page % processes, page, 0));
		if (pwrite(fd, buf, PAGE, (off_t)page * PAGE) != PAGE)
			die("remapper: writing the file");
	}
	try_the_call();
	for (u32 n = 0; n < processes; n++)
		if (!fork())
			_exit(work(n, start + length));
	while (seconds() < start + length) {
		progress("remapper: %u remaps, %d s left", shared->remaps, (int)(start + length - seconds()));
		usleep(50000);
	}
	bad = reap_all("remapper") + shared->errors;
	progress_done();
	printf("remapper result=%s processes=%u pages=%u window=%u remaps=%u verified=%u errors=%u seconds=%.1f seed=%u\n", bad ? "bad" : "ok", (u32)processes,
	       (u32)pages, (u32)window, shared->remaps, shared->verified, shared->errors, seconds() - start, (u32)seed);
	return bad != 0;
}
