/* SPDX-License-Identifier: MIT
 *
 * Numbers, keys and permissions of System V objects.
 *
 * A number is an index into the kind's table and above it a sequence number, so that one that was removed does not soon mean
 * another object. The table holds a reference; removing takes number and key away at once, and the object goes with the
 * last call that still uses it, after a grace period (lookups by number run under RCU).
 */
#include "kernel/ipc/internal.h"
#include <asm/msgbuf.h>
#include <asm/sembuf.h>
#include <asm/shmbuf.h>

/* --- permissions -------------------------------------------------------------------------------------------------- */
int ipc_permitted(const struct ipc_object *o, int flags)
{
	int want = (flags >> 6 | flags >> 3 | flags) & 7, have = o->mode;
	uid_t euid = current_cred()->euid;

	if (euid == o->uid || euid == o->cuid)
		have >>= 6;
	else if (in_egroup(o->gid) || in_egroup(o->cgid))
		have >>= 3;
	return !(want & ~have) || capable(CAP_IPC_OWNER) ? 0 : -EACCES;
}

int ipc_owner(const struct ipc_object *o)
{
	uid_t euid = current_cred()->euid;

	return euid == o->uid || euid == o->cuid || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

void ipc_perm_out(const struct ipc_object *o, struct ipc64_perm *p)
{
	memset(p, 0, sizeof(*p));
	p->key = o->key;
	p->uid = o->uid;
	p->gid = o->gid;
	p->cuid = o->cuid;
	p->cgid = o->cgid;
	p->mode = o->mode;
	p->seq = o->id >> IPC_INDEX_BITS;
}

int ipc_perm_in(struct ipc_object *o, const struct ipc64_perm *p)
{
	if (p->uid == (uid_t)-1 || p->gid == (gid_t)-1)
		return -EINVAL;
	o->uid = p->uid;
	o->gid = p->gid;
	o->mode = (o->mode & ~0777) | (p->mode & 0777);
	return 0;
}

/* --- life ----------------------------------------------------------------------------------------------------------- */
void *ipc_new(size_t size, key_t key, int flags)
{
	struct ipc_object *o = kvzalloc(size, GFP_KERNEL);

	if (!o)
		return NULL;
	atomic_set(&o->refcount, 1);
	spin_lock_init(&o->lock, "ipc object");
	o->key = key;
	o->uid = o->cuid = current_cred()->euid;
	o->gid = o->cgid = current_cred()->egid;
	o->mode = flags & 0777;
	return o;
}

static void free_rcu(struct rcu_head *h) { kvfree(container_of(h, struct ipc_object, rcu)); }

void ipc_put(struct ipc_kind *k, struct ipc_object *o)
{
	if (!atomic_dec_and_test(&o->refcount))
		return;
	if (k->free)
		k->free(o);
	call_rcu(&o->rcu, free_rcu);
}

static struct hlist_head *chain(struct ipc_kind *k, key_t key) { return &k->by_key[((u32)key ^ (u32)key >> 8 ^ (u32)key >> 24) % IPC_KEYS]; }

/* kind->lock held. => 0, -ENOSPC, -ENOMEM: o is still the caller's */
static int add(struct ipc_kind *k, struct ipc_object *o)
{
	struct radix_spare spare = RADIX_SPARE;
	int err;

	if (k->nr >= min(*k->max, IPC_MAX))
		return -ENOSPC;
	while (radix_lookup(&k->objects, k->next))
		k->next = (k->next + 1) % IPC_MAX;
	o->id = (int)((u32)k->seq << IPC_INDEX_BITS | k->next);
	do {
		err = radix_insert(&k->objects, k->next, o, &spare);
	} while (err == -ENOMEM && !radix_refill(&spare, GFP_KERNEL));
	radix_spare_free(&spare);
	if (err)
		return err;
	k->seq = (k->seq + 1) & 0x7fff;
	k->next = (k->next + 1) % min(max(k->nr + 2, 128U), IPC_MAX);
	k->nr++;
	if (o->key != IPC_PRIVATE)
		hlist_add_head(&o->by_key, chain(k, o->key));
	return 0;
}

void ipc_hide_key(struct ipc_object *o)
{
	hlist_del_init(&o->by_key);
	o->key = IPC_PRIVATE;
}

void ipc_remove_locked(struct ipc_kind *k, struct ipc_object *o)
{
	ipc_hide_key(o);
	radix_delete(&k->objects, o->id & (IPC_MAX - 1));
	k->nr--;
	o->gone = true;
	atomic_dec(&o->refcount); /* the caller has one */
}

/* --- finding ---------------------------------------------------------------------------------------------------------- */
struct ipc_object *ipc_find_index(struct ipc_kind *k, unsigned index)
{
	struct ipc_object *o;

	rcu_read_lock();
	o = radix_lookup(&k->objects, index);
	if (o && !atomic_inc_not_zero(&o->refcount))
		o = NULL;
	rcu_read_unlock();
	return o ? o : ERR_PTR(-EINVAL);
}

struct ipc_object *ipc_find(struct ipc_kind *k, int id)
{
	struct ipc_object *o = id < 0 ? ERR_PTR(-EINVAL) : ipc_find_index(k, (u32)id & (IPC_MAX - 1));

	if (IS_ERR(o) || o->id == id)
		return o;
	ipc_put(k, o);
	return ERR_PTR(-EINVAL);
}

static struct ipc_object *find_key(struct ipc_kind *k, key_t key)
{
	struct ipc_object *o;

	hlist_for_each_entry(o, chain(k, key), by_key)
		if (o->key == key)
			return o;
	return NULL;
}

static long make_one(struct ipc_kind *k, key_t key, const struct ipc_request *r)
{
	struct ipc_object *o = r->make(r, key);
	int err;

	if (IS_ERR(o))
		return PTR_ERR(o);
	err = add(k, o);
	if (!err)
		return o->id;
	ipc_put(k, o);
	return err;
}

long ipc_get(struct ipc_kind *k, key_t key, const struct ipc_request *r)
{
	struct ipc_object *o;
	long ret;

	mutex_lock(&k->lock);
	o = key == IPC_PRIVATE ? NULL : find_key(k, key);
	if (!o)
		ret = key == IPC_PRIVATE || r->flags & IPC_CREAT ? make_one(k, key, r) : -ENOENT;
	else if (r->flags & IPC_CREAT && r->flags & IPC_EXCL)
		ret = -EEXIST;
	else
		ret = r->fits(r, o) ?: ipc_permitted(o, r->flags) ?: o->id;
	mutex_unlock(&k->lock);
	return ret;
}

/* --- all of them ------------------------------------------------------------------------------------------------------- */
int ipc_last_index(struct ipc_kind *k)
{
	int last = 0;

	mutex_lock(&k->lock);
	for (u32 i = 0, seen = 0; i < IPC_MAX && seen < k->nr; i++)
		if (radix_lookup(&k->objects, i)) {
			last = (int)i;
			seen++;
		}
	mutex_unlock(&k->lock);
	return last;
}

void ipc_each(struct ipc_kind *k, void (*fn)(void *arg, struct ipc_object *o), void *arg)
{
	mutex_lock(&k->lock);
	for (u32 i = 0, seen = 0; i < IPC_MAX && seen < k->nr; i++) {
		struct ipc_object *o = radix_lookup(&k->objects, i);

		if (!o)
			continue;
		seen++;
		spin_lock(&o->lock);
		fn(arg, o);
		spin_unlock(&o->lock);
	}
	mutex_unlock(&k->lock);
}

/* --- asking --------------------------------------------------------------------------------------------------------- */
long ipc_stat(struct ipc_kind *k, int id, int cmd, void __user *buf)
{
	struct ipc_object *o = cmd == IPC_STAT ? ipc_find(k, id) : ipc_find_index(k, (u32)id);
	union { struct ipc64_perm perm; struct msqid64_ds msg; struct semid64_ds sem; struct shmid64_ds shm; } ds;
	long ret;

	if (IS_ERR(o))
		return PTR_ERR(o);
	memset(&ds, 0, sizeof(ds));
	spin_lock(&o->lock);
	ret = cmd == k->stat_any ? 0 : ipc_permitted(o, 0444);
	ipc_perm_out(o, &ds.perm);
	k->fill_stat(o, &ds);
	spin_unlock(&o->lock);
	if (!ret && copy_to_user(buf, &ds, k->stat_bytes))
		ret = -EFAULT;
	if (!ret && cmd != IPC_STAT)
		ret = o->id;
	ipc_put(k, o);
	return ret;
}

void __init ipc_init(void)
{
	shm_init();
	sem_init();
	msg_init();
}
