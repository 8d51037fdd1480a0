/* SPDX-License-Identifier: MIT
 *
 * ext2 as it lies on the disk, little-endian like the processor (so nothing is converted here).
 *
 *   block 0 or 1        super block: at byte 1024 of the device, whatever the block size
 *   the block after it  group descriptors, one after the other
 *   each group          [copy of both] block bitmap, inode bitmap, table of inodes, data
 *
 * Source: "The Second Extended File System: Internal Layout" (D. Poirier) and e2fsprogs' manual pages. Block numbers count from
 * the device's start, inode numbers from 1, both 32 bits. A block number of 0 is a hole.
 */
#ifndef KERNEL_FS_EXT2_FORMAT_H
#define KERNEL_FS_EXT2_FORMAT_H

#include "kernel/lib/types.h"

#define EXT2_MAGIC 0xef53
#define EXT2_SUPER_OFFSET 1024
#define EXT2_SUPER_SIZE 1024
#define EXT2_MAX_NAME 255
#define EXT2_MAX_LINKS 32000
#define EXT2_XATTR_MAGIC 0xea020000

enum { EXT2_BAD_INO = 1, EXT2_ROOT_INO = 2, EXT2_OLD_FIRST_INO = 11 };
enum { EXT2_STATE_CLEAN = 1, EXT2_STATE_ERRORS = 2 };
enum { EXT2_ON_ERROR_CONTINUE = 1, EXT2_ON_ERROR_RO = 2, EXT2_ON_ERROR_PANIC = 3 };

/* Features. Unknown compat: no matter. Unknown ro_compat: only to be read. Unknown incompat: not to be touched. */
enum { EXT2_COMPAT_RESIZE_INODE = 0x10, EXT2_COMPAT_DIR_INDEX = 0x20 };
enum { EXT2_INCOMPAT_FILETYPE = 2 };
enum { EXT2_RO_SPARSE_SUPER = 1, EXT2_RO_LARGE_FILE = 2, EXT2_RO_BTREE_DIR = 4 };
#define EXT2_INCOMPAT_KNOWN EXT2_INCOMPAT_FILETYPE
#define EXT2_RO_KNOWN (EXT2_RO_SPARSE_SUPER | EXT2_RO_LARGE_FILE | EXT2_RO_BTREE_DIR)

struct ext2_super {
	u32 inodes, blocks, reserved_blocks, free_blocks, free_inodes, first_data_block;
	u32 log_block_size, log_frag_size; /* bytes: 1024 << n */
	u32 blocks_per_group, frags_per_group, inodes_per_group;
	u32 mount_time, write_time;
	u16 mount_count, max_mount_count, magic, state, on_error, minor_revision;
	u32 check_time, check_interval, creator_os, revision;
	u16 reserved_uid, reserved_gid;
	/* revision 1 */
	u32 first_inode;
	u16 inode_size, group_number;
	u32 compat, incompat, ro_compat;
	u8 uuid[16];
	char label[16], last_mounted[64];
	u32 compression;
	u8 prealloc_files, prealloc_dirs;
	u16 reserved_gdt_blocks;
	u8 journal_uuid[16];
	u32 journal_inode, journal_device, orphans, hash_seed[4];
	u8 hash_version, journal_backup;
	u16 descriptor_size;
	u32 mount_options, first_meta_group, made_time, journal_blocks[17];
	u32 later[17];              /* ext4's, up to 0x194 */
	u32 error_count, first_error_time, first_error_inode;
	u64 first_error_block;
	char first_error_where[32];
	u32 first_error_line, last_error_time, last_error_inode, last_error_line;
	u64 last_error_block;
	char last_error_where[32];
	u8 rest[512];
} __packed;
static_assert(sizeof(struct ext2_super) == EXT2_SUPER_SIZE, "a super block has 1024 bytes");
static_assert(offsetof(struct ext2_super, compat) == 92 && offsetof(struct ext2_super, error_count) == 0x194, "see the manual");

struct ext2_group {
	u32 block_bitmap, inode_bitmap, inode_table;
	u16 free_blocks, free_inodes, dirs, flags;
	u32 reserved[3];
};
static_assert(sizeof(struct ext2_group) == 32, "32 bytes each");

#define EXT2_DIRECT 12
enum { EXT2_IND = EXT2_DIRECT, EXT2_DIND, EXT2_TIND, EXT2_N_BLOCKS };
enum { /* inode flags */
	EXT2_SECRM_FL = 0x1, EXT2_UNRM_FL = 0x2, EXT2_COMPR_FL = 0x4, EXT2_SYNC_FL = 0x8, EXT2_IMMUTABLE_FL = 0x10, EXT2_APPEND_FL = 0x20,
	EXT2_NODUMP_FL = 0x40, EXT2_NOATIME_FL = 0x80, EXT2_INDEX_FL = 0x1000, EXT2_DIRSYNC_FL = 0x10000, EXT2_TOPDIR_FL = 0x20000,
};
/* What an inode inherits from its directory. */
#define EXT2_INHERITED_FL (EXT2_SECRM_FL | EXT2_UNRM_FL | EXT2_COMPR_FL | EXT2_SYNC_FL | EXT2_NODUMP_FL | EXT2_NOATIME_FL | EXT2_DIRSYNC_FL)
struct ext2_disk_inode {
	u16 mode, uid;
	u32 size, atime, ctime, mtime, dtime;
	u16 gid, links;
	u32 sectors, flags, os1;    /* sectors: 512 bytes, indirect blocks included */
	u32 block[EXT2_N_BLOCKS];   /* of a short symlink: its text; of a device: its number */
	u32 generation, xattr_block, size_high, frag_block;
	u8 frag, frag_size;
	u16 pad, uid_high, gid_high;
	u32 os2;
};
static_assert(sizeof(struct ext2_disk_inode) == 128, "the first 128 bytes of an inode");

/* Behind them in an inode of 256 bytes or more: how much of it is in use; nanoseconds << 2 | bits 32 and 33 of the seconds. */
struct ext2_disk_times { u16 used, checksum; u32 ctime, mtime, atime, made, made_more; };
enum { EXT2_TIMES_AT = 128, EXT2_TIMES_USED = 16, EXT2_NEW_USED = 32 };
static_assert(sizeof(struct ext2_disk_times) == 24, "what ext4 calls the large inode");

struct ext2_dirent {
	u32 ino;                    /* 0: unused space */
	u16 rec_len;                /* to the next entry, or the block's end */
	u8 name_len, type;          /* type: 0 without FILETYPE */
	char name[];
};
#define EXT2_DIRENT_HEAD 8
#define EXT2_DIRENT_MIN 12
#define EXT2_DIRENT_SIZE(len) ALIGN_UP(EXT2_DIRENT_HEAD + (unsigned)(len), 4U)
enum { EXT2_FT_UNKNOWN, EXT2_FT_REG, EXT2_FT_DIR, EXT2_FT_CHR, EXT2_FT_BLK, EXT2_FT_FIFO, EXT2_FT_SOCK, EXT2_FT_LNK, EXT2_FT_MAX };

struct ext2_xattr_head { u32 magic, refcount, blocks, hash, checksum, reserved[3]; };

#endif
