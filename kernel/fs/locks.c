/* SPDX-License-Identifier: MIT
 *
 * Advisory file locks: fcntl (POSIX: owned by a descriptor table; OFD: by an open file) and flock (by an open file).
 * The arithmetic of ranges is in lockrange.c.
 *
 * Lock: flock_lock, one spinlock over all lists of locks (inode->flocks) and of waiters; allocation is done before,
 * freeing after. Who must wait sleeps on one of a few wait queues, chosen by inode, and looks again at every change.
 * A POSIX request that would close a circle of waiting owners is EDEADLK; OFD and flock locks are not looked at for
 * that, as on Linux.
 */
#include "kernel/fs/internal.h"
#include "kernel/fs/lockrange.h"
#include <linux/fs.h>

enum { KIND_RANGE, KIND_FLOCK }; /* POSIX and OFD locks stand in each other's way, flock's do not */
#define NR_QUEUES 16

struct file_lock {
	struct lock_range range; /* range.node: inode->flocks */
	struct list_head all;    /* /proc/locks */
	struct inode *inode;
	struct file *file;       /* OFD and flock: the owner */
	pid_t pid;               /* who set it; -1 for OFD */
};
struct waiter { struct list_head node; const void *owner, *blocker; };

static DEFINE_SPINLOCK(flock_lock);
static LIST_HEAD(all_locks);
static LIST_HEAD(waiters);
static struct kmem_cache *cache;
static struct wait_queue queues[NR_QUEUES];

static struct wait_queue *queue_of(const struct inode *i) { return &queues[(unsigned long)i >> 8 & (NR_QUEUES - 1)]; }
static struct file_lock *lock_of(struct lock_range *r) { return container_of(r, struct file_lock, range); }

/* --- setting -------------------------------------------------------------------------------------------------- */
struct request { struct lock_range range; struct inode *inode; struct file *file; pid_t pid; bool posix; };

static void free_lock(struct lock_range *r)
{
	if (r)
		kmem_cache_free(cache, lock_of(r));
}

static int alloc_spares(struct lock_range *spare[2])
{
	for (int n = 0; n < 2; n++) {
		struct file_lock *l = kmem_cache_alloc(cache, GFP_KERNEL);

		spare[n] = l ? &l->range : NULL;
	}
	if (spare[0] && spare[1])
		return 0;
	free_lock(spare[0]);
	free_lock(spare[1]);
	return -ENOMEM;
}

/* flock_lock held. What range_set has put in is dressed as a file_lock. */
static void adopt(struct request *q, struct lock_range *r)
{
	struct file_lock *l = lock_of(r);

	l->inode = q->inode;
	l->file = q->file;
	l->pid = q->pid;
	list_add_tail(&l->all, &all_locks);
}

/* flock_lock held. Nothing stands against it any more. */
static void apply(struct request *q, struct lock_range *spare[2], struct list_head *freed)
{
	struct lock_range *was[2] = { spare[0], spare[1] }, *r;

	range_set(&q->inode->flocks, &q->range, spare, freed);
	for (int n = 0; n < 2; n++)
		if (was[n] && !spare[n])
			adopt(q, was[n]);
	list_for_each_entry(r, freed, node)
		list_del(&lock_of(r)->all);
}

/* flock_lock held. Does the owner of `blocker`, through whoever it waits for, wait for us? */
static bool would_deadlock(const void *me, const void *blocker)
{
	for (unsigned hops = 0; hops < 1000; hops++) {
		struct waiter *w;
		const void *next = NULL;

		list_for_each_entry(w, &waiters, node)
			if (w->owner == blocker)
				next = w->blocker;
		if (!next)
			return false;
		if (next == me)
			return true;
		blocker = next;
	}
	return false;
}

/* => 0: set; -EAGAIN: another's lock is in the way, and w is enlisted if given; -EDEADLK */
static int try_set(struct request *q, struct lock_range *spare[2], struct list_head *freed, struct waiter *w)
{
	struct lock_range *other;
	int err = 0;

	spin_lock(&flock_lock);
	if (w && !list_empty(&w->node))
		list_del_init(&w->node);
	other = q->range.type == RANGE_UNLOCK ? NULL : range_conflict(&q->inode->flocks, &q->range);
	if (!other) {
		apply(q, spare, freed);
	} else {
		err = -EAGAIN;
		if (w && q->posix) {
			if (would_deadlock(q->range.owner, other->owner)) {
				err = -EDEADLK;
			} else {
				*w = (struct waiter){ .owner = q->range.owner, .blocker = other->owner };
				list_add(&w->node, &waiters);
			}
		}
	}
	spin_unlock(&flock_lock);
	return err;
}

