/* SPDX-License-Identifier: MIT
 *
 * `selftest=sync`: the locks, RCU, timers and the scheduler on the machine itself, hammered from several threads on all
 * CPUs before the first process starts. Prints TAP lines; a failure panics. All of it is given back with .init.
 */
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/hashlock.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/rwsem.h"
#include "kernel/sync/seqlock.h"
#include "kernel/sync/selftest.h"
#include "kernel/time/clock.h"
#include <linux/sched.h>

static u32 which;
PARAM_CHOICE("selftest", which, "tests inside the kernel, at boot; those behind sync must panic in debug builds",
	     "none", "sync", "order", "irq", "sleep", "held");

#define THREADS 8
#define ROUNDS 4000

static u32 test_nr __initdata;
static void __init report(bool ok, const char *name)
{
	pr_info("%s %u - %s\n", ok ? "ok" : "not ok", ++test_nr, name);
	if (!ok)
		panic("selftest: %s", name);
}

/* --- threads ---------------------------------------------------------------------------------------------------------- */
struct crew { void (*fn)(unsigned me); atomic_t next, left; struct completion done; };
static struct crew crew;

static int __init crew_main(void *arg)
{
	struct crew *c = arg;

	c->fn((unsigned)atomic_fetch_add(1, &c->next));
	if (atomic_dec_and_test(&c->left))
		complete(&c->done);
	return 0;
}

static void __init run_crew(unsigned n, void (*fn)(unsigned me))
{
	crew.fn = fn;
	atomic_set(&crew.next, 0);
	atomic_set(&crew.left, (int)n);
	init_completion(&crew.done);
	for (unsigned i = 0; i < n; i++)
		if (IS_ERR(kthread_run(crew_main, &crew, "test/%u", i)))
			panic("selftest: no memory for a thread");
	wait_for_completion(&crew.done);
}

static u32 __init random_of(u32 *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* --- locks: a plain counter, or a pair that must stay equal --------------------------------------------------------------- */
static volatile u32 counter, pair[2];
static atomic_t bad;

static DEFINE_SPINLOCK(test_spin);
static void __init spin_body(unsigned me)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		unsigned long flags;

		if (i & 1) {
			spin_lock_irqsave(&test_spin, flags);
			counter++;
			spin_unlock_irqrestore(&test_spin, flags);
		} else if (spin_trylock_irqsave(&test_spin, flags)) {
			counter++;
			spin_unlock_irqrestore(&test_spin, flags);
		} else
			i--;
	}
}

static DEFINE_MUTEX(test_mutex);
static void __init mutex_body(unsigned me)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		u32 v;

		if (i % 16 == me)
			while (!mutex_trylock(&test_mutex))
				cond_resched();
		else
			mutex_lock(&test_mutex);
		v = counter;
		if (i % 512 == me)
			usleep(50);
		else if (i % 64 == me)
			schedule();
		counter = v + 1;
		mutex_unlock(&test_mutex);
	}
}

static DEFINE_RWSEM(test_rwsem);
static void __init rwsem_body(unsigned me)
{
	u32 seed = me;

	for (u32 i = 0; i < ROUNDS; i++) {
		if (random_of(&seed) % 4 == 0) {
			down_write(&test_rwsem);
			pair[0]++;
			if (i % 256 == me)
				schedule();
			pair[1]++;
			counter++;
			if (random_of(&seed) % 8) {
				up_write(&test_rwsem);
				continue;
			}
			downgrade_write(&test_rwsem);
		} else {
			down_read(&test_rwsem);
			if (i % 512 == me)
				usleep(20);
		}
		if (pair[0] != pair[1])
			atomic_inc(&bad);
		up_read(&test_rwsem);
	}
}

