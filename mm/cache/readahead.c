/* SPDX-License-Identifier: MIT
 *
 * Read-ahead: pages are read before they are asked for, where it looks as if they will be.
 *
 * Each open file has a window [ra_start, ra_start + ra_size), the part of the file that was last asked of the disk for
 * it, and ra_next, the page behind the one it read last. The last ra_async pages of a window are its reserve: the first
 * of them carries PG_readahead, and whoever comes to that page starts the next, larger window, while the reserve is
 * still to be read:
 *
 *	        |--- read already ---|--- reserve ---|
 *	window  ra_start             ^ marker        ra_start + ra_size = the next window's start
 *
 * A miss begins a new window if it continues where the file was read last, or at the file's beginning, or behind pages
 * that are cached (another reader of the same stream; several streams through one descriptor); else only what was
 * asked for is read. A window begins at four times what was asked for and doubles up to ra_pages.
 *
 * A fault on a mapping reads around itself, so that the pages before it come too, unless madvise said otherwise.
 *
 * The window belongs to the file without a lock: two readers may spoil it, which costs a read too much or too little.
 * Pages are added locked; whoever needs one waits for its lock. Truncation: read-ahead looks at the size before it adds
 * pages; what is added behind a new end just then is read as zeroes, and the truncation, which sets the size first and
 * removes pages after it, or the next one, takes it out.
 */
#include "kernel/sched/sched.h"
#include "mm/cache/internal.h"
#include "mm/cache/readahead.h"

#define BATCH 64u
#define NO_MARKER PINDEX_MAX

