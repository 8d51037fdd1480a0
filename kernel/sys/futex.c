/* SPDX-License-Identifier: MIT
 *
 * Futexes: sleep while a word of user memory has a value; wake those who sleep on it.
 *
 * A key says which word: (mm, address) for private memory, (address_space, offset) for memory shared through a file
 * or shared anonymous memory. Keys hash to buckets of waiters; a bucket's lock comes from the one facility of hashed
 * locks. A waiter reads the word and queues itself under that lock; a waker changes the word first, then looks: so
 * no wake-up is lost. A waiter's key holds no reference to a file: it may be unmapped meanwhile, and the worst that a
 * reused address can cause is a wake-up without cause.
 *
 * Locks: futex bucket (two in the order of the table for requeue) > run-queue lock. User memory is touched with faults
 * off under it; what is not there is faulted in outside and the operation starts over.
 * Not here: priority inheritance (ENOSYS).
 */
#include "kernel/sys/futex.h"

#include "arch/i386/uaccess.h"
#include "kernel/lib/syscall.h"
#include "kernel/sync/hashlock.h"
#include "kernel/sys/timespec.h"
#include "mm/virt/mm.h"
#include <linux/futex.h>
#include "kernel/sys/fork.h"

#define BUCKETS 256u
#define ROBUST_LIMIT 2048

struct futex_key { const void *base; u64 offset; };
struct waiter {
	struct list_head node;   /* bucket lock */
	struct futex_key key;    /* changed by requeue under both locks */
	u32 bucket, bitset;
	struct task *task;
	bool woken;              /* set under the lock; afterwards the waker does not touch this struct */
};

static struct list_head buckets[BUCKETS];
static DEFINE_HASH_CLASS(futex_locks, "futex", HASHLOCK_LEVEL_FUTEX, 0, 0);

/* --- keys --------------------------------------------------------------------------------------------------------------------- */

static int shared_key(unsigned long addr, struct futex_key *key)
{
	struct mm *mm = current->mm;
	struct vma *v;
	int err = -EFAULT;

	mmap_read_lock(mm, addr, addr + 4);
	v = find_vma(mm, addr);
	if (v && addr >= v->start) {
		struct address_space *m = vma_mapping(v);
		pgoff_t pgoff;

		err = v->flags & VM_SHARED && m && !vma_file_at(v, addr, &m, &pgoff) ? -EFAULT : 0;
		if (!err && v->flags & VM_SHARED && m)
			*key = (struct futex_key){ m, pgoff_pos(pgoff) | (addr & ~MMU_PAGE_MASK) };
	}
	mmap_read_unlock(mm, addr, addr + 4);
	return err;
}

static int get_key(u32 __user *uaddr, bool shared, struct futex_key *key)
{
	unsigned long addr = (unsigned long)uaddr;

	if (addr % sizeof(u32))
		return -EINVAL;
	if (!access_ok(uaddr, sizeof(u32)))
		return -EFAULT;
	*key = (struct futex_key){ current->mm, addr };
	return shared ? shared_key(addr, key) : 0;
}

static u32 bucket_of(const struct futex_key *k)
{
	u32 h = (u32)k->base * 0x9e3779b1u ^ (u32)(k->offset >> 2) * 0x85ebca6bu ^ (u32)(k->offset >> 32);

	return (h ^ h >> 15) % BUCKETS;
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->base == b->base && a->offset == b->offset;
}

/* --- waking ---------------------------------------------------------------------------------------------------------------------- */

/* => bucket lock held */
static void wake_waiter(struct waiter *w)
{
	struct task *t = w->task;

	list_del(&w->node);
	smp_store_release(&w->woken, true); /* w may be gone from here on; t is not: preemption is off */
	wake_up_state(t, TASK_INTERRUPTIBLE);
}

static int wake_bucket(u32 b, const struct futex_key *key, int nr, u32 bitset)
{
	struct waiter *w, *n;
	int woken = 0;

	list_for_each_entry_safe(w, n, &buckets[b], node) {
		if (!same_key(&w->key, key) || !(w->bitset & bitset))
			continue;
		wake_waiter(w);
		if (++woken >= nr)
			break;
	}
	return woken;
}

static long futex_wake(u32 __user *addr, bool shared, int nr, u32 bitset)
{
	struct futex_key key;
	int err = get_key(addr, shared, &key);
	u32 b;
	long woken = 0;

	if (!bitset)
		return -EINVAL;
	if (err)
		return err;
	b = bucket_of(&key);
	smp_mb(); /* the word was changed before; pairs with the waiter's lock */
	if (list_empty(&buckets[b]))
		return 0;
	hash_lock(&futex_locks, b);
	woken = wake_bucket(b, &key, nr, bitset);
	hash_unlock(&futex_locks, b);
	return woken;
}

