/* SPDX-License-Identifier: MIT
 *
 * SOCK_DGRAM and SOCK_SEQPACKET: messages with borders. The latter goes over connections (connect.c) and only its peer
 * sends to it; a datagram goes to whomever its call or connect names.
 *
 * A receiver that is not our own peer's peer takes max_queued datagrams (net.unix.max_dgram_qlen) and one more; senders
 * wait for `room` then. Polling for it goes by full_list: the receiver's next read calls who found it full.
 */
#include "kernel/net/internal.h"

/* --- connect ------------------------------------------------------------------------------------------------------ */
static bool may_send(const struct sock *s, const struct sock *to)
{
	const struct sock *peer = READ_ONCE(to->peer);

	return !peer || peer == s;
}

/* Something has left the queue: there is room for those who waited. */
static void make_room(struct sock *s)
{
	struct sock *w, *n;

	if (!list_empty(&s->full_list)) {
		spin_lock(&s->lock);
		list_for_each_entry_safe(w, n, &s->full_list, full_node) {
			list_del_init(&w->full_node);
			wake_up_poll(&w->wr, EPOLLOUT | EPOLLWRNORM);
		}
		spin_unlock(&s->lock);
	}
	wake_up_all(&s->room);
}

/* s's peer becomes `to`, whose reference is eaten. Under the old one's lock as well, on whose full_list s may stand: it stands
 * on no other, ever. => the old one, whose reference is the caller's */
static struct sock *change_peer(struct sock *s, struct sock *to)
{
	struct sock *old;

	for (;;) {
		old = sock_peer(s);
		lock_two(s, old);
		if (s->peer == old)
			break;
		unlock_two(s, old);
		sock_put(old);
	}
	if (old)
		list_del_init(&s->full_node);
	s->peer = to;
	s->state = to ? SOCK_CONNECTED : SOCK_IDLE;
	unlock_two(s, old);
	sock_put(old); /* sock_peer's */
	return old;
}

/* s, which was somebody's peer, is so no more: what that one sent is forgotten. */
static void part(struct sock *s, struct sock *old)
{
	LIST_HEAD(queue);

	if (!old)
		return;
	mutex_lock(&s->read_lock); /* somebody may be looking at the first one (MSG_PEEK) */
	spin_lock(&s->lock);
	list_splice_init(&s->queue, &queue);
	WRITE_ONCE(s->queued, 0);
	spin_unlock(&s->lock);
	mutex_unlock(&s->read_lock);
	make_room(s);
	messages_free(&queue);
	spin_lock(&old->lock);
	if (old->peer == s && old->state != SOCK_DEAD)
		WRITE_ONCE(old->err, ECONNRESET);
	spin_unlock(&old->lock);
	sock_put(old);
}

int dgram_connect(struct sock *s, const struct sockaddr_un *un, int len)
{
	struct sock *to = NULL, *old;
	int err;

	if (len < (int)sizeof(un->sun_family))
		return -EINVAL;
	if (un->sun_family != AF_UNSPEC) {
		to = name_find(un, len, s->type, &err);
		if (!to)
			return err;
	}
	if (to && !may_send(s, to)) {
		sock_put(to);
		return -EPERM;
	}
	old = change_peer(s, to);
	if (old == to)
		sock_put(old);
	else
		part(s, old);
	wake_up_poll(&s->wr, EPOLLOUT | EPOLLWRNORM); /* who waits for the old one's room waits for the wrong thing */
	return 0;
}

