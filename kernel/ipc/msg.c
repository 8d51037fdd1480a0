/* SPDX-License-Identifier: MIT
 *
 * System V message queues: messages with a type, in order, until they are received.
 *
 * A queue holds up to qbytes bytes and as many messages. Senders wait for room, receivers for a message that fits what they
 * ask for; each wake-up lets all of them look again. IPC_SET may take away the right to it: receivers find that at once, senders
 * when there is room, as in Linux.
 */
#include "kernel/ipc/internal.h"
#include <asm/msgbuf.h>
#include <linux/msg.h>

u32 sysctl_msgmax = MSGMAX, sysctl_msgmnb = MSGMNB, sysctl_msgmni = MSGMNI;

struct message { struct list_head node; long type; size_t size; char text[]; };
struct msg_queue {
	struct ipc_object o;
	struct list_head messages;     /* l: oldest first */
	unsigned long bytes, n, max;   /* l */
	s64 stime, rtime, ctime;       /* l: seconds */
	pid_t lspid, lrpid;            /* l */
	u32 settings;                  /* l: IPC_SETs so far */
	struct wait_queue senders, receivers;
};

static void free_queue(struct ipc_object *o);
static void fill_stat(const struct ipc_object *o, void *stat);
static struct ipc_kind msg_kind = {
	.max = &sysctl_msgmni, .free = free_queue, .fill_stat = fill_stat, .stat_bytes = sizeof(struct msqid64_ds), .stat_any = MSG_STAT_ANY,
};
static struct msg_queue *queue_of(struct ipc_object *o) { return container_of(o, struct msg_queue, o); }

static void free_queue(struct ipc_object *o)
{
	struct message *m, *next;

	list_for_each_entry_safe(m, next, &queue_of(o)->messages, node)
		kvfree(m);
}

/* --- making ------------------------------------------------------------------------------------------------------- */
static struct ipc_object *make_queue(const struct ipc_request *r, key_t key)
{
	struct msg_queue *q = ipc_new(sizeof(*q), key, r->flags);

	if (!q)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&q->messages);
	wait_queue_init(&q->senders);
	wait_queue_init(&q->receivers);
	q->max = sysctl_msgmnb;
	q->ctime = ipc_seconds();
	return &q->o;
}
static int queue_fits(const struct ipc_request *r, const struct ipc_object *o) { return 0; }

