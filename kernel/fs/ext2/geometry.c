/* SPDX-License-Identifier: MIT
 *
 * Where things are on an ext2 file system, and whether its super block and group descriptors can be true.
 *
 * Everything else computes with struct ext2_geometry, so what is let through here must not overflow there: all products
 * fit 32 bits because blocks and inodes do, and the block size divides the page size.
 */
#include "kernel/fs/ext2/pure.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/div64.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/time/clock.h"

/* --- features ---------------------------------------------------------------------------------------------------- */
static const struct { u32 bit; const char *name; } incompat_names[] = {
	{ 0x1, "compression" }, { 0x2, "filetype" }, { 0x4, "needs_recovery" }, { 0x8, "journal_dev" }, { 0x10, "meta_bg" },
	{ 0x40, "extent" }, { 0x80, "64bit" }, { 0x100, "mmp" }, { 0x200, "flex_bg" }, { 0x400, "ea_inode" }, { 0x1000, "dirdata" },
	{ 0x2000, "metadata_csum_seed" }, { 0x4000, "large_dir" }, { 0x8000, "inline_data" }, { 0x10000, "encrypt" },
	{ 0x20000, "casefold" },
}, ro_names[] = {
	{ 0x1, "sparse_super" }, { 0x2, "large_file" }, { 0x4, "btree_dir" }, { 0x8, "huge_file" }, { 0x10, "uninit_bg" },
	{ 0x20, "dir_nlink" }, { 0x40, "extra_isize" }, { 0x80, "snapshot" }, { 0x100, "quota" }, { 0x200, "bigalloc" },
	{ 0x400, "metadata_csum" }, { 0x800, "replica" }, { 0x1000, "read-only" }, { 0x2000, "project" }, { 0x4000, "shared_blocks" },
	{ 0x8000, "verity" }, { 0x10000, "orphan_present" },
};

static const char *name_of(u32 bit, bool incompat)
{
	unsigned n = incompat ? ARRAY_SIZE(incompat_names) : ARRAY_SIZE(ro_names);

	for (unsigned i = 0; i < n; i++)
		if ((incompat ? incompat_names[i].bit : ro_names[i].bit) == bit)
			return incompat ? incompat_names[i].name : ro_names[i].name;
	return NULL;
}

void ext2_feature_names(u32 bits, bool incompat, char *buf, size_t size)
{
	size_t at = 0;

	*buf = '\0';
	for (; bits && at < size; bits &= bits - 1) {
		u32 bit = bits & -bits;
		const char *name = name_of(bit, incompat);

		if (name)
			at += snprintf(buf + at, size - at, "%s%s", at ? " " : "", name);
		else
			at += snprintf(buf + at, size - at, "%s%#x", at ? " " : "", bit);
	}
}

/* --- the super block --------------------------------------------------------------------------------------------- */
/* Sizes of things. */
static const char *read_sizes(const struct ext2_super *s, struct ext2_geometry *g)
{
	if (s->magic != EXT2_MAGIC)
		return "no ext2 here (magic number)";
	if (s->revision > 1)
		return "unknown revision";
	if (s->log_block_size > 2)
		return "block size is not 1, 2 or 4 KB";
	if (s->log_frag_size != s->log_block_size || s->frags_per_group != s->blocks_per_group)
		return "fragments or clusters differ from blocks";
	g->block_bits = 10 + s->log_block_size;
	g->block_size = 1 << g->block_bits;
	g->inode_size = s->revision ? s->inode_size : sizeof(struct ext2_disk_inode);
	g->first_inode = s->revision ? s->first_inode : EXT2_OLD_FIRST_INO;
	if (g->inode_size < sizeof(struct ext2_disk_inode) || g->inode_size > g->block_size || !is_power_of_2(g->inode_size))
		return "impossible inode size";
	g->inodes_per_block_bits = ilog2(g->block_size / g->inode_size);
	g->compat = s->revision ? s->compat : 0;
	g->incompat = s->revision ? s->incompat : 0;
	g->ro_compat = s->revision ? s->ro_compat : 0;
	return NULL;
}

/* Groups: how many, how large. */
static const char *read_groups(const struct ext2_super *s, struct ext2_geometry *g)
{
	u32 bits = g->block_size * 8U, per_block = 1U << g->inodes_per_block_bits, used;

	g->blocks = s->blocks;
	g->inodes = s->inodes;
	g->first_block = s->first_data_block;
	g->blocks_per_group = s->blocks_per_group;
	g->inodes_per_group = s->inodes_per_group;
	if (g->first_block != (g->block_size == 1024))
		return "impossible first block";
	if (g->blocks <= g->first_block)
		return "no blocks";
	if (g->blocks_per_group < 64 || g->blocks_per_group > bits || g->blocks_per_group % 8)
		return "impossible number of blocks per group";
	if (!g->inodes_per_group || g->inodes_per_group > bits || g->inodes_per_group % 8)
		return "impossible number of inodes per group";
	g->table_blocks = DIV_ROUND_UP(g->inodes_per_group, per_block);
	g->groups = (g->blocks - g->first_block - 1) / g->blocks_per_group + 1;
	if ((u64)g->groups * g->inodes_per_group != g->inodes)
		return "the number of inodes is not that of the groups";
	if (g->first_inode < EXT2_OLD_FIRST_INO || g->first_inode > g->inodes_per_group)
		return "impossible first inode";
	g->gdt_block = g->first_block + 1;
	g->gdt_blocks = DIV_ROUND_UP(g->groups, (u32)(g->block_size / sizeof(struct ext2_group)));
	used = 1 + g->gdt_blocks + 2 + g->table_blocks;
	if (used > g->blocks_per_group || g->gdt_blocks + 1 > ext2_group_blocks(g, 0))
		return "a group's own blocks do not fit into it";
	if (s->compat & EXT2_COMPAT_RESIZE_INODE && used + s->reserved_gdt_blocks <= ext2_group_blocks(g, 0))
		g->gdt_spare = s->reserved_gdt_blocks; /* else nonsense, and of no consequence */
	return NULL;
}

