/* SPDX-License-Identifier: MIT
 *
 * The order in which the room starts: caches first, then file systems, which mount themselves.
 */
#include "kernel/fs/internal.h"

void __init vfs_init(void)
{
	dcache_init();
	inode_cache_init();
	files_init();
	fdtable_init();
	fsinfo_init();
	tmpfs_init();
	ext2_init();
	pipe_init();
	anon_init();
	devfs_init();
	locks_init();
	epoll_init();
}