int futex_wake_addr(u32 __user *addr, int nr)
{
	return futex_wake(addr, true, nr, FUTEX_BITSET_MATCH_ANY);
}

/* --- waiting --------------------------------------------------------------------------------------------------------------------- */

/* Queued and TASK_INTERRUPTIBLE if the word is `val`. => 0, -EAGAIN: it is not, -EFAULT */
static int queue_if_equal(struct waiter *w, u32 __user *addr, u32 val)
{
	u32 now;

	for (;;) {
		w->bucket = bucket_of(&w->key);
		hash_lock(&futex_locks, w->bucket);
		list_add_tail(&w->node, &buckets[w->bucket]); /* before the word is read: an empty bucket is not locked by wakers */
		smp_mb();
		if (!copy_from_user_nofault(&now, addr, sizeof(now))) {
			if (now == val) {
				set_current_state(TASK_INTERRUPTIBLE);
				hash_unlock(&futex_locks, w->bucket);
				return 0;
			}
			list_del(&w->node);
			hash_unlock(&futex_locks, w->bucket);
			return -EAGAIN;
		}
		list_del(&w->node);
		hash_unlock(&futex_locks, w->bucket);
		if (get_user(now, addr))
			return -EFAULT;
	}
}

/* => true: somebody woke it; false: it was still queued */
static bool unqueue(struct waiter *w)
{
	for (;;) {
		u32 b = READ_ONCE(w->bucket);

		if (smp_load_acquire(&w->woken))
			return true;
		hash_lock(&futex_locks, b);
		if (w->woken || b == w->bucket) {
			bool woken = w->woken;

			if (!woken)
				list_del(&w->node);
			hash_unlock(&futex_locks, b);
			return woken;
		}
		hash_unlock(&futex_locks, b); /* requeued meanwhile */
	}
}

static u64 ns_left(u64 expires, bool real)
{
	u64 now;

	if (expires == MAX_TIMEOUT)
		return MAX_TIMEOUT;
	now = real ? ktime_get_real() : ktime_get();
	return expires > now ? expires - now : 0;
}

/* expires: absolute, MAX_TIMEOUT: none. => 0, -EAGAIN, -ETIMEDOUT, -EINTR, -EFAULT */
static long wait_until(u32 __user *addr, bool shared, u32 val, u32 bitset, u64 expires, bool real)
{
	struct waiter w = { .task = current, .bitset = bitset };
	int err;
	u64 left;

	if (!bitset)
		return -EINVAL;
	err = get_key(addr, shared, &w.key);
	if (!err)
		err = queue_if_equal(&w, addr, val);
	if (err)
		return err;
	for (;;) {
		left = ns_left(expires, real);
		if (READ_ONCE(w.woken) || signal_pending() || !left)
			break;
		schedule_timeout(left);
		set_current_state(TASK_INTERRUPTIBLE);
	}
	set_current_state(TASK_RUNNING);
	if (unqueue(&w))
		return 0;
	return left ? -EINTR : -ETIMEDOUT;
}

static long restart_wait(struct task *t)
{
	u32 *a = t->restart.arg;
	long ret = wait_until((u32 __user *)a[0], a[3] & 1, a[1], a[2], t->restart.expires, a[3] & 2);

	return ret == -EINTR ? -ERESTART_RESTARTBLOCK : ret;
}

/* A time-out of FUTEX_WAIT counts from its start, also over a restart. */
static long futex_wait(u32 __user *addr, bool shared, u32 val, u32 bitset, u64 expires, bool real, bool absolute)
{
	long ret = wait_until(addr, shared, val, bitset, expires, real);

	if (ret != -EINTR)
		return ret;
	if (expires == MAX_TIMEOUT || absolute)
		return -ERESTARTSYS;
	current->restart.arg[0] = (u32)addr;
	current->restart.arg[1] = val;
	current->restart.arg[2] = bitset;
	current->restart.arg[3] = (shared ? 1 : 0) | (real ? 2 : 0);
	current->restart.expires = expires;
	current->restart.fn = restart_wait;
	return -ERESTART_RESTARTBLOCK;
}

/* --- two words ----------------------------------------------------------------------------------------------------------------- */

struct two { struct futex_key key[2]; u32 bucket[2]; };

static int get_two(struct two *t, u32 __user *a, u32 __user *b, bool shared)
{
	int err = get_key(a, shared, &t->key[0]);

	if (!err)
		err = get_key(b, shared, &t->key[1]);
	t->bucket[0] = bucket_of(&t->key[0]);
	t->bucket[1] = bucket_of(&t->key[1]);
	return err;
}

