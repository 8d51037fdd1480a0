/* SPDX-License-Identifier: MIT
 *
 * The machine as a whole: its name, its memory and load, the log, random numbers, reboot, barriers.
 *
 * uname says "Linux", with a release that names this kernel: ordinary programs and libc ask for no less than a number.
 */
#include "arch/i386/smp.h"
#include "arch/i386/thread.h"
#include "arch/i386/uaccess.h"
#include "drivers/bus/power.h"
#include "drivers/char/char.h"
#include "drivers/char/tty.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/fs/tty_job.h"
#include "kernel/fs/vfs.h"
#include "kernel/sys/cred.h"
#include "kernel/time/clock.h"
#include "mm/phys/phys.h"
#include "mm/reclaim/swap.h"
#include "mm/virt/mm.h"
#include "version.h"
#include <linux/membarrier.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>

/* --- names ------------------------------------------------------------------------------------------------------------------------- */

struct new_utsname uts_name = {
	.sysname = "Linux", .nodename = "isthmus", .release = "6.1.0-isthmus",
	.version = "#1 SMP PREEMPT Isthmus " ISTHMUS_VERSION " " ISTHMUS_COMMIT, .machine = "i686", .domainname = "(none)",
};
DEFINE_SPINLOCK(uts_lock);

SYSCALL(uname, struct new_utsname __user *to)
{
	struct new_utsname u;

	spin_lock(&uts_lock);
	u = uts_name;
	spin_unlock(&uts_lock);
	return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : 0;
}

SYSCALL(olduname, struct old_utsname __user *to)
{
	return copy_to_user(to, &uts_name, sizeof(*to)) ? -EFAULT : 0; /* the same without the last field */
}

SYSCALL(oldolduname, struct oldold_utsname __user *to)
{
	struct oldold_utsname u;

	memset(&u, 0, sizeof(u));
	memcpy(u.sysname, uts_name.sysname, __OLD_UTS_LEN);
	memcpy(u.nodename, uts_name.nodename, __OLD_UTS_LEN);
	memcpy(u.release, uts_name.release, __OLD_UTS_LEN);
	memcpy(u.version, uts_name.version, __OLD_UTS_LEN);
	memcpy(u.machine, uts_name.machine, __OLD_UTS_LEN);
	return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : 0;
}

int uts_set(bool domain, const char *name, size_t len)
{
	char *to = domain ? uts_name.domainname : uts_name.nodename;

	if (len > __NEW_UTS_LEN)
		return -EINVAL;
	spin_lock(&uts_lock);
	memset(to, 0, __NEW_UTS_LEN + 1);
	memcpy(to, name, len);
	spin_unlock(&uts_lock);
	return 0;
}

static long set_name(bool domain, const char __user *from, int len)
{
	char buf[__NEW_UTS_LEN + 1];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > __NEW_UTS_LEN)
		return -EINVAL;
	return copy_from_user(buf, from, len) ? -EFAULT : uts_set(domain, buf, len);
}

SYSCALL(sethostname, const char __user *from, int len) { return set_name(false, from, len); }
SYSCALL(setdomainname, const char __user *from, int len) { return set_name(true, from, len); }

/* --- memory and load ------------------------------------------------------------------------------------------------------------------ */

/* Sizes are in units of mem_unit: bytes, or pages where 32 bits of bytes do not reach. */
SYSCALL(sysinfo, struct sysinfo __user *to)
{
	struct sysinfo s = { 0 };
	bool big = mmu_pages(totalram_pages) + swap_total_slots() >= 1UL << (32 - MMU_PAGE_SHIFT);
	unsigned shift = big ? 0 : MMU_PAGE_SHIFT;

	s.uptime = div_u64(ktime_get(), NSEC_PER_SEC);
	get_loadavg(s.loads);
	for (int i = 0; i < 3; i++)
		s.loads[i] <<= SI_LOAD_SHIFT - 11;
	s.totalram = mmu_pages(totalram_pages) << shift;
	s.freeram = mmu_pages(nr_free_pages()) << shift;
	s.totalhigh = mmu_pages(totalhigh_pages) << shift;
	s.freehigh = mmu_pages(nr_free_pages() - nr_free_low()) << shift;
	s.totalswap = swap_total_slots() << shift;
	s.freeswap = swap_free_slots() << shift;
	s.procs = min(nr_threads(), 0xffffu);
	s.mem_unit = big ? MMU_PAGE_SIZE : 1;
	return copy_to_user(to, &s, sizeof(s)) ? -EFAULT : 0;
}

/* --- random numbers ------------------------------------------------------------------------------------------------------------------- */

SYSCALL(getrandom, void __user *to, size_t n, u32 flags)
{
	u8 buf[256];
	size_t done = 0;
	int err;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) || (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	err = flags & GRND_INSECURE ? 0 : random_wait_ready(flags & GRND_NONBLOCK);
	if (err)
		return err;
	n = min(n, (size_t)0x7fffffff);
	while (done < n) {
		size_t part = min(n - done, sizeof(buf));

		get_random_bytes(buf, part);
		if (copy_to_user((char __user *)to + done, buf, part))
			return done ? (long)done : -EFAULT;
		done += part;
		if (done >= sizeof(buf) && signal_pending())
			break;
		cond_resched();
	}
	memset(buf, 0, sizeof(buf));
	return done;
}

/* --- end of the machine ------------------------------------------------------------------------------------------------------------------ */

long sys_sync(void);

SYSCALL(reboot, u32 magic1, u32 magic2, u32 cmd, const char __user *arg)
{
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != LINUX_REBOOT_MAGIC1 || (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
	    magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0; /* Ctrl-Alt-Del is a key like others */
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		sys_sync();
		pr_info("restarting\n");
		machine_restart();
	case LINUX_REBOOT_CMD_POWER_OFF:
	case LINUX_REBOOT_CMD_HALT:
		sys_sync();
		pr_info("power down\n");
		machine_power_off();
	default:
		return -EINVAL;
	}
}

/* The terminal's line is cut for everybody who has it open. */
SYSCALL(vhangup, void)
{
	struct tty *t;

	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	t = current_tty_get();
	if (t) {
		tty_job_hangup(t);
		tty_put(t);
	}
	return 0;
}

/* --- barriers ----------------------------------------------------------------------------------------------------------------------------- */

static void do_nothing(void *arg)
{
}

/* An interrupt on each other CPU is a full barrier there, whatever runs on it. */
static void barrier_everywhere(void)
{
	u32 others;

	preempt_disable();
	others = cpu_online_mask & ~(1u << smp_processor_id());
	preempt_enable();
	smp_mb();
	if (others)
		smp_call_function(others, do_nothing, NULL);
	smp_mb();
}

SYSCALL(membarrier, int cmd, u32 flags, int cpu_id)
{
	if (flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		barrier_everywhere();
		return 0;
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
		return 0; /* no state is needed */
	default:
		return -EINVAL;
	}
}

/* --- thread-local storage ------------------------------------------------------------------------------------------------------------------ */

SYSCALL(set_thread_area, void __user *desc)
{
	return thread_set_tls(current, desc, true);
}

SYSCALL(get_thread_area, void __user *desc)
{
	return thread_get_tls(current, desc);
}
