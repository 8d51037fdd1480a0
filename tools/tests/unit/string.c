/* SPDX-License-Identifier: MIT
 * unit: kernel/lib/bitops.c
 *
 * Memory and string functions byte by byte against simple loops; 64-bit division against the compiler's; sorting; bitmaps.
 */
#define KERNEL_HOST_TEST
#define memcpy k_memcpy
#define memmove k_memmove
#define memset k_memset
#define memcmp k_memcmp
#define memchr k_memchr
#define strlen k_strlen
#define strnlen k_strnlen
#define strcmp k_strcmp
#define strncmp k_strncmp
#define strcasecmp k_strcasecmp
#define strncasecmp k_strncasecmp
#define strchr k_strchr
#define strrchr k_strrchr
#define strchrnul k_strchrnul
#define strstr k_strstr
#define strspn k_strspn
#define strcspn k_strcspn
#define strpbrk k_strpbrk
#define strsep k_strsep
#include "kernel/lib/string.c"
#include "kernel/lib/bitops.h"
#define __udivdi3 k_udivdi3 /* the sanitizer itself divides before it is ready for code that it watches */
#define __umoddi3 k_umoddi3
#define __divdi3 k_divdi3
#define __moddi3 k_moddi3
#define __udivmoddi4 k_udivmoddi4
#define __divmoddi4 k_divmoddi4
#include "kernel/lib/div64.c"
#define bsearch k_bsearch
#include "kernel/lib/sort.c"
#include "tools/tests/unit/unit.h"

static u8 from[128], to[128], want[128];

static void fill(void)
{
	for (unsigned i = 0; i < sizeof(from); i++) {
		from[i] = (u8)unit_random();
		to[i] = want[i] = (u8)unit_random();
	}
}

static bool equal(const u8 *a, const u8 *b)
{
	for (unsigned i = 0; i < sizeof(from); i++)
		if (a[i] != b[i])
			return false;
	return true;
}

TEST(copies_of_every_length_and_alignment)
{
	for (unsigned n = 0; n <= 80; n++)
		for (unsigned a = 0; a < 8; a++)
			for (unsigned b = 0; b < 8; b++) {
				fill();
				for (unsigned i = 0; i < n; i++)
					want[b + i] = from[a + i];
				CHECK(memcpy(to + b, from + a, n) == to + b);
				CHECK(equal(to, want));
			}
}

TEST(overlapping_moves)
{
	u8 old[128];

	for (unsigned n = 0; n <= 60; n++)
		for (unsigned a = 0; a < 40; a++)
			for (unsigned b = 0; b < 40; b += 3) {
				fill();
				for (unsigned i = 0; i < sizeof(old); i++)
					old[i] = to[i];
				for (unsigned i = 0; i < n; i++)
					want[b + i] = old[a + i];
				memmove(to + b, to + a, n);
				CHECK(equal(to, want));
			}
}

TEST(memset_and_compare)
{
	for (unsigned n = 0; n <= 80; n++)
		for (unsigned a = 0; a < 4; a++) {
			fill();
			for (unsigned i = 0; i < n; i++)
				want[a + i] = 0xa5;
			memset(to + a, 0x123a5, n);
			CHECK(equal(to, want));
			CHECK(memcmp(to + a, want + a, n) == 0 && !memchr_inv(to + a, 0xa5, n));
			if (n) {
				to[a + n - 1] = 0xa6;
				CHECK(memcmp(to + a, want + a, n) > 0 && memcmp(want + a, to + a, n) < 0);
				CHECK(memchr_inv(to + a, 0xa5, n) == to + a + n - 1 && memchr(to + a, 0xa6, n) == to + a + n - 1);
			}
		}
}

