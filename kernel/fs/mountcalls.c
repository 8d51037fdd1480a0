/* SPDX-License-Identifier: MIT
 *
 * mount, umount2, pivot_root, and what /proc shows of mounts.
 *
 * Not here: propagation between mounts (every mount is private: MS_SHARED, MS_SLAVE are EINVAL), namespaces.
 */
#include "kernel/fs/mounts.h"
#include <linux/mount.h>

#define MNT_FORCE 1
#define MNT_DETACH 2
#define MNT_EXPIRE 4
#define UMOUNT_NOFOLLOW 8

static u32 mount_flags(u32 flags)
{
	if (!(flags & (MS_NOATIME | MS_STRICTATIME)))
		flags |= MS_RELATIME;
	return flags & MOUNT_FLAGS;
}

/* Walk to the place; namespace_mutex is held, so nothing is mounted over it meanwhile. */
static int mount_new(const char *source, const char *type, const struct path *at, u32 flags, const char *options)
{
	struct fs_type *t = fs_type_find(type);
	struct super_block *sb;
	struct mount *m;
	int err;

	if (!t)
		return -ENODEV;
	sb = sb_get(t, source, flags, options);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	if (S_ISDIR(sb->root->inode->mode) != S_ISDIR(at->dentry->inode->mode)) {
		sb_put(sb);
		return -ENOTDIR;
	}
	m = mount_make(sb, sb->root, source && *source ? source : "none", mount_flags(flags));
	if (!m) {
		sb_put(sb);
		return -ENOMEM;
	}
	err = mount_attach(m, at);
	if (err)
		mntput(m);
	return err;
}

static int mount_bind(const char *source, const struct path *at)
{
	struct path from;
	struct mount *m;
	int err;

	err = kern_path(source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	err = -ENOTDIR;
	if (S_ISDIR(from.dentry->inode->mode) != S_ISDIR(at->dentry->inode->mode))
		goto out;
	err = -ENOMEM;
	m = mount_make(from.mount->sb, from.dentry, from.mount->source, from.mount->flags);
	if (!m)
		goto out;
	atomic_inc(&from.mount->sb->active);
	err = mount_attach(m, at);
	if (err)
		mntput(m);
out:
	path_put(&from);
	return err;
}

static int move(const char *source, const struct path *at)
{
	struct path from;
	int err = kern_path(source, LOOKUP_FOLLOW, &from);

	if (err)
		return err;
	if (from.dentry != from.mount->root)
		err = -EINVAL;
	else if (S_ISDIR(from.dentry->inode->mode) != S_ISDIR(at->dentry->inode->mode))
		err = -ENOTDIR;
	else
		err = mount_move(from.mount, at);
	path_put(&from);
	return err;
}

static int remount(const struct path *at, u32 flags, const char *options)
{
	struct super_block *sb = at->mount->sb;
	bool to_ro = flags & MS_RDONLY && !(sb->flags & MS_RDONLY);
	int err = 0;

	if (at->dentry != at->mount->root)
		return -EINVAL;
	if (flags & MS_BIND)
		return mount_set_flags(at->mount, mount_flags(flags));
	if (to_ro) /* first nobody writes any more, then the file system says so on its disk */
		err = sb_set_read_only(sb, true);
	if (!err && sb->ops && sb->ops->remount) {
		err = sb->ops->remount(sb, flags, options);
		if (err && to_ro)
			sb_set_read_only(sb, false);
	}
	if (!err && !(flags & MS_RDONLY) && sb->flags & MS_RDONLY)
		err = sb_set_read_only(sb, false);
	return err ? err : mount_set_flags(at->mount, mount_flags(flags));
}

static int do_mount(const char *source, const char *target, const char *type, u32 flags, const char *options)
{
	struct path at;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if ((flags & 0xffff0000) == 0xc0ed0000) /* the magic of old days */
		flags &= 0xffff;
	if (flags & (MS_SHARED | MS_SLAVE | MS_UNBINDABLE))
		return -EINVAL;
	if (flags & MS_PRIVATE) /* all are */
		return 0;
	mutex_lock(&namespace_mutex);
	err = kern_path(target, LOOKUP_FOLLOW, &at);
	if (!err) {
		if (flags & MS_REMOUNT)
			err = remount(&at, flags, options);
		else if (flags & MS_BIND)
			err = source ? mount_bind(source, &at) : -EINVAL;
		else if (flags & MS_MOVE)
			err = source ? move(source, &at) : -EINVAL;
		else
			err = type ? mount_new(source, type, &at, flags, options) : -EINVAL;
		path_put(&at);
	}
	mutex_unlock(&namespace_mutex);
	return err;
}


/* => NULL for a NULL pointer, else a copy, or ERR_PTR */
static char *copy_string(const char __user *u, long max)
{
	char *s;
	long len;

	if (!u)
		return NULL;
	s = kmalloc(max, GFP_KERNEL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(s, u, max);
	if (len < 0 || len == max) {
		kfree(s);
		return ERR_PTR(len < 0 ? len : -EINVAL);
	}
	return s;
}

SYSCALL(mount, const char __user *usource, const char __user *utarget, const char __user *utype, u32 flags, const void __user *udata)
{
	char *source = copy_string(usource, PATH_MAX), *type = copy_string(utype, 64);
	char *data = copy_string(udata, PATH_MAX);
	struct filename target = { .heap = NULL };
	long err = IS_ERR(source) ? PTR_ERR(source) : IS_ERR(type) ? PTR_ERR(type) : IS_ERR(data) ? PTR_ERR(data) : 0;

	if (!err)
		err = getname(&target, utarget, false);
	if (!err)
		err = do_mount(source, target.s, type, flags, data);
	putname(&target);
	if (!IS_ERR(data))
		kfree(data);
	if (!IS_ERR(type))
		kfree(type);
	if (!IS_ERR(source))
		kfree(source);
	return err;
}

SYSCALL(umount2, const char __user *name, int flags)
{
	struct path p;
	struct mount *m;
	long err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW) || flags & MNT_EXPIRE)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&namespace_mutex);
	err = user_path_at(AT_FDCWD, name, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &p);
	if (!err) {
		m = p.mount;
		err = p.dentry == m->root ? 0 : -EINVAL;
		dput(p.dentry);
		if (!err)
			err = mount_detach(m, flags & MNT_DETACH);
		mntput(m);
	}
	mutex_unlock(&namespace_mutex);
	return err;
}
SYSCALL(umount, const char __user *name) { return sys_umount2(name, 0); }

