/* SPDX-License-Identifier: MIT
 *
 * What the lab programs share: results that tools/lab gathers, and children that all live until the parent has looked.
 */
#ifndef USER_LABS_LAB_H
#define USER_LABS_LAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "prog.h"
#include "rmapstat.h"

#define PAGE 4096u

/* One figure. Under tools/run --icount a nanosecond is an instruction. */
static inline void result(const char *metric, double value, const char *unit)
{
	printf("result %s %.10g %s\n", metric, value, unit);
	fflush(stdout);
}

static inline double ns(void) { return seconds() * 1e9; }

struct crowd { int ready[2], go[2]; unsigned n; };

static inline void crowd_open(struct crowd *c)
{
	if (pipe(c->ready) || pipe(c->go))
		die("pipe");
	c->n = 0;
}

/* fork: in the child it gives true, and the child ends with crowd_wait. */
static inline bool crowd_child(struct crowd *c)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		close(c->go[1]);
	c->n += pid > 0;
	return !pid;
}

/* The child is ready; it leaves when the parent lets go, or dies. */
static inline void __attribute__((noreturn)) crowd_wait(struct crowd *c)
{
	char x = 1;

	write(c->ready[1], &x, 1);
	read(c->go[0], &x, 1);
	_exit(0);
}

static inline void crowd_ready(struct crowd *c)
{
	char x;

	for (unsigned i = 0; i < c->n; i++) {
		if (read(c->ready[0], &x, 1) != 1)
			die("a child has died");
		progress("%u of %u processes ready", i + 1, c->n);
	}
	progress_done();
}

static inline void crowd_end(struct crowd *c)
{
	close(c->go[1]);
	while (wait(NULL) > 0)
		;
}

/* Walks over [p, p + len), as kind "anon" or "file" counts them; the time is that of the quickest of five rounds, in which no
 * timer and no other task came between. prefix names the metrics. */
static inline void report_walks(const char *prefix, const char *kind, const void *p, unsigned long len)
{
	char scheme[32], name[64];
	struct rmap_count c;
	double t = 0;

	for (unsigned round = 0; round < 5; round++) {
		double from;

		rmap_reset();
		from = ns();
		if (rmap_walk(p, len))
			die("walk: somebody was not found");
		from = ns() - from;
		t = round && t < from ? t : from;
	}
	c = rmap_counted(kind, scheme);
	if (!c.walks)
		die("no walk was counted");
	snprintf(name, sizeof(name), "%scandidates", prefix);
	result(name, (double)c.candidates / c.walks, "per-page");
	snprintf(name, sizeof(name), "%shits", prefix);
	result(name, (double)c.hits / c.walks, "per-page");
	snprintf(name, sizeof(name), "%swalk", prefix);
	result(name, t / c.walks, "instructions");
}

#endif
