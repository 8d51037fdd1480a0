/* SPDX-License-Identifier: MIT
 *
 * Inodes: from the disk and back, new ones, the end.
 *
 * Life: ext2_iget finds an inode in the cache or reads it; ext2_new_inode makes one with a number from a bitmap. It is hashed from
 * then on. mark_inode_dirty says that it differs from the disk; the flusher, sync or fsync lets ext2_write_inode copy it
 * into its block of the inode table, which is dirty then in turn. The last iput of an inode without links: its blocks, its
 * number. The number is given back last, after the inode on the disk's side says "deleted": somebody may take it at once.
 *
 * Times are whole seconds, from 1901 to 2038: the 32 bits that the first 128 bytes of an inode have for each. Where inodes have 256
 * bytes (mke2fs's default now) nanoseconds and more years lie behind, as Linux's ext4 keeps them, for ext2 as well.
 */
#include "drivers/char/char.h"
#include "kernel/fs/ext2/ext2.h"
#include <linux/fs.h>

static struct kmem_cache *cache;

#ifndef CONFIG_DEBUG
static_assert(sizeof(struct ext2_inode) <= 408, "one per cached inode, in low memory: ten to a page");
#endif

/* --- memory -------------------------------------------------------------------------------------------------------- */
struct inode *ext2_alloc_inode(struct super_block *sb)
{
	struct ext2_inode *e = kmem_cache_alloc(cache, GFP_KERNEL);

	if (!e)
		return NULL;
	memset(e, 0, offsetof(struct ext2_inode, vfs));
	e->state = EXT2_BAD;
	rwsem_init(&e->map, "ext2 map");
	inode_init_once(&e->vfs);
	return &e->vfs;
}
void ext2_free_inode(struct inode *i) { kmem_cache_free(cache, ext2_i(i)); }
void __init ext2_inode_init(void)
{
	cache = kmem_cache_create("ext2_inode", sizeof(struct ext2_inode), 8, SLAB_RECLAIMABLE | SLAB_PANIC, NULL);
}

/* --- the block and the place in it ----------------------------------------------------------------------------------- */
static u32 table_block(struct ext2_sb *s, u32 ino, unsigned *offset)
{
	u32 index = (ino - 1) % s->g.inodes_per_group;
	struct ext2_group d;

	ext2_get_group(s, ext2_group_of_ino(&s->g, ino), &d);
	*offset = (index & ((1U << s->g.inodes_per_block_bits) - 1)) * s->g.inode_size;
	return d.inode_table + (index >> s->g.inodes_per_block_bits);
}

