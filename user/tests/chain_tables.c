/* SPDX-License-Identifier: MIT
 * test: mem=1200M smp=2 time=20 append="rmap.anon=chain rmap.file=chain rmap.tablelimit=896M" linux=no
 *
 * Chains name a page table by 23 bits of its frame. On a machine with more than 32 GB those beyond must not be page tables:
 * here, with the limit at the end of low memory, none in high memory may; and everything works.
 */
#define _GNU_SOURCE
#include "tap.h"
#include "prog.h"
#include "rmapstat.h"
#include <sys/mman.h>

#define MB (1UL << 20)
#define TABLES 200UL

static long low_tables(void) { return proc_field("/proc/lowmem", "page_tables:"); }

int main(void)
{
	char *p = mmap(NULL, TABLES * 2 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long before = low_tables();
	int status = -1;
	pid_t pid;

	for (unsigned i = 0; i < TABLES; i++)
		p[i * 2 * MB] = 1;
	ok(before >= 0 && low_tables() - before >= (long)(TABLES - 1) * 4, "%lu page tables are in low memory", TABLES);
	pid = fork();
	if (!pid)
		_exit(rmap_walk(p, TABLES * 2 * MB) != 0);
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && !status, "a child finds its pages");
	rmap_oracle();
	munmap(p, TABLES * 2 * MB);
	ok(low_tables() - before < 100, "and they go again");
	return done();
}
