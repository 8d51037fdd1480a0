/* SPDX-License-Identifier: MIT
 *
 * The lock of arch's own small tables: kernel/sync's spinlocks stand to the right of here.
 */
#ifndef ARCH_I386_RAWLOCK_H
#define ARCH_I386_RAWLOCK_H

#include "arch/i386/cpu.h"

static inline unsigned long raw_lock_irqsave(u32 *lock)
{
	unsigned long flags;

	local_irq_save(flags);
	while (__sync_lock_test_and_set(lock, 1))
		while (*(volatile u32 *)lock)
			cpu_relax();
	return flags;
}
static inline void raw_unlock_irqrestore(u32 *lock, unsigned long flags)
{
	__sync_lock_release(lock);
	local_irq_restore(flags);
}

#endif
