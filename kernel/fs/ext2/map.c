/* SPDX-License-Identifier: MIT
 *
 * From a block of a file to a block of the device: looking it up, and making it.
 *
 * A new stretch is made apart and hung into the tree by its last store: blocks for data, then the indirect blocks that lead
 * there (cleared, with their one entry), then the entry in the inode or in an indirect block that was there. A failure
 * half-way has only to give blocks back.
 *
 * On the disk that order must hold too: e2fsck takes an indirect block that was not written yet, and holds somebody's old
 * bytes, for damage, and clears the whole inode, with all that was confirmed of it. So an indirect block is written and
 * the disk's cache flushed ("settled") before anything on the disk leads to it:
 *   from the inode             its copy in the inode table is made after settling (ext2_write_inode)
 *   from an indirect block     the entry is pending, known in memory only, until then
 * Indirect blocks belong to epochs; settling one takes all of them along, so a pass of the flusher settles once, not per file.
 *
 * Locks: ext2_inode.map, for reading to look up, for writing to make. Pages of the file may be locked.
 */
#include "kernel/fs/ext2/ext2.h"

/* --- looking up ------------------------------------------------------------------------------------------------------ */
/* The chain down to a block: pinned indirect blocks; entry[i] is what stands in slot i. */
struct chain {
	struct ext2_path path;
	u32 entry[EXT2_MAX_DEPTH];
	struct meta at[EXT2_MAX_DEPTH]; /* [i]: the indirect block in which entry[i] stands, i > 0 */
	unsigned pinned, found;         /* indirect blocks that are pinned; entries that are not 0, from the top */
};

static void chain_put(struct chain *c)
{
	while (c->pinned)
		meta_put(&c->at[c->pinned--]);
}

static u32 pending_at(const struct ext2_inode *e, u32 parent, u32 slot)
{
	for (const struct ext2_pending *p = e->pending; p; p = p->next)
		if (p->parent == parent && p->slot == slot)
			return p->child;
	return 0;
}

/* map held. => 0; c->found == depth: it is there. -EIO: said. Pairs with chain_put, whatever it returns */
static int walk(struct ext2_sb *s, struct ext2_inode *e, u32 n, struct chain *c)
{
	int err;

	c->pinned = c->found = 0;
	if (!ext2_block_path(s->g.block_bits, n, &c->path))
		return -EFBIG;
	for (unsigned i = 0; i < c->path.depth; i++) {
		u32 v = i ? meta_get32(&c->at[i], c->path.slot[i]) : READ_ONCE(e->block[c->path.slot[0]]);

		if (!v && i && unlikely(e->pending))
			v = pending_at(e, c->entry[i - 1], c->path.slot[i]);
		c->entry[i] = v;
		if (!v)
			return 0;
		if (unlikely(!ext2_data_block_ok(&s->g, v)))
			return ext2_damaged(s, (u32)e->vfs.ino, v, "block %u of the file cannot be there", n);
		c->found++;
		if (i + 1 == c->path.depth)
			return 0;
		err = meta_read(s, v, &c->at[i + 1]);
		if (unlikely(err))
			return err == -EIO ? ext2_damaged(s, (u32)e->vfs.ino, v, "cannot read an indirect block") : err;
		c->pinned++;
	}
	return 0;
}

/* Entries behind the last slot that was reached, in the same table: how many go on as the first, at most want. A run is of
 * blocks side by side, or of holes (each entry then covers `covers` blocks). */
static u32 run_length(struct ext2_sb *s, struct ext2_inode *e, const struct chain *c, unsigned level, u32 want, bool hole)
{
	u32 slot = c->path.slot[level], end = level ? s->g.block_size / 4 : EXT2_DIRECT, n = 1;
	const u32 *table = level ? meta_map(&c->at[level]) : e->block;
	u32 first = c->entry[level];

	if (!level && slot >= EXT2_DIRECT)
		end = slot + 1;
	while (n < want && slot + n < end && READ_ONCE(table[slot + n]) == (hole ? 0 : first + n))
		n++;
	if (level)
		meta_unmap(table);
	return n;
}

