/* SPDX-License-Identifier: MIT
 *
 * For tests and labs of the reverse map: which schemes are in force, walks by hand, the counters. On Linux there is none of
 * it: walks then succeed, and counters stay zero.
 */
#ifndef USER_LIB_RMAPSTAT_H
#define USER_LIB_RMAPSTAT_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct rmap_count { unsigned long long walks, candidates, hits, skipped, again; };

static inline int rmap_write(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), r = 0;

	if (fd < 0)
		return 0;
	if (write(fd, text, strlen(text)) < 0)
		r = -1;
	close(fd);
	return r;
}

/* Asks of each page that we have mapped there who maps it. => 0, or -1: somebody was not found */
static inline int rmap_walk(const void *p, unsigned long len)
{
	char text[64];

	snprintf(text, sizeof(text), "walk %#lx %#lx", (unsigned long)p, len);
	return rmap_write("/proc/rmap", text);
}

/* Debug builds: every page and every PTE of the machine; a difference is a panic. => 0, or -1: it could not be asked, though it is there */
static inline int rmap_oracle(void) { return rmap_write("/proc/rmap_oracle", "1"); }
static inline void rmap_reset(void) { rmap_write("/proc/rmap", "0"); }

/* kind: "anon" or "file". => its walks by hand; name: the scheme's */
static inline struct rmap_count rmap_counted(const char *kind, char name[32])
{
	struct rmap_count c = { 0 };
	char line[512], what[32] = "";
	FILE *f = fopen("/proc/rmap", "r");

	strcpy(name, "none");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31[a-z] %31[a-z]:", what, name) == 2 && !strcmp(what, kind))
			while (fgets(line, sizeof(line), f) && strncmp(line, "audit", 5))
				;
		else
			continue;
		sscanf(line, "audit %llu %llu %llu %llu %llu", &c.walks, &c.candidates, &c.hits, &c.skipped, &c.again);
		break;
	}
	if (strcmp(what, kind))
		strcpy(name, "none");
	if (f)
		fclose(f);
	return c;
}

#endif
