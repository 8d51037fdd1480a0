/* SPDX-License-Identifier: MIT
 *
 * Reading newc cpio archives: a pure function over bytes, also compiled and tested on the host.
 */
#ifndef KERNEL_FS_CPIO_H
#define KERNEL_FS_CPIO_H

#include "kernel/lib/types.h"

struct cpio_entry {
	const char *name;       /* in the archive, NUL-terminated; as written there: may begin with ./ or / */
	u32 name_len;
	u32 ino, mode, uid, gid, nlink, mtime, dev_major, dev_minor, rdev_major, rdev_minor;
	const void *data;       /* contents, or a symlink's target (not NUL-terminated) */
	u32 size;
	bool trailer;           /* the end of one archive (more may follow); the rest means nothing */
};
struct cpio_error { size_t offset; const char *reason; };

/* Calls fn for each entry of all archives that stand one behind the other, zeroes between and after them.
 * => 0; what fn returned if not 0 (offset says where, reason is NULL); -EINVAL with offset and reason */
int cpio_parse(const void *data, size_t size, int (*fn)(const struct cpio_entry *e, void *arg), void *arg, struct cpio_error *err);

#endif
