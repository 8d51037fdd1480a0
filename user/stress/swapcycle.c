/* SPDX-License-Identifier: MIT
 * help: swap areas of equal priority, switched off and on in turn while others need them
 *
 * All areas that /proc/swaps lists are first switched on anew with one priority, so that they share the traffic. Then each in turn is
 * switched off, which brings back everything that lies there, and on again; between two turns all are on. Where memory cannot hold what
 * would have to come back swapoff refuses (ENOMEM): the area stays on, nothing is lost.
 *
 * At the end all are on. written: pages that went to each between two turns; none may have had less than a third of what another
 * had, once it is thousands.
 *
 * Last line: swapcycle areas= offs= refused= written=N,N... errors= seconds= seed= result=ok|bad|unfair
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>
#include "prog.h"

#define MOST 8
#define PRIORITY 5
#define ENOUGH 20000 /* pages: then the shares are compared */

static u64 length = 10, pause_ms = 3000, seed = 1;
static char areas[MOST][64];
static u32 nr, offs, refused, errors;
static u64 got[MOST]; /* pages written to each while all were on */

static void find_areas(void)
{
	FILE *f = fopen("/proc/swaps", "r");
	char line[256];

	if (!f || !fgets(line, sizeof(line), f)) /* its headline */
		die("swapcycle: /proc/swaps");
	while (nr < MOST && fgets(line, sizeof(line), f))
		nr += sscanf(line, "%63s", areas[nr]) == 1;
	fclose(f);
}

static bool off(const char *area)
{
	if (!swapoff(area)) {
		offs++;
		return true;
	}
	refused++;
	if (errno != ENOMEM && errno != EINTR) {
		fprintf(stderr, "swapcycle: swapoff %s: %s\n", area, strerror(errno));
		errors++;
	}
	return false;
}

static void on(const char *area)
{
	if (!swapon(area, SWAP_FLAG_PREFER | PRIORITY))
		return;
	fprintf(stderr, "swapcycle: swapon %s: %s\n", area, strerror(errno));
	errors++;
}

static void once(const char *area)
{
	if (off(area))
		on(area);
}

/* Pages written to the disk or partition, by its tenth field in /proc/diskstats. */
static u64 written(const char *area)
{
	FILE *f = fopen("/proc/diskstats", "r");
	unsigned long long sectors, found = 0;
	char line[256], name[32];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*u %*u %31s %*u %*u %*u %*u %*u %*u %llu", name, &sectors) == 2 && !strcmp(name, strrchr(area, '/') + 1))
			found = sectors / 8;
	if (f)
		fclose(f);
	return found;
}

/* All are on for a while: what each gets of it. */
static void let_them_share(void)
{
	u64 before[MOST];

	for (u32 n = 0; n < nr; n++)
		before[n] = written(areas[n]);
	usleep(pause_ms * 1000);
	for (u32 n = 0; n < nr; n++)
		got[n] += written(areas[n]) - before[n];
}

/* Prints the shares. => they are fair */
static bool fair_shares(void)
{
	u64 least = ~0ULL, most = 0;

	for (u32 n = 0; n < nr; n++) {
		printf("%s%llu", n ? "," : "", (unsigned long long)got[n]);
		least = got[n] < least ? got[n] : least;
		most = got[n] > most ? got[n] : most;
	}
	return most < ENOUGH || least * 3 >= most;
}

int main(int argc, char **argv)
{
	const struct option_def defs[] = {
		{ "seconds", 'n', &length, "how long (10)" },
		{ "pause", 'n', &pause_ms, "milliseconds between two turns, all areas on (3000)" },
		{ "seed", 'n', &seed, "printed only: there is no chance in this" },
		{ NULL, 0, NULL, NULL }
	};
	double start = seconds();
	bool fair;

	parse_options(argc, argv, "usage: swapcycle [--seconds N] [--pause MS] [--seed N]", defs);
	find_areas();
	if (!nr) {
		fprintf(stderr, "swapcycle: no swap area is on\n");
		return 2;
	}
	for (u32 n = 0; n < nr; n++)
		once(areas[n]);
	for (u32 n = 0; seconds() - start < length; n = (n + 1) % nr) {
		progress("swapcycle: %u times off, %u refused", offs, refused);
		let_them_share();
		once(areas[n]);
	}
	progress_done();
	printf("swapcycle areas=%u offs=%u refused=%u written=", nr, offs, refused);
	fair = fair_shares();
	printf(" errors=%u seconds=%.1f seed=%u result=%s\n", errors, seconds() - start, (u32)seed, errors ? "bad" : fair ? "ok" : "unfair");
	return errors || !fair;
}
