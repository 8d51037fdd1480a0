/* SPDX-License-Identifier: MIT
 *
 * From a (mount, dentry) pair back to a string: path_string, getcwd.
 *
 * Names are written from the end of the buffer towards its start, under RCU; if a rename or a mount came between, all
 * is done again, under the locks after a few times.
 */
#include "kernel/fs/internal.h"
#include "kernel/lib/vsprintf.h"

/* => false: no room */
static bool prepend(char **p, char *buf, const char *s, unsigned len)
{
	if (*p - buf < (long)len + 1)
		return false;
	*p -= len;
	memcpy(*p, s, len);
	return true;
}

/* RCU. Writes /a/b in front of *at. *reached: the walk up met root */
static int build(const struct path *p, const struct path *root, char *buf, char **at, bool *reached)
{
	struct dentry *d = p->dentry;
	struct mount *m = p->mount;
	char *end = *at;

	*reached = true;
	for (;;) {
		struct dentry *parent = READ_ONCE(d->parent);

		if (d == root->dentry && m == root->mount)
			break;
		if (d == m->root || d == parent) {
			struct mount *up = READ_ONCE(m->parent);

			if (up == m) {
				*reached = false;
				break;
			}
			d = READ_ONCE(m->mountpoint);
			m = up;
			continue;
		}
		if (!prepend(at, buf, READ_ONCE(d->name), READ_ONCE(d->len)) || !prepend(at, buf, "/", 1))
			return -ENAMETOOLONG;
		d = parent;
	}
	if (*at == end && !prepend(at, buf, "/", 1))
		return -ENAMETOOLONG;
	return 0;
}

static int build_stable(const struct path *p, const struct path *root, char *buf, char *end, char **start, bool *reached)
{
	u32 mseq, rseq;
	int err;

	do {
		mseq = read_seqbegin(&mount_lock);
		rseq = read_seqbegin(&rename_lock);
		*start = end;
		rcu_read_lock();
		err = build(p, root, buf, start, reached);
		rcu_read_unlock();
	} while (read_seqretry(&mount_lock, mseq) || read_seqretry(&rename_lock, rseq));
	return err;
}

static bool is_deleted(const struct dentry *d) { return d->parent != d && d_unhashed(d) && !(d->flags & D_VOLATILE); }

static void get_root(struct path *root)
{
	struct fs_info *fs = current->fs;

	spin_lock(&fs->lock);
	*root = fs->root;
	path_get(root);
	spin_unlock(&fs->lock);
}

/* Files without a place in the tree: the super block's root has a name of its own kind, as pipe:[5], /memfd:x. */
static int anon_string(const struct path *p, char *buf, size_t size, char **start)
{
	const struct dentry *d = p->dentry;
	const char *kind = d->sb->type->name;
	int n;

	if (!strcmp(kind, "pipefs"))
		n = snprintf(buf, size, "pipe:[%llu]", (unsigned long long)d->inode->ino);
	else if (!strcmp(kind, "sockfs"))
		n = snprintf(buf, size, "socket:[%llu]", (unsigned long long)d->inode->ino);
	else if (!strcmp(kind, "anon_inodefs"))
		n = snprintf(buf, size, "anon_inode:%s", d->name);
	else
		n = snprintf(buf, size, "/%s (deleted)", d->name);
	*start = buf;
	return n < (int)size ? n : -ENAMETOOLONG;
}

int path_string(const struct path *p, char *buf, size_t size, char **start)
{
	char *end = buf + size - 1;
	struct path root;
	bool reached;
	int err;

	if (!size)
		return -ENAMETOOLONG;
	if (p->mount->sb->type->internal)
		return anon_string(p, buf, size, start);
	*end = '\0';
	if (is_deleted(p->dentry) && !prepend(&end, buf, " (deleted)", 10))
		return -ENAMETOOLONG;
	get_root(&root);
	err = build_stable(p, &root, buf, end, start, &reached);
	path_put(&root);
	return err ? err : (int)(buf + size - 1 - *start);
}

SYSCALL(getcwd, char __user *ubuf, size_t size)
{
	struct fs_info *fs = current->fs;
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL), *start, *end = buf + PATH_MAX - 1;
	struct path pwd, root;
	bool reached;
	long err;

	if (!buf)
		return -ENOMEM;
	*end = '\0';
	get_root(&root);
	spin_lock(&fs->lock);
	pwd = fs->pwd;
	path_get(&pwd);
	spin_unlock(&fs->lock);
	err = is_deleted(pwd.dentry) ? -ENOENT : build_stable(&pwd, &root, buf, end, &start, &reached);
	if (!err && !reached) {
		if (prepend(&start, buf, "(unreachable)", 13))
			err = 0;
		else
			err = -ENAMETOOLONG;
	}
	path_put(&pwd);
	path_put(&root);
	if (!err) {
		size_t len = end - start + 1;

		err = len > size ? -ERANGE : copy_to_user(ubuf, start, len) ? -EFAULT : (long)len;
	}
	kfree(buf);
	return err;
}
