/* SPDX-License-Identifier: MIT
 *
 * poll and ppoll, and the set of wait-queue entries that select uses too.
 *
 * One round asks every file for its events and, the first time, leaves an entry on each queue that the file names; a
 * call from any of them sets `triggered` and wakes the task, which asks all again. Entries hold their file. Time is
 * kept as a point (monotonic), so that rounds do not stretch it.
 */
#include "kernel/fs/poll.h"
#include "kernel/sys/timespec.h"
#include <asm/poll.h>

/* --- entries ------------------------------------------------------------------------------------------------------ */
static bool called(struct wait_entry *w, unsigned states, u32 key)
{
	struct poll_entry *e = container_of(w, struct poll_entry, wait);

	if (key && !(key & e->events))
		return false;
	WRITE_ONCE(e->set->triggered, true);
	smp_wmb();
	return wake_up_state(e->set->task, TASK_INTERRUPTIBLE);
}

static struct poll_entry *new_entry(struct poll_set *s)
{
	struct poll_chunk *c = s->chunks;

	if (s->used < POLL_INLINE)
		return &s->inl[s->used++];
	if (!c || s->in_chunk == ARRAY_SIZE(c->e)) {
		c = kmalloc(sizeof(*c), GFP_KERNEL);
		if (!c)
			return NULL;
		c->next = s->chunks;
		s->chunks = c;
		s->in_chunk = 0;
	}
	return &c->e[s->in_chunk++];
}

static void queue(struct poll_table *pt, struct file *f, struct wait_queue *wq)
{
	struct poll_set *s = container_of(pt, struct poll_set, pt);
	struct poll_entry *e = new_entry(s);

	if (!e) {
		s->err = -ENOMEM;
		return;
	}
	wait_entry_init(&e->wait, called, NULL);
	e->wq = wq;
	e->file = f;
	e->set = s;
	e->events = pt->events;
	get_file(f);
	add_wait_queue(wq, &e->wait);
}

void poll_set_start(struct poll_set *s)
{
	memset(s, 0, offsetof(struct poll_set, inl));
	s->pt.queue = queue;
	s->task = current;
}

static void drop_entries(struct poll_entry *e, unsigned n)
{
	while (n--) {
		remove_wait_queue(e[n].wq, &e[n].wait);
		put_file(e[n].file);
	}
}
void poll_set_end(struct poll_set *s)
{
	unsigned n = s->in_chunk;

	while (s->chunks) {
		struct poll_chunk *c = s->chunks;

		s->chunks = c->next;
		drop_entries(c->e, n);
		kfree(c);
		n = ARRAY_SIZE(c->e);
	}
	drop_entries(s->inl, s->used);
}

bool poll_set_sleep(struct poll_set *s, u64 until)
{
	u64 now = until == POLL_FOREVER ? 0 : ktime_get();

	if (now >= until)
		return false;
	set_current_state(TASK_INTERRUPTIBLE);
	if (!READ_ONCE(s->triggered))
		schedule_timeout(until == POLL_FOREVER ? MAX_TIMEOUT : until - now);
	set_current_state(TASK_RUNNING);
	WRITE_ONCE(s->triggered, false);
	smp_mb();
	return true;
}

u32 poll_fd(struct poll_set *s, unsigned fd, u32 want)
{
	struct fdref r = fdget(fd);
	u32 events;

	if (!r.file)
		return EPOLLNVAL;
	want |= EPOLLERR | EPOLLHUP;
	s->pt.events = want;
	events = r.file->ops->poll ? r.file->ops->poll(r.file, &s->pt) : EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM;
	fdput(r);
	return events & want;
}

/* --- time ----------------------------------------------------------------------------------------------------------- */
static int deadline(const void __user *uts, bool large, u64 *until)
{
	u64 ns;
	int err;

	*until = POLL_FOREVER;
	if (!uts)
		return 0;
	err = get_timespec_ns(&ns, uts, large);
	if (!err)
		*until = ns ? min(ktime_get() + ns, POLL_FOREVER - 1) : 0;
	return err;
}

/* A time that cannot be written is no error. */
static void give_time_left(void __user *uts, bool large, u64 until)
{
	u64 now;

	if (!uts || until == POLL_FOREVER)
		return;
	now = ktime_get();
	(void)put_timespec_ns(uts, until > now ? until - now : 0, large);
}

long poll_masked_begin(const void __user *ts, bool large, const void __user *mask, size_t size, u64 *until)
{
	int err = deadline(ts, large, until);

	return err ? err : set_user_sigmask(mask, size);
}

long poll_masked_end(long found, void __user *ts, bool large, u64 until)
{
	if (found == -EINTR)
		found = -ERESTARTNOHAND;
	else
		restore_sigmask();
	give_time_left(ts, large, until);
	return found;
}

/* --- poll -------------------------------------------------------------------------------------------------------------- */
struct asked { struct pollfd *fds; unsigned n; };

/* => how many have events */
static long ask_fds(struct poll_set *s, void *arg)
{
	const struct asked *a = arg;
	long found = 0;

	for (struct pollfd *p = a->fds; p < a->fds + a->n; p++) {
		p->revents = p->fd < 0 ? 0 : (short)poll_fd(s, p->fd, (u16)p->events);
		if (p->revents) {
			found++;
			s->pt.queue = NULL; /* no need to wait */
		}
	}
	return found;
}

#define FDS_ON_STACK 24
static long do_poll(struct pollfd __user *ufds, unsigned n, u64 until)
{
	struct pollfd few[FDS_ON_STACK], *fds = few;
	long found;

	if (n > rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	if (n > FDS_ON_STACK) {
		fds = kvmalloc(n * sizeof(*fds), GFP_KERNEL);
		if (!fds)
			return -ENOMEM;
	}
	found = copy_from_user(fds, ufds, n * sizeof(*fds)) ? -EFAULT : poll_rounds(ask_fds, &(struct asked){ fds, n }, until);
	if (found >= 0)
		for (unsigned k = 0; k < n; k++)
			if (put_user(fds[k].revents, &ufds[k].revents)) {
				found = -EFAULT;
				break;
			}
	if (fds != few)
		kvfree(fds);
	return found;
}

/* After a stop and continuation the rest of the time is waited for. */
static long poll_again(struct task *t)
{
	long found = do_poll((void __user *)t->restart.arg[0], t->restart.arg[1], t->restart.expires);

	return found == -EINTR ? -ERESTART_RESTARTBLOCK : found;
}

SYSCALL(poll, struct pollfd __user *fds, unsigned n, int ms)
{
	u64 until = ms_deadline(ms);
	long found = do_poll(fds, n, until);

	if (found != -EINTR)
		return found;
	current->restart.fn = poll_again;
	current->restart.expires = until;
	current->restart.arg[0] = (u32)fds;
	current->restart.arg[1] = n;
	return -ERESTART_RESTARTBLOCK;
}

static long do_ppoll(struct pollfd __user *fds, unsigned n, void __user *ts, bool large, const void __user *mask, size_t size)
{
	u64 until;
	long err = poll_masked_begin(ts, large, mask, size, &until);

	return err ? err : poll_masked_end(do_poll(fds, n, until), ts, large, until);
}
SYSCALL(ppoll, struct pollfd __user *fds, unsigned n, void __user *ts, const void __user *mask, size_t size)
{
	return do_ppoll(fds, n, ts, false, mask, size);
}
SYSCALL(ppoll_time64, struct pollfd __user *fds, unsigned n, void __user *ts, const void __user *mask, size_t size)
{
	return do_ppoll(fds, n, ts, true, mask, size);
}