static long requeue_locked(struct two *t, int wake, int requeue)
{
	struct waiter *w, *n;
	long done = 0;

	list_for_each_entry_safe(w, n, &buckets[t->bucket[0]], node) {
		if (!same_key(&w->key, &t->key[0]))
			continue;
		if (done < wake) {
			wake_waiter(w);
		} else {
			if (t->bucket[0] != t->bucket[1]) /* else they would come again at the tail: for ever, if both words are one */
				list_move_tail(&w->node, &buckets[t->bucket[1]]);
			w->key = t->key[1];
			WRITE_ONCE(w->bucket, t->bucket[1]);
		}
		if (++done - wake >= requeue)
			break;
	}
	return done;
}

/* cmp: only while *a is val. => woken + requeued */
static long futex_requeue(u32 __user *a, bool shared, int wake, int requeue, u32 __user *b, bool cmp, u32 val)
{
	struct two t;
	u32 now = val;
	long ret;
	int err;

	if (wake < 0 || requeue < 0)
		return -EINVAL;
	err = get_two(&t, a, b, shared);
	if (err)
		return err;
	for (;;) {
		hash_lock_two(&futex_locks, t.bucket[0], t.bucket[1]);
		if (!cmp || !copy_from_user_nofault(&now, a, sizeof(now)))
			break;
		hash_unlock_two(&futex_locks, t.bucket[0], t.bucket[1]);
		if (get_user(now, a))
			return -EFAULT;
	}
	ret = now != val ? -EAGAIN : wake | requeue ? requeue_locked(&t, wake, requeue) : 0;
	hash_unlock_two(&futex_locks, t.bucket[0], t.bucket[1]);
	return ret;
}

