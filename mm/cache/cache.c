/* SPDX-License-Identifier: MIT
 *
 * The page cache: which page holds page `index` of a file.
 *
 * Life of a page here: allocated locked and not uptodate (find_or_make_page), entered into the tree, which holds one
 * reference, and put on its zone's LRU list; filled by its file system, uptodate, unlocked; found, mapped, dirtied,
 * written; removed under its lock by truncation (or, later, by reclaim): mapping becomes NULL, the tree's reference goes.
 *
 * A lookup takes no lock: under RCU it finds the page, takes a reference unless there is none left to share, and looks
 * whether the page is still that page of that file. Whoever must be sure that it stays so locks it and looks again.
 *
 * Locks: page lock > mapping->tree_lock > zone->lock. The tree is written under tree_lock, page->mapping and index under
 * both. mark_page_dirty runs under page-table locks: tree_lock is a leaf that nobody sleeps under.
 * Cannot: hold anything but pages in the tree (swap entries of tmpfs come with reclaim).
 */
#include "kernel/lib/errseq.h"
#include "mm/cache/internal.h"

const struct cache_ops *cache_ops;

enum cache_stat { STAT_FILE, STAT_SHMEM, STAT_DIRTY, STAT_WRITEBACK, NR_CACHE_STATS };
static DEFINE_PER_CPU(s32, cache_stat[NR_CACHE_STATS]);

static void count(enum cache_stat s, int n) { this_cpu_add(cache_stat[s], n); }

static unsigned long sum(enum cache_stat s)
{
	long n = 0;

	for_each_online_cpu(cpu)
		n += per_cpu(cache_stat, cpu)[s];
	return n > 0 ? n : 0;
}

unsigned long cache_pages(void) { return sum(STAT_FILE); }
unsigned long shmem_pages(void) { return sum(STAT_SHMEM); }
unsigned long dirty_pages(void) { return sum(STAT_DIRTY); }
unsigned long writeback_pages(void) { return sum(STAT_WRITEBACK); }

static inline bool swapbacked(const struct address_space *m) { return m->flags & MAPPING_SWAPBACKED; }

void mapping_init(struct address_space *m, struct inode *host, const struct mapping_ops *ops, u32 flags)
{
	m->host = host;
	m->ops = ops;
	m->flags = flags;
	spin_lock_init(&m->tree_lock, "mapping tree");
	radix_init(&m->pages);
	m->nr_pages = 0;
	rwsem_init(&m->map_lock, "mapping vmas");
	m->vmas = RB_ROOT_CACHED;
	list_init(&m->vma_list);
	list_init(&m->nonlinear);
	m->nr_writable = 0;
	m->truncate_count = 0;
	m->wb_err = 0;
}

/* The inode is gone: nothing maps the file, and its pages were truncated. */
void mapping_free(struct address_space *m)
{
	BUG_ON(m->nr_pages || !radix_empty(&m->pages));
	ASSERT(rb_empty_root(&m->vmas.root) && list_empty(&m->vma_list));
}

/* --- lookups ------------------------------------------------------------------------------------------------------- */
struct page *find_page(struct address_space *m, pgoff_t index)
{
	struct page *page;

	rcu_read_lock();
	for (;;) {
		page = radix_lookup(&m->pages, index);
		if (!page)
			break;
		if (unlikely(!try_get_page(page)))
			continue; /* on its way out of the tree */
		if (likely(page->mapping == m && page->index == index))
			break;
		put_page(page);
	}
	rcu_read_unlock();
	return page;
}

struct page *find_lock_page(struct address_space *m, pgoff_t index)
{
	struct page *page;

	while ((page = find_page(m, index)) != NULL) {
		lock_page(page);
		if (likely(page->mapping == m))
			break;
		unlock_page(page);
		put_page(page);
	}
	return page;
}

/* Keep those that could be had. => how many */
static unsigned take_references(struct address_space *m, struct page **pages, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		struct page *page = pages[i];

		if (unlikely(!try_get_page(page)))
			continue;
		if (likely(page->mapping == m))
			pages[kept++] = page;
		else
			put_page(page);
	}
	return kept;
}

unsigned find_pages(struct address_space *m, pgoff_t *index, pgoff_t end, struct page **pages, unsigned n)
{
	unsigned found, kept = 0;

	rcu_read_lock();
	do {
		found = radix_gang(&m->pages, index, end, (void **)pages, n);
		kept = take_references(m, pages, found);
	} while (found && !kept);
	rcu_read_unlock();
	return kept;
}

/* --- entering and leaving the tree ------------------------------------------------------------------------------------ */
static int insert(struct address_space *m, struct page *page, pgoff_t index)
{
	struct radix_spare spare = RADIX_SPARE;
	int err;

	do {
		spin_lock(&m->tree_lock);
		err = radix_insert(&m->pages, index, page, &spare);
		if (!err)
			m->nr_pages++;
		spin_unlock(&m->tree_lock);
	} while (err == -ENOMEM && !radix_refill(&spare, GFP_KERNEL));
	radix_spare_free(&spare);
	return err;
}

/* => page is locked and on no list; one reference more if it succeeds. Sleeps. */
int add_to_cache(struct address_space *m, struct page *page, pgoff_t index)
{
	int err;

	ASSERT(page_locked(page) && !page->mapping);
	get_page(page);
	page->index = index;
	page->mapping = m;
	if (swapbacked(m))
		set_page_swapbacked(page);
	err = insert(m, page, index);
	if (err) {
		page->mapping = NULL;
		put_page(page);
		return err;
	}
	count(STAT_FILE, 1);
	if (swapbacked(m))
		count(STAT_SHMEM, 1);
	if (!(m->flags & MAPPING_UNEVICTABLE))
		lru_add(page);
	return 0;
}

