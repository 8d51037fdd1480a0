/* SPDX-License-Identifier: MIT
 *
 * Names: lookup, create, link, unlink, rename and their kin. The directory's lock is held for writing by the VFS, the
 * victim's as well.
 *
 * An image may be damaged so that a directory has two names, or lies within itself; then the VFS would lock one inode twice. So
 * a directory is only entered where its ".." says that it belongs, and under one name at a time (ext2_enter_dir).
 *
 * Order of changes in memory, which is also how a disk should see them: a new inode before its name, a new name before the
 * old one goes, a name away before its inode. The disk sees it so only where somebody waits: a file that was synced, and
 * is then moved over another one (the way to replace a file at one blow), has its new name written before the old one goes.
 */
#include "kernel/fs/ext2/ext2.h"
#include <linux/fs.h>

/* --- lookup ---------------------------------------------------------------------------------------------------------- */
/* child, a directory, was found in dir under the entry e. => 0, or -EIO: it belongs elsewhere */
static int enter_dir(struct inode *dir, struct inode *child, const struct ext2_entry *e)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	struct ext2_inode *c = ext2_i(child);
	struct ext2_entry up, other;
	int err;

	if (child == dir || child->ino == EXT2_ROOT_INO)
		return ext2_damaged(s, (u32)dir->ino, 0, "an entry leads back to directory %u", e->ino);
	err = ext2_dir_find(child, "..", 2, 0, &up);
	if (err == -ENOENT || (!err && up.ino != dir->ino))
		return ext2_damaged(s, e->ino, 0, "directory %u has it as an entry, but its parent is another", (u32)dir->ino);
	if (err)
		return err;
	if (c->entry_pos && c->entry_pos != e->pos && !ext2_dir_at(dir, c->entry_pos, &other) && other.ino == e->ino)
		return ext2_damaged(s, e->ino, 0, "a directory with two names");
	c->entry_pos = e->pos;
	return 0;
}

static int lookup(struct inode *dir, struct dentry *d)
{
	struct ext2_entry e;
	struct inode *i;
	int err;

	if (d->len > EXT2_MAX_NAME)
		return -ENAMETOOLONG;
	err = ext2_dir_find(dir, d->name, d->len, d->cookie, &e);
	if (err == -ENOENT) {
		d_add(d, NULL);
		return 0;
	}
	if (err)
		return err;
	i = ext2_iget(dir->sb, e.ino);
	if (PTR_ERR(i) == -ESTALE)
		return ext2_damaged(ext2_sb(dir->sb), e.ino, 0, "directory %u names a deleted inode", (u32)dir->ino);
	if (IS_ERR(i))
		return PTR_ERR(i);
	err = S_ISDIR(i->mode) ? enter_dir(dir, i, &e) : 0;
	if (err) {
		iput(i);
		return err;
	}
	d->cookie = e.pos;
	d_add(d, i);
	return 0;
}

/* --- making ------------------------------------------------------------------------------------------------------------ */
/* Under the name d: eats the reference to i, and i itself if there is no room for the name. */
static int add_name(struct inode *dir, struct dentry *d, struct inode *i)
{
	int err = ext2_dir_add(dir, d->name, d->len, i, &d->cookie);

	if (err) {
		drop_nlink(i);
		mark_inode_dirty(i, INODE_DIRTY_DATA);
		iput(i);
		return err;
	}
	ext2_named(ext2_i(i));
	d_instantiate(d, i);
	return 0;
}

static int mknod(struct inode *dir, struct dentry *d, mode_t mode, dev_t dev)
{
	struct inode *i = ext2_new_inode(dir, mode, dev);

	return IS_ERR(i) ? PTR_ERR(i) : add_name(dir, d, i);
}
static int create(struct inode *dir, struct dentry *d, mode_t mode) { return mknod(dir, d, mode, 0); }

static int mkdir(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct inode *i;
	int err;

	if (dir->nlink >= EXT2_MAX_LINKS)
		return -EMLINK;
	i = ext2_new_inode(dir, mode, 0);
	if (IS_ERR(i))
		return PTR_ERR(i);
	err = ext2_dir_init(i, dir);
	if (!err)
		err = ext2_dir_add(dir, d->name, d->len, i, &d->cookie);
	if (err) {
		set_nlink(i, 0);
		iput(i);
		return err;
	}
	set_nlink(i, 2);
	ext2_i(i)->entry_pos = d->cookie;
	mark_inode_dirty(i, INODE_DIRTY_DATA);
	dir->nlink++;
	mark_inode_dirty(dir, INODE_DIRTY_OTHER);
	d_instantiate(d, i);
	return 0;
}

