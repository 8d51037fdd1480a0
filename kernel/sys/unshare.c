/* SPDX-License-Identifier: MIT
 *
 * unshare, setns. There are no namespaces: what concerns them is EINVAL, as on a Linux that was built without.
 * A task can stop sharing its descriptors and its root, working directory and umask.
 */
#include "kernel/fs/vfs.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/process.h"
#include <linux/sched.h>

#define KNOWN (CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)

SYSCALL(unshare, u32 flags)
{
	int err = 0;

	if (flags & ~KNOWN)
		return -EINVAL;
	/* address space and handlers are a process's own only if nobody else is in it */
	if (flags & (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD) && READ_ONCE(current->group->nr_threads) > 1)
		return -EINVAL;
	if (flags & CLONE_FS)
		err = fs_unshare();
	if (!err && flags & CLONE_FILES)
		err = files_unshare();
	return err;
}

SYSCALL(setns, unsigned fd, int type)
{
	struct fdref r = fdget(fd);

	if (!r.file)
		return -EBADF;
	fdput(r);
	return -EINVAL;
}
