/* SPDX-License-Identifier: MIT
 *
 * All bundled programs in one file: the name it is called by (a link in /bin) chooses. A static program carries 0.8 MB of the C library;
 * the root file system lies in the guest's memory, so it carries it once. vmbench stays a file of its own: the benchmark has to be the same
 * file on both kernels.
 *
 * programs.h has one PROGRAM(name, entry) for each; the Makefile makes it and renames each main() to its entry.
 */
#include <stdio.h>
#include <string.h>

#define PROGRAM(name, entry) int entry(int argc, char **argv);
#include "programs.h"
#undef PROGRAM

static const struct program {
	const char *name;
	int (*entry)(int argc, char **argv);
} programs[] = {
#define PROGRAM(name, entry) { name, entry },
#include "programs.h"
	{ NULL, NULL }
};

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int main(int argc, char **argv)
{
	const char *name = argc ? base(argv[0]) : "";

	for (const struct program *p = programs; p->name; p++)
		if (!strcmp(p->name, name))
			return p->entry(argc, argv);
	fprintf(stderr, "%s: not one of:", name);
	for (const struct program *p = programs; p->name; p++)
		fprintf(stderr, " %s", p->name);
	fprintf(stderr, "\n");
	return 127;
}
