/* SPDX-License-Identifier: MIT
 *
 * The lock-order validator (debug builds; nothing in release builds).
 *
 * Every lock belongs to a class: the string given to its init function, or, for a lock that was only zeroed, the text
 * and file of the place that first took it. Taking B while holding A records "A before B"; a path from B back to A is
 * a dead-lock waiting to happen and stops the kernel with both chains by name. A class that is ever taken in an
 * interrupt handler must always be taken with interrupts off.
 */
#ifndef KERNEL_SYNC_LOCKDEP_H
#define KERNEL_SYNC_LOCKDEP_H

#include "kernel/lib/types.h"

#ifdef CONFIG_DEBUG
enum { LOCKDEP_READ = 1, LOCKDEP_TRY = 2, LOCKDEP_SLEEPS = 4 };
/* *class: the lock's class word (24 bits; 0: not known yet). text: how the lock is called here. */
/* class == lock: the word is a spinlock, whose low byte is the lock itself */
void lockdep_acquire(u32 *class, const void *lock, const char *text, u32 flags, unsigned subclass);
void lockdep_release(const void *lock, const char *text);
bool lockdep_holds(const void *lock);
u32 lockdep_class(const char *name);          /* registers it if need be */
void lockdep_task_exit(void *state);          /* of a task that is gone: free it */
void lockdep_assert_none(const char *where);  /* the current task holds no lock */
void lockdep_show_held(void);                 /* of the current task, to the log */
extern bool lockdep_on;
#define lockdep_assert_held(l) ASSERT(!lockdep_on || lockdep_holds(l))
#else
#define lockdep_assert_held(l) do { } while (0)
static inline void lockdep_task_exit(void *state) {}
static inline void lockdep_assert_none(const char *where) {}
static inline void lockdep_show_held(void) {}
#endif

#endif
