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

#include "arch/i386/pgtable.h"
#include "kernel/lib/types.h"

static inline bool access_ok(const void __user *p, size_t n) { return n <= TASK_SIZE && (unsigned long)p <= TASK_SIZE - n; }

/* => bytes NOT copied; copy_from_user zeroes the rest of `to` */
size_t __must_check copy_from_user(void *to, const void __user *from, size_t n);
size_t __must_check copy_to_user(void __user *to, const void *from, size_t n);
size_t __must_check copy_from_user_nofault(void *to, const void __user *from, size_t n);
size_t __must_check copy_to_user_nofault(void __user *to, const void *from, size_t n);
size_t __must_check clear_user(void __user *to, size_t n);
/* => length without the NUL, n if there was none within n, or -EFAULT */
long __must_check strncpy_from_user(char *to, const char __user *from, long n);
long __must_check strnlen_user(const char __user *s, long n); /* with the NUL; 0 on fault; > n if too long */

/* get_user(x, p), put_user(x, p): 1, 2, 4 and 8 byte scalars. => 0 or -EFAULT (x is then 0) */
#define get_user(x, p) ({ __typeof__(*(p)) _u = (__typeof__(*(p)))0; \
	int _e = __builtin_choose_expr(sizeof(_u) == 8, get_user_8(&_u, p), \
		 get_user_small(&_u, p, sizeof(_u))); (x) = _u; _e; })
#define put_user(x, p) ({ __typeof__(*(p)) _u = (x); \
	__builtin_choose_expr(sizeof(_u) == 8, put_user_8(&_u, p), put_user_small(&_u, p, sizeof(_u))); })
int get_user_8(void *x, const void __user *p);
int put_user_8(const void *x, void __user *p);
int get_user_small(void *x, const void __user *p, unsigned size);  /* H: make these inline asm */
int put_user_small(const void *x, void __user *p, unsigned size);
/* *p = new if *p == old; *seen = what was there. => 0 or -EFAULT; _nofault context allowed */
int user_cmpxchg(u32 *seen, u32 __user *p, u32 old, u32 new);

/* Faults off: a fault in user memory goes straight to the exception table. Nests. */
void pagefault_disable(void);
void pagefault_enable(void);
bool pagefaults_disabled(void);

#endif
