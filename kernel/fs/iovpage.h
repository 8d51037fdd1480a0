/* SPDX-License-Identifier: MIT
 *
 * Copies between a page, wherever it lies, and what a struct iov describes: with faults off under kmap, and what is
 * missing faulted in between, with nothing mapped. For pipes and sockets, whose pages nobody else knows.
 * => bytes, fewer if the rest cannot be reached or a signal came meanwhile
 */
#ifndef KERNEL_FS_IOVPAGE_H
#define KERNEL_FS_IOVPAGE_H

#include "kernel/fs/iov.h"
#include "kernel/sched/sched.h"
#include "mm/phys/phys.h"

static inline size_t page_to_iov(struct iov *to, struct page *page, unsigned off, size_t n)
{
	size_t done = 0, part = n;

	for (;;) {
		char *k = kmap(page);
		ssize_t reach;

		done += iov_copy_to_nofault(to, k + off + done, part);
		kunmap(k);
		if (likely(done == n))
			return done;
		reach = iov_prefault_write(to, n - done);
		if (reach <= 0 || signal_pending())
			return done;
		part = reach;
	}
}
static inline size_t iov_to_page(struct page *page, struct iov *from, unsigned off, size_t n)
{
	size_t done = 0, part = n;

	for (;;) {
		char *k = kmap(page);
		ssize_t reach;

		done += iov_copy_from_nofault(k + off + done, from, part);
		kunmap(k);
		if (likely(done == n))
			return done;
		reach = iov_prefault_read(from, n - done);
		if (reach <= 0 || signal_pending())
			return done;
		part = reach;
	}
}

#endif