SYSCALL(msgget, key_t key, int flags)
{
	struct ipc_request r = { 0, flags, make_queue, queue_fits };

	return ipc_get(&msg_kind, key, &r);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */
static struct message *import(const long __user *buf, size_t size)
{
	struct message *m = kvmalloc(sizeof(*m) + size, GFP_KERNEL);

	if (!m)
		return ERR_PTR(-ENOMEM);
	m->size = size;
	if (!get_user(m->type, buf) && !copy_from_user(m->text, buf + 1, size)) {
		if (m->type > 0)
			return m;
		kvfree(m);
		return ERR_PTR(-EINVAL);
	}
	kvfree(m);
	return ERR_PTR(-EFAULT);
}

static bool has_room(const struct msg_queue *q, size_t size) { return q->bytes + size <= q->max && q->n + 1 <= q->max; }

/* => 0, -EAGAIN: full; -EIDRM, -EACCES */
static int try_send(struct msg_queue *q, struct message *m)
{
	int err;

	spin_lock(&q->o.lock);
	err = q->o.gone ? -EIDRM : ipc_permitted(&q->o, 0222) ?: has_room(q, m->size) ? 0 : -EAGAIN;
	if (!err) {
		list_add_tail(&m->node, &q->messages);
		q->bytes += m->size;
		q->n++;
		q->stime = ipc_seconds();
		q->lspid = current->group->tgid;
	}
	spin_unlock(&q->o.lock);
	if (!err)
		wake_up_all(&q->receivers);
	return err;
}

static int send(struct msg_queue *q, struct message *m, int flags)
{
	for (;;) {
		int err = try_send(q, m);

		if (err != -EAGAIN || flags & IPC_NOWAIT)
			return err;
		err = wait_event_interruptible(&q->senders, READ_ONCE(q->o.gone) || has_room(q, m->size));
		if (err)
			return -ERESTARTNOHAND;
	}
}

long do_msgsnd(int id, const void __user *buf, size_t size, int flags)
{
	struct ipc_object *o;
	struct message *m;
	long err;

	if (size > sysctl_msgmax || id < 0)
		return -EINVAL;
	m = import(buf, size);
	if (IS_ERR(m))
		return PTR_ERR(m);
	o = ipc_find(&msg_kind, id);
	err = IS_ERR(o) ? PTR_ERR(o) : send(queue_of(o), m, flags);
	if (err)
		kvfree(m);
	if (!IS_ERR(o))
		ipc_put(&msg_kind, o);
	return err;
}
SYSCALL(msgsnd, int id, const void __user *buf, size_t size, int flags) { return do_msgsnd(id, buf, size, flags); }

/* --- receiving ---------------------------------------------------------------------------------------------------- */
/* The one that a receiver asks for: by place (MSG_COPY), the first, the first of a type or not of it, the lowest type. */
static struct message *choose(const struct msg_queue *q, long type, int flags)
{
	struct message *m, *best = NULL;
	long place = 0, most = type == (-0x7fffffffL - 1) ? 0x7fffffffL : -type;

	list_for_each_entry(m, &q->messages, node) {
		if (flags & MSG_COPY ? place++ == type : !type || (type > 0 && (m->type == type) == !(flags & MSG_EXCEPT)))
			return m;
		if (!(flags & MSG_COPY) && type < 0 && m->type <= most && (!best || m->type < best->type))
			best = m;
	}
	return best;
}

static struct message *copy_of(const struct message *m)
{
	struct message *new = kmalloc(sizeof(*m) + m->size, GFP_NOWAIT | __GFP_NOWARN);

	if (!new)
		return ERR_PTR(-ENOMEM);
	memcpy(new, m, sizeof(*m) + m->size);
	return new;
}

/* => the message, out of the queue; ERR_PTR(-ENOMSG): there is none */
static struct message *try_receive(struct msg_queue *q, size_t size, long type, int flags)
{
	struct message *m = NULL;
	int err;

	spin_lock(&q->o.lock);
	err = q->o.gone ? -EIDRM : ipc_permitted(&q->o, 0444);
	if (!err)
		m = choose(q, type, flags);
	if (m && m->size > size && !(flags & MSG_NOERROR))
		err = -E2BIG;
	if (m && !err && flags & MSG_COPY) {
		m = copy_of(m);
	} else if (m && !err) {
		list_del(&m->node);
		q->bytes -= m->size;
		q->n--;
		q->rtime = ipc_seconds();
		q->lrpid = current->group->tgid;
	}
	spin_unlock(&q->o.lock);
	if (err)
		return ERR_PTR(err);
	if (m && !(flags & MSG_COPY))
		wake_up_all(&q->senders);
	return m ? m : ERR_PTR(-ENOMSG);
}

static bool look_again(struct msg_queue *q, long type, int flags, u32 settings)
{
	bool again;

	spin_lock(&q->o.lock);
	again = q->o.gone || q->settings != settings || choose(q, type, flags);
	spin_unlock(&q->o.lock);
	return again;
}

static struct message *receive(struct msg_queue *q, size_t size, long type, int flags)
{
	for (;;) {
		u32 settings = READ_ONCE(q->settings);
		struct message *m = try_receive(q, size, type, flags);

		if (!IS_ERR(m) || PTR_ERR(m) != -ENOMSG || flags & IPC_NOWAIT)
			return m;
		if (wait_event_interruptible(&q->receivers, look_again(q, type, flags, settings)))
			return ERR_PTR(-ERESTARTNOHAND);
	}
}

static long export(const struct message *m, long __user *buf, size_t size)
{
	size = min(size, m->size);
	if (put_user(m->type, buf) || copy_to_user(buf + 1, m->text, size))
		return -EFAULT;
	return (long)size;
}

long do_msgrcv(int id, void __user *buf, size_t size, long type, int flags)
{
	struct ipc_object *o;
	struct message *m;
	long ret;

	if (id < 0 || (long)size < 0)
		return -EINVAL;
	if (flags & MSG_COPY && (flags & MSG_EXCEPT || !(flags & IPC_NOWAIT)))
		return -EINVAL;
	o = ipc_find(&msg_kind, id);
	if (IS_ERR(o))
		return PTR_ERR(o);
	m = receive(queue_of(o), size, type, flags);
	ret = IS_ERR(m) ? PTR_ERR(m) : export(m, buf, size);
	if (!IS_ERR(m))
		kvfree(m);
	ipc_put(&msg_kind, o);
	return ret;
}
SYSCALL(msgrcv, int id, void __user *buf, size_t size, long type, int flags) { return do_msgrcv(id, buf, size, type, flags); }

/* --- msgctl ------------------------------------------------------------------------------------------------------- */
static void fill_stat(const struct ipc_object *o, void *stat)
{
	const struct msg_queue *q = container_of(o, struct msg_queue, o);
	struct msqid64_ds *ds = stat;

	ds->msg_stime = (unsigned long)q->stime;
	ds->msg_stime_high = (unsigned long)(q->stime >> 32);
	ds->msg_rtime = (unsigned long)q->rtime;
	ds->msg_rtime_high = (unsigned long)(q->rtime >> 32);
	ds->msg_ctime = (unsigned long)q->ctime;
	ds->msg_ctime_high = (unsigned long)(q->ctime >> 32);
	ds->msg_cbytes = q->bytes;
	ds->msg_qnum = q->n;
	ds->msg_qbytes = q->max;
	ds->msg_lspid = q->lspid;
	ds->msg_lrpid = q->lrpid;
}

static void add_queue(void *arg, struct ipc_object *o)
{
	struct msginfo *i = arg;

	i->msgpool++;
	i->msgmap += (int)queue_of(o)->n;
	i->msgtql += (int)queue_of(o)->bytes;
}

static long info(int cmd, void __user *buf)
{
	struct msginfo i = { .msgpool = MSGPOOL, .msgmap = MSGMAP, .msgtql = MSGTQL };

	if (cmd == MSG_INFO) {
		i.msgpool = i.msgmap = i.msgtql = 0;
		ipc_each(&msg_kind, add_queue, &i);
	}
	i.msgmax = (int)sysctl_msgmax;
	i.msgmnb = (int)sysctl_msgmnb;
	i.msgmni = (int)sysctl_msgmni;
	i.msgssz = MSGSSZ;
	i.msgseg = (unsigned short)MSGSEG;
	return copy_to_user(buf, &i, sizeof(i)) ? -EFAULT : ipc_last_index(&msg_kind);
}

static void remove(struct msg_queue *q)
{
	mutex_lock(&msg_kind.lock);
	spin_lock(&q->o.lock);
	if (!q->o.gone)
		ipc_remove_locked(&msg_kind, &q->o);
	spin_unlock(&q->o.lock);
	mutex_unlock(&msg_kind.lock);
	wake_up_all(&q->senders);
	wake_up_all(&q->receivers);
}

static long set(struct msg_queue *q, const struct msqid64_ds *ds)
{
	long err;

	if (ds->msg_qbytes > sysctl_msgmnb && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	spin_lock(&q->o.lock);
	err = ipc_perm_in(&q->o, &ds->msg_perm);
	if (!err) {
		q->max = ds->msg_qbytes;
		q->ctime = ipc_seconds();
		q->settings++;
	}
	spin_unlock(&q->o.lock);
	wake_up_all(&q->senders);
	wake_up_all(&q->receivers);
	return err;
}

static long change(int id, int cmd, void __user *buf)
{
	struct ipc_object *o;
	struct msqid64_ds ds;
	long err;

	if (cmd == IPC_SET && copy_from_user(&ds, buf, sizeof(ds)))
		return -EFAULT;
	o = ipc_find(&msg_kind, id);
	if (IS_ERR(o))
		return PTR_ERR(o);
	err = ipc_owner(o);
	if (!err && cmd == IPC_SET)
		err = set(queue_of(o), &ds);
	else if (!err)
		remove(queue_of(o));
	ipc_put(&msg_kind, o);
	return err;
}

long do_msgctl(int id, int cmd, void __user *buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO: case MSG_INFO:
		return info(cmd, buf);
	case IPC_STAT: case MSG_STAT: case MSG_STAT_ANY:
		return ipc_stat(&msg_kind, id, cmd, buf);
	case IPC_SET: case IPC_RMID:
		return change(id, cmd, buf);
	}
	return -EINVAL;
}
SYSCALL(msgctl, int id, int cmd, void __user *buf) { return do_msgctl(id, cmd, buf); }

/* --- /proc/sysvipc/msg ---------------------------------------------------------------------------------------------- */
static void show_one(void *arg, struct ipc_object *o)
{
	struct msg_queue *q = queue_of(o);

	seq_printf(arg, "%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10llu %10llu %10llu\n", o->key, o->id, o->mode, q->bytes, q->n,
		   q->lspid, q->lrpid, o->uid, o->gid, o->cuid, o->cgid, q->stime, q->rtime, q->ctime);
}

void sysvipc_msg_show(struct seq *s)
{
	seq_puts(s, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n");
	ipc_each(&msg_kind, show_one, s);
}

void __init msg_init(void) { mutex_init(&msg_kind.lock, "msg"); }
