/* SPDX-License-Identifier: MIT
 *
 * What travels beside the bytes (cmsg(3)): open files and credentials.
 *
 * Life of a struct rights: made of a sender's descriptors, with a reference to each file; in flight while in a message
 * (rights_take_off to rights_land), when it counts against the sender's RLIMIT_NOFILE and the sockets in it are known to
 * gc.c; then the receiver's, or dropped. Dropping closes files, which may be sockets with more rights in their queues:
 * what is dropped while this task is dropping already goes onto its list, so that a long chain needs no deep stack.
 */
#include "kernel/net/internal.h"
#include "kernel/sys/cred.h"

static DEFINE_SPINLOCK(burial_lock);
static LIST_HEAD(burials); /* burial_lock */
struct burial { struct list_head node, rights; struct task *task; };

/* --- dropping ------------------------------------------------------------------------------------------------------- */
static struct burial *my_burial(void)
{
	struct burial *b, *mine = NULL;

	spin_lock(&burial_lock);
	list_for_each_entry(b, &burials, node)
		if (b->task == current)
			mine = b;
	spin_unlock(&burial_lock);
	return mine; /* only this task ends it */
}

static void put_files(struct rights *r)
{
	for (u32 i = 0; i < r->count; i++)
		put_file(r->files[i]);
	kfree(r);
}

/* Close r (or none), what that sets free, and what nobody can reach any more. */
static void bury(struct rights *r)
{
	struct burial b = { .task = current };

	INIT_LIST_HEAD(&b.rights);
	if (r)
		list_add(&r->node, &b.rights);
	spin_lock(&burial_lock);
	list_add(&b.node, &burials);
	spin_unlock(&burial_lock);
	do {
		while (!list_empty(&b.rights)) {
			r = list_first_entry(&b.rights, struct rights, node);
			list_del(&r->node);
			put_files(r);
		}
		gc_find(&b.rights);
	} while (!list_empty(&b.rights));
	spin_lock(&burial_lock);
	list_del(&b.node);
	spin_unlock(&burial_lock);
}

void rights_drop(struct rights *r)
{
	struct burial *b;

	if (!r)
		return;
	b = my_burial();
	if (b)
		list_add_tail(&r->node, &b->rights);
	else
		bury(r);
}

void gc_run(void)
{
	if (unlikely(READ_ONCE(nr_flying)) && !my_burial())
		bury(NULL);
}

