/* SPDX-License-Identifier: MIT
 *
 * Byte ranges locked by owners: the arithmetic of fcntl locks, without anything of the kernel around it.
 */
#ifndef KERNEL_FS_LOCKRANGE_H
#define KERNEL_FS_LOCKRANGE_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

enum { RANGE_READ, RANGE_WRITE, RANGE_UNLOCK }; /* F_RDLCK, F_WRLCK, F_UNLCK */
#define RANGE_MAX 0x7fffffffffffffffLL

struct lock_range {
	struct list_head node;
	const void *owner;
	loff_t start, end; /* both inside */
	u8 type, kind;     /* kind: locks of different kinds do not see each other */
};

/* The first range of another owner that stands against `want`, or NULL. */
struct lock_range *range_conflict(struct list_head *ranges, const struct lock_range *want);

/* Give `want`'s owner that type over that range: ranges of the owner are cut, split and merged as needed.
 * spare[0], spare[1]: for the new range and for the second half of a split; NULLed if used. Ranges that are not needed
 * any more go to `freed`. Cannot fail. */
void range_set(struct list_head *ranges, const struct lock_range *want, struct lock_range *spare[2], struct list_head *freed);

/* l_start, l_len relative to base -> [start, end]. => 0, -EINVAL (before 0), -EOVERFLOW */
int range_from_user(loff_t base, loff_t off, loff_t len, struct lock_range *r);

#endif
