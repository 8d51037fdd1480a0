/* SPDX-License-Identifier: MIT
 *
 * Address to function name, and return address to file and line of the call. The tables come from the first of two links by
 * way of tools/mksyms.py, which tells their form; the first link has none, so all their parts are weak here.
 */
#include "kernel/lib/vsprintf.h"

extern const u32 ksym_count __attribute__((weak));
extern const u32 ksym_addrs[] __attribute__((weak));  /* ascending */
extern const u32 ksym_names[] __attribute__((weak));  /* offsets into ksym_strings */
extern const char ksym_strings[] __attribute__((weak));

static bool have_symbols(void)
{
	const u32 *count = &ksym_count;

	__asm__("" : "+r"(count)); /* a weak address may be NULL */
	return count && *count;
}

const char *symbol_lookup(unsigned long addr, unsigned long *offset, unsigned long *size)
{
	u32 low = 0, high;

	if (!have_symbols() || addr < ksym_addrs[0])
		return NULL;
	high = ksym_count;
	while (high - low > 1) {
		u32 mid = low + (high - low) / 2;

		if (ksym_addrs[mid] <= addr)
			low = mid;
		else
			high = mid;
	}
	*offset = addr - ksym_addrs[low];
	*size = low + 1 < ksym_count ? ksym_addrs[low + 1] - ksym_addrs[low] : 0;
	return *size && *offset < *size ? ksym_strings + ksym_names[low] : NULL;
}

/* The nth symbol, by address. => NULL: there are fewer */
const char *symbol_nth(u32 n, unsigned long *addr)
{
	if (!have_symbols() || n >= ksym_count)
		return NULL;
	*addr = ksym_addrs[n];
	return ksym_strings + ksym_names[n];
}

/* --- file and line of a call ---------------------------------------------------------------------------------------------- */
extern const u32 kline_count __attribute__((weak));
extern const u32 kline_addrs[] __attribute__((weak));   /* checkpoints, ascending */
extern const u32 kline_offsets[] __attribute__((weak)); /* into the stream; one more: its end */
extern const u8 kline_stream[] __attribute__((weak));
extern const u32 kline_files[] __attribute__((weak));   /* offsets into kline_strings */
extern const char kline_strings[] __attribute__((weak));

static u32 number(const u8 **p)
{
	u32 n = 0;

	for (unsigned shift = 0;; shift += 7) {
		u8 b = *(*p)++;

		n |= (u32)(b & 127) << shift;
		if (!(b & 128))
			return n;
	}
}

/* => the file, and *line, of the call that returns to addr; NULL: no call does */
const char *symbol_line(unsigned long addr, u32 *line)
{
	u32 low = 0, high, at, file = 0;
	const u8 *p, *end;

	if (!have_symbols() || !kline_count || addr < kline_addrs[0])
		return NULL;
	for (high = kline_count; high - low > 1; ) {
		u32 mid = low + (high - low) / 2;

		if (kline_addrs[mid] <= addr)
			low = mid;
		else
			high = mid;
	}
	p = kline_stream + kline_offsets[low];
	end = kline_stream + (low + 1 < kline_count ? kline_offsets[low + 1] : kline_offsets[kline_count]);
	at = kline_addrs[low];
	*line = 0;
	while (p < end) {
		u32 code;

		at += number(&p);
		code = number(&p);
		if (code & 1) {
			file = code >> 1;
			*line = number(&p);
		} else {
			code >>= 1;
			*line += code & 1 ? -((code + 1) / 2) : code / 2;
		}
		if (at >= addr)
			return at == addr ? kline_strings + kline_files[file] : NULL;
	}
	return NULL;
}
