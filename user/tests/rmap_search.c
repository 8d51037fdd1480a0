/* SPDX-License-Identifier: MIT
 * test: mem=128M smp=2 time=20 linux=no
 *
 * How many places a walk looks at, which is what the schemes differ in: many areas on one file, many children with
 * copies of their own, children that have touched nothing, walks that end when all is found.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "rmapstat.h"
#include <sys/mman.h>

#define P 4096UL
#define RW (PROT_READ | PROT_WRITE)
#define AREAS 64
#define CHILDREN 30

static int file;
static char scheme[32];

static bool one_of(const char *list) { return strstr(list, scheme); }

static void show(const char *what, const struct rmap_count *c)
{
	printf("# %s: %s: %llu walks, %llu candidates, %llu hits, %llu passed over\n", what, scheme, c->walks, c->candidates, c->hits, c->skipped);
}

static struct rmap_count walked(const char *kind, const void *p, unsigned long len)
{
	struct rmap_count c;

	rmap_reset();
	if (rmap_walk(p, len))
		bail("walk");
	c = rmap_counted(kind, scheme);
	show(kind, &c);
	return c;
}

static void many_areas(void)
{
	char *p = mmap(NULL, AREAS * P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rmap_count c;

	for (unsigned i = 0; i < AREAS; i++) /* backwards: they cannot merge */
		if (mmap(p + i * P, P, RW, MAP_SHARED | MAP_FIXED, file, (AREAS - 1 - i) * P) == MAP_FAILED)
			bail("mmap");
	for (unsigned i = 0; i < AREAS; i++)
		p[i * P] = i;
	c = walked("file", p, AREAS * P);
	is(c.walks, AREAS, "a walk for each page");
	is(c.hits, AREAS, "each is found once");
	ok(one_of("list") ? c.candidates > AREAS * AREAS / 3 : c.candidates <= c.hits + AREAS / 8,
	   "areas looked at for it: all of them (list), none in vain (others)");
	munmap(p, AREAS * P);
}

/* Runs fn in CHILDREN children that all live, in the last one when the others are through, and so is the parent, if it
 * takes part; the last one's answer: a count. */
typedef void (*part)(char *p, bool last, struct rmap_count *c);
static struct rmap_count in_last(part fn, char *p, part parent)
{
	struct rmap_count c = { 0 };
	int ready[2], go[2], answer[2];
	char x;

	if (pipe(ready) || pipe(go) || pipe(answer))
		bail("pipe");
	for (unsigned n = 0; n < CHILDREN; n++)
		if (!fork()) {
			close(go[1]);
			if (n < CHILDREN - 1) {
				fn(p, false, &c);
				write(ready[1], "", 1);
			} else {
				for (unsigned i = 0; i < CHILDREN - 1 + !!parent; i++)
					read(ready[0], &x, 1);
				fn(p, true, &c);
				write(answer[1], &c, sizeof(c));
			}
			_exit(read(go[0], &x, 1));
		}
	if (parent) {
		parent(p, false, &c);
		write(ready[1], "", 1);
	}
	if (read(answer[0], &c, sizeof(c)) != sizeof(c))
		bail("no answer");
	for (unsigned n = 0; n < 2; n++) {
		close(ready[n]);
		close(go[n]);
		close(answer[n]);
	}
	while (wait(NULL) > 0)
		;
	return c;
}

static void own_copies(char *p, bool last, struct rmap_count *c)
{
	for (unsigned i = 0; i < 16; i++)
		p[i * P] = i + 1;
	if (last)
		*c = walked("anon", p, 16 * P);
}

static void children(void)
{
	char *p = mmap(NULL, 16 * P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rmap_count c;

	memset(p, 1, 16 * P);
	c = in_last(own_copies, p, NULL);
	rmap_counted("anon", scheme);
	is(c.hits, 16, "a page of the child's own is found once");
	ok(one_of("anonvma onelist") ? c.candidates > 16 * CHILDREN / 2 : c.candidates <= 16 * 2,
	   "places looked at for it: all relatives' (one list for the family), two at most (others)");
	munmap(p, 16 * P);
}

/* All but the last let go; the last writes what is now its own. */
static void inherits(char *p, bool last, struct rmap_count *c)
{
	if (!last) {
		madvise(p, 16 * P, MADV_DONTNEED);
		return;
	}
	own_copies(p, true, c);
}

static void heirs(void)
{
	char *p = mmap(NULL, 16 * P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rmap_count c;

	memset(p, 1, 16 * P);
	c = in_last(inherits, p, inherits);
	rmap_counted("anon", scheme);
	is(c.hits, 16, "pages that only one child has kept are found");
	ok(one_of("anonvma onelist anonmm") || c.candidates <= 16 * 2, "and have become its own, by its writing to them");
	munmap(p, 16 * P);
}

static void last_touches(char *p, bool last, struct rmap_count *c)
{
	if (!last)
		return;
	for (unsigned i = 0; i < 16; i++)
		p[i * P] = 1;
	*c = walked("file", p, 16 * P);
}

static void nobody(char *p, bool last, struct rmap_count *c) { c->walks = last; }

static void empty_ones(void)
{
	char *p = mmap(NULL, 16 * P, RW, MAP_SHARED, file, AREAS * P);
	struct rmap_count c = in_last(last_touches, p, NULL);

	rmap_counted("file", scheme);
	is(c.hits, 16, "the only child that has touched the file is found");
	ok(one_of("chain") ? c.candidates == 16 : c.candidates >= 16 * CHILDREN / 2,
	   "a chain knows where, objects ask the others too");
	for (unsigned i = 0; i < 16; i++)
		p[i * P] = 1;
	in_last(nobody, p, NULL);
	c = walked("file", p, 16 * P);
	is(c.candidates, 16, "a walk ends when all mappings are found");
	munmap(p, 16 * P);
}

int main(void)
{
	file = memfd_create("rmap", 0);
	if (file < 0 || ftruncate(file, 2 * AREAS * P))
		bail("memfd");
	many_areas();
	children();
	heirs();
	empty_ones();
	return done();
}
