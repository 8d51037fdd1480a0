/* SPDX-License-Identifier: MIT
 *
 * System V semaphores: sets of counters; a call does all of its operations or none.
 *
 * Under the set's lock a call tries its operations one by one; if one cannot go on, those before it are taken back and the
 * call waits in the set's queue. Whoever changes a value tries the waiting calls again, oldest first, until none can go on, does
 * their operations for them and wakes them with the result: so a woken call has nothing more to do, and no wake-up is lost. Calls
 * that the last one to go on cannot have helped are not tried again: most often that is all of them.
 *
 * SEM_UNDO keeps, for each process and set, what the process's exit has to add (struct undo: in the process's list and in
 * the set's). It belongs to the process (its threads share it), not to a fork's child. A set that is removed frees its own.
 * Locks: undo_mutex (the processes' lists) > set->lock.
 */
#include "kernel/ipc/internal.h"
#include "kernel/sys/timespec.h"
#include <asm/sembuf.h>
#include <linux/sem.h>

u32 sysctl_sem[4] = { SEMMSL, SEMMNS, SEMOPM, SEMMNI };
enum { MAX_PER_SET, MAX_ALL, MAX_OPS };

struct sem { u16 value; pid_t pid; /* of the last operation */ };
struct undo {
	struct list_head of_process;   /* undo_mutex */
	struct list_head of_set;       /* set's lock */
	struct sem_set *set;           /* f: reference */
	s16 add[];                     /* set's lock */
};
struct sem_set {
	struct ipc_object o;
	u32 n;                         /* f */
	s64 otime, ctime;              /* l */
	struct list_head waiting;      /* l: calls, oldest first */
	struct list_head undos;        /* l */
	struct sem sem[];              /* l */
};
struct call { /* on the stack of semop */
	struct list_head node;
	struct task *task;
	const struct sembuf *ops;
	u32 n, blocked_at;             /* the operation that could not go on */
	struct undo *undo;
	pid_t pid;
	int result;                    /* WAITING, or what the call returns */
};
enum { WAITING = 1 };

static DEFINE_MUTEX(undo_mutex);
static void free_set(struct ipc_object *o);
static void fill_stat(const struct ipc_object *o, void *stat);
static struct ipc_kind sem_kind = {
	.max = &sysctl_sem[3], .free = free_set, .fill_stat = fill_stat, .stat_bytes = sizeof(struct semid64_ds), .stat_any = SEM_STAT_ANY,
};

static struct sem_set *set_of(struct ipc_object *o) { return container_of(o, struct sem_set, o); }
static void uncount(const struct sem_set *s) { atomic_sub((int)s->n, &sem_kind.total); }
/* One that was removed is counted no more since then, though an undo entry may have kept it until now. */
static void free_set(struct ipc_object *o)
{
	if (!o->gone)
		uncount(set_of(o));
}

/* --- making ------------------------------------------------------------------------------------------------------- */
static struct ipc_object *make_set(const struct ipc_request *r, key_t key)
{
	struct sem_set *s;

	if (!r->size)
		return ERR_PTR(-EINVAL);
	if ((u32)atomic_read(&sem_kind.total) + r->size > sysctl_sem[MAX_ALL])
		return ERR_PTR(-ENOSPC);
	s = ipc_new(sizeof(*s) + r->size * sizeof(s->sem[0]), key, r->flags);
	if (!s)
		return ERR_PTR(-ENOMEM);
	s->n = r->size;
	s->ctime = ipc_seconds();
	INIT_LIST_HEAD(&s->waiting);
	INIT_LIST_HEAD(&s->undos);
	atomic_add((int)s->n, &sem_kind.total);
	return &s->o;
}
static int set_fits(const struct ipc_request *r, const struct ipc_object *o)
{
	return r->size > container_of(o, struct sem_set, o)->n ? -EINVAL : 0;
}

SYSCALL(semget, key_t key, int n, int flags)
{
	struct ipc_request r = { n, flags, make_set, set_fits };

	if (n < 0 || (u32)n > sysctl_sem[MAX_PER_SET])
		return -EINVAL;
	return ipc_get(&sem_kind, key, &r);
}

