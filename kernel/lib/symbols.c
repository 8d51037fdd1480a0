/* SPDX-License-Identifier: MIT
 *
 * Address to function name, and return address to what is known of the call. The tables come from the first of two links by
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

/* --- what is known of a call ---------------------------------------------------------------------------------------------- */
extern const u32 kcall_count __attribute__((weak));
extern const u32 kcall_addrs[] __attribute__((weak));   /* checkpoints, ascending */
extern const u32 kcall_offsets[] __attribute__((weak)); /* into the stream; one more: its end */
extern const u8 kcall_stream[] __attribute__((weak));
extern const u32 kcall_files[] __attribute__((weak));   /* offsets into kcall_strings */
extern const char kcall_strings[] __attribute__((weak));

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

/* The bytes of one entry: it changes what the entry before said. */
static const u8 *next_call(const u8 *p, u32 *at, u32 *file, struct call_site *c)
{
	u32 step = number(&p), code = number(&p);

	*at += step >> 1;
	if (code & 1) {
		*file = code >> 1;
		c->line = number(&p);
	} else {
		code >>= 1;
		c->line += code & 1 ? -((code + 1) / 2) : code / 2;
	}
	if (step & 1)
		c->frame = number(&p);
	return p;
}

bool symbol_call(unsigned long addr, struct call_site *c)
{
	u32 low = 0, high, at, file = 0;
	const u8 *p, *end;

	if (!have_symbols() || !kcall_count || addr < kcall_addrs[0])
		return false;
	for (high = kcall_count; high - low > 1; ) {
		u32 mid = low + (high - low) / 2;

		if (kcall_addrs[mid] <= addr)
			low = mid;
		else
			high = mid;
	}
	p = kcall_stream + kcall_offsets[low];
	end = kcall_stream + kcall_offsets[low + 1];
	at = kcall_addrs[low];
	*c = (struct call_site){ .frame = FRAME_UNKNOWN };
	do
		p = next_call(p, &at, &file, c);
	while (at < addr && p < end);
	c->file = kcall_strings + kcall_files[file];
	return at == addr;
}
