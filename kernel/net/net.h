/* SPDX-License-Identifier: MIT
 *
 * kernel/net, all that others may use: the sockets of this machine with itself.
 */
#ifndef KERNEL_NET_NET_H
#define KERNEL_NET_NET_H

#include "kernel/lib/types.h"

struct seq;

void net_init(void);             /* after vfs_init */
void unix_show(struct seq *s);   /* /proc/net/unix */
void sockstat_show(struct seq *s); /* /proc/net/sockstat */

/* /proc/sys/net: bytes of buffers, lengths of queues */
extern u32 sysctl_wmem_default, sysctl_wmem_max, sysctl_rmem_default, sysctl_rmem_max, sysctl_optmem_max;
extern u32 sysctl_somaxconn, sysctl_max_dgram_qlen;

#endif