/* --- operations: the set's lock held ---------------------------------------------------------------------------------- */
/* => 0, WAITING, -ERANGE */
static int do_one(struct sem *s, const struct sembuf *op, struct undo *u)
{
	int value = s->value + op->sem_op;

	if (!op->sem_op)
		return s->value ? WAITING : 0;
	if (value < 0)
		return WAITING;
	if (value > SEMVMX)
		return -ERANGE;
	if (op->sem_flg & SEM_UNDO) {
		int add = u->add[op->sem_num] - op->sem_op;

		if (add < -SEMAEM - 1 || add > SEMAEM)
			return -ERANGE;
		u->add[op->sem_num] = (s16)add;
	}
	s->value = (u16)value;
	return 0;
}
static void undo_one(struct sem *s, const struct sembuf *op, struct undo *u)
{
	s->value -= op->sem_op;
	if (op->sem_op && op->sem_flg & SEM_UNDO)
		u->add[op->sem_num] += op->sem_op;
}

/* All or nothing. => 0, WAITING (call->blocked_at), -ERANGE, -EAGAIN (IPC_NOWAIT) */
static int try(struct sem_set *set, struct call *c)
{
	int err = 0;
	u32 i;

	for (i = 0; i < c->n; i++) {
		err = do_one(&set->sem[c->ops[i].sem_num], &c->ops[i], c->undo);
		if (err)
			break;
	}
	if (!err) {
		for (i = 0; i < c->n; i++)
			set->sem[c->ops[i].sem_num].pid = c->pid;
		set->otime = ipc_seconds();
		return 0;
	}
	c->blocked_at = i;
	if (err == WAITING && c->ops[i].sem_flg & IPC_NOWAIT)
		err = -EAGAIN;
	while (i--)
		undo_one(&set->sem[c->ops[i].sem_num], &c->ops[i], c->undo);
	return err;
}

static void finish_call(struct call *c, int result)
{
	struct task *t = c->task;

	list_del_init(&c->node);
	get_task(t);
	smp_store_release(&c->result, result); /* c may be gone from here on */
	wake_up_process(t);
	put_task(t);
}

static bool changes(const struct sembuf *ops, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (ops[i].sem_op)
			return true;
	return false;
}

/* Calls before c were passed over and wait still; c has been done. May one of them go on now? Who only waits for a semaphore to grow cannot,
 * if c was a single operation: that one waited, so it made a value less. */
static bool helps_older(const struct call *c, bool picky_before)
{
	return changes(c->ops, c->n) && (c->n > 1 || picky_before);
}

/* Values have changed: who can go on now? Oldest first; from the start again only after one that may have helped those before it. */
static void go_on(struct sem_set *set)
{
	struct call *c, *next;
	bool again, picky;
	int r;

	do {
		again = picky = false;
		list_for_each_entry_safe(c, next, &set->waiting, node) {
			r = try(set, c);
			if (r == WAITING) {
				picky |= c->n > 1 || !c->ops[0].sem_op; /* waits for zero, or also for zero */
				continue;
			}
			again = !r && helps_older(c, picky);
			finish_call(c, r);
			if (again)
				break;
		}
	} while (again);
}

/* --- undo ------------------------------------------------------------------------------------------------------------- */
struct undo_list { struct list_head undos; };

/* undo_mutex held */
static void free_undo(struct undo *u)
{
	struct sem_set *set = u->set;

	list_del(&u->of_process);
	spin_lock(&set->o.lock);
	list_del(&u->of_set);
	spin_unlock(&set->o.lock);
	ipc_put(&sem_kind, &set->o);
	kvfree(u);
}

/* current's process's, made if need be. => undo_mutex held. ERR_PTR */
static struct undo *find_undo(struct sem_set *set)
{
	struct group *g = current->group;
	struct undo_list *l = g->sem_undo;
	struct undo *u, *next;

