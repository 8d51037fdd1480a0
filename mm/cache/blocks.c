/* SPDX-License-Identifier: MIT
 *
 * Pages to and from the blocks of a disk: see blocks.h for what is kept where.
 *
 * A page is cut into segments, stretches of it that are contiguous on the disk; segments of neighbouring pages that
 * touch go into one bio, bios that touch into one command. A page in one segment, by far the most, costs no counting.
 * While blocks are looked up, which may itself read from the disk, no bio is held back.
 *
 * Reads end in the interrupt handler: pages are marked and unlocked there, nothing else. Writes end in blockd, since
 * the file's tree_lock is not for interrupts.
 *
 * New blocks are allocated once their page holds what shall be in them (write_end, page_mkwrite, write-out), and the page
 * is dirty from then on: what a fresh block held on the disk is never read.
 */
#include "kernel/sched/sched.h"
#include "mm/cache/blocks.h"
#include "mm/cache/internal.h"

#define PIECE (1UL << 16)  /* page->private: pieces under way, if there is more than one */
#define MAX_SEGMENTS 8
static_assert(PAGE_SIZE / SECTOR_SIZE <= MAX_SEGMENTS, "page->private: one bit a sector");

struct segment { sector_t sector; u16 offset, bytes; };
struct pages_io {
	struct address_space *m;
	enum bio_op op;
	void (*end)(struct bio *bio);
	struct bio *bio;
	sector_t next;         /* where bio ends */
	u64 run_first;         /* file's block with which run begins */
	struct block_run run;
	unsigned expect;       /* pages still to come: how large a bio to make */
};

static unsigned bits_of(const struct address_space *m) { return m->backing->block_bits; }

/* --- bios -------------------------------------------------------------------------------------------------------------- */
static void io_submit(struct pages_io *io)
{
	struct bio *bio = io->bio;

	io->bio = NULL;
	if (bio)
		bio_submit(bio);
}

static void io_add(struct pages_io *io, struct page *page, const struct segment *s)
{
	if (io->bio && (s->sector != io->next || !bio_add(io->bio, page, s->offset, s->bytes)))
		io_submit(io);
	if (!io->bio) {
		io->bio = bio_alloc(io->m->backing->dev, io->op, s->sector, clamp(io->expect, 1U, (unsigned)BIO_MAX));
		io->bio->end = io->end;
		bio_add(io->bio, page, s->offset, s->bytes);
	}
	io->next = s->sector + (s->bytes >> SECTOR_SHIFT);
}

/* Several pieces are counted; each but the last one leaves the page to the others. */
static void count_pieces(struct page *page, unsigned n)
{
	if (n > 1)
		atomic_add(n * PIECE, (atomic_t *)&page->private);
}
static bool last_piece(struct page *page)
{
	if (likely(READ_ONCE(page->private) < PIECE))
		return true;
	return (unsigned long)atomic_sub_return(PIECE, (atomic_t *)&page->private) < PIECE;
}

/* --- where blocks lie ------------------------------------------------------------------------------------------------------ */
/* io->run becomes one that holds `block`. => 0 or -errno */
static int io_map(struct pages_io *io, u64 block, u32 want, bool create)
{
	int err;

	if (block >= io->run_first && block - io->run_first < io->run.nr && (!io->run.hole || !create))
		return 0;
	io_submit(io);
	io->run = (struct block_run){ 0 };
	err = io->m->ops->map_blocks(io->m, block, want, create, &io->run);
	if (err)
		io->run.nr = 0;
	else if (WARN_ON_ONCE(!io->run.nr))
		err = -EIO;
	io->run_first = block;
	return err;
}

static bool all_zero(struct page *page, unsigned offset, unsigned bytes)
{
	const u32 *p = kmap(page), *w = (const u32 *)((const char *)p + offset);
	unsigned n = bytes / 4;

	while (n && !*w) {
		w++;
		n--;
	}
	kunmap(p);
	return !n;
}

/* What to do about holes: a reader gets zeroes; a writer leaves holes that shall be zeroes. */
static int segment_hole(struct pages_io *io, struct page *page, u64 block, u32 want, unsigned offset, unsigned bytes, bool *mapped)
{
	*mapped = false;
	if (io->op == BIO_READ) {
		zero_page_range(page, offset, offset + bytes);
		return 0;
	}
	if (all_zero(page, offset, bytes))
		return 0;
	*mapped = true;
	return io_map(io, block, want, true);
}

static void add_segment(struct segment *seg, unsigned *n, sector_t sector, unsigned offset, unsigned bytes)
{
	struct segment *last = *n ? &seg[*n - 1] : NULL;

	if (last && last->sector + (last->bytes >> SECTOR_SHIFT) == sector && last->offset + last->bytes == offset) {
		last->bytes += bytes;
		return;
	}
	seg[(*n)++] = (struct segment){ sector, offset, bytes };
}

