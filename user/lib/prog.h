/* SPDX-License-Identifier: MIT
 *
 * What the bundled programs share: options, the bound on memory, progress on a terminal, numbers from /proc.
 */
#ifndef USER_LIB_PROG_H
#define USER_LIB_PROG_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;

/* An option `--name VALUE`; kind 's' is a size (64M, 2G), 'n' a number, 'b' a flag without value. */
struct option_def { const char *name; char kind; u64 *value; const char *help; };
/* => exits with the usage text at --help, and with 2 at anything unknown */
void parse_options(int argc, char **argv, const char *what, const struct option_def *defs);

u64 parse_size(const char *text);           /* bytes; exits with 2 on nonsense */
/* A field of a /proc file, e.g. proc_field("/proc/meminfo", "LowFree:"); -1 where there is none. */
int64_t proc_field(const char *file, const char *field);
/* What a program may fill: three quarters of what the guest has available, and half of what the host can give
 * (hostmem= on the kernel's command line). */
u64 memory_bound(void);
/* The same where swap counts: that, and three quarters of what swap has free; hostmem= bounds it too. */
u64 swap_bound(void);
/* Reaps all children. => how many did not leave with 0; complains of each */
u32 reap_all(const char *name);

double seconds(void);                       /* monotonic */
/* One line that overwrites itself, on a terminal only, at most ten times a second. */
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void progress_done(void);
void __attribute__((noreturn)) die(const char *what); /* with errno */

static inline u32 mix32(u32 x)              /* a bijection that spreads every bit */
{
	x = (x ^ x >> 16) * 0x7feb352du;
	x = (x ^ x >> 15) * 0x846ca68bu;
	return x ^ x >> 16;
}

#endif
