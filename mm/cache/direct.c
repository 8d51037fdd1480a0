/* SPDX-License-Identifier: MIT
 *
 * O_DIRECT: between the disk and a program's own pages, past the cache.
 *
 * Coherent with the cache because the caller (kernel/fs/direct.c) wrote out and dropped what the cache had of the range,
 * and drops again after a write. All bios of one call are waited for together.
 *
 * A hole within the file is not filled here: between its allocation and the end of the write, a fault would read what the
 * block held before. Behind the end nobody looks until the size has moved.
 */
#include "kernel/sched/sched.h"
#include "mm/cache/blocks.h"
#include "mm/cache/internal.h"

struct direct {
	struct address_space *m;
	enum bio_op op;
	struct bio *bio;
	sector_t next;        /* where bio ends */
	atomic_t left;
	int error;
	struct completion done;
};

static void put_part(struct direct *d)
{
	if (atomic_dec_and_test(&d->left))
		complete(&d->done);
}

static void direct_ended(struct bio *bio)
{
	struct direct *d = bio->private;

	if (bio->error)
		WRITE_ONCE(d->error, bio->error);
	bio_free(bio);
	put_part(d);
}

static void submit(struct direct *d)
{
	struct bio *bio = d->bio;

	d->bio = NULL;
	if (!bio)
		return;
	atomic_inc(&d->left);
	bio_submit(bio);
}

static void add(struct direct *d, sector_t sector, const struct block_vec *v, unsigned skip, unsigned bytes)
{
	if (d->bio && (sector != d->next || !bio_add(d->bio, v->page, v->offset + skip, bytes)))
		submit(d);
	if (!d->bio) {
		d->bio = bio_alloc(d->m->backing->dev, d->op, sector, BIO_MAX);
		d->bio->private = d;
		d->bio->end = direct_ended;
		bio_add(d->bio, v->page, v->offset + skip, bytes);
	}
	d->next = sector + (bytes >> SECTOR_SHIFT);
}

/* A block that was found allocated may be so new that its bytes are only in the cache: its page is locked until it is dirty,
 * and dirty or under write-back until the disk has it. => none of [pos, pos + n) is */
static void settle(struct address_space *m, loff_t pos, unsigned n)
{
	pindex_t index = pindex_at(pos), last = pindex_at(pos + n - 1);
	struct page *page;

	while (READ_ONCE(m->nr_pages) && index.n <= last.n && find_pages(m, &index, last, &page, 1)) {
		lock_page(page);
		wait_on_page_writeback(page);
		if (page->mapping == m && page_dirty(page))
			(void)write_one_page(page);
		else
			unlock_page(page);
		wait_on_page_writeback(page);
		put_page(page);
	}
}

static bool may_allocate(const struct direct *d, loff_t pos)
{
	return d->op == BIO_WRITE && pos >= ALIGN_UP(cache_fs_ops->size(d->m), (loff_t)1 << d->m->backing->block_bits);
}

/* One piece, in as many runs as it takes. => 0 or -errno; *pos moves on */
static int do_piece(struct direct *d, loff_t *pos, const struct block_vec *v)
{
	unsigned bits = d->m->backing->block_bits, done = 0;

	while (done < v->bytes) {
		u64 block = (u64)(*pos >> bits);
		unsigned inside = (unsigned)*pos & ((1U << bits) - 1), n;
		struct block_run run = { 0 };
		int err;

		submit(d); /* no bio is held back while blocks are looked up */
		err = d->m->ops->map_blocks(d->m, block, ((inside + v->bytes - done - 1) >> bits) + 1, may_allocate(d, *pos), &run);
		if (!err && run.hole && d->op == BIO_WRITE)
			err = -ENOTBLK;
		if (err)
			return err;
		n = (unsigned)min((u64)(v->bytes - done), ((u64)run.nr << bits) - inside);
		if (run.hole) {
			zero_page_range(v->page, v->offset + done, v->offset + done + n);
		} else {
			if (d->op == BIO_READ)
				settle(d->m, *pos, n);
			add(d, ((sector_t)run.block << (bits - SECTOR_SHIFT)) + (inside >> SECTOR_SHIFT), v, done, n);
		}
		done += n;
		*pos += n;
	}
	return 0;
}

ssize_t blocks_direct(struct address_space *m, enum bio_op op, loff_t pos, struct block_vec *vec, unsigned n)
{
	struct direct d = { .m = m, .op = op, .left = ATOMIC_INIT(1) };
	loff_t start = pos;
	struct plug plug;
	int err = 0;

	init_completion(&d.done);
	plug_begin(&plug);
	for (unsigned i = 0; i < n && !err; i++)
		err = do_piece(&d, &pos, &vec[i]);
	submit(&d);
	plug_end(&plug);
	put_part(&d);
	wait_for_completion(&d.done);
	if (d.error)
		return d.error;
	return pos > start ? (ssize_t)(pos - start) : err;
}