	if (!l) {
		l = kmalloc(sizeof(*l), GFP_KERNEL);
		if (!l)
			return ERR_PTR(-ENOMEM);
		INIT_LIST_HEAD(&l->undos);
		g->sem_undo = l;
	}
	list_for_each_entry_safe(u, next, &l->undos, of_process) {
		if (u->set == set)
			return u;
		if (READ_ONCE(u->set->o.gone))
			free_undo(u); /* whoever still has it will find the set gone */
	}
	u = kvzalloc(sizeof(*u) + set->n * sizeof(u->add[0]), GFP_KERNEL);
	if (!u)
		return ERR_PTR(-ENOMEM);
	u->set = set;
	list_add(&u->of_process, &l->undos);
	spin_lock(&set->o.lock);
	atomic_inc(&set->o.refcount);
	list_add(&u->of_set, &set->undos);
	spin_unlock(&set->o.lock);
	return u;
}

static void apply_undo(struct sem_set *set, const struct undo *u)
{
	for (u32 i = 0; i < set->n; i++) {
		if (!u->add[i])
			continue;
		set->sem[i].value = (u16)clamp(set->sem[i].value + u->add[i], 0, SEMVMX);
		set->sem[i].pid = current->group->tgid;
	}
	set->otime = ipc_seconds();
	go_on(set);
}

void sem_exit(struct group *g)
{
	struct undo_list *l = g->sem_undo;
	struct undo *u, *next;

	g->sem_undo = NULL;
	mutex_lock(&undo_mutex);
	list_for_each_entry_safe(u, next, &l->undos, of_process) {
		spin_lock(&u->set->o.lock);
		if (!u->set->o.gone)
			apply_undo(u->set, u);
		spin_unlock(&u->set->o.lock);
		free_undo(u);
	}
	mutex_unlock(&undo_mutex);
	kfree(l);
}

/* --- semop -------------------------------------------------------------------------------------------------------------- */
static int check(struct sem_set *set, const struct sembuf *ops, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (ops[i].sem_num >= set->n)
			return -EFBIG;
	return set->o.gone ? -EIDRM : ipc_permitted(&set->o, changes(ops, n) ? 0222 : 0444);
}

/* c is in the queue. => the result */
static int wait_for(struct sem_set *set, struct call *c, u64 timeout)
{
	u64 left = timeout;
	int result;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (smp_load_acquire(&c->result) != WAITING || signal_pending() || !left)
			break;
		left = schedule_timeout(left);
	}
	set_current_state(TASK_RUNNING);
	result = smp_load_acquire(&c->result);
	if (result != WAITING)
		return result;
	spin_lock(&set->o.lock);
	if (c->result == WAITING) {
		list_del(&c->node);
		c->result = signal_pending() ? -EINTR : -EAGAIN;
	}
	spin_unlock(&set->o.lock);
	return c->result;
}

static int run(struct sem_set *set, struct call *c, u64 timeout)
{
	int err;

	spin_lock(&set->o.lock);
	err = check(set, c->ops, c->n);
	if (!err)
		err = try(set, c);
	if (!err && changes(c->ops, c->n))
		go_on(set);
	if (err == WAITING)
		list_add_tail(&c->node, &set->waiting);
	spin_unlock(&set->o.lock);
	return err == WAITING ? wait_for(set, c, timeout) : err;
}

static bool wants_undo(const struct sembuf *ops, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (ops[i].sem_flg & SEM_UNDO)
			return true;
	return false;
}

static int semop_set(struct sem_set *set, const struct sembuf *ops, u32 n, u64 timeout)
{
	struct call c = { .task = current, .ops = ops, .n = n, .pid = current->group->tgid, .result = WAITING };

	for (u32 i = 0; i < n; i++) /* before an undo is made by its size */
		if (ops[i].sem_num >= set->n)
			return -EFBIG;
	if (wants_undo(ops, n)) {
		mutex_lock(&undo_mutex);
		c.undo = find_undo(set);
		mutex_unlock(&undo_mutex);
		if (IS_ERR(c.undo))
			return PTR_ERR(c.undo);
	}
	return run(set, &c, timeout);
}

