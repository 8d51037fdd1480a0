/* SPDX-License-Identifier: MIT
 * help: what it costs to unmap and write out pages that many processes map; also runs on Linux. Needs swap
 *
 * A region of --mb megabytes is filled, private and anonymous, and shared by fork with --processes - 1 sleeping children. Then --hog
 * megabytes (all of memory) are written, which pushes everything else out. Measured is until the whole region has gone to swap. Its cost for one
 * page is what two runs differ by, with many processes and with one, divided by the pages: in both the hog's own pages cost the same.
 *
 * Last line: unmapcost processes= pages= out= cost= unit=ns|tk hog_mb=
 * out: pages of the region that are not in memory at the end. cost: all in all.
 */
#include "ticks.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

static u64 processes = 1, mb = 8, hog;

static u32 *region(u64 bytes)
{
	u32 *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("unmapcost: mmap");
	return p;
}

static void write_pages(u32 *p, u32 pages)
{
	for (u32 n = 0; n < pages; n++)
		p[n * (PAGE / 4)] = n + 1;
}

/* By pagemap: mincore would call what is in the swap cache present. Bit 63: present. */
static u32 not_present(const u32 *p, u32 pages)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	static uint64_t entries[512];
	u32 out = 0;

	if (fd < 0)
		die("unmapcost: pagemap");
	for (u32 n = 0; n < pages; n += 512) {
		u32 some = pages - n < 512 ? pages - n : 512;

		if (pread(fd, entries, some * 8, ((off_t)(uintptr_t)p / PAGE + n) * 8) != (ssize_t)(some * 8))
			die("unmapcost: pagemap");
		for (u32 k = 0; k < some; k++)
			out += !(entries[k] >> 63);
	}
	close(fd);
	return out;
}

static void share(pid_t *children)
{
	for (u32 n = 1; n < processes; n++) {
		children[n] = fork();
		if (children[n] < 0)
			die("unmapcost: fork");
		if (!children[n])
			for (;;)
				pause();
	}
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "processes", 'n', &processes, "that map the region (1)" },
		{ "mb", 'n', &mb, "megabytes of it (8)" },
		{ "hog", 'n', &hog, "megabytes written (all of memory)" },
		{ "ticks", 'b', &ticks, "ticks of the time-stamp counter, without idle time" },
		{ NULL, 0, NULL, NULL }
	};
	u32 pages, hogged, *p, *h;
	pid_t child = 0, *children;
	u64 cost;

	parse_options(argc, argv, "usage: unmapcost [--processes N] [--mb N] [--hog N] [--ticks]", defs);
	pages = mb * 256;
	hog = hog ? hog : (u64)proc_field("/proc/meminfo", "MemTotal:") / 1024;
	hogged = hog * 256;
	if (ticks)
		child = start_spinning();
	p = region((u64)pages * PAGE);
	h = region((u64)hogged * PAGE);
	children = calloc(processes, sizeof(*children));
	write_pages(p, pages);
	share(children);
	sleep(1);
	begin();
	write_pages(h, hogged);
	cost = elapsed();
	printf("unmapcost processes=%u pages=%u out=%u cost=%llu unit=%s hog_mb=%u\n", (u32)processes, pages, not_present(p, pages),
	       (unsigned long long)cost, ticks ? "tk" : "ns", (u32)hog);
	for (u32 n = 1; n < processes; n++)
		kill(children[n], SIGKILL);
	if (child)
		kill(child, SIGKILL);
	return 0;
}