/* A hole: to the end of what the empty entry covers, and the empty entries behind it at the lowest level. */
static void report_hole(struct ext2_sb *s, struct ext2_inode *e, const struct chain *c, u32 want, struct block_run *run)
{
	unsigned level = c->found, below = c->path.depth - 1 - level;
	u64 covers, inside = 0;

	run->hole = true;
	if (!below) {
		run->nr = run_length(s, e, c, level, want, true);
		return;
	}
	covers = ext2_entry_covers(s->g.block_bits, below + 1);
	for (unsigned i = level + 1; i < c->path.depth; i++)
		inside += c->path.slot[i] * ext2_entry_covers(s->g.block_bits, c->path.depth - i);
	run->nr = (u32)min((u64)want, covers - inside);
}

static int look_up(struct ext2_sb *s, struct ext2_inode *e, u32 n, u32 want, struct block_run *run)
{
	struct chain c;
	int err = walk(s, e, n, &c);

	if (!err && c.found < c.path.depth) {
		report_hole(s, e, &c, want, run);
	} else if (!err) {
		run->hole = false;
		run->block = c.entry[c.path.depth - 1];
		run->nr = run_length(s, e, &c, c.path.depth - 1, want, false);
		if (unlikely(run->nr > s->g.blocks - run->block))
			run->nr = s->g.blocks - (u32)run->block;
	}
	chain_put(&c);
	return err;
}

/* --- making ------------------------------------------------------------------------------------------------------------ */
/* Behind the block that was written last; behind the nearest one in the same table; behind the table; in the inode's group. */
static u32 goal_for(struct ext2_sb *s, struct ext2_inode *e, u32 n, const struct chain *c)
{
	unsigned level = c->found;
	u32 slot = c->path.slot[level], goal = 0, size = s->g.blocks_per_group;

	if (n == e->next_block && e->next_goal)
		return e->next_goal;
	if (level) {
		const u32 *table = meta_map(&c->at[level]);

		while (slot && !goal)
			goal = table[--slot];
		meta_unmap(table);
		return goal ? goal + 1 : c->entry[level - 1] + 1;
	}
	while (slot && !goal)
		goal = e->block[--slot];
	return goal ? goal + 1 : ext2_group_start(&s->g, e->group) + (u32)e->vfs.ino % 16 * (size / 16);
}

struct growth { u32 indirect[EXT2_MAX_DEPTH], nr_indirect, data, nr_data; struct ext2_pending *pending; };

static void undo(struct ext2_sb *s, struct ext2_inode *e, const struct growth *g)
{
	for (u32 i = 0; i < g->nr_indirect; i++) {
		meta_forget(s, g->indirect[i]);
		ext2_free_blocks(s, (u32)e->vfs.ino, g->indirect[i], 1);
	}
	if (g->nr_data)
		ext2_free_blocks(s, (u32)e->vfs.ino, g->data, g->nr_data);
	kfree(g->pending);
}

/* The indirect blocks that are missing come first on the disk, then the data. pending: they will hang in an indirect block. */
static int take_blocks(struct ext2_sb *s, struct ext2_inode *e, u32 goal, u32 missing, u32 want, bool pending, struct growth *g)
{
	u32 got;
	int err;

	*g = (struct growth){ .nr_indirect = 0 };
	if (pending) {
		g->pending = kmalloc(sizeof(*g->pending), GFP_NOFS);
		if (!g->pending)
			return -ENOMEM;
	}
	while (g->nr_indirect < missing) {
		u32 block = ext2_alloc_blocks(s, e, goal, 1, &got, &err);

		if (!block)
			return err;
		g->indirect[g->nr_indirect++] = block;
		goal = block + 1;
	}
	g->data = ext2_alloc_blocks(s, e, goal, want, &g->nr_data, &err);
	if (g->data)
		return 0;
	g->nr_data = 0;
	return err;
}

