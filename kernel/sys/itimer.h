/* SPDX-License-Identifier: MIT
 *
 * Interval timers and POSIX timers of a process, timers that are files, inside kernel/sys.
 */
#ifndef KERNEL_SYS_ITIMER_H
#define KERNEL_SYS_ITIMER_H

#include "kernel/sys/process.h"

void itimers_init(struct group *g);
void cancel_itimers(struct group *g);      /* no siglock; waits for a running callback */
void posix_timers_exit(struct group *g);   /* all of them; exec and exit */
void timerfd_clock_was_set(void);          /* whoever asked for it is told; may sleep */

#endif
