/* SPDX-License-Identifier: MIT
 *
 * The part of ext2 that only computes: no locks, no I/O, no memory of its own. All of it takes what came from a disk and
 * believes nothing. Also compiled for the host: tools/tests/unit/ext2_*.c.
 */
#ifndef KERNEL_FS_EXT2_PURE_H
#define KERNEL_FS_EXT2_PURE_H

#include "kernel/fs/ext2/format.h"

/* --- geometry.c: where things are, from a super block that was checked -------------------------------------------------------- */
struct ext2_geometry {
	u32 blocks, inodes, first_block; /* numbers below first_block hold no group */
	u32 groups, blocks_per_group, inodes_per_group;
	u32 table_blocks;                /* of inodes, per group */
	u32 gdt_block, gdt_blocks;
	u32 gdt_spare;                   /* kept behind them, for a file system that grows: nobody else's */
	u32 first_inode;                 /* that is free for files */
	u32 compat, incompat, ro_compat;
	u16 inode_size, block_size;
	u8 block_bits;
	u8 inodes_per_block_bits;
};
/* => NULL, or what is wrong in words. bytes: how large the device is. */
const char *ext2_read_geometry(const struct ext2_super *s, u64 bytes, struct ext2_geometry *g);
/* => NULL, or what is wrong. */
const char *ext2_check_group(const struct ext2_geometry *g, u32 group, const struct ext2_group *d);
bool ext2_group_has_super(const struct ext2_geometry *g, u32 group);
/* The names of the features that are set in `bits`, separated by spaces; unknown ones as numbers. incompat, or ro_compat. */
void ext2_feature_names(u32 bits, bool incompat, char *buf, size_t size);
u32 ext2_group_blocks(const struct ext2_geometry *g, u32 group); /* the last one may be short */
/* A block number as it stands in an inode or an indirect block: may a file have it? Neither super block nor beyond the end. */
bool ext2_data_block_ok(const struct ext2_geometry *g, u32 block);
static inline u32 ext2_group_start(const struct ext2_geometry *g, u32 group) { return g->first_block + group * g->blocks_per_group; }
static inline u32 ext2_group_of(const struct ext2_geometry *g, u32 block) { return (block - g->first_block) / g->blocks_per_group; }
static inline u32 ext2_group_of_ino(const struct ext2_geometry *g, u32 ino) { return (ino - 1) / g->inodes_per_group; }
/* The reserved inodes are the file system's own, but for the root. */
static inline bool ext2_ino_ok(const struct ext2_geometry *g, u32 ino)
{
	return ino == EXT2_ROOT_INO || (ino >= g->first_inode && ino <= g->inodes);
}
loff_t ext2_max_size(const struct ext2_geometry *g);

/* Times: nanoseconds since 1970 <-> seconds, and with `more` (NULL: an inode without) nanoseconds and two bits of the seconds. */
s64 ext2_get_time(u32 seconds, const u32 *more);
u32 ext2_put_time(s64 ns, u32 *more);
static inline bool ext2_has_times(const struct ext2_geometry *g) { return g->inode_size >= EXT2_TIMES_AT + EXT2_NEW_USED; }

/* --- path.c: the way from an inode to block n of a file -------------------------------------------------------------------------- */
#define EXT2_MAX_DEPTH 4
struct ext2_path { unsigned depth; u32 slot[EXT2_MAX_DEPTH]; /* [0] of inode->block, [i] of the i-th indirect block */ };
/* => false: beyond what three levels reach */
bool ext2_block_path(unsigned block_bits, u32 n, struct ext2_path *p);
/* How many file blocks one entry of an indirect block of this level covers: level 1 points to data. */
u64 ext2_entry_covers(unsigned block_bits, unsigned level);
u32 ext2_indirect_blocks(unsigned block_bits, u32 n); /* that a file of n blocks without holes has */

/* --- dirblock.c: one block of a directory ---------------------------------------------------------------------------------------- */
/* The entry at `off`. => NULL: the block is damaged there (an entry that is too short, too long, crosses the end or names
 * an inode that cannot be) */
struct ext2_dirent *ext2_dirent_at(void *block, unsigned size, unsigned off, u32 inodes);
const char *ext2_dirent_fault(const void *block, unsigned size, unsigned off, u32 inodes); /* why; NULL: it is fine */
/* The same of an entry in use, its name as well: no '/' and no NUL. */
bool ext2_name_ok(const struct ext2_dirent *e);
/* => offset of the entry with this name; -ENOENT; -EIO, *bad: where */
int ext2_dirblock_find(void *block, unsigned size, u32 inodes, const char *name, unsigned len, unsigned *bad);
/* => offset of the new entry; -ENOSPC; -EIO, *bad. */
int ext2_dirblock_add(void *block, unsigned size, u32 inodes, const char *name, unsigned len, u32 ino, u8 type, unsigned *bad);
/* Take the entry at off away. => 0; -EIO: no entry begins there */
int ext2_dirblock_remove(void *block, unsigned size, u32 inodes, unsigned off, unsigned *bad);
/* => 1: nothing but "." and "..", 0: something else, -EIO */
int ext2_dirblock_empty(void *block, unsigned size, u32 inodes, unsigned *bad);
/* A Bloom filter over the names of a block; bits: a power of two. One that was not made says "perhaps" to all. */
u32 ext2_name_hash(const char *name, unsigned len);
void ext2_bloom_make(void *filter, unsigned bits, void *block, unsigned size, u32 inodes);
void ext2_bloom_add(void *filter, unsigned bits, u32 hash);
bool ext2_bloom_may(const void *filter, unsigned bits, u32 hash);
void ext2_dirblock_init(void *block, unsigned size);
void ext2_dirblock_dots(void *block, unsigned size, u32 self, u32 parent, u8 type);
u8 ext2_type_of(mode_t mode);       /* what an entry says of it */
unsigned ext2_dt_of(u8 type);       /* and what getdents says */

/* --- bitmap.c --------------------------------------------------------------------------------------------------------------------- */
struct ext2_avoid { u32 from, to; }; /* bits [from, to) belong to somebody's window */
/* A run of clear bits: at or soon after goal, else from the start. At most `want`. Bits of `avoid` are left out.
 * => its first bit, *len: how many; `size` if there is none */
u32 ext2_bitmap_find(const void *map, u32 size, u32 goal, u32 want, const struct ext2_avoid *avoid, unsigned n, u32 *len);
u32 ext2_bitmap_free(const void *map, u32 size); /* clear bits */

#endif
