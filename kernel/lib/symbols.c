/* SPDX-License-Identifier: MIT
 *
 * Address to function name. The table comes from the linker's map by way of tools/mksyms.py: the first of the two links
 * has none, so all its parts are weak here.
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
