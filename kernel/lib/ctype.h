/* SPDX-License-Identifier: MIT
 *
 * Classes of ASCII characters. Bytes above 127 belong to none.
 */
#ifndef KERNEL_LIB_CTYPE_H
#define KERNEL_LIB_CTYPE_H

#include "kernel/lib/types.h"

static inline bool isdigit(int c) { return (unsigned)c - '0' < 10; }
static inline bool isupper(int c) { return (unsigned)c - 'A' < 26; }
static inline bool islower(int c) { return (unsigned)c - 'a' < 26; }
static inline bool isalpha(int c) { return ((unsigned)c | 32) - 'a' < 26; }
static inline bool isalnum(int c) { return isalpha(c) || isdigit(c); }
static inline bool isspace(int c) { return c == ' ' || (unsigned)c - '\t' < 5; }
static inline bool isprint(int c) { return (unsigned)c - ' ' < 95; }
static inline bool isgraph(int c) { return (unsigned)c - '!' < 94; }
static inline bool iscntrl(int c) { return (unsigned)c < 32 || c == 127; }
static inline bool ispunct(int c) { return isgraph(c) && !isalnum(c); }
static inline bool isxdigit(int c) { return isdigit(c) || ((unsigned)c | 32) - 'a' < 6; }
static inline int tolower(int c) { return isupper(c) ? c | 32 : c; }
static inline int toupper(int c) { return islower(c) ? c & ~32 : c; }
static inline int hex_digit(int c) { return isdigit(c) ? c - '0' : isxdigit(c) ? (c | 32) - 'a' + 10 : -1; }

#endif
