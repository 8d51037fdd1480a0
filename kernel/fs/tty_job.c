/* SPDX-License-Identifier: MIT
 *
 * Sessions and their terminals: see tty_job.h. POSIX.1-2008 chapter 11.1, setsid(2), credentials(7), ioctl_tty(2).
 */
#include "kernel/fs/tty_job.h"

#include "arch/i386/uaccess.h"
#include "drivers/char/tty.h"
#include "kernel/sys/process.h"
#include <linux/capability.h>

struct tty *current_tty_get(void)
{
	struct group *g = current->group;
	struct tty *t;

	spin_lock_irq(&g->siglock);
	t = g->tty;
	if (t)
		tty_get(t);
	spin_unlock_irq(&g->siglock);
	return t;
}

static struct pid *foreground(struct tty *t)
{
	struct pid *p;

	spin_lock_irq(&t->lock);
	p = get_pid(t->pgrp);
	spin_unlock_irq(&t->lock);
	return p;
}

/* ttyd: a key, or a new window size */
static void signal_foreground(struct tty *t, int sig)
{
	struct pid *p = foreground(t);

	if (p)
		send_pgrp_signal(sig, p, true);
	put_pid(p);
}

/* current's, with reference: the parent may move it to another. */
static struct pid *own_pgrp(bool *orphaned)
{
	struct pid *p;

	read_lock(&tasklist_lock);
	p = get_pid(current->group->pgrp);
	*orphaned = pgrp_orphaned(p);
	read_unlock(&tasklist_lock);
	return p;
}

/* May current, which may be in the background, read from (SIGTTIN), or write to or change (SIGTTOU) the terminal? */
int tty_check_change(struct tty *t, int sig)
{
	struct group *g = current->group;
	struct pid *pgrp;
	bool orphaned;

	if (READ_ONCE(g->tty) != t || !READ_ONCE(t->pgrp) || READ_ONCE(t->pgrp) == READ_ONCE(g->pgrp))
		return 0;
	if (signal_ignored_or_blocked(sig))
		return sig == SIGTTIN ? -EIO : 0;
	pgrp = own_pgrp(&orphaned);
	if (!orphaned)
		send_pgrp_signal(sig, pgrp, true);
	put_pid(pgrp);
	return orphaned ? -EIO : -ERESTARTSYS;
}

/* The terminal belongs to no session any more. => its old session and group; the caller puts them */
static void detach(struct tty *t, struct pid **session, struct pid **pgrp)
{
	spin_lock_irq(&t->lock);
	*session = t->session;
	*pgrp = t->pgrp;
	t->session = t->pgrp = NULL;
	spin_unlock_irq(&t->lock);
}

static void forget_tty_one(struct group *g, struct tty *t)
{
	spin_lock_irq(&g->siglock);
	if (g->tty == t)
		g->tty = NULL;
	spin_unlock_irq(&g->siglock);
}

/* Every process of the session loses the terminal. hup_leader: tell the leader as well. */
static void forget_tty(struct tty *t, struct pid *session, bool hup_leader)
{
	struct group *g;

	read_lock(&tasklist_lock);
	for_each_in_session(session, g) {
		forget_tty_one(g, t);
		if (hup_leader && g->session_leader) {
			send_group_signal(SIGHUP, NULL, g->leader);
			send_group_signal(SIGCONT, NULL, g->leader);
		}
	}
	read_unlock(&tasklist_lock);
}

static void release_session(struct tty *t, bool hup_leader)
{
	struct pid *session, *pgrp;

	detach(t, &session, &pgrp);
	if (session)
		forget_tty(t, session, hup_leader);
	if (pgrp) {
		send_pgrp_signal(SIGHUP, pgrp, true);
		send_pgrp_signal(SIGCONT, pgrp, true);
	}
	put_pid(session);
	put_pid(pgrp);
}

void tty_job_hangup(struct tty *t)
{
	tty_hangup(t);
	release_session(t, true);
}

/* The console stays usable for who holds it: the first process starts the next shell on it. */
void tty_session_exit(void)
{
	struct tty *t = current_tty_get();

	if (!t)
		return;
	if (READ_ONCE(t->session) == current->group->session) {
		release_session(t, false);
		if (t != &console_tty)
			tty_hangup(t);
	}
	tty_put(t);
}

/* --- getting one ------------------------------------------------------------------------------------------------------ */

/* T held for reading, which others may do as well: one of them gets it. A pty whose master is gone has had its last hang-up:
 * nobody would take it from us before it is freed. */
static bool attach_locked(struct tty *t)
{
	struct group *g = current->group;
	bool free;

	spin_lock_irq(&g->siglock);
	spin_lock(&t->lock);
	free = !g->tty && !t->session && !t->peer_closed;
	if (free) {
		t->session = get_pid(g->session);
		t->pgrp = get_pid(g->pgrp);
		g->tty = t;
	}
	spin_unlock(&t->lock);
	spin_unlock_irq(&g->siglock);
	return free;
}