static int op_result(u32 op, u32 old, u32 *new)
{
	int arg = (s32)(op << 8) >> 20;

	if (op >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1 << (arg & 31);
	switch (op >> 28 & 7) {
	case FUTEX_OP_SET: *new = arg; return 0;
	case FUTEX_OP_ADD: *new = old + arg; return 0;
	case FUTEX_OP_OR: *new = old | arg; return 0;
	case FUTEX_OP_ANDN: *new = old & ~arg; return 0;
	case FUTEX_OP_XOR: *new = old ^ arg; return 0;
	default: return -ENOSYS;
	}
}

static int op_compare(u32 op, s32 old)
{
	s32 arg = (s32)(op << 20) >> 20;

	switch (op >> 24 & 15) {
	case FUTEX_OP_CMP_EQ: return old == arg;
	case FUTEX_OP_CMP_NE: return old != arg;
	case FUTEX_OP_CMP_LT: return old < arg;
	case FUTEX_OP_CMP_LE: return old <= arg;
	case FUTEX_OP_CMP_GT: return old > arg;
	case FUTEX_OP_CMP_GE: return old >= arg;
	default: return -ENOSYS;
	}
}

/* *b = op(*b) in one step, faults off. => 0 with *old, -EFAULT: fault it in, -ENOSYS */
static int change_word(u32 __user *b, u32 op, u32 *old)
{
	u32 seen, new;
	int err;

	if (copy_from_user_nofault(old, b, sizeof(*old)))
		return -EFAULT;
	for (;;) {
		err = op_result(op, *old, &new);
		if (!err)
			err = user_cmpxchg(&seen, b, *old, new);
		if (err || seen == *old)
			return err;
		*old = seen;
	}
}

/* Makes the page of b writable for change_word. */
static int fault_in_word(u32 __user *b)
{
	u32 v, seen;

	if (get_user(v, b))
		return -EFAULT;
	return user_cmpxchg(&seen, b, v, v);
}

static long futex_wake_op(u32 __user *a, bool shared, int nr, int nr2, u32 __user *b, u32 op)
{
	struct two t;
	u32 old;
	long woken;
	int err = get_two(&t, a, b, shared);

	if (err)
		return err;
	for (;;) {
		hash_lock_two(&futex_locks, t.bucket[0], t.bucket[1]);
		pagefault_disable();
		err = change_word(b, op, &old);
		pagefault_enable();
		if (!err)
			break;
		hash_unlock_two(&futex_locks, t.bucket[0], t.bucket[1]);
		if (err != -EFAULT || (err = fault_in_word(b)))
			return err;
	}
	woken = wake_bucket(t.bucket[0], &t.key[0], nr, FUTEX_BITSET_MATCH_ANY);
	err = op_compare(op, old);
	if (err > 0)
		woken += wake_bucket(t.bucket[1], &t.key[1], nr2, FUTEX_BITSET_MATCH_ANY);
	hash_unlock_two(&futex_locks, t.bucket[0], t.bucket[1]);
	return err < 0 ? err : woken;
}

/* --- the calls ------------------------------------------------------------------------------------------------------------------- */

static long do_futex(u32 __user *a, u32 op, u32 val, u64 timeout, u32 val2, u32 __user *b, u32 val3)
{
	bool shared = !(op & FUTEX_PRIVATE_FLAG), real = op & FUTEX_CLOCK_REALTIME;
	u32 cmd = op & FUTEX_CMD_MASK;

	if (real && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT:
		return futex_wait(a, shared, val, FUTEX_BITSET_MATCH_ANY, timeout, real, false);
	case FUTEX_WAIT_BITSET:
		return futex_wait(a, shared, val, val3, timeout, real, true);
	case FUTEX_WAKE:
		return futex_wake(a, shared, val, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(a, shared, val, val3);
	case FUTEX_REQUEUE:
		return futex_requeue(a, shared, val, val2, b, false, 0);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(a, shared, val, val2, b, true, val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(a, shared, val, val2, b, val3);
	default:
		return -ENOSYS; /* FUTEX_FD and priority inheritance */
	}
}

static bool takes_timeout(u32 op)
{
	return (op & FUTEX_CMD_MASK) == FUTEX_WAIT || (op & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
}

/* The fourth argument: a time, or a number. Relative times (FUTEX_WAIT) become absolute. */
static long futex_any(u32 __user *a, u32 op, u32 val, const void __user *utime, u32 __user *b, u32 val3, bool time64)
{
	u64 timeout = MAX_TIMEOUT;
	int err;

	if (takes_timeout(op) && utime) {
		err = get_timespec_ns(&timeout, utime, time64);
		if (err)
			return err;
		if ((op & FUTEX_CMD_MASK) == FUTEX_WAIT)
			timeout += op & FUTEX_CLOCK_REALTIME ? ktime_get_real() : ktime_get();
	}
	return do_futex(a, op, val, timeout, (u32)utime, b, val3);
}

SYSCALL(futex, u32 __user *a, u32 op, u32 val, const void __user *utime, u32 __user *b, u32 val3)
{
	return futex_any(a, op, val, utime, b, val3, false);
}

SYSCALL(futex_time64, u32 __user *a, u32 op, u32 val, const void __user *utime, u32 __user *b, u32 val3)
{
	return futex_any(a, op, val, utime, b, val3, true);
}

/* --- robust lists: locks whose holder dies --------------------------------------------------------------------------------------- */

struct robust_head { u32 next; s32 offset; u32 pending; };

SYSCALL(set_robust_list, u32 head, size_t size)
{
	if (size != sizeof(struct robust_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

SYSCALL(get_robust_list, pid_t pid, u32 __user *head, u32 __user *size)
{
	struct task *t;
	u32 list = 0;
	int err = 0;

	rcu_read_lock();
	t = pid ? find_task(pid) : current;
	if (!t)
		err = -ESRCH;
	else if (t->group != current->group && t->cred->uid != current->cred->euid && !capable(19 /* CAP_SYS_PTRACE */))
		err = -EPERM;
	else
		list = t->robust_list;
	rcu_read_unlock();
	if (!err && (put_user(list, head) || put_user((u32)sizeof(struct robust_head), size)))
		err = -EFAULT;
	return err;
}

/* The dying task held this lock, or was about to: mark it, wake one who waits for it. */
static int owner_died(u32 __user *word, bool pi, bool pending)
{
	u32 v, seen, new;

	if ((unsigned long)word % sizeof(u32) || get_user(v, word))
		return -EFAULT;
	if (pending && !pi && !v)
		futex_wake_addr(word, 1); /* died between unlocking and waking */
	while ((v & FUTEX_TID_MASK) == (u32)current->pid) {
		new = (v & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (user_cmpxchg(&seen, word, v, new))
			return -EFAULT;
		if (seen == v) {
			if (!pi && v & FUTEX_WAITERS)
				futex_wake_addr(word, 1);
			break;
		}
		v = seen;
	}
	return 0;
}

/* Entries are addresses whose lowest bit marks a PI lock. The list is the program's: it may be garbage or a ring. */
void exit_robust_list(struct task *t)
{
	struct robust_head h;
	u32 head = t->robust_list, entry, next;

	t->robust_list = 0;
	if (copy_from_user(&h, (void __user *)head, sizeof(h)))
		return;
	entry = h.next;
	for (int i = 0; i < ROBUST_LIMIT && (entry & ~1u) != head; i++) {
		if (get_user(next, (u32 __user *)(entry & ~1u)))
			next = head;
		if (entry != h.pending && owner_died((u32 __user *)((entry & ~1u) + h.offset), entry & 1, false))
			return;
		entry = next;
		cond_resched();
	}
	if (h.pending)
		(void)owner_died((u32 __user *)((h.pending & ~1u) + h.offset), h.pending & 1, true);
}

void __init futex_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		INIT_LIST_HEAD(&buckets[i]);
	hash_class_register(&futex_locks);
}
