/* SPDX-License-Identifier: MIT
 *
 * Read-copy-update: readers run with preemption off and write nothing shared; whoever takes something away waits for
 * a grace period (every CPU has switched tasks, been in user mode or been idle) before freeing it.
 */
#ifndef KERNEL_SYNC_RCU_H
#define KERNEL_SYNC_RCU_H

#include "kernel/sync/preempt.h"

struct rcu_head { struct rcu_head *next; void (*func)(struct rcu_head *); };

static inline void rcu_read_lock(void) { preempt_disable(); }
static inline void rcu_read_unlock(void) { preempt_enable(); }
#define rcu_dereference(p) READ_ONCE(p)
#define rcu_access_pointer(p) READ_ONCE(p)
#define rcu_dereference_protected(p) (p)
#define rcu_assign_pointer(p, v) do { barrier(); WRITE_ONCE(p, v); } while (0)

/* func(head) runs in a thread, after a grace period, preemptible; it may sleep, but others wait behind it.
 * Any context, interrupts included, but not under a run queue's lock. */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *));
void synchronize_rcu(void); /* sleeps until all readers that run now have ended */
void rcu_barrier(void);     /* sleeps until every call_rcu before it has been called */

/* --- kernel/sched and arch ------------------------------------------------------------------------------------------- */
DECLARE_PER_CPU(u32, rcu_wanted);  /* a grace period waits for this CPU */
void rcu_report(void);             /* this CPU holds no reader: preemption off */
static inline void rcu_quiescent(void)
{
	if (unlikely(this_cpu_read(rcu_wanted)))
		rcu_report();
}
void rcu_idle_enter(void), rcu_idle_exit(void); /* the idle task, interrupts off */
void rcu_init(void);               /* threads; once tasks can be made */
void rcu_init_cpu(unsigned cpu);   /* of another CPU, before it is started: sched_init_cpu does it */
extern volatile u32 rcu_completed; /* grace periods done */

#endif
