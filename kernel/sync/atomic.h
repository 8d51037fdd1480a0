/* SPDX-License-Identifier: MIT
 *
 * Atomic operations and memory barriers. On x86 an operation with `lock` (and xchg) is a full barrier; plain loads
 * and stores are only ever reordered as store-then-load, which smp_mb() prevents.
 */
#ifndef KERNEL_SYNC_ATOMIC_H
#define KERNEL_SYNC_ATOMIC_H

#include "kernel/lib/bitops.h"
#include "kernel/lib/types.h"

#define smp_mb() __asm__ volatile("lock addl $0, -4(%%esp)" ::: "memory", "cc")
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define mb() smp_mb()
#define rmb() __asm__ volatile("lock addl $0, -4(%%esp)" ::: "memory", "cc")
#define wmb() __asm__ volatile("lock addl $0, -4(%%esp)" ::: "memory", "cc")
#define smp_load_acquire(p) ({ __typeof__(*(p)) _a = READ_ONCE(*(p)); barrier(); _a; })
#define smp_store_release(p, v) do { barrier(); WRITE_ONCE(*(p), v); } while (0)
#define smp_store_mb(x, v) do { (void)xchg(&(x), v); } while (0)

/* --- on any word (1, 2, 4 bytes; cmpxchg64 for 8) ------------------------------------------------------------------ */
#define xchg(p, v) ({ __typeof__(*(p)) _x = (__typeof__(*(p)))(v); \
	__asm__ volatile("xchg %0, %1" : "+q"(_x), "+m"(*(volatile __typeof__(*(p)) *)(p)) : : "memory"); _x; })
#define cmpxchg(p, old, new) ({ __typeof__(*(p)) _o = (__typeof__(*(p)))(old), _n = (__typeof__(*(p)))(new); \
	__asm__ volatile("lock cmpxchg %2, %1" : "+a"(_o), "+m"(*(volatile __typeof__(*(p)) *)(p)) : "q"(_n) : "memory", "cc"); _o; })
/* *old is what the word must be; on failure it is set to what it was. => done? */
#define try_cmpxchg(p, old, new) ({ __typeof__(*(p)) _n = (__typeof__(*(p)))(new); bool _ok; \
	__asm__ volatile("lock cmpxchg %3, %2" : "=@ccz"(_ok), "+a"(*(old)), "+m"(*(volatile __typeof__(*(p)) *)(p)) : "q"(_n) : "memory"); _ok; })
static inline u64 cmpxchg64(volatile u64 *p, u64 old, u64 new)
{
	__asm__ volatile("lock cmpxchg8b %1" : "+A"(old), "+m"(*p) : "b"((u32)new), "c"((u32)(new >> 32)) : "memory", "cc");
	return old;
}
static inline void atomic_or_long(unsigned long mask, volatile unsigned long *p)
{
	__asm__ volatile("lock orl %1, %0" : "+m"(*p) : "ri"(mask) : "memory", "cc");
}
static inline void atomic_and_long(unsigned long mask, volatile unsigned long *p)
{
	__asm__ volatile("lock andl %1, %0" : "+m"(*p) : "ri"(mask) : "memory", "cc");
}
#define atomic_or_u32(mask, p) atomic_or_long(mask, (volatile unsigned long *)(p))
#define atomic_and_u32(mask, p) atomic_and_long(mask, (volatile unsigned long *)(p))

/* --- counters --------------------------------------------------------------------------------------------------------- */
typedef struct { volatile int v; } atomic_t;
typedef atomic_t atomic_long_t; /* int and long are both 32 bits */
#define ATOMIC_INIT(n) { (n) }

