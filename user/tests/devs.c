/* SPDX-License-Identifier: MIT
 * test: mem=64M smp=1 time=30
 *
 * /dev/null zero full random urandom and getrandom(2). Passes on Linux as well.
 */
#define _GNU_SOURCE
#include "tap.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void *volatile bad_address = (void *)8;

static bool all_zero(const char *p, size_t n)
{
	while (n--)
		if (*p++)
			return false;
	return true;
}

static void null_zero_full(void)
{
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
	static char buf[100000];
	struct stat st;
	char *p, *q;

	is(read(null, buf, 10), 0, "null: end of file");
	is(write(null, buf, sizeof(buf)), sizeof(buf), "null takes everything");
	memset(buf, 1, sizeof(buf));
	is(read(zero, buf, sizeof(buf)), sizeof(buf), "zero gives as much as is asked for");
	ok(all_zero(buf, sizeof(buf)), "... of zeroes");
	is(read(full, buf, 10), 10, "full reads as zero");
	fails(write(full, buf, 1), ENOSPC, "full is full");
	fails(read(zero, bad_address, 10), EFAULT, "a bad address");
	p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
	ok(p != MAP_FAILED && all_zero(p, 65536), "zero mapped privately");
	p[5000] = 1;
	q = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
	ok(q != MAP_FAILED && all_zero(q, 65536), "zero mapped shared");
	if (!fork()) {
		p[5000] = 2;
		q[5000] = 2;
		_exit(0);
	}
	wait(NULL);
	ok(p[5000] == 1 && q[5000] == 2, "fork shares the one and copies the other");
	ok(!fstat(null, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3), "null is 1:3");
}

static void randoms(void)
{
	static unsigned char a[4096], b[4096];
	int fd = open("/dev/urandom", O_RDONLY), counts[256] = { 0 }, worst = 0;
	struct pollfd p = { .events = POLLIN };

	is(getrandom(a, 256, 0), 256, "getrandom gives 256 bytes");
	is(read(fd, b, 256), 256, "urandom gives 256 bytes");
	ok(memcmp(a, b, 256), "they differ");
	is(read(fd, a, sizeof(a)), sizeof(a), "4096 bytes of urandom");
	for (unsigned i = 0; i < sizeof(a); i++)
		counts[a[i]]++;
	for (int i = 0; i < 256; i++)
		worst = counts[i] > worst ? counts[i] : worst;
	ok(worst < 48, "no byte is far too frequent (%d of 16 expected)", worst);
	fails(getrandom(a, 16, 0x80), EINVAL, "an unknown flag");
	fails(getrandom(bad_address, 16, 0), EFAULT, "a bad address");
	p.fd = open("/dev/random", O_RDONLY);
	ok(poll(&p, 1, 1000) == 1 && p.revents & POLLIN, "random is ready by now");
	is(read(p.fd, b, 64), 64, "random gives 64 bytes");
}

int main(void)
{
	null_zero_full();
	randoms();
	return done();
}
