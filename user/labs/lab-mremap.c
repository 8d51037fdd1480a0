/* SPDX-License-Identifier: MIT
 * help: lab: what mremap costs after fork: pages copied, instructions
 *
 * A child moves memory that it shares with its parent, and then some that is its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include "lab.h"

static u64 pages = 256;

/* Pages that we alone map (pagemap, bit 56). */
static u64 exclusive(const char *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	u64 n = 0, e;

	for (u64 i = 0; i < pages; i++) {
		if (pread(fd, &e, 8, ((unsigned long)p / PAGE + i) * 8) != 8)
			die("pagemap");
		n += e >> 56 & 1;
	}
	close(fd);
	return n;
}

static char *map(void)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* Not by 2 MB steps, so that page-table pages do not move as a whole. */
static char *move(char *p, const char *metric)
{
	char *to = mmap(NULL, (pages + 1) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;
	double t = ns();

	q = mremap(p, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + ((unsigned long)(to - p) % (2 << 20) ? 0 : PAGE));
	if (q == MAP_FAILED)
		die("mremap");
	result(metric, (ns() - t) / pages, "instructions");
	return q;
}

static int child(char *p)
{
	char *own = map();

	p = move(p, "shared.move");
	result("shared.copies", exclusive(p), "pages");
	memset(own, 2, pages * PAGE);
	move(own, "own.move");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option_def defs[] = { { "pages", 'n', &pages, "pages that are moved" }, { 0 } };
	int status = -1;
	char *p;

	parse_options(argc, argv, "what mremap costs after fork", defs);
	p = map();
	memset(p, 1, pages * PAGE);
	result("pages", pages, "pages");
	if (!fork())
		_exit(child(p));
	wait(&status);
	return status != 0;
}
