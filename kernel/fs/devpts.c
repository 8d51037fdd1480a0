/* SPDX-License-Identifier: MIT
 *
 * devpts: /dev/ptmx makes a pair of terminals; the slave appears as /dev/pts/NUMBER until the master is closed.
 *
 * Live pairs stand in one list, by number; pts_mutex guards the list and the fields of struct pts. A struct pts dies
 * with its master. Names in the directory are looked up again each time (D_REVALIDATE), since numbers are used again:
 * an inode carries the serial number of its pair.
 */
#include "arch/i386/uaccess.h"
#include "drivers/char/tty.h"
#include "kernel/fs/dev.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/process.h"

#define DEVPTS_MAGIC 0x1cd1
#define TTY_GID 5

struct pts {
	struct list_head node;
	struct tty *tty;
	unsigned index;
	unsigned long serial;
	bool locked;              /* TIOCSPTLCK: until unlockpt() the slave cannot be opened */
	uid_t uid;
	gid_t gid;
	s64 made;
};
static LIST_HEAD(pts_list);       /* by index */
static DEFINE_MUTEX(pts_mutex);
static unsigned long next_serial = 1;

static struct pts *find_locked(unsigned index)
{
	struct pts *p;

	list_for_each_entry(p, &pts_list, node)
		if (p->index == index)
			return p;
	return NULL;
}

struct tty *devpts_get(unsigned index)
{
	struct tty *t = NULL;
	struct pts *p;

	mutex_lock(&pts_mutex);
	p = find_locked(index);
	if (p && p->locked) {
		t = ERR_PTR(-EIO);
	} else if (p) {
		t = p->tty;
		tty_get(t);
	}
	mutex_unlock(&pts_mutex);
	return t;
}

/* --- the master -------------------------------------------------------------------------------------------------------- */

/* The lowest free number. => the entry before which it belongs */
static struct list_head *free_index_locked(unsigned *index)
{
	struct pts *p;

	*index = 0;
	list_for_each_entry(p, &pts_list, node) {
		if (p->index != *index)
			return &p->node;
		++*index;
	}
	return &pts_list;
}

static struct tty *make_pair(void)
{
	struct pts *p = kzalloc(sizeof(*p), GFP_KERNEL);
	struct list_head *before;

	if (!p)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&pts_mutex);
	before = free_index_locked(&p->index);
	p->tty = p->index < 2048 ? pty_make(p->index) : NULL; /* majors 136 to 143 */
	if (!p->tty) {
		mutex_unlock(&pts_mutex);
		kfree(p);
		return ERR_PTR(-ENOMEM);
	}
	p->serial = next_serial++;
	p->locked = true;
	p->uid = current_cred()->fsuid;
	p->gid = TTY_GID;
	p->made = inode_now();
	list_add_tail(&p->node, before);
	mutex_unlock(&pts_mutex);
	return p->tty;
}

void ptmx_closed(struct tty *t)
{
	struct pts *p;

	mutex_lock(&pts_mutex);
	p = find_locked(t->index);
	if (p) {
		list_del(&p->node);
		kfree(p);
	}
	mutex_unlock(&pts_mutex);
}

static int ptmx_open(struct inode *i, struct file *f)
{
	struct tty *t = make_pair();
	struct tty_file *tf;

	if (IS_ERR(t))
		return PTR_ERR(t);
	tf = kmalloc(sizeof(*tf), GFP_KERNEL);
	if (!tf) {
		ptmx_closed(t);
		tty_put(t);
		return -ENOMEM;
	}
	*tf = (struct tty_file){ .tty = t, .master = true };
	f->private = tf;
	return 0;
}

static long set_locked(struct tty *t, int __user *arg)
{
	struct pts *p;
	int on;

	if (get_user(on, arg))
		return -EFAULT;
	mutex_lock(&pts_mutex);
	p = find_locked(t->index);
	if (p)
		p->locked = on;
	mutex_unlock(&pts_mutex);
	return 0;
}

static long get_locked(struct tty *t, int __user *arg)
{
	struct pts *p;
	int on;

	mutex_lock(&pts_mutex);
	p = find_locked(t->index);
	on = p && p->locked;
	mutex_unlock(&pts_mutex);
	return put_user(on, arg);
}

