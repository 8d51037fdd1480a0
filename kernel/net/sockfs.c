/* SPDX-License-Identifier: MIT
 *
 * Sockets as open files: sockfs, read and write, poll, ioctl, close.
 *
 * Each has an inode (its number is in "socket:[5]" and /proc/net/unix) and a dentry, in a mount that is in no tree.
 */
#include "kernel/net/internal.h"
#include <asm/ioctls.h>
#include <linux/magic.h>

static struct mount *sock_mount;

struct sock *file_sock(const struct file *f) { return f->ops == &socket_ops ? f->private : NULL; }

struct file *sock_file(int flags)
{
	struct inode *i = new_inode(sock_mount->sb, NULL, S_IFSOCK | 0777);
	struct dentry *d = i ? d_make_named(i, "") : NULL;
	struct file *f;

	if (!d)
		return ERR_PTR(-ENOMEM);
	f = alloc_file(&socket_ops, O_RDWR | (flags & O_NONBLOCK));
	if (!f) {
		dput(d);
		return ERR_PTR(-ENFILE);
	}
	f->inode = i;
	f->dentry = d;
	f->mount = sock_mount;
	mntget(sock_mount);
	return f;
}

void sock_attach(struct file *f, struct sock *s)
{
	f->private = s;
	s->file = f;
}

void transfer_init(struct transfer *t, const struct file *f, u32 flags)
{
	t->flags = flags | (f->flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
	t->out_flags = 0;
	t->name_len = 0;
	t->scm = (struct scm){ 0 };
}

ssize_t sock_send(struct sock *s, struct transfer *t)
{
	ssize_t n = s->type == SOCK_STREAM ? stream_send(s, t) : dgram_send(s, t);

	if (unlikely(n == -EPIPE) && s->type == SOCK_STREAM && !(t->flags & MSG_NOSIGNAL))
		send_signal(SIGPIPE, NULL, current);
	if (unlikely(t->scm.rights))
		rights_drop(t->scm.rights);
	return n;
}

ssize_t sock_receive(struct sock *s, struct transfer *t)
{
	return s->type == SOCK_STREAM ? stream_receive(s, t) : dgram_receive(s, t);
}

static ssize_t sock_read(struct file *f, struct iov *to, loff_t *pos)
{
	struct transfer t;
	ssize_t n;

	if (!to->count)
		return 0;
	transfer_init(&t, f, 0);
	t.data = *to;
	n = sock_receive(f->private, &t);
	*to = t.data;
	rights_drop(t.scm.rights);
	return n;
}
static ssize_t sock_write(struct file *f, struct iov *from, loff_t *pos)
{
	struct transfer t;
	ssize_t n;

	transfer_init(&t, f, 0);
	t.data = *from;
	n = sock_send(f->private, &t);
	*from = t.data;
	return n;
}

/* --- poll ----------------------------------------------------------------------------------------------------------- */
/* A datagram's receiver has no room: then stay on its list, to be called when it has. */
static bool peer_full(struct sock *s)
{
	struct sock *peer = sock_peer(s);
	bool full = false;

	if (!peer)
		return false;
	if (peer != s && queue_full(peer)) {
		lock_two(s, peer);
		full = s->peer == peer && peer->peer != s && peer->state != SOCK_DEAD && queue_full(peer);
		if (full && list_empty(&s->full_node))
			list_add_tail(&s->full_node, &peer->full_list);
		unlock_two(s, peer);
	}
	sock_put(peer);
	return full;
}

static u32 sock_poll(struct file *f, struct poll_table *pt)
{
	const u32 out = EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	struct sock *s = f->private;
	u32 shut, events;

	poll_wait(f, &s->rd, pt);
	if (pt && pt->events & out)
		poll_wait(f, &s->wr, pt);
	smp_mb();
	shut = READ_ONCE(s->shutdown);
	events = READ_ONCE(s->err) ? EPOLLERR : 0;
	if (shut == BOTH_SHUT || (is_connected_type(s) && READ_ONCE(s->state) == SOCK_IDLE))
		events |= EPOLLHUP;
	if (shut & RCV_SHUT)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(s->queued))
		events |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(s->state) != SOCK_LISTENING && sock_writable(s) && (is_connected_type(s) || !peer_full(s)))
		events |= out;
	return events;
}

/* --- ioctl, close ----------------------------------------------------------------------------------------------------- */
static long sock_ioctl(struct file *f, unsigned cmd, unsigned long arg)
{
	struct sock *s = f->private;
	ssize_t n;

	switch (cmd) {
	case FIONREAD:
		n = message_bytes_left(s);
		return n < 0 ? n : put_user((int)n, (int __user *)arg);
	case TIOCOUTQ:
		return put_user(atomic_read(&s->sent), (int __user *)arg);
	}
	return -ENOTTY;
}

static void sock_close(struct file *f)
{
	if (f->private)
		sock_release(f->private);
}

const struct file_ops socket_ops = {
	.read = sock_read, .write = sock_write, .poll = sock_poll, .ioctl = sock_ioctl, .release = sock_close, .no_seek = true,
};

static int mount_sockfs(struct super_block *sb, const char *source, const char *options)
{
	return pseudo_fs_fill(sb, SOCKFS_MAGIC, NULL, NULL, NULL);
}
static struct fs_type sock_type = { .name = "sockfs", .mount = mount_sockfs, .internal = true };

void __init net_init(void)
{
	struct super_block *sb = sb_get(&sock_type, "sockfs", 0, NULL);

	sock_mount = IS_ERR(sb) ? NULL : mount_internal(sb);
	if (!sock_mount)
		panic("no memory for the sockets' file system");
	sock_init();
}
