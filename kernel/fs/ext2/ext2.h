/* SPDX-License-Identifier: MIT
 *
 * ext2 among its own files: the mounted file system, the inode, blocks of metadata.
 *
 * Life: mount reads the super block, checks it and the group descriptors, and keeps their pages pinned for as long as the
 * file system is mounted. An inode comes from ext2_iget (from disk) or ext2_new_inode (from a bitmap); its last iput
 * without links gives blocks and number back. All metadata but directories lies in the page cache of the block device, in high
 * memory where there is some; directories lie in pages of their own inodes, like files.
 *
 * Locks, outermost first; the VFS's are described in kernel/fs/vfs.h:
 *   dir inode->lock, inode->lock
 *     page lock of the file
 *       ext2_sb.freed_lock       mutex: fsync alone, outside all of these
 *       ext2_sb.cut              rw-semaphore: only fsync takes it for writing, with nothing held
 *       ext2_inode.map           rw-semaphore: block pointers, in the inode and in indirect blocks
 *         ext2_sb.settle_lock    mutex: writes metadata out
 *         ext2_sb.lock           mutex: bitmaps, group descriptors, counts, windows
 *           page lock of the device's page cache
 *             inode->lock_small, kmap: nothing sleeps under these
 * Keys: f fixed while mounted | l ext2_sb.lock | m ext2_inode.map | i inode->lock | s inode->lock_small
 */
#ifndef KERNEL_FS_EXT2_EXT2_H
#define KERNEL_FS_EXT2_EXT2_H

#include "drivers/block/block.h"
#include "kernel/fs/ext2/pure.h"
#include "kernel/fs/internal.h"
#include "mm/cache/blocks.h"
#include "mm/cache/writeback.h"

/* --- the mounted file system -------------------------------------------------------------------------------------- */
#define EXT2_WINDOWS 16
struct ext2_window { u32 ino, from, to, size; }; /* blocks that writers of other files leave alone while others are free */

struct ext2_sb {
	struct super_block *vfs;        /* f */
	struct block_device *dev;       /* f */
	struct address_space *m;        /* f: the device's pages */
	struct backing backing;
	struct ext2_geometry g;         /* f */
	struct page *super;             /* f: pinned, as are those of the group descriptors */
	unsigned super_offset;          /* f: in that page */
	struct page **gdt;              /* f */
	unsigned gdt_pages;             /* f */
	struct mutex lock;
	u32 free_blocks, free_inodes, dirs; /* l: sums over the groups */
	u32 reserved_blocks;            /* f */
	uid_t reserved_uid; gid_t reserved_gid; /* f */
	u16 state;                      /* what the super block said when it was mounted: clean, errors */
	u16 on_error;                   /* EXT2_ON_ERROR_* */
	bool minixdf;                   /* statfs counts the file system's own blocks too */
	bool no_windows;
	bool wrote_state;               /* the disk says "mounted" */
	struct rwsem cut;               /* for reading while blocks are given back and the inode does not say so yet */
	struct mutex settle_lock, freed_lock;
	u32 epoch, settled;             /* settle_lock to write: now; indirect blocks made in this epoch and before it are on the disk */
	bool freed;                     /* blocks or inodes were given back, and their old owners may still have them on the disk */
	bool freed_ino;                 /* inode numbers were */
	bool old_names;                 /* and since then a directory got one: the disk may still have the number under its old name */
	u32 own_blocks;                 /* f: super blocks, descriptors, bitmaps, tables */
	u32 *checked, *bad;             /* l: a bit per group: its block bitmap was looked at; is not to be used */
	u32 last_window;                /* l */
	struct ext2_window window[EXT2_WINDOWS]; /* l */
};
static inline struct ext2_sb *ext2_sb(const struct super_block *sb) { return sb->private; }

/* --- the inode ----------------------------------------------------------------------------------------------------- */
enum { EXT2_BAD = 1,        /* was never filled in: nothing of it goes to the disk */
       EXT2_UNNAMED = 2,    /* its name may not be on the disk: fsync sees to that */
       EXT2_TRUSTED = 4 };  /* was synced under a name that somebody relies on */
