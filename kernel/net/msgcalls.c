/* SPDX-License-Identifier: MIT
 *
 * The calls that move bytes: sendto, recvfrom, sendmsg, recvmsg and their forms for many messages.
 */
#include "kernel/net/calls.h"
#include "kernel/sys/timespec.h"

#define MAX_MESSAGES 1024U

/* --- one buffer ------------------------------------------------------------------------------------------------------- */
SYSCALL(sendto, unsigned fd, const void __user *buf, size_t n, u32 flags, const void __user *name, int len)
{
	struct transfer t;
	struct fdref r;
	long err = 0;
	struct sock *s;

	if (!access_ok(buf, n))
		return -EFAULT;
	s = sockfd_get(fd, &r);
	if (IS_ERR(s))
		return PTR_ERR(s);
	transfer_init(&t, r.file, flags);
	iov_init_user(&t.data, (void __user *)buf, min_t(size_t, n, MAX_RW_COUNT));
	if (name)
		err = get_name(&t.name, name, len);
	t.name_len = name ? len : 0;
	if (!err)
		err = sock_send(s, &t);
	fdput(r);
	return err;
}

SYSCALL(recvfrom, unsigned fd, void __user *buf, size_t n, u32 flags, void __user *name, int __user *len)
{
	struct transfer t;
	struct fdref r;
	struct sock *s;
	long done;

	if (!access_ok(buf, n))
		return -EFAULT;
	s = sockfd_get(fd, &r);
	if (IS_ERR(s))
		return PTR_ERR(s);
	transfer_init(&t, r.file, flags);
	iov_init_user(&t.data, buf, min_t(size_t, n, MAX_RW_COUNT));
	done = sock_receive(s, &t);
	rights_drop(t.scm.rights);
	if (done >= 0 && name) {
		int err = put_name(&t.name, t.name_len, name, len);

		done = err ? err : done;
	}
	fdput(r);
	return done;
}

