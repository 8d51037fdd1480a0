/* SPDX-License-Identifier: MIT
 *
 * The files of system calls among each other.
 */
#ifndef KERNEL_NET_CALLS_H
#define KERNEL_NET_CALLS_H

#include "kernel/net/internal.h"

struct sock *sockfd_get(unsigned fd, struct fdref *r); /* an error, or fdput(*r) when done */
int get_name(struct sockaddr_un *un, const void __user *from, int len);
int put_name(const struct sockaddr_un *un, int len, void __user *to, int __user *ulen);

/* for socketcall */
long sys_socket(int family, int type, int protocol);
long sys_socketpair(int family, int type, int protocol, int __user *fds);
long sys_bind(unsigned fd, const void __user *name, int len);
long sys_connect(unsigned fd, const void __user *name, int len);
long sys_listen(unsigned fd, int backlog);
long sys_accept4(unsigned fd, void __user *name, int __user *len, int flags);
long sys_getsockname(unsigned fd, void __user *name, int __user *len);
long sys_getpeername(unsigned fd, void __user *name, int __user *len);
long sys_sendto(unsigned fd, const void __user *buf, size_t n, u32 flags, const void __user *name, int len);
long sys_recvfrom(unsigned fd, void __user *buf, size_t n, u32 flags, void __user *name, int __user *len);
long sys_shutdown(unsigned fd, int how);
long sys_setsockopt(unsigned fd, int level, int name, const void __user *value, int len);
long sys_getsockopt(unsigned fd, int level, int name, void __user *value, int __user *len);
long sys_sendmsg(unsigned fd, const struct user_msghdr __user *h, u32 flags);
long sys_recvmsg(unsigned fd, struct user_msghdr __user *h, u32 flags);
long sys_sendmmsg(unsigned fd, struct user_mmsghdr __user *h, u32 n, u32 flags);
long sys_recvmmsg(unsigned fd, struct user_mmsghdr __user *h, u32 n, u32 flags, void __user *timeout);

#endif
