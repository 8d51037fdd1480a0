/* SPDX-License-Identifier: MIT
 *
 * What names a block of a directory may hold: a Bloom filter (Bloom 1970) per block, in memory only. To find that a name is not there,
 * or where it is, takes a look at three bits per block of the directory instead of at each of its names; Linux has hash trees on
 * the disk for this.
 *
 * Life: a filter is made when its block has been looked through in vain, in a page of high memory (an eighth of the block's size);
 * new names are entered, names that go leave their bits. A filter that said "perhaps" in vain is made anew, so that it cannot fill up
 * with what is gone. All of them go with the directory's inode; if there is no memory for one, its block is looked through.
 *
 * Bit 0 of a filter tells that it was made. Locks: the directory's inode->lock, for writing.
 */
#include "kernel/fs/ext2/ext2.h"

#define FILTER_BYTES(block_size) ((block_size) / 8)
#define FEW 2 /* blocks: a directory of no more has no filters */

struct ext2_filters { u32 nr; struct page *page[]; };

static u32 per_page(const struct ext2_sb *s) { return PAGE_SIZE / FILTER_BYTES(s->g.block_size); }

bool ext2_filtered(struct inode *dir) { return dir->size >> ext2_sb(dir->sb)->g.block_bits > FEW; }

static struct page *page_of(struct inode *dir, u32 n)
{
	const struct ext2_filters *f = ext2_i(dir)->filters;
	u32 i = n / per_page(ext2_sb(dir->sb));

	return f && i < f->nr ? f->page[i] : NULL;
}

static bool grow(struct ext2_inode *e, u32 nr)
{
	struct ext2_filters *old = e->filters, *f;

	nr = old ? max(nr, 2 * old->nr) : nr;
	f = kzalloc(sizeof(*f) + nr * sizeof(f->page[0]), GFP_KERNEL);
	if (!f)
		return false;
	f->nr = nr;
	if (old)
		memcpy(f->page, old->page, old->nr * sizeof(old->page[0]));
	kfree(old);
	e->filters = f;
	return true;
}

/* The page for the filter of block n, made if need be. => NULL: no memory */
static struct page *make_page(struct inode *dir, u32 n)
{
	struct ext2_inode *e = ext2_i(dir);
	u32 i = n / per_page(ext2_sb(dir->sb));

	if ((!e->filters || i >= e->filters->nr) && !grow(e, i + 1))
		return NULL;
	if (!e->filters->page[i])
		e->filters->page[i] = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
	return e->filters->page[i];
}

static void *filter_in(struct inode *dir, void *page, u32 n)
{
	struct ext2_sb *s = ext2_sb(dir->sb);

	return (char *)page + n % per_page(s) * FILTER_BYTES(s->g.block_size);
}

/* The next block from `from` on, below `end`, that may hold the name with this hash; `end`: none does. */
u32 ext2_filter_next(struct inode *dir, u32 from, u32 end, u32 hash)
{
	unsigned bits = 8 * FILTER_BYTES(ext2_sb(dir->sb)->g.block_size);
	u32 n = from, in_page = per_page(ext2_sb(dir->sb));

	while (n < end) {
		struct page *page = page_of(dir, n);
		u32 stop = min(end, (n / in_page + 1) * in_page);
		void *p;

		if (!page)
			return n;
		p = kmap(page);
		while (n < stop && !ext2_bloom_may(filter_in(dir, p, n), bits, hash))
			n++;
		kunmap(p);
		if (n < stop)
			return n;
	}
	return end;
}

/* Block n was looked through in vain: its filter from all its names. */
void ext2_filter_make(struct inode *dir, u32 n, struct page *block, unsigned offset)
{
	struct ext2_sb *s = ext2_sb(dir->sb);
	struct page *page = make_page(dir, n);
	char *p, *b;

	if (!page)
		return;
	b = kmap(block);
	p = kmap(page);
	ext2_bloom_make(filter_in(dir, p, n), 8 * FILTER_BYTES(s->g.block_size), b + offset, s->g.block_size, s->g.inodes);
	kunmap(p);
	kunmap(b);
}

/* Block n got a name. */
void ext2_filter_add(struct inode *dir, u32 n, const char *name, unsigned len)
{
	struct page *page = page_of(dir, n);
	char *p;

	if (!page)
		return;
	p = kmap(page);
	ext2_bloom_add(filter_in(dir, p, n), 8 * FILTER_BYTES(ext2_sb(dir->sb)->g.block_size), ext2_name_hash(name, len));
	kunmap(p);
}

void ext2_free_filters(struct inode *dir)
{
	struct ext2_filters *f = ext2_i(dir)->filters;

	for (u32 i = 0; f && i < f->nr; i++)
		if (f->page[i])
			put_page(f->page[i]);
	kfree(f);
	ext2_i(dir)->filters = NULL;
}