static void free_all(struct list_head *freed)
{
	struct lock_range *r, *next;

	list_for_each_entry_safe(r, next, freed, node)
		free_lock(r);
}

static int set_lock(struct request *q, bool wait)
{
	struct wait_queue *wq = queue_of(q->inode);
	struct lock_range *spare[2];
	struct waiter w = { .owner = NULL };
	LIST_HEAD(freed);
	int err = alloc_spares(spare), got = -EAGAIN;

	if (err)
		return err;
	INIT_LIST_HEAD(&w.node);
	got = try_set(q, spare, &freed, wait ? &w : NULL);
	if (got == -EAGAIN && wait) {
		err = wait_event_interruptible(wq, (got = try_set(q, spare, &freed, &w)) != -EAGAIN);
		if (!list_empty(&w.node)) {
			spin_lock(&flock_lock);
			list_del(&w.node);
			spin_unlock(&flock_lock);
		}
	}
	free_lock(spare[0]);
	free_lock(spare[1]);
	if (!got && (q->range.type != RANGE_WRITE || !list_empty(&freed)))
		wake_up_all(wq); /* something was given up, or made weaker */
	free_all(&freed);
	return err ? err : got;
}

/* --- fcntl ------------------------------------------------------------------------------------------------------- */
static int read_user_flock(struct flock64 *k, unsigned long arg, bool large)
{
	struct flock small;

	if (large)
		return copy_from_user(k, (void __user *)arg, sizeof(*k)) ? -EFAULT : 0;
	if (copy_from_user(&small, (void __user *)arg, sizeof(small)))
		return -EFAULT;
	*k = (struct flock64){ small.l_type, small.l_whence, small.l_start, small.l_len, small.l_pid };
	return 0;
}
static int write_user_flock(const struct flock64 *k, unsigned long arg, bool large)
{
	struct flock small = { k->l_type, k->l_whence, (long)k->l_start, (long)k->l_len, k->l_pid };

	if (large)
		return copy_to_user((void __user *)arg, k, sizeof(*k)) ? -EFAULT : 0;
	if (k->l_start > MAX_NON_LFS || k->l_len > MAX_NON_LFS)
		return -EOVERFLOW;
	return copy_to_user((void __user *)arg, &small, sizeof(small)) ? -EFAULT : 0;
}

static int make_request(struct request *q, struct file *f, const struct flock64 *k, bool ofd)
{
	loff_t base = 0;

	if (k->l_type != F_RDLCK && k->l_type != F_WRLCK && k->l_type != F_UNLCK)
		return -EINVAL;
	if (k->l_whence == SEEK_CUR)
		base = f->pos;
	else if (k->l_whence == SEEK_END)
		base = inode_size(f->inode);
	else if (k->l_whence != SEEK_SET)
		return -EINVAL;
	*q = (struct request){ .inode = f->inode, .file = ofd ? f : NULL, .pid = ofd ? -1 : current->group->tgid, .posix = !ofd };
	q->range.kind = KIND_RANGE;
	q->range.type = k->l_type;
	q->range.owner = ofd ? (void *)f : (void *)current->files;
	return range_from_user(base, k->l_start, k->l_len, &q->range);
}

static void get_lock(struct request *q, struct flock64 *k)
{
	struct lock_range *r;

	spin_lock(&flock_lock);
	r = range_conflict(&q->inode->flocks, &q->range);
	if (!r) {
		k->l_type = F_UNLCK;
	} else {
		k->l_type = r->type;
		k->l_whence = SEEK_SET;
		k->l_start = r->start;
		k->l_len = r->end == RANGE_MAX ? 0 : r->end - r->start + 1;
		k->l_pid = lock_of(r)->pid;
	}
	spin_unlock(&flock_lock);
}

/* The descriptor may have been closed by another thread while we waited: then nobody would take the lock off. */
static int still_open(unsigned fd, struct file *f, struct request *q)
{
	struct fdref r = fdget(fd);
	bool same = r.file == f;

	fdput(r);
	if (same)
		return 0;
	q->range.type = RANGE_UNLOCK;
	set_lock(q, false);
	return -EBADF;
}

