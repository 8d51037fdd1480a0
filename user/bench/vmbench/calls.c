/* SPDX-License-Identifier: MIT
 *
 * What entering the kernel costs: getppid by the gate of int 0x80 and as the C library enters, and the clock by a
 * system call and as the C library asks (the vDSO, where there is one).
 */
#include "bench.h"
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static u64 null_int80(u32 n)
{
	u64 t = now();

	for (; n; n--) {
		int r;

		__asm__ volatile("int $0x80" : "=a"(r) : "0"(SYS_getppid) : "memory");
	}
	return now() - t;
}

static u64 null_libc(u32 n)
{
	u64 t = now();

	for (; n; n--)
		syscall(SYS_getppid);
	return now() - t;
}

static u64 clock_by_call(u32 n)
{
	struct timespec ts;
	u64 t = now();

	while (n--)
		if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts))
			return FAIL;
	return now() - t;
}

static u64 clock_by_libc(u32 n)
{
	struct timespec ts;
	u64 t = now();

	while (n--)
		if (clock_gettime(CLOCK_MONOTONIC, &ts))
			return FAIL;
	return now() - t;
}

const struct row call_rows[] = {
	{ "null_int80", null_int80, 1, 1u << 24 },
	{ "null_libc", null_libc, 1, 1u << 24 },
	{ "clock_gettime_sys", clock_by_call, 1, 1u << 24 },
	{ "clock_gettime_libc", clock_by_libc, 1, 1u << 24 },
	{ NULL, NULL, 0, 0 }
};
