/* SPDX-License-Identifier: MIT
 *
 * User and group ids: reading and changing them, in the 32-bit forms and the 16-bit ones of old programs.
 *
 * Each change builds a copy of the credentials, checks, and commits. With CAP_SETUID (CAP_SETGID) any id may be taken;
 * without, only one of the real, effective and saved ones. Capabilities follow the user ids (capcalls.c).
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/sort.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/cred.h"
#include "mm/phys/phys.h"

#define KEEP 0xffffffffu         /* -1: leave this one */
#define OVERFLOW_ID 65534u
#define GROUPS_MAX 65536

static u32 to_id16(u32 id) { return id > 0xffff ? OVERFLOW_ID : id; }
static u32 from_id16(u16 id) { return id == 0xffff ? KEEP : id; }

/* --- reading ---------------------------------------------------------------------------------------------------------------------- */

SYSCALL(getuid32, void) { return current->cred->uid; }
SYSCALL(geteuid32, void) { return current->cred->euid; }
SYSCALL(getgid32, void) { return current->cred->gid; }
SYSCALL(getegid32, void) { return current->cred->egid; }
SYSCALL(getuid, void) { return to_id16(current->cred->uid); }
SYSCALL(geteuid, void) { return to_id16(current->cred->euid); }
SYSCALL(getgid, void) { return to_id16(current->cred->gid); }
SYSCALL(getegid, void) { return to_id16(current->cred->egid); }

static int put_three(void __user *a, void __user *b, void __user *c, u32 x, u32 y, u32 z, bool wide)
{
	if (wide)
		return put_user(x, (u32 __user *)a) || put_user(y, (u32 __user *)b) || put_user(z, (u32 __user *)c) ? -EFAULT : 0;
	return put_user((u16)to_id16(x), (u16 __user *)a) || put_user((u16)to_id16(y), (u16 __user *)b) ||
	       put_user((u16)to_id16(z), (u16 __user *)c) ? -EFAULT : 0;
}

SYSCALL(getresuid32, void __user *r, void __user *e, void __user *s)
{
	return put_three(r, e, s, current->cred->uid, current->cred->euid, current->cred->suid, true);
}

SYSCALL(getresgid32, void __user *r, void __user *e, void __user *s)
{
	return put_three(r, e, s, current->cred->gid, current->cred->egid, current->cred->sgid, true);
}

SYSCALL(getresuid, void __user *r, void __user *e, void __user *s)
{
	return put_three(r, e, s, current->cred->uid, current->cred->euid, current->cred->suid, false);
}

SYSCALL(getresgid, void __user *r, void __user *e, void __user *s)
{
	return put_three(r, e, s, current->cred->gid, current->cred->egid, current->cred->sgid, false);
}

/* --- users -------------------------------------------------------------------------------------------------------------------------- */

static bool own_uid(u32 id)
{
	const struct cred *c = current->cred;

	return id == KEEP || id == c->uid || id == c->euid || id == c->suid;
}

static long finish_uids(struct cred *c, uid_t ruid)
{
	int err = cred_set_uid(c, ruid);

	if (err) {
		put_cred(c);
		return err == -ENOMEM ? -EAGAIN : err;
	}
	c->fsuid = c->euid;
	cred_after_setuid(c, current->cred);
	commit_cred(c);
	return 0;
}

SYSCALL(setresuid32, u32 r, u32 e, u32 s)
{
	struct cred *c;

	if (!capable(CAP_SETUID) && (!own_uid(r) || !own_uid(e) || !own_uid(s)))
		return -EPERM;
	c = cred_copy();
	if (!c)
		return -ENOMEM;
	if (e != KEEP)
		c->euid = e;
	if (s != KEEP)
		c->suid = s;
	return finish_uids(c, r != KEEP ? r : c->uid);
}

SYSCALL(setreuid32, u32 r, u32 e)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (!capable(CAP_SETUID) && ((r != KEEP && r != old->uid && r != old->euid) || !own_uid(e)))
		return -EPERM;
	c = cred_copy();
	if (!c)
		return -ENOMEM;
	if (e != KEEP)
		c->euid = e;
	if (r != KEEP || (e != KEEP && e != old->uid))
		c->suid = c->euid;
	return finish_uids(c, r != KEEP ? r : c->uid);
}

SYSCALL(setuid32, u32 id)
{
	const struct cred *old = current->cred;
	bool all = capable(CAP_SETUID);
	struct cred *c;

	if (id == KEEP)
		return -EINVAL;
	if (!all && id != old->uid && id != old->suid)
		return -EPERM;
	c = cred_copy();
	if (!c)
		return -ENOMEM;
	c->euid = id;
	if (all)
		c->suid = id;
	return finish_uids(c, all ? id : c->uid);
}

SYSCALL(setfsuid32, u32 id)
{
	u32 old = current->cred->fsuid;
	struct cred *c;

	if (id == KEEP || (!own_uid(id) && id != old && !capable(CAP_SETUID)))
		return old;
	c = cred_copy();
	if (!c)
		return old;
	c->fsuid = id;
	cred_after_setfsuid(c, current->cred);
	commit_cred(c);
	return old;
}

