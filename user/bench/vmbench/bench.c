/* SPDX-License-Identifier: MIT
 *
 * How a row is measured and printed, and the mappings that rows begin with.
 *
 * run() raises the number of rounds until a repetition takes half of opt.target, then repeats it. The line has the
 * median.
 */
#include "bench.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_REPS 16

const char *unit(void) { return opt.ticks ? "tk/op" : "ns/op"; }

/* --- lines: past stdio, whose buffer a child would inherit -------------------------------------------------------- */
static void write_out(const char *text, int len)
{
	while (len > 0) {
		int n = write(1, text, len);

		if (n <= 0)
			break;
		text += n;
		len -= n;
	}
}

void say(const char *format, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	write_out(line, n < (int)sizeof(line) ? n : (int)sizeof(line) - 1);
}

const char *error_name(int error)
{
	static char number[24];

	switch (error) {
	case ENOSYS: return "ENOSYS";
	case EINVAL: return "EINVAL";
	case ENOMEM: return "ENOMEM";
	case EPERM: return "EPERM";
	case ENOENT: return "ENOENT";
	case EAGAIN: return "EAGAIN";
	case EIO: return "EIO";
	case EACCES: return "EACCES";
	case ENODEV: return "ENODEV";
	case EOPNOTSUPP: return "EOPNOTSUPP";
	case ENOSPC: return "ENOSPC";
	case EBADMSG: return "CONTENT";
	case ECHILD: return "ECHILD";
	}
	snprintf(number, sizeof(number), "errno%d", error);
	return number;
}

void refused(const char *name) { say("%s - %s\n", name, error_name(errno)); }

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

u64 median(u64 *times, int n)
{
	qsort(times, n, sizeof(times[0]), compare);
	return times[n / 2];
}

void report(const char *name, u64 *times, int n, double ops, const char *format, ...)
{
	u64 middle = median(times, n);
	char rest[128];
	va_list ap;

	va_start(ap, format);
	vsnprintf(rest, sizeof(rest), format, ap);
	va_end(ap);
	say("%s %.1f %s min=%.1f max=%.1f %s\n", name, middle / ops, unit(), times[0] / ops, times[n - 1] / ops, rest);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */
bool wanted(const char *name)
{
	for (int i = 0; i < opt.nprefixes; i++)
		if (!strncmp(name, opt.prefixes[i], strlen(opt.prefixes[i])))
			return true;
	return !opt.nprefixes;
}

/* => how many rounds to try after n of them took t */
static u32 more_rounds(u32 n, u64 t, u32 most)
{
	u64 more = t ? opt.target * n / t : n * 16ull;

	if (more > n * 16ull)
		more = n * 16ull;
	if (more <= n)
		more = n + 1;
	return more > most ? most : more;
}

/* => rounds of a repetition, and in *t the time that they took; 0 where the row fails */
static u32 calibrate(const struct row *row, u64 *t)
{
	u32 n = 1;

	for (;;) {
		errno = 0;
		*t = row->measure(n);
		if (*t == FAIL)
			return 0;
		if (*t >= opt.target / 2 || n >= row->most)
			return n;
		n = more_rounds(n, *t, row->most);
	}
}

void run(const struct row *row)
{
	int reps = opt.reps > MOST_REPS ? MOST_REPS : opt.reps;
	u64 t, times[MOST_REPS];
	u32 n;

	if (!wanted(row->name))
		return;
	n = calibrate(row, &t);
	if (!n)
		goto refused;
	if (t > opt.target * 20 && reps > 3)
		reps = 3;
	for (int i = 0; i < reps; i++) {
		times[i] = row->measure(n);
		if (times[i] == FAIL)
			goto refused;
	}
	report(row->name, times, reps, (double)n * row->ops, "n=%u", n);
	return;
refused:
	refused(row->name);
}

u32 rnd(void)
{
	static u32 state = 12345;

	return (state = state * 1664525u + 1013904223u) >> 8;
}

int reap(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	errno = EBADMSG;
	return -1;
}

/* --- mappings ----------------------------------------------------------------------------------------------------- */
char *amap_aligned(size_t len, size_t align)
{
	char *p = amap(len + align), *aligned;

	if (!p)
		return NULL;
	aligned = (char *)(((uintptr_t)p + align - 1) & ~(align - 1));
	if (aligned > p)
		munmap(p, aligned - p);
	if (aligned + len < p + len + align)
		munmap(aligned + len, p + align - aligned);
	return aligned;
}
