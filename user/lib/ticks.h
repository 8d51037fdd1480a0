/* SPDX-License-Identifier: MIT
 *
 * Time on the wall, or with `ticks` instructions without idle time: under `tools/run --icount` a tick of the time-stamp counter is an
 * instruction, but QEMU lets that clock run on while the processor is idle. So a child of the lowest class (SCHED_IDLE) counts its own
 * instructions meanwhile, which are taken off.
 */
#ifndef USER_LIB_TICKS_H
#define USER_LIB_TICKS_H

#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "prog.h"

static u64 ticks;
static volatile u64 *spins; /* of the idle child */
static u64 from_time, from_spins;

/* The time and the spins of one moment: the child does not run while we do, but it may have between the two reads. */
static u64 now(u64 *spun)
{
	struct timespec ts;
	u64 t;

	if (!ticks) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		return (u64)ts.tv_sec * 1000000000 + ts.tv_nsec;
	}
	do {
		*spun = *spins;
		t = __builtin_ia32_rdtsc();
	} while (*spins != *spun);
	return t;
}

static void begin(void) { from_time = now(&from_spins); }

static u64 elapsed(void)
{
	u64 spun = 0, t = now(&spun) - from_time;

	return ticks ? t - 3 * (spun - from_spins) : t;
}

/* Three instructions a round. */
static void __attribute__((noreturn)) spin(void)
{
	struct sched_param zero = { 0 };

	if (mlockall(MCL_CURRENT)) /* with its count swapped out it would not count */
		die("mlockall");
	if (sched_setscheduler(0, SCHED_IDLE, &zero))
		die("SCHED_IDLE");
	for (;;)
		__asm__ volatile("1: addl $1, (%0); adcl $0, 4(%0); jmp 1b" :: "r"(spins) : "memory", "cc");
}

static pid_t start_spinning(void)
{
	pid_t pid;

	spins = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (spins == MAP_FAILED)
		die("mmap");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		spin();
	return pid;
}

#endif
