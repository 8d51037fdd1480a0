/* SPDX-License-Identifier: MIT
 *
 * Leaving: ask everybody to end, wait a moment, end them, write back, and tell the kernel.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>
#include "init.h"

/* => true when no child is left */
static bool all_gone(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		;
	return pid < 0;
}

static void end_everybody(int sig, int tenths)
{
	kill(-1, sig);
	kill(-1, SIGCONT);
	while (tenths-- > 0 && !all_gone())
		poll(NULL, 0, 100);
}

void quiesce(void)
{
	signal(SIGCHLD, SIG_DFL);
	if (!all_gone()) {
		end_everybody(SIGTERM, 10);
		if (!all_gone())
			end_everybody(SIGKILL, 100); /* one that waits for a slow disk takes its time, and holds files open */
	}
	sync();
	leave_disks();
}

void power(int how)
{
	quiesce();
	reboot(how);
	complain("reboot");
	for (;;)
		pause();
}
