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
/* Round after round: ask(s, arg) asks all descriptors and sets s->pt.queue to NULL where one has events; between rounds, sleep.
 * => what ask said if that is not 0; 0: time is up; -EINTR, -ENOMEM */
static __always_inline long poll_rounds(long (*ask)(struct poll_set *s, void *arg), void *arg, u64 until)
{
	struct poll_set s;
	long found;

	poll_set_start(&s);
	if (!until)
		s.pt.queue = NULL;
	for (;;) {
		found = ask(&s, arg);
		s.pt.queue = NULL;
		if (found || s.err)
			break;
		if (signal_pending()) {
			found = -EINTR;
			break;
		}
		if (!poll_set_sleep(&s, until))
			break;
	}
	poll_set_end(&s);
	return found ? found : s.err;
}
/* Events of one descriptor out of `want` (EPOLLERR and EPOLLHUP always). EPOLLNVAL: not open. */
u32 poll_fd(struct poll_set *s, unsigned fd, u32 want);

#define POLL_FOREVER (~0ULL)
static inline u64 ms_deadline(int ms) { return ms < 0 ? POLL_FOREVER : ms ? ktime_get() + (u64)ms * NSEC_PER_MSEC : 0; }
/* Around the wait of ppoll and pselect6: a relative time (large: 64-bit seconds) becomes when it is over, and the caller's signal
 * mask holds; then what is left is given back. begin => 0, -EFAULT, -EINVAL; end => what the call returns */
long poll_masked_begin(const void __user *ts, bool large, const void __user *mask, size_t size, u64 *until);
long poll_masked_end(long found, void __user *ts, bool large, u64 until);

#endif
