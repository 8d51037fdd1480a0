/* SPDX-License-Identifier: MIT
 *
 * Mounting: is it an ext2 that we know? Then its super block and group descriptors stay pinned until it is unmounted.
 *
 * The super block says "clean" on the disk only while nobody may write to it: mounted for writing it says "not clean" first of
 * all, and "clean" last of all, and only if it said so before (errors that were there or came meanwhile are e2fsck's).
 * The copies of super block and descriptors in other groups are not kept up: e2fsck does not need them to be.
 *
 * Cannot: journals (an ext3 that was unmounted cleanly is an ext2), extents, checksums, META_BG.
 */
#include "kernel/fs/ext2/ext2.h"
#include "kernel/lib/div64.h"
#include <linux/fs.h>
#include <linux/magic.h>

/* --- the super block's page ------------------------------------------------------------------------------------------ */
/* As kmap. */
struct ext2_super *ext2_super_map(struct ext2_sb *s) { return (void *)((char *)kmap(s->super) + s->super_offset); }
void ext2_super_unmap(struct ext2_sb *s, struct ext2_super *d, bool dirty)
{
	kunmap(d);
	if (dirty)
		mark_sectors_dirty(s->super, s->super_offset, EXT2_SUPER_SIZE);
}

static int write_out(struct ext2_sb *s)
{
	loff_t pos = pindex_pos(s->super->index) + s->super_offset;

	return write_and_wait_range(s->m, pos, pos + EXT2_SUPER_SIZE - 1);
}

/* Counts, if they differ. wait: and they are on the disk. */
int ext2_write_super(struct ext2_sb *s, bool wait)
{
	struct ext2_super *d;
	bool dirty;

	mutex_lock(&s->lock);
	d = ext2_super_map(s);
	dirty = d->free_blocks != s->free_blocks || d->free_inodes != s->free_inodes;
	if (dirty) {
		d->free_blocks = s->free_blocks;
		d->free_inodes = s->free_inodes;
		d->write_time = (u32)div_u64(inode_now(), NSEC_PER_SEC);
	}
	ext2_super_unmap(s, d, dirty);
	mutex_unlock(&s->lock);
	return wait ? write_out(s) : 0;
}

int ext2_set_feature_large(struct ext2_sb *s)
{
	struct ext2_super *d;

	mutex_lock(&s->lock);
	d = ext2_super_map(s);
	d->ro_compat |= EXT2_RO_LARGE_FILE;
	ext2_super_unmap(s, d, true);
	s->g.ro_compat |= EXT2_RO_LARGE_FILE;
	mutex_unlock(&s->lock);
	return 0;
}

/* --- clean, not clean ---------------------------------------------------------------------------------------------------- */
static void warn_about(struct ext2_sb *s, const struct ext2_super *d)
{
	const char *name = s->dev->name;

	if (s->state & EXT2_STATE_ERRORS)
		pr_warn("ext2 %s: has errors: run e2fsck\n", name);
	else if (!(s->state & EXT2_STATE_CLEAN))
		pr_warn("ext2 %s: was not unmounted: run e2fsck\n", name);
	else if ((s16)d->max_mount_count > 0 && d->mount_count >= d->max_mount_count)
		pr_warn("ext2 %s: mounted %u times since the last check: run e2fsck\n", name, d->mount_count);
}

/* From now on it may be written. */
static int open_for_writing(struct ext2_sb *s)
{
	struct ext2_super *d = ext2_super_map(s);
	struct ext2_super copy = { .mount_count = d->mount_count, .max_mount_count = d->max_mount_count };
	int err;

	s->state = d->state;
	d->state &= ~EXT2_STATE_CLEAN;
	d->mount_count++;
	d->mount_time = d->write_time = (u32)div_u64(inode_now(), NSEC_PER_SEC);
	ext2_super_unmap(s, d, true);
	warn_about(s, &copy);
	err = write_out(s);
	if (!err)
		err = block_flush(s->dev);
	s->wrote_state = !err;
	return err;
}

