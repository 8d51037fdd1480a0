/* SPDX-License-Identifier: MIT
 *
 * Delay points (debug builds): named places at which a task can be made to sleep, so that a race which is lost once in a million tries is
 * lost on demand. `echo "file-fault 200" > /proc/delay_points` arms one, for the process that writes and its children;
 * 0 disarms it.
 */
#ifndef KERNEL_TIME_DELAYPOINT_H
#define KERNEL_TIME_DELAYPOINT_H

#include "kernel/lib/types.h"

enum delay_point_id {
	DELAY_FILE_FAULT, /* a fault has found or read the file's page, and is about to make sure of it (mm/virt/fault_file.c) */
	DELAY_PROC_LOOK, /* somebody may look into a process, and goes on to do so (kernel/proc/pids.c) */
	NR_DELAY_POINTS
};

#ifdef CONFIG_DEBUG
struct delay_point { const char *name; u32 ms; pid_t tgid; u32 passed; /* tasks that slept there */ };
extern struct delay_point delay_points[NR_DELAY_POINTS];
void delay_here(enum delay_point_id id);
int delay_point_arm(const char *name, u32 ms); /* -ENOENT */
/* => may sleep */
static inline void delay_point(enum delay_point_id id)
{
	if (unlikely(delay_points[id].ms))
		delay_here(id);
}
#else
static inline void delay_point(enum delay_point_id id) {}
#endif

#endif