void tty_acquire(struct tty *t)
{
	struct group *g = current->group;

	read_lock(&tasklist_lock);
	if (g->session_leader)
		attach_locked(t);
	read_unlock(&tasklist_lock);
}

static int set_controlling(struct tty *t, unsigned long steal)
{
	struct group *g = current->group;
	int r = 0;

	if (g->session_leader && g->tty == t && t->session == g->session)
		return 0;
	if (!g->session_leader || READ_ONCE(g->tty))
		return -EPERM;
	if (READ_ONCE(t->session)) {
		struct pid *session, *pgrp;

		if (steal != 1 || !capable(CAP_SYS_ADMIN))
			return -EPERM;
		detach(t, &session, &pgrp);
		if (session)
			forget_tty(t, session, false);
		put_pid(session);
		put_pid(pgrp);
	}
	read_lock(&tasklist_lock);
	if (!attach_locked(t))
		r = -EPERM;
	read_unlock(&tasklist_lock);
	return r;
}

static int give_up(struct tty *t)
{
	struct group *g = current->group;

	if (READ_ONCE(g->tty) != t)
		return -ENOTTY;
	if (g->session_leader)
		release_session(t, false);
	else
		forget_tty_one(g, t);
	return 0;
}

/* --- the foreground group ------------------------------------------------------------------------------------------------ */

static int get_foreground(struct tty *t, pid_t __user *p, bool master)
{
	struct pid *pgrp;
	int r;

	if (!master && READ_ONCE(current->group->tty) != t)
		return -ENOTTY;
	pgrp = foreground(t);
	r = put_user(pid_nr(pgrp), p);
	put_pid(pgrp);
	return r;
}

/* => 0 and a reference, if nr is a process group of current's session. */
static int group_of_session(pid_t nr, struct pid **out)
{
	struct pid *pgrp;
	struct group *g;
	int r = -ESRCH;

	read_lock(&tasklist_lock);
	pgrp = find_pid(nr);
	if (pgrp && !list_empty(&pgrp->groups)) {
		g = list_first_entry(&pgrp->groups, struct group, pgrp_node);
		r = g->session == current->group->session ? 0 : -EPERM;
	}
	if (!r)
		*out = get_pid(pgrp);
	read_unlock(&tasklist_lock);
	return r;
}

static int set_foreground(struct tty *t, pid_t __user *p)
{
	struct group *g = current->group;
	struct pid *pgrp, *old;
	pid_t nr;
	int r;

	r = tty_check_change(t, SIGTTOU);
	if (r)
		return r;
	if (READ_ONCE(g->tty) != t || READ_ONCE(t->session) != g->session)
		return -ENOTTY;
	if (get_user(nr, p))
		return -EFAULT;
	if (nr < 0)
		return -EINVAL;
	r = group_of_session(nr, &pgrp);
	if (r)
		return r;
	spin_lock_irq(&t->lock);
	old = t->pgrp;
	if (t->session == g->session) {
		t->pgrp = pgrp;
	} else { /* hung up meanwhile */
		old = pgrp;
		r = -ENOTTY;
	}
	spin_unlock_irq(&t->lock);
	put_pid(old);
	return r;
}

static int get_session(struct tty *t, pid_t __user *p, bool master)
{
	struct pid *session;
	int r;

	if (!master && READ_ONCE(current->group->tty) != t)
		return -ENOTTY;
	spin_lock_irq(&t->lock);
	session = get_pid(t->session);
	spin_unlock_irq(&t->lock);
	r = session ? put_user(pid_nr(session), p) : -ENOTTY;
	put_pid(session);
	return r;
}

static long hang_up_line(struct tty *t)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	tty_job_hangup(t);
	return 0;
}

long tty_job_ioctl(struct tty *t, unsigned cmd, unsigned long arg, bool master)
{
	switch (cmd) {
	case TIOCSCTTY: return set_controlling(t, arg);
	case TIOCNOTTY: return give_up(t);
	case TIOCGPGRP: return get_foreground(t, (pid_t __user *)arg, master);
	case TIOCSPGRP: return set_foreground(t, (pid_t __user *)arg);
	case TIOCGSID: return get_session(t, (pid_t __user *)arg, master);
	case TIOCVHANGUP: return hang_up_line(t);
	default: return -ENOTTY;
	}
}

/* chard, or a switcher of virtual terminals: to the program that decides about them */
static int signal_owner(struct pid *pid, int sig)
{
	struct task *t;
	int r = -ESRCH;

	read_lock(&tasklist_lock);
	t = pid->task;
	if (t)
		r = sig ? send_group_signal(sig, NULL, t) : 0;
	read_unlock(&tasklist_lock);
	return r;
}

void tty_job_init(void)
{
	static const struct tty_upcalls upcalls = { .signal = signal_foreground, .signal_pid = signal_owner, .put_pid = put_pid };

	tty_upcalls = &upcalls;
}