/* Short ones in the inode itself, longer ones in a block. */
static int set_target(struct inode *i, const char *target, size_t len)
{
	struct block_run run;
	struct page *page;
	char *p;
	int err;

	if (len < sizeof(ext2_i(i)->block)) {
		char *copy = kstrdup(target, GFP_KERNEL);

		if (!copy)
			return -ENOMEM;
		memcpy(ext2_i(i)->block, target, len);
		i->link = copy;
		return 0;
	}
	page = find_or_make_page(i->mapping, pindex_at(0), GFP_HIGHUSER);
	if (IS_ERR(page))
		return PTR_ERR(page);
	err = ext2_map_blocks(i->mapping, 0, 1, true, &run);
	if (!err) {
		clear_page(page);
		p = kmap(page);
		memcpy(p, target, len);
		kunmap(p);
		set_page_uptodate(page);
		mark_page_dirty(page);
	}
	unlock_page(page);
	put_page(page);
	return err;
}

static int symlink(struct inode *dir, struct dentry *d, const char *target)
{
	size_t len = strlen(target);
	struct inode *i;
	int err;

	if (len >= ext2_sb(dir->sb)->g.block_size)
		return -ENAMETOOLONG;
	i = ext2_new_inode(dir, S_IFLNK | 0777, 0);
	if (IS_ERR(i))
		return PTR_ERR(i);
	inode_set_size(i, len);
	err = set_target(i, target, len);
	if (err) {
		drop_nlink(i);
		iput(i);
		return err;
	}
	mark_inode_dirty(i, INODE_DIRTY_DATA);
	return add_name(dir, d, i);
}

static int tmpfile(struct inode *dir, struct dentry *d, mode_t mode)
{
	struct inode *i = ext2_new_inode(dir, mode, 0);

	if (IS_ERR(i))
		return PTR_ERR(i);
	set_nlink(i, 0);
	mark_inode_dirty(i, INODE_DIRTY_DATA);
	d_instantiate(d, i);
	return 0;
}

static int link(struct dentry *old, struct inode *dir, struct dentry *d)
{
	struct inode *i = old->inode;

	if (i->nlink >= EXT2_MAX_LINKS)
		return -EMLINK;
	inc_nlink(i);
	inode_touch(i, ATTR_CTIME);
	mark_inode_dirty(i, INODE_DIRTY_DATA);
	return add_name(dir, d, iget(i));
}

/* --- taking away --------------------------------------------------------------------------------------------------------- */
/* The entry of d, which names d's inode. */
static int find_own(struct inode *dir, struct dentry *d, struct ext2_entry *e)
{
	int err = ext2_dir_find(dir, d->name, d->len, d->cookie, e);

	if (err == -ENOENT || (!err && e->ino != d->inode->ino))
		return ext2_damaged(ext2_sb(dir->sb), (u32)dir->ino, 0, "an entry of inode %u has gone", (u32)d->inode->ino);
	return err;
}

static void lose_link(struct inode *dir, struct inode *i)
{
	i->ctime = dir->ctime;
	if (i->nlink)
		drop_nlink(i);
	else
		ext2_damaged(ext2_sb(i->sb), (u32)i->ino, 0, "more names than links");
	mark_inode_dirty(i, INODE_DIRTY_DATA);
}

static void lose_dir(struct inode *dir, struct inode *i)
{
	set_nlink(i, 0);
	mark_inode_dirty(i, INODE_DIRTY_DATA);
	if (dir->nlink > 2)
		drop_nlink(dir);
	mark_inode_dirty(dir, INODE_DIRTY_OTHER);
}

static int unlink(struct inode *dir, struct dentry *d)
{
	struct ext2_entry e;
	int err = find_own(dir, d, &e);

	if (!err)
		err = ext2_dir_remove(dir, &e);
	if (!err)
		lose_link(dir, d->inode);
	return err;
}

static int rmdir(struct inode *dir, struct dentry *d)
{
	struct ext2_entry e;
	int err = ext2_dir_empty(d->inode);

	if (err <= 0)
		return err ? err : -ENOTEMPTY;
	err = find_own(dir, d, &e);
	if (!err)
		err = ext2_dir_remove(dir, &e);
	if (!err)
		lose_dir(dir, d->inode);
	return err;
}

/* --- rename ------------------------------------------------------------------------------------------------------------------ */
struct move {
	struct inode *from, *to, *i, *victim;
	struct dentry *d, *target;
	struct ext2_entry e, te;
};

/* A directory that changes its parent: its ".." says so. */
static int set_parent(struct inode *i, struct inode *parent)
{
	struct ext2_entry up;
	int err = ext2_dir_find(i, "..", 2, 0, &up);

	return err ? err : ext2_dir_set(i, &up, parent);
}

