/* SPDX-License-Identifier: MIT
 *
 * What a task's paths start from: root and working directory, and the umask. Shared by CLONE_FS.
 *
 * Lock: fs_info->lock, a leaf; RCU walks read both paths under its seq.
 */
#include "kernel/fs/mounts.h"

static struct kmem_cache *cache;

static struct fs_info *alloc_fs(void)
{
	struct fs_info *fs = kmem_cache_alloc(cache, GFP_KERNEL);

	if (fs) {
		memset(fs, 0, sizeof(*fs));
		atomic_set(&fs->count, 1);
		spin_lock_init(&fs->lock, "fs");
		fs->umask = 022;
	}
	return fs;
}

static struct fs_info *copy_fs(struct fs_info *old)
{
	struct fs_info *fs = alloc_fs();

	if (!fs)
		return NULL;
	spin_lock(&old->lock);
	fs->umask = old->umask;
	fs->root = old->root;
	fs->pwd = old->pwd;
	path_get(&fs->root);
	path_get(&fs->pwd);
	spin_unlock(&old->lock);
	return fs;
}

static void free_rcu(struct rcu_head *h) { kmem_cache_free(cache, container_of(h, struct fs_info, rcu)); }
static void put_fs(struct fs_info *fs)
{
	if (!atomic_dec_and_test(&fs->count))
		return;
	path_put(&fs->root);
	path_put(&fs->pwd);
	call_rcu(&fs->rcu, free_rcu);
}

int fs_dup(struct task *child, struct task *parent, bool share)
{
	struct fs_info *fs = parent->fs;

	if (share)
		atomic_inc(&fs->count);
	else
		fs = copy_fs(fs);
	child->fs = fs;
	return fs ? 0 : -ENOMEM;
}

static void replace_fs(struct task *t, struct fs_info *fs)
{
	struct fs_info *old;

	spin_lock(&t->alloc_lock);
	old = t->fs;
	t->fs = fs;
	spin_unlock(&t->alloc_lock);
	if (old)
		put_fs(old);
}
void fs_exit(struct task *t) { replace_fs(t, NULL); }

int fs_unshare(void)
{
	struct fs_info *fs;

	if (atomic_read(&current->fs->count) == 1)
		return 0;
	fs = copy_fs(current->fs);
	if (!fs)
		return -ENOMEM;
	replace_fs(current, fs);
	return 0;
}

/* Put *p in the place of *slot, which is in fs; eats p's references. => fs->lock held: the old one's references */
static struct path swap_path(struct fs_info *fs, struct path *slot, const struct path *p)
{
	struct path old = *slot;

	WRITE_ONCE(fs->seq, fs->seq + 1);
	smp_wmb();
	*slot = *p;
	smp_wmb();
	WRITE_ONCE(fs->seq, fs->seq + 1);
	return old;
}

/* One that stands in current's fs. */
static void set_path(struct path *slot, const struct path *p)
{
	struct fs_info *fs = current->fs;
	struct path old;

	spin_lock(&fs->lock);
	old = swap_path(fs, slot, p);
	spin_unlock(&fs->lock);
	path_put(&old);
}

static unsigned replace_in(struct fs_info *fs, const struct path *old, const struct path *new)
{
	struct path *slots[] = { &fs->root, &fs->pwd };
	unsigned n = 0;

	spin_lock(&fs->lock);
	for (unsigned i = 0; i < 2; i++)
		if (slots[i]->mount == old->mount && slots[i]->dentry == old->dentry) {
			path_get(new);
			swap_path(fs, slots[i], new);
			n++;
		}
	spin_unlock(&fs->lock);
	return n;
}

/* => the caller holds references to both */
void fs_replace_root(const struct path *old, const struct path *new)
{
	struct task *t;
	unsigned n = 0;

	read_lock(&tasklist_lock);
	for_each_task(t) {
		spin_lock(&t->alloc_lock);
		if (t->fs)
			n += replace_in(t->fs, old, new);
		spin_unlock(&t->alloc_lock);
	}
	read_unlock(&tasklist_lock);
	while (n--)
		path_put(old);
}

SYSCALL(chdir, const char __user *name)
{
	struct path p;
	int err = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = inode_permission(p.dentry->inode, MAY_EXEC);
	if (err)
		path_put(&p);
	else
		set_path(&current->fs->pwd, &p);
	return err;
}

SYSCALL(fchdir, unsigned fd)
{
	struct fdref r = fdget_any(fd);
	struct path p;
	int err;

	if (!r.file)
		return -EBADF;
	err = -ENOTDIR;
	if (S_ISDIR(r.file->inode->mode))
		err = inode_permission(r.file->inode, MAY_EXEC);
	if (!err) {
		p = (struct path){ r.file->mount, r.file->dentry };
		path_get(&p);
		set_path(&current->fs->pwd, &p);
	}
	fdput(r);
	return err;
}

SYSCALL(chroot, const char __user *name)
{
	struct path p;
	int err = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = inode_permission(p.dentry->inode, MAY_EXEC);
	if (!err && !capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (err)
		path_put(&p);
	else
		set_path(&current->fs->root, &p);
	return err;
}

SYSCALL(umask, mode_t mask)
{
	struct fs_info *fs = current->fs;
	mode_t old;

	spin_lock(&fs->lock);
	old = fs->umask;
	fs->umask = mask & 0777;
	spin_unlock(&fs->lock);
	return old;
}

/* --- for /proc ------------------------------------------------------------------------------------------------- */
mode_t fs_umask(struct task *t)
{
	mode_t mask = 0;

	spin_lock(&t->alloc_lock);
	if (t->fs)
		mask = t->fs->umask;
	spin_unlock(&t->alloc_lock);
	return mask;
}

int fs_get_path(struct task *t, bool root, struct path *out)
{
	int err = -ENOENT;

	spin_lock(&t->alloc_lock);
	if (t->fs) {
		spin_lock(&t->fs->lock);
		*out = root ? t->fs->root : t->fs->pwd;
		path_get(out);
		spin_unlock(&t->fs->lock);
		err = 0;
	}
	spin_unlock(&t->alloc_lock);
	return err;
}

void __init vfs_init_task(struct task *t)
{
	struct path root = { root_mount, root_mount->root };

	t->fs = alloc_fs();
	t->files = files_new();
	if (!t->fs || !t->files)
		panic("no memory for the first task's files");
	path_get(&root);
	path_get(&root);
	t->fs->root = t->fs->pwd = root;
}

void __init fsinfo_init(void) { cache = kmem_cache_create("fs_info", sizeof(struct fs_info), 4, SLAB_PANIC, NULL); }
