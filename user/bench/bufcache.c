/* SPDX-License-Identifier: MIT
 * help: a window onto a large file, rearranged page by page: remap_file_pages against one-page mmaps
 *
 * What databases did on 32-bit machines in 2003 (an indirect buffer cache): more file in memory than addresses, and a window whose slots show
 * the blocks that are wanted now. Runs on Linux too, which emulates remap_file_pages with an area a piece; raise vm.max_map_count there.
 *
 *	--how rfp     remap_file_pages: the window is one area
 *	--how place   nonlinear_place, Isthmus's own
 *	--how mmap    mmap(MAP_FIXED | MAP_POPULATE) of one page a slot
 *
 * The file is sparse. Only every 8th page of it is used (--every), so that a window of 1 GB over 8 GB touches 1 GB of memory. All of these are in
 * the page cache before anything is measured. First each slot is filled once, at random; then slots are moved at random; then each slot is looked
 * at. Times are per call, of the calls alone. -T counts time-stamp ticks: instructions under `tools/run --icount`.
 *
 * Low memory: by consumer from /proc/lowmem; on Linux, which has none, from vm_area_struct and the maple tree's nodes in /proc/slabinfo, and LowFree.
 * Last line: bufcache result=ok|bad how= slots= filled= moved= unit=ns|ticks fill= move= areas= low_kb= low_move_kb= tables_kb=
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "nonlinear.h"
#include "pattern.h"

static u64 window = 1ULL << 30, file = 8ULL << 30, every = 8, moves = 100000, seed = 1, ticks;
static const char *how;
static char *base;
static int fd;

static u64 now(void)
{
	struct timespec t;

	if (ticks)
		return __builtin_ia32_rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* KB of low memory in what maps memory: areas, page directories, low page tables, reverse maps. */
static long slab_kb(const char *name)
{
	char line[256], found[64];
	unsigned long active, total, size;
	FILE *f = fopen("/proc/slabinfo", "r");
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %lu %lu %lu", found, &active, &total, &size) == 4 && !strcmp(found, name))
			kb = (long)((u64)total * size >> 10);
	if (f)
		fclose(f);
	return kb;
}

static long low_kb(void)
{
	static const char *const slabs[] = { "vm_area_struct", "maple_node", "vma_lock", "kmalloc-32", "pte_chain" };
	long kb = 0;

	for (unsigned i = 0; i < sizeof(slabs) / sizeof(slabs[0]); i++)
		kb += slab_kb(slabs[i]);
	return kb;
}

static int areas(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int c, n = 0;

	while (f && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

static void show(u32 slot, u32 page)
{
	char *at = base + (size_t)slot * PAGE;
	struct nonlinear_range r = { (u32)(uintptr_t)at, 1, fd, page };
	bool good;

	switch (how[0]) {
	case 'r': good = !remap_file_pages(at, PAGE, 0, page, 0); break;
	case 'p': good = nonlinear_place(&r, 1, 0) == 1; break;
	default: good = mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, (off_t)page * PAGE) == at;
	}
	if (!good)
		die("bufcache: placing a page");
}

static void make_file(u32 pages)
{
	fd = memfd_create("bufcache", 0);
	if (fd < 0 || ftruncate(fd, (off_t)file))
		die("bufcache: memfd");
	for (u32 n = 0; n < pages; n++) {
		u32 page = n * (u32)every;

		if (pwrite(fd, &page, sizeof(page), (off_t)page * PAGE) != sizeof(page))
			die("bufcache: pwrite");
		progress("bufcache: page %u of %u", n, pages);
	}
	progress_done();
}

static void open_window(void)
{
	bool own = how[0] == 'p';

	base = mmap(NULL, window, PROT_READ | PROT_WRITE, own ? MAP_SHARED_VALIDATE | MAP_NONLINEAR : MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		die("bufcache: mmap of the window");
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "window", 's', &window, "its size (1G)" },
		{ "file", 's', &file, "its size (8G)" },
		{ "every", 'n', &every, "which pages of the file are used (8)" },
		{ "moves", 'n', &moves, "after the window has been filled (100000)" },
		{ "seed", 'n', &seed, "of choices (1)" },
		{ NULL, 0, NULL, NULL }
	};
	u32 slots, pages, state, errors = 0, *at;
	long low0, low1, low2, tables;
	u64 fill, move, t;

	if (argc > 1 && !strcmp(argv[1], "-T")) {
		ticks = 1;
		argv[1] = argv[0];
		argv++, argc--;
	}
	if (argc > 2 && !strcmp(argv[1], "--how")) {
		how = argv[2];
		argv[2] = argv[0];
		argv += 2, argc -= 2;
	}
	parse_options(argc, argv, "usage: bufcache [-T] --how rfp|place|mmap [--window SIZE] [--file SIZE] [--every N] [--moves N] [--seed N]", defs);
	if (!how || (strcmp(how, "rfp") && strcmp(how, "place") && strcmp(how, "mmap"))) {
		fprintf(stderr, "bufcache: --how rfp|place|mmap is wanted\n");
		return 2;
	}
	slots = window / PAGE;
	pages = file / PAGE / every;
	state = mix32((u32)seed);
	at = malloc(slots * sizeof(u32));
	make_file(pages);
	low0 = low_kb();
	tables = -proc_field("/proc/self/status", "VmPTE:");
	open_window();
	fill = now();
	for (u32 slot = 0; slot < slots; slot++) {
		at[slot] = next_random(&state) % pages * (u32)every;
		show(slot, at[slot]);
	}
	fill = now() - fill;
	low1 = low_kb();
	move = 0;
	for (u64 n = 0; n < moves; n++) {
		u32 slot = next_random(&state) % slots;

		at[slot] = next_random(&state) % pages * (u32)every;
		t = now();
		show(slot, at[slot]);
		move += now() - t;
	}
	low2 = low_kb();
	tables += proc_field("/proc/self/status", "VmPTE:");
	for (u32 slot = 0; slot < slots; slot++)
		errors += *(volatile u32 *)(base + (size_t)slot * PAGE) != at[slot];
	printf("bufcache result=%s how=%s slots=%u filled=%u moved=%llu unit=%s fill=%llu move=%llu areas=%d low_kb=%ld low_move_kb=%ld tables_kb=%ld\n",
	       errors ? "bad" : "ok", how, slots, slots, (unsigned long long)moves, ticks ? "ticks" : "ns", (unsigned long long)(fill / slots),
	       (unsigned long long)(moves ? move / moves : 0), areas(), low1 - low0, low2 - low1, tables);
	return errors != 0;
}
