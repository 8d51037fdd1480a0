/* SPDX-License-Identifier: MIT
 *
 * Terminals and sessions: controlling terminals, foreground groups, and what each change of them sends.
 *
 * group->tty (siglock) holds no reference: it is cleared, under each member's siglock, before the terminal can go away.
 * tty->session and tty->pgrp (tty->lock) hold references. Locks: tasklist_lock > siglock > tty->lock.
 */
#ifndef KERNEL_FS_TTY_JOB_H
#define KERNEL_FS_TTY_JOB_H

#include "kernel/lib/types.h"

struct tty;
struct tty *current_tty_get(void);             /* with reference, or NULL */
void tty_session_exit(void);                   /* current's group leads a session and exits */
int tty_check_change(struct tty *t, int sig);  /* 0, -EIO, -ERESTARTSYS (sig was sent: the call starts again) */
void tty_acquire(struct tty *t);               /* open without O_NOCTTY by a session leader that has none */
void tty_job_hangup(struct tty *t);            /* the line is gone: the session hears of it, all files are dead */
/* -ENOTTY: not one of these */
long tty_job_ioctl(struct tty *t, unsigned cmd, unsigned long arg, bool master);
void tty_job_init(void);

#endif
