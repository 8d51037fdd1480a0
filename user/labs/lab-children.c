/* SPDX-License-Identifier: MIT
 * help: lab: a forking server: each child has copies of its own; how many places does a walk look at for one of them?
 *
 * The case that brought anon_vma chains in 2010. The last child asks of its own pages.
 */
#define _GNU_SOURCE
#include "lab.h"

static u64 children = 40, pages = 16;

int main(int argc, char **argv)
{
	static const struct option_def defs[] = { { "children", 'n', &children, "how many children" },
		{ "pages", 'n', &pages, "pages that each of them writes to" }, { 0 } };
	struct crowd c;
	char *p;
	int status = 0;

	parse_options(argc, argv, "how many places a walk looks at for a page of a child's own", defs);
	p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	memset(p, 1, pages * PAGE);
	crowd_open(&c);
	for (u64 n = 1; n < children; n++)
		if (crowd_child(&c)) {
			for (u64 i = 0; i < pages; i++)
				p[i * PAGE] = n;
			crowd_wait(&c);
		}
	crowd_ready(&c);
	if (!fork()) {
		for (u64 i = 0; i < pages; i++)
			p[i * PAGE] = 0;
		report_walks("own.", "anon", p, pages * PAGE);
		_exit(0);
	}
	wait(&status);
	report_walks("parent.", "anon", p, pages * PAGE);
	crowd_end(&c);
	return status != 0;
}
