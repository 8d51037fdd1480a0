/* SPDX-License-Identifier: MIT
 *
 * Connections: listen, connect, accept, pairs, shutdown.
 *
 * connect makes the other end itself: an embryo, a socket without a file, married to the caller's and put into the
 * listener's queue; the caller may send at once. accept takes it from there and gives it a file. A listener that goes
 * takes its embryos along: their peers get ECONNRESET.
 * Locks: connect holds listener and caller (lock_two); the embryo is still its own.
 */
#include "kernel/net/internal.h"

static void note_current(struct sock *s) { sock_note_peer(s, current_cred(), current_leader()->pids); }

int sock_listen(struct sock *s, int backlog)
{
	int err = 0;

	if (!is_connected_type(s))
		return -EOPNOTSUPP;
	if (!READ_ONCE(s->addr))
		return -EINVAL;
	spin_lock(&s->lock);
	if (s->state != SOCK_IDLE && s->state != SOCK_LISTENING) {
		err = -EINVAL;
	} else {
		s->state = SOCK_LISTENING;
		WRITE_ONCE(s->max_queued, (u32)backlog > sysctl_somaxconn ? sysctl_somaxconn : (u32)backlog);
		note_current(s);
	}
	spin_unlock(&s->lock);
	if (!err)
		wake_up_all(&s->room);
	return err;
}

/* --- connect ------------------------------------------------------------------------------------------------------ */
/* s and e are each other's peer; e's lock is not needed yet. */
static void marry_embryo(struct sock *s, struct sock *e, struct sock *listener)
{
	e->embryo = true;
	e->state = s->state = SOCK_CONNECTED;
	e->peer = sock_get(s);
	s->peer = sock_get(e);
	note_current(e);
	sock_note_peer(s, listener->peer_cred, listener->peer_pid);
	if (listener->addr) {
		atomic_inc(&listener->addr->refcount);
		e->addr = listener->addr;
	}
	e->sndbuf = listener->sndbuf;
	e->rcvbuf = listener->rcvbuf;
}

/* => 0; -EAGAIN: the listener's queue is full; -errno */
static int try_connect(struct sock *s, struct sock *listener, struct sock *e)
{
	int err = 0;

	lock_two(listener, s);
	if (listener->state != SOCK_LISTENING || listener->shutdown & RCV_SHUT)
		err = -ECONNREFUSED;
	else if (queue_full(listener))
		err = -EAGAIN;
	else if (s->state != SOCK_IDLE)
		err = s->state == SOCK_CONNECTED ? -EISCONN : -EINVAL;
	if (!err) {
		marry_embryo(s, e, listener);
		list_add_tail(&e->node, &listener->queue);
		WRITE_ONCE(listener->queued, listener->queued + 1);
	}
	unlock_two(listener, s);
	if (!err)
		wake_up_poll(&listener->rd, EPOLLIN | EPOLLRDNORM);
	return err;
}

static int wait_for_backlog(struct sock *listener, u64 *left)
{
	if (!*left)
		return -EAGAIN;
	return sock_wait(&listener->room, !queue_full(listener) || READ_ONCE(listener->state) != SOCK_LISTENING ||
			 READ_ONCE(listener->shutdown) & RCV_SHUT, left);
}

static int stream_connect(struct sock *s, const struct sockaddr_un *un, int len, u32 flags)
{
	u64 left = flags & MSG_DONTWAIT ? 0 : s->sndtimeo;
	struct sock *listener, *e = sock_alloc(s->type);
	int err;

	if (!e)
		return -ENOMEM;
	for (;;) {
		listener = name_find(un, len, s->type, &err);
		if (!listener)
			break;
		err = try_connect(s, listener, e);
		if (err == -EAGAIN) {
			err = wait_for_backlog(listener, &left);
			if (!err) { /* who listens there now? */
				sock_put(listener);
				continue;
			}
		}
		sock_put(listener);
		break;
	}
	if (err)
		sock_release(e);
	return err;
}

int sock_connect(struct sock *s, const struct sockaddr_un *un, int len, u32 flags)
{
	int err = s->pass_cred && len != sizeof(un->sun_family) ? name_autobind(s) : 0;

	if (err)
		return err;
	return is_connected_type(s) ? stream_connect(s, un, len, flags) : dgram_connect(s, un, len);
}

/* --- accept --------------------------------------------------------------------------------------------------------- */
/* => an embryo, NULL: there is none; ERR_PTR */
static struct sock *take_embryo(struct sock *s)
{
	struct sock *e = NULL;

	spin_lock(&s->lock);
	if (s->state != SOCK_LISTENING) {
		e = ERR_PTR(-EINVAL);
	} else if (!list_empty(&s->queue)) {
		e = list_first_entry(&s->queue, struct sock, node);
		list_del_init(&e->node);
		WRITE_ONCE(s->queued, s->queued - 1);
	} else if (s->shutdown & RCV_SHUT) {
		e = ERR_PTR(-EINVAL);
	}
	spin_unlock(&s->lock);
	return e;
}

struct sock *sock_accept(struct sock *s, u32 flags)
{
	u64 left = flags & MSG_DONTWAIT ? 0 : s->rcvtimeo;
	struct sock *e;
	int err;

	if (!is_connected_type(s))
		return ERR_PTR(-EOPNOTSUPP);
	for (;;) {
		e = take_embryo(s);
		if (e)
			break;
		if (!left)
			return ERR_PTR(-EAGAIN);
		err = sock_wait(&s->rd, READ_ONCE(s->queued) || READ_ONCE(s->shutdown) & RCV_SHUT, &left);
		if (err)
			return ERR_PTR(err);
	}
	if (IS_ERR(e))
		return e;
	wake_up_all(&s->room);
	spin_lock(&e->lock);
	e->embryo = false;
	e->pass_cred = s->pass_cred;
	spin_unlock(&e->lock);
	return e;
}

/* --- pairs, shutdown -------------------------------------------------------------------------------------------------- */
void sock_marry(struct sock *a, struct sock *b)
{
	lock_two(a, b);
	a->peer = sock_get(b);
	b->peer = sock_get(a);
	note_current(a);
	note_current(b);
	a->state = b->state = SOCK_CONNECTED;
	unlock_two(a, b);
}

static void wake_shut(struct sock *s)
{
	wake_up_test(&s->rd, WAKE_NORMAL, 0, EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | (s->shutdown == BOTH_SHUT ? EPOLLHUP : 0));
	wake_up_test(&s->wr, WAKE_NORMAL, 0, EPOLLOUT | EPOLLWRNORM | (s->shutdown == BOTH_SHUT ? EPOLLHUP : 0));
	wake_up_all(&s->room);
}

int sock_shutdown(struct sock *s, int how)
{
	u8 bits = how + 1;
	struct sock *peer;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	spin_lock(&s->lock);
	WRITE_ONCE(s->shutdown, s->shutdown | bits);
	peer = s->peer && is_connected_type(s) ? sock_get(s->peer) : NULL;
	spin_unlock(&s->lock);
	wake_shut(s);
	if (peer) {
		bits = (bits & RCV_SHUT ? SND_SHUT : 0) | (bits & SND_SHUT ? RCV_SHUT : 0);
		spin_lock(&peer->lock);
		WRITE_ONCE(peer->shutdown, peer->shutdown | bits);
		spin_unlock(&peer->lock);
		wake_shut(peer);
		sock_put(peer);
	}
	return 0;
}
