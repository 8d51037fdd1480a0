/* SPDX-License-Identifier: MIT
 *
 * Copies between kernel and user memory. Each instruction that touches user memory has an entry in the exception table;
 * a fault that cannot be served goes on there with the registers as they were, and ECX tells what is left.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/bug.h"

/* => bytes not copied */
static __always_inline size_t copy_raw(void *to, const void *from, size_t n)
{
	size_t tail = n & 3, words = n >> 2;

	__asm__ volatile("1:\trep movsl\n"
			 "\tmovl %3, %0\n"
			 "2:\trep movsb\n"
			 "\tjmp 4f\n"
			 "3:\tleal (%3, %0, 4), %0\n"
			 "4:\n" EX_TABLE("1b", "3b") EX_TABLE("2b", "4b")
			 : "+c"(words), "+D"(to), "+S"(from) : "r"(tail) : "memory");
	return words;
}

static __always_inline size_t clear_raw(void *to, size_t n)
{
	size_t tail = n & 3, words = n >> 2;

	__asm__ volatile("1:\trep stosl\n"
			 "\tmovl %2, %0\n"
			 "2:\trep stosb\n"
			 "\tjmp 4f\n"
			 "3:\tleal (%2, %0, 4), %0\n"
			 "4:\n" EX_TABLE("1b", "3b") EX_TABLE("2b", "4b")
			 : "+c"(words), "+D"(to) : "r"(tail), "a"(0) : "memory");
	return words;
}

static void zero_rest(void *to, size_t n, size_t left) { __builtin_memset((char *)to + n - left, 0, left); }

size_t copy_from_user(void *to, const void __user *from, size_t n)
{
	size_t left = n;

	if (likely(access_ok(from, n)))
		left = copy_raw(to, from, n);
	if (unlikely(left))
		zero_rest(to, n, left);
	return left;
}

size_t copy_to_user(void __user *to, const void *from, size_t n)
{
	return likely(access_ok(to, n)) ? copy_raw(to, from, n) : n;
}

/* Preemption is off: the wide registers may be borrowed. Where they stop short, the string copy finds the exact byte. */
static size_t copy_nofault(void *to, const void *from, size_t n)
{
	size_t done;

	pagefault_disable();
	done = n >= COPY_WIDE ? arch_copy_wide(to, from, n) : 0;
	n = copy_raw((char *)to + done, (const char *)from + done, n - done);
	pagefault_enable();
	return n;
}

size_t copy_from_user_nofault(void *to, const void __user *from, size_t n)
{
	return access_ok(from, n) ? copy_nofault(to, from, n) : n;
}

size_t copy_to_user_nofault(void __user *to, const void *from, size_t n)
{
	return access_ok(to, n) ? copy_nofault(to, from, n) : n;
}

size_t clear_user(void __user *to, size_t n) { return likely(access_ok(to, n)) ? clear_raw(to, n) : n; }

/* A word has a zero byte if and only if this is not 0; the lowest set bit marks the first one. */
static inline u32 zero_bytes(u32 w) { return (w - 0x01010101U) & ~w & 0x80808080U; }

/* Aligned words do not cross pages, so reading one beyond the NUL faults only if the string itself would. */
long strncpy_from_user(char *to, const char __user *from, long n)
{
	unsigned long room = TASK_SIZE - (unsigned long)from;
	long i = 0, limit = n;
	u8 c;

	if (n <= 0 || (unsigned long)from >= TASK_SIZE)
		return n == 0 ? 0 : -EFAULT;
	if ((unsigned long)limit > room)
		limit = room;
	while (i < limit) {
		u32 w;

		if (!((unsigned long)(from + i) & 3) && limit - i >= 4) {
			if (user_load_4(&w, (const u32 *)(from + i)))
				return -EFAULT;
			__builtin_memcpy(to + i, &w, 4);
			w = zero_bytes(w);
			if (w)
				return i + (__builtin_ctz(w) >> 3);
			i += 4;
			continue;
		}
		if (user_load_1(&c, (const u8 *)from + i))
			return -EFAULT;
		to[i] = c;
		if (!c)
			return i;
		i++;
	}
	return limit < n ? -EFAULT : n;
}

long strnlen_user(const char __user *s, long n)
{
	unsigned long room = TASK_SIZE - (unsigned long)s;
	long i = 0, limit = n;
	u8 c;

	if (n <= 0 || (unsigned long)s >= TASK_SIZE)
		return 0;
	if ((unsigned long)limit > room)
		limit = room;
	while (i < limit) {
		u32 w;

		if (!((unsigned long)(s + i) & 3) && limit - i >= 4) {
			if (user_load_4(&w, (const u32 *)(s + i)))
				return 0;
			w = zero_bytes(w);
			if (w)
				return i + (__builtin_ctz(w) >> 3) + 1;
			i += 4;
			continue;
		}
		if (user_load_1(&c, (const u8 *)s + i))
			return 0;
		i++;
		if (!c)
			return i;
	}
	return limit < n ? 0 : n + 1;
}

int user_cmpxchg(u32 *seen, u32 __user *p, u32 old, u32 new)
{
	int err = 0;

	if (!access_ok(p, 4) || ((unsigned long)p & 3))
		return -EFAULT;
	__asm__ volatile("1:\tlock cmpxchgl %3, %2\n2:\n"
			 "\t.pushsection .text.fixup, \"ax\"\n3:\tmovl %4, %0\n\tjmp 2b\n\t.popsection\n" EX_TABLE("1b", "3b")
			 : "+r"(err), "+a"(old), "+m"(*p) : "r"(new), "i"(-EFAULT) : "memory", "cc");
	if (!err)
		*seen = old;
	return err;
}
