/* SPDX-License-Identifier: MIT
 *
 * Arguments and environment, copied from the old address space straight into the stack pages of the new one.
 *
 * They are pushed from the top downwards: file name, environment, arguments (so the first argument comes last and lies
 * lowest, where a script can replace it). A page is written through kmap with faults off; what then is not there is
 * copied by way of a small buffer.
 */
#include "kernel/sys/exec.h"

#include "arch/i386/uaccess.h"
#include "kernel/lib/string.h"

static int get_string(const struct strings *s, unsigned i, const char **out)
{
	u32 user;

	if (s->kernel) {
		*out = ((const char *const *)s->list)[i];
		return 0;
	}
	if (get_user(user, (const u32 __user *)s->list + i))
		return -EFAULT;
	*out = (const char *)user;
	return 0;
}

int count_strings(const struct strings *s, unsigned *n)
{
	const char *p;
	unsigned i = 0;

	*n = 0;
	if (!s->list)
		return 0;
	for (;; i++) {
		if (get_string(s, i, &p))
			return -EFAULT;
		if (!p)
			break;
		if (i >= 0x7fffffff / 4)
			return -E2BIG;
		if (fatal_signal_pending())
			return -EINTR;
		cond_resched();
	}
	*n = i;
	return 0;
}

void exec_drop_page(struct exec *e)
{
	if (e->page) {
		mark_page_dirty(e->page); /* it may have gone to swap since it was looked up, without what was written then */
		put_page(e->page);
	}
	e->page = NULL;
}

static int want_page(struct exec *e, unsigned long addr)
{
	addr &= MMU_PAGE_MASK;
	if (e->page && e->page_addr == addr)
		return 0;
	exec_drop_page(e);
	e->page = mm_get_page(e->mm, addr, true);
	if (IS_ERR(e->page)) {
		int err = PTR_ERR(e->page);

		e->page = NULL;
		return err == -ENOMEM ? err : -E2BIG; /* the stack's limit */
	}
	e->page_addr = addr;
	return 0;
}

/* n bytes that lie in one page */
static int copy_piece(struct exec *e, unsigned long to, const char *from, unsigned n, bool kernel)
{
	char bounce[128];
	size_t left = 0;
	char *p;

	p = (char *)kmap(e->page) + (to & ~MMU_PAGE_MASK);
	if (kernel)
		memcpy(p, from, n);
	else
		left = copy_from_user_nofault(p, from, n);
	kunmap(p);
	for (unsigned done = n - left; done < n;) {
		unsigned m = min(n - done, (unsigned)sizeof(bounce));

		if (copy_from_user(bounce, from + done, m))
			return -EFAULT;
		p = (char *)kmap(e->page) + (to & ~MMU_PAGE_MASK) + done;
		memcpy(p, bounce, m);
		kunmap(p);
		done += m;
	}
	return 0;
}

/* => size with the NUL; from the end down, so that a page is looked up once */
static int push_string(struct exec *e, const char *s, unsigned size, bool kernel)
{
	if (size > e->sp - e->limit)
		return -E2BIG;
	e->sp -= size;
	for (unsigned left = size; left;) {
		unsigned long end = e->sp + left;
		unsigned n = min(left, (unsigned)((end - 1) & ~MMU_PAGE_MASK) + 1);
		int err = want_page(e, end - n);

		if (!err)
			err = copy_piece(e, end - n, s + left - n, n, kernel);
		if (err)
			return err;
		left -= n;
	}
	return 0;
}

int exec_copy_kernel_string(struct exec *e, const char *s)
{
	return push_string(e, s, strlen(s) + 1, true);
}

static int string_size(const char *s, bool kernel, unsigned *size)
{
	long n = kernel ? (long)strlen(s) + 1 : strnlen_user(s, MAX_ARG_STRLEN);

	if (n <= 0)
		return -EFAULT;
	*size = n;
	return n > MAX_ARG_STRLEN ? -E2BIG : 0;
}

int exec_copy_strings(struct exec *e, const struct strings *s, unsigned n)
{
	const char *str;
	unsigned size;
	int err;

	while (n-- > 0) {
		err = get_string(s, n, &str);
		if (!err)
			err = string_size(str, s->kernel, &size);
		if (!err)
			err = push_string(e, str, size, s->kernel);
		if (!err && fatal_signal_pending())
			err = -EINTR;
		if (err)
			return err;
		e->arg0_size = size;
		cond_resched();
	}
	return 0;
}
