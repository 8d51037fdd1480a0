/* SPDX-License-Identifier: MIT
 *
 * Capabilities: capget, capset, the part of prctl that is about them, and how they follow the user ids.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/capcalls.h"
#include "kernel/sys/cred.h"
#include <linux/prctl.h>
#include <linux/securebits.h>

#define FS_CAPS (CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) | \
	CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_LINUX_IMMUTABLE))

/* Root's capabilities go with the last root id, and the effective ones with the effective id. */
void cred_after_setuid(struct cred *c, const struct cred *old)
{
	bool was_root = !old->uid || !old->euid || !old->suid, is_root = !c->uid || !c->euid || !c->suid;

	if (c->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (was_root && !is_root) {
		if (!(c->securebits & SECBIT_KEEP_CAPS))
			c->cap_permitted = c->cap_effective = 0;
		c->cap_ambient = 0;
	}
	if (!old->euid && c->euid)
		c->cap_effective = 0;
	if (old->euid && !c->euid)
		c->cap_effective = c->cap_permitted;
}

void cred_after_setfsuid(struct cred *c, const struct cred *old)
{
	if (c->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (!old->fsuid && c->fsuid)
		c->cap_effective &= ~FS_CAPS;
	if (old->fsuid && !c->fsuid)
		c->cap_effective |= c->cap_permitted & FS_CAPS;
}

/* --- capget, capset ------------------------------------------------------------------------------------------------------------------- */

static int read_version(struct __user_cap_header_struct __user *header, int *words, int *pid)
{
	u32 version;

	if (get_user(version, &header->version) || get_user(*pid, &header->pid))
		return -EFAULT;
	switch (version) {
	case _LINUX_CAPABILITY_VERSION_1: *words = 1; return 0;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3: *words = 2; return 0;
	}
	*words = 0;
	return put_user((u32)_LINUX_CAPABILITY_VERSION_3, &header->version) ? -EFAULT : -EINVAL;
}

static const struct cred *cred_of_pid(pid_t pid)
{
	const struct cred *c = NULL;
	struct task *t;

	rcu_read_lock();
	t = pid ? find_task(pid) : current;
	if (t)
		c = get_task_cred(t);
	rcu_read_unlock();
	return c;
}

SYSCALL(capget, struct __user_cap_header_struct __user *header, struct __user_cap_data_struct __user *data)
{
	struct __user_cap_data_struct d[2];
	const struct cred *c;
	int words, pid, err = read_version(header, &words, &pid);

	if (err)
		return err == -EINVAL && !data ? 0 : err;
	if (pid < 0)
		return -EINVAL;
	c = cred_of_pid(pid);
	if (!c)
		return -ESRCH;
	for (int i = 0; i < 2; i++)
		d[i] = (struct __user_cap_data_struct){ c->cap_effective >> i * 32, c->cap_permitted >> i * 32, c->cap_inheritable >> i * 32 };
	put_cred(c);
	return data && copy_to_user(data, d, words * sizeof(d[0])) ? -EFAULT : 0;
}

static bool capset_allowed(const struct cred *c, u64 eff, u64 perm, u64 inh)
{
	if (inh & ~(c->cap_inheritable | c->cap_permitted) && !capable(CAP_SETPCAP))
		return false;
	if (inh & ~(c->cap_inheritable | c->cap_bounding))
		return false;
	return !(perm & ~c->cap_permitted) && !(eff & ~perm);
}

SYSCALL(capset, struct __user_cap_header_struct __user *header, const struct __user_cap_data_struct __user *data)
{
	struct __user_cap_data_struct d[2] = { { 0 } };
	u64 eff, perm, inh;
	struct cred *c;
	int words, pid, err = read_version(header, &words, &pid);

	if (err)
		return err;
	if (pid && pid != current->pid)
		return -EPERM;
	if (copy_from_user(d, data, words * sizeof(d[0])))
		return -EFAULT;
	eff = (d[0].effective | (u64)d[1].effective << 32) & CAP_ALL;
	perm = (d[0].permitted | (u64)d[1].permitted << 32) & CAP_ALL;
	inh = (d[0].inheritable | (u64)d[1].inheritable << 32) & CAP_ALL;
	if (!capset_allowed(current->cred, eff, perm, inh))
		return -EPERM;
	c = cred_copy();
	if (!c)
		return -ENOMEM;
	c->cap_effective = eff;
	c->cap_permitted = perm;
	c->cap_inheritable = inh;
	c->cap_ambient &= perm & inh;
	commit_cred(c);
	return 0;
}

/* --- prctl ---------------------------------------------------------------------------------------------------------------------------------- */

long prctl_bounding_drop(u32 cap)
{
	struct cred *c;

	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST_CAP)
		return -EINVAL;
	c = cred_copy();
	if (!c)
		return -ENOMEM;
	c->cap_bounding &= ~CAP_BIT(cap);
	commit_cred(c);
	return 0;
}

long prctl_ambient(u32 op, u32 cap)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (op == PR_CAP_AMBIENT_CLEAR_ALL ? cap : cap > CAP_LAST_CAP)
		return -EINVAL;
	if (op == PR_CAP_AMBIENT_IS_SET)
		return old->cap_ambient >> cap & 1;
	if (op != PR_CAP_AMBIENT_RAISE && op != PR_CAP_AMBIENT_LOWER && op != PR_CAP_AMBIENT_CLEAR_ALL)
		return -EINVAL;
	if (op == PR_CAP_AMBIENT_RAISE && (!(old->cap_permitted & old->cap_inheritable & CAP_BIT(cap)) || old->securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
		return -EPERM;
	c = cred_copy();
	if (!c)
		return -ENOMEM;
	if (op == PR_CAP_AMBIENT_RAISE)
		c->cap_ambient |= CAP_BIT(cap);
	else
		c->cap_ambient &= op == PR_CAP_AMBIENT_LOWER ? ~CAP_BIT(cap) : 0;
	commit_cred(c);
	return 0;
}

static long set_securebits(u32 bits)
{
	struct cred *c = cred_copy();

	if (!c)
		return -ENOMEM;
	c->securebits = bits;
	commit_cred(c);
	return 0;
}

long prctl_securebits(u32 bits)
{
	u32 old = current->cred->securebits, locked = (old & SECURE_ALL_LOCKS) >> 1;

	if (!capable(CAP_SETPCAP) || bits & ~(SECURE_ALL_BITS | SECURE_ALL_LOCKS))
		return -EPERM;
	if ((old ^ bits) & locked || old & SECURE_ALL_LOCKS & ~bits)
		return -EPERM;
	return set_securebits(bits);
}

long prctl_keepcaps(u32 on)
{
	u32 bits = current->cred->securebits;

	if (on > 1)
		return -EINVAL;
	if (bits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	return set_securebits(on ? bits | SECBIT_KEEP_CAPS : bits & ~SECBIT_KEEP_CAPS);
}

long prctl_no_new_privs(void)
{
	struct cred *c = cred_copy();

	if (!c)
		return -ENOMEM;
	c->no_new_privs = true;
	commit_cred(c);
	return 0;
}