/* The first `bytes` of page, rounded up to blocks. => how many segments, or -errno */
static int segments(struct pages_io *io, struct page *page, unsigned bytes, struct segment *seg)
{
	unsigned bits = bits_of(io->m), offset = 0, n = 0;
	u64 block = (u64)page->index.n << (PAGE_SHIFT - bits);

	bytes = ALIGN_UP(bytes, 1U << bits);
	while (offset < bytes) {
		u32 want = max((bytes - offset) >> bits, io->expect << (PAGE_SHIFT - bits)), nr;
		bool mapped = true;
		int err = io_map(io, block, want, false);

		if (err)
			return err;
		nr = (u32)min((u64)((bytes - offset) >> bits), io->run_first + io->run.nr - block);
		if (io->run.hole) {
			nr = 1;
			err = segment_hole(io, page, block, (bytes - offset) >> bits, offset, 1U << bits, &mapped);
			if (err)
				return err;
		}
		if (mapped)
			add_segment(seg, &n, (sector_t)(io->run.block + (block - io->run_first)) << (bits - SECTOR_SHIFT), offset, nr << bits);
		block += nr;
		offset += nr << bits;
	}
	return (int)n;
}

/* Bytes of page that lie before the file's end: 0 if none does. */
static unsigned bytes_of(const struct address_space *m, pindex_t index)
{
	loff_t left = cache_fs_ops->size(m) - pindex_pos(index);

	return left <= 0 ? 0 : (unsigned)min(left, (loff_t)PAGE_SIZE);
}

/* --- reading ------------------------------------------------------------------------------------------------------------------ */
static void read_ended(struct bio *bio)
{
	for (unsigned i = 0; i < bio->nr; i++) {
		struct page *page = bio->piece[i].page;

		if (bio->error)
			set_page_error(page);
		if (!last_piece(page))
			continue;
		if (!page_error(page))
			set_page_uptodate(page);
		unlock_page(page);
	}
	bio_free(bio);
}

static void read_one(struct pages_io *io, struct page *page)
{
	struct segment seg[MAX_SEGMENTS];
	unsigned bytes = bytes_of(io->m, page->index), end = ALIGN_UP(bytes, 1U << bits_of(io->m));
	int n;

	clear_page_error(page);
	if (end < PAGE_SIZE)
		zero_page_range(page, end, PAGE_SIZE);
	n = segments(io, page, bytes, seg);
	if (n <= 0) {
		if (!n)
			set_page_uptodate(page);
		unlock_page(page);
		return;
	}
	count_pieces(page, n);
	for (int i = 0; i < n; i++)
		io_add(io, page, &seg[i]);
}

void blocks_read_pages(struct file *file, struct address_space *m, struct page **pages, unsigned n)
{
	struct pages_io io = { .m = m, .op = BIO_READ, .end = read_ended };
	struct plug plug;

	plug_begin(&plug);
	for (unsigned i = 0; i < n; i++) {
		io.expect = n - i;
		read_one(&io, pages[i]);
	}
	io_submit(&io);
	plug_end(&plug);
}

