/* SPDX-License-Identifier: MIT
 *
 * Inode numbers: a file's lies in the group of its directory, so that what is used together lies together; directories
 * are spread, so that each has room to grow.
 *
 *   directory in the root  a group with more free inodes and blocks than the average, and the fewest directories of those
 *   other directory        its parent's group or one behind it, unless that is fuller than others
 *   anything else          its directory's group; if that is full, one that depends on the directory's number
 *
 * Locks: ext2_sb.lock over all of it.
 */
#include "drivers/char/char.h"
#include "kernel/fs/ext2/ext2.h"

/* --- which group --------------------------------------------------------------------------------------------------- */
struct averages { u32 inodes, blocks, dirs; };

static struct averages averages_of(const struct ext2_sb *s)
{
	return (struct averages){ s->free_inodes / s->g.groups, s->free_blocks / s->g.groups, s->dirs / s->g.groups };
}

static u32 next_group(const struct ext2_sb *s, u32 group) { return group + 1 < s->g.groups ? group + 1 : 0; }

static u32 group_for_top_dir(struct ext2_sb *s)
{
	struct averages avg = averages_of(s);
	u32 random = get_random_u32() % s->g.groups, best = ~0U, fewest = ~0U;

	for (u32 i = 0, group = random; i < s->g.groups; i++, group = next_group(s, group)) {
		struct ext2_group d;

		ext2_get_group(s, group, &d);
		if (d.free_inodes && d.dirs < fewest && d.free_inodes >= avg.inodes && d.free_blocks >= avg.blocks) {
			best = group;
			fewest = d.dirs;
		}
	}
	return best;
}

/* The parent's group, or the next that is not much fuller than others. */
static u32 group_for_dir(struct ext2_sb *s, u32 parent)
{
	struct averages avg = averages_of(s);
	u32 most_dirs = avg.dirs + s->g.inodes_per_group / 16;
	u32 least_inodes = avg.inodes > s->g.inodes_per_group / 4 ? avg.inodes - s->g.inodes_per_group / 4 : 1;
	u32 least_blocks = avg.blocks > s->g.blocks_per_group / 4 ? avg.blocks - s->g.blocks_per_group / 4 : 0;

	for (u32 i = 0, group = parent; i < s->g.groups; i++, group = next_group(s, group)) {
		struct ext2_group d;

		ext2_get_group(s, group, &d);
		if (d.free_inodes >= max(least_inodes, 1U) && d.free_blocks >= least_blocks && d.dirs < most_dirs)
			return group;
	}
	return ~0U;
}

static bool has_room(struct ext2_sb *s, u32 group, bool blocks_too)
{
	struct ext2_group d;

	ext2_get_group(s, group, &d);
	return d.free_inodes && (d.free_blocks || !blocks_too);
}

/* From the parent's on: 1, 3, 7, ... groups further, from a start that differs by directory. */
static u32 group_for_file(struct ext2_sb *s, u32 parent, u32 ino)
{
	u32 group = parent;

	if (has_room(s, parent, true))
		return parent;
	group = (parent + ino) % s->g.groups;
	for (u32 step = 1; step < s->g.groups; step <<= 1) {
		group += step;
		if (group >= s->g.groups)
			group -= s->g.groups;
		if (has_room(s, group, true))
			return group;
	}
	return ~0U;
}

static u32 choose_group(struct ext2_sb *s, struct inode *dir, mode_t mode)
{
	u32 parent = ext2_i(dir)->group, group;

	if (!S_ISDIR(mode))
		group = group_for_file(s, parent, (u32)dir->ino);
	else if (dir->ino == EXT2_ROOT_INO || ext2_i(dir)->flags & EXT2_TOPDIR_FL)
		group = group_for_top_dir(s);
	else
		group = group_for_dir(s, parent);
	return group == ~0U ? parent : group;
}

/* --- one bit ---------------------------------------------------------------------------------------------------------- */
/* => the number; 0: none here */
static u32 take_in_group(struct ext2_sb *s, u32 group, bool dir)
{
	u32 size = s->g.inodes_per_group, reserved = group ? 0 : s->g.first_inode - 1, bit;
	struct ext2_group d;
	unsigned long *map;
	struct meta m;

	ext2_get_group(s, group, &d);
	if (!d.free_inodes)
		return 0;
	if (meta_read(s, d.inode_bitmap, &m)) {
		ext2_damaged(s, 0, d.inode_bitmap, "cannot read the inode bitmap of group %u", group);
		return 0;
	}
	map = meta_map(&m);
	bit = find_next_zero_bit(map, size, reserved);
	if (bit < size)
		__set_bit(bit, map);
	meta_unmap(map);
	if (bit < size) {
		meta_dirty(&m, bit / 8, 1);
		ext2_change_group(s, group, 0, -1, dir);
	} else {
		ext2_damaged(s, 0, d.inode_bitmap, "group %u has %u free inodes, and none in its bitmap", group, d.free_inodes);
		ext2_change_group(s, group, 0, -(int)d.free_inodes, 0);
	}
	meta_put(&m);
	return bit < size ? group * size + bit + 1 : 0;
}

u32 ext2_alloc_ino(struct ext2_sb *s, struct inode *dir, mode_t mode, int *err)
{
	u32 group, ino = 0;

	mutex_lock(&s->lock);
	group = choose_group(s, dir, mode);
	for (u32 i = 0; !ino && i < s->g.groups; i++, group = next_group(s, group))
		ino = take_in_group(s, group, S_ISDIR(mode));
	if (S_ISDIR(mode) && s->freed_ino)
		s->old_names = true;
	mutex_unlock(&s->lock);
	*err = -ENOSPC;
	return ino;
}

void ext2_free_ino(struct ext2_sb *s, u32 ino, bool dir)
{
	u32 group = ext2_group_of_ino(&s->g, ino), bit = (ino - 1) % s->g.inodes_per_group;
	struct ext2_group d;
	struct meta m;
	void *map;
	bool was;

	mutex_lock(&s->lock);
	ext2_get_group(s, group, &d);
	if (meta_read(s, d.inode_bitmap, &m)) {
		ext2_damaged(s, ino, d.inode_bitmap, "cannot read the inode bitmap of group %u", group);
		goto out;
	}
	map = meta_map(&m);
	was = __test_and_clear_bit(bit, map);
	meta_unmap(map);
	meta_dirty(&m, bit / 8, 1);
	meta_put(&m);
	if (!was)
		ext2_damaged(s, ino, d.inode_bitmap, "the inode was free already");
	else if (d.free_inodes < s->g.inodes_per_group)
		ext2_change_group(s, group, 0, 1, dir && d.dirs ? -1 : 0);
	s->freed = s->freed_ino = true;
out:
	mutex_unlock(&s->lock);
}
