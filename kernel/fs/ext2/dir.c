/* SPDX-License-Identifier: MIT
 *
 * Directories: blocks of entries (dirblock.c) in the pages of the directory's inode. Looked through from the beginning; no
 * hash trees: a directory that has one (INDEX) is read as the list that it also is, and loses the mark when it is changed.
 *
 * What keeps it quick: an entry's place is remembered in its dentry, so that unlink and rename find it at once; a directory
 * remembers before which block there is no room; and filters (filter.c) tell which blocks need not be looked at.
 *
 * Locks: the directory's inode->lock, for reading in readdir, else for writing; the page lock around each change.
 */
#include "kernel/fs/ext2/ext2.h"

#define SMALL_NAME 16 /* if one like this found no room, `room` moves on */

/* --- blocks --------------------------------------------------------------------------------------------------------- */
struct dblock { struct page *page; unsigned offset; u32 n; };

static int get_block(struct inode *dir, u32 n, struct dblock *b)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	loff_t pos = (loff_t)n << s->g.block_bits;
	struct page *page = read_cache_page(dir->mapping, NULL, pindex_at(pos));

	if (IS_ERR(page))
		return PTR_ERR(page) == -EIO ? ext2_damaged(s, (u32)dir->ino, ext2_block_of(dir, n), "cannot read block %u of the directory", n) :
					       PTR_ERR(page);
	*b = (struct dblock){ page, (unsigned)pos & (PAGE_SIZE - 1), n };
	return 0;
}
static void put_block(struct dblock *b) { put_page(b->page); }
static void *map_block(const struct dblock *b) { return (char *)kmap(b->page) + b->offset; }
static void unmap_block(const void *p) { kunmap(p); }
static u32 nr_blocks(const struct inode *dir) { return (u32)(dir->size >> ext2_sb(dir->sb)->g.block_bits); }

static int damaged(struct inode *dir, const struct dblock *b, unsigned bad)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	const void *p = map_block(b);
	const char *why = ext2_dirent_fault(p, s->g.block_size, bad, s->g.inodes);

	unmap_block(p);
	return ext2_damaged(s, (u32)dir->ino, ext2_block_of(dir, b->n), "directory entry at byte %u: %s", bad, why ? why : "impossible name");
}

static void changed(struct inode *dir)
{
	ext2_i(dir)->flags &= ~EXT2_INDEX_FL;
	inode_touch(dir, ATTR_MTIME | ATTR_CTIME);
	mark_inode_dirty(dir, INODE_DIRTY_OTHER);
}

/* --- looking -------------------------------------------------------------------------------------------------------- */
static int find_in(struct inode *dir, u32 n, const char *name, unsigned len, struct ext2_entry *e, bool learn)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	struct dblock b;
	unsigned bad = 0;
	int err = get_block(dir, n, &b), off;
	char *p;

	if (err)
		return err;
	p = map_block(&b);
	off = ext2_dirblock_find(p, s->g.block_size, s->g.inodes, name, len, &bad);
	if (off >= 0) {
		const struct ext2_dirent *d = (void *)(p + off);

		*e = (struct ext2_entry){ d->ino, (n << s->g.block_bits) + off, d->type };
	}
	unmap_block(p);
	if (off == -EIO)
		damaged(dir, &b, bad);
	else if (off == -ENOENT && learn)
		ext2_filter_make(dir, n, b.page, b.offset);
	put_block(&b);
	return off < 0 ? off : 0;
}

int ext2_dir_find(struct inode *dir, const char *name, unsigned len, u32 hint, struct ext2_entry *e)
{
	bool filtered = ext2_filtered(dir);
	u32 n = nr_blocks(dir), hash = filtered ? ext2_name_hash(name, len) : 0;
	int err;

	hint >>= ext2_sb(dir->sb)->g.block_bits;
	if (hint && hint < n && find_in(dir, hint, name, len, e, false) == 0)
		return 0;
	for (u32 i = 0; i < n; i++) {
		if (filtered)
			i = ext2_filter_next(dir, i, n, hash);
		if (i == n)
			break;
		err = find_in(dir, i, name, len, e, filtered);
		if (err != -ENOENT)
			return err;
		cond_resched();
	}
	return -ENOENT;
}

