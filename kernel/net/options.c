/* SPDX-License-Identifier: MIT
 *
 * getsockopt and setsockopt, level SOL_SOCKET; a Unix socket has no other. Options that mean nothing between two
 * processes of one machine (SO_KEEPALIVE, SO_REUSEADDR ...) are remembered and told, as programs expect.
 */
#include "kernel/net/internal.h"
#include "kernel/lib/div64.h"

#define MIN_SNDBUF 4608U
#define MIN_RCVBUF 2304U
#define SWITCHES (1u << SO_DEBUG | 1u << SO_REUSEADDR | 1u << SO_DONTROUTE | 1u << SO_BROADCAST | 1u << SO_KEEPALIVE | 1u << SO_OOBINLINE | \
		  1u << SO_NO_CHECK | 1u << SO_REUSEPORT | 1u << SO_LINGER | 1u << SO_TIMESTAMP_OLD)

/* --- times ------------------------------------------------------------------------------------------------------------ */
struct times64 { s64 sec, usec; };

static bool is_time(int name)
{
	return name == SO_RCVTIMEO_OLD || name == SO_SNDTIMEO_OLD || name == SO_RCVTIMEO_NEW || name == SO_SNDTIMEO_NEW;
}
static bool is_time64(int name) { return name == SO_RCVTIMEO_NEW || name == SO_SNDTIMEO_NEW; }
static u64 *time_of(struct sock *s, int name)
{
	return name == SO_RCVTIMEO_OLD || name == SO_RCVTIMEO_NEW ? &s->rcvtimeo : &s->sndtimeo;
}

static int set_time(struct sock *s, int name, const void __user *value, int len)
{
	struct times64 t;
	s32 small[2];
	bool large = is_time64(name);

	if (len < (int)(large ? sizeof(t) : sizeof(small)))
		return -EINVAL;
	if (large ? copy_from_user(&t, value, sizeof(t)) : copy_from_user(small, value, sizeof(small)))
		return -EFAULT;
	if (!large)
		t = (struct times64){ small[0], small[1] };
	if (t.usec < 0 || t.usec >= 1000000)
		return -EDOM;
	if (t.sec < 0)
		*time_of(s, name) = 0;
	else if (t.sec > 0x7fffffff || (!t.sec && !t.usec))
		*time_of(s, name) = WAIT_FOREVER;
	else
		*time_of(s, name) = (u64)t.sec * NSEC_PER_SEC + (u32)t.usec * 1000;
	return 0;
}

static int get_time(struct sock *s, int name, void *buf)
{
	u64 ns = *time_of(s, name);
	struct times64 t = { 0, 0 };
	s32 *small = buf;
	u32 rest;

	if (ns != WAIT_FOREVER) {
		t.sec = div_u64_rem(ns, NSEC_PER_SEC, &rest);
		t.usec = rest / 1000;
	}
	if (is_time64(name)) {
		memcpy(buf, &t, sizeof(t));
		return sizeof(t);
	}
	small[0] = (s32)t.sec;
	small[1] = (s32)t.usec;
	return 2 * sizeof(*small);
}

/* --- setting ---------------------------------------------------------------------------------------------------------- */
static int set_buffer(struct sock *s, int name, int value, bool force)
{
	bool snd = name == SO_SNDBUF || name == SO_SNDBUFFORCE;
	u32 max = snd ? sysctl_wmem_max : sysctl_rmem_max, v = force ? (u32)max(value, 0) : min((u32)value, max);

	if (force && !capable(CAP_NET_ADMIN))
		return -EPERM;
	v = min(v, 0x3fffffffU) * 2;
	if (snd) {
		WRITE_ONCE(s->sndbuf, max(v, MIN_SNDBUF));
		wake_up_test(&s->wr, WAKE_NORMAL, 0, EPOLLOUT | EPOLLWRNORM);
	} else {
		WRITE_ONCE(s->rcvbuf, max(v, MIN_RCVBUF));
	}
	return 0;
}

static int set_linger(struct sock *s, const void __user *value, int len)
{
	struct linger l;

	if (len < (int)sizeof(l))
		return -EINVAL;
	if (copy_from_user(&l, value, sizeof(l)))
		return -EFAULT;
	s->options = l.onoff ? s->options | 1u << SO_LINGER : s->options & ~(1u << SO_LINGER);
	return 0;
}

