/* SPDX-License-Identifier: MIT
 *
 * 64-bit division on a 32-bit machine. Plain `/` and `%` of 64-bit values also work (__udivdi3 and family).
 */
#ifndef KERNEL_LIB_DIV64_H
#define KERNEL_LIB_DIV64_H

#include "kernel/lib/types.h"

/* n / d with a 32-bit divisor: two divl. *rem may be NULL. */
static inline u64 div_u64_rem(u64 n, u32 d, u32 *rem)
{
	u32 hi = (u32)(n >> 32), lo = (u32)n, qhi = 0, r;

	if (hi >= d) {
		qhi = hi / d;
		hi %= d;
	}
	__asm__("divl %4" : "=a"(lo), "=d"(r) : "0"(lo), "1"(hi), "rm"(d) : "cc");
	if (rem)
		*rem = r;
	return (u64)qhi << 32 | lo;
}
static inline u64 div_u64(u64 n, u32 d) { return div_u64_rem(n, d, NULL); }
static inline u32 mod_u64(u64 n, u32 d) { u32 r; div_u64_rem(n, d, &r); return r; }
u64 div64_u64_rem(u64 n, u64 d, u64 *rem);
static inline u64 div64_u64(u64 n, u64 d) { return div64_u64_rem(n, d, NULL); }
s64 div64_s64(s64 n, s64 d);
/* n = n / base in place; value: the remainder */
#define do_div(n, base) ({ u32 _r; (n) = div_u64_rem(n, base, &_r); _r; })
/* a * b / c without losing the high bits of the product; the result must fit */
u64 mul_u64_u32_div(u64 a, u32 b, u32 c);
static inline u64 mul_u32_u32(u32 a, u32 b) { return (u64)a * b; }
/* a * mul >> shift, shift 0..31 and the result below 2^64 */
static inline u64 mul_u64_u32_shr(u64 a, u32 mul, unsigned shift)
{
	u64 r = mul_u32_u32((u32)a, mul) >> shift;

	if (a >> 32)
		r += mul_u32_u32((u32)(a >> 32), mul) << (32 - shift);
	return r;
}

#endif