static void moved(struct inode *i, u32 pos)
{
	ext2_named(ext2_i(i));
	if (S_ISDIR(i->mode))
		ext2_i(i)->entry_pos = pos;
	inode_touch(i, ATTR_CTIME);
	mark_inode_dirty(i, INODE_DIRTY_OTHER);
}

static void dir_links(struct inode *dir, int n)
{
	if (!n || (n < 0 && dir->nlink <= 2))
		return;
	dir->nlink += n;
	mark_inode_dirty(dir, INODE_DIRTY_OTHER);
}

static int exchange(struct move *m)
{
	bool a = S_ISDIR(m->i->mode), b = S_ISDIR(m->victim->mode), across = m->from != m->to;
	int err = find_own(m->to, m->target, &m->te);

	if (!err && across && a != b && (a ? m->to : m->from)->nlink >= EXT2_MAX_LINKS)
		err = -EMLINK;
	if (!err && a && across)
		err = set_parent(m->i, m->to);
	if (!err && b && across)
		err = set_parent(m->victim, m->from);
	if (!err)
		err = ext2_dir_set(m->to, &m->te, m->i);
	if (!err)
		err = ext2_dir_set(m->from, &m->e, m->victim);
	if (err)
		return err;
	if (across) {
		dir_links(m->from, (int)b - (int)a);
		dir_links(m->to, (int)a - (int)b);
	}
	moved(m->i, m->te.pos);
	moved(m->victim, m->e.pos);
	m->d->cookie = m->te.pos;
	m->target->cookie = m->e.pos;
	return 0;
}

/* The new name, over the victim's or where none was. */
static int give_name(struct move *m)
{
	int err;

	if (!m->victim) {
		err = ext2_dir_add(m->to, m->target->name, m->target->len, m->i, &m->te.pos);
	} else {
		err = S_ISDIR(m->victim->mode) ? ext2_dir_empty(m->victim) : 1;
		if (err <= 0)
			return err ? err : -ENOTEMPTY;
		err = find_own(m->to, m->target, &m->te);
		if (!err)
			err = ext2_dir_set(m->to, &m->te, m->i);
	}
	return err;
}

static int replace(struct move *m)
{
	bool dir = S_ISDIR(m->i->mode), across = m->from != m->to;
	int err;

	if (dir && across && !m->victim && m->to->nlink >= EXT2_MAX_LINKS)
		return -EMLINK;
	err = give_name(m);
	if (!err && dir && across)
		err = set_parent(m->i, m->to);
	if (!err && ext2_i(m->i)->state & EXT2_TRUSTED)
		ext2_sync_dir(m->to, true);
	if (!err)
		err = find_own(m->from, m->d, &m->e); /* again: the new name may have moved it */
	if (!err)
		err = ext2_dir_remove(m->from, &m->e);
	if (err)
		return err;
	if (dir && across) {
		dir_links(m->from, -1);
		dir_links(m->to, 1);
	}
	if (m->victim && S_ISDIR(m->victim->mode))
		lose_dir(m->to, m->victim);
	else if (m->victim)
		lose_link(m->to, m->victim);
	moved(m->i, m->te.pos);
	m->d->cookie = m->te.pos;
	return 0;
}

static int rename(struct inode *from, struct dentry *d, struct inode *to, struct dentry *target, u32 flags)
{
	struct move m = { .from = from, .to = to, .i = d->inode, .victim = target->inode, .d = d, .target = target };
	int err = find_own(from, d, &m.e);

	if (err)
		return err;
	return flags & RENAME_EXCHANGE ? exchange(&m) : replace(&m);
}

/* --- symlinks in a block -------------------------------------------------------------------------------------------------- */
static int readlink(struct inode *i, char *buf, size_t size)
{
	struct page *page = read_cache_page(i->mapping, NULL, pindex_at(0));
	size_t n = min_t(size_t, size, (size_t)inode_size(i));
	const char *p;

	if (IS_ERR(page))
		return PTR_ERR(page);
	p = kmap(page);
	memcpy(buf, p, n);
	kunmap(p);
	put_page(page);
	if (memchr(buf, 0, n))
		return ext2_damaged(ext2_sb(i->sb), (u32)i->ino, ext2_block_of(i, 0), "a symlink with a NUL in it");
	return (int)n;
}

/* --- tables ------------------------------------------------------------------------------------------------------------------ */
const struct inode_ops ext2_dir_inode_ops = {
	.lookup = lookup, .create = create, .mknod = mknod, .mkdir = mkdir, .symlink = symlink, .link = link, .rmdir = rmdir,
	.unlink = unlink, .rename = rename, .tmpfile = tmpfile, .setattr = ext2_setattr,
};
const struct inode_ops ext2_link_inode_ops = { .readlink = readlink, .setattr = ext2_setattr };
const struct inode_ops ext2_special_inode_ops = { .setattr = ext2_setattr };
