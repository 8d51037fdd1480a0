/* SPDX-License-Identifier: MIT
 *
 * What the UAPI headers leave to libc: families, types, flags and structures of socket(2), send(2), recv(2), cmsg(3).
 */
#ifndef KERNEL_NET_ABI_H
#define KERNEL_NET_ABI_H

#include "kernel/fs/iov.h"
#include <asm/socket.h>
#include <asm/sockios.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/un.h>

enum { AF_UNSPEC, AF_UNIX, AF_MAX = 46 };
enum { SOCK_STREAM = 1, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP, SOCK_PACKET = 10, SOCK_MAX };
#define SOCK_TYPE_MASK 0xf
#define SOCK_CLOEXEC 02000000  /* O_CLOEXEC */
#define SOCK_NONBLOCK 00004000 /* O_NONBLOCK */

enum {
	MSG_OOB = 1, MSG_PEEK = 2, MSG_CTRUNC = 8, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40, MSG_WAITALL = 0x100,
	MSG_NOSIGNAL = 0x4000, MSG_WAITFORONE = 0x10000, MSG_CMSG_CLOEXEC = 0x40000000
};
enum { SHUT_RD, SHUT_WR, SHUT_RDWR };

struct user_msghdr {
	void __user *name;
	int namelen;
	struct iovec __user *iov;
	u32 iovlen;
	void __user *control;
	u32 controllen;
	u32 flags;
};
struct user_mmsghdr { struct user_msghdr hdr; u32 len; };

enum { SCM_RIGHTS = 1, SCM_CREDENTIALS = 2 };
#define SCM_MAX_FD 253
struct cmsghdr { u32 len; int level, type; }; /* len: with the header */
#define CMSG_ALIGN(n) (((n) + 3) & ~3U)
struct ucred { pid_t pid; uid_t uid; gid_t gid; };
struct linger { int onoff, linger; };

#endif
