/* SPDX-License-Identifier: MIT
 *
 * The only way to touch user memory. Nothing else may assume that user addresses are mapped in kernel mode.
 *
 * => all may sleep (they fault pages in), except the _nofault forms, which are for use under kmap or a spinlock:
 *    they return as if the rest were inaccessible where a page is not there.
 * => a bad address, or one at or above TASK_SIZE, is never an oops: it is the returned count or -EFAULT.
 */
#ifndef ARCH_I386_UACCESS_H
#define ARCH_I386_UACCESS_H

#include "arch/i386/percpu.h"
#include "arch/i386/pgtable.h"
#include "kernel/lib/types.h"

static inline bool access_ok(const void __user *p, size_t n) { return n <= TASK_SIZE && (unsigned long)p <= TASK_SIZE - n; }

/* If the instruction at label `from` faults on a user address, go on at `to`. */
#define EX_TABLE(from, to) "\t.pushsection .ex_table, \"a\"\n\t.balign 4\n\t.long " from ", " to "\n\t.popsection\n"

/* => bytes NOT copied; copy_from_user zeroes the rest of `to` */
size_t __must_check copy_from_user(void *to, const void __user *from, size_t n);
size_t __must_check copy_to_user(void __user *to, const void *from, size_t n);
size_t __must_check copy_from_user_nofault(void *to, const void __user *from, size_t n);
size_t __must_check copy_to_user_nofault(void __user *to, const void *from, size_t n);
/* Copies from the front as many whole blocks of 256 bytes as it can; a fault ends it. => bytes copied, 0 where the CPU
 * has no wide registers. Preemption and faults off (page.c) */
#define COPY_WIDE 256 /* bytes; fewer are not worth the registers */
size_t __must_check arch_copy_wide(void *to, const void *from, size_t n);
size_t __must_check clear_user(void __user *to, size_t n);
/* => length without the NUL, n if there was none within n, or -EFAULT */
long __must_check strncpy_from_user(char *to, const char __user *from, long n);
long __must_check strnlen_user(const char __user *s, long n); /* with the NUL; 0 on fault; > n if too long */

/* One access. Loads do without asm goto: GCC 12 mixes up its outputs on the way to the label. */
#define USER_LOAD(err, x, p, suffix, constraint) \
	__asm__ volatile("1:\tmov" suffix " %2, %1\n2:\n" \
			 "\t.pushsection .text.fixup, \"ax\"\n3:\tmovl %3, %0\n\txorl %k1, %k1\n\tjmp 2b\n\t.popsection\n" \
			 EX_TABLE("1b", "3b") : "+r"(err), constraint(x) : "m"(*(p)), "i"(-EFAULT))
#define USER_STORE(x, p, suffix, constraint) \
	__asm__ volatile goto("1:\tmov" suffix " %0, %1\n" EX_TABLE("1b", "%l2") \
		: : constraint(x), "m"(*(p)) : "memory" : _fault)

static __always_inline int user_load_1(u8 *x, const u8 *p) { int e = 0; USER_LOAD(e, *x, p, "b", "=q"); return e; }
static __always_inline int user_load_2(u16 *x, const u16 *p) { int e = 0; USER_LOAD(e, *x, p, "w", "=r"); return e; }
static __always_inline int user_load_4(u32 *x, const u32 *p) { int e = 0; USER_LOAD(e, *x, p, "l", "=r"); return e; }
static __always_inline int user_load_8(u64 *x, const u64 *p)
{
	u32 lo, hi;

	if (user_load_4(&lo, (const u32 *)p) || user_load_4(&hi, (const u32 *)p + 1)) {
		*x = 0;
		return -EFAULT;
	}
	*x = (u64)hi << 32 | lo;
	return 0;
}
static __always_inline int user_store_1(u8 x, u8 *p) { USER_STORE(x, p, "b", "q"); return 0; _fault: return -EFAULT; }
static __always_inline int user_store_2(u16 x, u16 *p) { USER_STORE(x, p, "w", "r"); return 0; _fault: return -EFAULT; }
static __always_inline int user_store_4(u32 x, u32 *p) { USER_STORE(x, p, "l", "r"); return 0; _fault: return -EFAULT; }
static __always_inline int user_store_8(u64 x, u64 *p)
{
	return user_store_4((u32)x, (u32 *)p) ?: user_store_4((u32)(x >> 32), (u32 *)p + 1);
}
void user_access_bad_size(void) __attribute__((error("get_user and put_user take scalars of 1, 2, 4 or 8 bytes")));

/* get_user(x, p), put_user(x, p): 1, 2, 4 and 8 byte scalars and pointers. => 0 or -EFAULT (x is then 0) */
#define get_user(x, p) ({ \
	const __typeof__(*(p)) *_p = (p); int _e = -EFAULT; \
	union { __typeof__(*(p)) v; u8 b; u16 w; u32 l; u64 q; } _u; _u.q = 0; \
	if (likely(access_ok(_p, sizeof(*_p)))) \
		_e = sizeof(*_p) == 1 ? user_load_1(&_u.b, (const u8 *)_p) : sizeof(*_p) == 2 ? user_load_2(&_u.w, (const u16 *)_p) : \
		     sizeof(*_p) == 4 ? user_load_4(&_u.l, (const u32 *)_p) : sizeof(*_p) == 8 ? user_load_8(&_u.q, (const u64 *)_p) : \
		     (user_access_bad_size(), 0); \
	(x) = (__typeof__(x))_u.v; _e; })
#define put_user(x, p) ({ \
	__typeof__(*(p)) *_p = (p); int _e = -EFAULT; \
	union { __typeof__(*(p)) v; u8 b; u16 w; u32 l; u64 q; } _u = { (__typeof__(*(p)))(x) }; \
	if (likely(access_ok(_p, sizeof(*_p)))) \
		_e = sizeof(*_p) == 1 ? user_store_1(_u.b, (u8 *)_p) : sizeof(*_p) == 2 ? user_store_2(_u.w, (u16 *)_p) : \
		     sizeof(*_p) == 4 ? user_store_4(_u.l, (u32 *)_p) : sizeof(*_p) == 8 ? user_store_8(_u.q, (u64 *)_p) : \
		     (user_access_bad_size(), 0); \
	_e; })

/* *p = new if *p == old; *seen = what was there. => 0 or -EFAULT; _nofault context allowed */
int user_cmpxchg(u32 *seen, u32 __user *p, u32 old, u32 new);

/* Faults off: a fault in user memory goes straight to the exception table. Nests. While they are off this task stays
 * on its CPU; any other reason not to sleep (a lock, an interrupt) has the same effect on faults. */
#define NOFAULT_OFFSET 0x00000100U
static inline void pagefault_disable(void) { this_cpu_add(preempt_count, NOFAULT_OFFSET); barrier(); }
static inline void pagefault_enable(void)
{
	bool zero;

	__asm__ volatile("subl %2, %%fs:%1" : "=@ccz"(zero), "+m"(preempt_count) : "i"(NOFAULT_OFFSET) : "memory");
	if (unlikely(zero))
		__asm__ volatile("call preempt_schedule_saved" : : : "memory", "cc"); /* as preempt_enable does */
}
static inline bool pagefaults_disabled(void) { return this_cpu_read(preempt_count) & 0x7fffffffU; }

#endif
