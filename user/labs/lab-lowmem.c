/* SPDX-License-Identifier: MIT
 * help: lab: what low memory N processes cost that share one big segment
 *
 * Andrea Arcangeli's model of a database (2004): each process maps the whole segment and touches every page of it. When all
 * have, what grew in /proc/lowmem is printed, by consumer.
 */
#define _GNU_SOURCE
#include "lab.h"

static u64 processes = 8, size = 16 << 20;

struct consumer { char name[64]; long kb; };
static struct consumer before[128], now[128];

static int lowmem(struct consumer *c)
{
	FILE *f = fopen("/proc/lowmem", "r");
	char line[256];
	int n = 0;

	while (f && n < 128 && fgets(line, sizeof(line), f))
		if (sscanf(line, " %63[^:]: %ld kB", c[n].name, &c[n].kb) == 2)
			n++;
	if (f)
		fclose(f);
	return n;
}

static long was(const char *name, int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(before[i].name, name))
			return before[i].kb;
	return 0;
}

static void report(int n_before, int n)
{
	double mappings = (double)processes * (size / PAGE), used = 0;
	char name[128];

	for (int i = 0; i < n; i++) {
		long grown = now[i].kb - was(now[i].name, n_before);

		if (!strncmp(now[i].name, "free_", 5))
			used -= grown;
		snprintf(name, sizeof(name), "low.%.63s", now[i].name);
		if (grown > 0 && strncmp(now[i].name, "free_", 5))
			result(name, grown, "kB");
	}
	result("mappings", mappings, "PTEs");
	result("low.used", used, "kB");
	result("low.used.mapping", used * 1024 / mappings, "bytes-per-PTE");
}

int main(int argc, char **argv)
{
	static const struct option_def defs[] = { { "processes", 'n', &processes, "how many processes" },
		{ "size", 's', &size, "what they share" }, { 0 } };
	volatile char *p;
	struct crowd c;
	int fd, n;

	parse_options(argc, argv, "what low memory processes cost that share one big segment", defs);
	fd = memfd_create("segment", 0);
	if (fd < 0 || ftruncate(fd, size))
		die("memfd");
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	for (u64 i = 0; i < size; i += PAGE)
		p[i] = 1;
	munmap((void *)p, size);
	n = lowmem(before);
	crowd_open(&c);
	for (u64 i = 0; i < processes; i++)
		if (crowd_child(&c)) {
			p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			if (p == MAP_FAILED)
				die("mmap");
			for (u64 at = 0; at < size; at += PAGE)
				(void)p[at];
			crowd_wait(&c);
		}
	crowd_ready(&c);
	report(n, lowmem(now));
	crowd_end(&c);
	return 0;
}
