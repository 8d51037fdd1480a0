/* SPDX-License-Identifier: MIT
 * help: example: records of two files through one window, nonlinear or with plain mmap
 *
 * An example for /usr/share/doc/nonlinear.txt, and the fall-back that a program needs which must run elsewhere too: emulators and databases
 * want to show any block of their files at any address. Where a nonlinear area is refused (no such thing: EOPNOTSUPP, EINVAL; not for us:
 * EPERM; too large to be locked: EAGAIN), the same window is made of one-page mappings: slower, and an area of kernel memory a slot.
 *
 * Last line: window result=ok|bad how=nonlinear|mmap why= slots= moves= errors=
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nonlinear.h"
#include "pattern.h"

struct window { char *base; u32 slots; bool nonlinear; const char *why; };

/* The whole story of using it: ask, and if the answer is no, reserve addresses and map pages into them. */
static void window_open(struct window *w, u32 slots)
{
	w->slots = slots;
	w->why = "-";
	w->base = mmap(NULL, slots * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | MAP_NONLINEAR | MAP_ANONYMOUS, -1, 0);
	w->nonlinear = w->base != MAP_FAILED;
	if (w->nonlinear)
		return;
	w->why = strerrorname_np(errno);
	w->base = mmap(NULL, slots * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->base == MAP_FAILED)
		die("window: mmap");
}

static char *window_show(struct window *w, u32 slot, int fd, u32 page)
{
	char *at = w->base + (size_t)slot * PAGE;
	struct nonlinear_range r = { (u32)(uintptr_t)at, 1, fd, page };

	if (w->nonlinear ? nonlinear_place(&r, 1, 0) != 1 : mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)page * PAGE) != at)
		die("window: placing a page");
	return at;
}

static u64 slots = 64, moves = 2000, seed = 1;

static int make_file(u32 who, u32 pages)
{
	int fd = memfd_create("window", 0);
	u32 buf[WORDS];

	if (fd < 0)
		die("window: memfd_create");
	for (u32 page = 0; page < pages; page++) {
		fill_page(buf, page_key((u32)seed, who, page, 0));
		if (pwrite(fd, buf, PAGE, (off_t)page * PAGE) != PAGE)
			die("window: writing a file");
	}
	return fd;
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "slots", 'n', &slots, "of the window, in pages (64)" },
		{ "moves", 'n', &moves, "records shown (2000)" },
		{ "seed", 'n', &seed, "of choices and patterns (1)" },
		{ NULL, 0, NULL, NULL }
	};
	u32 state, errors = 0, pages = 256;
	struct window w;
	int fd[2];

	parse_options(argc, argv, "usage: window [--slots N] [--moves N] [--seed N]", defs);
	state = mix32((u32)seed);
	fd[0] = make_file(0, pages);
	fd[1] = make_file(1, pages);
	window_open(&w, (u32)slots);
	for (u64 n = 0; n < moves; n++) {
		u32 slot = next_random(&state) % w.slots, who = next_random(&state) % 2, page = next_random(&state) % pages;
		u32 *p = (u32 *)window_show(&w, slot, fd[who], page);

		errors += bad_words(p, page_key((u32)seed, who, page, 0)) != 0;
	}
	munmap(w.base, w.slots * PAGE);
	printf("window result=%s how=%s why=%s slots=%u moves=%u errors=%u\n", errors ? "bad" : "ok", w.nonlinear ? "nonlinear" : "mmap", w.why, w.slots,
	       (u32)moves, errors);
	return errors != 0;
}