struct ext2_inode {
	u32 block[EXT2_N_BLOCKS];       /* m */
	u32 flags;                      /* i */
	u32 generation, xattr_block, dtime;
	u32 epoch;                      /* m: in which its last indirect block was made */
	struct ext2_pending *pending;   /* m: entries that are not in their indirect block yet */
	u32 next_block, next_goal;      /* m: where a writer who goes on comes next: file block, block for it */
	u32 new_first, new_end;         /* m: file blocks that were mapped since the last fsync: [first, end) */
	struct ext2_filters *filters;   /* i: directory: what names its blocks may hold; NULL: nothing is known */
	u32 room;                       /* i: directory: no room for an entry in the blocks before this one */
	u32 entry_pos;                  /* directory; parent's i: where its entry stands in the parent; 0: not known */
	u32 group;                      /* f: of the inode */
	u32 names;                      /* s: how often it got a new name */
	unsigned long state;            /* atomic bits by value: EXT2_* */
	struct rwsem map;
	struct inode vfs;
};
/* The entry `slot` of the indirect block `parent` shall be `child`, another indirect block, once that is on the disk. */
struct ext2_pending { u32 parent, slot, child; struct ext2_pending *next; };
static inline struct ext2_inode *ext2_i(const struct inode *i) { return container_of((struct inode *)i, struct ext2_inode, vfs); }
static inline void ext2_set_state(struct ext2_inode *e, unsigned long bit) { set_bit(__ffs(bit), &e->state); }
/* Its name is new: fsync must see to that. */
static inline void ext2_named(struct ext2_inode *e)
{
	spin_lock(&e->vfs.lock_small);
	e->names++;
	ext2_set_state(e, EXT2_UNNAMED);
	spin_unlock(&e->vfs.lock_small);
}
static inline void ext2_clear_state(struct ext2_inode *e, unsigned long bit) { clear_bit(__ffs(bit), &e->state); }

/* --- meta.c: one block of the device, pinned ------------------------------------------------------------------------- */
struct meta { struct page *page; unsigned offset; };
int meta_read(struct ext2_sb *s, u32 block, struct meta *m);   /* 0, -EIO, -ENOMEM. Sleeps. Pairs with meta_put */
int meta_new(struct ext2_sb *s, u32 block, struct meta *m);    /* zeroes, dirty; nothing is read if a block is a page */
void meta_dirty(struct meta *m, unsigned offset, unsigned bytes);
static inline void meta_put(struct meta *m) { put_page(m->page); }
/* Short: as kmap. */
static inline void *meta_map(const struct meta *m) { return (char *)kmap(m->page) + m->offset; }
static inline void meta_unmap(const void *p) { kunmap(p); }
u32 meta_get32(const struct meta *m, unsigned slot);
void meta_set32(struct meta *m, unsigned slot, u32 v);         /* and dirty */
void meta_forget(struct ext2_sb *s, u32 block);                /* was given back: must not be written any more */
int meta_sync(struct ext2_sb *s, u32 block);                   /* written out, if it is dirty */

/* --- error.c ------------------------------------------------------------------------------------------------------------ */
/* The file system is damaged: says so, counts it, does what errors= says. block, ino: 0 if none. => -EIO */
int ext2_error(struct ext2_sb *s, const char *where, u32 ino, u32 block, const char *fmt, ...) __printf(5, 6);
#define ext2_damaged(s, ino, block, ...) ext2_error(s, __func__, ino, block, __VA_ARGS__)

/* --- super.c, groups.c -------------------------------------------------------------------------------------------------- */
struct ext2_super *ext2_super_map(struct ext2_sb *s);
void ext2_super_unmap(struct ext2_sb *s, struct ext2_super *d, bool dirty);
int ext2_write_super(struct ext2_sb *s, bool wait);
void ext2_get_group(struct ext2_sb *s, u32 group, struct ext2_group *d);
void ext2_change_group(struct ext2_sb *s, u32 group, int blocks, int inodes, int dirs); /* l held */
int ext2_read_groups(struct ext2_sb *s);
void ext2_put_groups(struct ext2_sb *s);
bool ext2_is_own_block(struct ext2_sb *s, u32 block, u32 n); /* any of them a bitmap or in an inode table? */
int ext2_set_feature_large(struct ext2_sb *s);
int ext2_parse_options(struct ext2_sb *s, const char *options, u32 *super_at);
void ext2_show_options(struct super_block *sb, struct seq *q);