static inline int atomic_read(const atomic_t *a) { return a->v; }
static inline void atomic_set(atomic_t *a, int n) { a->v = n; }
static inline void atomic_add(int n, atomic_t *a) { __asm__ volatile("lock addl %1, %0" : "+m"(a->v) : "ri"(n) : "memory", "cc"); }
static inline void atomic_sub(int n, atomic_t *a) { __asm__ volatile("lock subl %1, %0" : "+m"(a->v) : "ri"(n) : "memory", "cc"); }
static inline void atomic_inc(atomic_t *a) { __asm__ volatile("lock incl %0" : "+m"(a->v) : : "memory", "cc"); }
static inline void atomic_dec(atomic_t *a) { __asm__ volatile("lock decl %0" : "+m"(a->v) : : "memory", "cc"); }
static inline bool atomic_dec_and_test(atomic_t *a)
{
	bool z;

	__asm__ volatile("lock decl %1" : "=@ccz"(z), "+m"(a->v) : : "memory");
	return z;
}
static inline bool atomic_inc_and_test(atomic_t *a)
{
	bool z;

	__asm__ volatile("lock incl %1" : "=@ccz"(z), "+m"(a->v) : : "memory");
	return z;
}
static inline bool atomic_sub_and_test(int n, atomic_t *a)
{
	bool z;

	__asm__ volatile("lock subl %2, %1" : "=@ccz"(z), "+m"(a->v) : "ri"(n) : "memory");
	return z;
}
static inline bool atomic_add_negative(int n, atomic_t *a)
{
	bool s;

	__asm__ volatile("lock addl %2, %1" : "=@ccs"(s), "+m"(a->v) : "ri"(n) : "memory");
	return s;
}
static inline int atomic_fetch_add(int n, atomic_t *a)
{
	__asm__ volatile("lock xaddl %0, %1" : "+r"(n), "+m"(a->v) : : "memory", "cc");
	return n;
}
static inline int atomic_add_return(int n, atomic_t *a) { return atomic_fetch_add(n, a) + n; }
static inline int atomic_sub_return(int n, atomic_t *a) { return atomic_fetch_add(-n, a) - n; }
static inline int atomic_inc_return(atomic_t *a) { return atomic_add_return(1, a); }
static inline int atomic_dec_return(atomic_t *a) { return atomic_add_return(-1, a); }
static inline int atomic_cmpxchg(atomic_t *a, int old, int new) { return cmpxchg(&a->v, old, new); }
static inline bool atomic_try_cmpxchg(atomic_t *a, int *old, int new) { return try_cmpxchg(&a->v, old, new); }
static inline int atomic_xchg(atomic_t *a, int n) { return xchg(&a->v, n); }
static inline void atomic_or(int mask, atomic_t *a) { __asm__ volatile("lock orl %1, %0" : "+m"(a->v) : "ri"(mask) : "memory", "cc"); }
static inline void atomic_and(int mask, atomic_t *a) { __asm__ volatile("lock andl %1, %0" : "+m"(a->v) : "ri"(mask) : "memory", "cc"); }
/* Adds n unless it is u. => done? */
static inline bool atomic_add_unless(atomic_t *a, int n, int u)
{
	int old = atomic_read(a);

	do {
		if (unlikely(old == u))
			return false;
	} while (!atomic_try_cmpxchg(a, &old, old + n));
	return true;
}
static inline bool atomic_inc_not_zero(atomic_t *a) { return atomic_add_unless(a, 1, 0); }
static inline bool atomic_dec_if_positive(atomic_t *a)
{
	int old = atomic_read(a);

	do {
		if (unlikely(old <= 0))
			return false;
	} while (!atomic_try_cmpxchg(a, &old, old - 1));
	return true;
}

typedef struct { volatile u64 v; } __aligned(8) atomic64_t;
#define ATOMIC64_INIT(n) { (n) }
static inline u64 atomic64_read(const atomic64_t *a) { return cmpxchg64((volatile u64 *)&a->v, 0, 0); }
static inline u64 atomic64_cmpxchg(atomic64_t *a, u64 old, u64 new) { return cmpxchg64(&a->v, old, new); }
static inline u64 atomic64_add_return(s64 n, atomic64_t *a)
{
	u64 old = a->v, seen;

	while ((seen = cmpxchg64(&a->v, old, old + (u64)n)) != old)
		old = seen;
	return old + (u64)n;
}
static inline void atomic64_add(s64 n, atomic64_t *a) { atomic64_add_return(n, a); }
static inline void atomic64_sub(s64 n, atomic64_t *a) { atomic64_add_return(-n, a); }
static inline void atomic64_inc(atomic64_t *a) { atomic64_add_return(1, a); }
static inline void atomic64_dec(atomic64_t *a) { atomic64_add_return(-1, a); }
static inline u64 atomic64_xchg(atomic64_t *a, u64 n)
{
	u64 old = a->v, seen;

	while ((seen = cmpxchg64(&a->v, old, n)) != old)
		old = seen;
	return old;
}
static inline void atomic64_set(atomic64_t *a, u64 n) { atomic64_xchg(a, n); }

#endif
