/* SPDX-License-Identifier: MIT
 *
 * The idle tasks, and the scheduler's start. An idle CPU has no tick and takes part in no grace period; the next timer
 * or a reschedule interrupt ends its sleep.
 *
 * Boot: the flow of kernel_main is task boot_task from its first instruction on, and becomes CPU 0's idle task when it
 * calls cpu_idle(). Another CPU starts on the stack of the idle task that its starter made.
 */
#include "arch/i386/ops.h"
#include "arch/i386/traps.h"
#include "kernel/sched/internal.h"
#include "kernel/lib/string.h"

static void sleep_until_interrupt(void)
{
	local_irq_disable();
	rcu_idle_enter();
	if (likely(!need_resched()))
		cpu_sleep(); /* interrupts on, without a gap */
	local_irq_disable();
	rcu_idle_exit();
	local_irq_enable();
}

/* preempt_count stays 1 in idle: nothing here is preempted, schedule_locked_off is called as it stands. */
void cpu_idle(void)
{
	struct rq *rq = this_rq();
	unsigned cpu = rq->cpu;

	local_irq_enable();
	for (;;) {
		set_bit(cpu, &sched_idle_cpus);
		while (!need_resched()) {
			log_wake_readers();
			sleep_until_interrupt();
		}
		clear_bit(cpu, &sched_idle_cpus);
		schedule_locked_off(false);
	}
}

static void rq_init(unsigned cpu, struct task *idle)
{
	struct rq *rq = cpu_rq(cpu);

	rq->cpu = cpu;
	rq->curr = rq->idle = idle;
	rq->fair = RB_ROOT_CACHED;
	for (unsigned i = 0; i < NR_RT; i++)
		INIT_LIST_HEAD(&rq->rt[i]);
	rq->idle_since = ktime_get();
	tick_init(rq);
}

void sched_init(void)
{
	rq_init(0, &boot_task);
	arch_ops.resched_ipi = sched_resched_ipi;
}

/* From the starter of cpu, in a thread. idle: zeroed but for its stack. */
void sched_init_cpu(unsigned cpu, struct task *idle)
{
	void *stack = idle->stack;

	memcpy(idle, &boot_task, sizeof(*idle));
	idle->stack = stack;
	idle->work = 0;
	idle->arch = (struct arch_thread){ .fpu_cpu = ~0U };
	idle->mm = idle->active_mm = NULL;
	idle->lockdep = NULL;
	INIT_LIST_HEAD(&idle->all_node);
	INIT_LIST_HEAD(&idle->thread_node);
	INIT_LIST_HEAD(&idle->pending.queue);
	idle->sched.cpu = (u16)cpu;
	idle->sched.allowed = 1u << cpu;
	idle->comm[5] = (char)(cpu < 10 ? '0' + cpu : '1');
	idle->comm[6] = (char)(cpu < 10 ? 0 : '0' + cpu - 10);
	idle->comm[7] = 0;
	rq_init(cpu, idle);
	hrtimer_init_cpu(cpu);
	rcu_init_cpu(cpu);
}

void sched_cpu_main(unsigned cpu)
{
	cpu_rq(cpu)->idle_since = ktime_get();
	cpu_idle();
}
