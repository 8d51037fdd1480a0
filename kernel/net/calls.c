/* SPDX-License-Identifier: MIT
 *
 * The calls that make, name and connect sockets. What moves bytes is in msgcalls.c, options are in options.c.
 */
#include "kernel/net/calls.h"

struct sock *sockfd_get(unsigned fd, struct fdref *r)
{
	struct sock *s;

	*r = fdget(fd);
	if (!r->file)
		return ERR_PTR(-EBADF);
	s = file_sock(r->file);
	if (s)
		return s;
	fdput(*r);
	return ERR_PTR(-ENOTSOCK);
}

/* => 0 or -errno. What is longer than any name is left to the socket to refuse. */
int get_name(struct sockaddr_un *un, const void __user *from, int len)
{
	if (len < 0 || len > (int)sizeof(struct __kernel_sockaddr_storage))
		return -EINVAL;
	un->sun_family = AF_UNSPEC;
	return copy_from_user(un, from, min_t(size_t, len, sizeof(*un))) ? -EFAULT : 0;
}

/* As much as fits; *ulen: how long it really is. */
int put_name(const struct sockaddr_un *un, int len, void __user *to, int __user *ulen)
{
	int room;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(to, un, min(min(room, len), (int)sizeof(*un))))
		return -EFAULT;
	return put_user(len, ulen);
}

/* --- making --------------------------------------------------------------------------------------------------------- */
/* => the socket's type, or -errno */
static int check_kind(int family, int type, int protocol)
{
	if (type & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	type &= SOCK_TYPE_MASK;
	if (family < 0 || family >= AF_MAX)
		return -EAFNOSUPPORT;
	if (type >= SOCK_MAX)
		return -EINVAL;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW)
		return SOCK_DGRAM; /* an old name for it */
	return type == SOCK_STREAM || type == SOCK_DGRAM || type == SOCK_SEQPACKET ? type : -ESOCKTNOSUPPORT;
}

static struct file *make(int type, int flags)
{
	struct file *f = sock_file(flags);
	struct sock *s;

	if (IS_ERR(f))
		return f;
	s = sock_alloc(type);
	if (!s) {
		put_file(f);
		return ERR_PTR(-ENOMEM);
	}
	sock_attach(f, s);
	return f;
}

SYSCALL(socket, int family, int type, int protocol)
{
	int kind = check_kind(family, type, protocol);
	struct file *f = kind < 0 ? ERR_PTR(kind) : make(kind, type);

	return IS_ERR(f) ? PTR_ERR(f) : fd_new(f, type & SOCK_CLOEXEC);
}

SYSCALL(socketpair, int family, int type, int protocol, int __user *ufds)
{
	int kind = check_kind(family, type, protocol);
	struct file *ends[2];

	if (kind < 0)
		return kind;
	ends[0] = make(kind, type);
	if (IS_ERR(ends[0]))
		return PTR_ERR(ends[0]);
	ends[1] = make(kind, type);
	if (IS_ERR(ends[1])) {
		put_file(ends[0]);
		return PTR_ERR(ends[1]);
	}
	sock_marry(ends[0]->private, ends[1]->private);
	return fd_new_pair(ends, ufds, type & SOCK_CLOEXEC);
}

/* --- names ------------------------------------------------------------------------------------------------------------ */
SYSCALL(bind, unsigned fd, const void __user *uname, int len)
{
	struct sockaddr_un un;
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	long err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	err = get_name(&un, uname, len);
	if (!err)
		err = name_bind(s, &un, len);
	fdput(r);
	return err;
}

SYSCALL(getsockname, unsigned fd, void __user *uname, int __user *ulen)
{
	struct sockaddr_un un;
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	long err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	err = put_name(&un, name_copy(s, &un), uname, ulen);
	fdput(r);
	return err;
}

/* without_peer: the error where nobody is at the other end */
static long put_peer_name(struct sock *s, void __user *uname, int __user *ulen, long without_peer)
{
	struct sock *peer = sock_peer(s);
	struct sockaddr_un un;
	long err = peer ? put_name(&un, name_copy(peer, &un), uname, ulen) : without_peer;

	sock_put(peer);
	return err;
}

SYSCALL(getpeername, unsigned fd, void __user *uname, int __user *ulen)
{
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	long err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	err = put_peer_name(s, uname, ulen, -ENOTCONN);
	fdput(r);
	return err;
}

/* --- connections ------------------------------------------------------------------------------------------------------ */
/* What takes a socket and a number. */
static long with_number(unsigned fd, int n, int (*call)(struct sock *s, int n))
{
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	long err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	err = call(s, n);
	fdput(r);
	return err;
}
SYSCALL(listen, unsigned fd, int backlog) { return with_number(fd, backlog, sock_listen); }
SYSCALL(shutdown, unsigned fd, int how) { return with_number(fd, how, sock_shutdown); }

SYSCALL(connect, unsigned fd, const void __user *uname, int len)
{
	struct sockaddr_un un;
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	long err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	err = get_name(&un, uname, len);
	if (!err)
		err = sock_connect(s, &un, len, r.file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
	fdput(r);
	return err;
}

/* The file comes first: a connection is not taken from the queue before there is a place for it. */
static struct file *accept_file(struct file *listener, struct sock *s, int flags)
{
	struct file *f = sock_file(flags);
	struct sock *e;

	if (IS_ERR(f))
		return f;
	e = sock_accept(s, listener->flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
	if (IS_ERR(e)) {
		put_file(f);
		return ERR_CAST(e);
	}
	sock_attach(f, e);
	return f;
}

static long accept(struct file *listener, struct sock *s, void __user *uname, int __user *ulen, int flags)
{
	int fd = fd_alloc(0, flags & SOCK_CLOEXEC);
	struct file *f;
	long err;

	if (fd < 0)
		return fd;
	f = accept_file(listener, s, flags);
	err = IS_ERR(f) ? PTR_ERR(f) : uname ? put_peer_name(f->private, uname, ulen, -ECONNABORTED) : 0;
	if (!err) {
		fd_install(fd, f);
		return fd;
	}
	fd_cancel(fd);
	if (!IS_ERR(f))
		put_file(f);
	return err;
}

SYSCALL(accept4, unsigned fd, void __user *uname, int __user *ulen, int flags)
{
	struct fdref r;
	struct sock *s;
	long err;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	s = sockfd_get(fd, &r);
	if (IS_ERR(s))
		return PTR_ERR(s);
	err = accept(r.file, s, uname, ulen, flags);
	fdput(r);
	return err;
}

/* --- options ------------------------------------------------------------------------------------------------------------ */
SYSCALL(setsockopt, unsigned fd, int level, int name, const void __user *value, int len)
{
	struct fdref r;
	struct sock *s;
	long err;

	if (len < 0)
		return -EINVAL;
	s = sockfd_get(fd, &r);
	if (IS_ERR(s))
		return PTR_ERR(s);
	err = option_set(s, level, name, value, len);
	fdput(r);
	return err;
}

SYSCALL(getsockopt, unsigned fd, int level, int name, void __user *value, int __user *len)
{
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	long err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	err = option_get(s, level, name, value, len);
	fdput(r);
	return err;
}
