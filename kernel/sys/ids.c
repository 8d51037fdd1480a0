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

/* --- the three ids of users and of groups ------------------------------------------------------------------------------------------- */

enum whose { USER, GROUP };
struct ids { u32 real, eff, saved; };

static struct ids ids_of(enum whose w)
{
	const struct cred *c = current->cred;

	return w == USER ? (struct ids){ c->uid, c->euid, c->suid } : (struct ids){ c->gid, c->egid, c->sgid };
}

static bool may_take_any(enum whose w) { return capable(w == USER ? CAP_SETUID : CAP_SETGID); }

static bool is_own(enum whose w, u32 id)
{
	struct ids own = ids_of(w);

	return id == KEEP || id == own.real || id == own.eff || id == own.saved;
}

/* With them goes the id that file systems look at. */
static long set_ids(enum whose w, struct ids new)
{
	struct cred *c = cred_copy();
	int err = 0;

	if (!c)
		return -ENOMEM;
	if (w == USER) {
		c->euid = c->fsuid = new.eff;
		c->suid = new.saved;
		err = cred_set_uid(c, new.real);
	} else {
		c->gid = new.real;
		c->egid = c->fsgid = new.eff;
		c->sgid = new.saved;
	}
	if (err) {
		put_cred(c);
		return err == -ENOMEM ? -EAGAIN : err;
	}
	if (w == USER)
		cred_after_setuid(c, current->cred);
	commit_cred(c);
	return 0;
}

/* --- reading ---------------------------------------------------------------------------------------------------------------------- */

SYSCALL(getuid32, void) { return current->cred->uid; }
SYSCALL(geteuid32, void) { return current->cred->euid; }
SYSCALL(getgid32, void) { return current->cred->gid; }
SYSCALL(getegid32, void) { return current->cred->egid; }
SYSCALL(getuid, void) { return to_id16(current->cred->uid); }
SYSCALL(geteuid, void) { return to_id16(current->cred->euid); }
SYSCALL(getgid, void) { return to_id16(current->cred->gid); }
SYSCALL(getegid, void) { return to_id16(current->cred->egid); }

static int put_id(void __user *to, u32 id, bool wide)
{
	return wide ? put_user(id, (u32 __user *)to) : put_user((u16)to_id16(id), (u16 __user *)to);
}

static int put_three(enum whose w, void __user *real, void __user *eff, void __user *saved, bool wide)
{
	struct ids i = ids_of(w);

	return put_id(real, i.real, wide) || put_id(eff, i.eff, wide) || put_id(saved, i.saved, wide) ? -EFAULT : 0;
}

SYSCALL(getresuid32, void __user *r, void __user *e, void __user *s) { return put_three(USER, r, e, s, true); }
SYSCALL(getresgid32, void __user *r, void __user *e, void __user *s) { return put_three(GROUP, r, e, s, true); }
SYSCALL(getresuid, void __user *r, void __user *e, void __user *s) { return put_three(USER, r, e, s, false); }
SYSCALL(getresgid, void __user *r, void __user *e, void __user *s) { return put_three(GROUP, r, e, s, false); }

/* --- changing ----------------------------------------------------------------------------------------------------------------------- */

static u32 or_keep(u32 id, u32 old) { return id == KEEP ? old : id; }

static long set_three(enum whose w, u32 r, u32 e, u32 s)
{
	struct ids old = ids_of(w);

	if (!may_take_any(w) && (!is_own(w, r) || !is_own(w, e) || !is_own(w, s)))
		return -EPERM;
	return set_ids(w, (struct ids){ or_keep(r, old.real), or_keep(e, old.eff), or_keep(s, old.saved) });
}

static long set_two(enum whose w, u32 r, u32 e)
{
	struct ids old = ids_of(w), new = { or_keep(r, old.real), or_keep(e, old.eff), old.saved };

	if (!may_take_any(w) && ((r != KEEP && r != old.real && r != old.eff) || !is_own(w, e)))
		return -EPERM;
	if (r != KEEP || (e != KEEP && e != old.real))
		new.saved = new.eff;
	return set_ids(w, new);
}

static long set_one(enum whose w, u32 id)
{
	struct ids old = ids_of(w);

	if (id == KEEP)
		return -EINVAL;
	if (may_take_any(w))
		return set_ids(w, (struct ids){ id, id, id });
	if (id != old.real && id != old.saved)
		return -EPERM;
	return set_ids(w, (struct ids){ old.real, id, old.saved });
}

/* => the old one, whatever became of it */
static long set_fs(enum whose w, u32 id)
{
	u32 old = w == USER ? current->cred->fsuid : current->cred->fsgid;
	struct cred *c;

	if (id == KEEP || (!is_own(w, id) && id != old && !may_take_any(w)))
		return old;
	c = cred_copy();
	if (!c)
		return old;
	if (w == USER) {
		c->fsuid = id;
		cred_after_setfsuid(c, current->cred);
	} else {
		c->fsgid = id;
	}
	commit_cred(c);
	return old;
}

SYSCALL(setuid32, u32 id) { return set_one(USER, id); }
SYSCALL(setgid32, u32 id) { return set_one(GROUP, id); }
SYSCALL(setreuid32, u32 r, u32 e) { return set_two(USER, r, e); }
SYSCALL(setregid32, u32 r, u32 e) { return set_two(GROUP, r, e); }
SYSCALL(setresuid32, u32 r, u32 e, u32 s) { return set_three(USER, r, e, s); }
SYSCALL(setresgid32, u32 r, u32 e, u32 s) { return set_three(GROUP, r, e, s); }
SYSCALL(setfsuid32, u32 id) { return set_fs(USER, id); }
SYSCALL(setfsgid32, u32 id) { return set_fs(GROUP, id); }
SYSCALL(setuid, u16 id) { return set_one(USER, from_id16(id)); }
SYSCALL(setgid, u16 id) { return set_one(GROUP, from_id16(id)); }
SYSCALL(setreuid, u16 r, u16 e) { return set_two(USER, from_id16(r), from_id16(e)); }
SYSCALL(setregid, u16 r, u16 e) { return set_two(GROUP, from_id16(r), from_id16(e)); }
SYSCALL(setresuid, u16 r, u16 e, u16 s) { return set_three(USER, from_id16(r), from_id16(e), from_id16(s)); }
SYSCALL(setresgid, u16 r, u16 e, u16 s) { return set_three(GROUP, from_id16(r), from_id16(e), from_id16(s)); }
SYSCALL(setfsuid, u16 id) { return to_id16(set_fs(USER, from_id16(id))); }
SYSCALL(setfsgid, u16 id) { return to_id16(set_fs(GROUP, from_id16(id))); }

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
		if (put_id((char __user *)list + i * (wide ? sizeof(u32) : sizeof(u16)), c->groups[i], wide))
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