/* Readers that overlap: the lock is never free. Nor may the writer wait for ever. */
static bool writer_was_in;
static void __init rwsem_stream_body(unsigned me)
{
	u64 end = ktime_get() + 30ULL * NSEC_PER_SEC; /* the host may stop the machine for seconds */

	if (!me) {
		usleep(5000);
		down_write(&test_rwsem);
		writer_was_in = ktime_get() < end;
		up_write(&test_rwsem);
	}
	while (me && !READ_ONCE(writer_was_in) && ktime_get() < end) {
		down_read(&test_rwsem);
		usleep(300);
		up_read(&test_rwsem);
	}
}

static DEFINE_RWLOCK(test_rwlock);
static void __init rwlock_body(unsigned me)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		if ((i + me) % 8 == 0) {
			write_lock(&test_rwlock);
			pair[0]++;
			cpu_relax();
			pair[1]++;
			write_unlock(&test_rwlock);
		} else {
			read_lock(&test_rwlock);
			if (pair[0] != pair[1])
				atomic_inc(&bad);
			read_unlock(&test_rwlock);
		}
	}
}

static DEFINE_SEQLOCK(test_seq);
static void __init seq_body(unsigned me)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		u32 a, b, seq;

		if (me < 2) {
			write_seqlock(&test_seq);
			pair[0]++;
			cpu_relax();
			pair[1]++;
			write_sequnlock(&test_seq);
			continue;
		}
		do {
			seq = read_seqbegin(&test_seq);
			a = pair[0];
			b = pair[1];
		} while (read_seqretry(&test_seq, seq));
		if (a != b)
			atomic_inc(&bad);
	}
}

#define ACCOUNTS 64
static DEFINE_HASH_CLASS(test_hash, "selftest", HASHLOCK_LEVEL_LEAF, 0, 0);
static s32 accounts[ACCOUNTS];
static void __init hash_body(unsigned me)
{
	u32 seed = me;

	for (u32 i = 0; i < ROUNDS; i++) {
		u32 a = random_of(&seed) % ACCOUNTS, b = random_of(&seed) % ACCOUNTS;

		hash_lock_two(&test_hash, a, b);
		accounts[a]--;
		accounts[b]++;
		hash_unlock_two(&test_hash, a, b);
	}
}

static void __init test_locks(void)
{
	s32 sum = 0;

	counter = 0;
	run_crew(THREADS, spin_body);
	report(counter == THREADS * ROUNDS, "spinlock counts");
	counter = 0;
	run_crew(THREADS, mutex_body);
	report(counter == THREADS * ROUNDS && !mutex_is_locked(&test_mutex), "mutex counts, holders sleep");
	counter = pair[0] = pair[1] = 0;
	run_crew(THREADS, rwsem_body);
	report(!atomic_read(&bad) && counter == pair[0] && !rwsem_is_locked(&test_rwsem), "rwsem: readers see whole updates");
	run_crew(THREADS, rwsem_stream_body);
	report(writer_was_in, "rwsem: a stream of readers lets a writer in");
	pair[0] = pair[1] = 0;
	run_crew(THREADS, rwlock_body);
	report(!atomic_read(&bad) && pair[0] == THREADS * ROUNDS / 8, "rwlock: readers see whole updates");
	pair[0] = pair[1] = 0;
	run_crew(THREADS, seq_body);
	report(!atomic_read(&bad) && pair[0] == 2 * ROUNDS, "seqlock: readers see whole updates");
	run_crew(THREADS, hash_body);
	for (u32 i = 0; i < ACCOUNTS; i++)
		sum += accounts[i];
	report(sum == 0, "hashed locks, two at a time");
}

/* --- RCU: readers must never see an object that was given back ------------------------------------------------------------- */
struct object { struct rcu_head rcu; volatile u32 magic, free; };
#define OBJECTS 256
#define MAGIC 0x15714005u
static struct object objects[OBJECTS];
static struct object *volatile published;
static volatile bool readers_stop;
static atomic_t returned;

static void __init give_back(struct rcu_head *h)
{
	struct object *o = container_of(h, struct object, rcu);

	o->magic = 0;
	smp_store_release(&o->free, 1u);
	atomic_inc(&returned);
}

