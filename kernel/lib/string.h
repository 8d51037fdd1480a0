/* SPDX-License-Identifier: MIT
 *
 * Memory and strings. Small constant sizes are left to the compiler, which expands them in place.
 */
#ifndef KERNEL_LIB_STRING_H
#define KERNEL_LIB_STRING_H

#include "kernel/lib/types.h"

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *p, int c, size_t n);
void *memchr_inv(const void *p, int c, size_t n);  /* first byte that is not c, or NULL */
#ifndef KERNEL_HOST_TEST
#define memcpy(d, s, n) __builtin_memcpy(d, s, n)
#define memset(d, c, n) __builtin_memset(d, c, n)
#define memcmp(a, b, n) __builtin_memcmp(a, b, n)
#endif

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
int strcasecmp(const char *a, const char *b);
int strncasecmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strchrnul(const char *s, int c);
char *strstr(const char *s, const char *what);
size_t strspn(const char *s, const char *accept);
size_t strcspn(const char *s, const char *reject);
char *strpbrk(const char *s, const char *accept);
char *strsep(char **s, const char *delimiters);
char *strim(char *s);                              /* without white space at both ends; changes s */
char *skip_spaces(const char *s);
/* Always terminated. => length of `from`: >= size means cut. */
size_t strlcpy(char *to, const char *from, size_t size);
size_t strlcat(char *to, const char *from, size_t size);
/* Always terminated. => length copied, or -E2BIG if cut. */
ssize_t strscpy(char *to, const char *from, size_t size);
bool sysfs_streq(const char *a, const char *b);    /* equal but for one trailing newline */

/* base 0: 0x and 0 prefixes tell. The whole string must be a number (one trailing newline is fine).
 * => 0, -EINVAL, -ERANGE */
int __must_check kstrtoull(const char *s, unsigned base, unsigned long long *res);
int __must_check kstrtoll(const char *s, unsigned base, long long *res);
int __must_check kstrtoul(const char *s, unsigned base, unsigned long *res);
int __must_check kstrtol(const char *s, unsigned base, long *res);
int __must_check kstrtouint(const char *s, unsigned base, unsigned *res);
int __must_check kstrtoint(const char *s, unsigned base, int *res);
int __must_check kstrtobool(const char *s, bool *res); /* 1 0 y n on off */
unsigned long long simple_strtoull(const char *s, char **end, unsigned base);
/* "64M", "0x1000", "2G": a number with K, M, G, T; *end behind it */
u64 memparse(const char *s, char **end);

#endif
