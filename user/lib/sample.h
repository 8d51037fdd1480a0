/* SPDX-License-Identifier: MIT
 *
 * Leak hunting: free pages of each zone and live objects of each slab, compared between two moments.
 */
#ifndef USER_LIB_SAMPLE_H
#define USER_LIB_SAMPLE_H

#include <stdbool.h>

#define SAMPLE_ROWS 256
/* Per-CPU lists and half-used slabs differ from moment to moment; less than this is no leak. */
#define ZONE_TOLERANCE 128 /* pages */
#define SLAB_TOLERANCE 256 /* objects */

struct sample {
	struct { char name[40]; long long value; } rows[SAMPLE_ROWS];
	int n;
};

void sample_take(struct sample *s);
/* All zones are one: what was swapped out and came back may lie in another one. Before the first sample. */
extern bool sample_zones_together;
/* Compares now with `before`, for up to half a minute while something seems lost (what is freed after a grace period, or after a
 * slow disk's answer, comes later). => pages and objects gone beyond the tolerance, listed on standard output; `all` lists every row */
void sample_settle(const struct sample *before, long *pages, long *objects, bool all);

#endif
