/* SPDX-License-Identifier: MIT
 * help: lab: the sizes of what a reverse map keeps: areas, heads, links
 *
 * Sizes as the kernel's slabs have them, and how many of each a process needs that has forked once: 100 children, each
 * with the 20 areas of its own that it has written to.
 */
#define _GNU_SOURCE
#include "lab.h"

#define CHILDREN 100
#define AREAS 20

static const char *const slabs[] = { "vm_area_struct", "mm_struct", "anon_vma", "anon_vma_chain", "anonmm", "anonmm_family", "pte_chain" };

static void slab(const char *name, long *objects, long *size)
{
	char line[256], found[64];
	FILE *f = fopen("/proc/slabinfo", "r");
	long active, all, bytes;

	*objects = *size = 0;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld %ld %ld", found, &active, &all, &bytes) == 4 && !strcmp(found, name)) {
			*objects = active;
			*size = bytes;
		}
	if (f)
		fclose(f);
}

static void tails(void)
{
	char line[512], kind[32], *at;
	FILE *f = fopen("/proc/rmap", "r");
	unsigned vma, mm;

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, " bytes a vma");
		while (at && at > line && at[-1] != ' ')
			at--;
		if (!at || sscanf(at, "%u bytes a vma, %u a mm", &vma, &mm) != 2 || sscanf(line, "%31s", kind) != 1)
			continue;
		result(strcmp(kind, "anon") ? "file.vma" : "anon.vma", vma, "bytes");
		if (!strcmp(kind, "anon"))
			result("anon.mm", mm, "bytes");
	}
	if (f)
		fclose(f);
}

static void __attribute__((noreturn)) child(struct crowd *c, char *p)
{
	for (unsigned i = 0; i < AREAS; i++)
		p[2 * i * PAGE] = 2;
	crowd_wait(c);
}

int main(int argc, char **argv)
{
	char *p = mmap(NULL, 2 * AREAS * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), name[96];
	long before[7], n, size;
	struct crowd c;
	double sum = 0;

	parse_options(argc, argv, "the sizes of what a reverse map keeps", (const struct option_def[]){ { 0 } });
	for (unsigned i = 0; i < AREAS; i++) {
		mprotect(p + 2 * i * PAGE, PAGE, PROT_READ | PROT_WRITE);
		p[2 * i * PAGE] = 1;
	}
	tails();
	for (unsigned s = 0; s < 7; s++)
		slab(slabs[s], &before[s], &size);
	crowd_open(&c);
	for (unsigned i = 0; i < CHILDREN; i++)
		if (crowd_child(&c))
			child(&c, p);
	crowd_ready(&c);
	for (unsigned s = 0; s < 7; s++) {
		slab(slabs[s], &n, &size);
		if (!size)
			continue;
		snprintf(name, sizeof(name), "size.%s", slabs[s]);
		result(name, size, "bytes");
		snprintf(name, sizeof(name), "child.%s", slabs[s]);
		result(name, (double)(n - before[s]) / CHILDREN, "objects");
		if (s > 1)
			sum += (double)(n - before[s]) * size / CHILDREN;
	}
	result("child.bytes", sum, "bytes");
	crowd_end(&c);
	return 0;
}