/* --- in flight --------------------------------------------------------------------------------------------------------- */
static bool too_many(const struct user *u)
{
	return (u32)atomic_read(&u->inflight) > rlimit(RLIMIT_NOFILE) && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

/* One step for each socket in it; gc_mutex held. */
static void count_sockets(struct rights *r, int step)
{
	for (u32 i = 0; i < r->count; i++) {
		struct sock *s = file_sock(r->files[i]);

		if (!s)
			continue;
		if (!s->inflight)
			list_add_tail(&s->flying, &all_flying);
		s->inflight += step;
		WRITE_ONCE(nr_flying, nr_flying + step);
		if (!s->inflight)
			list_del_init(&s->flying);
	}
}

int rights_take_off(struct rights *r)
{
	struct user *u = current_cred()->user;

	if (too_many(u))
		return -ETOOMANYREFS;
	atomic_inc(&u->refcount);
	atomic_add(r->count, &u->inflight);
	r->user = u;
	mutex_lock(&gc_mutex);
	count_sockets(r, 1);
	mutex_unlock(&gc_mutex);
	return 0;
}

void rights_land(struct rights *r)
{
	mutex_lock(&gc_mutex);
	count_sockets(r, -1);
	mutex_unlock(&gc_mutex);
	atomic_sub(r->count, &r->user->inflight);
	put_user_of(r->user);
	r->user = NULL;
}

/* For a reader that only looks: under gc_mutex, which must not find a file unreachable that is just being reached. */
struct rights *rights_dup(struct rights *r)
{
	struct rights *new = kmalloc(sizeof(*new) + r->count * sizeof(new->files[0]), GFP_KERNEL);

	if (!new)
		return NULL;
	new->count = r->count;
	new->user = NULL;
	mutex_lock(&gc_mutex);
	for (u32 i = 0; i < r->count; i++) {
		new->files[i] = r->files[i];
		get_file(new->files[i]);
	}
	mutex_unlock(&gc_mutex);
	return new;
}

/* --- sending ------------------------------------------------------------------------------------------------------------- */
/* fds: in the kernel. Adds to what an earlier header brought. */
static int import_rights(struct scm *scm, const int *fds, u32 n)
{
	u32 have = scm->rights ? scm->rights->count : 0;
	struct rights *r;

	if (n + have > SCM_MAX_FD)
		return -EINVAL;
	if (!n)
		return 0;
	r = krealloc(scm->rights, sizeof(*r) + (have + n) * sizeof(r->files[0]), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	scm->rights = r;
	r->count = have;
	for (u32 i = 0; i < n; i++) {
		struct file *f = fget(fds[i]);

		if (!f)
			return -EBADF;
		r->files[r->count++] = f;
	}
	return 0;
}

/* May current say that it is this one? */
static int import_cred(struct scm *scm, const struct ucred *u)
{
	const struct cred *c = current_cred();
	bool there;

	if (u->pid != current->group->tgid && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (u->uid != c->uid && u->uid != c->euid && u->uid != c->suid && !capable(CAP_SETUID))
		return -EPERM;
	if (u->gid != c->gid && u->gid != c->egid && u->gid != c->sgid && !capable(CAP_SETGID))
		return -EPERM;
	rcu_read_lock();
	there = find_task(u->pid);
	rcu_read_unlock();
	if (!there)
		return -ESRCH;
	scm->cred = *u;
	scm->has_cred = true;
	return 0;
}

static int import_one(struct scm *scm, const struct cmsghdr *h)
{
	const void *data = h + 1;
	u32 n = h->len - sizeof(*h);

	if (h->level != SOL_SOCKET)
		return 0;
	if (h->type == SCM_RIGHTS)
		return import_rights(scm, data, n / sizeof(int));
	if (h->type == SCM_CREDENTIALS)
		return n == sizeof(struct ucred) ? import_cred(scm, data) : -EINVAL;
	return -EINVAL;
}

int scm_import(struct scm *scm, const void __user *control, u32 len)
{
	char *buf;
	int err = 0;

	if (len < sizeof(struct cmsghdr))
		return 0;
	if (len > sysctl_optmem_max)
		return -ENOBUFS;
	buf = kvmalloc(len, GFP_KERNEL);
	if (!buf)
		return -ENOBUFS;
	if (copy_from_user(buf, control, len))
		err = -EFAULT;
	for (u32 at = 0; !err && len - at >= sizeof(struct cmsghdr);) {
		const struct cmsghdr *h = (const void *)(buf + at);

		err = h->len < sizeof(*h) || h->len > len - at ? -EINVAL : import_one(scm, h);
		at += min(CMSG_ALIGN(h->len), len - at);
	}
	kvfree(buf);
	return err;
}

/* --- receiving ------------------------------------------------------------------------------------------------------------- */
struct control { char __user *at; u32 left; u32 *flags; };

/* A header and its data, cut where the buffer ends. */
static int put_header(struct control *c, int type, const void *data, u32 len)
{
	struct cmsghdr h = { sizeof(h) + len, SOL_SOCKET, type };
	u32 space = CMSG_ALIGN(h.len);

	if (c->left < sizeof(h)) {
		*c->flags |= MSG_CTRUNC;
		return 0;
	}
	if (c->left < h.len) {
		*c->flags |= MSG_CTRUNC;
		h.len = c->left;
	}
	if (copy_to_user(c->at, &h, sizeof(h)) || (data && copy_to_user(c->at + sizeof(h), data, h.len - sizeof(h))))
		return -EFAULT;
	c->at += min(space, c->left);
	c->left -= min(space, c->left);
	return 0;
}

/* A descriptor for f, told at *to. => 0 or -errno, and no descriptor */
static int put_descriptor(struct file *f, int __user *to, int flags)
{
	int fd = fd_alloc(0, flags);

	if (fd < 0)
		return fd;
	if (put_user(fd, to)) {
		fd_cancel(fd);
		return -EFAULT;
	}
	get_file(f);
	fd_install(fd, f);
	return 0;
}

static int put_rights(struct control *c, struct rights *r, int fd_flags)
{
	int __user *to = (int __user *)(c->at + sizeof(struct cmsghdr));
	u32 room = c->left >= sizeof(struct cmsghdr) ? (c->left - sizeof(struct cmsghdr)) / sizeof(int) : 0, n = 0;

	while (n < min(room, r->count) && !put_descriptor(r->files[n], to + n, fd_flags))
		n++;
	if (n < r->count)
		*c->flags |= MSG_CTRUNC;
	return n ? put_header(c, SCM_RIGHTS, NULL, n * sizeof(int)) : 0;
}

int scm_export(struct scm *scm, struct user_msghdr *h, u32 *used, u32 in_flags, u32 *out_flags, bool want_cred)
{
	struct control c = { h->control, h->control ? h->controllen : 0, out_flags };
	struct ucred nobody = { 0, 65534, 65534 };
	int err = 0;

	if (want_cred)
		err = put_header(&c, SCM_CREDENTIALS, scm->has_cred ? &scm->cred : &nobody, sizeof(struct ucred));
	if (!err && scm->rights)
		err = put_rights(&c, scm->rights, in_flags & MSG_CMSG_CLOEXEC ? O_CLOEXEC : 0);
	*used = h->control ? h->controllen - c.left : 0;
	rights_drop(scm->rights);
	scm->rights = NULL;
	return err;
}
