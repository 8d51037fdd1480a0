/* SPDX-License-Identifier: MIT
 *
 * process_vm_readv, process_vm_writev: copying between the caller and another process.
 *
 * Page by page: the other side's page is faulted in and held, our side goes through uaccess with a small buffer. The
 * permission is ptrace's: the same user and group ids three times over and a dumpable target, or CAP_SYS_PTRACE.
 */
#include "arch/i386/uaccess.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/cred.h"
#include "mm/virt/mm.h"
#include <linux/uio.h>

#define IOV_MAX 1024
#define PIECE 512

struct side { const struct iovec *iov; unsigned n, i; size_t offset; };

/* => RCU */
static bool may_access(struct task *t)
{
	const struct cred *me = current->cred, *c = rcu_dereference(t->cred);

	if (t->group == current->group || capable(CAP_SYS_PTRACE))
		return true;
	return t->group->dumpable && me->fsuid == c->euid && me->fsuid == c->suid && me->fsuid == c->uid &&
	       me->fsgid == c->egid && me->fsgid == c->sgid && me->fsgid == c->gid;
}

static struct mm *mm_of(pid_t pid)
{
	struct task *t = get_task_nr(pid);
	struct mm *mm;
	bool allowed;

	if (!t)
		return ERR_PTR(-ESRCH);
	/* First the memory, then the question: exec makes the new program's credentials visible before its memory. */
	mm = get_task_mm(t) ?: ERR_PTR(-ESRCH);
	rcu_read_lock();
	allowed = may_access(t);
	rcu_read_unlock();
	put_task(t);
	if (allowed)
		return mm;
	if (!IS_ERR(mm))
		mmput(mm);
	return ERR_PTR(-EPERM);
}

/* The next stretch of a side, at most `max` bytes. => its length, 0: the end */
static size_t stretch(struct side *s, size_t max, unsigned long *addr)
{
	while (s->i < s->n && s->offset == s->iov[s->i].iov_len) {
		s->i++;
		s->offset = 0;
	}
	if (s->i == s->n)
		return 0;
	*addr = (unsigned long)s->iov[s->i].iov_base + s->offset;
	return min(max, s->iov[s->i].iov_len - s->offset);
}

static size_t move(struct mm *mm, unsigned long local, unsigned long remote, size_t n, bool write)
{
	u8 buf[PIECE];

	if (write) {
		n -= copy_from_user(buf, (void __user *)local, n);
		return n ? mm_access(mm, remote, buf, n, true) : 0;
	}
	n = mm_access(mm, remote, buf, n, false);
	return n - copy_to_user((void __user *)local, buf, n);
}

static long copy_sides(struct mm *mm, struct side *local, struct side *remote, bool write)
{
	unsigned long l, r;
	size_t n, done, total = 0;

	for (;;) {
		n = stretch(local, PIECE, &l);
		if (n)
			n = stretch(remote, n, &r);
		if (!n)
			return total;
		done = move(mm, l, r, n, write);
		local->offset += done;
		remote->offset += done;
		total += done;
		if (done < n)
			return total ? (long)total : -EFAULT;
		if (fatal_signal_pending())
			return total ? (long)total : -EINTR;
		cond_resched();
	}
}

static int read_iov(struct iovec **out, const struct iovec __user *from, unsigned n)
{
	struct iovec *iov;

	if (n > IOV_MAX)
		return -EINVAL;
	iov = kmalloc(max(n, 1u) * sizeof(*iov), GFP_KERNEL);
	if (!iov)
		return -ENOMEM;
	if (copy_from_user(iov, from, n * sizeof(*iov))) {
		kfree(iov);
		return -EFAULT;
	}
	for (unsigned i = 0; i < n; i++)
		if ((ssize_t)iov[i].iov_len < 0) {
			kfree(iov);
			return -EINVAL;
		}
	*out = iov;
	return 0;
}

static long transfer(pid_t pid, const struct iovec __user *local, unsigned nl, const struct iovec __user *remote, unsigned nr,
		     u32 flags, bool write)
{
	struct iovec *l = NULL, *r = NULL;
	struct mm *mm;
	long ret;

	if (flags)
		return -EINVAL;
	ret = read_iov(&l, local, nl);
	if (!ret)
		ret = read_iov(&r, remote, nr);
	if (!ret) {
		struct side sl = { l, nl, 0, 0 }, sr = { r, nr, 0, 0 };

		mm = mm_of(pid);
		ret = IS_ERR(mm) ? PTR_ERR(mm) : copy_sides(mm, &sl, &sr, write);
		if (!IS_ERR(mm))
			mmput(mm);
	}
	kfree(l);
	kfree(r);
	return ret;
}

SYSCALL(process_vm_readv, pid_t pid, const struct iovec __user *local, u32 nl, const struct iovec __user *remote, u32 nr, u32 flags)
{
	return transfer(pid, local, nl, remote, nr, flags, false);
}

SYSCALL(process_vm_writev, pid_t pid, const struct iovec __user *local, u32 nl, const struct iovec __user *remote, u32 nr, u32 flags)
{
	return transfer(pid, local, nl, remote, nr, flags, true);
}