/* What begins at this position? => 0 with *e; -ENOENT: nothing does */
int ext2_dir_at(struct inode *dir, u32 pos, struct ext2_entry *e)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	u32 n = pos >> s->g.block_bits;
	const struct ext2_dirent *d;
	struct dblock b;
	int err = n < nr_blocks(dir) ? get_block(dir, n, &b) : -ENOENT;
	void *p;

	if (err)
		return err;
	p = map_block(&b);
	d = ext2_dirent_at(p, s->g.block_size, pos & (s->g.block_size - 1), s->g.inodes);
	if (d)
		*e = (struct ext2_entry){ d->ino, pos, d->type };
	unmap_block(p);
	put_block(&b);
	return d ? 0 : -ENOENT;
}

int ext2_dir_empty(struct inode *dir)
{
	struct ext2_sb *s = ext2_sb(dir->sb);

	for (u32 n = 0; n < nr_blocks(dir); n++) {
		struct dblock b;
		unsigned bad = 0;
		int r = get_block(dir, n, &b);
		void *p;

		if (r)
			return r;
		p = map_block(&b);
		r = ext2_dirblock_empty(p, s->g.block_size, s->g.inodes, &bad);
		unmap_block(p);
		if (r < 0)
			damaged(dir, &b, bad);
		put_block(&b);
		if (r != 1)
			return r;
		cond_resched();
	}
	return 1;
}

/* --- changing --------------------------------------------------------------------------------------------------------- */
static u8 type_for(const struct ext2_sb *s, mode_t mode) { return s->g.incompat & EXT2_INCOMPAT_FILETYPE ? ext2_type_of(mode) : 0; }

static void lock_block(struct dblock *b) { lock_page(b->page); }
static void unlock_dirty(struct dblock *b)
{
	mark_page_dirty(b->page);
	unlock_page(b->page);
}

/* => 0, -ENOSPC, -EIO */
static int add_in(struct inode *dir, u32 n, const char *name, unsigned len, struct inode *i, u32 *pos)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	struct dblock b;
	unsigned bad = 0;
	int off, err = get_block(dir, n, &b);
	void *p;

	if (err)
		return err;
	lock_block(&b);
	p = map_block(&b);
	off = ext2_dirblock_add(p, s->g.block_size, s->g.inodes, name, len, (u32)i->ino, type_for(s, i->mode), &bad);
	unmap_block(p);
	if (off >= 0) {
		ext2_filter_add(dir, n, name, len);
		unlock_dirty(&b);
	} else {
		unlock_page(b.page);
	}
	if (off == -EIO)
		damaged(dir, &b, bad);
	put_block(&b);
	*pos = (n << s->g.block_bits) + off;
	return off < 0 ? off : 0;
}

/* A new block at the end, with one unused entry, or with the dots. */
static int append_block(struct inode *dir, struct inode *parent)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	u32 n = nr_blocks(dir);
	struct block_run run;
	struct dblock b;
	int err;
	void *p;

	if (n >= MAX_NON_LFS >> s->g.block_bits)
		return -ENOSPC;
	err = get_block(dir, n, &b);
	if (err)
		return err;
	lock_block(&b);
	err = ext2_map_blocks(dir->mapping, n, 1, true, &run);
	if (err) {
		unlock_page(b.page);
		put_block(&b);
		return err;
	}
	p = map_block(&b);
	if (parent)
		ext2_dirblock_dots(p, s->g.block_size, (u32)dir->ino, (u32)parent->ino, type_for(s, S_IFDIR));
	else
		ext2_dirblock_init(p, s->g.block_size);
	unmap_block(p);
	inode_set_size(dir, (loff_t)(n + 1) << s->g.block_bits);
	unlock_dirty(&b);
	put_block(&b);
	mark_inode_dirty(dir, INODE_DIRTY_DATA);
	return 0;
}