static void fill_table(struct ext2_sb *s, struct meta *m, u32 slot, u32 block, u32 n)
{
	u32 *table = meta_map(m);

	for (u32 i = 0; i < n; i++)
		WRITE_ONCE(table[slot + i], block + i);
	meta_unmap(table);
	meta_dirty(m, slot * 4, n * 4);
}

/* The new indirect blocks, from the lowest up, each leading to the one before it; they hang nowhere yet. */
static int build_branch(struct ext2_sb *s, const struct chain *c, const struct growth *g)
{
	for (u32 i = g->nr_indirect; i--;) {
		unsigned level = c->found + 1 + i;
		bool lowest = level + 1 == c->path.depth;
		struct meta m;
		int err = meta_new(s, g->indirect[i], &m);

		if (err)
			return err;
		fill_table(s, &m, c->path.slot[level], lowest ? g->data : g->indirect[i + 1], lowest ? g->nr_data : 1);
		meta_put(&m);
	}
	return 0;
}

static void hang_in(struct ext2_sb *s, struct ext2_inode *e, struct chain *c, const struct growth *g)
{
	unsigned level = c->found;
	u32 block = g->nr_indirect ? g->indirect[0] : g->data, n = g->nr_indirect ? 1 : g->nr_data;

	if (g->nr_indirect)
		e->epoch = READ_ONCE(s->epoch); /* read after the blocks were made dirty: see ext2_settle */
	if (g->pending) {
		*g->pending = (struct ext2_pending){ c->entry[level - 1], c->path.slot[level], block, e->pending };
		e->pending = g->pending;
	} else if (level)
		fill_table(s, &c->at[level], c->path.slot[level], block, n);
	else
		for (u32 i = 0; i < n; i++)
			WRITE_ONCE(e->block[c->path.slot[0] + i], block + i);
}

static void grown(struct ext2_sb *s, struct ext2_inode *e, u32 n, const struct growth *g)
{
	e->next_block = n + g->nr_data;
	e->next_goal = g->data + g->nr_data;
	if (e->new_first >= e->new_end) {
		e->new_first = n;
		e->new_end = n + g->nr_data;
	}
	e->new_first = min(e->new_first, n);
	e->new_end = max(e->new_end, n + g->nr_data);
	inode_add_blocks(&e->vfs, (long)(g->nr_data + g->nr_indirect) << (s->g.block_bits - SECTOR_SHIFT));
}

/* map held for writing. */
static int make(struct ext2_sb *s, struct ext2_inode *e, u32 n, u32 want, struct block_run *run)
{
	struct growth g;
	struct chain c;
	u32 missing;
	int err = walk(s, e, n, &c);

	if (err || c.found == c.path.depth)
		goto out; /* somebody was faster: the caller looks again */
	missing = c.path.depth - 1 - c.found;
	if (missing)
		want = min(want, s->g.block_size / 4 - c.path.slot[c.path.depth - 1]);
	else
		want = run_length(s, e, &c, c.found, want, true);
	err = take_blocks(s, e, goal_for(s, e, n, &c), missing, want, missing && c.found, &g);
	if (!err)
		err = build_branch(s, &c, &g);
	if (err) {
		undo(s, e, &g);
		goto out;
	}
	hang_in(s, e, &c, &g);
	grown(s, e, n, &g);
	*run = (struct block_run){ .block = g.data, .nr = g.nr_data };
out:
	chain_put(&c);
	return err;
}

/* These blocks are about to be written: in a damaged file system they may be anything. */
static int check_written(struct ext2_sb *s, struct inode *i, const struct block_run *run)
{
	if (likely(!ext2_is_own_block(s, (u32)run->block, run->nr)))
		return 0;
	return ext2_damaged(s, (u32)i->ino, (u32)run->block, "a file has blocks of a bitmap or of the inode table");
}

