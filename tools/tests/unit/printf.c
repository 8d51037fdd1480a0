/* SPDX-License-Identifier: MIT
 *
 * The kernel's printf against the C library's, and what is its own: %p, %pS, %pV, cutting.
 */
#define vsnprintf k_vsnprintf
#define snprintf k_snprintf
#define vscnprintf k_vscnprintf
#define scnprintf k_scnprintf
#define sprintf k_sprintf
#include "kernel/lib/vsprintf.c"
#undef snprintf
#include "tools/tests/unit/unit.h"

int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

const char *symbol_lookup(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	*offset = addr - 0xc0100000;
	*size = 0x40;
	return addr >= 0xc0100000 && addr < 0xc0100040 ? "start_here" : NULL;
}

#define SAME(...) do { char a[200], b[200]; int x = k_snprintf(a, sizeof(a), __VA_ARGS__), y = snprintf(b, sizeof(b), __VA_ARGS__); \
	if (x != y || strcmp(a, b)) { printf("# '%s' (%d) instead of '%s' (%d)\n", a, x, b, y); CHECK(!"same"); } } while (0)
#define GIVES(text, ...) do { char a[200]; int x = k_snprintf(a, sizeof(a), __VA_ARGS__); \
	if (strcmp(a, text) || x != (int)strlen(text)) { printf("# '%s' instead of '%s'\n", a, text); CHECK(!"same"); } } while (0)

TEST(as_the_c_library)
{
	static const long long v[] = { 0, 1, -1, 7, 42, -1234567, 2147483647, -2147483648LL, 4294967295LL, 9223372036854775807LL,
				       -9223372036854775807LL - 1, 1000000000000LL };

	for (unsigned i = 0; i < ARRAY_SIZE(v); i++) {
		SAME("%lld|%20lld|%-20lld|%+lld|% lld|%020lld|%.5lld", v[i], v[i], v[i], v[i], v[i], v[i], v[i]);
		SAME("%llx|%#llx|%#llX|%llo|%#llo|%llu|%016llx", v[i], v[i], v[i], v[i], v[i], v[i], v[i]);
		SAME("%d|%5d|%-5d|%05d|%+d|%u|%x|%#x|%o", (int)v[i], (int)v[i], (int)v[i], (int)v[i], (int)v[i], (unsigned)v[i],
		     (unsigned)v[i], (unsigned)v[i], (unsigned)v[i]);
		SAME("%hd|%hhd|%hu|%hhx|%ld|%zu", (short)v[i], (signed char)v[i], (unsigned short)v[i], (unsigned char)v[i], (long)v[i], (size_t)v[i]);
		SAME("%8.3d|%-8.3d|%3.1d|%.0d|%*d|%-*d|%.*d", (int)v[i], (int)v[i], (int)v[i], (int)v[i], 9, (int)v[i], 9, (int)v[i], 4, (int)v[i]);
	}
	SAME("%s|%10s|%-10s|%.2s|%10.2s|%c|%5c|%-5c|%%", "hello", "hello", "hello", "hello", "hello", 'x', 'y', 'z');
	SAME("%.0s|%.*s|%*s", "abc", 2, "abc", -6, "ab");
}

TEST(cutting)
{
	char buf[8] = "zzzzzzz";

	CHECK(k_snprintf(buf, 4, "%d", 123456) == 6 && !strcmp(buf, "123"));
	CHECK(k_snprintf(buf, 1, "abc") == 3 && !buf[0]);
	CHECK(k_snprintf(NULL, 0, "%s %d", "abc", 5) == 5);
	CHECK(k_scnprintf(buf, 4, "abcdef") == 3);
	CHECK(k_scnprintf(buf, 0, "abcdef") == 0);
}

static void nested(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	struct va_format vf = { fmt, &args };

	va_start(args, fmt);
	k_snprintf(buf, size, "<%pV>%d", &vf, 9);
	va_end(args);
}

TEST(pointers)
{
	char buf[64];
	u64 ns = 12345678901ULL;
	char *volatile null = NULL;
	static const u8 mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0xff };

	GIVES("c0100010", "%p", (void *)0xc0100010);
	GIVES("00000000", "%p", (void *)NULL);
	GIVES("start_here+0x10/0x40", "%pS", (void *)0xc0100010);
	GIVES("start_here", "%ps", (void *)0xc0100010);
	GIVES("0x12", "%pS", (void *)0x12);
	GIVES("(null)", "%s", null);
	GIVES("   12.345678", "%pT", &ns);
	GIVES("52:54:00:12:34:ff", "%pM", mac);
	nested(buf, sizeof(buf), "a%db", 7);
	CHECK(!strcmp(buf, "<a7b>9"));
	nested(buf, 4, "abcdefgh");
	CHECK(!strcmp(buf, "<ab"));
}
