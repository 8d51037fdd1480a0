/* SPDX-License-Identifier: MIT
 *
 * The answer for system calls that are missing: ENOSYS, and one line in the log per call and boot, with its name. Also the way to
 * those that are our own, whose numbers lie far away.
 */
#include "kernel/sys/syscalls.h"

#include "arch/i386/traps.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/task.h"

static unsigned long told[512 / 32];

static void tell_once(unsigned nr)
{
	const char *name = nr < nr_syscalls ? syscall_names[nr] : NULL;

	if (nr >= 512 || test_and_set_bit(nr, told))
		return;
	pr_info("%s[%d]: system call %u (%s) is missing\n", current->comm, current->pid, nr, name ? name : "no name");
}

long sys_none(void)
{
	tell_once(current_regs()->orig_eax);
	return -ENOSYS;
}

/* A number that is not in Linux's table: perhaps one of ours. */
long sys_unknown(struct regs *regs)
{
	typedef long (*call)(u32 a, u32 b, u32 c, u32 d, u32 e, u32 f);
	u32 nr = regs->orig_eax - OWN_SYSCALLS;

	if (nr < nr_own_syscalls)
		return ((call)own_syscall_table[nr])(regs->ebx, regs->ecx, regs->edx, regs->esi, regs->edi, regs->ebp);
	tell_once(regs->orig_eax);
	return -ENOSYS;
}
