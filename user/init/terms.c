/* SPDX-License-Identifier: MIT
 *
 * The other virtual terminals, Alt-F2 to Alt-F4: whoever presses Enter there gets a shell. Until then they cost no process, and
 * a kernel or machine without them is left alone.
 *
 * A terminal's descriptor is ours while nobody has a shell there; the shell's end hangs the terminal up, and it is opened anew.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "init.h"

#define FIRST 2
#define COUNT 3

static struct { int fd; pid_t shell; bool used; } terms[COUNT];

static void term_open(int i)
{
	char path[16];

	snprintf(path, sizeof(path), "/dev/tty%d", FIRST + i);
	terms[i].fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	terms[i].used = terms[i].fd >= 0;
	if (terms[i].used)
		dprintf(terms[i].fd, "\033[H\033[JPress Enter for a shell on tty%d. Alt-F1 leads back to the console.\n", FIRST + i);
}

void terms_open(void)
{
	for (int i = 0; i < COUNT; i++)
		if (!terms[i].used)
			term_open(i);
}

int terms_fds(struct pollfd *fds)
{
	int n = 0;

	for (int i = 0; i < COUNT; i++)
		if (terms[i].used && terms[i].fd >= 0)
			fds[n++] = (struct pollfd){ .fd = terms[i].fd, .events = POLLIN };
	return n;
}

static void term_start(int i)
{
	char line[256];

	if (read(terms[i].fd, line, sizeof(line)) < 0)
		return;
	fcntl(terms[i].fd, F_SETFL, 0);
	terms[i].shell = fork_shell(terms[i].fd);
	if (terms[i].shell < 0) {
		complain("fork");
		fcntl(terms[i].fd, F_SETFL, O_NONBLOCK);
		return;
	}
	close(terms[i].fd);
	terms[i].fd = -1;
}

void terms_poll(struct pollfd *fds, int n)
{
	for (int f = 0; f < n; f++)
		for (int i = 0; fds[f].revents && i < COUNT; i++)
			if (terms[i].used && terms[i].fd == fds[f].fd) {
				term_start(i);
				break;
			}
}

bool terms_reaped(pid_t pid)
{
	for (int i = 0; i < COUNT; i++)
		if (terms[i].used && terms[i].fd < 0 && terms[i].shell == pid) {
			term_open(i);
			return true;
		}
	return false;
}
