/* SPDX-License-Identifier: MIT
 *
 * Formatted text: the C standard's conversions without floating point, and for %p:
 *   %p  address   %pS  symbol+offset/size   %ps  symbol   %pV  struct va_format *   %pM  MAC address, six bytes
 *   %pT  u64 * nanoseconds as seconds.microseconds
 */
#ifndef KERNEL_LIB_VSPRINTF_H
#define KERNEL_LIB_VSPRINTF_H

#include "kernel/lib/types.h"

struct va_format { const char *fmt; va_list *args; };

/* => length that it would have had (>= size: cut). Always terminated if size > 0. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
/* => length written, without the NUL */
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);
int scnprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int sprintf(char *buf, const char *fmt, ...) __printf(2, 3); /* prefer snprintf */

/* The kernel's symbols, sorted by address: tools generate the table, arch sets it at boot; until then %pS prints numbers.
 * => name of the symbol that covers addr, or NULL */
struct symbol_ops { const char *(*lookup)(unsigned long addr, unsigned long *offset, unsigned long *size); };
extern struct symbol_ops symbol_ops;

#endif
