/* SPDX-License-Identifier: MIT
 * help: who holds low memory, once or as a series (--csv --every MS)
 *
 * /proc/lowmem for people and for plotting: without options the consumers in order of size; with --csv a line of names, then a
 * line of kB for each moment. The columns of a series are those of its first moment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "prog.h"

#define MOST 256

struct line { char name[40]; long kb, objects; bool sub; };
static struct line lines[MOST], columns[MOST];
static u64 csv, every, count, all;

static int read_lines(struct line *to)
{
	char text[256], *colon;
	int n = 0;
	FILE *f = fopen("/proc/lowmem", "r");

	if (!f)
		die("/proc/lowmem");
	while (n < MOST && fgets(text, sizeof(text), f)) {
		colon = strchr(text, ':');
		if (!colon)
			continue;
		*colon = 0;
		to[n].sub = text[0] == ' ';
		to[n].objects = 0;
		snprintf(to[n].name, sizeof(to[n].name), "%s", text + strspn(text, " "));
		if (sscanf(colon + 1, "%ld kB %ld", &to[n].kb, &to[n].objects) >= 1)
			n++;
	}
	fclose(f);
	return n;
}

static int by_size(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->kb < y->kb ? 1 : x->kb > y->kb ? -1 : strcmp(x->name, y->name);
}

static void show_table(void)
{
	int n = read_lines(lines);

	printf("%-24s %8ld kB\n", lines[0].name, lines[0].kb);
	qsort(lines + 1, n - 1, sizeof(*lines), by_size);
	for (int i = 1; i < n; i++)
		if (all || (!lines[i].sub && lines[i].kb) || (lines[i].sub && lines[i].kb >= 64)) {
			printf("%-24s %8ld kB %5.1f %%", lines[i].name, lines[i].kb, 100.0 * lines[i].kb / lines[0].kb);
			if (lines[i].objects)
				printf(" %8ld objects", lines[i].objects);
			printf("%s\n", lines[i].sub ? "  (a slab)" : "");
		}
}

static long kb_of(const char *name, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(lines[i].name, name))
			return lines[i].kb;
	return 0;
}

static bool is_column(const struct line *l) { return all || !l->sub; }

static void show_row(int nr, double at)
{
	int n = read_lines(lines);

	printf("%.0f", at * 1000);
	for (int i = 0; i < nr; i++)
		if (is_column(&columns[i]))
			printf(",%ld", kb_of(columns[i].name, n));
	printf("\n");
	fflush(stdout);
}

static void show_series(void)
{
	int nr = read_lines(columns);
	double start = seconds();

	printf("ms");
	for (int i = 0; i < nr; i++)
		if (is_column(&columns[i]))
			printf(",%s", columns[i].name);
	printf("\n");
	for (u64 k = 0; !count || k < count; k++) {
		double wait = start + k * (every / 1000.0) - seconds();

		if (wait > 0)
			usleep(wait * 1e6);
		show_row(nr, seconds() - start);
		if (!every)
			break;
	}
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "csv", 'b', &csv, "comma-separated: a line of names, then numbers in kB" },
		{ "every", 'n', &every, "again every so many milliseconds (implies --csv)" },
		{ "count", 'n', &count, "so many lines (until interrupted)" },
		{ "all", 'b', &all, "every slab cache too" },
		{ NULL, 0, NULL, NULL }
	};

	parse_options(argc, argv, "usage: lowmem [--csv] [--every MS] [--count N] [--all]", defs);
	if (csv || every)
		show_series();
	else
		show_table();
	return 0;
}
