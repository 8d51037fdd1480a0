/* SPDX-License-Identifier: MIT
 *
 * mount.c for mountcalls.c: the operations on the mount tree. namespace_mutex is held for all.
 */
#ifndef KERNEL_FS_MOUNTS_H
#define KERNEL_FS_MOUNTS_H

#include "kernel/fs/internal.h"

extern struct mutex namespace_mutex;
extern struct list_head all_mounts; /* mount_lock */
struct mount *mount_make(struct super_block *sb, struct dentry *root, const char *source, u32 flags);
int mount_attach(struct mount *m, const struct path *at);
int mount_detach(struct mount *m, bool lazy);
int mount_move(struct mount *m, const struct path *at);
int mount_pivot(const struct path *root, const struct path *new, const struct path *old);
void fs_replace_root(const struct path *old, const struct path *new); /* fsinfo.c: whoever had old as root or working directory */
int mount_set_flags(struct mount *m, u32 flags);
int sb_set_read_only(struct super_block *sb, bool ro);

#endif
