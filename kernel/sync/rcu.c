/* SPDX-License-Identifier: MIT
 *
 * RCU. Readers are regions with preemption off; so a CPU that switches tasks, runs user code or idles holds none.
 *
 * A grace period (thread "rcu", one at a time): every CPU that does not idle gets rcu_wanted; at its next context
 * switch, tick in user mode or step into idle it takes itself out of `waiting`. The last one wakes the thread. CPUs that
 * keep still are interrupted after a while: at once if somebody sleeps for it (synchronize_rcu), else after 10 ms.
 *
 * Idle CPUs are never disturbed: rcu_idle says 1 idle, 2 in an interrupt that came while idle, 0 otherwise. Idle CPU
 * sets it, then looks at rcu_wanted; the thread sets rcu_wanted, then looks at rcu_idle: one of them sees the other.
 *
 * Callbacks: per CPU a list that grows with interrupts off, and a thread "rcuc/N" that takes all of it, asks for a grace
 * period and calls. It is woken by a timer, so that a burst shares one grace period, or at once when many have come.
 *
 * Locks: gp_lock (irqs off) is a leaf.
 */
#include "arch/i386/smp.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/rcu.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"

#define BATCH_DELAY (3 * NSEC_PER_MSEC)
#define BATCH_MANY 2000U
#define PATIENCE (10 * NSEC_PER_MSEC)

DEFINE_PER_CPU(u32, rcu_wanted);
DEFINE_PER_CPU(u32, rcu_idle);
volatile u32 rcu_completed;          /* grace periods that have ended */
static u32 started, requested;       /* gp_lock: begun; must end */
static u32 hurry;                    /* gp_lock: somebody sleeps for it */
static spinlock_t gp_lock;
static volatile unsigned long waiting; /* CPUs without a quiescent state in this grace period */
static struct task *gp_thread;
static DEFINE_WAIT_QUEUE(done_wait); /* for rcu_completed */

struct rcu_batch {
	struct rcu_head *head;       /* newest first */
	u32 count;
	bool armed;
	struct hrtimer timer;
	struct task *thread;
	volatile u32 flush_wanted, flush_done; /* rcu_barrier */
};
static DEFINE_PER_CPU(struct rcu_batch, rcu_batch);
static DEFINE_WAIT_QUEUE(flush_wait);

static inline bool reached(u32 target) { return (s32)(rcu_completed - target) >= 0; }

/* --- quiescent states -------------------------------------------------------------------------------------------------- */
void rcu_report(void)
{
	unsigned long bit = 1UL << smp_processor_id(), old;

	this_cpu_write(rcu_wanted, 0);
	old = waiting;
	while (!try_cmpxchg(&waiting, &old, old & ~bit))
		;
	if (old == bit && gp_thread)
		wake_up_process(gp_thread);
}

void rcu_idle_enter(void)
{
	(void)xchg(this_cpu_ptr(&rcu_idle), 1u);
	rcu_quiescent();
}

void rcu_idle_exit(void) { (void)xchg(this_cpu_ptr(&rcu_idle), 0u); }

void rcu_irq_enter(void)
{
	if (this_cpu_read(rcu_idle) == 1)
		(void)xchg(this_cpu_ptr(&rcu_idle), 2u);
}

void rcu_irq_exit(void)
{
	if (in_irq()) /* an NMI over the interrupt */
		return;
	(void)xchg(this_cpu_ptr(&rcu_idle), 1u);
	rcu_quiescent();
}

/* --- grace periods ------------------------------------------------------------------------------------------------------- */
/* => number of the first grace period that begins from now on; it will be driven */
static u32 request(bool urgent)
{
	unsigned long flags;
	u32 target;

	spin_lock_irqsave(&gp_lock, flags);
	target = started + 1;
	if ((s32)(target - requested) > 0)
		requested = target;
	hurry += urgent;
	spin_unlock_irqrestore(&gp_lock, flags);
	wake_up_process(gp_thread);
	return target;
}

static bool begin(bool *urgent)
{
	bool work;

	spin_lock_irq(&gp_lock);
	work = requested != started;
	if (work)
		started++;
	*urgent = hurry;
	spin_unlock_irq(&gp_lock);
	return work;
}

static void ask_cpus(void)
{
	waiting = cpu_online_mask;
	for_each_online_cpu(cpu)
		per_cpu(rcu_wanted, cpu) = 1;
	smp_mb();
	for_each_online_cpu(cpu)
		if (READ_ONCE(per_cpu(rcu_idle, cpu)) == 1) {
			clear_bit(cpu, &waiting);
			per_cpu(rcu_wanted, cpu) = 0;
		}
	preempt_disable();
	rcu_quiescent();
	preempt_enable();
}

static void interrupt_cpus(void)
{
	for_each_online_cpu(cpu)
		if (test_bit(cpu, &waiting)) {
			if (READ_ONCE(per_cpu(rcu_idle, cpu)) == 1)
				clear_bit(cpu, &waiting);
			else
				sched_kick(cpu);
		}
}

