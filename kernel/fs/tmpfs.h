/* SPDX-License-Identifier: MIT
 *
 * tmpfs.c and tmpfs_dir.c between each other.
 */
#ifndef KERNEL_FS_TMPFS_H
#define KERNEL_FS_TMPFS_H

#include "kernel/fs/vfs.h"

struct tmpfs {
	spinlock_t lock;
	u64 max_pages, used;      /* lock; 0: no limit */
	u32 max_inodes, inodes;   /* lock */
	u32 mode; uid_t uid; gid_t gid; /* of the root */
};
extern const struct file_ops tmpfs_file_ops, tmpfs_dir_ops;
extern const struct inode_ops tmpfs_file_inode_ops, tmpfs_dir_inode_ops, tmpfs_link_inode_ops;
struct inode *tmpfs_inode(struct super_block *sb, struct inode *dir, mode_t mode, dev_t dev);

#endif