int ext2_map_blocks(struct address_space *m, u64 lblock, u32 want, bool create, struct block_run *run)
{
	struct ext2_sb *s = ext2_sb(m->host->sb);
	struct ext2_inode *e = ext2_i(m->host);
	int err;

	if (lblock >> 32)
		return -EFBIG;
	do {
		*run = (struct block_run){ .block = 0, .nr = 0 };
		down_read(&e->map);
		err = look_up(s, e, (u32)lblock, want, run);
		up_read(&e->map);
		if (err || !create)
			return err;
		if (!run->hole)
			return check_written(s, m->host, run);
		down_write(&e->map);
		run->nr = 0;
		err = make(s, e, (u32)lblock, want, run);
		up_write(&e->map);
	} while (!err && !run->nr);
	if (!err) {
		run->hole = false;
		mark_inode_dirty(m->host, INODE_DIRTY_DATA);
	}
	return err;
}

u32 ext2_block_of(struct inode *i, u32 n)
{
	struct block_run run;

	return ext2_map_blocks(i->mapping, n, 1, false, &run) || run.hole ? 0 : (u32)run.block;
}

/* --- onto the disk ---------------------------------------------------------------------------------------------------- */
int ext2_settle(struct ext2_sb *s, u32 epoch)
{
	u32 now;
	int err = 0;

	if ((s32)(epoch - READ_ONCE(s->settled)) <= 0)
		return 0;
	mutex_lock(&s->settle_lock);
	if ((s32)(epoch - s->settled) > 0) {
		now = s->epoch;
		WRITE_ONCE(s->epoch, now + 1); /* blocks made from now on are not promised */
		smp_mb();
		err = write_and_wait_range(s->m, 0, MAX_LFS);
		if (!err)
			err = block_flush(s->dev);
		if (!err)
			WRITE_ONCE(s->settled, now);
	}
	mutex_unlock(&s->settle_lock);
	return err;
}

u32 ext2_take_pending(struct ext2_inode *e)
{
	struct ext2_pending *p = e->pending;
	u32 child = p ? p->child : 0;

	if (p)
		e->pending = p->next;
	kfree(p);
	return child;
}

int ext2_hang_pending(struct inode *i, bool settle)
{
	struct ext2_sb *s = ext2_sb(i->sb);
	struct ext2_inode *e = ext2_i(i);
	int err;

	down_write(&e->map);
	err = settle ? ext2_settle(s, e->epoch) : 0;
	while (!err && e->pending) {
		struct meta m;

		err = meta_read(s, e->pending->parent, &m);
		if (err)
			break;
		meta_set32(&m, e->pending->slot, e->pending->child);
		meta_put(&m);
		ext2_take_pending(e);
	}
	up_write(&e->map);
	return err;
}

/* --- fsync ----------------------------------------------------------------------------------------------------------------- */
/* The indirect blocks above file block n, written. => the next file block that has others; *err */
static u64 sync_path(struct ext2_sb *s, struct ext2_inode *e, u32 n, int *err)
{
	u32 table[EXT2_MAX_DEPTH], nr = 0;
	struct chain c;
	int r;

	down_read(&e->map);
	r = walk(s, e, n, &c);
	if (!r)
		for (unsigned i = 1; i <= c.pinned; i++)
			table[nr++] = c.entry[i - 1];
	chain_put(&c);
	up_read(&e->map);
	for (u32 i = 0; i < nr && !r; i++)
		r = meta_sync(s, table[i]);
	*err = *err ? *err : r;
	return n < EXT2_DIRECT ? EXT2_DIRECT : (u64)n + s->g.block_size / 4 - (c.path.depth ? c.path.slot[c.path.depth - 1] : 0);
}

int ext2_sync_map(struct inode *i)
{
	struct ext2_sb *s = ext2_sb(i->sb);
	struct ext2_inode *e = ext2_i(i);
	u32 first, end;
	int err = 0;

	down_read(&e->map);
	first = e->new_first;
	end = e->new_end;
	up_read(&e->map);
	if (first >= end)
		return 0;
	for (u64 n = first; n < end;)
		n = sync_path(s, e, (u32)n, &err);
	down_write(&e->map);
	if (!err && e->new_first == first && e->new_end == end) /* else the next time does it again */
		e->new_first = e->new_end = 0;
	up_write(&e->map);
	return err;
}