static const char *check_counts(const struct ext2_super *s, const struct ext2_geometry *g, u64 bytes)
{
	if ((u64)g->blocks << g->block_bits > bytes)
		return "the device is smaller than the file system";
	if (s->free_blocks > g->blocks || s->free_inodes > g->inodes || s->reserved_blocks > g->blocks)
		return "impossible counts of free blocks or inodes";
	return NULL;
}

const char *ext2_read_geometry(const struct ext2_super *s, u64 bytes, struct ext2_geometry *g)
{
	const char *wrong;

	memset(g, 0, sizeof(*g));
	wrong = read_sizes(s, g);
	if (!wrong)
		wrong = read_groups(s, g);
	return wrong ? wrong : check_counts(s, g, bytes);
}

/* --- groups ------------------------------------------------------------------------------------------------------ */
u32 ext2_group_blocks(const struct ext2_geometry *g, u32 group)
{
	return min(g->blocks_per_group, g->blocks - ext2_group_start(g, group));
}

static bool is_power_of(u32 n, u32 base)
{
	while (n % base == 0)
		n /= base;
	return n == 1;
}

bool ext2_group_has_super(const struct ext2_geometry *g, u32 group)
{
	if (group <= 1 || !(g->ro_compat & EXT2_RO_SPARSE_SUPER))
		return true;
	return is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

static bool overlap(u32 a, u32 an, u32 b, u32 bn) { return a < b + bn && b < a + an; }

const char *ext2_check_group(const struct ext2_geometry *g, u32 group, const struct ext2_group *d)
{
	u32 start = ext2_group_start(g, group), size = ext2_group_blocks(g, group), bb = d->block_bitmap - start;
	u32 ib = d->inode_bitmap - start, it = d->inode_table - start;
	u32 head = ext2_group_has_super(g, group) ? 1 + g->gdt_blocks : 0;

	if (bb >= size || bb < head)
		return "block bitmap outside its group";
	if (ib >= size || ib < head)
		return "inode bitmap outside its group";
	if (it >= size || it < head || g->table_blocks > size - it)
		return "inode table outside its group";
	if (bb == ib || overlap(bb, 1, it, g->table_blocks) || overlap(ib, 1, it, g->table_blocks))
		return "bitmaps and inode table overlap";
	return NULL;
}

bool ext2_data_block_ok(const struct ext2_geometry *g, u32 block)
{
	return block >= g->gdt_block + g->gdt_blocks && block < g->blocks;
}

/* Three levels of indirection, 2^32 sectors counted in the inode, 2^31 - 1 bytes before revision 1 knew larger ones. */
loff_t ext2_max_size(const struct ext2_geometry *g)
{
	u64 per = g->block_size / 4, levels = EXT2_DIRECT + per + per * per + per * per * per;
	u64 sectors = 1ULL << 32 >> (g->block_bits - 9), by_sectors;

	by_sectors = sectors - div_u64(sectors, (u32)per) * 2 - 8; /* indirect blocks count too: a little less than all */
	return (loff_t)(min(min(levels, by_sectors), (u64)~0U) << g->block_bits);
}

/* --- times --------------------------------------------------------------------------------------------------------- */
#define LAST_SECOND 9223372035LL /* of what 64 bits of nanoseconds hold: in 2262 */

s64 ext2_get_time(u32 seconds, const u32 *more)
{
	s64 sec = (s32)seconds;
	u32 nsec = 0;

	if (more) {
		sec += (s64)(*more & 3) << 32;
		nsec = *more >> 2;
	}
	if (nsec >= NSEC_PER_SEC)
		nsec = 0;
	return min(sec, LAST_SECOND) * (s64)NSEC_PER_SEC + nsec;
}

u32 ext2_put_time(s64 ns, u32 *more)
{
	s64 sec = ns >= 0 ? (s64)div_u64((u64)ns, NSEC_PER_SEC) : -(s64)div_u64((u64)(-ns) + NSEC_PER_SEC - 1, NSEC_PER_SEC);

	if (!more)
		return (u32)(s32)clamp(sec, -0x80000000LL, 0x7fffffffLL);
	sec = max(sec, -0x80000000LL);
	*more = (u32)(ns - sec * (s64)NSEC_PER_SEC) << 2 | ((u32)((sec - (s32)(u32)sec) >> 32) & 3);
	return (u32)sec;
}
