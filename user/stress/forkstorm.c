/* SPDX-License-Identifier: MIT
 * help: processes fork, touch memory and exit; then look whether any zone or slab has lost something
 *
 * Keeps --processes children going for --seconds. Each maps --pages pages, touches them, forks a grandchild that writes to half
 * of them (copy-on-write), and exits. Free pages of each zone and live objects of each slab are compared between the end of a
 * warm-up round and the end; what grows by more than the tolerance is a leak.
 *
 * Last line: forkstorm result=ok|leak|bad forks= failed= leak_pages= leak_slabs= seconds=
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "prog.h"

#define MAX_ROWS 256
#define PAGE 4096
/* Per-CPU lists and half-used slabs differ from moment to moment. */
#define ZONE_TOLERANCE 256
#define SLAB_TOLERANCE 128

static u64 processes = 200, length = 60, pages = 32, verbose;

struct row { char name[40]; long long value; };
struct sample { struct row rows[MAX_ROWS]; int n; };

/* --- what is free, what is in use -------------------------------------------------------------------------------------- */
static void add_row(struct sample *s, const char *kind, const char *name, long long value)
{
	if (s->n == MAX_ROWS)
		return;
	snprintf(s->rows[s->n].name, sizeof(s->rows[0].name), "%s%s", kind, name);
	s->rows[s->n++].value = value;
}

static void read_zones(struct sample *s)
{
	char line[256], zone[32] = "?";
	FILE *f = fopen("/proc/zoneinfo", "r");
	long long n;

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Node %*d, zone %31s", zone);
		if (sscanf(line, " pages free %lld", &n) == 1)
			add_row(s, "zone ", zone, -n);
		if (sscanf(line, " count: %lld", &n) == 1) /* per-CPU lists are free as well */
			s->rows[s->n - 1].value -= n;
	}
	if (f)
		fclose(f);
}

static void read_slabs(struct sample *s)
{
	char line[512], name[32];
	FILE *f = fopen("/proc/slabinfo", "r");
	long long active;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %lld", name, &active) == 2)
			add_row(s, "slab ", name, active);
	if (f)
		fclose(f);
}

static struct sample take(void)
{
	struct sample s = { .n = 0 };

	read_zones(&s);
	read_slabs(&s);
	return s;
}

/* => pages (zones) or objects (slabs) that are gone beyond the tolerance */
static long compare(const struct sample *a, const struct sample *b, const char *kind, long tolerance, bool show)
{
	long lost = 0;

	for (int i = 0; i < b->n; i++)
		for (int j = 0; j < a->n; j++) {
			long d = b->rows[i].value - a->rows[j].value;

			if (strcmp(a->rows[j].name, b->rows[i].name) || strncmp(kind, a->rows[j].name, strlen(kind)))
				continue;
			if (show && (d > tolerance || verbose))
				printf("# %s: %+ld\n", a->rows[j].name, d);
			if (d > tolerance)
				lost += d;
		}
	return lost;
}

/* --- the storm ---------------------------------------------------------------------------------------------------------- */
static int child(void)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (p == MAP_FAILED)
		return 2;
	for (u64 i = 0; i < pages; i++)
		p[i * PAGE] = i;
	pid = fork();
	if (!pid) {
		for (u64 i = 0; i < pages; i += 2)
			p[i * PAGE]++;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return 3;
	for (u64 i = 0; i < pages; i++)
		if (p[i * PAGE] != (char)i)
			return 4;
	return 0;
}

static void storm(double until, u64 *forks, u64 *failed)
{
	u64 running = 0;
	int status;

	for (;;) {
		bool more = seconds() < until;

		while (more && running < processes) {
			pid_t pid = fork();

			if (!pid)
				_exit(child());
			if (pid < 0) {
				(*failed)++;
				break;
			}
			running++;
			++*forks;
		}
		if (!running)
			return;
		if (wait(&status) > 0) {
			running--;
			*failed += status != 0;
		}
		progress("forkstorm: %u processes, %u failed, %d s left", (u32)*forks, (u32)*failed, (int)(until - seconds()));
	}
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "processes", 'n', &processes, "at once (200)" },
		{ "seconds", 'n', &length, "how long (60)" },
		{ "pages", 'n', &pages, "each process touches (32)" },
		{ "verbose", 'b', &verbose, "show every zone and slab" },
		{ NULL, 0, NULL, NULL }
	};
	u64 forks = 0, failed = 0, warm = 0;
	struct sample before, after;
	long lost_pages, lost_objects;
	double start;

	parse_options(argc, argv, "usage: forkstorm [--processes N] [--seconds N] [--pages N] [--verbose]", defs);
	storm(seconds() + (length < 20 ? 1 : 3), &warm, &failed);
	sleep(1);
	before = take();
	start = seconds();
	storm(start + length, &forks, &failed);
	for (int i = 0;; i++) { /* what is freed after a grace period comes a little later */
		after = take();
		lost_pages = compare(&before, &after, "zone", ZONE_TOLERANCE, i == 5);
		lost_objects = compare(&before, &after, "slab", SLAB_TOLERANCE, i == 5);
		if (i == 5 || (!lost_pages && !lost_objects && !verbose))
			break;
		sleep(1);
	}
	progress_done();
	printf("forkstorm result=%s forks=%u failed=%u leak_pages=%ld leak_slabs=%ld seconds=%.1f\n",
	       failed ? "bad" : lost_pages || lost_objects ? "leak" : "ok", (u32)(forks + warm), (u32)failed, lost_pages, lost_objects,
	       seconds() - start);
	return failed || lost_pages || lost_objects;
}
