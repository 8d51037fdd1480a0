/* SPDX-License-Identifier: MIT
 *
 * Helpers of the bundled programs (prog.h tells what each does).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "prog.h"

static void usage(FILE *to, const char *what, const struct option_def *d)
{
	fprintf(to, "%s\n", what);
	for (; d->name; d++)
		fprintf(to, "  --%-10s %-5s %s\n", d->name, d->kind == 's' ? "SIZE" : d->kind == 'n' ? "N" : "", d->help);
}

u64 parse_size(const char *text)
{
	char *end;
	u64 n = strtoull(text, &end, 0);

	switch (*end) {
	case 'G': case 'g': n <<= 10; /* fall through */
	case 'M': case 'm': n <<= 10; /* fall through */
	case 'K': case 'k': n <<= 10; end++;
	}
	if (end == text || *end) {
		fprintf(stderr, "'%s' is not a size (64M, 2G, ...)\n", text);
		exit(2);
	}
	return n;
}

void parse_options(int argc, char **argv, const char *what, const struct option_def *defs)
{
	for (int i = 1; i < argc; i++) {
		const struct option_def *d = defs;

		if (!strcmp(argv[i], "--help")) {
			usage(stdout, what, defs);
			exit(0);
		}
		while (d->name && (strncmp(argv[i], "--", 2) || strcmp(argv[i] + 2, d->name)))
			d++;
		if (!d->name || (d->kind != 'b' && i + 1 == argc)) {
			fprintf(stderr, "%s: %s; --help lists the options\n", argv[i], d->name ? "needs a value" : "unknown option");
			exit(2);
		}
		*d->value = d->kind == 'b' ? 1 : parse_size(argv[++i]);
	}
}

int64_t proc_field(const char *file, const char *field)
{
	FILE *f = fopen(file, "r");
	long long n = -1;
	char line[512];

	while (f && n < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			n = atoll(line + strlen(field));
	if (f)
		fclose(f);
	return n;
}

static u64 host_memory(void)
{
	char line[4096] = "", *at;
	FILE *f = fopen("/proc/cmdline", "r");

	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = 0;
		fclose(f);
	}
	at = strstr(line, "hostmem=");
	if (!at)
		return ~0ULL;
	at[strcspn(at, " \n")] = 0;
	return parse_size(at + strlen("hostmem="));
}

u64 memory_bound(void)
{
	int64_t available = proc_field("/proc/meminfo", "MemAvailable:");
	u64 guest, host = host_memory() / 2;

	if (available < 0)
		available = proc_field("/proc/meminfo", "MemFree:");
	if (available < 0)
		available = 16384;
	guest = (u64)available * 1024 / 4 * 3;
	return guest < host ? guest : host;
}

u64 swap_bound(void)
{
	int64_t swap = proc_field("/proc/meminfo", "SwapFree:");
	u64 bound = memory_bound(), more = swap > 0 ? (u64)swap * 1024 / 4 * 3 : 0, host = host_memory();

	return bound + more < host ? bound + more : host;
}

u32 reap_all(const char *name)
{
	u32 bad = 0;
	int status;
	pid_t pid;

	while ((pid = wait(&status)) > 0 || errno == EINTR) {
		if (pid <= 0 || (WIFEXITED(status) && !WEXITSTATUS(status)))
			continue;
		bad++;
		if (WIFSIGNALED(status))
			fprintf(stderr, "%s: process %d died of signal %d\n", name, (int)pid, WTERMSIG(status));
	}
	return bad;
}

double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static bool shown;

void progress(const char *fmt, ...)
{
	static double last;
	double now;
	va_list ap;

	if (!isatty(2) || (now = seconds()) - last < 0.1)
		return;
	last = now;
	shown = true;
	fprintf(stderr, "\r\033[K");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
}

void progress_done(void)
{
	if (shown)
		fprintf(stderr, "\r\033[K");
	shown = false;
}

void die(const char *what)
{
	progress_done();
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}