/* A descriptor of the slave, without a path walk that somebody could have redirected. */
static long open_peer(struct tty *t, int flags)
{
	char name[24];
	struct file *f;
	int fd;

	fd = fd_alloc(0, flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "/dev/pts/%u", t->index);
	f = kern_open(name, flags & (O_ACCMODE | O_NOCTTY | O_NONBLOCK), 0);
	if (IS_ERR(f)) {
		fd_cancel(fd);
		return PTR_ERR(f);
	}
	fd_install(fd, f);
	return fd;
}

long ptmx_ioctl(struct file *f, struct tty *t, unsigned cmd, unsigned long arg)
{
	switch (cmd) {
	case TIOCGPTN: return put_user(t->index, (u32 __user *)arg);
	case TIOCSPTLCK: return set_locked(t, (int __user *)arg);
	case TIOCGPTLCK: return get_locked(t, (int __user *)arg);
	case TIOCGPTPEER: return open_peer(t, arg);
	default: return -ENOTTY;
	}
}

/* --- the directory ------------------------------------------------------------------------------------------------------------ */

static bool pts_revalidate(struct dentry *d)
{
	struct pts *p;
	bool same = false;
	unsigned index;

	if (!d->inode)
		return false;
	index = MINOR(d->inode->rdev) | (MAJOR(d->inode->rdev) - 136) << 8;
	mutex_lock(&pts_mutex);
	p = find_locked(index);
	same = p && p->serial == d->inode->value;
	mutex_unlock(&pts_mutex);
	return same;
}

static const struct inode_ops pts_inode_ops = { .revalidate = pts_revalidate };

static struct inode *make_inode(struct super_block *sb, const struct pts *p)
{
	struct inode *i = new_inode(sb, NULL, S_IFCHR | 0620);

	if (!i)
		return NULL;
	i->ino = p->index + 3;
	i->rdev = MKDEV(136 + (p->index >> 8), p->index & 0xff);
	i->uid = p->uid;
	i->gid = p->gid;
	i->atime = i->mtime = i->ctime = p->made;
	i->value = p->serial;
	i->ops = &pts_inode_ops;
	i->fops = &tty_file_ops;
	return i;
}

static int pts_lookup(struct inode *dir, struct dentry *d)
{
	struct inode *i = NULL;
	struct pts *p;
	unsigned index;

	if (kstrtouint(d->name, 10, &index) || (d->name[0] == '0' && d->len > 1))
		return -ENOENT;
	mutex_lock(&pts_mutex);
	p = find_locked(index);
	if (p)
		i = make_inode(dir->sb, p);
	mutex_unlock(&pts_mutex);
	if (!p || !i)
		return p ? -ENOMEM : -ENOENT;
	d_set_flags(d, D_REVALIDATE);
	d_add(d, i);
	return 0;
}

static int pts_readdir(struct file *f, struct dir_context *c)
{
	struct pts *p;
	char name[12];

	if (!dir_emit_dots(f, c))
		return 0;
	mutex_lock(&pts_mutex);
	list_for_each_entry(p, &pts_list, node) {
		int n = scnprintf(name, sizeof(name), "%u", p->index);

		if (p->index + 2 < c->pos)
			continue;
		c->pos = p->index + 2;
		if (!dir_emit(c, name, n, p->index + 3, DT_OF(S_IFCHR)))
			break;
		c->pos = p->index + 3;
	}
	mutex_unlock(&pts_mutex);
	return 0;
}

static const struct inode_ops pts_dir_ops = { .lookup = pts_lookup, .revalidate = pts_revalidate };
static const struct file_ops pts_dir_fops = { .readdir = pts_readdir };
static const struct super_ops pts_super_ops = { .statfs = simple_statfs };

static int pts_mount(struct super_block *sb, const char *source, const char *options)
{
	return pseudo_fs_fill(sb, DEVPTS_MAGIC, &pts_super_ops, &pts_dir_ops, &pts_dir_fops);
}

void devpts_init(void)
{
	static struct file_ops ptmx_ops;
	static struct fs_type devpts = { .name = "devpts", .mount = pts_mount, .single = true };
	int r;

	ptmx_ops = tty_file_ops;
	ptmx_ops.open = ptmx_open;
	register_fs(&devpts);
	for (unsigned major = 136; major < 144; major++)
		register_chrdev(major, 0, 256, &tty_file_ops, "pts");
	r = register_chrdev(5, 2, 1, &ptmx_ops, "/dev/ptmx");
	if (!r)
		r = devfs_add("ptmx", S_IFCHR | 0666, MKDEV(5, 2));
	if (r)
		pr_err("/dev/ptmx: error %d\n", r);
}