static int set_number(struct sock *s, int name, int v)
{
	switch (name) {
	case SO_SNDBUF: case SO_RCVBUF:
		return set_buffer(s, name, v, false);
	case SO_SNDBUFFORCE: case SO_RCVBUFFORCE:
		return set_buffer(s, name, v, true);
	case SO_PASSCRED:
		WRITE_ONCE(s->pass_cred, v != 0);
		return 0;
	case SO_RCVLOWAT:
		WRITE_ONCE(s->lowat, v < 0 ? 0x7fffffffU : max((u32)v, 1U));
		return 0;
	case SO_PRIORITY:
		return v >= 0 && v <= 6 ? 0 : capable(CAP_NET_ADMIN) ? 0 : -EPERM;
	}
	if (name < 0 || name > 31 || !(SWITCHES & 1u << name))
		return -ENOPROTOOPT;
	s->options = v ? s->options | 1u << name : s->options & ~(1u << name);
	return 0;
}

int option_set(struct sock *s, int level, int name, const void __user *value, int len)
{
	int v;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (is_time(name))
		return set_time(s, name, value, len);
	if (name == SO_LINGER)
		return set_linger(s, value, len);
	if (len < (int)sizeof(v))
		return -EINVAL;
	if (get_user(v, (const int __user *)value))
		return -EFAULT;
	return set_number(s, name, v);
}

/* --- getting ---------------------------------------------------------------------------------------------------------- */
static int get_number(struct sock *s, int name, int *v)
{
	switch (name) {
	case SO_TYPE: *v = s->type; return 0;
	case SO_DOMAIN: *v = AF_UNIX; return 0;
	case SO_PROTOCOL: *v = 0; return 0;
	case SO_ERROR: *v = -sock_error(s); return 0;
	case SO_SNDBUF: *v = s->sndbuf; return 0;
	case SO_RCVBUF: *v = s->rcvbuf; return 0;
	case SO_ACCEPTCONN: *v = s->state == SOCK_LISTENING; return 0;
	case SO_PASSCRED: *v = s->pass_cred; return 0;
	case SO_RCVLOWAT: *v = s->lowat; return 0;
	case SO_SNDLOWAT: *v = 1; return 0;
	case SO_PRIORITY: *v = 0; return 0;
	}
	if (name < 0 || name > 31 || !(SWITCHES & 1u << name))
		return -ENOPROTOOPT;
	*v = s->options >> name & 1;
	return 0;
}

/* The process at the other end when it connected, listened or made the pair; nobody: -1, as nobody has. */
static int get_cred(struct sock *s, struct ucred *u)
{
	*u = (struct ucred){ 0, -1, -1 };
	spin_lock(&s->lock);
	if (s->peer_cred)
		*u = (struct ucred){ pid_nr(s->peer_pid), s->peer_cred->euid, s->peer_cred->egid };
	spin_unlock(&s->lock);
	return sizeof(*u);
}

static int get_groups(struct sock *s, void __user *value, int room, int __user *len)
{
	const struct cred *c;
	int n, err = 0;

	spin_lock(&s->lock);
	c = s->peer_cred;
	if (c)
		atomic_inc(&((struct cred *)c)->refcount);
	spin_unlock(&s->lock);
	if (!c)
		return -ENODATA;
	n = c->ngroups * sizeof(gid_t);
	if (room < n)
		err = -ERANGE;
	else if (copy_to_user(value, c->groups, n))
		err = -EFAULT;
	put_cred(c);
	if (put_user(n, len))
		return -EFAULT;
	return err;
}

/* Cut to what there is room for. */
static int put_option(const void *v, int size, void __user *value, int room, int __user *len)
{
	size = min(size, room);
	return copy_to_user(value, v, size) ? -EFAULT : put_user(size, len);
}

int option_get(struct sock *s, int level, int name, void __user *value, int __user *len)
{
	union { int number; struct ucred cred; struct linger linger; char bytes[16]; } v = { 0 };
	int room, size = sizeof(int), err = 0;

	if (get_user(room, len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (name == SO_PEERGROUPS)
		return get_groups(s, value, room, len);
	if (is_time(name)) {
		size = get_time(s, name, v.bytes);
	} else if (name == SO_PEERCRED) {
		size = get_cred(s, &v.cred);
	} else if (name == SO_LINGER) {
		v.linger.onoff = s->options >> SO_LINGER & 1;
		size = sizeof(v.linger);
	} else {
		err = get_number(s, name, &v.number);
	}
	return err ? err : put_option(&v, size, value, room, len);
}