/* --- balloc.c ----------------------------------------------------------------------------------------------------------- */
/* Up to `want` blocks in a row, near goal. => the first, *got; 0 with *err */
u32 ext2_alloc_blocks(struct ext2_sb *s, struct ext2_inode *e, u32 goal, u32 want, u32 *got, int *err);
int ext2_free_blocks(struct ext2_sb *s, u32 ino, u32 block, u32 n); /* -EIO: cannot be, or were free: said */
void ext2_close_window(struct ext2_sb *s, u32 ino);

/* --- ialloc.c ------------------------------------------------------------------------------------------------------------ */
u32 ext2_alloc_ino(struct ext2_sb *s, struct inode *dir, mode_t mode, int *err);
void ext2_free_ino(struct ext2_sb *s, u32 ino, bool dir);

/* --- map.c, truncate.c ---------------------------------------------------------------------------------------------------- */
int ext2_map_blocks(struct address_space *m, u64 lblock, u32 want, bool create, struct block_run *run);
u32 ext2_block_of(struct inode *i, u32 n);           /* for messages: its place on the device, 0: none */
int ext2_settle(struct ext2_sb *s, u32 epoch);       /* indirect blocks made in this epoch or before are on the disk */
int ext2_hang_pending(struct inode *i, bool settle); /* puts pending entries where they belong, settled before */
u32 ext2_take_pending(struct ext2_inode *e);         /* m held: an indirect block that hangs nowhere; 0: none */
int ext2_sync_map(struct inode *i);                  /* indirect blocks that changed since the last time */
void ext2_truncate(struct inode *i, loff_t size);    /* gives back what lies beyond */
void ext2_free_xattr(struct inode *i);

/* --- inode.c ----------------------------------------------------------------------------------------------------------------- */
struct inode *ext2_iget(struct super_block *sb, u32 ino); /* ERR_PTR(-EIO, -ENOMEM, -ESTALE) */
struct inode *ext2_new_inode(struct inode *dir, mode_t mode, dev_t dev);
int ext2_write_inode(struct inode *i);
int ext2_copy_inode(struct inode *i);
int ext2_sync_table(struct inode *i);
void ext2_evict(struct inode *i);
int ext2_setattr(struct dentry *d, const struct iattr *a);
struct inode *ext2_alloc_inode(struct super_block *sb);
void ext2_free_inode(struct inode *i);
void ext2_inode_init(void);

/* --- dir.c: i held ----------------------------------------------------------------------------------------------------------- */
struct ext2_entry { u32 ino; u32 pos; u8 type; };    /* pos: byte offset in the directory */
int ext2_dir_find(struct inode *dir, const char *name, unsigned len, u32 hint, struct ext2_entry *e); /* 0, -ENOENT, -EIO */
int ext2_dir_at(struct inode *dir, u32 pos, struct ext2_entry *e);
int ext2_dir_add(struct inode *dir, const char *name, unsigned len, struct inode *i, u32 *pos);
int ext2_dir_remove(struct inode *dir, const struct ext2_entry *e);
int ext2_dir_set(struct inode *dir, const struct ext2_entry *e, struct inode *i); /* the name is i's from now on */
int ext2_dir_empty(struct inode *dir);               /* 1, 0, -EIO */
int ext2_dir_init(struct inode *dir, struct inode *parent);
int ext2_dir_readdir(struct file *f, struct dir_context *c);

/* --- filter.c: i held ------------------------------------------------------------------------------------------------------------ */
bool ext2_filtered(struct inode *dir);               /* large enough for filters */
u32 ext2_filter_next(struct inode *dir, u32 from, u32 end, u32 hash);
void ext2_filter_make(struct inode *dir, u32 n, struct page *block, unsigned offset);
void ext2_filter_add(struct inode *dir, u32 n, const char *name, unsigned len);
void ext2_free_filters(struct inode *dir);

/* --- sync.c --------------------------------------------------------------------------------------------------------------------- */
int ext2_fsync(struct file *f, loff_t start, loff_t end, bool data_only);
int ext2_sync_inode(struct inode *i, bool data_only);
int ext2_sync(struct super_block *sb, bool wait);
int ext2_sync_dir(struct inode *dir, bool flush);      /* entries and inode of a directory are on the disk */

extern const struct mapping_ops ext2_mapping_ops;
extern const struct inode_ops ext2_dir_inode_ops, ext2_file_inode_ops, ext2_link_inode_ops, ext2_special_inode_ops;
extern const struct file_ops ext2_dir_ops, ext2_file_ops;

#endif
