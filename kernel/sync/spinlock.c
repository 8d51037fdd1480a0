/* SPDX-License-Identifier: MIT
 *
 * The waiting halves of the spinning locks. Waiters read until the lock looks free, so that its cache line stays shared.
 */
#include "kernel/sync/rwlock.h"

void spin_lock_slow(spinlock_t *l)
{
	do {
		while (spin_is_locked(l))
			cpu_relax();
	} while (!raw_spin_trylock(l));
}

/* We are counted already. Interrupt handlers wait for the writer only: the task they interrupted may hold a read lock. */
void read_lock_slow(rwlock_t *l)
{
	int blocked = in_irq() ? RW_WRITER : RW_WRITER | RW_WAITING;

	for (;;) {
		int v = atomic_read(&l->v);

		if (blocked == RW_WRITER) {
			if (!(v & RW_WRITER))
				return;
			cpu_relax();
			continue;
		}
		atomic_dec(&l->v); /* make room for the writer */
		while (atomic_read(&l->v) & blocked)
			cpu_relax();
		if (!(atomic_fetch_add(1, &l->v) & blocked))
			return;
	}
}

void write_lock_slow(rwlock_t *l)
{
	for (;;) {
		int v = atomic_read(&l->v);

		if (!(v & ~RW_WAITING)) {
			if (atomic_try_cmpxchg(&l->v, &v, RW_WRITER)) /* another waiter sets RW_WAITING again */
				return;
		} else if (!(v & RW_WAITING))
			atomic_or(RW_WAITING, &l->v);
		cpu_relax();
	}
}
