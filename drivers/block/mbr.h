/* SPDX-License-Identifier: MIT
 *
 * Partition tables of the PC: the master boot record and its chain of extended ones. Pure: sectors come through a function.
 */
#ifndef DRIVERS_BLOCK_MBR_H
#define DRIVERS_BLOCK_MBR_H

#include "kernel/lib/types.h"

struct mbr_source {
	int (*read)(void *arg, u64 sector, const u8 **data);        /* 512 bytes, good until the next call; 0 or -errno */
	int (*found)(void *arg, unsigned number, u64 start, u64 sectors); /* < 0 ends it */
	void *arg;
	u64 sectors;                                                /* of the disk */
};
enum { MBR_MAX_LOGICAL = 256 }; /* links of a chain that are followed: beyond that it is taken for a loop */

/* Calls found for each partition: 1 to 4 the primary ones (an extended one is not told: nobody shall use it as a whole), from 5 on the logical ones.
 * What does not lie on the disk is left out. => how many; 0 also if there is no table; -errno of read or found */
int mbr_parse(const struct mbr_source *s);

#endif