static void wait_for_cpus(bool urgent)
{
	u64 patience = urgent ? NSEC_PER_MSEC : PATIENCE;

	if (waiting && urgent)
		interrupt_cpus();
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE); /* no signal reaches a kernel thread; it is no load either */
		if (!waiting)
			break;
		if (!schedule_timeout(patience))
			interrupt_cpus();
	}
	__set_current_state(TASK_RUNNING);
}

static int gp_main(void *arg)
{
	bool urgent;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!begin(&urgent)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		ask_cpus();
		wait_for_cpus(urgent);
		smp_mb();
		rcu_completed++;
		wake_up_all(&done_wait);
	}
	return 0;
}

static bool others_idle(void)
{
	u32 me = smp_processor_id();

	smp_mb();
	for_each_online_cpu(cpu)
		if (cpu != me && READ_ONCE(per_cpu(rcu_idle, cpu)) != 1)
			return false;
	smp_mb();
	return true;
}

void synchronize_rcu(void)
{
	bool quick;
	u32 target;

	might_sleep();
	preempt_disable();
	quick = others_idle();
	preempt_enable();
	if (quick || !gp_thread)
		return;
	target = request(true);
	wait_event(&done_wait, reached(target));
	spin_lock_irq(&gp_lock);
	hurry--;
	spin_unlock_irq(&gp_lock);
}

/* --- callbacks --------------------------------------------------------------------------------------------------------------- */
static void batch_timer(struct hrtimer *t)
{
	struct rcu_batch *b = container_of(t, struct rcu_batch, timer);

	wake_up_process(b->thread);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *))
{
	struct rcu_batch *b;
	unsigned long flags;

	head->func = func;
	local_irq_save(flags);
	b = this_cpu_ptr(&rcu_batch);
	head->next = b->head;
	b->head = head;
	b->count++;
	if (unlikely(!b->armed) && b->thread) {
		b->armed = true;
		hrtimer_start_in(&b->timer, BATCH_DELAY);
	} else if (unlikely(b->count == BATCH_MANY) && b->thread)
		wake_up_process(b->thread);
	local_irq_restore(flags);
}

static struct rcu_head *take_batch(struct rcu_batch *b)
{
	struct rcu_head *list;

	local_irq_disable();
	list = b->head;
	b->head = NULL;
	b->count = 0;
	b->armed = false;
	local_irq_enable();
	return list;
}

static void run_batch(struct rcu_head *list)
{
	u32 target;

	if (!list)
		return;
	target = request(false);
	(void)wait_event_interruptible(&done_wait, reached(target)); /* no signal reaches a kernel thread */
	while (list) {
		struct rcu_head *next = list->next;

		list->func(list);
		list = next;
		cond_resched();
	}
}

static int batch_main(void *arg)
{
	struct rcu_batch *b = arg;
	u32 flush;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		flush = b->flush_wanted;
		/* a timer that is armed says when; many callbacks or a flush say now */
		if (flush == b->flush_done && (!b->head || (b->count < BATCH_MANY && hrtimer_active(&b->timer)))) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		run_batch(take_batch(b));
		if (flush != b->flush_done) {
			b->flush_done = flush;
			wake_up_all(&flush_wait);
		}
	}
	return 0;
}

static bool flushed(const u32 *wanted)
{
	for_each_cpu(cpu)
		if (wanted[cpu] && (s32)(per_cpu(rcu_batch, cpu).flush_done - wanted[cpu]) < 0)
			return false;
	return true;
}

void rcu_barrier(void)
{
	u32 wanted[MAX_CPUS];
	unsigned long flags;

	might_sleep();
	if (!gp_thread)
		return;
	spin_lock_irqsave(&gp_lock, flags);
	hurry++;
	for_each_cpu(cpu)
		wanted[cpu] = cpu_online(cpu) && per_cpu(rcu_batch, cpu).thread ? ++per_cpu(rcu_batch, cpu).flush_wanted : 0;
	spin_unlock_irqrestore(&gp_lock, flags);
	for_each_cpu(cpu)
		if (wanted[cpu])
			wake_up_process(per_cpu(rcu_batch, cpu).thread);
	wait_event(&flush_wait, flushed(wanted));
	spin_lock_irq(&gp_lock);
	hurry--;
	spin_unlock_irq(&gp_lock);
}

/* The per-CPU area of cpu exists; the CPU may still have to be started: its thread is woken by its first callback. */
void rcu_init_cpu(unsigned cpu)
{
	struct rcu_batch *b = &per_cpu(rcu_batch, cpu);
	struct task *t = kthread_create(batch_main, b, (int)cpu, "rcuc/%u", cpu);

	if (IS_ERR(t))
		panic("no memory for the RCU threads");
	hrtimer_init(&b->timer, batch_timer);
	WRITE_ONCE(b->thread, t);
	if (cpu_online(cpu))
		wake_up_process(t); /* what came during boot */
}

void rcu_init(void)
{
	struct task *t = kthread_create(gp_main, NULL, -1, "rcu");

	if (IS_ERR(t))
		panic("no memory for the RCU threads");
	WRITE_ONCE(gp_thread, t);
	wake_up_process(t);
	rcu_init_cpu(smp_processor_id());
}
