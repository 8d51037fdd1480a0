/* SPDX-License-Identifier: MIT
 *
 * Unit tests: user memory is the test's own; unit_bad_user, if set, is the one address that faults.
 */
#ifndef ARCH_I386_UACCESS_H
#define ARCH_I386_UACCESS_H

#include "arch/i386/percpu.h"
#include "arch/i386/pgtable.h"

extern const void *unit_bad_user;
static inline bool access_ok(const void __user *p, size_t n) { return !unit_bad_user || p != unit_bad_user; }
size_t __must_check copy_from_user(void *to, const void __user *from, size_t n);
size_t __must_check copy_to_user(void __user *to, const void *from, size_t n);
size_t __must_check copy_from_user_nofault(void *to, const void __user *from, size_t n);
size_t __must_check copy_to_user_nofault(void __user *to, const void *from, size_t n);
size_t __must_check clear_user(void __user *to, size_t n);
long __must_check strncpy_from_user(char *to, const char __user *from, long n);
long __must_check strnlen_user(const char __user *s, long n);
#define get_user(x, p) (access_ok(p, sizeof(*(p))) ? ((x) = *(p), 0) : ((x) = 0, -EFAULT))
#define put_user(x, p) (access_ok(p, sizeof(*(p))) ? (*(p) = (x), 0) : -EFAULT)
int user_cmpxchg(u32 *seen, u32 __user *p, u32 old, u32 new);
static inline void pagefault_disable(void) { }
static inline void pagefault_enable(void) { }
static inline bool pagefaults_disabled(void) { return false; }

#endif
