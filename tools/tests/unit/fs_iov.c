/* SPDX-License-Identifier: MIT
 * unit: kernel/fs/iov.c
 *
 * Scatter and gather over pieces, with "user" memory whose pages can be taken away: what is left is counted, a short
 * copy can go on where it stopped.
 */
#include "tools/tests/unit/unit.h"
#include "arch/i386/uaccess.h"
#include "kernel/fs/iov.h"
#include "kernel/lib/string.h"
#include "mm/phys/phys.h"

void bug_at(const char *file, int line, const char *what) { panic("%s:%d: %s", file, line, what); }
void *__kmalloc(size_t size, gfp_t gfp) { return calloc(1, size); }
void kfree(const void *p) { free((void *)p); }

/* User memory: one array; bytes at and behind `hole` cannot be reached. */
static u8 user[512];
static size_t hole;
static const u8 page[256];

static size_t reachable(const void *p, size_t n)
{
	size_t at = (const u8 *)p - user;

	return at >= hole ? 0 : min(n, hole - at);
}
size_t copy_to_user(void *to, const void *from, size_t n)
{
	size_t ok = reachable(to, n);

	memcpy(to, from, ok);
	return n - ok;
}
size_t copy_from_user(void *to, const void *from, size_t n)
{
	size_t ok = reachable(from, n);

	memcpy(to, from, ok);
	return n - ok;
}
size_t copy_to_user_nofault(void *to, const void *from, size_t n) { return copy_to_user(to, from, n); }
size_t copy_from_user_nofault(void *to, const void *from, size_t n) { return copy_from_user(to, from, n); }
size_t clear_user(void *to, size_t n)
{
	size_t ok = reachable(to, n);

	memset(to, 0, ok);
	return n - ok;
}
int user_cmpxchg(u32 *seen, u32 *p, u32 old, u32 new) { return reachable(p, 1) ? 0 : -EFAULT; }

TEST(pieces_are_filled_in_order)
{
	struct iovec vec[4] = { { user + 100, 3 }, { user, 0 }, { user + 10, 5 }, { user + 50, 100 } };
	struct iov v;

	hole = sizeof(user);
	memset(user, 0, sizeof(user));
	iov_init_vec(&v, vec, 4, 108, true);
	CHECK(v.count == 108 && v.len == 3);
	CHECK(iov_copy_to(&v, "abcdefghij", 10) == 10 && v.count == 98);
	CHECK(!memcmp(user + 100, "abc", 3) && !memcmp(user + 10, "defgh", 5) && !memcmp(user + 50, "ij", 2));
	CHECK(iov_copy_to(&v, page, 200) == 98 && v.count == 0);
	CHECK(iov_copy_to(&v, page, 1) == 0);
}

TEST(a_short_copy_goes_on_where_it_stopped)
{
	struct iovec vec[2] = { { user + 8, 8 }, { user + 32, 8 } };
	char out[17] = "";
	struct iov v;

	hole = sizeof(user);
	for (unsigned n = 0; n < sizeof(user); n++)
		user[n] = n;
	iov_init_vec(&v, vec, 2, 16, true);
	hole = 36;
	CHECK(iov_copy_from_nofault(out, &v, 16) == 12 && v.count == 4 && v.len == 4);
	CHECK(iov_prefault_read(&v, 4) == -EFAULT);
	hole = sizeof(user);
	CHECK(iov_prefault_read(&v, 4) == 4);
	CHECK(iov_copy_from_nofault(out + 12, &v, 4) == 4 && v.count == 0);
	for (int n = 0; n < 8; n++)
		CHECK(out[n] == n + 8 && out[n + 8] == n + 32);
}

TEST(cutting_and_moving_on)
{
	struct iovec vec[3] = { { user, 10 }, { user + 20, 10 }, { user + 40, 10 } };
	struct iov v;

	hole = sizeof(user);
	iov_init_vec(&v, vec, 3, 30, true);
	iov_advance(&v, 15);
	CHECK((u8 *)v.base == user + 25 && v.len == 5 && v.count == 15);
	iov_truncate(&v, 7);
	CHECK(v.count == 7 && v.len == 5);
	memset(user, 1, sizeof(user));
	CHECK(iov_zero(&v, 100) == 7 && v.count == 0);
	CHECK(!user[25] && !user[29] && user[30] && !user[40] && !user[41] && user[42]);
}

TEST(kernel_memory)
{
	char a[8] = "", b[8];
	struct iov v;

	iov_init_kernel(&v, a, sizeof(a));
	CHECK(iov_copy_to(&v, "1234567", 8) == 8 && !strcmp(a, "1234567"));
	iov_init_kernel(&v, a, 4);
	CHECK(iov_copy_from(b, &v, 8) == 4 && iov_prefault_write(&v, 1) == 0 /* nothing is left */);
}

TEST(vectors_from_user_space_are_checked)
{
	struct iovec *uvec = (struct iovec *)user, fast[UIO_FASTIOV], *heap;
	struct iov v;

	hole = sizeof(user);
	for (int n = 0; n < 10; n++)
		uvec[n] = (struct iovec){ (void *)0x1000, 100 };
	CHECK(iov_import(&v, uvec, 8, fast, &heap) == 0 && !heap && v.count == 800);
	CHECK(iov_import(&v, uvec, 10, fast, &heap) == 0 && heap && v.count == 1000);
	kfree(heap);
	CHECK(iov_import(&v, uvec, UIO_MAXIOV + 1, fast, &heap) == -EINVAL);
	uvec[3].iov_len = 0x80000000u;
	CHECK(iov_import(&v, uvec, 8, fast, &heap) == -EINVAL);
	uvec[3].iov_len = 0x7fffff00u;
	CHECK(iov_import(&v, uvec, 8, fast, &heap) == 0 && v.count == 0x7ffff000u);
	hole = 16;
	CHECK(iov_import(&v, uvec, 8, fast, &heap) == -EFAULT && !heap);
	CHECK(iov_import(&v, uvec, 0, fast, &heap) == 0 && v.count == 0);
}
