/* SPDX-License-Identifier: MIT
 *
 * What tests of mm/phys share: low memory is mapped where the kernel has it (PAGE_OFFSET), the rest of physical memory
 * exists as struct pages only; locks always succeed; a grace period is over at once.
 */
#ifndef UNIT_PHYS_SHIM_H
#define UNIT_PHYS_SHIM_H

#include "kernel/lib/radix.h"
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"
#include "mm/phys/internal.h"
#include "tools/tests/unit/unit.h"

void *mmap(void *addr, size_t n, int prot, int flags, int fd, long off);
#define HOST_RW 3
#define HOST_FIXED_ANON_NORESERVE (0x02 | 0x20 | 0x4000 | 0x100000)

u32 preempt_count;
bool unit_irq;
struct task *current_task;
static struct task the_task;
const struct radix_ops *radix_ops;
u32 radix_atomic_gfp;
unsigned unit_grace_periods;

void spin_lock_slow(spinlock_t *l) { panic("a lock that is taken twice"); }
void spin_lock_debug(spinlock_t *l, const char *text, unsigned sub)
{
	if (!raw_spin_trylock(l))
		panic("%s taken twice", text);
	preempt_disable();
}
bool spin_trylock_debug(spinlock_t *l, const char *text)
{
	if (!raw_spin_trylock(l))
		return false;
	preempt_disable();
	return true;
}
void spin_unlock_debug(spinlock_t *l, const char *text)
{
	raw_spin_unlock(l);
	preempt_enable();
}
bool lockdep_on;
bool lockdep_holds(const void *lock) { return true; }
u32 lockdep_class(const char *name) { return 1; }
void mutex_lock_debug(struct mutex *m, const char *text, unsigned sub) { m->owner = 4; }
bool mutex_trylock_debug(struct mutex *m, const char *text) { return m->owner ? false : (m->owner = 4); }
void mutex_unlock_debug(struct mutex *m, const char *text) { m->owner = 0; }
void synchronize_rcu(void) { unit_grace_periods++; }
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *)) { func(head); }
bool printk_allowed(u32 state[2], unsigned burst) { return false; }
void dump_stack(void) {}
void print_hex_dump(const char *level, const char *prefix, const void *p, size_t n) {}
void bug_at(const char *file, int line, const char *what) { panic("%s:%d: %s", file, line, what); }
void warn_at(const char *file, int line, const char *what) { panic("%s:%d: warning %s", file, line, what); }
void pagelock_init(void) {}
void *kmap(struct page *page) { return page_address(page); }
void kunmap(const void *addr) {}
void clear_page(struct page *page)
{
	if (!page_is_high(page))
		memset(page_address(page), 0, PAGE_SIZE);
}

/* Low memory, once a process. */
static __attribute__((unused)) void map_low_memory(unsigned long bytes)
{
	void *at = mmap((void *)PAGE_OFFSET, bytes, HOST_RW, HOST_FIXED_ANON_NORESERVE, -1, 0);

	if (at != (void *)PAGE_OFFSET) {
		printf("# no room for low memory at PAGE_OFFSET\n");
		exit(1);
	}
	current_task = &the_task;
}

#endif
