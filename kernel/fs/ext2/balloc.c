/* SPDX-License-Identifier: MIT
 *
 * Blocks: which are free, near a goal, in one piece.
 *
 * A file's blocks follow each other because each goal is the block behind the last. Two files that grow at the same time
 * would take turns all the same: so a writer has a window, a stretch of free blocks behind its end that others leave alone as long
 * as there is room elsewhere. Windows are promises in memory, not bits on the disk: nothing to give back after a power cut. A
 * window doubles each time that its owner has filled it, and goes when the file is closed, so that small files lie side by side.
 *
 * Locks: ext2_sb.lock over all of it; a bitmap that must be read is read under it.
 */
#include "kernel/fs/ext2/ext2.h"

#define FIRST_WINDOW 8
#define LARGEST_WINDOW 1024

/* --- windows ------------------------------------------------------------------------------------------------------- */
static struct ext2_window *window_of(struct ext2_sb *s, u32 ino)
{
	for (unsigned i = 0; i < EXT2_WINDOWS; i++)
		if (s->window[i].ino == ino)
			return &s->window[i];
	return NULL;
}

void ext2_close_window(struct ext2_sb *s, u32 ino)
{
	struct ext2_window *w;

	if (!window_of(s, ino)) /* a look without the lock: only its owner opens it */
		return;
	mutex_lock(&s->lock);
	w = window_of(s, ino);
	if (w)
		*w = (struct ext2_window){ .ino = 0 };
	mutex_unlock(&s->lock);
}

/* ino took [block, block + n). */
static void move_window(struct ext2_sb *s, u32 ino, u32 block, u32 n)
{
	struct ext2_window *w = window_of(s, ino);

	if (w && block >= w->from && block < w->to) {
		w->from = block + n;
		if (w->from < w->to)
			return;
		w->size = min_t(u32, w->size * 2, LARGEST_WINDOW);
	} else if (!w) {
		w = &s->window[s->last_window++ % EXT2_WINDOWS];
		w->size = FIRST_WINDOW;
	} else {
		w->size = FIRST_WINDOW;
	}
	w->ino = ino;
	w->from = block + n;
	w->to = w->from + w->size; /* may reach beyond the group: it only keeps others out */
}

/* The others' windows in this group, as bits. => how many */
static unsigned others(struct ext2_sb *s, u32 ino, u32 start, u32 size, struct ext2_avoid *avoid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < EXT2_WINDOWS; i++) {
		const struct ext2_window *w = &s->window[i];

		if (!w->ino || w->ino == ino || w->to <= start || w->from >= start + size)
			continue;
		avoid[n].from = w->from > start ? w->from - start : 0;
		avoid[n++].to = min(w->to - start, size);
	}
	return n;
}

/* --- one group ------------------------------------------------------------------------------------------------------ */
/* A bitmap that says that the group's own blocks are free is not to be believed. */
static bool bitmap_sane(struct ext2_sb *s, u32 group, const struct ext2_group *d, const struct meta *m)
{
	u32 start = ext2_group_start(&s->g, group), table = d->inode_table - start;
	const unsigned long *map = meta_map(m);
	bool ok = test_bit(d->block_bitmap - start, map) && test_bit(d->inode_bitmap - start, map) &&
		  find_next_zero_bit(map, table + s->g.table_blocks, table) >= table + s->g.table_blocks;

	meta_unmap(map);
	return ok;
}

/* => 0 and the pinned bitmap of a group that may be used; -EIO */
static int get_bitmap(struct ext2_sb *s, u32 group, const struct ext2_group *d, struct meta *m)
{
	int err;

	if (test_bit(group, s->bad))
		return -EIO;
	err = meta_read(s, d->block_bitmap, m);
	if (err == -EIO)
		ext2_damaged(s, 0, d->block_bitmap, "cannot read the block bitmap of group %u", group);
	if (err || test_bit(group, s->checked))
		return err;
	if (bitmap_sane(s, group, d, m)) {
		__set_bit(group, s->checked);
		return 0;
	}
	__set_bit(group, s->bad);
	meta_put(m);
	return ext2_damaged(s, 0, d->block_bitmap, "the block bitmap of group %u has its own blocks free: not used any more", group);
}