int blocks_read_page(struct file *file, struct page *page)
{
	blocks_read_pages(file, page->mapping, &page, 1);
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------------------- */
static void write_finish(struct bio *bio)
{
	for (unsigned i = 0; i < bio->nr; i++) {
		struct page *page = bio->piece[i].page;

		if (bio->error)
			set_page_error(page);
		if (last_piece(page))
			finish_page_writeback(page, bio->error ? bio->error : page_error(page) ? -EIO : 0);
	}
	bio_free(bio);
}
static void write_ended(struct bio *bio) { blockd_add(bio, write_finish); }

/* page is locked and clean. Its segments go out, if there are any; unlocks it. */
static void write_segments(struct pages_io *io, struct page *page, const struct segment *seg, int n)
{
	clear_page_error(page);
	start_page_writeback(page);
	if (n > 0)
		count_pieces(page, n);
	for (int i = 0; i < n; i++)
		io_add(io, page, &seg[i]);
	unlock_page(page);
	if (n <= 0)
		finish_page_writeback(page, n);
}

static int write_one(struct pages_io *io, struct page *page)
{
	struct segment seg[MAX_SEGMENTS];
	unsigned bytes = bytes_of(io->m, page->index);
	int n = 0;

	if (bytes && bytes < PAGE_SIZE)
		zero_page_range(page, bytes, PAGE_SIZE);
	if (bytes)
		n = segments(io, page, bytes, seg);
	write_segments(io, page, seg, n);
	return n < 0 ? n : 0;
}

int blocks_write_pages(struct address_space *m, struct page **pages, unsigned n, struct writeback *wb)
{
	struct pages_io io = { .m = m, .op = BIO_WRITE, .end = write_ended };
	int err = 0, r;

	for (unsigned i = 0; i < n; i++) {
		io.expect = n - i;
		r = write_one(&io, pages[i]);
		err = err ? err : r;
	}
	io_submit(&io);
	return err;
}

/* Runs of dirty sectors. The device may end within its last page. => how many */
static int device_segments(const struct address_space *m, struct page *page, unsigned mask, struct segment *seg)
{
	unsigned last = bytes_of(m, page->index) >> SECTOR_SHIFT, n = 0;

	for (unsigned i = 0; i < last; i++)
		if (mask >> i & 1)
			add_segment(seg, &n, ((sector_t)page->index.n << (PAGE_SHIFT - SECTOR_SHIFT)) + i, i << SECTOR_SHIFT, SECTOR_SIZE);
	return (int)n;
}

int device_write_pages(struct address_space *m, struct page **pages, unsigned n, struct writeback *wb)
{
	struct pages_io io = { .m = m, .op = BIO_WRITE, .end = write_ended };
	struct segment seg[MAX_SEGMENTS];

	for (unsigned i = 0; i < n; i++) {
		io.expect = n - i;
		write_segments(&io, pages[i], seg, device_segments(m, pages[i], device_take_sectors(pages[i]), seg));
	}
	io_submit(&io);
	return 0;
}

/* --- write(2) --------------------------------------------------------------------------------------------------------------------- */
/* The whole page will be overwritten, or what is not lies behind the file's end: nothing to read. */
static bool covers(struct address_space *m, loff_t pos, unsigned len)
{
	unsigned off = (unsigned)pos & (PAGE_SIZE - 1);

	return !off && (len == PAGE_SIZE || pos + len >= cache_fs_ops->size(m));
}

int blocks_write_begin(struct file *file, struct address_space *m, loff_t pos, unsigned len, struct page **out)
{
	pindex_t index = pindex_at(pos);
	struct page *page;

	for (;;) {
		page = find_or_make_page(m, index, GFP_HIGHUSER);
		if (IS_ERR(page))
			return PTR_ERR(page);
		if (page_uptodate(page) || covers(m, pos, len))
			break;
		unlock_page(page);
		put_page(page);
		page = read_cache_page(m, file, index);
		if (IS_ERR(page))
			return PTR_ERR(page);
		lock_page(page);
		if (page->mapping == m && page_uptodate(page))
			break;
		unlock_page(page);
		put_page(page);
	}
	*out = page;
	return 0;
}

/* Blocks for [from, to) of page. => 0, or -errno and *got: the first byte that has none */
static int allocate(struct address_space *m, struct page *page, unsigned from, unsigned to, unsigned *got)
{
	unsigned bits = bits_of(m);
	u64 first = (u64)page->index.n << (PAGE_SHIFT - bits);
	u32 b = from >> bits, end = (to + (1U << bits) - 1) >> bits;

	while (b < end) {
		struct block_run run = { 0 };
		int err = m->ops->map_blocks(m, first + b, end - b, true, &run);

		*got = b << bits;
		if (err)
			return err;
		b += min(run.nr, end - b);
	}
	*got = to;
	return 0;
}

/* A block that could not be had was a hole, and is one again. */
int blocks_write_end(struct address_space *m, loff_t pos, unsigned len, unsigned copied, struct page *page)
{
	unsigned from = (unsigned)pos & (PAGE_SIZE - 1), to = from + copied, got;
	int err;

	if (!copied || (!page_uptodate(page) && copied < len))
		return 0; /* the rest of it is neither here nor read */
	err = allocate(m, page, from, to, &got);
	if (err) {
		got = max(got, from);
		zero_page_range(page, got, min(to, ALIGN_UP(got + 1, 1U << bits_of(m))));
	}
	if (!page_uptodate(page)) {
		if (to < PAGE_SIZE)
			zero_page_range(page, to, PAGE_SIZE);
		set_page_uptodate(page);
	}
	mark_page_dirty(page);
	return got > from ? (int)(got - from) : err;
}

int blocks_page_mkwrite(struct file *file, struct page *page)
{
	struct address_space *m = page->mapping;
	unsigned bytes = bytes_of(m, page->index), got = 0;
	int err = bytes ? allocate(m, page, 0, bytes, &got) : -EFAULT;

	if (got)
		mark_page_dirty(page);
	return err;
}
