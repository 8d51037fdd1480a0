/* SPDX-License-Identifier: MIT
 *
 * Extended attributes: no file system here keeps any. Names are looked up all the same, so that the errors of paths
 * come first: reading and setting are EOPNOTSUPP then, a list is empty.
 */
#include "kernel/fs/internal.h"
#include <linux/xattr.h>

/* The attribute's name: 1 to 255 bytes. => 0 or -errno */
static long check_key(const char __user *key)
{
	char buf[XATTR_NAME_MAX + 1];
	long len = strncpy_from_user(buf, key, sizeof(buf));

	if (len < 0)
		return len;
	return !len || len == sizeof(buf) ? -ERANGE : 0;
}

static long at_path(const char __user *name, u32 lookup, const char __user *key, bool list)
{
	struct path p;
	long err = user_path_at(AT_FDCWD, name, lookup, &p);

	if (err)
		return err;
	path_put(&p);
	if (list)
		return 0;
	err = check_key(key);
	return err ? err : -EOPNOTSUPP;
}
static long at_fd(unsigned fd, const char __user *key, bool list)
{
	struct fdref r = fdget(fd);
	long err;

	if (!r.file)
		return -EBADF;
	fdput(r);
	err = list ? 0 : check_key(key);
	return err || list ? err : -EOPNOTSUPP;
}

SYSCALL(getxattr, const char __user *name, const char __user *key) { return at_path(name, LOOKUP_FOLLOW, key, false); }
SYSCALL(lgetxattr, const char __user *name, const char __user *key) { return at_path(name, 0, key, false); }
SYSCALL(fgetxattr, unsigned fd, const char __user *key) { return at_fd(fd, key, false); }
SYSCALL(listxattr, const char __user *name) { return at_path(name, LOOKUP_FOLLOW, NULL, true); }
SYSCALL(llistxattr, const char __user *name) { return at_path(name, 0, NULL, true); }
SYSCALL(flistxattr, unsigned fd) { return at_fd(fd, NULL, true); }
/* Setting and removing fail in the same way. */
SYSCALL(setxattr, const char __user *name, const char __user *key) { return at_path(name, LOOKUP_FOLLOW, key, false); }
SYSCALL(lsetxattr, const char __user *name, const char __user *key) { return at_path(name, 0, key, false); }
SYSCALL(fsetxattr, unsigned fd, const char __user *key) { return at_fd(fd, key, false); }
