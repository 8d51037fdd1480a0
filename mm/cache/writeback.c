/* SPDX-License-Identifier: MIT
 *
 * Writing a file's dirty pages out, in order, many at a time.
 *
 * Pages are found by their tag, upwards; each is locked, seen to be dirty still, cleaned (write-protected), and handed to
 * the file system with its neighbours, which makes large requests of them; a plug keeps the requests of one pass
 * together, so that the queue merges those too.
 *
 * Who holds page locks of a batch never sleeps for another one: what is busy is passed by, or, if somebody waits for
 * the data, the batch is sent off first. One pass visits each index at most once, upwards, so it ends however fast the
 * file is dirtied.
 *
 * Everything here runs in a NOFS scope: an allocation must not come back to write-out. Locks: page locks.
 */
#include "kernel/sched/sched.h"
#include "mm/cache/flusher.h"
#include "mm/cache/internal.h"

#define WRITE_BATCH 64

struct batch { struct address_space *m; struct writeback *wb; unsigned n; struct page *page[WRITE_BATCH]; };

/* The pages to be written are locked, and clean as far as the reverse map knows. Nonlinear areas are in none. */
static void clean_nonlinear(struct address_space *m)
{
	if (unlikely(!list_empty(&m->nonlinear)))
		cache_ops->clean_nonlinear(m);
}

static void send_batch(struct batch *b)
{
	unsigned n = b->n;
	int err;

	if (!n)
		return;
	b->n = 0;
	b->wb->left -= n;
	b->wb->written += n;
	clean_nonlinear(b->m);
	err = b->m->ops->write_pages(b->m, b->page, n, b->wb);
	if (err && !b->wb->err)
		b->wb->err = err;
}

/* => locked; false: busy, and nobody waits for it */
static bool lock_for_write(struct batch *b, struct page *page)
{
	if (trylock_page(page))
		return true;
	if (!b->wb->sync)
		return false;
	send_batch(b);
	plug_flush();
	lock_page(page);
	return true;
}

/* The flag has gone without a write-out: so shall the tag. */
static void untag(struct address_space *m, struct page *page)
{
	spin_lock(&m->tree_lock);
	if (!page_dirty(page))
		radix_tag_clear(&m->pages, page->index.n, TAG_DIRTY);
	spin_unlock(&m->tree_lock);
}

/* page has a reference of ours. It goes into the batch, or stays as it is. */
static void take_one(struct batch *b, struct page *page)
{
	if (!lock_for_write(b, page))
		return;
	if (page->mapping != b->m)
		goto out;
	if (page_writeback(page)) {
		if (!b->wb->sync)
			goto out;
		send_batch(b);
		plug_flush();
		wait_on_page_writeback(page);
	}
	if (!clear_page_dirty_for_io(page)) {
		untag(b->m, page);
		goto out;
	}
	b->page[b->n++] = page; /* locked and in the tree: it stays */
	if (b->n == WRITE_BATCH)
		send_batch(b);
	return;
out:
	unlock_page(page);
}

/* [first, last] of wb. => where it stopped: last + 1 if it came to the end */
static pindex_t write_pass(struct batch *b, pindex_t index, pindex_t last)
{
	struct page *found[CACHE_BATCH];
	unsigned n;

	while (index.n <= last.n && b->wb->left > (long)b->n && !b->wb->err) {
		n = find_pages_tag(b->m, &index, last, found, CACHE_BATCH, TAG_DIRTY);
		if (!n) {
			index.n = last.n + 1;
			break;
		}
		for (unsigned i = 0; i < n; i++)
			take_one(b, found[i]);
		put_pages(found, n);
		if (!index.n) /* behind the largest index */
			break;
		if (b->n == 0)
			cond_resched();
	}
	send_batch(b);
	return index;
}

long write_mapping(struct address_space *m, struct writeback *wb)
{
	struct batch b = { .m = m, .wb = wb };
	struct plug plug;
	u32 scope;

	if (!m->ops || !m->ops->write_pages || !radix_tagged(&m->pages, TAG_DIRTY))
		return 0;
	scope = gfp_scope_begin(__GFP_FS);
	plug_begin(&plug);
	wb->first = write_pass(&b, wb->first, wb->last);
	plug_end(&plug);
	gfp_scope_end(scope);
	return wb->written;
}

static bool page_range(loff_t first, loff_t last, pindex_t *from, pindex_t *to)
{
	const loff_t max = pindex_pos(PINDEX_MAX) + PAGE_SIZE - 1;

	*from = pindex_at(first);
	*to = pindex_at(min(last, max));
	return first >= 0 && first <= last && first <= max;
}

int write_range(struct address_space *m, loff_t first, loff_t last, bool sync)
{
	struct writeback wb = { .sync = sync, .left = LONG_MAX };

	if (!page_range(first, last, &wb.first, &wb.last))
		return 0;
	write_mapping(m, &wb);
	return wb.err;
}

void wait_range(struct address_space *m, loff_t first, loff_t last)
{
	struct page *pages[CACHE_BATCH];
	pindex_t index, end;
	unsigned n;

	if (!page_range(first, last, &index, &end))
		return;
	while (index.n <= end.n && (n = find_pages_tag(m, &index, end, pages, CACHE_BATCH, TAG_WRITEBACK)) != 0) {
		for (unsigned i = 0; i < n; i++)
			wait_on_page_writeback(pages[i]);
		put_pages(pages, n);
		if (!index.n)
			break;
		cond_resched();
	}
}

int write_and_wait_range(struct address_space *m, loff_t first, loff_t last)
{
	int err, before;

	if (!m->backing || !READ_ONCE(m->nr_pages))
		return 0;
	before = atomic_read(&m->backing->errors);
	err = write_range(m, first, last, true);
	wait_range(m, first, last);
	return !err && atomic_read(&m->backing->errors) != before ? -EIO : err;
}

/* => 0: started, or there was nothing to write; -EBUSY, -errno of the file system. Unlocked in any case */
int write_one_page(struct page *page)
{
	struct address_space *m = page->mapping;
	struct writeback wb = { .left = 1 };

	ASSERT(page_locked(page) && m && !page_anon(page));
	if (page_writeback(page) || !m->ops || !m->ops->write_pages || !clear_page_dirty_for_io(page)) {
		unlock_page(page);
		return -EBUSY;
	}
	clean_nonlinear(m);
	return m->ops->write_pages(m, &page, 1, &wb);
}
