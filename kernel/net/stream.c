/* SPDX-License-Identifier: MIT
 *
 * SOCK_STREAM: bytes in order, without borders, in both directions.
 *
 * A send becomes one or more messages in the peer's queue; a reader takes as many as its buffer holds, and the rest of
 * the last one stays. Descriptors go with the first byte of their send, and a read ends behind them; so does one that
 * tells credentials where the sender changes. Readers take turns by read_lock and let go of it while they wait.
 */
#include "kernel/net/internal.h"

#define PIECE_BYTES 32768U

/* --- sending ------------------------------------------------------------------------------------------------------ */
static int deliver(struct sock *peer, struct message *m)
{
	spin_lock(&peer->lock);
	if (unlikely(peer->shutdown & RCV_SHUT)) { /* a dead one's is too */
		spin_unlock(&peer->lock);
		return -EPIPE;
	}
	list_add_tail(&m->node, &peer->queue);
	WRITE_ONCE(peer->queued, peer->queued + 1);
	spin_unlock(&peer->lock);
	wake_up_poll(&peer->rd, EPOLLIN | EPOLLRDNORM);
	return 0;
}

static ssize_t send_piece(struct sock *s, struct sock *peer, struct transfer *t)
{
	size_t n = min_t(size_t, t->data.count, min(PIECE_BYTES, (s->sndbuf >> 1) - 64));
	struct message *m = message_make(s, t, n);
	int err;

	if (IS_ERR(m))
		return PTR_ERR(m);
	message_sign(m, peer);
	err = deliver(peer, m);
	if (err) {
		message_free(m);
		return err;
	}
	return n;
}

ssize_t stream_send(struct sock *s, struct transfer *t)
{
	struct sock *peer = READ_ONCE(s->peer); /* until we go ourselves */
	ssize_t sent = 0, n = 0;

	if (t->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (t->name_len)
		return s->state == SOCK_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!peer)
		return -ENOTCONN;
	if (READ_ONCE(s->shutdown) & SND_SHUT)
		return -EPIPE;
	while (t->data.count) {
		n = send_piece(s, peer, t);
		if (n < 0)
			break;
		sent += n;
	}
	return sent ? sent : n;
}

/* --- receiving ------------------------------------------------------------------------------------------------------ */
static struct message *first(struct sock *s)
{
	struct message *m;

	spin_lock(&s->lock);
	m = list_first_entry_or_null(&s->queue, struct message, node);
	spin_unlock(&s->lock);
	return m;
}
/* read_lock held: what is in the queue stays there; only its end moves. */
static struct message *next(struct sock *s, struct message *m)
{
	struct message *n;

	spin_lock(&s->lock);
	n = list_is_last(&m->node, &s->queue) ? NULL : list_next_entry(m, node);
	spin_unlock(&s->lock);
	return n;
}

static bool same_sender(const struct message *m, const struct scm *scm)
{
	return m->has_cred == scm->has_cred && !memcmp(&m->cred, &scm->cred, sizeof(m->cred));
}

/* The first message of a call says who it comes from; a later one may not be joined to it: false. */
static bool may_join(struct sock *s, struct message *m, struct transfer *t, bool is_first)
{
	if (is_first) {
		t->name_len = READ_ONCE(m->from->addr) ? name_copy(m->from, &t->name) : 0;
		if (s->pass_cred) {
			t->scm.has_cred = m->has_cred;
			t->scm.cred = m->cred;
		}
		return true;
	}
	return !s->pass_cred || same_sender(m, &t->scm);
}

static void consume(struct sock *s, struct message *m, size_t n)
{
	WRITE_ONCE(m->off, m->off + n);
	if (m->off < m->len)
		return;
	spin_lock(&s->lock);
	list_del(&m->node);
	WRITE_ONCE(s->queued, s->queued - 1);
	spin_unlock(&s->lock);
	message_free(m);
}

/* What there is. => bytes, 0: nothing there; -errno. *more: one could go on if more came. */
static ssize_t take(struct sock *s, struct transfer *t, ssize_t before, bool *more)
{
	struct message *m = first(s);
	ssize_t total = 0;

	*more = true;
	while (m && t->data.count) {
		size_t n = min_t(size_t, m->len - m->off, t->data.count), done;
		bool rights = m->rights;

		*more = false;
		if (!may_join(s, m, t, !before && !total) || (rights && t->scm.rights))
			return total;
		done = message_read(m, m->off, &t->data, n);
		if (!done)
			return total ? total : -EFAULT;
		total += done;
		if (rights && message_take_rights(m, t))
			return -ENOMEM;
		if (t->flags & MSG_PEEK) {
			m = next(s, m);
		} else {
			consume(s, m, done);
			m = first(s);
		}
		if (done < n || rights)
			return total;
		*more = !(t->flags & MSG_PEEK);
	}
	return total;
}

/* Nothing is there: => 0 to end the call with what it has (or end of file), 1 to look again, -errno. read_lock is let go. */
static int wait_for_data(struct sock *s, struct transfer *t, u64 *left)
{
	int err = sock_error(s);

	mutex_unlock(&s->read_lock);
	if (!err && READ_ONCE(s->shutdown) & RCV_SHUT)
		err = READ_ONCE(s->queued) ? 1 : 0; /* came just before the end */
	else if (!err)
		err = !*left ? -EAGAIN : sock_wait(&s->rd, READ_ONCE(s->queued) || READ_ONCE(s->shutdown) & RCV_SHUT || READ_ONCE(s->err), left) ?: 1;
	mutex_lock(&s->read_lock);
	return err;
}

ssize_t stream_receive(struct sock *s, struct transfer *t)
{
	u64 left = t->flags & MSG_DONTWAIT ? 0 : s->rcvtimeo;
	size_t want = t->flags & MSG_WAITALL ? t->data.count : min_t(size_t, max(s->lowat, 1U), t->data.count);
	ssize_t total = 0, n = 0;
	bool more = true;

	if (s->state != SOCK_CONNECTED)
		return -EINVAL;
	if (t->flags & MSG_OOB)
		return -EOPNOTSUPP;
	mutex_lock(&s->read_lock);
	while (more) {
		n = take(s, t, total, &more);
		if (n < 0)
			break;
		total += n;
		if (!t->data.count || (size_t)total >= want || !more)
			break;
		n = wait_for_data(s, t, &left);
		if (n <= 0)
			break;
	}
	mutex_unlock(&s->read_lock);
	return total ? total : min_t(ssize_t, n, 0);
}
