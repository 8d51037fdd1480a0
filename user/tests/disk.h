/* SPDX-License-Identifier: MIT
 *
 * For the disk tests: the disk under test is vda or sda, whichever the machine has.
 */
#ifndef USER_TESTS_DISK_H
#define USER_TESTS_DISK_H

#include "tap.h"
#include "prog.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>

static char disk[24];

static inline int open_disk(const char *suffix, int flags)
{
	char name[40];

	snprintf(disk, sizeof(disk), "/dev/%s", access("/dev/vda", F_OK) ? "sda" : "vda");
	snprintf(name, sizeof(name), "%s%s", disk, suffix);
	return open(name, flags);
}

/* => a line of /proc/vmstat, -1: not there */
static inline long vmstat(const char *name)
{
	char key[64];

	snprintf(key, sizeof(key), "%s ", name);
	return proc_field("/proc/vmstat", key);
}
#endif
