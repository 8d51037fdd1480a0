/* SPDX-License-Identifier: MIT
 *
 * Blocks of metadata: pieces of pages of the block device's own page cache.
 *
 * A page of 4 KB may hold four blocks, one of them an inode table's and its neighbour a file's, whose bytes live in that
 * file's pages and are stale here. So what is dirty is known by sector, not by page, and only dirty sectors are written.
 * When a block stops being metadata its sectors are forgotten: nothing old may be written over its new owner's bytes.
 *
 * A block that becomes metadata is cleared first, so that stale bytes are never believed.
 *
 * Locks of this file system may be held here: so memory is not looked for among inodes (which would be written out and
 * evicted under these locks).
 */
#include "kernel/fs/ext2/ext2.h"

static loff_t pos_of(const struct ext2_sb *s, u32 block) { return (loff_t)block << s->g.block_bits; }

int meta_read(struct ext2_sb *s, u32 block, struct meta *m)
{
	loff_t pos = pos_of(s, block);
	struct page *page;
	u32 scope;

	if (block >= s->g.blocks)
		return -EIO;
	scope = gfp_scope_begin(__GFP_FS);
	page = read_cache_page(s->m, NULL, pindex_at(pos));
	gfp_scope_end(scope);
	if (IS_ERR(page))
		return PTR_ERR(page);
	*m = (struct meta){ page, (unsigned)pos & (PAGE_SIZE - 1) };
	return 0;
}

int meta_new(struct ext2_sb *s, u32 block, struct meta *m)
{
	loff_t pos = pos_of(s, block);
	struct page *page;

	if (s->g.block_size < PAGE_SIZE) {
		int err = meta_read(s, block, m);

		if (err)
			return err;
		lock_page(m->page);
	} else {
		u32 scope = gfp_scope_begin(__GFP_FS);

		page = find_or_make_page(s->m, pindex_at(pos), GFP_HIGHUSER);
		gfp_scope_end(scope);
		if (IS_ERR(page))
			return PTR_ERR(page);
		*m = (struct meta){ page, 0 };
	}
	zero_page_range(m->page, m->offset, m->offset + s->g.block_size);
	if (s->g.block_size == PAGE_SIZE)
		set_page_uptodate(m->page);
	unlock_page(m->page);
	meta_dirty(m, 0, s->g.block_size);
	return 0;
}

void meta_dirty(struct meta *m, unsigned offset, unsigned bytes)
{
	unsigned from = ALIGN_DOWN(m->offset + offset, SECTOR_SIZE), to = ALIGN_UP(m->offset + offset + bytes, SECTOR_SIZE);

	mark_sectors_dirty(m->page, from, to - from);
}

u32 meta_get32(const struct meta *m, unsigned slot)
{
	const u32 *p = meta_map(m);
	u32 v = READ_ONCE(p[slot]);

	meta_unmap(p);
	return v;
}

void meta_set32(struct meta *m, unsigned slot, u32 v)
{
	u32 *p = meta_map(m);

	WRITE_ONCE(p[slot], v);
	meta_unmap(p);
	meta_dirty(m, slot * 4, 4);
}

void meta_forget(struct ext2_sb *s, u32 block) { forget_sectors(s->m, pos_of(s, block), s->g.block_size); }

int meta_sync(struct ext2_sb *s, u32 block)
{
	loff_t pos = pos_of(s, block);

	return write_and_wait_range(s->m, pos, pos + s->g.block_size - 1);
}
