/* SPDX-License-Identifier: MIT
 *
 * The answer for system calls that are missing: ENOSYS, and one line in the log per call and boot, with its name.
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

long sys_unknown(struct regs *regs)
{
	tell_once(regs->orig_eax);
	return -ENOSYS;
}
