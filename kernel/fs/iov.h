/* SPDX-License-Identifier: MIT
 *
 * struct iov: where the bytes of one read or write go to or come from: user or kernel memory, one piece or many.
 *
 * read, readv, pread, sendfile and the kernel's own reads hand the same thing to file_ops.read; each copy moves on and
 * counts down `count`. What a copy could not reach stays in `count`: a copy that returns less than it was asked for
 * hit a bad address (or, in the _nofault forms, a page that is not there yet: iov_prefault_* and try again).
 *
 * An iov belongs to one task and has no lock. The vector that it walks belongs to the caller (iov_import).
 */
#ifndef KERNEL_FS_IOV_H
#define KERNEL_FS_IOV_H

#include "kernel/lib/types.h"
#include <linux/uio.h>

struct iov {
	char *base;               /* where the current piece goes on */
	size_t len;               /* what is left of it */
	size_t count;             /* what is left in all, the current piece included */
	const struct iovec *next; /* pieces after the current one; there are enough of them for count */
	bool user;                /* addresses are user space's */
};

static inline void iov_init_user(struct iov *v, void __user *p, size_t n) { *v = (struct iov){ p, n, n, NULL, true }; }
static inline void iov_init_kernel(struct iov *v, void *p, size_t n) { *v = (struct iov){ p, n, n, NULL, false }; }
/* nr pieces in kernel memory that describe user (or kernel) memory; count: their sum, or less */
void iov_init_vec(struct iov *v, const struct iovec *vec, unsigned nr, size_t count, bool user);

/* Copy in a vector from user space, check every piece, cut the sum at INT_MAX & ~4095. `fast` has UIO_FASTIOV pieces;
 * *heap is to be kfree'd by the caller in any case.
 * => 0, -EFAULT, -EINVAL (too many pieces, negative length), -ENOMEM */
int iov_import(struct iov *v, const struct iovec __user *uvec, unsigned nr, struct iovec *fast, struct iovec **heap);

/* => bytes copied; moves on by that. May sleep. */
size_t iov_copy_to(struct iov *v, const void *from, size_t n);
size_t iov_copy_from(void *to, struct iov *v, size_t n);
size_t iov_zero(struct iov *v, size_t n);
/* The same where one must not sleep (under kmap, under a spinlock). */
size_t iov_copy_to_nofault(struct iov *v, const void *from, size_t n);
size_t iov_copy_from_nofault(void *to, struct iov *v, size_t n);

/* Bring the pages of the next n bytes in (at most 64 KB of them), for reading from or writing to the memory. May sleep.
 * => how many of them can be reached, or -EFAULT if not even the first. The next copy asks for no more than that:
 *    one that runs into a hole may stop a few bytes before it. */
ssize_t iov_prefault_read(const struct iov *v, size_t n);
ssize_t iov_prefault_write(const struct iov *v, size_t n);

void iov_advance(struct iov *v, size_t n);
static inline size_t iov_count(const struct iov *v) { return v->count; }
/* At most n bytes from now on; what was cut off is not there any more. */
static inline void iov_truncate(struct iov *v, size_t n)
{
	if (v->count > n)
		v->count = n;
	if (v->len > n)
		v->len = n;
}

#endif
