/* SPDX-License-Identifier: MIT
 *
 * Inodes, names and directories of /proc.
 *
 * An inode carries a struct proc_node: its table entry, and for what is below /proc/PID the task, with a reference.
 * It belongs to the task's effective user, or to root if the process may not be looked into (dumpable). Numbers are
 * made from the entry, the pid and the descriptor, so that they stay the same while the file exists.
 */
#include "kernel/proc/internal.h"
#include "kernel/proc/proc.h"
#include "mm/phys/phys.h"

#define PROC_MAGIC 0x9fa0

/* 32 bits, or old programs could not list: 22 of the pid, 10 of the place of the entry among the tables. */
u64 proc_ino_nr(const struct proc_entry *e, pid_t pid, unsigned fd)
{
	u32 ino = (u32)pid << 10 | ((unsigned long)e / sizeof(*e) & 1023);

	return fd == ~0u ? ino : ino ^ (fd + 1) * 0x9e3779b1u;
}

u64 proc_ino(const struct proc_entry *e, const struct task *t, unsigned fd)
{
	return proc_ino_nr(e, t ? t->pid : 0, fd);
}

static mode_t mode_of(const struct proc_entry *e)
{
	if (e->mode & S_IFMT)
		return e->mode;
	if (e->children || e->dir_fops)
		return S_IFDIR | (e->mode ? e->mode : 0555);
	if (e->follow || e->readlink)
		return S_IFLNK | 0777;
	return S_IFREG | (e->mode ? e->mode : 0444);
}

/* The owner changes with the process's credentials: looked at with each look-up. */
static void set_owner(struct inode *i)
{
	struct proc_node *n = i->private;
	const struct cred *c;

	if (!n->task) {
		i->uid = i->gid = 0;
		return;
	}
	c = get_task_cred(n->task);
	/* directories stay the user's, as on Linux: what is inside guards itself */
	i->uid = n->task->group->dumpable == 1 || S_ISDIR(i->mode) ? c->euid : 0;
	i->gid = n->task->group->dumpable == 1 || S_ISDIR(i->mode) ? c->egid : 0;
	put_cred(c);
}

static bool proc_revalidate(struct dentry *d)
{
	struct task *t = d->inode ? proc_task(d->inode) : NULL;

	if (!t)
		return true;
	if (!proc_alive(t))
		return false;
	if (proc_node(d->inode)->e->lookup == NULL && proc_node(d->inode)->fd != ~0u && S_ISLNK(d->inode->mode))
		return false; /* /proc/PID/fd/N: the descriptor may be another file's by now */
	set_owner(d->inode);
	return true;
}

static int proc_readlink(struct inode *i, char *buf, size_t size)
{
	struct proc_node *n = proc_node(i);

	if (n->e->guard && !proc_may_look(n->task))
		return -EACCES;
	if (n->e->readlink)
		return n->e->readlink(n->task, buf, size);
	return -EINVAL;
}

/* A magic link's text is the path it leads to. */
static int magic_readlink(struct inode *i, char *buf, size_t size)
{
	char *page, *start;
	struct path p;
	int r = i->ops->follow(i, &p);

	if (r)
		return r;
	page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	r = page ? path_string(&p, page, PAGE_SIZE, &start) : -ENOMEM;
	if (r >= 0) {
		r = min_t(int, r, size);
		memcpy(buf, start, r);
	}
	kfree(page);
	path_put(&p);
	return r;
}

static int fd_path(struct task *t, unsigned fd, struct path *to)
{
	struct file *f = files_get(t, fd, NULL);

	if (!f)
		return -ENOENT;
	to->mount = f->mount;
	to->dentry = f->dentry;
	path_get(to);
	put_file(f);
	return 0;
}

static int proc_follow(struct inode *i, struct path *to)
{
	struct proc_node *n = proc_node(i);
	int err;

	if (!proc_may_look(n->task))
		return -EACCES;
	err = n->e->follow ? n->e->follow(n->task, to) : fd_path(n->task, n->fd, to);
	if (proc_may_look(n->task))
		return err;
	if (!err)
		path_put(to);
	return -EACCES;
}

/* Modes are fixed: only what the table allows may be changed. */
static int proc_setattr(struct dentry *d, const struct iattr *a)
{
	return a->valid & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM : 0;
}

static int proc_permission(struct inode *i, int mask)
{
	struct proc_node *n = i->private;
	mode_t mode = i->mode;

	if (n->task)
		set_owner(i);
	/* /proc/PID/fd: also root's and the owner's threads'; the mode says 0500 */
	if (S_ISDIR(mode) && n->e->guard && proc_may_look(n->task))
		return mask & MAY_WRITE ? -EACCES : 0;
	return generic_permission(i, mask);
}

