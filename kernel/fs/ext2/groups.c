/* SPDX-License-Identifier: MIT
 *
 * Group descriptors: where each group's bitmaps and inodes are, and what is free there. Their pages stay pinned: 32 bytes of
 * high memory per group of 8 to 128 MB, and 4 bytes of low memory per page of them.
 */
#include "kernel/fs/ext2/ext2.h"

static struct ext2_group *map_group(struct ext2_sb *s, u32 group, struct page **page)
{
	u64 pos = ((u64)s->g.gdt_block << s->g.block_bits) + group * sizeof(struct ext2_group);
	u64 first = (u64)s->g.gdt_block << s->g.block_bits >> PAGE_SHIFT;

	*page = s->gdt[(unsigned)((pos >> PAGE_SHIFT) - first)];
	return (void *)((char *)kmap(*page) + ((unsigned)pos & (PAGE_SIZE - 1)));
}
static void unmap_group(struct ext2_group *d) { kunmap(d); }

void ext2_get_group(struct ext2_sb *s, u32 group, struct ext2_group *d)
{
	struct page *page;
	struct ext2_group *p = map_group(s, group, &page);

	*d = *p;
	unmap_group(p);
}

void ext2_change_group(struct ext2_sb *s, u32 group, int blocks, int inodes, int dirs)
{
	struct page *page;
	struct ext2_group *p = map_group(s, group, &page);
	unsigned offset = (unsigned long)p & (PAGE_SIZE - 1);

	p->free_blocks += blocks;
	p->free_inodes += inodes;
	p->dirs += dirs;
	unmap_group(p);
	s->free_blocks += blocks;
	s->free_inodes += inodes;
	s->dirs += dirs;
	offset = ALIGN_DOWN(offset, SECTOR_SIZE);
	mark_sectors_dirty(page, offset, SECTOR_SIZE);
}

/* --- mounting ------------------------------------------------------------------------------------------------------ */
static int pin_pages(struct ext2_sb *s)
{
	u64 first = (u64)s->g.gdt_block << s->g.block_bits, last = first + s->g.groups * sizeof(struct ext2_group) - 1;
	pindex_t index = pindex_at(first);
	unsigned n = pindex_at(last).n - index.n + 1;

	s->gdt = kzalloc(n * sizeof(*s->gdt), GFP_KERNEL);
	if (!s->gdt)
		return -ENOMEM;
	for (; s->gdt_pages < n; s->gdt_pages++, index.n++) {
		struct page *page = read_cache_page(s->m, NULL, index);

		if (IS_ERR(page))
			return PTR_ERR(page);
		s->gdt[s->gdt_pages] = page;
	}
	return 0;
}

/* Counts are taken from the groups; the super block's own may lag after a power cut. */
static int check_group(struct ext2_sb *s, u32 group)
{
	const char *wrong;
	struct ext2_group d;

	ext2_get_group(s, group, &d);
	wrong = ext2_check_group(&s->g, group, &d);
	if (!wrong && (d.free_blocks > ext2_group_blocks(&s->g, group) || d.free_inodes > s->g.inodes_per_group || d.dirs > s->g.inodes_per_group))
		wrong = "impossible counts";
	if (wrong) {
		pr_err("ext2 %s: group %u: %s; e2fsck may help\n", s->dev->name, group, wrong);
		return -EINVAL;
	}
	s->free_blocks += d.free_blocks;
	s->free_inodes += d.free_inodes;
	s->dirs += d.dirs;
	s->own_blocks += 2 + s->g.table_blocks + (ext2_group_has_super(&s->g, group) ? 1 + s->g.gdt_blocks + s->g.gdt_spare : 0);
	return 0;
}

int ext2_read_groups(struct ext2_sb *s)
{
	int err = pin_pages(s);

	for (u32 i = 0; !err && i < s->g.groups; i++)
		err = check_group(s, i);
	if (!err) {
		s->checked = kzalloc(2 * BITS_TO_LONGS(s->g.groups) * sizeof(long), GFP_KERNEL);
		err = s->checked ? 0 : -ENOMEM;
		s->bad = s->checked + BITS_TO_LONGS(s->g.groups);
	}
	return err;
}

void ext2_put_groups(struct ext2_sb *s)
{
	put_pages(s->gdt, s->gdt_pages);
	kfree(s->gdt);
	kfree(s->checked);
}

bool ext2_is_own_block(struct ext2_sb *s, u32 block, u32 n)
{
	struct ext2_group d;

	ext2_get_group(s, ext2_group_of(&s->g, block), &d);
	return d.block_bitmap - block < n || d.inode_bitmap - block < n || (block < d.inode_table + s->g.table_blocks && d.inode_table < block + n);
}
