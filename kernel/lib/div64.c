/* SPDX-License-Identifier: MIT
 *
 * 64-bit division in software, for divisors that do not fit 32 bits, and the functions that the compiler calls for
 * plain 64-bit `/` and `%`.
 */
#include "kernel/lib/div64.h"
#include "kernel/lib/bitops.h"

/* A divisor of more than 32 bits: the quotient has at most 32. Divide by the divisor's top 32 bits, which gives at
 * most one too many, and correct. (Knuth, TAOCP 2, 4.3.1: one step of algorithm D.) */
u64 div64_u64_rem(u64 n, u64 d, u64 *rem)
{
	u64 q;
	u32 r32;

	if (!(d >> 32)) {
		q = div_u64_rem(n, (u32)d, &r32);
		if (rem)
			*rem = r32;
		return q;
	}
	unsigned shift = fls((u32)(d >> 32));
	q = div_u64(n >> 1, (u32)((d << (32 - shift)) >> 32)) >> (31 - (32 - shift));
	if (q)
		q--;
	if (n - q * d >= d)
		q++;
	if (rem)
		*rem = n - q * d;
	return q;
}

s64 div64_s64(s64 n, s64 d)
{
	u64 q = div64_u64(n < 0 ? -(u64)n : (u64)n, d < 0 ? -(u64)d : (u64)d);

	return (n < 0) != (d < 0) ? -(s64)q : (s64)q;
}

u64 mul_u64_u32_div(u64 a, u32 b, u32 c)
{
	u64 low = mul_u32_u32((u32)a, b), high = mul_u32_u32((u32)(a >> 32), b) + (low >> 32);
	u32 rem;
	u64 q = div_u64_rem(high, c, &rem) << 32;

	return q + div_u64((u64)rem << 32 | (u32)low, c);
}

/* libgcc's names; its calling convention follows -mregparm here, as the compiler's calls do. */
u64 __udivdi3(u64 n, u64 d);
u64 __umoddi3(u64 n, u64 d);
s64 __divdi3(s64 n, s64 d);
s64 __moddi3(s64 n, s64 d);
u64 __udivmoddi4(u64 n, u64 d, u64 *rem);
s64 __divmoddi4(s64 n, s64 d, s64 *rem);

u64 __udivdi3(u64 n, u64 d) { return div64_u64(n, d); }
u64 __udivmoddi4(u64 n, u64 d, u64 *rem) { return div64_u64_rem(n, d, rem); }
s64 __divdi3(s64 n, s64 d) { return div64_s64(n, d); }

u64 __umoddi3(u64 n, u64 d)
{
	u64 rem;

	div64_u64_rem(n, d, &rem);
	return rem;
}

s64 __moddi3(s64 n, s64 d)
{
	u64 rem;

	div64_u64_rem(n < 0 ? -(u64)n : (u64)n, d < 0 ? -(u64)d : (u64)d, &rem);
	return n < 0 ? -(s64)rem : (s64)rem;
}

s64 __divmoddi4(s64 n, s64 d, s64 *rem)
{
	s64 q = div64_s64(n, d);

	*rem = n - q * d;
	return q;
}
