/* SPDX-License-Identifier: MIT
 *
 * The real root file system: root=DEVICE on the kernel's command line, as on Linux, with rootfstype= (ext2) and ro.
 *
 * It is mounted over the initramfs, and /proc, /dev, /tmp move there. This process stays what it is: the agent goes on
 * to serve the host, with commands from the new root. Without a host (no run=), init=PROGRAM of the new root takes over instead.
 * If it cannot be mounted, everything goes on in the initramfs, and a line says so.
 *
 * At the end file systems are unmounted in reverse, and what cannot be (the root) is made read-only: clean on the disk.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "init.h"

#define NEW "/newroot"

static bool boot_word(const char *word)
{
	char line[4096] = " ", *p;
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, line + 1, sizeof(line) - 3);
	size_t len = strlen(word);

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n + 1 : 1] = 0;
	for (p = line; (p = strstr(p + 1, word)) != NULL;)
		if (p[-1] == ' ' && (p[len] == ' ' || p[len] == '\n' || !p[len]))
			return true;
	return false;
}

static void carry_over(const char *from)
{
	char to[64];

	snprintf(to, sizeof(to), NEW "%s", from);
	mkdir(to, 0755);
	if (mount(from, to, NULL, MS_MOVE, NULL))
		complain(to);
}

void switch_root(void)
{
	char *device = boot_option("root"), *type = boot_option("rootfstype");

	if (!device)
		return;
	mkdir(NEW, 0755);
	if (mount(device, NEW, type ? type : "ext2", boot_word("ro") ? MS_RDONLY : 0, NULL)) {
		complain(device);
		return;
	}
	carry_over("/proc");
	carry_over("/dev");
	carry_over("/tmp");
	if (chdir(NEW) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		complain("root");
	free(device);
	free(type);
}

void become_root_init(void)
{
	char *program = boot_option("init"), *root = boot_option("root");
	char *argv[] = { program, NULL };

	if (!program || !root)
		return;
	execve(program, argv, environ);
	complain(program);
}

/* => the mount points, the last one first, with an end; NULL: none, or no memory */
static char **mounted(void)
{
	FILE *f = setmntent("/proc/mounts", "re");
	struct mntent *m;
	char **list = calloc(65, sizeof(*list));
	int n = 0;

	while (f && list && n < 64 && (m = getmntent(f)) != NULL) {
		memmove(list + 1, list, n++ * sizeof(*list));
		list[0] = !strncmp(m->mnt_fsname, "/dev/", 5) ? strdup(m->mnt_dir) : strdup("");
	}
	if (f)
		endmntent(f);
	return list;
}

/* Nobody else is left. What lies on a disk is unmounted, or at least whole. */
void leave_disks(void)
{
	char **list = mounted();

	for (int n = 0; list && list[n]; n++)
		if (list[n][0] && umount2(list[n], UMOUNT_NOFOLLOW) && mount(NULL, list[n], NULL, MS_REMOUNT | MS_RDONLY, NULL))
			complain(list[n]);
	sync();
}

bool disks_mounted(void)
{
	char **list = mounted();

	for (int n = 0; list && list[n]; n++)
		if (list[n][0])
			return true;
	return false;
}
