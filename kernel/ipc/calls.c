/* SPDX-License-Identifier: MIT
 *
 * ipc(2): all of them by one number, as i386 had it first and glibc still calls it. Structures are the present ones (IPC_64); a
 * program that asks for those before Linux 2.4 gets EINVAL.
 */
#include "kernel/ipc/internal.h"
#include "kernel/sys/timespec.h"

long sys_semget(key_t key, int n, int flags);
long sys_msgget(key_t key, int flags);
long sys_shmget(key_t key, size_t size, int flags);
long sys_shmdt(unsigned long addr);

static long semtimedop(int id, const void __user *ops, u32 n, const void __user *timeout)
{
	u64 ns = ~0ULL;
	int err = timeout ? get_timespec32_ns(&ns, timeout) : 0;

	return err ? err : do_semop(id, ops, n, ns);
}

/* Without IPC_64 only what passes no structure. stat: the kind's own three that do begin there. => the command, -EINVAL */
static int new_layout(int cmd, int stat)
{
	if (cmd & IPC_64)
		return cmd & ~IPC_64;
	return (cmd >= IPC_SET && cmd <= IPC_INFO) || (cmd >= stat && cmd < stat + 3) ? -EINVAL : cmd;
}

static long shmat(int id, unsigned long addr, int flags, u32 version, unsigned long __user *result)
{
	long at;

	if (version == 1)
		return -EINVAL;
	at = do_shmat(id, addr, flags);
	return IS_ERR_VALUE(at) ? at : put_user((unsigned long)at, result);
}

/* version 0: ptr leads to the message and its type. */
static long msgrcv(int id, size_t size, long type, int flags, u32 version, void __user *ptr)
{
	u32 pair[2];

	if (version)
		return do_msgrcv(id, ptr, size, type, flags);
	if (!ptr)
		return -EINVAL;
	if (copy_from_user(pair, ptr, sizeof(pair)))
		return -EFAULT;
	return do_msgrcv(id, (void __user *)pair[0], size, (long)pair[1], flags);
}

static long semctl(int id, int num, int cmd, const unsigned long __user *ptr)
{
	unsigned long arg;

	if (!ptr)
		return -EINVAL;
	if (get_user(arg, ptr))
		return -EFAULT;
	cmd = new_layout(cmd, 18 /* SEM_STAT */);
	return cmd < 0 ? cmd : do_semctl(id, num, cmd, arg);
}

static long shmctl(int id, int cmd, void __user *ptr)
{
	cmd = new_layout(cmd, 13 /* SHM_STAT */);
	return cmd < 0 ? cmd : do_shmctl(id, cmd, ptr);
}
static long msgctl(int id, int cmd, void __user *ptr)
{
	cmd = new_layout(cmd, 11 /* MSG_STAT */);
	return cmd < 0 ? cmd : do_msgctl(id, cmd, ptr);
}

SYSCALL(ipc, u32 call, int first, unsigned long second, unsigned long third, void __user *ptr, long fifth)
{
	u32 version = call >> 16;

	switch (call & 0xffff) {
	case SEMOP: return do_semop(first, ptr, second, ~0ULL);
	case SEMTIMEDOP: return semtimedop(first, ptr, second, (void __user *)fifth);
	case SEMGET: return sys_semget(first, (int)second, (int)third);
	case SEMCTL: return semctl(first, (int)second, (int)third, ptr);
	case MSGSND: return do_msgsnd(first, ptr, second, (int)third);
	case MSGRCV: return msgrcv(first, second, fifth, (int)third, version, ptr);
	case MSGGET: return sys_msgget(first, (int)second);
	case MSGCTL: return msgctl(first, (int)second, ptr);
	case SHMAT: return shmat(first, (unsigned long)ptr, (int)second, version, (unsigned long __user *)third);
	case SHMDT: return sys_shmdt((unsigned long)ptr);
	case SHMGET: return sys_shmget(first, second, (int)third);
	case SHMCTL: return shmctl(first, (int)second, ptr);
	}
	return -ENOSYS;
}
