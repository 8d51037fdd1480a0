/* SPDX-License-Identifier: MIT
 *
 * kernel/ipc among its own files: objects with a number, a key and permissions; the tables that hold them.
 *
 * Locks, outermost first:
 *   kind->lock      mutex: the table, keys, sums over all objects
 *     object->lock  spinlock: everything else in an object
 * Lookups by number take no lock (RCU) and a reference; whoever then locks the object asks whether it is gone.
 */
#ifndef KERNEL_IPC_INTERNAL_H
#define KERNEL_IPC_INTERNAL_H

#include "kernel/fs/internal.h"
#include "kernel/ipc/ipc.h"
#include "kernel/lib/div64.h"
#include "kernel/lib/radix.h"
#include <linux/ipc.h>

typedef __kernel_key_t key_t;
#define IPC_INDEX_BITS 15 /* of a number: the place in the table; above it a sequence number */
#define IPC_MAX (1U << IPC_INDEX_BITS)
#define IPC_KEYS 64U

struct ipc_object {
	atomic_t refcount;             /* the table's, calls under way */
	spinlock_t lock;
	int id;                        /* f */
	key_t key;                     /* kind->lock */
	bool gone;                     /* under both locks: out of the table */
	uid_t uid, cuid;               /* l: owner, creator */
	gid_t gid, cgid;
	mode_t mode;                   /* l: 0777, and SHM_DEST, SHM_LOCKED */
	struct hlist_node by_key;      /* kind->lock */
	struct rcu_head rcu;
};

struct ipc_kind {
	struct mutex lock;
	struct radix_tree objects;     /* by index; lock to write */
	struct hlist_head by_key[IPC_KEYS];
	u32 nr, next;                  /* lock: objects; where the search for a free index goes on */
	u16 seq;                       /* lock */
	u32 *max;                      /* sysctl: how many there may be */
	atomic_t total;                /* pages, semaphores, bytes: what the kind sums up; more only under lock */
	void (*free)(struct ipc_object *o); /* last reference gone: what it holds, not itself */
	/* for ipc_stat: o->lock held; ds: the kind's structure, zero but for the permissions, which come first in all */
	void (*fill_stat)(const struct ipc_object *o, void *ds);
	size_t stat_bytes;
	int stat_any;                  /* MSG_STAT_ANY and so on: by index, without the right to read */
};

/* shmget, semget, msgget: make a new one if the key says so. make: => an object of refcount 1 (ipc_new), ERR_PTR;
 * fits: does an existing one do? 0 or -errno. Both under kind->lock. */
struct ipc_request {
	size_t size;
	int flags;
	struct ipc_object *(*make)(const struct ipc_request *r, key_t key);
	int (*fits)(const struct ipc_request *r, const struct ipc_object *o);
};
long ipc_get(struct ipc_kind *k, key_t key, const struct ipc_request *r);      /* => number or -errno */
void *ipc_new(size_t size, key_t key, int flags);                              /* zeroed; NULL: no memory. kvfree'd */
struct ipc_object *ipc_find(struct ipc_kind *k, int id);                       /* reference; ERR_PTR(-EINVAL) */
struct ipc_object *ipc_find_index(struct ipc_kind *k, unsigned index);
void ipc_put(struct ipc_kind *k, struct ipc_object *o);
void ipc_remove_locked(struct ipc_kind *k, struct ipc_object *o);              /* kind->lock and o->lock held; drops the table's reference */
void ipc_hide_key(struct ipc_object *o);                                       /* kind->lock held: found by number only */
int ipc_last_index(struct ipc_kind *k);                                        /* highest in use, 0 if none */
void ipc_each(struct ipc_kind *k, void (*fn)(void *arg, struct ipc_object *o), void *arg); /* kind->lock held meanwhile */

int ipc_permitted(const struct ipc_object *o, int flags);   /* rwx bits wanted, as in a mode: 0 or -EACCES */
int ipc_owner(const struct ipc_object *o);                  /* may current change or remove it? 0 or -EPERM */
void ipc_perm_out(const struct ipc_object *o, struct ipc64_perm *p);
int ipc_perm_in(struct ipc_object *o, const struct ipc64_perm *p); /* IPC_SET; lock held */
long ipc_stat(struct ipc_kind *k, int id, int cmd, void __user *buf); /* IPC_STAT, xxx_STAT, xxx_STAT_ANY => 0, the number, -errno */
static inline s64 ipc_seconds(void) { return (s64)div_u64((u64)inode_now(), NSEC_PER_SEC); }

/* For the multiplexer. => as the calls */
long do_shmat(int id, unsigned long addr, int flags);
long do_shmctl(int id, int cmd, void __user *buf);
long do_semctl(int id, int num, int cmd, unsigned long arg);
long do_msgctl(int id, int cmd, void __user *buf);
long do_msgsnd(int id, const void __user *buf, size_t size, int flags);
long do_msgrcv(int id, void __user *buf, size_t size, long type, int flags);
long do_semop(int id, const void __user *ops, u32 n, u64 timeout); /* ns; ~0: for ever */
void shm_init(void), sem_init(void), msg_init(void);

#endif
