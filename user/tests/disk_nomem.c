/* SPDX-License-Identifier: MIT
 * test: mem=5G smp=2 time=60 disk=16M block=both build=debug linux=no qemu="-machine max-ram-below-4g=900M"
 *
 * Allocations fail one after the other under reads and writes of a disk (fail-nth of the debug build). Bios and bounce
 * pages have reserves, so what fails is at most a page of the cache: the call says ENOMEM, or works; never is anything lost.
 */
#define _GNU_SOURCE
#include "disk.h"

#define SIZE (700 << 10)
static char data[SIZE], back[SIZE];
static int nth_fd;

static void arm(unsigned n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	for (int tries = 0; pwrite(nth_fd, text, len, 0) != len && tries < 3; tries++)
		;
}

/* => true if the armed failure came */
static bool disarm(void)
{
	char text[16] = "";
	long n = pread(nth_fd, text, sizeof(text) - 1, 0);

	n = n <= 0 ? 1 : atol(text);
	arm(0);
	return n == 0;
}

int main(void)
{
	int fd = open_disk("", O_RDWR), failed = 0, hit = 0, wrong = 0, short_ones = 0;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fd < 0 || nth_fd < 0)
		bail("no disk, or no fail-nth");
	for (unsigned n = 1; n < 500; n += n < 40 ? 1 : 13) {
		ssize_t r, w;

		memset(data, n, SIZE);
		ioctl(fd, BLKFLSBUF, 0);
		arm(n);
		w = pwrite(fd, data, SIZE, 5000);
		hit += disarm();
		ioctl(fd, BLKFLSBUF, 0);
		arm(n);
		r = pread(fd, back, SIZE, 5000);
		hit += disarm();
		failed += (w < 0 && errno != ENOMEM) || (r < 0 && errno != ENOMEM);
		short_ones += w < SIZE || r < SIZE;
		if (pwrite(fd, data, SIZE, 5000) != SIZE || pread(fd, back, SIZE, 5000) != SIZE || memcmp(data, back, SIZE))
			wrong++;
	}
	printf("# %d failures came, %d calls were cut short\n", hit, short_ones);
	ok(hit > 80, "allocations failed");
	is(failed, 0, "calls say ENOMEM or work");
	is(wrong, 0, "nothing is lost");
	is(vmstat("blk_error"), 0, "no command failed");
	return done();
}