/* Everything is written: now say so. */
static int close_for_writing(struct ext2_sb *s)
{
	struct ext2_super *d;
	int err;

	if (!s->wrote_state)
		return 0;
	ext2_write_super(s, false);
	err = write_and_wait_range(s->m, 0, MAX_LFS);
	if (!err)
		err = block_flush(s->dev);
	if (err)
		return err;
	d = ext2_super_map(s);
	d->state = (d->state & ~EXT2_STATE_CLEAN) | (s->state & (EXT2_STATE_CLEAN | EXT2_STATE_ERRORS));
	ext2_super_unmap(s, d, true);
	err = write_out(s);
	if (!err)
		err = block_flush(s->dev);
	s->wrote_state = false;
	return err;
}

/* --- mounting ------------------------------------------------------------------------------------------------------------- */
static int read_super(struct ext2_sb *s, u32 at)
{
	u64 pos = (u64)at << 10, bytes = (u64)s->dev->sectors << SECTOR_SHIFT;
	struct ext2_super *d;
	const char *wrong;

	if (bytes < EXT2_SUPER_SIZE || pos > bytes - EXT2_SUPER_SIZE)
		return -EINVAL;
	s->super = read_cache_page(s->m, NULL, pindex_at(pos));
	if (IS_ERR(s->super)) {
		int err = PTR_ERR(s->super);

		s->super = NULL;
		return err;
	}
	s->super_offset = (unsigned)pos & (PAGE_SIZE - 1);
	d = ext2_super_map(s);
	wrong = ext2_read_geometry(d, bytes, &s->g);
	s->vfs->time_gran = ext2_has_times(&s->g) ? 0 : NSEC_PER_SEC;
	s->reserved_blocks = d->reserved_blocks;
	s->state = d->state;
	ext2_super_unmap(s, d, false);
	if (wrong)
		pr_err("ext2 %s: %s\n", s->dev->name, wrong);
	return wrong ? -EINVAL : 0;
}

/* The super block's own wishes, before the mount options. One for a panic becomes read-only: whoever mounts may ask for that, a damaged
 * image may not bring the machine down. */
static void read_defaults(struct ext2_sb *s)
{
	struct ext2_super *d = ext2_super_map(s);

	s->on_error = d->on_error == EXT2_ON_ERROR_RO || d->on_error == EXT2_ON_ERROR_PANIC ? EXT2_ON_ERROR_RO : EXT2_ON_ERROR_CONTINUE;
	s->reserved_uid = d->reserved_uid;
	s->reserved_gid = d->reserved_gid;
	ext2_super_unmap(s, d, false);
}

/* May it be used so? */
static int check_features(struct ext2_sb *s, bool writing)
{
	u32 in = s->g.incompat & ~EXT2_INCOMPAT_KNOWN, ro = s->g.ro_compat & ~EXT2_RO_KNOWN;
	char names[128];

	if (in) {
		ext2_feature_names(in, true, names, sizeof(names));
		pr_err("ext2 %s: not mounted: it has features that this kernel does not know: %s\n", s->dev->name, names);
		return -EINVAL;
	}
	if (ro && writing) {
		ext2_feature_names(ro, false, names, sizeof(names));
		pr_err("ext2 %s: can only be mounted read-only: it has features that this kernel does not know: %s\n", s->dev->name, names);
		return -EINVAL;
	}
	return 0;
}

static int read_root(struct ext2_sb *s)
{
	struct inode *root = ext2_iget(s->vfs, EXT2_ROOT_INO);

	if (IS_ERR(root)) {
		pr_err("ext2 %s: no root directory\n", s->dev->name);
		return PTR_ERR(root) == -ENOMEM ? -ENOMEM : -EINVAL;
	}
	if (!S_ISDIR(root->mode)) {
		iput(root);
		pr_err("ext2 %s: the root is not a directory\n", s->dev->name);
		return -EINVAL;
	}
	s->vfs->root = d_make_root(root);
	return s->vfs->root ? 0 : -ENOMEM;
}

