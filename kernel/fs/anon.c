/* SPDX-License-Identifier: MIT
 *
 * Files that have no place in the tree but an interface: eventfd, epoll and the like. They share one inode; each has a
 * dentry of its own for its name ("anon_inode:[eventfd]" in /proc/PID/fd).
 */
#include "kernel/fs/internal.h"
#include <linux/magic.h>

static struct mount *anon_mount;
static struct inode *anon_inode;

struct file *anon_file(const char *name, const struct file_ops *ops, void *private, int flags)
{
	struct file *f;
	struct dentry *d = d_make_named(iget(anon_inode), name);

	if (!d)
		return ERR_PTR(-ENOMEM);
	f = alloc_file(ops, flags & ~O_CLOEXEC);
	if (!f) {
		dput(d);
		return ERR_PTR(-ENFILE);
	}
	f->inode = anon_inode;
	f->dentry = d;
	f->mount = anon_mount;
	mntget(anon_mount);
	f->private = private;
	return f;
}

static int mount_anon(struct super_block *sb, const char *source, const char *options)
{
	return pseudo_fs_fill(sb, ANON_INODE_FS_MAGIC, NULL, NULL, NULL);
}
static struct fs_type anon_type = { .name = "anon_inodefs", .mount = mount_anon, .internal = true };

void __init anon_init(void)
{
	struct super_block *sb = sb_get(&anon_type, "anon_inode", 0, NULL);

	anon_mount = IS_ERR(sb) ? NULL : mount_internal(sb);
	anon_inode = anon_mount ? new_inode(sb, NULL, 0600) : NULL;
	if (!anon_inode)
		panic("no memory for anonymous files");
}
