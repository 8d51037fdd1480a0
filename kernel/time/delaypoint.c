/* SPDX-License-Identifier: MIT
 *
 * Delay points: see delaypoint.h. Arming is not locked: one test at a time uses them.
 */
#include "kernel/time/delaypoint.h"

#ifdef CONFIG_DEBUG
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"

struct delay_point delay_points[NR_DELAY_POINTS] = {
	[DELAY_FILE_FAULT] = { .name = "file-fault" }, [DELAY_PROC_LOOK] = { .name = "proc-look" },
};

static bool meant(const struct delay_point *p)
{
	const struct group *parent;
	bool yes;

	rcu_read_lock();
	parent = READ_ONCE(current->group->parent);
	yes = current->group->tgid == p->tgid || (parent && parent->tgid == p->tgid);
	rcu_read_unlock();
	return yes;
}

void delay_here(enum delay_point_id id)
{
	struct delay_point *p = &delay_points[id];
	u32 ms = READ_ONCE(p->ms);

	if (!meant(p))
		return;
	p->passed++;
	msleep(ms);
}

int delay_point_arm(const char *name, u32 ms)
{
	for (unsigned i = 0; i < NR_DELAY_POINTS; i++) {
		struct delay_point *p = &delay_points[i];

		if (strcmp(p->name, name))
			continue;
		p->tgid = current->group->tgid;
		WRITE_ONCE(p->ms, ms);
		return 0;
	}
	return -ENOENT;
}
#endif