static void __init rcu_write(void)
{
	u32 replaced = 0, waited = 0;

	for (u32 i = 0; replaced < 2000; i = (i + 1) % OBJECTS) {
		struct object *o = &objects[i], *old = published;

		if (!o->free) { /* all on their way: wait for callbacks */
			usleep(200);
			continue;
		}
		o->free = 0;
		o->magic = MAGIC;
		rcu_assign_pointer(published, o);
		replaced++;
		if (!old)
			continue;
		if (replaced % 128 == 0) {
			synchronize_rcu();
			give_back(&old->rcu);
			waited++;
		} else
			call_rcu(&old->rcu, give_back);
	}
	rcu_barrier();
	if (atomic_read(&returned) != (int)replaced - 1)
		atomic_inc(&bad);
}

static void __init rcu_body(unsigned me)
{
	if (me == 0) {
		rcu_write();
		readers_stop = true;
		return;
	}
	while (!readers_stop) {
		struct object *o;

		rcu_read_lock();
		o = rcu_dereference(published);
		for (u32 i = 0; o && i < 50; i++)
			if (o->magic != MAGIC)
				atomic_inc(&bad);
		rcu_read_unlock();
	}
}

static void __init test_rcu(void)
{
	u64 start = ktime_get(), took;
	u32 before = rcu_completed;

	for (u32 i = 0; i < OBJECTS; i++)
		objects[i].free = 1;
	run_crew(THREADS / 2 + 1, rcu_body);
	report(!atomic_read(&bad), "RCU: readers never see what was given back; rcu_barrier waits for all");
	pr_info("# %u grace periods in %u ms\n", rcu_completed - before, (u32)div_u64(ktime_get() - start, NSEC_PER_MSEC));
	start = ktime_get();
	synchronize_rcu();
	took = ktime_get() - start;
	pr_info("# synchronize_rcu on a quiet machine: %u us\n", (u32)div_u64(took, 1000));
}

/* --- timers -------------------------------------------------------------------------------------------------------------------- */
struct test_timer { struct hrtimer timer; u64 due; volatile u32 fired; };
static u64 worst_late;
static atomic_t early;

static void __init timer_fires(struct hrtimer *h)
{
	struct test_timer *t = container_of(h, struct test_timer, timer);
	u64 now = ktime_get();

	if (now < t->due)
		atomic_inc(&early);
	else if (now - t->due > worst_late)
		worst_late = now - t->due;
	t->fired++;
}

static void __init timer_body(unsigned me)
{
	struct test_timer t = { .fired = 0 };
	u32 seed = me + 1, expected = 0, fired = 0;

	hrtimer_init(&t.timer, timer_fires);
	for (u32 i = 0; i < 200; i++) {
		u64 wait = random_of(&seed) % 1000 * 1000;

		t.due = ktime_get() + wait;
		hrtimer_start(&t.timer, t.due);
		if (i % 3 == 0) { /* let it come, wherever we sleep meanwhile */
			usleep(wait / 1000 + 20);
			while (hrtimer_active(&t.timer))
				cond_resched();
			expected++;
		} else if (i % 3 == 1)
			udelay(random_of(&seed) % 300);
		else
			cond_resched();
		if (hrtimer_cancel(&t.timer) && i % 3 == 0 && t.fired == fired)
			atomic_inc(&bad);
		fired = t.fired;
		udelay(5);
		if (hrtimer_active(&t.timer) || t.fired != fired) /* nothing runs after cancel */
			atomic_inc(&bad);
	}
	if (fired < expected)
		atomic_inc(&bad);
}

static void __init test_timers(void)
{
	u64 start, late, best = -1ULL;

	run_crew(THREADS, timer_body);
	report(!atomic_read(&bad) && !atomic_read(&early), "timers: never early, never lost, never after cancel");
	pr_info("# latest by %u us\n", (u32)div_u64(worst_late, 1000));
	for (u32 i = 0; i < 20; i++) {
		start = ktime_get();
		usleep(1000);
		late = ktime_get() - start - NSEC_PER_MSEC;
		best = min(best, late);
	}
	report(best < 20ULL * NSEC_PER_MSEC, "sleeping 1 ms"); /* the best: the emulator's CPU may have to wait for the host's in any of them */
	pr_info("# takes at least %u us longer\n", (u32)div_u64(best, 1000));
}