long fcntl_lock(struct file *f, unsigned fd, unsigned cmd, unsigned long arg, bool large)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	bool get = cmd == F_GETLK || cmd == F_GETLK64 || cmd == F_OFD_GETLK;
	bool wait = cmd == F_SETLKW || cmd == F_SETLKW64 || cmd == F_OFD_SETLKW;
	struct request q;
	struct flock64 k;
	int err = read_user_flock(&k, arg, large || ofd);

	if (!err && ofd && k.l_pid)
		return -EINVAL;
	if (!err && get && k.l_type == F_UNLCK)
		return -EINVAL;
	if (!err)
		err = make_request(&q, f, &k, ofd);
	if (err)
		return err;
	if (get) {
		get_lock(&q, &k);
		return write_user_flock(&k, arg, large || ofd);
	}
	if ((k.l_type == F_RDLCK && !(f->mode & FMODE_READ)) || (k.l_type == F_WRLCK && !(f->mode & FMODE_WRITE)))
		return -EBADF;
	err = set_lock(&q, wait);
	if (!err && !ofd && q.range.type != RANGE_UNLOCK && atomic_read(&current->files->count) > 1)
		err = still_open(fd, f, &q);
	return err;
}

/* --- flock --------------------------------------------------------------------------------------------------------- */
static long do_flock(struct file *f, int op)
{
	struct request q = { .inode = f->inode, .file = f, .pid = current->group->tgid };
	bool wait = !(op & LOCK_NB);
	long err;

	q.range = (struct lock_range){ .owner = f, .kind = KIND_FLOCK, .start = 0, .end = RANGE_MAX };
	switch (op & ~LOCK_NB) {
	case LOCK_SH: q.range.type = RANGE_READ; break;
	case LOCK_EX: q.range.type = RANGE_WRITE; break;
	case LOCK_UN: q.range.type = RANGE_UNLOCK; break;
	default: return -EINVAL;
	}
	if (q.range.type != RANGE_UNLOCK && !(f->mode & (FMODE_READ | FMODE_WRITE)))
		return -EBADF;
	err = set_lock(&q, false);
	if (err == -EAGAIN && wait) { /* a change of type gives the old lock up first */
		struct request drop = q;

		drop.range.type = RANGE_UNLOCK;
		set_lock(&drop, false);
		err = set_lock(&q, true);
	}
	return err;
}
SYSCALL(flock, unsigned fd, int op)
{
	struct fdref r = fdget(fd);
	long err = -EBADF;

	if (r.file) {
		err = do_flock(r.file, op);
		fdput(r);
	}
	return err;
}

/* --- closing -------------------------------------------------------------------------------------------------------- */
static void remove_all(struct inode *i, const void *owner)
{
	struct lock_range *r, *next;
	LIST_HEAD(freed);

	spin_lock(&flock_lock);
	list_for_each_entry_safe(r, next, &i->flocks, node)
		if (r->owner == owner) {
			list_move(&r->node, &freed);
			list_del(&lock_of(r)->all);
		}
	spin_unlock(&flock_lock);
	if (list_empty(&freed))
		return;
	free_all(&freed);
	wake_up_all(queue_of(i));
}
void locks_remove_posix(struct file *f, struct files *owner) { remove_all(f->inode, owner); }
void locks_remove_file(struct file *f) { remove_all(f->inode, f); }

/* --- /proc/locks ------------------------------------------------------------------------------------------------------- */
static void show_one(struct seq *s, unsigned n, const struct file_lock *l)
{
	const char *kind = l->range.kind == KIND_FLOCK ? "FLOCK " : l->pid < 0 ? "OFDLCK" : "POSIX ";
	u32 dev = l->inode->sb->dev;

	seq_printf(s, "%u: %s ADVISORY  %s %d %02x:%02x:%llu %lld ", n, kind, l->range.type == RANGE_WRITE ? "WRITE" : "READ ",
		   l->pid, MAJOR(dev), MINOR(dev), (unsigned long long)l->inode->ino, (long long)l->range.start);
	if (l->range.end == RANGE_MAX)
		seq_puts(s, "EOF\n");
	else
		seq_printf(s, "%lld\n", (long long)l->range.end);
}

void locks_show(struct seq *s)
{
	struct file_lock *l;
	unsigned n = 0;

	spin_lock(&flock_lock);
	list_for_each_entry(l, &all_locks, all)
		show_one(s, ++n, l);
	spin_unlock(&flock_lock);
}

void __init locks_init(void)
{
	cache = kmem_cache_create("file_lock", sizeof(struct file_lock), 4, SLAB_PANIC, NULL);
	for (unsigned n = 0; n < NR_QUEUES; n++)
		wait_queue_init(&queues[n]);
}
