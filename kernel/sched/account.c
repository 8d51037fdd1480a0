/* SPDX-License-Identifier: MIT
 *
 * Time: the tick, user and system time, idle time, load average.
 *
 * A CPU ticks 100 times a second while a task runs on it, through an hrtimer that is started when the CPU leaves idle
 * and is not restarted when it fires in idle. Run time is exact (charged at switches); how it splits into user and
 * system is sampled: each tick charges what passed since the last one to the mode that it interrupted.
 */
#include "arch/i386/traps.h"
#include "kernel/sched/internal.h"

static void charge(struct rq *rq, struct task *t, bool user)
{
	u64 delta = t->sched.sum_exec - t->sched.charged;

	t->sched.charged = t->sched.sum_exec;
	if (user) {
		t->utime += delta;
		if (t->sched.nice > 0)
			rq->times.nice += delta;
		else
			rq->times.user += delta;
	} else {
		t->stime += delta;
		rq->times.system += delta;
	}
}

/* => interrupt context, on the CPU that ticks */
void sched_tick(bool user)
{
	struct rq *rq = this_rq();
	struct task *t = rq->curr;
	u64 now = ktime_get(), ran;

	if (user)
		rcu_quiescent();
	raw_spin_lock(&rq->lock);
	update_curr(rq, now);
	charge(rq, t, user);
	ran = t->sched.sum_exec - t->sched.slice_start;
	if (rq->nr_running > 1 && ran >= (is_rt(t) ? t->sched.policy == SCHED_RR ? RR_SLICE : ~0ULL : SLICE - NSEC_PER_MSEC))
		resched(rq);
	raw_spin_unlock(&rq->lock);
	balance_tick(rq);
	loadavg_update(now);
	log_wake_readers();
}

static void tick_fires(struct hrtimer *timer)
{
	struct rq *rq = container_of(timer, struct rq, tick);
	const struct regs *regs = this_cpu_read(irq_regs);
	bool user = regs && regs_user(regs);

	if (rq->curr == rq->idle)
		return;
	if (trap_ops.tick)
		trap_ops.tick(user);
	else
		sched_tick(user);
	hrtimer_forward(timer, ktime_get(), TICK_NS);
	hrtimer_start(timer, timer->expires);
}

void tick_init(struct rq *rq) { hrtimer_init(&rq->tick, tick_fires); }

/* Interrupts off, rq->lock held. */
void start_tick(struct rq *rq)
{
	if (!hrtimer_active(&rq->tick))
		hrtimer_start_in(&rq->tick, TICK_NS);
}

/* --- reading it ------------------------------------------------------------------------------------------------------------- */
/* The u64s of a task and of a CPU change under the lock of the run queue, in two words each: only under it they are whole. */
struct task_times { u64 sum, user, system; };

static struct task_times read_times(struct task *t)
{
	struct task_times v;
	unsigned long flags;
	struct rq *rq;

	local_irq_save(flags);
	rq = lock_task_rq(t);
	if (rq->curr == t)
		update_curr(rq, ktime_get());
	v = (struct task_times){ t->sched.sum_exec, t->utime, t->stime };
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
	return v;
}

u64 task_runtime(struct task *t) { return read_times(t).sum; }

/* The exact sum, split as the samples say; without samples, all of it is user time. */
void task_cpu_times(struct task *t, u64 *utime, u64 *stime)
{
	struct task_times v = read_times(t);
	u64 s = v.system, total = v.user + s;

	while (total >> 32) {
		total >>= 1;
		s >>= 1;
	}
	*stime = s ? min(mul_u64_u32_div(v.sum, (u32)s, (u32)total), v.sum) : 0;
	*utime = v.sum - *stime;
}

void get_cpu_times(unsigned cpu, struct cpu_times *t)
{
	struct rq *rq = cpu_rq(cpu);
	unsigned long flags;

	local_irq_save(flags);
	raw_spin_lock(&rq->lock);
	*t = rq->times;
	if (rq->curr == rq->idle)
		t->idle += ktime_get() - rq->idle_since;
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
}

u64 cpu_idle_ns(unsigned cpu)
{
	struct cpu_times t;

	get_cpu_times(cpu, &t);
	return t.idle;
}

/* --- load average: every five seconds a sample of those who run or sleep uninterruptibly ------------------------------------- */
#define LOAD_PERIOD (5ULL * NSEC_PER_SEC)
#define LOAD_ONE 2048u
static const u32 load_exp[3] = { 1884, 2014, 2037 }; /* 2048 / e^(5s / 1, 5, 15 min) */
static unsigned long load[3];
static u64 load_next = LOAD_PERIOD;
static spinlock_t load_lock;

/* Those who sleep uninterruptibly, and those who run, if `running`. */
static unsigned long active_tasks(bool running)
{
	s32 n = 0;

	for_each_cpu(cpu)
		n += READ_ONCE(cpu_rq(cpu)->nr_uninterruptible) + (running ? (s32)READ_ONCE(cpu_rq(cpu)->nr_running) : 0);
	return (unsigned long)max(n, 0);
}

/* A sample whose time passed without a tick is from a moment when every CPU idled. */
static void sample(u64 now)
{
	u64 n = (u64)active_tasks(now - load_next < 2 * TICK_NS) * LOAD_ONE;

	for (unsigned i = 0; i < 3; i++)
		load[i] = (unsigned long)((load[i] * (u64)load_exp[i] + n * (LOAD_ONE - load_exp[i]) + (n > load[i] ? LOAD_ONE - 1 : 0)) >> 11);
	load_next += LOAD_PERIOD;
}

void loadavg_update(u64 now)
{
	if (likely(before(now, READ_ONCE(load_next))) || !raw_spin_trylock(&load_lock))
		return;
	for (unsigned rounds = 0; !before(now, load_next) && rounds < 1000; rounds++)
		sample(now);
	if (!before(now, load_next))
		load_next = now + LOAD_PERIOD;
	raw_spin_unlock(&load_lock);
}

void get_loadavg(unsigned long avg[3])
{
	unsigned long flags;

	local_irq_save(flags);
	loadavg_update(ktime_get());
	local_irq_restore(flags);
	for (unsigned i = 0; i < 3; i++)
		avg[i] = load[i];
}
