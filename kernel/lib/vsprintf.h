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

/* The kernel's text symbols (tools/mksyms.py makes the table at link time).
 * => name of the function that addr lies in, or NULL */
const char *symbol_lookup(unsigned long addr, unsigned long *offset, unsigned long *size);
const char *symbol_nth(u32 n, unsigned long *addr); /* in order of addresses; NULL behind the last */

/* A call, and the stack of the function it stands in (arch/i386/stack.c reads frame) */
struct call_site { const char *file; u32 line, frame; };
enum { FRAME_BY_EBP = 0, FRAME_UNKNOWN = 1, FRAME_SAVES_EBP = 1 };
bool symbol_call(unsigned long addr, struct call_site *c); /* false: no call returns to addr */

#endif