/* --- pages, from start on -------------------------------------------------------------------------------------------------- */
static void read_batch(struct address_space *m, struct file *f, struct page **pages, unsigned n)
{
	if (!n)
		return;
	if (m->ops->read_pages) {
		m->ops->read_pages(f, m, pages, n);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		(void)m->ops->read_page(f, pages[i]); /* unlocks it, one way or the other */
}

static bool is_cached(struct address_space *m, pindex_t index)
{
	bool there;

	rcu_read_lock();
	there = radix_lookup(&m->pages, index.n) != NULL;
	rcu_read_unlock();
	return there;
}

/* => a new page, locked and in the tree, which has the only lasting reference; NULL: none */
static struct page *add_page(struct address_space *m, pindex_t index)
{
	struct page *page = alloc_page(GFP_HIGHUSER | __GFP_NORETRY | __GFP_NOWARN);

	if (!page)
		return NULL;
	set_page_locked(page);
	if (add_to_cache(m, page, index)) {
		unlock_page(page); /* as in make_page */
		put_page(page);
		return NULL;
	}
	put_page(page);
	return page;
}

/* Starts to read what is missing of n pages from start on, below the file's end. => how many were asked for */
static unsigned read_range(struct address_space *m, struct file *f, pindex_t start, unsigned n, pindex_t marker)
{
	loff_t size = cache_fs_ops->size(m);
	pindex_t last = pindex_at(size - 1);
	struct page *pages[BATCH];
	unsigned got = 0, all = 0;
	struct plug plug;

	if (!size || start.n > last.n || !m->ops || !m->ops->read_page)
		return 0;
	n = min_t(unsigned long, n, last.n - start.n + 1);
	plug_begin(&plug);
	for (pindex_t i = start; n--; i.n++) {
		struct page *page = is_cached(m, i) ? NULL : add_page(m, i);

		if (!page || got == BATCH) {
			read_batch(m, f, pages, got);
			got = 0;
		}
		if (!page)
			continue;
		if (i.n == marker.n)
			set_page_readahead(page);
		pages[got++] = page;
		all++;
	}
	read_batch(m, f, pages, got);
	plug_end(&plug);
	return all;
}

unsigned read_ahead_range(struct address_space *m, struct file *f, pindex_t start, pindex_t last)
{
	unsigned all = 0;

	while (start.n <= last.n && !signal_pending_state(TASK_KILLABLE)) {
		unsigned n = (unsigned)min_t(unsigned long, last.n - start.n + 1, RA_MAX);

		all += read_range(m, f, start, n, NO_MARKER);
		start.n += n;
		if (!start.n)
			break;
		cond_resched();
	}
	return all;
}

/* --- the window ------------------------------------------------------------------------------------------------------------- */
static unsigned max_window(const struct file *f) { return f->ra_pages ? f->ra_pages : RA_DEFAULT; }

static void submit_window(struct address_space *m, struct file *f)
{
	pindex_t reserve = { f->ra_start.n + f->ra_size - f->ra_async };

	read_range(m, f, f->ra_start, f->ra_size, f->ra_async ? reserve : NO_MARKER);
}

static unsigned pow2_up(unsigned n)
{
	unsigned p = 1;

	while (p < n)
		p <<= 1;
	return p;
}

/* How many pages right before index are cached, up to most. */
static unsigned run_before(struct address_space *m, pindex_t index, unsigned most)
{
	unsigned n = 0;

	while (n < most && n < index.n && is_cached(m, (pindex_t){ index.n - n - 1 }))
		n++;
	return n;
}

static void new_window(struct file *f, pindex_t index, unsigned want)
{
	unsigned most = max_window(f), size = min(pow2_up(want) * 4, most);

	f->ra_start = index;
	f->ra_size = (u16)max(size, min(want, most));
	f->ra_async = (u16)(f->ra_size > want ? f->ra_size - want : f->ra_size);
}

static bool sequential(const struct file *f, pindex_t index)
{
	return !index.n || index.n == f->ra_next.n || index.n + 1 == f->ra_next.n;
}

void read_ahead_miss(struct address_space *m, struct file *f, pindex_t index, unsigned want)
{
	unsigned most = max_window(f), before;

	want = clamp(want, 1U, (unsigned)RA_MAX);
	if (f->mode & FMODE_RANDOM) {
		read_range(m, f, index, want, NO_MARKER);
		return;
	}
	if (!sequential(f, index) && want <= most) {
		before = run_before(m, index, most);
		if (before <= want) {
			read_range(m, f, index, want, NO_MARKER);
			return;
		}
	}
	new_window(f, index, want);
	submit_window(m, f);
}

void read_ahead_marker(struct address_space *m, struct file *f, struct page *page, unsigned want)
{
	unsigned most = max_window(f);
	pindex_t index = page->index, start = { index.n + 1 };

	clear_page_readahead(page);
	if (f->mode & FMODE_RANDOM)
		return;
	if (index.n == f->ra_start.n + f->ra_size - f->ra_async) {
		f->ra_start.n += f->ra_size;
		f->ra_size = (u16)min(f->ra_size * 2U, most);
	} else { /* somebody else's marker: the stream is cached up to the next hole */
		while (start.n - index.n < most && is_cached(m, start))
			start.n++;
		if (start.n - index.n >= most)
			return;
		f->ra_start = start;
		f->ra_size = (u16)min(max(pow2_up((unsigned)(start.n - index.n)), want) * 2, most);
	}
	f->ra_async = f->ra_size;
	submit_window(m, f);
}

/* --- mappings ------------------------------------------------------------------------------------------------------------------ */
void read_ahead_fault(struct address_space *m, struct file *f, pindex_t index, enum ra_advice advice)
{
	unsigned most = max_window(f), half = most / 8;

	if (advice == RA_RANDOM || f->mode & FMODE_RANDOM) {
		read_range(m, f, index, 1, NO_MARKER);
		return;
	}
	if (advice == RA_SEQUENTIAL || index.n == f->ra_next.n) {
		read_ahead_miss(m, f, index, 1);
		f->ra_next.n = index.n + 1;
		return;
	}
	f->ra_start.n = index.n > half ? index.n - half : 0;
	f->ra_size = (u16)(half * 4);
	f->ra_async = (u16)half;
	f->ra_next.n = index.n + 1;
	submit_window(m, f);
}