static const struct inode_ops file_iops = { .setattr = proc_setattr, .permission = proc_permission, .revalidate = proc_revalidate };
static const struct inode_ops link_iops = { .readlink = proc_readlink, .setattr = proc_setattr, .revalidate = proc_revalidate };
static const struct inode_ops magic_iops = {
	.readlink = magic_readlink, .follow = proc_follow, .setattr = proc_setattr, .revalidate = proc_revalidate,
};
static int proc_lookup(struct inode *dir, struct dentry *d);
static const struct inode_ops dir_iops = {
	.lookup = proc_lookup, .setattr = proc_setattr, .permission = proc_permission, .revalidate = proc_revalidate,
};

static const struct inode_ops *iops_of(const struct proc_entry *e, mode_t mode)
{
	if (S_ISDIR(mode))
		return &dir_iops;
	if (S_ISLNK(mode))
		return e->readlink ? &link_iops : &magic_iops;
	return &file_iops;
}

struct inode *proc_inode(struct super_block *sb, const struct proc_entry *e, struct task *t, unsigned fd)
{
	struct proc_node *n = kmalloc(sizeof(*n), GFP_KERNEL);
	struct inode *i = n ? new_inode(sb, NULL, mode_of(e)) : NULL;

	if (!i) {
		kfree(n);
		return NULL;
	}
	*n = (struct proc_node){ .e = e, .task = t, .fd = fd };
	if (t)
		get_task(t);
	i->private = n;
	i->ino = proc_ino(e, t, fd);
	i->ops = iops_of(e, i->mode);
	i->fops = e->fops ? e->fops : e->dir_fops ? e->dir_fops : e->children ? &proc_dir_fops : &proc_text_ops;
	if (S_ISDIR(i->mode))
		set_nlink(i, 2);
	set_owner(i);
	return i;
}

int proc_add(struct dentry *d, const struct proc_entry *e, struct task *t, unsigned fd, struct super_block *sb)
{
	struct inode *i = proc_inode(sb, e, t, fd);

	if (!i)
		return -ENOMEM;
	if (t)
		d_set_flags(d, D_REVALIDATE | D_VOLATILE);
	d_add(d, i);
	return 0;
}

int proc_lookup_table(struct inode *dir, struct dentry *d)
{
	struct proc_node *n = proc_node(dir);

	for (const struct proc_entry *e = n->e->children; e && e->name; e++)
		if (!strcmp(e->name, d->name) && (!e->present || e->present(n->task)))
			return proc_add(d, e, n->task, ~0u, dir->sb);
	return -ENOENT;
}

static int proc_lookup(struct inode *dir, struct dentry *d)
{
	const struct proc_entry *e = proc_node(dir)->e;

	return e->lookup ? e->lookup(dir, d) : proc_lookup_table(dir, d);
}

int proc_readdir_table(struct file *f, struct dir_context *c, loff_t base)
{
	struct proc_node *n = proc_node(f->inode);
	const struct proc_entry *e = n->e->children;

	for (loff_t i = 0; e && e->name; e++, i++) {
		if (base + i < c->pos || (e->present && !e->present(n->task)))
			continue;
		c->pos = base + i;
		if (!dir_emit(c, e->name, strlen(e->name), proc_ino(e, n->task, ~0u), DT_OF(mode_of(e))))
			return 1;
		c->pos = base + i + 1;
	}
	return 0;
}

static int table_readdir(struct file *f, struct dir_context *c)
{
	if (dir_emit_dots(f, c))
		proc_readdir_table(f, c, 2);
	return 0;
}
const struct file_ops proc_dir_fops = { .readdir = table_readdir };

/* --- the file system ------------------------------------------------------------------------------------------------- */

static void proc_evict(struct inode *i)
{
	struct proc_node *n = i->private;

	if (n && n->task)
		put_task(n->task);
	kfree(n);
	i->private = NULL;
}

static const struct super_ops proc_super_ops = { .evict = proc_evict, .statfs = simple_statfs };

static int proc_mount(struct super_block *sb, const char *source, const char *options)
{
	struct inode *root;

	sb->magic = PROC_MAGIC;
	sb->ops = &proc_super_ops;
	root = proc_inode(sb, &root_dir, NULL, ~0u);
	if (!root)
		return -ENOMEM;
	sb->root = d_make_root(root);
	return sb->root ? 0 : -ENOMEM;
}

void proc_init(void)
{
	static struct fs_type proc = { .name = "proc", .mount = proc_mount, .single = true };

	register_fs(&proc);
	sysrq_keys_init();
	crash_init();
}