/* => first block, *got; 0: nothing here */
static u32 take_in_group(struct ext2_sb *s, u32 ino, u32 group, u32 goal, u32 want, bool polite, u32 *got)
{
	u32 start = ext2_group_start(&s->g, group), size = ext2_group_blocks(&s->g, group), bit;
	struct ext2_avoid avoid[EXT2_WINDOWS];
	unsigned n = polite ? others(s, ino, start, size, avoid) : 0;
	struct ext2_group d;
	struct meta m;
	void *map;

	ext2_get_group(s, group, &d);
	if (!d.free_blocks || get_bitmap(s, group, &d, &m))
		return 0;
	want = min_t(u32, want, d.free_blocks); /* a count that is too low stays at 0, not below */
	map = meta_map(&m);
	bit = ext2_bitmap_find(map, size, goal, want, avoid, n, got);
	if (bit < size)
		bitmap_set(map, bit, *got);
	meta_unmap(map);
	if (bit < size) {
		meta_dirty(&m, bit / 8, (bit + *got - 1) / 8 - bit / 8 + 1);
		ext2_change_group(s, group, -(int)*got, 0, 0);
	}
	meta_put(&m);
	return bit < size ? start + bit : 0;
}

/* --- all of them ------------------------------------------------------------------------------------------------------- */
/* The last blocks are for root, and for whom the super block names. */
static bool may_use_reserve(const struct ext2_sb *s)
{
	if (capable(CAP_SYS_RESOURCE) || !current->cred || current_cred()->fsuid == s->reserved_uid)
		return true;
	return s->reserved_gid && in_group(s->reserved_gid);
}

static u32 search(struct ext2_sb *s, u32 ino, u32 goal, u32 want, bool polite, u32 *got)
{
	u32 first = ext2_group_of(&s->g, goal), block;

	for (u32 i = 0; i < s->g.groups; i++) {
		u32 group = first + i < s->g.groups ? first + i : first + i - s->g.groups;

		block = take_in_group(s, ino, group, i ? 0 : goal - ext2_group_start(&s->g, group), want, polite, got);
		if (block)
			return block;
	}
	return 0;
}

u32 ext2_alloc_blocks(struct ext2_sb *s, struct ext2_inode *e, u32 goal, u32 want, u32 *got, int *err)
{
	u32 ino = (u32)e->vfs.ino, block = 0;

	*err = -ENOSPC;
	if (goal < s->g.first_block || goal >= s->g.blocks)
		goal = s->g.first_block;
	mutex_lock(&s->lock);
	if (s->free_blocks && (s->free_blocks > s->reserved_blocks || may_use_reserve(s))) {
		if (s->free_blocks > s->reserved_blocks && !may_use_reserve(s))
			want = min(want, s->free_blocks - s->reserved_blocks);
		block = search(s, ino, goal, want, true, got);
		if (!block)
			block = search(s, ino, goal, want, false, got);
		if (block && S_ISREG(e->vfs.mode) && !s->no_windows)
			move_window(s, ino, block, *got);
	}
	mutex_unlock(&s->lock);
	return block;
}

/* --- giving back ---------------------------------------------------------------------------------------------------------- */
/* Within one group. */
static int free_in_group(struct ext2_sb *s, u32 ino, u32 group, u32 block, u32 n)
{
	u32 bit = block - ext2_group_start(&s->g, group), was = 0;
	struct ext2_group d;
	struct meta m;
	void *map;
	int err;

	ext2_get_group(s, group, &d);
	err = get_bitmap(s, group, &d, &m);
	if (err)
		return err;
	map = meta_map(&m);
	for (u32 i = bit; i < bit + n; i++)
		was += __test_and_clear_bit(i, map);
	meta_unmap(map);
	meta_dirty(&m, bit / 8, (bit + n - 1) / 8 - bit / 8 + 1);
	meta_put(&m);
	if (was && d.free_blocks + was <= ext2_group_blocks(&s->g, group))
		ext2_change_group(s, group, (int)was, 0, 0);
	s->freed = true;
	return was == n ? 0 : ext2_damaged(s, ino, block, "blocks were free already (%u of %u)", n - was, n);
}

int ext2_free_blocks(struct ext2_sb *s, u32 ino, u32 block, u32 n)
{
	int err = 0;

	if (!ext2_data_block_ok(&s->g, block) || n > s->g.blocks - block)
		return ext2_damaged(s, ino, block, "cannot be a file's block");
	mutex_lock(&s->lock);
	while (n && !err) {
		u32 group = ext2_group_of(&s->g, block), here = min(n, ext2_group_start(&s->g, group) + s->g.blocks_per_group - block);

		if (ext2_is_own_block(s, block, here))
			err = ext2_damaged(s, ino, block, "a file has blocks of a bitmap or of the inode table");
		else
			err = free_in_group(s, ino, group, block, here);
		block += here;
		n -= here;
	}
	mutex_unlock(&s->lock);
	return err;
}
