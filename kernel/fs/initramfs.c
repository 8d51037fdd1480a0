/* SPDX-License-Identifier: MIT
 *
 * The first contents of the root file system, from a newc cpio archive that the boot loader put into memory.
 *
 * File contents are copied into page-cache pages (high memory where there is any), so that the archive's memory can be
 * given back. Hard links: names with the same device and inode number within one archive; the data comes with one of
 * them, mostly the last.
 */
#include "kernel/fs/cpio.h"
#include "kernel/fs/internal.h"

struct seen { struct list_head node; u32 major, minor, ino; char name[]; };
struct loader { struct list_head links; unsigned files; u64 bytes; const char *step; char *at; };

static void forget_links(struct loader *l)
{
	struct seen *s, *next;

	list_for_each_entry_safe(s, next, &l->links, node)
		kfree(s);
	INIT_LIST_HEAD(&l->links);
}

static struct seen *find_link(struct loader *l, const struct cpio_entry *e)
{
	struct seen *s;

	list_for_each_entry(s, &l->links, node)
		if (s->ino == e->ino && s->major == e->dev_major && s->minor == e->dev_minor)
			return s;
	return NULL;
}

/* => 1: made as a link to an earlier name; 0: it is the first of its kind; -errno */
static int try_link(struct loader *l, const struct cpio_entry *e, const char *name)
{
	struct seen *s;

	if (e->nlink < 2 || S_ISDIR(e->mode))
		return 0;
	s = find_link(l, e);
	if (s) {
		int err = vfs_link_at(AT_FDCWD, s->name, AT_FDCWD, name, 0);

		return err ? err : 1;
	}
	s = kmalloc(sizeof(*s) + strlen(name) + 1, GFP_KERNEL);
	if (!s)
		return -ENOMEM;
	*s = (struct seen){ .major = e->dev_major, .minor = e->dev_minor, .ino = e->ino };
	memcpy(s->name, name, strlen(name) + 1);
	list_add(&s->node, &l->links);
	return 0;
}

/* Owner, mode and time as the archive says, whatever current is. */
static int set_attributes(const struct cpio_entry *e, const char *name)
{
	struct iattr a = { .valid = ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_MTIME | ATTR_MTIME_SET, .mode = e->mode & 07777,
			   .uid = e->uid, .gid = e->gid, .mtime = (s64)e->mtime * NSEC_PER_SEC };
	struct path p;
	int err = kern_path(name, 0, &p);

	if (err)
		return err;
	if (S_ISLNK(e->mode))
		a.valid &= ~ATTR_MODE;
	down_write(&p.dentry->inode->lock);
	attr_copy(p.dentry->inode, &a);
	up_write(&p.dentry->inode->lock);
	path_put(&p);
	return 0;
}

static int write_file(struct loader *l, const struct cpio_entry *e, const char *name)
{
	struct file *f = kern_open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	size_t done = 0;
	ssize_t n = 0;

	if (IS_ERR(f))
		return PTR_ERR(f);
	while (done < e->size && n >= 0) {
		n = kern_write(f, (const char *)e->data + done, e->size - done, done);
		if (!n)
			n = -EIO;
		if (n > 0)
			done += n;
	}
	put_file(f);
	l->bytes += done;
	return n < 0 ? n : 0;
}

static int make_link(const struct cpio_entry *e, const char *name)
{
	char *target = kmalloc(e->size + 1, GFP_KERNEL);
	int err;

	if (!target)
		return -ENOMEM;
	memcpy(target, e->data, e->size);
	target[e->size] = '\0';
	err = vfs_symlink_at(target, AT_FDCWD, name);
	kfree(target);
	return err;
}

static int make_entry(struct loader *l, const struct cpio_entry *e, const char *name)
{
	int err;

	switch (e->mode & S_IFMT) {
	case S_IFDIR:
		err = vfs_mkdir_at(AT_FDCWD, name, 0700);
		return err == -EEXIST ? 0 : err; /* again: takes the new mode */
	case S_IFREG:
		err = try_link(l, e, name);
		return err < 0 || (err && !e->size) ? min(err, 0) : write_file(l, e, name);
	case S_IFLNK:
		return e->size < PATH_MAX && e->size ? make_link(e, name) : -EINVAL;
	case S_IFCHR: case S_IFBLK: case S_IFIFO: case S_IFSOCK:
		err = try_link(l, e, name);
		return err ? min(err, 0) : vfs_mknod_at(AT_FDCWD, name, (e->mode & S_IFMT) | 0600, MKDEV(e->rdev_major, e->rdev_minor));
	}
	return -EINVAL;
}

static int load_entry(const struct cpio_entry *e, void *arg)
{
	struct loader *l = arg;
	const char *name = e->name;
	int err;

	if (e->trailer) {
		forget_links(l);
		return 0;
	}
	while (*name == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	if (!*name || !strcmp(name, "."))
		return 0;
	strscpy(l->at, name, PATH_MAX);
	err = make_entry(l, e, name);
	if (err == -EEXIST && !S_ISDIR(e->mode)) /* a later archive replaces what an earlier one made */
		err = 0;
	if (!err)
		err = set_attributes(e, name);
	l->files += !err;
	return err;
}

/* => 0, or -errno after a line that names the place and the reason. What was made before stays. */
int load_initramfs(const void *data, size_t size)
{
	struct loader l = { .files = 0 };
	struct cpio_error bad;
	int err;

	INIT_LIST_HEAD(&l.links);
	l.at = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!l.at)
		return -ENOMEM;
	l.at[0] = '\0';
	err = cpio_parse(data, size, load_entry, &l, &bad);
	forget_links(&l);
	if (err && bad.reason)
		pr_err("initramfs: refused at offset %zu: %s\n", bad.offset, bad.reason);
	else if (err)
		pr_err("initramfs: %s (offset %zu): error %d\n", l.at, bad.offset, -err);
	else
		pr_info("initramfs: %u files, %llu KB\n", l.files, (unsigned long long)(l.bytes >> 10));
	kfree(l.at);
	return err;
}
