/* SPDX-License-Identifier: MIT
 *
 * Bits. set_bit and friends are atomic against other CPUs; __set_bit and friends are not.
 */
#ifndef KERNEL_LIB_BITOPS_H
#define KERNEL_LIB_BITOPS_H

#include "kernel/lib/types.h"

#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#define BITS_PER_LONG 32
#define BITS_TO_LONGS(n) DIV_ROUND_UP(n, 32U)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

static inline void set_bit(unsigned long n, volatile void *p)
{
	if (__builtin_constant_p(n))
		__asm__ volatile("lock orl %1, %0" : "+m"(((volatile u32 *)p)[n >> 5]) : "i"(1U << (n & 31)) : "memory", "cc");
	else
		__asm__ volatile("lock btsl %1, %0" : "+m"(*(volatile u32 *)p) : "r"(n) : "memory", "cc");
}
static inline void clear_bit(unsigned long n, volatile void *p)
{
	if (__builtin_constant_p(n))
		__asm__ volatile("lock andl %1, %0" : "+m"(((volatile u32 *)p)[n >> 5]) : "i"(~(1U << (n & 31))) : "memory", "cc");
	else
		__asm__ volatile("lock btrl %1, %0" : "+m"(*(volatile u32 *)p) : "r"(n) : "memory", "cc");
}
static inline void change_bit(unsigned long n, volatile void *p)
{
	__asm__ volatile("lock btcl %1, %0" : "+m"(*(volatile u32 *)p) : "r"(n) : "memory", "cc");
}
static inline bool test_and_set_bit(unsigned long n, volatile void *p)
{
	bool was;

	__asm__ volatile("lock btsl %2, %1" : "=@ccc"(was), "+m"(*(volatile u32 *)p) : "Ir"(n) : "memory");
	return was;
}
static inline bool test_and_clear_bit(unsigned long n, volatile void *p)
{
	bool was;

	__asm__ volatile("lock btrl %2, %1" : "=@ccc"(was), "+m"(*(volatile u32 *)p) : "Ir"(n) : "memory");
	return was;
}
static inline bool test_bit(unsigned long n, const volatile void *p)
{
	return ((const volatile u32 *)p)[n >> 5] >> (n & 31) & 1;
}
static inline void __set_bit(unsigned long n, void *p) { ((u32 *)p)[n >> 5] |= 1U << (n & 31); }
static inline void __clear_bit(unsigned long n, void *p) { ((u32 *)p)[n >> 5] &= ~(1U << (n & 31)); }
static inline bool __test_and_set_bit(unsigned long n, void *p)
{
	bool was = test_bit(n, p);

	__set_bit(n, p);
	return was;
}
static inline bool __test_and_clear_bit(unsigned long n, void *p)
{
	bool was = test_bit(n, p);

	__clear_bit(n, p);
	return was;
}

/* Numbered from 0; undefined for 0. */
static inline unsigned __ffs(unsigned long x) { return (unsigned)__builtin_ctzl(x); }
static inline unsigned __fls(unsigned long x) { return 31U ^ (unsigned)__builtin_clzl(x); }
static inline unsigned ffz(unsigned long x) { return __ffs(~x); }
/* Numbered from 1; 0 for 0. */
static inline unsigned ffs(unsigned long x) { return (unsigned)__builtin_ffsl((long)x); }
static inline unsigned fls(unsigned long x) { return x ? __fls(x) + 1 : 0; }
static inline unsigned fls64(u64 x) { return x >> 32 ? fls((u32)(x >> 32)) + 32 : fls((u32)x); }
unsigned hweight32(u32 x);
static inline unsigned ilog2(unsigned long x) { return __fls(x); }
static inline bool is_power_of_2(unsigned long x) { return x && !(x & (x - 1)); }
static inline unsigned long roundup_pow_of_two(unsigned long x) { return x <= 1 ? 1 : 1UL << fls(x - 1); }
static inline unsigned long rounddown_pow_of_two(unsigned long x) { return 1UL << __fls(x); }
static inline u32 rol32(u32 x, unsigned n) { return x << (n & 31) | x >> (-n & 31); }
static inline u32 ror32(u32 x, unsigned n) { return x >> (n & 31) | x << (-n & 31); }
static inline u16 swab16(u16 x) { return __builtin_bswap16(x); }
static inline u32 swab32(u32 x) { return __builtin_bswap32(x); }
static inline u64 swab64(u64 x) { return __builtin_bswap64(x); }

/* => size if there is none */
unsigned long find_next_bit(const unsigned long *map, unsigned long size, unsigned long from);
unsigned long find_next_zero_bit(const unsigned long *map, unsigned long size, unsigned long from);
static inline unsigned long find_first_bit(const unsigned long *map, unsigned long size) { return find_next_bit(map, size, 0); }
static inline unsigned long find_first_zero_bit(const unsigned long *map, unsigned long size) { return find_next_zero_bit(map, size, 0); }
#define for_each_set_bit(bit, map, size) \
	for ((bit) = find_first_bit(map, size); (bit) < (size); (bit) = find_next_bit(map, size, (bit) + 1))
void bitmap_set(unsigned long *map, unsigned long from, unsigned long n);
void bitmap_clear(unsigned long *map, unsigned long from, unsigned long n);
unsigned long bitmap_weight(const unsigned long *map, unsigned long size);

/* Spread a key over `bits` bits: multiplication by 2^32 / golden ratio. */
static inline u32 hash_32(u32 v, unsigned bits) { return v * 0x61c88647U >> (32 - bits); }
static inline u32 hash_ptr(const void *p, unsigned bits) { return hash_32((u32)(unsigned long)p, bits); }

#endif