/* --- the scheduler ---------------------------------------------------------------------------------------------------------------- */
static DEFINE_WAIT_QUEUE(turn_wait);
static volatile u32 turn;
static void __init turn_body(unsigned me)
{
	for (u32 i = 0; i < 100; i++) {
		wait_event(&turn_wait, turn % THREADS == me);
		turn++;
		wake_up_all(&turn_wait);
	}
}

static volatile bool spin_stop;
static u64 ran[2];
static int __init spinner(void *arg)
{
	u64 *mine = arg;

	while (!spin_stop)
		cpu_relax();
	*mine = task_runtime(current);
	if (atomic_dec_and_test(&crew.left))
		complete(&crew.done);
	return 0;
}

static void __init test_fair(void)
{
	struct task *t[2];
	u32 ratio = 0;

	spin_stop = false;
	atomic_set(&crew.left, 2);
	init_completion(&crew.done);
	for (u32 i = 0; i < 2; i++) {
		t[i] = kthread_create(spinner, &ran[i], 0, "spin/%u", i);
		if (IS_ERR(t[i]))
			panic("selftest: no memory for a thread");
		set_task_nice(t[i], i ? 5 : 0);
		wake_up_process(t[i]);
	}
	/* A stall of the host's counts as run time of the one that happened to run; the scheduler makes up for it later. */
	for (u32 i = 0, ok = 0; i < 10 && !ok; i++) {
		msleep(600);
		ratio = (u32)div_u64(task_runtime(t[0]) * 100, (u32)max(task_runtime(t[1]), (u64)1));
		ok = ratio > 180 && ratio < 500;
	}
	spin_stop = true;
	wait_for_completion(&crew.done);
	pr_info("# nice 0 against nice 5: %u.%02u to 1 (3.05 is meant)\n", ratio / 100, ratio % 100);
	report(ratio > 180 && ratio < 500, "nice levels share one CPU by weight; spinning threads are preempted");
}

static void __init affinity_body(unsigned me)
{
	for (u32 i = 0; i < 50; i++) {
		u32 cpu = (i + me) % nr_cpus;

		if (set_task_affinity(current, 1u << cpu) || smp_processor_id() != cpu)
			atomic_inc(&bad);
		if (i % 5 == 0)
			usleep(10);
		if (smp_processor_id() != cpu)
			atomic_inc(&bad);
	}
}

/* A timer's interrupt wakes a FIFO thread while another thread spins on the same CPU. The spinner must not get a single round
 * between the two: that is told by counting, not by a clock, because the emulator's CPU may itself have to wait for the host's. */
#define FIFO_ROUNDS 20U
static volatile u32 spins;
static u32 spins_at_irq, fifo_late;
static struct task *fifo;

static int __init counting_spinner(void *arg)
{
	while (!spin_stop) {
		spins++;
		cpu_relax(); /* gcc 12 with -fsanitize=bool reads even a volatile bool once only, if nothing in the loop forbids */
	}
	complete(arg);
	return 0;
}

static void __init wake_fifo(struct hrtimer *t)
{
	spins_at_irq = spins;
	wake_up_process(fifo);
}

static int __init fifo_main(void *arg)
{
	struct hrtimer t;

	hrtimer_init(&t, wake_fifo);
	for (u32 i = 0; i < FIFO_ROUNDS; i++) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		hrtimer_start_in(&t, NSEC_PER_MSEC);
		schedule();
		fifo_late += spins - spins_at_irq > 1; /* one that was begun */
	}
	hrtimer_cancel(&t);
	spin_stop = true;
	complete(arg);
	return 0;
}

