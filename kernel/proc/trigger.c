/* SPDX-License-Identifier: MIT
 *
 * What the sysrq keys do (drivers/char/sysrq.c says how they are pressed). All run with interrupts off, whatever hangs:
 * they look without locks, or under RCU, and print. What has to sleep goes to a thread.
 */
#include "arch/i386/dump.h"
#include "arch/i386/traps.h"
#include "drivers/bus/power.h"
#include "drivers/char/char.h"
#include "kernel/lib/div64.h"
#include "kernel/proc/internal.h"
#include "kernel/time/clock.h"
#include "mm/phys/phys.h"

static void memory(void)
{
	printk(KERN_NOTICE "memory: total %lu kB, high %lu kB, free %lu kB, free low %lu kB\n", kB(totalram_pages), kB(totalhigh_pages),
	       kB(nr_free_pages()), kB(nr_free_low()));
	for (unsigned i = 0; i < NR_ZONES; i++) {
		const struct zone *z = &zones[i];

		if (zone_populated(z))
			printk(KERN_NOTICE "  %-8s free %lu kB, min %lu, low %lu, high %lu, managed %lu, unopened %lu; anon %lu, file %lu\n", z->name,
			       kB(zone_free_pages(z)), kB(z->watermark[WMARK_MIN]), kB(z->watermark[WMARK_LOW]), kB(z->watermark[WMARK_HIGH]),
			       kB(z->managed), kB(z->unopened << MAX_ORDER), kB(z->nr_lru[LRU_ACTIVE_ANON] + z->nr_lru[LRU_INACTIVE_ANON]),
			       kB(z->nr_lru[LRU_ACTIVE_FILE] + z->nr_lru[LRU_INACTIVE_FILE]));
	}
	printk(KERN_NOTICE "  page cache %lu kB, shared memory %lu kB, committed %lu of %lu kB\n", kB(cache_pages()), kB(shmem_pages()),
	       mmu_kB(vm_committed()), mmu_kB(vm_commit_limit()));
}

static void one_task(struct task *t)
{
	printk(KERN_NOTICE "%-15s %c %5d, parent %d, CPU %u, switches %lu\n", t->comm, task_state_letter(t), t->pid, task_ppid(t),
	       t->sched.cpu, t->nvcsw + t->nivcsw);
	if (t != current && !t->sched.on_cpu && !t->exit_state)
		dump_task_stack(t);
}

static void tasks_in(const char *states)
{
	struct task *t;

	rcu_read_lock();
	for_each_task(t)
		if (!states || strchr(states, task_state_letter(t)))
			one_task(t);
	rcu_read_unlock();
}

static void all_tasks_shown(void) { tasks_in(NULL); }
static void blocked_tasks(void) { tasks_in("D"); }

static void registers(void)
{
	struct regs *r = this_cpu_read(irq_regs);

	if (r)
		dump_regs(r);
	else
		dump_stack();
}

/* --- to a thread ----------------------------------------------------------------------------------------------------------- */

static void sync_now(struct later *l)
{
	sync_all();
	printk(KERN_NOTICE "sysrq: synced\n");
}

static void sync_soon(void)
{
	static struct later l = LATER(sync_now);

	later_queue(&l);
}

/* As on Linux: the first process decides; where there is none the machine restarts. */
static void ask_init(struct later *l)
{
	if (init_task_1)
		send_group_signal(SIGINT, NULL, init_task_1);
	else
		machine_restart();
}

static void ctrl_alt_del(void)
{
	static struct later l = LATER(ask_init);

	later_queue(&l);
}

static void restart(void) { machine_restart(); }
static void power_off(void) { machine_power_off(); }

void sysrq_keys_init(void)
{
	sysrq_register('m', "memory", memory);
	sysrq_register('t', "tasks with their stacks", all_tasks_shown);
	sysrq_register('w', "tasks that wait uninterruptibly", blocked_tasks);
	sysrq_register('l', "backtraces of all CPUs", smp_backtrace_all);
	sysrq_register('p', "registers of this CPU", registers);
	sysrq_register('b', "restart at once", restart);
	sysrq_register('o', "power off at once", power_off);
	sysrq_register('s', "write everything to disk", sync_soon);
	sysrq_ctrl_alt_del_fn = ctrl_alt_del;
}