SYSCALL(pivot_root, const char __user *new_name, const char __user *old_name)
{
	struct path root, new, old;
	long err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&namespace_mutex);
	err = user_path_at(AT_FDCWD, new_name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new);
	if (err)
		goto out;
	err = user_path_at(AT_FDCWD, old_name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	if (err)
		goto out_new;
	err = fs_get_path(current, true, &root);
	if (err)
		goto out_old;
	err = mount_pivot(&root, &new, &old);
	if (!err)
		fs_replace_root(&root, &new);
	path_put(&root);
out_old:
	path_put(&old);
out_new:
	path_put(&new);
out:
	mutex_unlock(&namespace_mutex);
	return err;
}

/* --- /proc/mounts, /proc/PID/mountinfo -------------------------------------------------------------------------- */
static const struct { u32 bit; const char *on; } flag_names[] = {
	{ MS_NOSUID, ",nosuid" }, { MS_NODEV, ",nodev" }, { MS_NOEXEC, ",noexec" }, { MS_NOATIME, ",noatime" },
	{ MS_NODIRATIME, ",nodiratime" }, { MS_RELATIME, ",relatime" },
};

static void show_flags(struct seq *s, const struct mount *m, u32 ro)
{
	seq_puts(s, ro & MS_RDONLY ? "ro" : "rw");
	for (unsigned i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (m->flags & flag_names[i].bit)
			seq_puts(s, flag_names[i].on);
}

static void show_info(struct seq *s, struct mount *m)
{
	struct path sb_root = { m, m->root }, at = { m->parent, m->mountpoint };
	u32 dev = m->sb->dev;

	seq_printf(s, "%d %d %u:%u ", m->id, m->parent->id, MAJOR(dev), MINOR(dev));
	if (m->root == m->sb->root)
		seq_puts(s, "/");
	else
		seq_path(s, &sb_root, " \t\n\\");
	seq_puts(s, " ");
	seq_path(s, m->parent == m ? &sb_root : &at, " \t\n\\");
	seq_puts(s, " ");
	show_flags(s, m, m->flags);
	seq_printf(s, " - %s %s %s", m->sb->type->name, m->source, m->sb->flags & MS_RDONLY ? "ro" : "rw");
	if (m->sb->ops && m->sb->ops->show_options)
		m->sb->ops->show_options(m->sb, s);
	seq_puts(s, "\n");
}

static void show_mount(struct seq *s, struct mount *m)
{
	struct path p = { m, m->root };

	seq_printf(s, "%s ", m->source);
	seq_path(s, &p, " \t\n\\");
	seq_printf(s, " %s ", m->sb->type->name);
	show_flags(s, m, m->flags | m->sb->flags);
	if (m->sb->ops && m->sb->ops->show_options)
		m->sb->ops->show_options(m->sb, s);
	seq_puts(s, " 0 0\n");
}

/* namespace_mutex held. Below the mount of current's root? What was there before the root was switched is not. */
static bool can_be_seen(const struct mount *m, const struct mount *root)
{
	while (m != root && m->parent != m)
		m = m->parent;
	return m == root;
}

void mounts_show(struct seq *s, bool mountinfo)
{
	struct mount *m;
	struct path root;
	int err = fs_get_path(current, true, &root);

	mutex_lock(&namespace_mutex); /* the tree changes only under it */
	list_for_each_entry(m, &all_mounts, node)
		if (err || can_be_seen(m, root.mount))
			(mountinfo ? show_info : show_mount)(s, m);
	mutex_unlock(&namespace_mutex);
	if (!err)
		path_put(&root);
}
