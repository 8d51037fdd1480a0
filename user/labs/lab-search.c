/* SPDX-License-Identifier: MIT
 * help: lab: how long a reverse map searches in files with very many areas
 *
 * The shapes that objrmap was fought over with (2003-2004): akpm's rmap-test 1, 2 and 3, Ingo Molnar's test-mmap2 and
 * test-mmap3. When all areas and mappings stand, the task in the middle asks of --walks of its pages who maps them: neither
 * end of a list is fair.
 *
 *	1   tasks with --areas areas side by side on one file, every page touched
 *	2   the same, but each task touches two of its areas only
 *	3   one task, very many areas
 *	4   mmap2: one-page areas, in order
 *	5   mmap3: one-page areas, last page first
 */
#define _GNU_SOURCE
#include "lab.h"

static u64 test = 1, tasks = 4, areas = 20, pages = 6, walks = 64;

/* Area n of a task: where in the file. Gaps of one page in memory keep them from merging. */
static u64 place(u64 n) { return (test == 5 ? areas - 1 - n : n) * pages; }

static char *window(int fd)
{
	u64 span = (pages + 1) * PAGE;
	char *p = mmap(NULL, areas * span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	munmap(p, areas * span);
	for (u64 n = 0; n < areas; n++) {
		if (mmap(p + n * span, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, place(n) * PAGE) == MAP_FAILED)
			die("mmap of an area");
		progress("%llu of %llu areas", (unsigned long long)n + 1, (unsigned long long)areas);
	}
	progress_done();
	return p;
}

static void touch(volatile char *p, u32 task)
{
	u64 span = (pages + 1) * PAGE;

	for (u64 n = 0; n < areas; n++) {
		if (test == 2 && n != mix32(task) % areas && n != mix32(task + 1000) % areas)
			continue;
		for (u64 i = 0; i < pages; i++)
			p[n * span + i * PAGE] = 1;
	}
}

static void ask(char *p, u64 task)
{
	static const char *const names[] = { "?", "test1.", "test2.", "test3.", "mmap2.", "mmap3." };
	u64 first = test == 2 ? mix32(task) % areas : areas / 2, most = (areas - first) * pages;
	u64 n = walks && walks < most ? walks : most;

	report_walks(names[test], "file", p + first * (pages + 1) * PAGE, (n + n / pages) * PAGE);
}

int main(int argc, char **argv)
{
	static const struct option_def defs[] = { { "test", 'n', &test, "1 to 5: which shape" }, { "tasks", 'n', &tasks, "processes" },
		{ "areas", 'n', &areas, "areas of each" }, { "pages", 'n', &pages, "pages of an area" },
		{ "walks", 'n', &walks, "pages to ask about" }, { 0 } };
	int fd, turn[2];
	struct crowd c;
	char *p, x;

	parse_options(argc, argv, "how long a reverse map searches in files with very many areas", defs);
	fd = memfd_create("file", 0);
	if (test < 1 || test > 5 || fd < 0 || ftruncate(fd, areas * pages * PAGE) || pipe(turn))
		die("--test, memfd or pipe");
	p = window(fd);
	crowd_open(&c);
	for (u64 i = 1; i < tasks; i++)
		if (crowd_child(&c)) {
			touch(p, i);
			if (i == tasks / 2) {
				write(c.ready[1], "", 1);
				read(turn[0], &x, 1);
				ask(p, i);
				_exit(0);
			}
			crowd_wait(&c);
		}
	touch(p, 0);
	crowd_ready(&c);
	if (tasks > 1) {
		write(turn[1], "", 1);
		wait(NULL);
	} else {
		ask(p, 0);
	}
	crowd_end(&c);
	return 0;
}
