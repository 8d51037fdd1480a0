/* SPDX-License-Identifier: MIT
 *
 * Giving a file's blocks back, from one block on to the end.
 *
 *   level 0 entries stand in the inode: data; level 1: in an indirect block; ...
 *   an entry of level n covers per^n blocks:      [ keep | keep | part | free | free ]
 *                                                                   \ goes down one level, which keeps its beginning
 *
 * The image may be damaged: indirect blocks that name themselves or each other, or blocks that other files have. An entry is
 * believed only if its block can be a file's; what is freed twice is an error, and after the first error nothing more is given
 * back (e2fsck finds it). So no block is visited more than once, and three levels of recursion are the most.
 *
 * Locks: ext2_inode.map for writing, held by ext2_truncate; the file's pages there are gone already.
 */
#include "kernel/fs/ext2/ext2.h"

struct cut {
	struct ext2_sb *s;
	struct ext2_inode *e;
	u32 from, n;     /* a run that is collected: one call for neighbours */
	u32 freed;       /* blocks */
	int err;
};

static void flush_run(struct cut *c)
{
	if (c->n && !c->err) {
		c->err = ext2_free_blocks(c->s, (u32)c->e->vfs.ino, c->from, c->n);
		c->freed += c->n;
	}
	c->n = 0;
}

static void free_data(struct cut *c, u32 block)
{
	if (c->n && block == c->from + c->n) {
		c->n++;
		return;
	}
	flush_run(c);
	c->from = block;
	c->n = 1;
}

static void free_table(struct cut *c, u32 block)
{
	if (c->err)
		return;
	meta_forget(c->s, block);
	c->err = ext2_free_blocks(c->s, (u32)c->e->vfs.ino, block, 1);
	c->freed++;
}

static void cut_table(struct cut *c, u32 block, unsigned level, u64 keep);

/* One entry that covers blocks of level `level` (0: data). keep: how many of these stay. => what the entry becomes */
static u32 cut_entry(struct cut *c, u32 entry, unsigned level, u64 keep)
{
	if (!entry || c->err)
		return keep ? entry : 0;
	if (!ext2_data_block_ok(&c->s->g, entry)) {
		c->err = ext2_damaged(c->s, (u32)c->e->vfs.ino, entry, "cannot be a file's block");
		return keep ? entry : 0;
	}
	if (!level) {
		free_data(c, entry);
		return 0;
	}
	cut_table(c, entry, level, keep);
	if (keep)
		return entry;
	flush_run(c);
	free_table(c, entry);
	return 0;
}

/* The indirect block `block`, whose entries are of level - 1. */
static void cut_table(struct cut *c, u32 block, unsigned level, u64 keep)
{
	u32 slots = c->s->g.block_size / 4;
	u64 covers = ext2_entry_covers(c->s->g.block_bits, level);
	struct meta m;
	int err = meta_read(c->s, block, &m);

	if (err) {
		c->err = err == -EIO ? ext2_damaged(c->s, (u32)c->e->vfs.ino, block, "cannot read an indirect block") : err;
		return;
	}
	for (u32 i = 0; i < slots && !c->err; i++) {
		u64 first = i * covers, here = keep > first ? min(keep - first, covers) : 0;
		u32 entry = here < covers ? meta_get32(&m, i) : 0;

		if (!entry)
			continue;
		entry = cut_entry(c, entry, level - 1, here);
		if (!here && keep)
			meta_set32(&m, i, 0);
		cond_resched();
	}
	meta_put(&m);
}

/* An indirect block that hangs nowhere yet. The newest comes first, so what is pending below it has gone already. */
static void cut_pending(struct cut *c)
{
	unsigned level = c->e->pending->parent == c->e->block[EXT2_TIND] ? 2 : 1;
	u32 child = ext2_take_pending(c->e);

	cut_entry(c, child, level, 0);
	flush_run(c);
}

/* map held for writing. Blocks from `keep` on go. */
static void cut_blocks(struct cut *c, u64 keep)
{
	struct ext2_inode *e = c->e;
	u64 first = EXT2_DIRECT;

	for (u32 i = (u32)min(keep, (u64)EXT2_DIRECT); i < EXT2_DIRECT; i++)
		e->block[i] = cut_entry(c, e->block[i], 0, 0);
	for (unsigned level = 1; level <= 3; level++) {
		u64 covers = ext2_entry_covers(c->s->g.block_bits, level + 1), here = keep > first ? min(keep - first, covers) : 0;
		u32 *entry = &e->block[EXT2_DIRECT + level - 1];

		if (here < covers)
			*entry = cut_entry(c, *entry, level, here);
		first += covers;
	}
	flush_run(c);
}

void ext2_truncate(struct inode *i, loff_t size)
{
	struct ext2_sb *s = ext2_sb(i->sb);
	struct ext2_inode *e = ext2_i(i);
	struct cut c = { .s = s, .e = e };
	u64 keep = (u64)(size + s->g.block_size - 1) >> s->g.block_bits;
	long sectors;

	ext2_close_window(s, (u32)i->ino);
	if (keep && READ_ONCE(e->pending) && ext2_hang_pending(i, true))
		ext2_hang_pending(i, false); /* the disk does not take it: then its order does not matter either */
	down_read(&s->cut);
	down_write(&e->map);
	while (!keep && e->pending) /* all goes, what hangs nowhere too */
		cut_pending(&c);
	cut_blocks(&c, keep);
	e->next_goal = 0;
	sectors = (long)c.freed << (s->g.block_bits - SECTOR_SHIFT);
	if ((u64)sectors > i->blocks)
		sectors = (long)i->blocks; /* of a damaged inode */
	inode_add_blocks(i, -sectors);
	up_write(&e->map);
	ext2_copy_inode(i); /* fsync of whoever gets these blocks finds there that they are free */
	up_read(&s->cut);
}

/* The block of extended attributes may be shared by several inodes. */
void ext2_free_xattr(struct inode *i)
{
	struct ext2_sb *s = ext2_sb(i->sb);
	struct ext2_inode *e = ext2_i(i);
	u32 block = e->xattr_block;
	struct ext2_xattr_head *h;
	bool last = false, ok;
	struct meta m;

	if (!block)
		return;
	e->xattr_block = 0;
	if (!ext2_data_block_ok(&s->g, block) || meta_read(s, block, &m)) {
		ext2_damaged(s, (u32)i->ino, block, "no block for extended attributes");
		return;
	}
	mutex_lock(&s->lock);
	h = meta_map(&m);
	ok = h->magic == EXT2_XATTR_MAGIC && h->refcount;
	if (ok)
		last = --h->refcount == 0;
	meta_unmap(h);
	mutex_unlock(&s->lock);
	if (ok && !last)
		meta_dirty(&m, 0, sizeof(*h));
	meta_put(&m);
	if (!ok) {
		ext2_damaged(s, (u32)i->ino, block, "no extended attributes here");
	} else if (last) {
		meta_forget(s, block);
		ext2_free_blocks(s, (u32)i->ino, block, 1);
	}
}