static void __init test_fifo(void)
{
	struct completion done;
	struct task *s;

	init_completion(&done);
	fifo = kthread_create(fifo_main, &done, 0, "fifo");
	spin_stop = false;
	s = kthread_create(counting_spinner, &done, 0, "spin");
	if (IS_ERR(fifo) || IS_ERR(s))
		panic("selftest: no memory for a thread");
	set_task_policy(fifo, SCHED_FIFO, 50);
	if (set_task_affinity(fifo, 1) || set_task_affinity(s, 1))
		panic("selftest: threads cannot be bound");
	wake_up_process(s);
	wake_up_process(fifo);
	wait_for_completion(&done);
	wait_for_completion(&done);
	pr_info("# FIFO thread over a spinning one: %u rounds in which the other ran, %u spins in all\n", fifo_late, spins);
	report(!fifo_late && spins, "a FIFO thread preempts");
}

static atomic_t seen_cpus;
static void __init spread_body(unsigned me)
{
	u64 end = ktime_get() + 30ULL * NSEC_PER_SEC; /* the emulator may have few processors for its CPUs */

	while ((u32)atomic_read(&seen_cpus) != cpu_online_mask && ktime_get() < end)
		atomic_or(1 << smp_processor_id(), &seen_cpus);
}

static void __init test_sched(void)
{
	u64 start = ktime_get();
	unsigned long switches = nr_context_switches();

	turn = 0;
	run_crew(THREADS, turn_body);
	report(turn == THREADS * 100, "wait queues: threads take turns");
	pr_info("# %u switches in %u ms\n", (u32)(nr_context_switches() - switches), (u32)div_u64(ktime_get() - start, NSEC_PER_MSEC));
	test_fair();
	test_fifo();
	run_crew(THREADS, affinity_body);
	report(!atomic_read(&bad), "affinity: a thread runs where it may");
	run_crew(nr_cpus * 2, spread_body);
	report((u32)atomic_read(&seen_cpus) == cpu_online_mask, "work spreads over all CPUs");
}

/* --- what the debug build must catch: each ends in a panic that names it --------------------------------------------------------- */
static DEFINE_SPINLOCK(lock_a);
static DEFINE_SPINLOCK(lock_b);

static void __init wrong_order(void)
{
	spin_lock(&lock_a);
	spin_lock(&lock_b);
	spin_unlock(&lock_b);
	spin_unlock(&lock_a);
	spin_lock(&lock_b);
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	spin_unlock(&lock_b);
}

static volatile bool irq_came __initdata;

static void __init lock_in_irq(struct hrtimer *t)
{
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	irq_came = true;
}

static void __init wrong_irq(void)
{
	struct hrtimer t;

	hrtimer_init(&t, lock_in_irq);
	hrtimer_start_in(&t, 1000);
	while (!irq_came) /* however long the emulator was stopped */
		udelay(10);
	hrtimer_cancel(&t);
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
}

static void __init wrong_sleep(void)
{
	spin_lock(&lock_a);
	msleep(1);
	spin_unlock(&lock_a);
}

static void __init wrong_held(void)
{
	mutex_lock(&test_mutex);
	mutex_lock(&test_mutex);
}

static void __init run_wrong(void)
{
#ifdef CONFIG_DEBUG
	static void (*wrong[])(void) __initdata = { wrong_order, wrong_irq, wrong_sleep, wrong_held };

	wrong[which - 2]();
	pr_err("not ok - selftest: the debug build did not notice\n");
#else
	(void)wrong_order, (void)wrong_irq, (void)wrong_sleep, (void)wrong_held;
	pr_warn("selftest: only debug builds have this one\n");
#endif
}

void __init selftest_run(void)
{
	if (!which)
		return;
	if (which > 1) {
		run_wrong();
		return;
	}
	hash_class_register(&test_hash);
	pr_info("selftest: %u CPUs\n", nr_cpus);
	test_locks();
	test_rcu();
	test_timers();
	test_sched();
	pr_info("1..%u\n", test_nr);
}
