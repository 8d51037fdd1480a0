/* SPDX-License-Identifier: MIT
 *
 * Copies between kernel memory and what a struct iov describes (iov.h has the contract).
 *
 * One loop, iov_walk, goes over the pieces; what differs is a step that moves some bytes and says how many it could
 * not move. Most calls have one piece and stay in its first round.
 */
#include "kernel/fs/iov.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/string.h"
#include "mm/phys/phys.h"

#define IOV_MAX_BYTES (0x7fffffffUL & ~4095UL)
#define PREFAULT_MAX 65536U

/* Step to the next piece that has bytes. */
static void iov_next(struct iov *v)
{
	while (!v->len && v->count) {
		ASSERT(v->next);
		v->base = v->next->iov_base;
		v->len = min(v->next->iov_len, v->count);
		v->next++;
	}
}

void iov_init_vec(struct iov *v, const struct iovec *vec, unsigned nr, size_t count, bool user)
{
	*v = (struct iov){ .count = nr ? count : 0, .next = vec, .user = user };
	iov_next(v);
}

void iov_advance(struct iov *v, size_t n)
{
	ASSERT(n <= v->count);
	while (n) {
		size_t part = min(n, v->len);

		v->base += part;
		v->len -= part;
		v->count -= part;
		n -= part;
		if (!v->len)
			iov_next(v);
	}
}

/* => bytes NOT moved between buf and the n bytes at v->base */
typedef size_t (*iov_step)(const struct iov *v, void *buf, size_t n);

static __always_inline size_t iov_walk(struct iov *v, void *buf, size_t n, iov_step step)
{
	size_t done = 0;

	n = min(n, v->count);
	if (likely(n < v->len || v->len == v->count)) { /* stays in the current piece, or that is the last */
		done = n - step(v, buf, n);
		v->base += done;
		v->len -= done;
		v->count -= done;
		return done;
	}
	while (done < n) {
		size_t part = min(n - done, v->len);
		size_t left = step(v, buf + done, part);

		iov_advance(v, part - left);
		done += part - left;
		if (unlikely(left))
			break;
	}
	return done;
}

static size_t step_to(const struct iov *v, void *buf, size_t n)
{
	if (v->user)
		return copy_to_user(v->base, buf, n);
	memcpy(v->base, buf, n);
	return 0;
}
static size_t step_from(const struct iov *v, void *buf, size_t n)
{
	if (v->user)
		return copy_from_user(buf, v->base, n);
	memcpy(buf, v->base, n);
	return 0;
}
static size_t step_to_nofault(const struct iov *v, void *buf, size_t n)
{
	if (v->user)
		return copy_to_user_nofault(v->base, buf, n);
	memcpy(v->base, buf, n);
	return 0;
}
static size_t step_from_nofault(const struct iov *v, void *buf, size_t n)
{
	if (v->user)
		return copy_from_user_nofault(buf, v->base, n);
	memcpy(buf, v->base, n);
	return 0;
}
static size_t step_zero(const struct iov *v, void *buf, size_t n)
{
	if (v->user)
		return clear_user(v->base, n);
	memset(v->base, 0, n);
	return 0;
}

size_t iov_copy_to(struct iov *v, const void *from, size_t n) { return iov_walk(v, (void *)from, n, step_to); }
size_t iov_copy_from(void *to, struct iov *v, size_t n) { return iov_walk(v, to, n, step_from); }
size_t iov_zero(struct iov *v, size_t n) { return iov_walk(v, v, n, step_zero); }
size_t iov_copy_to_nofault(struct iov *v, const void *from, size_t n)
{
	return iov_walk(v, (void *)from, n, step_to_nofault);
}
size_t iov_copy_from_nofault(void *to, struct iov *v, size_t n) { return iov_walk(v, to, n, step_from_nofault); }

/* Touch one page. For writing: an exchange of a word with itself, which leaves other threads' bytes alone. */
static int touch_page(char __user *p, bool write)
{
	u32 seen;
	u8 byte;

	if (!access_ok(p, 1))
		return -EFAULT;
	if (write)
		return user_cmpxchg(&seen, (u32 __user *)((unsigned long)p & ~3UL), 0, 0);
	return copy_from_user(&byte, p, 1) ? -EFAULT : 0;
}

static ssize_t iov_prefault(const struct iov *v, size_t n, bool write)
{
	struct iov at = *v;
	size_t done = 0;

	n = min(n, v->count);
	if (!v->user)
		return n;
	n = min_t(size_t, n, PREFAULT_MAX);
	while (done < n) {
		size_t part = min(n - done, min_t(size_t, at.len, MMU_PAGE_SIZE - ((unsigned long)at.base & ~MMU_PAGE_MASK)));
		int err = touch_page(at.base, write);

		if (err)
			return done ? (ssize_t)done : err;
		iov_advance(&at, part);
		done += part;
	}
	return done;
}
ssize_t iov_prefault_read(const struct iov *v, size_t n) { return iov_prefault(v, n, false); }
ssize_t iov_prefault_write(const struct iov *v, size_t n) { return iov_prefault(v, n, true); }

/* Check the pieces and add them up; a sum beyond the limit is cut, as Linux does. => bytes or -errno */
static ssize_t iov_sum(struct iovec *vec, unsigned nr)
{
	size_t sum = 0;

	for (unsigned i = 0; i < nr; i++) {
		if ((ssize_t)vec[i].iov_len < 0)
			return -EINVAL;
		if (!access_ok(vec[i].iov_base, vec[i].iov_len))
			return -EFAULT;
		vec[i].iov_len = min_t(size_t, vec[i].iov_len, IOV_MAX_BYTES - sum);
		sum += vec[i].iov_len;
	}
	return sum;
}

int iov_import(struct iov *v, const struct iovec __user *uvec, unsigned nr, struct iovec *fast, struct iovec **heap)
{
	struct iovec *vec = fast;
	ssize_t sum;

	*heap = NULL;
	if (nr > UIO_MAXIOV)
		return -EINVAL;
	if (nr > UIO_FASTIOV) {
		vec = *heap = kmalloc(nr * sizeof(*vec), GFP_KERNEL);
		if (!vec)
			return -ENOMEM;
	}
	if (copy_from_user(vec, uvec, nr * sizeof(*vec)))
		return -EFAULT;
	sum = iov_sum(vec, nr);
	if (sum < 0)
		return sum;
	iov_init_vec(v, vec, nr, sum, true);
	return 0;
}
