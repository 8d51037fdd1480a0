/* SPDX-License-Identifier: MIT
 *
 * Numbers out of text. The kstrto family is strict: the whole string or an error. simple_strtoull and memparse stop
 * at the first character that does not belong to the number.
 */
#include "kernel/lib/ctype.h"
#include "kernel/lib/div64.h"
#include "kernel/lib/string.h"

/* Takes "0x" or "0" off and settles the base. */
static const char *find_base(const char *s, unsigned *base)
{
	bool hex = s[0] == '0' && (s[1] | 32) == 'x' && isxdigit((u8)s[2]);

	if (*base == 0)
		*base = hex ? 16 : s[0] == '0' ? 8 : 10;
	return *base == 16 && hex ? s + 2 : s;
}

static int digit_value(int c)
{
	return isdigit(c) ? c - '0' : isalpha(c) ? (c | 32) - 'a' + 10 : 99;
}

/* => end of the digits; *overflow if the value did not fit */
static const char *parse_digits(const char *s, unsigned base, u64 *value, bool *overflow)
{
	u64 v = 0, limit = div_u64(~0ULL, base);

	*overflow = false;
	for (unsigned d; (d = digit_value((u8)*s)) < base; s++) {
		if (v > limit || v * base + d < v * base)
			*overflow = true;
		v = v * base + d;
	}
	*value = v;
	return s;
}

static int parse_whole(const char *s, unsigned base, u64 *value)
{
	bool overflow;
	const char *end;

	s = find_base(s, &base);
	end = parse_digits(s, base, value, &overflow);
	if (end == s)
		return -EINVAL;
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	return overflow ? -ERANGE : 0;
}

int kstrtoull(const char *s, unsigned base, unsigned long long *res)
{
	u64 v;
	int err = parse_whole(*s == '+' ? s + 1 : s, base, &v);

	if (!err)
		*res = v;
	return err;
}

int kstrtoll(const char *s, unsigned base, long long *res)
{
	bool minus = *s == '-';
	u64 v;
	int err = parse_whole(minus || *s == '+' ? s + 1 : s, base, &v);

	if (err)
		return err;
	if (v > (1ULL << 63) - !minus)
		return -ERANGE;
	*res = minus ? -(long long)v : (long long)v;
	return 0;
}

int kstrtoul(const char *s, unsigned base, unsigned long *res)
{
	unsigned long long v;
	int err = kstrtoull(s, base, &v);

	if (err)
		return err;
	if (v != (unsigned long)v)
		return -ERANGE;
	*res = (unsigned long)v;
	return 0;
}

int kstrtol(const char *s, unsigned base, long *res)
{
	long long v;
	int err = kstrtoll(s, base, &v);

	if (err)
		return err;
	if (v != (long)v)
		return -ERANGE;
	*res = (long)v;
	return 0;
}

int kstrtouint(const char *s, unsigned base, unsigned *res)
{
	unsigned long v;
	int err = kstrtoul(s, base, &v);

	if (!err)
		*res = (unsigned)v;
	return err;
}

int kstrtoint(const char *s, unsigned base, int *res)
{
	long v;
	int err = kstrtol(s, base, &v);

	if (!err)
		*res = (int)v;
	return err;
}

int kstrtobool(const char *s, bool *res)
{
	static const struct { const char *text; bool value; } words[] = {
		{ "1", true }, { "y", true }, { "yes", true }, { "on", true },
		{ "0", false }, { "n", false }, { "no", false }, { "off", false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(s, words[i].text)) {
			*res = words[i].value;
			return 0;
		}
	return -EINVAL;
}

unsigned long long simple_strtoull(const char *s, char **end, unsigned base)
{
	u64 v;
	bool overflow;
	const char *digits = find_base(s, &base), *e = parse_digits(digits, base, &v, &overflow);

	if (end)
		*end = (char *)e;
	return v;
}

u64 memparse(const char *s, char **end)
{
	char *e;
	u64 v = simple_strtoull(s, &e, 0);

	switch (*e | 32) {
	case 't':
		v <<= 10;
		fallthrough;
	case 'g':
		v <<= 10;
		fallthrough;
	case 'm':
		v <<= 10;
		fallthrough;
	case 'k':
		v <<= 10;
		e++;
	}
	if (end)
		*end = e;
	return v;
}