static void forget_dirty(struct page *page)
{
	if (test_clear_page_dirty(page) && !swapbacked(page->mapping))
		count(STAT_DIRTY, -1);
}

/* => page is locked, not mapped, not under write-back; the caller has a reference of its own. What was dirty is lost. */
void remove_from_cache(struct page *page)
{
	struct address_space *m = page->mapping;

	ASSERT(page_locked(page) && m && !page_anon(page) && !page_writeback(page));
	forget_dirty(page);
	spin_lock(&m->tree_lock);
	radix_delete(&m->pages, page->index);
	page->mapping = NULL;
	m->nr_pages--;
	spin_unlock(&m->tree_lock);
	count(STAT_FILE, -1);
	if (swapbacked(m))
		count(STAT_SHMEM, -1);
	if (m->ops && m->ops->page_removed)
		m->ops->page_removed(m, page);
	put_page(page);
}

/* --- making pages ----------------------------------------------------------------------------------------------------- */
/* A new page enters the tree. => locked, with a reference; -EEXIST: somebody was faster */
static struct page *make_page(struct address_space *m, pgoff_t index, gfp_t gfp)
{
	struct page *page = alloc_page(m->flags & MAPPING_LOWMEM ? gfp & ~__GFP_HIGHMEM : gfp);
	bool hooks = m->ops && m->ops->page_adding;
	int err = 0;

	if (!page)
		return ERR_PTR(-ENOMEM);
	set_page_locked(page);
	if (hooks)
		err = m->ops->page_adding(m, index);
	if (err)
		goto fail;
	err = add_to_cache(m, page, index);
	if (!err)
		return page;
	if (hooks && m->ops->page_removed)
		m->ops->page_removed(m, page);
fail:
	clear_page_locked(page);
	put_page(page);
	return ERR_PTR(err);
}

struct page *find_or_make_page(struct address_space *m, pgoff_t index, gfp_t gfp)
{
	struct page *page;

	do {
		page = find_lock_page(m, index);
		if (!page)
			page = make_page(m, index, gfp);
	} while (IS_ERR(page) && PTR_ERR(page) == -EEXIST);
	return page;
}

/* page is locked, not uptodate, with a reference. => 0: uptodate, unlocked; -EAGAIN: it was truncated meanwhile */
static int fill_page(struct address_space *m, struct file *file, struct page *page)
{
	int err;

	if (!m->ops || !m->ops->read_page) {
		clear_page(page);
		set_page_uptodate(page);
		unlock_page(page);
		return 0;
	}
	clear_page_error(page);
	err = m->ops->read_page(file, page);
	if (err)
		return err;
	wait_on_page_locked(page);
	if (page_uptodate(page))
		return 0;
	return page->mapping == m ? -EIO : -EAGAIN;
}

struct page *read_cache_page(struct address_space *m, struct file *file, pgoff_t index)
{
	struct page *page = find_page(m, index);
	int err;

	if (page && page_uptodate(page))
		return page;
	if (page)
		put_page(page);
	do {
		page = find_or_make_page(m, index, GFP_HIGHUSER);
		if (IS_ERR(page))
			return page;
		if (page_uptodate(page)) {
			unlock_page(page);
			return page;
		}
		err = fill_page(m, file, page);
		if (!err)
			return page;
		put_page(page);
	} while (err == -EAGAIN);
	return ERR_PTR(err);
}

/* --- dirty, accessed ---------------------------------------------------------------------------------------------------- */
static void tag_page(struct page *page, unsigned tag, bool on)
{
	struct address_space *m = READ_ONCE(page->mapping);

	if (!m || page_anon(page) || swapbacked(m))
		return;
	spin_lock(&m->tree_lock);
	if (page->mapping == m && on)
		radix_tag_set(&m->pages, page->index, tag);
	else if (page->mapping == m)
		radix_tag_clear(&m->pages, page->index, tag);
	spin_unlock(&m->tree_lock);
}

void mark_page_dirty(struct page *page)
{
	struct address_space *m;

	if (page_dirty(page) || test_set_page_dirty(page))
		return;
	m = page_mapping(page);
	if (!m || swapbacked(m))
		return;
	count(STAT_DIRTY, 1);
	tag_page(page, TAG_DIRTY, true);
	if (m->ops && m->ops->set_dirty)
		m->ops->set_dirty(page);
}

bool clear_page_dirty_for_io(struct page *page)
{
	ASSERT(page_locked(page));
	if (!test_clear_page_dirty(page))
		return false;
	if (!swapbacked(page->mapping))
		count(STAT_DIRTY, -1);
	return true;
}

void start_page_writeback(struct page *page)
{
	ASSERT(page_locked(page) && !page_writeback(page));
	set_page_writeback(page);
	count(STAT_WRITEBACK, 1);
	tag_page(page, TAG_WRITEBACK, true);
	if (!page_dirty(page))
		tag_page(page, TAG_DIRTY, false);
}

/* Not from an interrupt handler: completions run in threads. */
void finish_page_writeback(struct page *page, int err)
{
	struct address_space *m = page_mapping(page);

	ASSERT(!in_irq());
	if (err && m)
		errseq_set(&m->wb_err, err);
	if (err)
		set_page_error(page);
	tag_page(page, TAG_WRITEBACK, false);
	count(STAT_WRITEBACK, -1);
	end_page_writeback(page);
}

/* The second time that an inactive page is used it becomes active. */
void mark_page_accessed(struct page *page)
{
	if (!page_referenced(page)) {
		set_page_referenced(page);
	} else if (!page_active(page) && page_lru(page)) {
		lru_activate(page);
		clear_page_referenced(page);
	}
}