int ext2_dir_init(struct inode *dir, struct inode *parent) { return append_block(dir, parent); }

int ext2_dir_add(struct inode *dir, const char *name, unsigned len, struct inode *i, u32 *pos)
{
	struct ext2_inode *e = ext2_i(dir);
	u32 n = nr_blocks(dir);
	int err = -ENOSPC;

	for (u32 b = e->room; b < n && err == -ENOSPC; b++) {
		err = add_in(dir, b, name, len, i, pos);
		if (err == -ENOSPC && b == e->room && len <= SMALL_NAME)
			e->room++;
		cond_resched();
	}
	if (err == -ENOSPC) {
		err = append_block(dir, NULL);
		if (!err)
			err = add_in(dir, n, name, len, i, pos);
	}
	if (!err)
		changed(dir);
	return err;
}

int ext2_dir_remove(struct inode *dir, const struct ext2_entry *e)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	u32 n = e->pos >> s->g.block_bits;
	unsigned bad = 0;
	struct dblock b;
	int err = get_block(dir, n, &b);
	void *p;

	if (err)
		return err;
	lock_block(&b);
	p = map_block(&b);
	err = ext2_dirblock_remove(p, s->g.block_size, s->g.inodes, e->pos & (s->g.block_size - 1), &bad);
	unmap_block(p);
	unlock_dirty(&b);
	if (err)
		damaged(dir, &b, bad);
	put_block(&b);
	ext2_i(dir)->room = min(ext2_i(dir)->room, n);
	if (!err)
		changed(dir);
	return err;
}

int ext2_dir_set(struct inode *dir, const struct ext2_entry *e, struct inode *i)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	struct ext2_dirent *d;
	struct dblock b;
	int err = get_block(dir, e->pos >> s->g.block_bits, &b);
	char *p;

	if (err)
		return err;
	lock_block(&b);
	p = map_block(&b);
	d = ext2_dirent_at(p, s->g.block_size, e->pos & (s->g.block_size - 1), s->g.inodes);
	if (d) {
		d->type = type_for(s, i->mode);
		WRITE_ONCE(d->ino, (u32)i->ino);
	}
	unmap_block(p);
	unlock_dirty(&b);
	put_block(&b);
	changed(dir);
	return d ? 0 : -EIO;
}

/* --- reading it out ----------------------------------------------------------------------------------------------------- */
/* Emitting may fault: so from a copy. => 0: go on with the next block; 1: full; -EIO */
static int emit_block(struct inode *dir, u32 n, char *copy, struct dir_context *c)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	loff_t base = (loff_t)n << s->g.block_bits;
	struct dblock b;
	int err = get_block(dir, n, &b);
	unsigned off = 0;
	void *p;

	if (err)
		return err;
	p = map_block(&b);
	memcpy(copy, p, s->g.block_size);
	unmap_block(p);
	while (off < s->g.block_size) {
		const struct ext2_dirent *d = ext2_dirent_at(copy, s->g.block_size, off, s->g.inodes);

		if (!d || (d->ino && !ext2_name_ok(d))) {
			err = damaged(dir, &b, off);
			break;
		}
		if (base + off >= c->pos && d->ino) {
			c->pos = base + off;
			if (!dir_emit(c, d->name, d->name_len, d->ino, ext2_dt_of(d->type))) {
				err = 1;
				break;
			}
			c->pos = base + off + d->rec_len;
		}
		off += d->rec_len;
	}
	put_block(&b);
	if (!err)
		c->pos = base + s->g.block_size;
	return err;
}

int ext2_dir_readdir(struct file *f, struct dir_context *c)
{
	struct inode *dir = f->inode;
	struct ext2_sb *s = ext2_sb(dir->sb);
	char *copy;
	int err = 0;

	if (c->pos < 0 || c->pos >= dir->size)
		return 0;
	copy = kmalloc(s->g.block_size, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	while (!err && c->pos < dir->size)
		err = emit_block(dir, (u32)(c->pos >> s->g.block_bits), copy, c);
	kfree(copy);
	return err < 0 ? err : 0;
}