/* => 0 and the pinned block */
static int get_raw(struct ext2_sb *s, u32 ino, struct meta *m, unsigned *offset)
{
	u32 block = table_block(s, ino, offset);
	int err = meta_read(s, block, m);

	return err == -EIO ? ext2_damaged(s, ino, block, "cannot read the inode table") : err;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */
static bool keeps_text(const struct ext2_sb *s, const struct ext2_disk_inode *d)
{
	return S_ISLNK(d->mode) && d->sectors == (d->xattr_block ? s->g.block_size / SECTOR_SIZE : 0);
}
static bool has_blocks(const struct inode *i) { return S_ISREG(i->mode) || S_ISDIR(i->mode) || (S_ISLNK(i->mode) && !i->link); }

/* => NULL, or what is wrong with it */
static const char *check(const struct ext2_sb *s, const struct ext2_disk_inode *d, loff_t size)
{
	if (ext2_type_of(d->mode) == EXT2_FT_UNKNOWN)
		return "unknown type of file";
	if (size < 0 || size > s->vfs->max_size)
		return "impossible size";
	if (S_ISDIR(d->mode) && (!size || size % s->g.block_size || size >> s->g.block_bits > s->g.blocks))
		return "impossible size of a directory";
	if (S_ISLNK(d->mode) && keeps_text(s, d) && (!size || size >= sizeof(d->block)))
		return "impossible size of a short symlink";
	if (S_ISLNK(d->mode) && (!size || size > s->g.block_size))
		return "impossible size of a symlink";
	if (d->xattr_block && !ext2_data_block_ok(&s->g, d->xattr_block))
		return "impossible block of extended attributes";
	return NULL;
}

static void set_ops(struct inode *i)
{
	i->ops = &ext2_special_inode_ops;
	if (S_ISREG(i->mode)) {
		i->ops = &ext2_file_inode_ops;
		i->fops = &ext2_file_ops;
	} else if (S_ISDIR(i->mode)) {
		i->ops = &ext2_dir_inode_ops;
		i->fops = &ext2_dir_ops;
	} else if (S_ISLNK(i->mode)) {
		i->ops = &ext2_link_inode_ops;
	} else if (S_ISFIFO(i->mode)) {
		i->fops = &fifo_ops;
	} else if (S_ISCHR(i->mode)) {
		i->fops = &chrdev_ops;
	} else if (S_ISBLK(i->mode)) {
		i->fops = &blkdev_ops;
	}
	mapping_init(&i->data, i, &ext2_mapping_ops, 0);
	i->data.backing = i->sb->backing;
}

static int set_link(struct inode *i, const struct ext2_disk_inode *d)
{
	size_t len = (size_t)i->size;
	char *text;

	if (strnlen((const char *)d->block, len) != len)
		return ext2_damaged(ext2_sb(i->sb), (u32)i->ino, 0, "a short symlink with a NUL in it");
	text = kmalloc(len + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	memcpy(text, d->block, len);
	text[len] = '\0';
	i->link = text;
	return 0;
}

/* => where the rest of the times lies, NULL: this inode has none */
static struct ext2_disk_times *times_of(const struct ext2_sb *s, const void *raw)
{
	struct ext2_disk_times *t = (void *)((char *)raw + EXT2_TIMES_AT);

	return ext2_has_times(&s->g) && t->used >= EXT2_TIMES_USED && t->used <= s->g.inode_size - EXT2_TIMES_AT ? t : NULL;
}

static int fill(struct inode *i, const struct ext2_disk_inode *d, const struct ext2_disk_times *t)
{
	struct ext2_sb *s = ext2_sb(i->sb);
	struct ext2_inode *e = ext2_i(i);
	loff_t size = d->size;
	const char *wrong;

	if (S_ISREG(d->mode))
		size |= (loff_t)d->size_high << 32;
	wrong = check(s, d, size);
	if (wrong)
		return ext2_damaged(s, (u32)i->ino, 0, "%s", wrong);
	i->mode = d->mode;
	i->uid = d->uid | (u32)d->uid_high << 16;
	i->gid = d->gid | (u32)d->gid_high << 16;
	i->nlink = d->links;
	i->size = size;
	i->blocks = d->sectors;
	i->atime = ext2_get_time(d->atime, t ? &t->atime : NULL);
	i->mtime = ext2_get_time(d->mtime, t ? &t->mtime : NULL);
	i->ctime = ext2_get_time(d->ctime, t ? &t->ctime : NULL);
	e->flags = d->flags;
	e->generation = d->generation;
	e->xattr_block = d->xattr_block;
	memcpy(e->block, d->block, sizeof(e->block));
	if (S_ISCHR(i->mode) || S_ISBLK(i->mode))
		i->rdev = d->block[0] ? MKDEV(d->block[0] >> 8 & 0xff, d->block[0] & 0xff) : d->block[1];
	set_ops(i);
	return keeps_text(s, d) ? set_link(i, d) : 0;
}

static int read_inode(struct inode *i)
{
	struct ext2_sb *s = ext2_sb(i->sb);
	struct { struct ext2_disk_inode d; struct ext2_disk_times t; } copy;
	struct meta m;
	unsigned offset;
	int err = get_raw(s, (u32)i->ino, &m, &offset);
	const char *p;

	if (err)
		return err;
	p = meta_map(&m);
	memcpy(&copy, p + offset, ext2_has_times(&s->g) ? sizeof(copy) : sizeof(copy.d));
	meta_unmap(p);
	meta_put(&m);
	if (!copy.d.links)
		return -ESTALE; /* deleted */
	ext2_i(i)->group = ext2_group_of_ino(&s->g, (u32)i->ino);
	return fill(i, &copy.d, times_of(s, &copy));
}

struct inode *ext2_iget(struct super_block *sb, u32 ino)
{
	struct ext2_sb *s = ext2_sb(sb);
	struct inode *i;
	int err;

	if (!ext2_ino_ok(&s->g, ino)) {
		ext2_damaged(s, ino, 0, "no such inode");
		return ERR_PTR(-EIO);
	}
	do {
		i = iget_cached(sb, ino);
		if (i)
			return i;
		i = new_inode(sb, NULL, 0);
		if (!i)
			return ERR_PTR(-ENOMEM);
		i->ino = ino;
		err = read_inode(i);
		if (!err) {
			ext2_clear_state(ext2_i(i), EXT2_BAD);
			err = inode_insert(i);
		}
		if (!err)
			return i;
		ext2_set_state(ext2_i(i), EXT2_BAD);
		iput(i);
	} while (err == -EEXIST);
	return ERR_PTR(err);
}

/* --- writing ------------------------------------------------------------------------------------------------------------ */
static void put_blocks(const struct inode *i, struct ext2_disk_inode *d)
{
	const struct ext2_inode *e = ext2_i(i);
	bool settled = (s32)(READ_ONCE(e->epoch) - READ_ONCE(ext2_sb(i->sb)->settled)) <= 0;

	if (S_ISCHR(i->mode) || S_ISBLK(i->mode)) {
		bool old = MAJOR(i->rdev) < 256 && MINOR(i->rdev) < 256;

		memset(d->block, 0, sizeof(d->block));
		d->block[!old] = old ? MAJOR(i->rdev) << 8 | MINOR(i->rdev) : i->rdev;
		return;
	}
	for (unsigned n = 0; n < EXT2_N_BLOCKS; n++) {
		u32 block = READ_ONCE(e->block[n]);

		if (n < EXT2_DIRECT || !block || settled || !has_blocks(i))
			d->block[n] = block; /* else what is there stays: 0, or an older one that is whole */
	}
}

/* lock_small held: so that of two who write the same inode, the later one has the newer contents. */
static void put_inode(const struct inode *i, struct ext2_disk_inode *d)
{
	struct ext2_disk_times *t = times_of(ext2_sb(i->sb), d);
	const struct ext2_inode *e = ext2_i(i);
	loff_t size = inode_size(i);

	d->mode = i->mode;
	d->uid = i->uid;
	d->uid_high = i->uid >> 16;
	d->gid = i->gid;
	d->gid_high = i->gid >> 16;
	d->links = i->nlink;
	d->size = (u32)size;
	if (S_ISREG(i->mode))
		d->size_high = (u32)(size >> 32);
	d->sectors = (u32)i->blocks;
	d->atime = ext2_put_time(i->atime, t ? &t->atime : NULL);
	d->mtime = ext2_put_time(i->mtime, t ? &t->mtime : NULL);
	d->ctime = ext2_put_time(i->ctime, t ? &t->ctime : NULL);
	d->dtime = e->dtime;
	d->flags = e->flags;
	d->generation = e->generation;
	d->xattr_block = e->xattr_block;
	put_blocks(i, d);
}

/* Another inode's place: nothing of that stays. */
static void clear_raw(struct ext2_sb *s, const struct inode *i, void *raw)
{
	struct ext2_disk_times *t = (void *)((char *)raw + EXT2_TIMES_AT);

	memset(raw, 0, s->g.inode_size);
	if (!ext2_has_times(&s->g))
		return;
	t->used = EXT2_NEW_USED;
	t->made = ext2_put_time(i->ctime, &t->made_more);
}

/* Into its block of the table. fresh: what lay there before was another inode's. */
static int write_inode(struct inode *i, bool fresh)
{
	struct ext2_sb *s = ext2_sb(i->sb);
	unsigned offset;
	struct meta m;
	char *p;
	int err;

	if (unlikely(S_ISREG(i->mode) && inode_size(i) > MAX_NON_LFS && !(s->g.ro_compat & EXT2_RO_LARGE_FILE)))
		ext2_set_feature_large(s);
	err = get_raw(s, (u32)i->ino, &m, &offset);
	if (err)
		return err;
	p = meta_map(&m);
	spin_lock(&i->lock_small);
	if (fresh)
		clear_raw(s, i, p + offset);
	put_inode(i, (void *)(p + offset));
	spin_unlock(&i->lock_small);
	meta_unmap(p);
	meta_dirty(&m, offset, fresh || ext2_has_times(&s->g) ? s->g.inode_size : sizeof(struct ext2_disk_inode));
	meta_put(&m);
	return 0;
}

/* As it is now, but for indirect blocks that are not on the disk yet. */
int ext2_copy_inode(struct inode *i) { return ext2_i(i)->state & EXT2_BAD ? 0 : write_inode(i, false); }

int ext2_write_inode(struct inode *i)
{
	struct ext2_inode *e = ext2_i(i);
	int err = 0;

	if (e->state & EXT2_BAD)
		return 0;
	if (has_blocks(i) && (READ_ONCE(e->pending) || (s32)(READ_ONCE(e->epoch) - READ_ONCE(ext2_sb(i->sb)->settled)) > 0))
		err = ext2_hang_pending(i, true);
	return err ? err : write_inode(i, false);
}

/* ... and that block on the disk */
int ext2_sync_table(struct inode *i)
{
	struct ext2_sb *s = ext2_sb(i->sb);
	unsigned offset;

	return meta_sync(s, table_block(s, (u32)i->ino, &offset));
}

/* --- new ones, and the end -------------------------------------------------------------------------------------------------- */
/* A number that was free a moment ago may still be in the cache, on its way out: iget_cached waits for that. */
static int enter(struct inode *i)
{
	int err;

	while ((err = inode_insert(i)) == -EEXIST) {
		struct inode *old = iget_cached(i->sb, i->ino);

		if (!old)
			continue;
		iput(old);
		return ext2_damaged(ext2_sb(i->sb), (u32)i->ino, 0, "the bitmap said that it was free, and it is in use");
	}
	return err;
}

/* => with a reference, one link, hashed; its blocks are empty. ERR_PTR(-ENOSPC, -ENOMEM, -EIO) */
struct inode *ext2_new_inode(struct inode *dir, mode_t mode, dev_t dev)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	struct inode *i = new_inode(dir->sb, dir, mode);
	struct ext2_inode *e;
	u32 ino;
	int err;

	if (!i)
		return ERR_PTR(-ENOMEM);
	e = ext2_i(i);
	ino = ext2_alloc_ino(s, dir, mode, &err);
	if (!ino)
		goto out;
	i->ino = ino;
	i->rdev = dev;
	e->group = ext2_group_of_ino(&s->g, ino);
	e->flags = ext2_i(dir)->flags & EXT2_INHERITED_FL;
	if (!S_ISDIR(mode))
		e->flags &= ~(S_ISREG(mode) ? EXT2_DIRSYNC_FL : ~(EXT2_NODUMP_FL | EXT2_NOATIME_FL));
	e->generation = get_random_u32();
	set_ops(i);
	err = enter(i);
	if (!err)
		err = write_inode(i, true);
	if (err)
		goto give_back;
	ext2_clear_state(e, EXT2_BAD);
	ext2_named(e);
	mark_inode_dirty(i, INODE_DIRTY_DATA);
	return i;
give_back:
	ext2_free_ino(s, ino, S_ISDIR(mode));
out:
	set_nlink(i, 0); /* so that nobody keeps it */
	iput(i);
	return ERR_PTR(err);
}

/* Last reference gone, pages are out. Without links: back to the bitmaps. */
void ext2_evict(struct inode *i)
{
	struct ext2_sb *s = ext2_sb(i->sb);
	struct ext2_inode *e = ext2_i(i);

	if (e->state & EXT2_BAD)
		return;
	ext2_close_window(s, (u32)i->ino);
	ext2_free_filters(i);
	if (i->nlink || s->vfs->flags & MS_RDONLY) {
		while (ext2_take_pending(e)) /* could not be written: lost */
			;
		return;
	}
	if (has_blocks(i))
		ext2_truncate(i, 0);
	ext2_free_xattr(i);
	e->dtime = ext2_put_time(inode_now(), NULL);
	i->size = 0;
	write_inode(i, false);
	ext2_free_ino(s, (u32)i->ino, S_ISDIR(i->mode));
}

/* --- attributes ----------------------------------------------------------------------------------------------------------------- */
static int set_size(struct inode *i, loff_t size)
{
	loff_t old = i->size, edge = ALIGN_UP(size, (loff_t)PAGE_SIZE);
	int err = 0;

	if (size < old && size != edge)
		err = zero_range_cached(i->mapping, size, edge);
	if (err)
		return err;
	inode_set_size(i, size);
	if (size <= old) {
		truncate_pages(i->mapping, size);
		ext2_truncate(i, size);
	}
	return 0;
}

int ext2_setattr(struct dentry *d, const struct iattr *a)
{
	struct inode *i = d->inode;
	int err = a->valid & ATTR_SIZE ? set_size(i, a->size) : 0;

	if (err)
		return err;
	attr_copy(i, a);
	mark_inode_dirty(i, a->valid & ATTR_SIZE ? INODE_DIRTY_DATA : INODE_DIRTY_OTHER);
	return 0;
}