SYSCALL(setuid, u16 id) { return sys_setuid32(from_id16(id)); }
SYSCALL(setreuid, u16 r, u16 e) { return sys_setreuid32(from_id16(r), from_id16(e)); }
SYSCALL(setresuid, u16 r, u16 e, u16 s) { return sys_setresuid32(from_id16(r), from_id16(e), from_id16(s)); }
SYSCALL(setfsuid, u16 id) { return to_id16(sys_setfsuid32(from_id16(id))); }

/* --- groups --------------------------------------------------------------------------------------------------------------------------- */

static bool own_gid(u32 id)
{
	const struct cred *c = current->cred;

	return id == KEEP || id == c->gid || id == c->egid || id == c->sgid;
}

static long finish_gids(struct cred *c)
{
	c->fsgid = c->egid;
	commit_cred(c);
	return 0;
}

SYSCALL(setresgid32, u32 r, u32 e, u32 s)
{
	struct cred *c;

	if (!capable(CAP_SETGID) && (!own_gid(r) || !own_gid(e) || !own_gid(s)))
		return -EPERM;
	c = cred_copy();
	if (!c)
		return -ENOMEM;
	if (r != KEEP)
		c->gid = r;
	if (e != KEEP)
		c->egid = e;
	if (s != KEEP)
		c->sgid = s;
	return finish_gids(c);
}

SYSCALL(setregid32, u32 r, u32 e)
{
	const struct cred *old = current->cred;
	struct cred *c;

	if (!capable(CAP_SETGID) && ((r != KEEP && r != old->gid && r != old->egid) || !own_gid(e)))
		return -EPERM;
	c = cred_copy();
	if (!c)
		return -ENOMEM;
	if (r != KEEP)
		c->gid = r;
	if (e != KEEP)
		c->egid = e;
	if (r != KEEP || (e != KEEP && e != old->gid))
		c->sgid = c->egid;
	return finish_gids(c);
}

SYSCALL(setgid32, u32 id)
{
	const struct cred *old = current->cred;
	bool all = capable(CAP_SETGID);
	struct cred *c;

	if (id == KEEP)
		return -EINVAL;
	if (!all && id != old->gid && id != old->sgid)
		return -EPERM;
	c = cred_copy();
	if (!c)
		return -ENOMEM;
	c->egid = id;
	if (all)
		c->gid = c->sgid = id;
	return finish_gids(c);
}

SYSCALL(setfsgid32, u32 id)
{
	u32 old = current->cred->fsgid;
	struct cred *c;

	if (id == KEEP || (!own_gid(id) && id != old && !capable(CAP_SETGID)))
		return old;
	c = cred_copy();
	if (!c)
		return old;
	c->fsgid = id;
	commit_cred(c);
	return old;
}

SYSCALL(setgid, u16 id) { return sys_setgid32(from_id16(id)); }
SYSCALL(setregid, u16 r, u16 e) { return sys_setregid32(from_id16(r), from_id16(e)); }
SYSCALL(setresgid, u16 r, u16 e, u16 s) { return sys_setresgid32(from_id16(r), from_id16(e), from_id16(s)); }
SYSCALL(setfsgid, u16 id) { return to_id16(sys_setfsgid32(from_id16(id))); }

/* --- supplementary groups --------------------------------------------------------------------------------------------------------------- */

static long put_groups(int size, void __user *list, bool wide)
{
	const struct cred *c = current->cred;

	if (size < 0)
		return -EINVAL;
	if (!size)
		return c->ngroups;
	if ((u32)size < c->ngroups)
		return -EINVAL;
	for (u32 i = 0; i < c->ngroups; i++)
		if (wide ? put_user(c->groups[i], (u32 __user *)list + i) : put_user((u16)to_id16(c->groups[i]), (u16 __user *)list + i))
			return -EFAULT;
	return c->ngroups;
}

static int compare_gids(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return x < y ? -1 : x > y;
}

static int read_groups(struct cred *c, const void __user *list, bool wide)
{
	u16 narrow;

	for (u32 i = 0; i < c->ngroups; i++) {
		if (wide ? get_user(c->groups[i], (const u32 __user *)list + i) : get_user(narrow, (const u16 __user *)list + i))
			return -EFAULT;
		if (!wide)
			c->groups[i] = narrow;
		if (c->groups[i] == KEEP)
			return -EINVAL;
	}
	sort(c->groups, c->ngroups, sizeof(gid_t), compare_gids);
	return 0;
}

static long set_groups(int size, const void __user *list, bool wide)
{
	struct cred *c;
	int err;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || size > GROUPS_MAX)
		return -EINVAL;
	c = cred_alloc(size);
	if (!c)
		return -ENOMEM;
	memcpy(c, current->cred, sizeof(*c));
	atomic_set(&c->refcount, 1);
	atomic_inc(&c->user->refcount);
	c->ngroups = size;
	err = read_groups(c, list, wide);
	if (err)
		put_cred(c);
	else
		commit_cred(c);
	return err;
}

SYSCALL(getgroups32, int size, void __user *list) { return put_groups(size, list, true); }
SYSCALL(getgroups, int size, void __user *list) { return put_groups(size, list, false); }
SYSCALL(setgroups32, int size, const void __user *list) { return set_groups(size, list, true); }
SYSCALL(setgroups, int size, const void __user *list) { return set_groups(size, list, false); }
