/* SPDX-License-Identifier: MIT
 * help: run a command several times, then look whether any zone or slab has lost something
 *
 * usage: leakcheck [--times N] [--seconds N] [--verbose] -- COMMAND [ARG...]
 *        leakcheck --mark FILE       note how things stand now
 *        leakcheck --mark-all FILE, --compare-all FILE    the same, all zones together: what was in swap may come back to another
 *        leakcheck --compare FILE    say, as TAP does, what has been lost since; nothing if nothing has
 * The first run warms caches up and is not counted. Of a command that fails the output is shown. More than the tolerance
 * of user/lib/sample.h, over all runs, is a leak.
 *
 * Last line: leakcheck result=ok|leak|failed runs= leak_pages= leak_slabs= seconds= command=
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "prog.h"
#include "sample.h"

static u64 times = 4, budget = 3600, verbose;

static int run(char **argv)
{
	FILE *out = tmpfile();
	int status = -1, c;
	pid_t pid;

	if (!out)
		die("/tmp");
	fcntl(fileno(out), F_SETFD, FD_CLOEXEC);
	pid = fork();
	if (!pid) {
		close(0);
		open("/dev/null", O_RDONLY);
		dup2(fileno(out), 1);
		dup2(fileno(out), 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	rewind(out);
	while (status && (c = getc(out)) != EOF)
		putchar(c);
	fclose(out);
	return status;
}

static int mark(const char *path)
{
	FILE *f = fopen(path, "w");
	struct sample now;

	sample_take(&now);
	if (!f || fwrite(&now, sizeof(now), 1, f) != 1 || fclose(f))
		die(path);
	return 0;
}

static int compare(const char *path)
{
	FILE *f = fopen(path, "r");
	struct sample before;
	long pages, objects;

	if (!f || fread(&before, sizeof(before), 1, f) != 1)
		die(path);
	fclose(f);
	sample_settle(&before, &pages, &objects, false);
	if (pages || objects)
		printf("not ok - leaves nothing behind: %ld pages, %ld objects of slabs are gone\n", pages, objects);
	return pages || objects;
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "times", 'n', &times, "counted runs (4)" },
		{ "seconds", 'n', &budget, "start no further run after so long" },
		{ "verbose", 'b', &verbose, "show every zone and slab" },
		{ NULL, 0, NULL, NULL }
	};
	long pages, objects;
	struct sample before;
	double start = seconds();
	int own = 1, bad;
	u64 runs = 0;

	sample_zones_together = argc == 3 && strstr(argv[1], "-all");
	if (argc == 3 && !strncmp(argv[1], "--mark", 6))
		return mark(argv[2]);
	if (argc == 3 && !strncmp(argv[1], "--compare", 9))
		return compare(argv[2]);
	while (own < argc && strcmp(argv[own], "--"))
		own++;
	parse_options(own, argv, "usage: leakcheck [--times N] [--seconds N] [--verbose] -- COMMAND [ARG...]", defs);
	if (own + 1 >= argc) {
		fprintf(stderr, "leakcheck: no command after --\n");
		return 2;
	}
	bad = run(argv + own + 1);
	sample_take(&before);
	for (; runs < times && !bad && (!runs || seconds() - start < budget); runs++) {
		progress("leakcheck: run %u of %u", (u32)runs + 1, (u32)times);
		bad = run(argv + own + 1);
	}
	sample_settle(&before, &pages, &objects, verbose);
	progress_done();
	printf("leakcheck result=%s runs=%u leak_pages=%ld leak_slabs=%ld seconds=%.1f command=%s\n",
	       bad ? "failed" : pages || objects ? "leak" : "ok", (u32)runs, pages, objects, seconds() - start, argv[own + 1]);
	return bad || pages || objects;
}
