/* SPDX-License-Identifier: MIT
 *
 * Messages: the bytes of one send (of a stream: of up to half a buffer), on their way from a sender to a queue.
 *
 * Up to INLINE_BYTES lie behind the structure, in low memory; more lie in pages of their own, from high memory. Until it
 * is freed a message is charged to its sender's buffer, structure and pages included, so that SO_SNDBUF bounds what a
 * sender can bind of either kind of memory; one message may go beyond it. Receivers have no account (SO_RCVBUF is only
 * remembered), as in every AF_UNIX.
 */
#include "kernel/net/internal.h"
#include "kernel/fs/iovpage.h"

/* => 0 or -errno; the room may be gone again when two senders wait: each message may go beyond the limit once */
static int wait_for_room(struct sock *s, bool nonblock)
{
	u64 left = nonblock ? 0 : s->sndtimeo;

	for (;;) {
		int err = sock_error(s);

		if (err)
			return err;
		if (READ_ONCE(s->shutdown) & SND_SHUT)
			return -EPIPE;
		if (likely((u32)atomic_read(&s->sent) < s->sndbuf))
			return 0;
		if (!left)
			return -EAGAIN;
		err = sock_wait(&s->wr, READ_ONCE(s->shutdown) & SND_SHUT || READ_ONCE(s->err) || (u32)atomic_read(&s->sent) < s->sndbuf, &left);
		if (err)
			return err;
	}
}

static void free_pages_of(struct message *m)
{
	for (unsigned i = 0; i < m->nr_pages; i++)
		free_page(m->pages[i]);
}

/* Memory for len bytes. => NULL: there is none */
static struct message *alloc(size_t len)
{
	unsigned pages = len > INLINE_BYTES ? DIV_ROUND_UP(len, PAGE_SIZE) : 0;
	size_t size = sizeof(struct message) + (pages ? pages * sizeof(struct page *) : len);
	struct message *m = kmalloc(size, GFP_KERNEL);

	if (!m)
		return NULL;
	memset(m, 0, sizeof(*m));
	m->len = len;
	m->charge = size + pages * PAGE_SIZE;
	for (; m->nr_pages < pages; m->nr_pages++) {
		m->pages[m->nr_pages] = alloc_page(GFP_HIGHUSER);
		if (!m->pages[m->nr_pages])
			goto fail;
	}
	return m;
fail:
	free_pages_of(m);
	kfree(m);
	return NULL;
}

static bool fill(struct message *m, struct iov *from)
{
	if (!m->nr_pages)
		return iov_copy_from(m->bytes, from, m->len) == m->len;
	for (u32 at = 0, n; at < m->len; at += n) {
		n = min_t(u32, m->len - at, PAGE_SIZE);
		if (iov_to_page(m->pages[at >> PAGE_SHIFT], from, 0, n) != n)
			return false;
	}
	return true;
}

static int take_scm(struct message *m, struct scm *scm)
{
	int err = scm->rights ? rights_take_off(scm->rights) : 0;

	if (err)
		return err;
	m->rights = scm->rights;
	scm->rights = NULL;
	m->has_cred = scm->has_cred;
	m->cred = scm->cred;
	return 0;
}

struct message *message_make(struct sock *s, struct transfer *t, size_t len)
{
	int err = wait_for_room(s, t->flags & MSG_DONTWAIT);
	struct message *m;

	if (err)
		return ERR_PTR(err);
	m = alloc(len);
	if (!m)
		return ERR_PTR(-ENOMEM);
	m->from = sock_get(s);
	atomic_add(m->charge, &s->sent);
	err = fill(m, &t->data) ? take_scm(m, &t->scm) : signal_pending() && len > INLINE_BYTES ? -ERESTARTSYS : -EFAULT;
	if (!err)
		return m;
	message_free(m);
	return ERR_PTR(err);
}

/* Who sends it, if either side wants to know; before accept nobody can say yet. */
void message_sign(struct message *m, const struct sock *to)
{
	if (likely(!m->from->pass_cred && !to->pass_cred && !to->embryo) || m->has_cred)
		return;
	m->cred = (struct ucred){ current->group->tgid, current_cred()->uid, current_cred()->gid };
	m->has_cred = true;
}

/* To the reader, or copies for one who only looks. => 0 or -ENOMEM */
int message_take_rights(struct message *m, struct transfer *t)
{
	if (t->flags & MSG_PEEK) {
		t->scm.rights = rights_dup(m->rights);
		return t->scm.rights ? 0 : -ENOMEM;
	}
	t->scm.rights = m->rights;
	rights_land(m->rights);
	m->rights = NULL;
	return 0;
}

size_t message_read(struct message *m, u32 off, struct iov *to, size_t n)
{
	size_t done = 0;

	if (!m->nr_pages)
		return iov_copy_to(to, m->bytes + off, n);
	while (done < n) {
		u32 at = off + done, in_page = at & (PAGE_SIZE - 1);
		size_t part = min_t(size_t, n - done, PAGE_SIZE - in_page), got = page_to_iov(to, m->pages[at >> PAGE_SHIFT], in_page, part);

		done += got;
		if (got < part)
			break;
	}
	return done;
}

void message_free(struct message *m)
{
	struct sock *s = m->from;

	free_pages_of(m);
	atomic_sub(m->charge, &s->sent);
	smp_mb();
	if (waitqueue_active(&s->wr) && sock_writable(s))
		wake_up_poll(&s->wr, EPOLLOUT | EPOLLWRNORM);
	if (unlikely(m->rights)) {
		rights_land(m->rights);
		rights_drop(m->rights);
	}
	sock_put(s);
	kfree(m);
}

void messages_free(struct list_head *list)
{
	struct message *m, *n;

	list_for_each_entry_safe(m, n, list, node)
		message_free(m);
	list_init(list);
}

/* Of a stream all, else of the first message. */
ssize_t message_bytes_left(struct sock *s)
{
	struct message *m;
	ssize_t n = 0;

	spin_lock(&s->lock);
	if (s->state == SOCK_LISTENING)
		n = -EINVAL;
	else
		list_for_each_entry(m, &s->queue, node) {
			n += m->len - READ_ONCE(m->off);
			if (s->type != SOCK_STREAM)
				break;
		}
	spin_unlock(&s->lock);
	return n;
}
