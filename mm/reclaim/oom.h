/* SPDX-License-Identifier: MIT
 *
 * What the three files of the out-of-memory killer share: who (oom.c), said how (oom_report.c), and then (oom_reap.c).
 */
#ifndef MM_RECLAIM_OOM_H
#define MM_RECLAIM_OOM_H

#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sync/mutex.h"
#include "mm/reclaim/internal.h"
#include "mm/reclaim/swap.h"
#include "mm/virt/mm.h"

#define OOM_FAMILIES 128u

struct pid;
struct oom_use { unsigned long low /* bytes */, rss, swap /* pages */; struct mm *mm; /* an address only */ u32 state; /* OOM_MM_* */ };
struct oom_question { enum zone_id highest; bool low_only; unsigned long share /* of 1024 */, total; };
struct oom_family { u32 uid; struct pid *pgrp /* an address only */; unsigned members; unsigned long points; struct task *youngest; };

struct oom_kill {
	struct oom_question q;
	gfp_t gfp;
	unsigned order;
	struct oom_use use;      /* of the victim */
	pid_t pid;
	u32 uid;
	int adj;
	char comm[TASK_COMM];
	unsigned members, killed; /* of its family; killed with it as a whole */
};

void oom_question(struct oom_question *q, enum zone_id highest);
bool oom_use_of(struct task *leader, struct oom_use *u);
unsigned long oom_points(const struct oom_question *q, const struct oom_use *u, int adj);

void oom_report_begin(const struct oom_kill *k);
void oom_report_end(const struct oom_kill *k, const struct mm *mm);
void oom_reap_soon(struct mm *mm);           /* takes no reference: its own */
void oom_reap_init(void);

#endif
