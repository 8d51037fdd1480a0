/* SPDX-License-Identifier: MIT
 * unit: kernel/lib/kstrto.c
 *
 * The boot-option parser: words and quotes, each kind of option, values that must be refused with a useful line.
 */
#define KERNEL_HOST_TEST
#include "kernel/lib/param.c"
#include "tools/tests/unit/unit.h"

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return (size_t)n < size ? n : (int)size - 1;
}

static u32 number = 5, choice;
static u64 size;
static bool flag;
static const char *text;
static int calls;
static int call(const char *v) { calls++; return strcmp(v, "good") ? -EINVAL : 0; }
static const char *const names[] = { "red", "green", "blue", NULL };
static const struct param table[] = {
	{ "n", "a number", &number, PARAM_KIND_UINT, 1, 100, NULL },
	{ "size", "a size", &size, PARAM_KIND_SIZE, 0, 0, NULL },
	{ "text", "text", &text, PARAM_KIND_STR, 0, 0, NULL },
	{ "flag", "a flag", &flag, PARAM_KIND_BOOL, 0, 0, NULL },
	{ "rmap.colour", "a choice", &choice, PARAM_KIND_CHOICE, 0, 0, names },
	{ "call", "wants good", (void *)call, PARAM_KIND_CALL, 0, 0, NULL },
};
char *skip_spaces(const char *s) { while (*s == ' ' || *s == '\t') s++; return (char *)s; }

static char why[256];
static int set(const char *name, const char *value) { why[0] = 0; return param_one(table, ARRAY_SIZE(table), name, value, why, sizeof(why)); }

TEST(values)
{
	CHECK(!set("n", "42") && number == 42);
	CHECK(!set("n", "0x10") && number == 16);
	CHECK(set("n", "101") == -EINVAL && number == 16 && strstr(why, "1 to 100"));
	CHECK(set("n", "") == -EINVAL && set("n", NULL) == -EINVAL && set("n", "4x") == -EINVAL && set("n", "-1") == -EINVAL);
	CHECK(!set("size", "64M") && size == 64u << 20);
	CHECK(!set("size", "8G") && size == 8ULL << 30);
	CHECK(set("size", "64Q") == -EINVAL && set("size", "M") == -EINVAL && set("size", NULL) == -EINVAL);
	CHECK(!set("text", "a=b") && !strcmp(text, "a=b"));
	CHECK(!set("flag", NULL) && flag && !set("flag", "off") && !flag && set("flag", "maybe") == -EINVAL);
	CHECK(!set("rmap.colour", "blue") && choice == 2);
	CHECK(set("rmap.colour", "pink") == -EINVAL && choice == 2 && strstr(why, "red green blue"));
	CHECK(set("rmap.colour", NULL) == -EINVAL);
	CHECK(!set("call", "good") && set("call", "bad") == -EINVAL && calls == 2);
	CHECK(set("unknown", "1") == -ENOENT);
}

TEST(words)
{
	char line[] = "  quiet n=3 text=\"two words\" rmap.colour=red=x  \"odd name\"=1 last";
	static const char *const want[][2] = { { "quiet", NULL }, { "n", "3" }, { "text", "two words" }, { "rmap.colour", "red=x" },
					       { "odd name", "1" }, { "last", NULL } };
	char *rest = line, *name, *value;
	unsigned i = 0;

	while (param_next(&rest, &name, &value)) {
		REQUIRE(i < ARRAY_SIZE(want));
		CHECK(!strcmp(name, want[i][0]));
		CHECK(!value == !want[i][1] && (!value || !strcmp(value, want[i][1])));
		i++;
	}
	CHECK(i == ARRAY_SIZE(want));
}

TEST(numbers)
{
	unsigned long long u;
	long l;
	unsigned v;
	char *end;

	CHECK(!kstrtoull("18446744073709551615", 10, &u) && u == ~0ULL);
	CHECK(kstrtoull("18446744073709551616", 10, &u) == -ERANGE);
	CHECK(!kstrtoull("0xffffffffffffffff\n", 0, &u) && u == ~0ULL && !kstrtoull("017", 0, &u) && u == 15);
	CHECK(kstrtoull("", 10, &u) == -EINVAL && kstrtoull("12 ", 10, &u) == -EINVAL && kstrtoull("-1", 10, &u) == -EINVAL);
	CHECK(!kstrtol("-2147483648", 10, &l) && l == -2147483647L - 1 && kstrtol("2147483648", 10, &l) == -ERANGE);
	CHECK(kstrtouint("4294967296", 10, &v) == -ERANGE);
	CHECK(memparse("3Kx", &end) == 3072 && *end == 'x');
	CHECK(memparse("2T", NULL) == 2ULL << 40);
}
