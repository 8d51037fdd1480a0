/* SPDX-License-Identifier: MIT
 *
 * From the number of a file's block to the way there: which entry of the inode, and of each indirect block.
 *
 *   inode->block[0..11]  data
 *               [12] --> 1 block of numbers --> data
 *               [13] --> ... --> ... --> data
 *               [14] --> ... --> ... --> ... --> data
 */
#include "kernel/fs/ext2/pure.h"

u64 ext2_entry_covers(unsigned block_bits, unsigned level) { return 1ULL << (block_bits - 2) * (level - 1); }

bool ext2_block_path(unsigned block_bits, u32 n, struct ext2_path *p)
{
	unsigned bits = block_bits - 2;
	u64 left = n;

	if (n < EXT2_DIRECT) {
		p->depth = 1;
		p->slot[0] = n;
		return true;
	}
	left -= EXT2_DIRECT;
	for (unsigned level = 1; level <= 3; level++) {
		u64 size = 1ULL << bits * level;

		if (left >= size) {
			left -= size;
			continue;
		}
		p->depth = level + 1;
		p->slot[0] = EXT2_DIRECT + level - 1;
		for (unsigned i = level; i; i--, left >>= bits)
			p->slot[i] = (u32)left & ((1U << bits) - 1);
		return true;
	}
	return false;
}

u32 ext2_indirect_blocks(unsigned block_bits, u32 n)
{
	u64 per = 1ULL << (block_bits - 2), left = n, count = 0;

	left -= min(left, (u64)EXT2_DIRECT);
	for (unsigned level = 1; left && level <= 3; level++) {
		u64 size = 1ULL << (block_bits - 2) * level, here = min(left, size);

		for (unsigned i = 1; i <= level; i++) {
			here = (here + per - 1) >> (block_bits - 2);
			count += here;
		}
		left -= min(left, size);
	}
	return (u32)count;
}
