/* SPDX-License-Identifier: MIT
 *
 * The life of a socket.
 *
 * sock_alloc gives one reference, which goes to its file (sock_open) or to a listener's queue (an embryo, which accept
 * gives a file). Others: the peer's pointer, each message on its way (it is charged to its sender), calls under way.
 * When the file goes, sock_release makes it DEAD: off the table of names, its peer told, its queue emptied; what is
 * left is the structure, until the last peer lets go of it.
 */
#include "kernel/net/internal.h"

static struct kmem_cache *cache;

u32 sysctl_wmem_default = 180224, sysctl_wmem_max = 180224, sysctl_rmem_default = 180224, sysctl_rmem_max = 180224;
u32 sysctl_optmem_max = 10240, sysctl_somaxconn = 4096, sysctl_max_dgram_qlen = 10;

static_assert(sizeof(struct sock) <= 280, "one per socket, in low memory");

struct sock *sock_alloc(unsigned type)
{
	struct sock *s = kmem_cache_zalloc(cache, GFP_KERNEL);

	if (!s)
		return NULL;
	atomic_set(&s->refcount, 1);
	spin_lock_init(&s->lock, "socket");
	mutex_init(&s->read_lock, "socket read");
	wait_queue_init(&s->rd);
	wait_queue_init(&s->wr);
	wait_queue_init(&s->room);
	INIT_LIST_HEAD(&s->queue);
	INIT_LIST_HEAD(&s->node);
	INIT_LIST_HEAD(&s->full_node);
	INIT_LIST_HEAD(&s->full_list);
	INIT_LIST_HEAD(&s->flying);
	s->type = type;
	s->max_queued = sysctl_max_dgram_qlen;
	s->sndbuf = sysctl_wmem_default;
	s->rcvbuf = sysctl_rmem_default;
	s->lowat = 1;
	s->rcvtimeo = s->sndtimeo = WAIT_FOREVER;
	name_add(s);
	return s;
}

/* The last reference: nobody can reach it any more. */
void sock_free(struct sock *s)
{
	ASSERT(list_empty(&s->queue) && list_empty(&s->full_node) && !atomic_read(&s->sent));
	if (s->addr)
		address_put(s->addr);
	if (s->peer_cred)
		put_cred(s->peer_cred);
	put_pid(s->peer_pid);
	kmem_cache_free(cache, s);
}

void lock_two(struct sock *a, struct sock *b)
{
	if (!b || a == b) {
		spin_lock(&a->lock);
		return;
	}
	if (a > b)
		swap(a, b);
	spin_lock(&a->lock);
	spin_lock_nested(&b->lock, 1);
}
void unlock_two(struct sock *a, struct sock *b)
{
	if (b && a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
}

struct sock *sock_peer(struct sock *s)
{
	struct sock *peer;

	spin_lock(&s->lock);
	peer = s->peer ? sock_get(s->peer) : NULL;
	spin_unlock(&s->lock);
	return peer;
}

int sock_error(struct sock *s)
{
	int err;

	if (likely(!READ_ONCE(s->err)))
		return 0;
	spin_lock(&s->lock);
	err = s->err;
	s->err = 0;
	spin_unlock(&s->lock);
	return -err;
}

void sock_note_peer(struct sock *s, const struct cred *c, struct pid *pid)
{
	const struct cred *old = s->peer_cred;
	struct pid *old_pid = s->peer_pid;

	atomic_inc(&((struct cred *)c)->refcount);
	s->peer_cred = c;
	s->peer_pid = get_pid(pid);
	if (old)
		put_cred(old);
	put_pid(old_pid);
}

void sock_forget_full(struct sock *s, struct sock *peer)
{
	spin_lock(&peer->lock);
	list_del_init(&s->full_node);
	spin_unlock(&peer->lock);
}

/* Everybody who waits for anything: the state has changed for good. */
static void wake_all(struct sock *s)
{
	wake_up_test(&s->rd, WAKE_NORMAL, 0, EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	wake_up_test(&s->wr, WAKE_NORMAL, 0, EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR);
	wake_up_all(&s->room);
}

/* Tell the other end of a connection that we are gone. lost: it sent what nobody has read. */
static void hang_up(struct sock *s, struct sock *peer, bool lost)
{
	spin_lock(&peer->lock);
	if (peer->peer == s) {
		WRITE_ONCE(peer->shutdown, BOTH_SHUT);
		if (lost)
			WRITE_ONCE(peer->err, ECONNRESET);
	}
	spin_unlock(&peer->lock);
	wake_all(peer);
}

/* Under its lock: nothing comes in any more. => the peer, whose reference is the caller's; *list gets the queue */
static struct sock *die(struct sock *s, struct list_head *list)
{
	struct sock *peer, *w, *n;

	spin_lock(&s->lock);
	peer = s->peer;
	s->peer = NULL;
	s->state = SOCK_DEAD;
	WRITE_ONCE(s->shutdown, BOTH_SHUT);
	s->file = NULL;
	list_splice_init(&s->queue, list);
	WRITE_ONCE(s->queued, 0);
	list_for_each_entry_safe(w, n, &s->full_list, full_node) {
		list_del_init(&w->full_node);
		wake_up_poll(&w->wr, EPOLLOUT | EPOLLWRNORM);
	}
	spin_unlock(&s->lock);
	return peer;
}

static void release_one(struct sock *s, bool listener)
{
	struct path path = s->path;
	struct sock *peer;
	LIST_HEAD(queue);
	bool lost;

	name_remove(s);
	peer = die(s, &queue);
	wake_all(s);
	lost = !listener && (s->embryo || !list_empty(&queue));
	if (peer) {
		if (is_connected_type(s))
			hang_up(s, peer, lost);
		sock_forget_full(s, peer);
		sock_put(peer);
	}
	if (path.dentry)
		path_put(&path);
	if (listener)
		while (!list_empty(&queue)) {
			struct sock *e = list_first_entry(&queue, struct sock, node);

			list_del_init(&e->node);
			release_one(e, false);
		}
	else
		messages_free(&queue);
	sock_put(s);
}

void sock_release(struct sock *s)
{
	release_one(s, s->state == SOCK_LISTENING);
	gc_run();
}

void __init sock_init(void) { cache = kmem_cache_create("sock", sizeof(struct sock), 4, SLAB_PANIC, NULL); }
