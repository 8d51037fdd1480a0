/* SPDX-License-Identifier: MIT
 *
 * Restartable sequences: rseq(2), linux/rseq.h. A thread names a structure of its own; the kernel keeps the CPU's number in it,
 * and when the thread comes back to user mode after others may have run in its place, and stands between the start and the
 * commit of the sequence that the structure names, it goes on at the sequence's abort address instead.
 *
 * When that is so: it was switched out in an interrupt or fault (a system call is in no sequence), or is on another CPU now:
 * rseq_switch() then sets WORK_RSEQ. And when a signal's handler is about to run. What is wrong in user memory is SIGSEGV.
 * glibc registers each thread; so a switch costs two comparisons, and writing the number only where it changes.
 */
#include "arch/i386/pgtable.h"
#include "arch/i386/traps.h"
#include "arch/i386/uaccess.h"
#include "kernel/lib/syscall.h"
#include "kernel/sys/process.h"
#include "kernel/sys/sighand.h"
#include <asm/signal.h>
#include <linux/rseq.h>

static struct rseq __user *mine(void) { return (struct rseq __user *)current->rseq; }

/* --- coming back to user mode -------------------------------------------------------------------------------------------- */

/* => 0, *abort 0: eip is in no sequence; or where to go on; -EFAULT, -EINVAL */
static int find_abort(const struct rseq_cs *cs, u32 eip, u32 *abort)
{
	u32 start = (u32)cs->start_ip, length = (u32)cs->post_commit_offset, to = (u32)cs->abort_ip, flags, signature;

	*abort = 0;
	if (cs->version || cs->start_ip >= TASK_SIZE || cs->abort_ip >= TASK_SIZE || cs->start_ip + cs->post_commit_offset >= TASK_SIZE ||
	    cs->start_ip + cs->post_commit_offset < cs->start_ip || to - start < length)
		return -EINVAL;
	if (get_user(signature, (u32 __user *)(to - 4)))
		return -EFAULT;
	if (signature != current->rseq_sig)
		return -EINVAL;
	if (eip - start >= length)
		return 0;
	if (get_user(flags, &mine()->flags))
		return -EFAULT;
	if (flags | cs->flags) /* not to be restarted: no kernel of today offers that */
		return -EINVAL;
	*abort = to;
	return 0;
}

static int leave_sequence(struct regs *regs)
{
	u32 __user *slot = (u32 __user *)&mine()->rseq_cs;
	u32 low, high, abort;
	struct rseq_cs cs;
	int err;

	if (get_user(low, slot) || get_user(high, slot + 1))
		return -EFAULT;
	if (!(low | high))
		return 0;
	if (high)
		return -EINVAL;
	if (copy_from_user(&cs, (void __user *)low, sizeof(cs)))
		return -EFAULT;
	err = find_abort(&cs, regs->eip, &abort);
	if (err)
		return err;
	if (put_user(0U, slot) || put_user(0U, slot + 1))
		return -EFAULT;
	if (abort)
		regs->eip = abort;
	return 0;
}

static int write_cpu(void)
{
	u32 cpu = smp_processor_id(); /* moved meanwhile: rseq_switch has asked for another round */

	current->rseq_cpu = (u16)cpu;
	return put_user(cpu, &mine()->cpu_id_start) || put_user(cpu, &mine()->cpu_id) ? -EFAULT : 0;
}

/* On the way to user mode, and before a handler's frame is pushed. */
void rseq_resume(struct regs *regs)
{
	int err;

	work_clear(current, WORK_RSEQ);
	if (!current->rseq) /* exec */
		return;
	err = leave_sequence(regs);
	if (!err)
		err = write_cpu();
	if (err)
		force_signal(SIGSEGV, SI_KERNEL, 0, 0);
}

/* --- the call --------------------------------------------------------------------------------------------------------------- */

static long leave(u32 addr, u32 len, u32 sig)
{
	if (!current->rseq || current->rseq != addr || len != sizeof(struct rseq))
		return -EINVAL;
	if (current->rseq_sig != sig)
		return -EPERM;
	if (put_user(0U, &mine()->cpu_id_start) || put_user((u32)RSEQ_CPU_ID_UNINITIALIZED, &mine()->cpu_id))
		return -EFAULT;
	current->rseq = 0;
	work_clear(current, WORK_RSEQ);
	return 0;
}

SYSCALL(rseq, u32 addr, u32 len, int flags, u32 sig)
{
	if (flags & RSEQ_FLAG_UNREGISTER)
		return flags & ~RSEQ_FLAG_UNREGISTER ? -EINVAL : leave(addr, len, sig);
	if (flags)
		return -EINVAL;
	if (current->rseq)
		return current->rseq != addr || len != sizeof(struct rseq) ? -EINVAL : current->rseq_sig != sig ? -EPERM : -EBUSY;
	if (!addr || addr & (__alignof__(struct rseq) - 1) || len != sizeof(struct rseq))
		return -EINVAL;
	if (!access_ok((void __user *)addr, len))
		return -EFAULT;
	current->rseq = addr;
	current->rseq_sig = sig;
	work_set(current, WORK_RSEQ);
	return 0;
}