/* --- one message header --------------------------------------------------------------------------------------------------- */
/* The header and the pieces it names. *heap is to be freed in any case. => 0 or -errno */
static int import_header(struct user_msghdr *h, const struct user_msghdr __user *u, struct iov *v, struct iovec *fast, struct iovec **heap)
{
	*heap = NULL;
	if (copy_from_user(h, u, sizeof(*h)))
		return -EFAULT;
	if (!h->name)
		h->namelen = 0;
	if (h->namelen < 0)
		return -EINVAL;
	h->namelen = min_t(int, h->namelen, sizeof(struct __kernel_sockaddr_storage));
	if (h->iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	return iov_import(v, h->iov, h->iovlen, fast, heap);
}

static long send_one(struct file *f, struct sock *s, const struct user_msghdr __user *u, u32 flags)
{
	struct iovec fast[UIO_FASTIOV], *heap;
	struct user_msghdr h;
	struct transfer t;
	long err;

	transfer_init(&t, f, flags);
	err = import_header(&h, u, &t.data, fast, &heap);
	t.name_len = h.namelen;
	if (!err && t.name_len)
		err = get_name(&t.name, h.name, t.name_len);
	if (!err && h.controllen > 0x7fffffff)
		err = -ENOBUFS;
	if (!err && h.control)
		err = scm_import(&t.scm, h.control, h.controllen);
	if (err)
		rights_drop(t.scm.rights);
	else
		err = sock_send(s, &t);
	kfree(heap);
	return err;
}

/* What came beside the bytes, back to the user. => 0 or -errno */
static long export_header(struct sock *s, struct transfer *t, struct user_msghdr *h, struct user_msghdr __user *u)
{
	u32 out_flags = t->out_flags | (t->flags & MSG_CMSG_CLOEXEC), used;
	long err = scm_export(&t->scm, h, &used, t->flags, &out_flags, s->pass_cred);

	if (!err && h->name)
		err = put_name(&t->name, t->name_len, h->name, &u->namelen);
	if (!err)
		err = put_user(out_flags, &u->flags);
	return err ? err : put_user(used, &u->controllen);
}

static long receive_one(struct file *f, struct sock *s, struct user_msghdr __user *u, u32 flags)
{
	struct iovec fast[UIO_FASTIOV], *heap;
	struct user_msghdr h;
	struct transfer t;
	long done, err;

	transfer_init(&t, f, flags);
	done = import_header(&h, u, &t.data, fast, &heap);
	if (!done)
		done = sock_receive(s, &t);
	if (done >= 0) {
		err = export_header(s, &t, &h, u);
		done = err ? err : done;
	} else {
		rights_drop(t.scm.rights);
	}
	kfree(heap);
	return done;
}

SYSCALL(sendmsg, unsigned fd, const struct user_msghdr __user *h, u32 flags)
{
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	long err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	err = send_one(r.file, s, h, flags);
	fdput(r);
	return err;
}

SYSCALL(recvmsg, unsigned fd, struct user_msghdr __user *h, u32 flags)
{
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	long err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	err = receive_one(r.file, s, h, flags);
	fdput(r);
	return err;
}

/* --- many ------------------------------------------------------------------------------------------------------------------- */
SYSCALL(sendmmsg, unsigned fd, struct user_mmsghdr __user *h, u32 n, u32 flags)
{
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	u32 done = 0;
	long err = 0;

	if (IS_ERR(s))
		return PTR_ERR(s);
	for (n = min(n, MAX_MESSAGES); done < n; done++) {
		err = send_one(r.file, s, &h[done].hdr, flags);
		if (err >= 0)
			err = put_user((u32)err, &h[done].len);
		if (err)
			break;
		cond_resched();
	}
	fdput(r);
	return done ? (long)done : err;
}

/* until: looked at after each message, as ever. An error after the first message is told to the next call. */
static long receive_many(unsigned fd, struct user_mmsghdr __user *h, u32 n, u32 flags, u64 until)
{
	struct fdref r;
	struct sock *s = sockfd_get(fd, &r);
	u32 done = 0;
	long err;

	if (IS_ERR(s))
		return PTR_ERR(s);
	err = sock_error(s);
	for (n = min(n, MAX_MESSAGES); !err && done < n;) {
		err = receive_one(r.file, s, &h[done].hdr, flags & ~MSG_WAITFORONE);
		if (err >= 0)
			err = put_user((u32)err, &h[done].len);
		if (err)
			break;
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (ktime_get() >= until)
			break;
		cond_resched();
	}
	if (done && err && err != -EAGAIN && err != -EFAULT && err != -ERESTARTSYS && err != -EINTR)
		WRITE_ONCE(s->err, (int)-err);
	fdput(r);
	return done ? (long)done : err;
}

static long recvmmsg(unsigned fd, struct user_mmsghdr __user *h, u32 n, u32 flags, void __user *timeout, bool time64)
{
	u64 ns, start = ktime_get(), spent;
	long done = timeout ? get_timespec_ns(&ns, timeout, time64) : 0;

	if (done)
		return done;
	done = receive_many(fd, h, n, flags, !timeout || ns > WAIT_FOREVER - start ? WAIT_FOREVER : start + ns);
	if (done > 0 && timeout) {
		spent = ktime_get() - start;
		if (put_timespec_ns(timeout, spent < ns ? ns - spent : 0, time64))
			return -EFAULT;
	}
	return done;
}
SYSCALL(recvmmsg, unsigned fd, struct user_mmsghdr __user *h, u32 n, u32 flags, void __user *timeout)
{
	return recvmmsg(fd, h, n, flags, timeout, false);
}
SYSCALL(recvmmsg_time64, unsigned fd, struct user_mmsghdr __user *h, u32 n, u32 flags, void __user *timeout)
{
	return recvmmsg(fd, h, n, flags, timeout, true);
}

/* --- all of them by one number: what i386 had first ---------------------------------------------------------------------------- */
SYSCALL(socketcall, int call, const u32 __user *args)
{
	static const u8 nr_args[] = { 0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4 };
	u32 a[6];

	if (call < SYS_SOCKET || call > SYS_SENDMMSG)
		return -EINVAL;
	if (copy_from_user(a, args, nr_args[call] * sizeof(a[0])))
		return -EFAULT;
	switch (call) {
	case SYS_SOCKET: return sys_socket(a[0], a[1], a[2]);
	case SYS_BIND: return sys_bind(a[0], (void __user *)a[1], a[2]);
	case SYS_CONNECT: return sys_connect(a[0], (void __user *)a[1], a[2]);
	case SYS_LISTEN: return sys_listen(a[0], a[1]);
	case SYS_ACCEPT: return sys_accept4(a[0], (void __user *)a[1], (int __user *)a[2], 0);
	case SYS_GETSOCKNAME: return sys_getsockname(a[0], (void __user *)a[1], (int __user *)a[2]);
	case SYS_GETPEERNAME: return sys_getpeername(a[0], (void __user *)a[1], (int __user *)a[2]);
	case SYS_SOCKETPAIR: return sys_socketpair(a[0], a[1], a[2], (int __user *)a[3]);
	case SYS_SEND: return sys_sendto(a[0], (void __user *)a[1], a[2], a[3], NULL, 0);
	case SYS_RECV: return sys_recvfrom(a[0], (void __user *)a[1], a[2], a[3], NULL, NULL);
	case SYS_SENDTO: return sys_sendto(a[0], (void __user *)a[1], a[2], a[3], (void __user *)a[4], a[5]);
	case SYS_RECVFROM: return sys_recvfrom(a[0], (void __user *)a[1], a[2], a[3], (void __user *)a[4], (int __user *)a[5]);
	case SYS_SHUTDOWN: return sys_shutdown(a[0], a[1]);
	case SYS_SETSOCKOPT: return sys_setsockopt(a[0], a[1], a[2], (void __user *)a[3], a[4]);
	case SYS_GETSOCKOPT: return sys_getsockopt(a[0], a[1], a[2], (void __user *)a[3], (int __user *)a[4]);
	case SYS_SENDMSG: return sys_sendmsg(a[0], (void __user *)a[1], a[2]);
	case SYS_RECVMSG: return sys_recvmsg(a[0], (void __user *)a[1], a[2]);
	case SYS_ACCEPT4: return sys_accept4(a[0], (void __user *)a[1], (int __user *)a[2], a[3]);
	case SYS_RECVMMSG: return sys_recvmmsg(a[0], (void __user *)a[1], a[2], a[3], (void __user *)a[4]);
	default: return sys_sendmmsg(a[0], (void __user *)a[1], a[2], a[3]);
	}
}
