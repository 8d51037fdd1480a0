/* SPDX-License-Identifier: MIT
 *
 * Samples of /proc/zoneinfo and /proc/slabinfo (sample.h).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "sample.h"

bool sample_zones_together;

static void add_row(struct sample *s, const char *kind, const char *name, long long value)
{
	if (s->n == SAMPLE_ROWS)
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
		if (s->n && sscanf(line, " count: %lld", &n) == 1) /* per-CPU lists are free as well */
			s->rows[s->n - 1].value -= n;
	}
	if (f)
		fclose(f);
}

static void read_slabs(struct sample *s)
{
	char line[512], name[32];
	FILE *f = fopen("/proc/slabinfo", "r");
	long long active, per_slab, slabs, pages = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%31s %lld %*d %*d %*d %lld : tunables %*d %*d %*d : slabdata %*d %lld", name, &active, &per_slab, &slabs) == 4) {
			add_row(s, "slab ", name, active);
			pages += per_slab * slabs;
		}
	for (int i = 0; i < s->n; i++) /* slabs keep pages without objects, for later */
		if (!strcmp(s->rows[i].name, "zone Normal")) {
			s->rows[i].value -= pages;
			/* Where low memory ran short they, and others that moved meanwhile, lie in DMA: what counts is both together. */
			if (i && !strcmp(s->rows[i - 1].name, "zone DMA")) {
				s->rows[i].value += s->rows[i - 1].value;
				s->rows[i - 1].value = 0;
			}
		}
	if (f)
		fclose(f);
}

static void put_zones_together(struct sample *s)
{
	for (int i = 1; i < s->n && !strncmp(s->rows[i].name, "zone ", 5); i++) {
		s->rows[0].value += s->rows[i].value;
		s->rows[i].value = 0;
	}
}

void sample_take(struct sample *s)
{
	s->n = 0;
	read_zones(s);
	read_slabs(s);
	if (sample_zones_together)
		put_zones_together(s);
}

static long lost(const struct sample *a, const struct sample *b, const char *kind, long tolerance, bool show, bool all)
{
	long sum = 0;

	for (int i = 0; i < b->n; i++)
		for (int j = 0; j < a->n; j++) {
			long d = b->rows[i].value - a->rows[j].value;

			if (strcmp(a->rows[j].name, b->rows[i].name) || strncmp(kind, a->rows[j].name, strlen(kind)))
				continue;
			if (show && (d > tolerance || all))
				printf("# %s: %+ld\n", a->rows[j].name, d);
			if (d > tolerance)
				sum += d;
		}
	return sum;
}

/* Pages of files and names that nobody uses are no loss; a kernel that cannot drop them leaves them. */
static void drop_caches(void)
{
	FILE *f = fopen("/proc/sys/vm/drop_caches", "w");

	if (!f)
		return;
	fputs("3", f);
	fclose(f);
}

void sample_settle(const struct sample *before, long *pages, long *objects, bool all)
{
	struct sample after;

	for (int i = 0;; i++) {
		sample_take(&after);
		*pages = lost(before, &after, "zone", ZONE_TOLERANCE, false, all);
		*objects = lost(before, &after, "slab", SLAB_TOLERANCE, false, all);
		if (i == 300 || (!*pages && !*objects))
			break;
		if (i % 25 == 5) /* again: what was on its way to the disk could not be dropped */
			drop_caches();
		usleep(i < 20 ? 10000 : 120000);
	}
	lost(before, &after, "zone", ZONE_TOLERANCE, true, all);
	lost(before, &after, "slab", SLAB_TOLERANCE, true, all);
}
