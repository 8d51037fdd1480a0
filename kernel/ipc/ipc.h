/* SPDX-License-Identifier: MIT
 *
 * kernel/ipc, all that others may use: System V shared memory, semaphores, message queues.
 */
#ifndef KERNEL_IPC_IPC_H
#define KERNEL_IPC_IPC_H

#include "kernel/lib/types.h"

struct file;
struct group;
struct seq;

void ipc_init(void);
void shm_attached(struct file *f, int step);  /* virt_ops.attached: an area of an attached segment comes (1) or goes (-1) */
void sem_exit(struct group *g);               /* the last thread leaves: SEM_UNDO. Only if g->sem_undo */

void sysvipc_shm_show(struct seq *s), sysvipc_sem_show(struct seq *s), sysvipc_msg_show(struct seq *s);
extern unsigned long sysctl_shmmax, sysctl_shmall; /* bytes of a segment, pages of all */
extern u32 sysctl_shmmni, sysctl_msgmax, sysctl_msgmnb, sysctl_msgmni;
extern u32 sysctl_sem[4];                          /* SEMMSL, SEMMNS, SEMOPM, SEMMNI */

#endif
