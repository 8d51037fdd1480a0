/* SPDX-License-Identifier: MIT
 *
 * What the swap tests share: areas, patterns, numbers of /proc/swaps.
 */
#ifndef USER_TESTS_SWAP_H
#define USER_TESTS_SWAP_H

#include "tap.h"
#include "prog.h"
#include "rmapstat.h"
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#define PAGE 4096u

/* /dev/vda or /dev/sda */
static inline const char *swap_disk(unsigned n)
{
	static char name[2][16];

	sprintf(name[n], "/dev/%cd%c", access("/dev/vda", F_OK) ? 's' : 'v', 'a' + n);
	return name[n];
}

static inline bool mkswap(const char *options, unsigned n)
{
	char command[200];

	snprintf(command, sizeof(command), "/bin/mkswap %s %s > /dev/null", options, swap_disk(n));
	return system(command) == 0;
}

/* field of disk n in /proc/swaps: 2 size, 3 used (kB), 4 priority; -1: not there */
static inline long swaps(unsigned n, unsigned field)
{
	FILE *f = fopen("/proc/swaps", "r");
	char line[200], name[64];
	long size, used, prio, found = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %*s %ld %ld %ld", name, &size, &used, &prio) == 4 && !strcmp(name, swap_disk(n)))
			found = field == 2 ? size : field == 3 ? used : prio;
	if (f)
		fclose(f);
	return found;
}

static inline uint32_t key_of(uint32_t seed, uint32_t page) { return (seed * 2654435761u ^ page) * 2246822519u; }
static inline void fill_pages(uint32_t *p, unsigned n, uint32_t seed)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < PAGE / 4; k++)
			p[i * (PAGE / 4) + k] = key_of(seed, i) + k;
}
/* => words that are wrong */
static inline unsigned check_pages(const uint32_t *p, unsigned n, uint32_t seed)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < PAGE / 4; k++)
			bad += p[i * (PAGE / 4) + k] != key_of(seed, i) + k;
	return bad;
}
static inline void *pages(unsigned n)
{
	void *p = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}
/* Pages of [p, p + n) that are swap entries: bit 62 of pagemap */
static inline unsigned swapped(const void *p, unsigned n)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	unsigned count = 0;
	uint64_t e;

	for (unsigned i = 0; i < n; i++)
		if (pread(fd, &e, 8, ((uintptr_t)p / PAGE + i) * 8) == 8)
			count += e >> 62 & 1;
	close(fd);
	return count;
}
static inline bool oracle(void) { return !rmap_oracle(); }

#endif
