/* SPDX-License-Identifier: MIT
 *
 * Memory and strings. Copies of any size end in `rep movsl`; short ones are done in words, because starting a string
 * instruction costs more than a few moves. The compiler expands small constant sizes without coming here.
 *
 * Cannot: tell overlapping buffers in memcpy (use memmove); anything with user addresses (uaccess does that).
 */
#include "kernel/lib/string.h"
#include "kernel/lib/ctype.h"
#ifndef KERNEL_HOST_TEST
#undef memcpy
#undef memset
#undef memcmp
#endif

typedef u32 __attribute__((may_alias, aligned(1))) word_t;
typedef u16 __attribute__((may_alias, aligned(1))) half_t;

/* 0 to 16 bytes: the first and the last word, which may overlap. */
static __always_inline void copy_short(char *to, const char *from, size_t n)
{
	if (n >= 8) {
		u32 a = *(const word_t *)from, b = *(const word_t *)(from + 4);
		u32 c = *(const word_t *)(from + n - 8), d = *(const word_t *)(from + n - 4);

		*(word_t *)to = a;
		*(word_t *)(to + 4) = b;
		*(word_t *)(to + n - 8) = c;
		*(word_t *)(to + n - 4) = d;
	} else if (n >= 4) {
		u32 a = *(const word_t *)from, d = *(const word_t *)(from + n - 4);

		*(word_t *)to = a;
		*(word_t *)(to + n - 4) = d;
	} else if (n) {
		char last = from[n - 1];

		if (n > 1)
			*(half_t *)to = *(const half_t *)from;
		to[n - 1] = last;
	}
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *d = to;
	size_t words = n >> 2;

	if (n <= 16) {
		copy_short(to, from, n);
		return to;
	}
	/* the odd end first, as one word that overlaps */
	*(word_t *)((char *)to + n - 4) = *(const word_t *)((const char *)from + n - 4);
	__asm__ volatile("rep movsl" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *d = (char *)to + n - 1;
	const char *s = (const char *)from + n - 1;

	if (n <= 16)
		copy_short(to, from, n); /* reads everything first */
	else if ((size_t)((char *)to - (const char *)from) >= n) {
		/* forwards; the tail may be overwritten on the way, so it is read first */
		u32 tail = *(const word_t *)((const char *)from + n - 4);
		size_t words = n >> 2;
		void *t = to;

		__asm__ volatile("rep movsl" : "+D"(t), "+S"(from), "+c"(words) : : "memory");
		*(word_t *)((char *)to + n - 4) = tail;
	} else
		__asm__ volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(n) : : "memory", "cc");
	return to;
}

void *memset(void *p, int c, size_t n)
{
	u32 v = (u8)c * 0x01010101u;
	char *to = p;
	void *d = p;
	size_t words = n >> 2;

	if (n >= 4) {
		*(word_t *)(to + n - 4) = v;
		if (n <= 16) {
			*(word_t *)to = v;
			if (n > 8) {
				*(word_t *)(to + 4) = v;
				*(word_t *)(to + n - 8) = v;
			}
		} else
			__asm__ volatile("rep stosl" : "+D"(d), "+c"(words) : "a"(v) : "memory");
	} else if (n) {
		to[0] = to[n - 1] = (char)c;
		to[n >> 1] = (char)c;
	}
	return p;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	while (n >= 4 && *(const word_t *)p == *(const word_t *)q)
		p += 4, q += 4, n -= 4;
	for (; n; p++, q++, n--)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *p, int c, size_t n)
{
	for (const u8 *s = p; n; s++, n--)
		if (*s == (u8)c)
			return (void *)s;
	return NULL;
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *s = p;
	u32 v = (u8)c * 0x01010101u;

	while (n >= 4 && *(const word_t *)s == v)
		s += 4, n -= 4;
	for (; n; s++, n--)
		if (*s != (u8)c)
			return (void *)s;
	return NULL;
}

/* --- strings ------------------------------------------------------------------------------------------------------ */
size_t strlen(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return p - s;
}

size_t strnlen(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i])
		i++;
	return i;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; a++, b++, n--)
		if (!*a || *a != *b)
			return (u8)*a - (u8)*b;
	return 0;
}

int strncasecmp(const char *a, const char *b, size_t n)
{
	for (; n; a++, b++, n--) {
		int x = tolower((u8)*a), y = tolower((u8)*b);

		if (!x || x != y)
			return x - y;
	}
	return 0;
}

int strcasecmp(const char *a, const char *b) { return strncasecmp(a, b, ~(size_t)0); }

char *strchrnul(const char *s, int c)
{
	while (*s && *s != (char)c)
		s++;
	return (char *)s;
}

char *strchr(const char *s, int c)
{
	s = strchrnul(s, c);
	return *s == (char)c ? (char *)s : NULL;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	do {
		if (*s == (char)c)
			last = s;
	} while (*s++);
	return (char *)last;
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (; *s || !n; s++)
		if (!strncmp(s, what, n))
			return (char *)s;
	return NULL;
}

size_t strspn(const char *s, const char *accept)
{
	size_t n = 0;

	while (s[n] && strchr(accept, s[n]))
		n++;
	return n;
}

size_t strcspn(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !strchr(reject, s[n]))
		n++;
	return n;
}

char *strpbrk(const char *s, const char *accept)
{
	s += strcspn(s, accept);
	return *s ? (char *)s : NULL;
}

char *strsep(char **s, const char *delimiters)
{
	char *start = *s, *end;

	if (!start)
		return NULL;
	end = start + strcspn(start, delimiters);
	*s = *end ? end + 1 : NULL;
	*end = 0;
	return start;
}

char *skip_spaces(const char *s)
{
	while (isspace((u8)*s))
		s++;
	return (char *)s;
}

char *strim(char *s)
{
	char *end;

	s = skip_spaces(s);
	end = s + strlen(s);
	while (end > s && isspace((u8)end[-1]))
		end--;
	*end = 0;
	return s;
}

size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t len = strlen(from), n = min(len, size - 1);

	if (size) {
		memcpy(to, from, n);
		to[n] = 0;
	}
	return len;
}

size_t strlcat(char *to, const char *from, size_t size)
{
	size_t len = strnlen(to, size);

	return len + (len < size ? strlcpy(to + len, from, size - len) : strlen(from));
}

ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t n = strnlen(from, size);

	if (!size)
		return -E2BIG;
	if (n == size) {
		memcpy(to, from, n - 1);
		to[n - 1] = 0;
		return -E2BIG;
	}
	memcpy(to, from, n);
	to[n] = 0;
	return (ssize_t)n;
}

bool sysfs_streq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b || (!*a && b[0] == '\n' && !b[1]) || (!*b && a[0] == '\n' && !a[1]);
}