TEST(strings)
{
	char buf[8], line[] = " a,b,,c ", *s = line;

	CHECK(strlcpy(buf, "abcdefghij", sizeof(buf)) == 10 && !strcmp(buf, "abcdefg"));
	CHECK(strscpy(buf, "abcdefghij", sizeof(buf)) == -E2BIG && !strcmp(buf, "abcdefg"));
	CHECK(strscpy(buf, "abcdefg", sizeof(buf)) == 7 && strscpy(buf, "", sizeof(buf)) == 0 && !buf[0]);
	CHECK(strlcat(buf, "xy", sizeof(buf)) == 2 && strlcat(buf, "0123456", sizeof(buf)) == 9 && !strcmp(buf, "xy01234"));
	CHECK(strcmp("a", "b") < 0 && strcmp("ab", "a") > 0 && strncmp("abc", "abd", 2) == 0 && strcasecmp("HeLLo", "hEllO") == 0);
	CHECK(strchr("abc", 'c') && !strchr("abc", 'd') && *strchr("abc", 0) == 0 && strrchr("abca", 'a')[1] == 0);
	CHECK(!strcmp(strstr("hello world", "o w"), "o world") && !strstr("abc", "abcd") && !strcmp(strstr("abc", ""), "abc"));
	CHECK(strspn("aabbc", "ab") == 4 && strcspn("abc,d", ",;") == 3 && *strpbrk("abc", "xc") == 'c' && !strpbrk("abc", "x"));
	s = strim(line);
	CHECK(!strcmp(strsep(&s, ","), "a") && !strcmp(strsep(&s, ","), "b") && !*strsep(&s, ",") && !strcmp(strsep(&s, ","), "c") && !s);
	CHECK(sysfs_streq("on\n", "on") && !sysfs_streq("on\n\n", "on"));
}

TEST(division)
{
	for (unsigned i = 0; i < 200000; i++) {
		u64 n = (u64)unit_random() << 40 ^ (u64)unit_random() << 20 ^ unit_random(), d = (u64)unit_random() << 40 ^ unit_random(), rem;
		u32 small, r32;

		n >>= unit_random() % 64;
		d = (d >> unit_random() % 63) | 1;
		CHECK(div64_u64_rem(n, d, &rem) == n / d && rem == n % d);
		small = (u32)d | 1;
		CHECK(div_u64_rem(n, small, &r32) == n / small && r32 == n % small);
		CHECK(div64_s64(-(s64)(n >> 1), (s64)(d >> 1 | 1)) == -(s64)(n >> 1) / (s64)(d >> 1 | 1));
		CHECK(mul_u64_u32_shr(n >> 8, 0x10000, 16) == n >> 8);
		CHECK(mul_u64_u32_div(n >> 32, small, small) == n >> 32);
	}
	CHECK(mul_u64_u32_div(~0ULL, 3, 3) == ~0ULL && mul_u64_u32_div(1ULL << 63, 1000, 2000) == 1ULL << 62);
}

static int by_value(const void *a, const void *b) { return *(const u32 *)a < *(const u32 *)b ? -1 : *(const u32 *)a > *(const u32 *)b; }

TEST(sorting)
{
	static u32 v[500];

	for (unsigned n = 0; n < ARRAY_SIZE(v); n += 1 + n / 5) {
		for (unsigned i = 0; i < n; i++)
			v[i] = unit_random() % (n + 1);
		sort(v, n, sizeof(v[0]), by_value);
		for (unsigned i = 1; i < n; i++)
			CHECK(v[i - 1] <= v[i]);
		if (n)
			CHECK(*(u32 *)bsearch(&v[n / 2], v, n, sizeof(v[0]), by_value) == v[n / 2]);
	}
}

TEST(bitmaps)
{
	DECLARE_BITMAP(map, 200) = { 0 };

	CHECK(find_first_bit(map, 200) == 200 && find_first_zero_bit(map, 200) == 0);
	bitmap_set(map, 30, 80);
	CHECK(find_first_bit(map, 200) == 30 && find_next_zero_bit(map, 200, 30) == 110 && bitmap_weight(map, 200) == 80);
	CHECK(find_next_bit(map, 200, 110) == 200 && find_next_bit(map, 100, 100) == 100);
	bitmap_clear(map, 31, 78);
	CHECK(find_next_bit(map, 200, 31) == 109 && bitmap_weight(map, 200) == 2);
	set_bit(199, map);
	CHECK(test_bit(199, map) && test_and_clear_bit(199, map) && !test_and_set_bit(199, map) && find_next_bit(map, 200, 150) == 199);
	CHECK(fls(0) == 0 && fls(1) == 1 && fls(~0UL) == 32 && fls64(1ULL << 40) == 41 && ffs(8) == 4 && roundup_pow_of_two(33) == 64 && hweight32(0xf0f) == 8);
}
