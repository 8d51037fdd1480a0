/* SPDX-License-Identifier: MIT
 *
 * poll.c for select.c: being on many wait queues at once.
 */
#ifndef KERNEL_FS_POLL_H
#define KERNEL_FS_POLL_H

#include "kernel/fs/internal.h"
#include <linux/eventpoll.h>

#define POLL_INLINE 6
struct poll_entry {
	struct wait_entry wait;
	struct wait_queue *wq;
	struct file *file;      /* reference: keeps wq */
	struct poll_set *set;
	u32 events;
};
struct poll_chunk { struct poll_chunk *next; struct poll_entry e[30]; };
struct poll_set {
	struct poll_table pt;   /* queue is NULLed once everything is queued */
	struct task *task;
	bool triggered;
	int err;
	unsigned used, in_chunk;
	struct poll_chunk *chunks;
	struct poll_entry inl[POLL_INLINE];
};
void poll_set_start(struct poll_set *s);
void poll_set_end(struct poll_set *s);
/* Sleep until one of the queues calls or the time `until` (monotonic ns, ~0: for ever) is there. => false: time is up */
bool poll_set_sleep(struct poll_set *s, u64 until);
/* Events of one descriptor out of `want` (EPOLLERR and EPOLLHUP always). EPOLLNVAL: not open. */
u32 poll_fd(struct poll_set *s, unsigned fd, u32 want);

#define POLL_FOREVER (~0ULL)
/* A relative time from user space -> when it is over. large: 64-bit seconds. => 0, -EFAULT, -EINVAL */
int poll_deadline(const void __user *ts, bool large, u64 *until);
/* Give what is left back. */
int poll_time_left(void __user *ts, bool large, u64 until);

#endif
