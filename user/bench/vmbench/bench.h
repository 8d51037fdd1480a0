/* SPDX-License-Identifier: MIT
 *
 * What the rows of vmbench share: time, mappings, the row type and the line that a row prints.
 *
 * Everything here is hidden, so that the compiler reaches it without the global offset table, as if all were one file:
 * the loops that are measured cost what they say. For the same reason what stands in such a loop is inline.
 */
#ifndef VMBENCH_BENCH_H
#define VMBENCH_BENCH_H

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include "prog.h"

#define PAGE 4096u
#define MB (1024u * 1024u)
#define RW (PROT_READ | PROT_WRITE)
#define FAIL (~(u64)0)          /* instead of a time: errno says why, EBADMSG that the content was wrong */
#define ROUND_PAGES 2048u       /* pages of a round of faults */
#define ROUND (ROUND_PAGES * PAGE)

/* measure(n) runs n rounds and returns the time they took; each round is `ops` operations. At most `most` rounds. */
struct row { const char *name; u64 (*measure)(u32 n); u32 ops, most; };

#pragma GCC visibility push(hidden)

/* --- main.c ------------------------------------------------------------------------------------------------------- */
/* Written while the command line is read, and never again. */
extern struct options {
	u64 target;             /* time of a repetition, in units of now() */
	int reps;
	bool ticks;             /* now() is rdtsc, which counts instructions under QEMU's -icount shift=0 */
	const char *dir;        /* writable */
	const char *self;       /* this program, for execve */
	char **prefixes;        /* of the rows that are wanted; none: all */
	int nprefixes;
} opt;

/* --- bench.c ------------------------------------------------------------------------------------------------------ */
const char *unit(void);                 /* of one operation */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *error_name(int error);
void refused(const char *name);         /* the line of a row that errno keeps from running */
bool wanted(const char *name);
u64 median(u64 *times, int n);          /* sorts them */
/* The line of a row: the median, the least and the most of n times, divided by ops; `format` is what follows. */
void report(const char *name, u64 *times, int n, double ops, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void run(const struct row *row);
u32 rnd(void);                          /* 24 bits; the same sequence in each run */
int reap(pid_t pid);                    /* waits; -1 with errno unless it left with 0 */
char *amap_aligned(size_t len, size_t align);   /* amap, at a multiple of `align` */

/* --- file.c ------------------------------------------------------------------------------------------------------- */
extern int scratch;                     /* the scratch file's descriptor; -1 before there is one */
/* A new one of `len` bytes, a multiple of 64 KB, of which each page begins with its number. => 0, or -1 with errno */
int make_scratch(size_t len);
void remove_scratch(void);

/* --- the rows, in main.c's order ---------------------------------------------------------------------------------- */
extern const struct row call_rows[];                            /* calls.c */
extern const struct row fork_rows[], tiny_rows[], exec_rows[];  /* process.c */
int make_tiny(void);
void remove_tiny(void);
extern const struct row fault_rows[];                           /* fault.c */
extern const struct row file_rows[];                            /* file.c */
int make_file(void);
extern const struct row map_rows[];                             /* map.c */
void many_vmas(void);                                           /* many_vmas.c */
void nonlinear(void);                                           /* nonlinear.c */
extern const struct row switch_rows[];                          /* switch.c */
extern const struct row bandwidth_rows[];                       /* bandwidth.c */
void threads(void);                                             /* threads.c */
void page_out(void);                                            /* swap.c */
void swap(u32 mb);
void pressure(u32 shared_mb, u32 hog_mb);                       /* pressure.c */
void many_processes(char kind, u32 mb, u32 max, u32 step);      /* many_processes.c */

#pragma GCC visibility pop

static inline u64 now(void)             /* ns, or ticks */
{
	struct timespec ts;
	u32 low, high;

	if (opt.ticks) {
		__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) :: "memory");
		return (u64)high << 32 | low;
	}
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline u64 fail(int error)
{
	errno = error;
	return FAIL;
}

/* => NULL with errno */
static inline void *map(size_t len, int prot, int flags, int fd, off_t offset)
{
	void *p = mmap(NULL, len, prot, flags, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

static inline char *amap(size_t len) { return map(len, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static inline void touch_write(volatile char *p, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE)
		p[i] = (char)(i >> 12 | 1);
}

static inline u32 touch_read(volatile char *p, size_t len)
{
	u32 sum = 0;

	for (size_t i = 0; i < len; i += PAGE)
		sum += p[i];
	return sum;
}

/* Content that no two pages share, for those that come back from swap. */
static inline void fill_page(char *page, u32 seed)
{
	u32 *p = (u32 *)page;

	for (u32 i = 0; i < PAGE / 4; i++)
		p[i] = seed = seed * 1664525u + 1013904223u;
}

static inline u32 page_is_bad(const char *page, u32 seed)
{
	const u32 *p = (const u32 *)page;

	for (u32 i = 0; i < PAGE / 4; i++)
		if (p[i] != (seed = seed * 1664525u + 1013904223u))
			return 1;
	return 0;
}

#endif