static int fill_super(struct ext2_sb *s, const char *options)
{
	bool writing = !(s->vfs->flags & MS_RDONLY);
	u32 at = 1;
	int err = ext2_parse_options(s, options, &at);

	if (!err)
		err = read_super(s, at);
	if (!err) {
		read_defaults(s);
		err = ext2_parse_options(s, options, &at);
	}
	if (!err)
		err = check_features(s, writing);
	if (!err)
		err = writing && block_read_only(s->dev) ? -EACCES : 0;
	if (!err)
		err = backing_init(&s->backing, s->dev, s->g.block_bits);
	s->vfs->backing = &s->backing;
	if (!err)
		err = ext2_read_groups(s);
	if (err)
		return err;
	s->vfs->block_size = s->g.block_size;
	s->vfs->max_size = min(ext2_max_size(&s->g), CACHE_FILE_MAX);
	err = read_root(s);
	return err || !writing ? err : open_for_writing(s);
}

static void unmount(struct super_block *sb)
{
	struct ext2_sb *s = ext2_sb(sb);

	if (!s)
		return;
	if (close_for_writing(s))
		pr_err("ext2 %s: could not be written out\n", s->dev->name);
	if (s->super)
		put_page(s->super);
	ext2_put_groups(s);
	invalidate_clean_pages(s->m, pindex_at(0), PINDEX_MAX); /* whoever looks at the device now must see what the files' pages wrote */
	kfree(s);
	sb->private = NULL;
}

static int remount(struct super_block *sb, u32 flags, const char *options)
{
	struct ext2_sb *s = ext2_sb(sb);
	bool ro = flags & MS_RDONLY, was_ro = !s->wrote_state;
	int err = ext2_parse_options(s, options, NULL);

	if (err || ro == was_ro)
		return err;
	if (ro) {
		err = flusher_sync(s->backing.flusher, &s->backing, true);
		return err ? err : close_for_writing(s);
	}
	err = check_features(s, true);
	if (!err)
		err = block_read_only(s->dev) ? -EACCES : open_for_writing(s);
	return err;
}

static int statfs(struct super_block *sb, struct statfs64 *st)
{
	struct ext2_sb *s = ext2_sb(sb);
	struct ext2_super *d = ext2_super_map(s);
	u32 id[4];

	memcpy(id, d->uuid, sizeof(id));
	ext2_super_unmap(s, d, false);
	mutex_lock(&s->lock);
	st->f_type = EXT2_SUPER_MAGIC;
	st->f_bsize = st->f_frsize = s->g.block_size;
	st->f_blocks = s->g.blocks - (s->minixdf ? 0 : s->g.first_block + s->own_blocks);
	st->f_bfree = s->free_blocks;
	st->f_bavail = s->free_blocks > s->reserved_blocks ? s->free_blocks - s->reserved_blocks : 0;
	st->f_files = s->g.inodes;
	st->f_ffree = s->free_inodes;
	mutex_unlock(&s->lock);
	st->f_namelen = EXT2_MAX_NAME;
	st->f_fsid.val[0] = (int)(id[0] ^ id[2]);
	st->f_fsid.val[1] = (int)(id[1] ^ id[3]);
	return 0;
}

static const struct super_ops super_ops = {
	.alloc_inode = ext2_alloc_inode, .free_inode = ext2_free_inode, .evict = ext2_evict, .write_inode = ext2_write_inode,
	.statfs = statfs, .sync = ext2_sync, .remount = remount, .unmount = unmount, .show_options = ext2_show_options,
};

static int mount(struct super_block *sb, const char *source, const char *options)
{
	struct ext2_sb *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	s->vfs = sb;
	s->dev = sb->bdev;
	s->m = block_mapping(sb->bdev);
	s->on_error = EXT2_ON_ERROR_CONTINUE;
	mutex_init(&s->lock, "ext2");
	mutex_init(&s->settle_lock, "ext2 settle");
	mutex_init(&s->freed_lock, "ext2 freed");
	rwsem_init(&s->cut, "ext2 cut");
	s->epoch = 1;
	sb->private = s;
	sb->magic = EXT2_SUPER_MAGIC;
	sb->ops = &super_ops;
	return fill_super(s, options);
}
static struct fs_type ext2_type = { .name = "ext2", .mount = mount, .needs_device = true };

void __init ext2_init(void)
{
	ext2_inode_init();
	register_fs(&ext2_type);
}