/* The peer we were connected to is dead. */
static void lose_peer(struct sock *s, struct sock *dead)
{
	spin_lock(&s->lock);
	if (s->peer != dead) {
		spin_unlock(&s->lock);
		return;
	}
	s->peer = NULL;
	s->state = SOCK_IDLE;
	spin_unlock(&s->lock);
	part(s, dead);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */
/* => 0; -EAGAIN: its queue is full; -ECONNREFUSED: it is dead; -errno */
static int try_deliver(struct sock *s, struct sock *to, struct message *m)
{
	int err = 0;

	spin_lock(&to->lock);
	if (!may_send(s, to) && s->type == SOCK_DGRAM)
		err = -EPERM;
	else if (to->state == SOCK_DEAD)
		err = s->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
	else if (to->shutdown & RCV_SHUT)
		err = -EPIPE;
	else if (to != s && to->peer != s && queue_full(to))
		err = -EAGAIN;
	if (!err) {
		list_add_tail(&m->node, &to->queue);
		WRITE_ONCE(to->queued, to->queued + 1);
	}
	spin_unlock(&to->lock);
	if (!err)
		wake_up_poll(&to->rd, EPOLLIN | EPOLLRDNORM);
	return err;
}

static int deliver(struct sock *s, struct sock *to, struct message *m, u64 left)
{
	for (;;) {
		int err = try_deliver(s, to, m);

		if (err != -EAGAIN || !left)
			return err;
		err = sock_wait(&to->room, !queue_full(to) || READ_ONCE(to->state) == SOCK_DEAD || READ_ONCE(to->shutdown) & RCV_SHUT, &left);
		if (err)
			return err;
	}
}

/* Where it goes: with reference. */
static struct sock *receiver(struct sock *s, struct transfer *t, int *err)
{
	struct sock *to;

	if (t->name_len && s->type == SOCK_DGRAM)
		return name_find(&t->name, t->name_len, s->type, err);
	to = sock_peer(s);
	*err = to ? 0 : -ENOTCONN;
	return to;
}

static struct message *make(struct sock *s, struct sock *to, struct transfer *t)
{
	struct message *m = message_make(s, t, t->data.count);

	if (IS_ERR(m))
		return m;
	message_sign(m, to);
	return m;
}

ssize_t dgram_send(struct sock *s, struct transfer *t)
{
	size_t n = t->data.count;
	struct message *m;
	struct sock *to;
	int err;

	if (t->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->type == SOCK_SEQPACKET && s->state != SOCK_CONNECTED)
		return -ENOTCONN;
	to = receiver(s, t, &err);
	if (!to)
		return err;
	err = s->pass_cred ? name_autobind(s) : 0;
	if (!err && (n > s->sndbuf - 32 || n > MESSAGE_PAGES * PAGE_SIZE))
		err = -EMSGSIZE;
	m = err ? ERR_PTR(err) : make(s, to, t);
	err = IS_ERR(m) ? PTR_ERR(m) : deliver(s, to, m, t->flags & MSG_DONTWAIT ? 0 : s->sndtimeo);
	if (err && !IS_ERR(m))
		message_free(m);
	if (err == -ECONNREFUSED)
		lose_peer(s, to);
	sock_put(to);
	return err ? err : (ssize_t)n;
}

/* --- receiving ------------------------------------------------------------------------------------------------------ */
static struct message *first(struct sock *s, bool peek)
{
	struct message *m;

	spin_lock(&s->lock);
	m = list_first_entry_or_null(&s->queue, struct message, node);
	if (m && !peek) {
		list_del(&m->node);
		WRITE_ONCE(s->queued, s->queued - 1);
	}
	spin_unlock(&s->lock);
	return m;
}

/* read_lock held; let go of while waiting. => the message; NULL: end of file; ERR_PTR */
static struct message *wait_for_message(struct sock *s, struct transfer *t)
{
	u64 left = t->flags & MSG_DONTWAIT ? 0 : s->rcvtimeo;

	for (;;) {
		int err = sock_error(s); /* told before what is there, unlike a stream's */
		struct message *m = err ? ERR_PTR(err) : first(s, t->flags & MSG_PEEK);

		if (m)
			return m;
		if (READ_ONCE(s->shutdown) & RCV_SHUT && (left || s->type == SOCK_SEQPACKET))
			return NULL;
		if (!left)
			return ERR_PTR(-EAGAIN);
		mutex_unlock(&s->read_lock);
		err = sock_wait(&s->rd, READ_ONCE(s->queued) || READ_ONCE(s->shutdown) & RCV_SHUT || READ_ONCE(s->err), &left);
		mutex_lock(&s->read_lock);
		if (err)
			return ERR_PTR(err);
	}
}

static ssize_t read_message(struct message *m, struct transfer *t)
{
	size_t n = min_t(size_t, m->len, t->data.count);
	int err;

	t->name_len = READ_ONCE(m->from->addr) ? name_copy(m->from, &t->name) : 0;
	if (n < m->len)
		t->out_flags |= MSG_TRUNC;
	if (message_read(m, 0, &t->data, n) < n)
		return -EFAULT;
	t->scm.has_cred = m->has_cred;
	t->scm.cred = m->cred;
	err = m->rights ? message_take_rights(m, t) : 0;
	if (err)
		return err;
	return t->flags & MSG_TRUNC ? m->len : n;
}

ssize_t dgram_receive(struct sock *s, struct transfer *t)
{
	struct message *m;
	ssize_t n;

	if (t->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->type == SOCK_SEQPACKET && s->state != SOCK_CONNECTED)
		return -ENOTCONN;
	mutex_lock(&s->read_lock);
	m = wait_for_message(s, t);
	n = IS_ERR_OR_NULL(m) ? PTR_ERR(m) : read_message(m, t);
	mutex_unlock(&s->read_lock);
	if (!IS_ERR_OR_NULL(m) && !(t->flags & MSG_PEEK)) {
		make_room(s);
		message_free(m);
	}
	return n;
}
