/* SPDX-License-Identifier: MIT
 *
 * select and pselect6: poll.c's rounds over three bit maps.
 */
#include "kernel/fs/poll.h"

#define IN_EVENTS (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLHUP | EPOLLERR)
#define OUT_EVENTS (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLERR)
#define EX_EVENTS EPOLLPRI

enum { IN, OUT, EX, NR_SETS };
static const u32 set_events[NR_SETS] = { IN_EVENTS, OUT_EVENTS, EX_EVENTS };
struct fd_sets { unsigned long *want[NR_SETS], *have[NR_SETS]; unsigned words; };

/* One word of 32 descriptors. => how many bits were set in the results, -EBADF */
static int ask_word(struct poll_set *s, struct fd_sets *sets, unsigned w)
{
	unsigned long any = sets->want[IN][w] | sets->want[OUT][w] | sets->want[EX][w];
	int found = 0;

	while (any) {
		unsigned bit = __ffs(any);
		unsigned long mask = 1UL << bit;
		u32 want = 0, events;

		any &= ~mask;
		for (int k = 0; k < NR_SETS; k++)
			if (sets->want[k][w] & mask)
				want |= set_events[k];
		events = poll_fd(s, w * 32 + bit, want);
		if (events == EPOLLNVAL)
			return -EBADF;
		for (int k = 0; k < NR_SETS; k++)
			if (sets->want[k][w] & mask && events & set_events[k]) {
				sets->have[k][w] |= mask;
				found++;
				s->pt.queue = NULL;
			}
	}
	return found;
}

static long ask_sets(struct poll_set *s, void *arg)
{
	struct fd_sets *sets = arg;
	long found = 0;

	for (unsigned w = 0; w < sets->words; w++) {
		int n = ask_word(s, sets, w);

		if (n < 0)
			return n;
		found += n;
	}
	return found;
}

#define WORDS_ON_STACK 8 /* 256 descriptors */
static long do_select(int n, unsigned long __user *const user[NR_SETS], u64 until)
{
	unsigned long few[2 * NR_SETS * WORDS_ON_STACK], *bits = few;
	struct fd_sets sets;
	size_t bytes;
	long found = 0;

	if (n < 0)
		return -EINVAL;
	n = min_t(unsigned, n, current->files->table->max);
	sets.words = DIV_ROUND_UP(n, 32);
	bytes = sets.words * sizeof(long);
	if (sets.words > WORDS_ON_STACK) {
		bits = kvmalloc(2 * NR_SETS * bytes, GFP_KERNEL);
		if (!bits)
			return -ENOMEM;
	}
	memset(bits, 0, 2 * NR_SETS * bytes);
	for (int k = 0; k < NR_SETS; k++) {
		sets.want[k] = bits + 2 * k * sets.words;
		sets.have[k] = sets.want[k] + sets.words;
		if (user[k] && copy_from_user(sets.want[k], user[k], bytes))
			found = -EFAULT;
		if (n & 31)
			sets.want[k][sets.words - 1] &= (1UL << (n & 31)) - 1;
	}
	if (!found)
		found = poll_rounds(ask_sets, &sets, until);
	for (int k = 0; k < NR_SETS && found >= 0; k++)
		if (user[k] && copy_to_user(user[k], sets.have[k], bytes))
			found = -EFAULT;
	if (bits != few)
		kvfree(bits);
	return found;
}

/* --- select: timeval, which gets the rest back ----------------------------------------------------------------------- */
struct timeval_user { s32 sec, usec; };
static int read_timeval(struct timeval_user __user *u, u64 *until)
{
	struct timeval_user t;

	*until = POLL_FOREVER;
	if (!u)
		return 0;
	if (copy_from_user(&t, u, sizeof(t)))
		return -EFAULT;
	if (t.sec < 0 || t.usec < 0)
		return -EINVAL;
	*until = t.sec || t.usec ? ktime_get() + (u64)t.sec * NSEC_PER_SEC + (u64)t.usec * NSEC_PER_USEC : 0;
	return 0;
}
static void write_timeval(struct timeval_user __user *u, u64 until)
{
	u64 now = ktime_get(), left = until > now ? until - now : 0;
	struct timespec64 t = ns_to_timespec64(left);
	struct timeval_user k = { (s32)t.sec, t.nsec / (s32)NSEC_PER_USEC };

	if (u && until != POLL_FOREVER && copy_to_user(u, &k, sizeof(k)))
		return; /* a read-only timeval is no error */
}

SYSCALL(_newselect, int n, unsigned long __user *in, unsigned long __user *out, unsigned long __user *ex, struct timeval_user __user *tv)
{
	unsigned long __user *const user[NR_SETS] = { in, out, ex };
	u64 until;
	long found = read_timeval(tv, &until);

	if (found)
		return found;
	found = do_select(n, user, until);
	write_timeval(tv, until);
	return found == -EINTR ? -ERESTARTNOHAND : found;
}

struct select_args { unsigned long n; unsigned long __user *in, *out, *ex; struct timeval_user __user *tv; };
SYSCALL(select, const struct select_args __user *u)
{
	struct select_args a;

	if (copy_from_user(&a, u, sizeof(a)))
		return -EFAULT;
	return sys__newselect(a.n, a.in, a.out, a.ex, a.tv);
}

/* --- pselect6: the last argument points to { mask, size } ---------------------------------------------------------------- */
struct sigmask_arg { const void __user *mask; size_t size; };
static long do_pselect(int n, unsigned long __user *const user[NR_SETS], void __user *ts, bool large, const struct sigmask_arg __user *usig)
{
	struct sigmask_arg sig = { NULL, 0 };
	u64 until;
	long err;

	if (usig && copy_from_user(&sig, usig, sizeof(sig)))
		return -EFAULT;
	err = poll_masked_begin(ts, large, sig.mask, sig.size, &until);
	return err ? err : poll_masked_end(do_select(n, user, until), ts, large, until);
}
SYSCALL(pselect6, int n, unsigned long __user *in, unsigned long __user *out, unsigned long __user *ex, void __user *ts,
	const struct sigmask_arg __user *sig)
{
	unsigned long __user *const user[NR_SETS] = { in, out, ex };

	return do_pselect(n, user, ts, false, sig);
}
SYSCALL(pselect6_time64, int n, unsigned long __user *in, unsigned long __user *out, unsigned long __user *ex, void __user *ts,
	const struct sigmask_arg __user *sig)
{
	unsigned long __user *const user[NR_SETS] = { in, out, ex };

	return do_pselect(n, user, ts, true, sig);
}