long do_semop(int id, const void __user *uops, u32 n, u64 timeout)
{
	struct sembuf fast[16], *ops = fast;
	struct ipc_object *o;
	long err = 0;

	if (!n || id < 0)
		return -EINVAL;
	if (n > sysctl_sem[MAX_OPS])
		return -E2BIG;
	if (n > ARRAY_SIZE(fast))
		ops = kvmalloc(n * sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return -ENOMEM;
	if (copy_from_user(ops, uops, n * sizeof(*ops)))
		err = -EFAULT;
	o = err ? ERR_PTR(err) : ipc_find(&sem_kind, id);
	err = IS_ERR(o) ? PTR_ERR(o) : semop_set(set_of(o), ops, n, timeout);
	if (!IS_ERR(o))
		ipc_put(&sem_kind, o);
	if (ops != fast)
		kvfree(ops);
	return err;
}

SYSCALL(semtimedop_time64, int id, const void __user *ops, u32 n, const void __user *timeout)
{
	u64 ns = ~0ULL;
	int err = timeout ? get_timespec64_ns(&ns, timeout) : 0;

	return err ? err : do_semop(id, ops, n, ns);
}

/* --- semctl: telling ------------------------------------------------------------------------------------------------------ */
static void fill_stat(const struct ipc_object *o, void *stat)
{
	const struct sem_set *s = container_of(o, struct sem_set, o);
	struct semid64_ds *ds = stat;

	ds->sem_otime = (unsigned long)s->otime;
	ds->sem_otime_high = (unsigned long)(s->otime >> 32);
	ds->sem_ctime = (unsigned long)s->ctime;
	ds->sem_ctime_high = (unsigned long)(s->ctime >> 32);
	ds->sem_nsems = s->n;
}

static long info(int cmd, void __user *buf)
{
	struct seminfo i = { .semmni = (int)sysctl_sem[3], .semmns = (int)sysctl_sem[MAX_ALL], .semmsl = (int)sysctl_sem[MAX_PER_SET],
		.semopm = (int)sysctl_sem[MAX_OPS], .semvmx = SEMVMX, .semmnu = SEMMNU, .semmap = SEMMAP, .semume = SEMUME,
		.semusz = SEMUSZ, .semaem = SEMAEM };

	if (cmd == SEM_INFO) {
		i.semusz = (int)sem_kind.nr;
		i.semaem = atomic_read(&sem_kind.total);
	}
	return copy_to_user(buf, &i, sizeof(i)) ? -EFAULT : ipc_last_index(&sem_kind);
}

/* Calls that wait for it to grow, or (zero) to become zero. */
static int count_waiting(const struct sem_set *s, u32 num, bool zero)
{
	const struct call *c;
	int n = 0;

	list_for_each_entry(c, &s->waiting, node) {
		const struct sembuf *op = &c->ops[c->blocked_at];

		n += op->sem_num == num && (op->sem_op == 0) == zero;
	}
	return n;
}

static long get_one(const struct sem_set *s, u32 num, int cmd)
{
	switch (cmd) {
	case GETVAL: return s->sem[num].value;
	case GETPID: return s->sem[num].pid;
	case GETNCNT: return count_waiting(s, num, false);
	default: return count_waiting(s, num, true);
	}
}

/* --- semctl: changing ------------------------------------------------------------------------------------------------------- */
/* Set's lock held: what was to be undone for these is void. */
static void forget_undo(struct sem_set *s, u32 from, u32 n)
{
	struct undo *u;

	list_for_each_entry(u, &s->undos, of_set)
		memset(u->add + from, 0, n * sizeof(u->add[0]));
}

static long set_one(struct sem_set *s, u32 num, int value)
{
	if (value < 0 || value > SEMVMX)
		return -ERANGE;
	s->sem[num].value = (u16)value;
	s->sem[num].pid = current->group->tgid;
	s->ctime = ipc_seconds();
	forget_undo(s, num, 1);
	go_on(s);
	return 0;
}

static long set_all(struct sem_set *s, const u16 *values)
{
	for (u32 i = 0; i < s->n; i++)
		if (values[i] > SEMVMX)
			return -ERANGE;
	for (u32 i = 0; i < s->n; i++) {
		s->sem[i].value = values[i];
		s->sem[i].pid = current->group->tgid;
	}
	s->ctime = ipc_seconds();
	forget_undo(s, 0, s->n);
	go_on(s);
	return 0;
}

static long all_values(struct sem_set *s, int cmd, u16 __user *buf)
{
	u16 *values = kvmalloc(s->n * sizeof(*values), GFP_KERNEL);
	long err = 0;

	if (!values)
		return -ENOMEM;
	if (cmd == SETALL && copy_from_user(values, buf, s->n * sizeof(*values))) {
		kvfree(values);
		return -EFAULT;
	}
	spin_lock(&s->o.lock);
	err = s->o.gone ? -EIDRM : ipc_permitted(&s->o, cmd == SETALL ? 0222 : 0444);
	if (!err && cmd == SETALL)
		err = set_all(s, values);
	else if (!err)
		for (u32 i = 0; i < s->n; i++)
			values[i] = s->sem[i].value;
	spin_unlock(&s->o.lock);
	if (!err && cmd == GETALL && copy_to_user(buf, values, s->n * sizeof(*values)))
		err = -EFAULT;
	kvfree(values);
	return err;
}

static void remove(struct sem_set *s)
{
	struct call *c, *next;

	mutex_lock(&sem_kind.lock);
	spin_lock(&s->o.lock);
	if (!s->o.gone) {
		ipc_remove_locked(&sem_kind, &s->o);
		uncount(s);
		list_for_each_entry_safe(c, next, &s->waiting, node)
			finish_call(c, -EIDRM);
	}
	spin_unlock(&s->o.lock);
	mutex_unlock(&sem_kind.lock);
}

static long change(struct sem_set *s, int cmd, unsigned long arg)
{
	struct semid64_ds ds;
	long err;

	if (cmd == IPC_SET && copy_from_user(&ds, (void __user *)arg, sizeof(ds)))
		return -EFAULT;
	err = ipc_owner(&s->o);
	if (err)
		return err;
	if (cmd == IPC_RMID) {
		remove(s);
		return 0;
	}
	spin_lock(&s->o.lock);
	err = ipc_perm_in(&s->o, &ds.sem_perm);
	if (!err)
		s->ctime = ipc_seconds();
	spin_unlock(&s->o.lock);
	return err;
}

static long one_value(struct sem_set *s, int num, int cmd, int value)
{
	long ret;

	if (num < 0 || (u32)num >= s->n)
		return -EINVAL;
	spin_lock(&s->o.lock);
	ret = s->o.gone ? -EIDRM : ipc_permitted(&s->o, cmd == SETVAL ? 0222 : 0444);
	if (!ret)
		ret = cmd == SETVAL ? set_one(s, num, value) : get_one(s, num, cmd);
	spin_unlock(&s->o.lock);
	return ret;
}

long do_semctl(int id, int num, int cmd, unsigned long arg)
{
	struct ipc_object *o;
	long ret;

	if (id < 0)
		return -EINVAL;
	if (cmd == IPC_INFO || cmd == SEM_INFO)
		return info(cmd, (void __user *)arg);
	if (cmd == IPC_STAT || cmd == SEM_STAT || cmd == SEM_STAT_ANY)
		return ipc_stat(&sem_kind, id, cmd, (void __user *)arg);
	o = ipc_find(&sem_kind, id);
	if (IS_ERR(o))
		return PTR_ERR(o);
	switch (cmd) {
	case GETALL: case SETALL:
		ret = all_values(set_of(o), cmd, (u16 __user *)arg);
		break;
	case GETVAL: case GETPID: case GETNCNT: case GETZCNT: case SETVAL:
		ret = one_value(set_of(o), num, cmd, (int)arg);
		break;
	case IPC_RMID: case IPC_SET:
		ret = change(set_of(o), cmd, arg);
		break;
	default:
		ret = -EINVAL;
	}
	ipc_put(&sem_kind, o);
	return ret;
}
SYSCALL(semctl, int id, int num, int cmd, unsigned long arg) { return do_semctl(id, num, cmd, arg); }

/* --- /proc/sysvipc/sem ---------------------------------------------------------------------------------------------------------- */
static void show_one(void *arg, struct ipc_object *o)
{
	struct sem_set *s = set_of(o);

	seq_printf(arg, "%10d %10d  %4o %10u %5u %5u %5u %5u %10llu %10llu\n", o->key, o->id, o->mode, s->n, o->uid, o->gid, o->cuid, o->cgid,
		   s->otime, s->ctime);
}

void sysvipc_sem_show(struct seq *q)
{
	seq_puts(q, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
	ipc_each(&sem_kind, show_one, q);
}

void __init sem_init(void) { mutex_init(&sem_kind.lock, "sem"); }
