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
 * Values (bit 1 set) may stand in the tree of a tmpfs file in the place of pages that were swapped out: lookups of pages
 * pass them by; making a page brings it back first.
 */
#include "kernel/sched/sched.h"
#include "mm/cache/internal.h"

const struct cache_ops *cache_ops;
const struct cache_fs_ops *cache_fs_ops;

DEFINE_PER_CPU(s32, cache_stat[NR_CACHE_STATS]);

static unsigned long sum(enum cache_stat s)
{
	long n = 0;

	for_each_online_cpu(cpu)
		n += per_cpu(cache_stat, cpu)[s];
	return n > 0 ? n : 0;
}

unsigned long cache_pages(void) { return sum(STAT_FILE); }
unsigned long shmem_pages(void) { return sum(STAT_SHMEM); }
unsigned long device_pages(void) { return sum(STAT_DEVICE); }

void mapping_init(struct address_space *m, struct inode *host, const struct mapping_ops *ops, u32 flags)
{
	m->host = host;
	m->ops = ops;
	m->flags = flags;
	spin_lock_init(&m->tree_lock, "mapping tree");
	radix_init(&m->pages);
	m->nr_pages = 0;
	m->nr_values = 0;
	rwsem_init(&m->map_lock, "mapping vmas");
	m->vmas = RB_ROOT_CACHED;
	list_init(&m->vma_list);
	list_init(&m->nonlinear);
	m->nr_writable = 0;
	m->truncate_count = 0;
	atomic_set(&m->nonlinear_writes, 0);
	m->nonlinear_cleaned = 0;
	m->wb_err = 0;
	m->backing = NULL;
	list_init(&m->dirty_node);
	m->dirtied = 0;
	m->wb_next.n = 0;
}

/* The inode is gone: nothing maps the file, and its pages were truncated. Who took the last one out to free memory had the page only, and may
 * not have let go of the tree yet; after that he is in an RCU section, which the inode outlives. */
void mapping_free(struct address_space *m)
{
	if (unlikely(READ_ONCE(m->nr_pages))) {
		spin_lock(&m->tree_lock);
		spin_unlock(&m->tree_lock);
	}
	BUG_ON(m->nr_pages || m->nr_values || !radix_empty(&m->pages));
	ASSERT(rb_empty_root(&m->vmas.root) && list_empty(&m->vma_list) && list_empty(&m->nonlinear));
}

/* --- lookups ------------------------------------------------------------------------------------------------------- */
struct page *find_page(struct address_space *m, pindex_t index)
{
	struct page *page;

	rcu_read_lock();
	for (;;) {
		page = radix_lookup(&m->pages, index.n);
		if (!page)
			break;
		if (unlikely(is_value(page))) {
			page = NULL;
			break;
		}
		if (unlikely(!try_get_page(page)))
			continue; /* on its way out of the tree */
		if (likely(page->mapping == m && page->index.n == index.n))
			break;
		put_page(page);
	}
	rcu_read_unlock();
	return page;
}

void *find_entry(struct address_space *m, pindex_t index)
{
	for (;;) {
		struct page *page = find_page(m, index);
		void *entry;

		if (page)
			return page;
		rcu_read_lock();
		entry = radix_lookup(&m->pages, index.n);
		rcu_read_unlock();
		if (!entry || is_value(entry))
			return entry;
	}
}

bool next_entry(struct address_space *m, pindex_t *index, pindex_t last)
{
	unsigned long from = index->n, at;
	bool found;
	void *item;

	rcu_read_lock();
	found = radix_gang_indices(&m->pages, &from, last.n, &item, &at, 1);
	rcu_read_unlock();
	if (found)
		index->n = at;
	return found;
}

struct page *find_lock_page(struct address_space *m, pindex_t index)
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

		if (unlikely(is_value(page) || !try_get_page(page)))
			continue;
		if (likely(page->mapping == m))
			pages[kept++] = page;
		else
			put_page(page);
	}
	return kept;
}

unsigned find_pages(struct address_space *m, pindex_t *index, pindex_t end, struct page **pages, unsigned n)
{
	unsigned found, kept = 0;

	rcu_read_lock();
	do {
		found = radix_gang(&m->pages, &index->n, end.n, (void **)pages, n);
		kept = take_references(m, pages, found);
	} while (found && !kept && index->n && index->n <= end.n);
	rcu_read_unlock();
	return kept;
}

unsigned find_pages_tag(struct address_space *m, pindex_t *index, pindex_t end, struct page **pages, unsigned n, unsigned tag)
{
	unsigned found, kept = 0;

	if (!radix_tagged(&m->pages, tag))
		return 0;
	rcu_read_lock();
	do {
		found = radix_gang_tag(&m->pages, &index->n, end.n, (void **)pages, n, tag);
		kept = take_references(m, pages, found);
	} while (found && !kept && index->n && index->n <= end.n);
	rcu_read_unlock();
	return kept;
}

/* --- entering and leaving the tree ------------------------------------------------------------------------------------ */
static int insert(struct address_space *m, struct page *page, pindex_t index)
{
	struct radix_spare spare = RADIX_SPARE;
	int err;

	do {
		spin_lock(&m->tree_lock);
		err = radix_insert(&m->pages, index.n, page, &spare);
		if (!err)
			m->nr_pages++;
		spin_unlock(&m->tree_lock);
	} while (err == -ENOMEM && !radix_refill(&spare, GFP_KERNEL));
	radix_spare_free(&spare);
	return err;
}

/* => page is locked and on no list; one reference more if it succeeds. Sleeps. */
int add_to_cache(struct address_space *m, struct page *page, pindex_t index)
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
	count_page(m, 1);
	if (!(m->flags & MAPPING_UNEVICTABLE))
		lru_add(page);
	return 0;
}

/* => page is locked, not mapped, not under write-back; the caller has a reference of its own. What was dirty is lost. */
void remove_from_cache(struct page *page)
{
	struct address_space *m = page->mapping;

	ASSERT(page_locked(page) && m && !page_anon(page) && !page_writeback(page));
	forget_dirty(page);
	spin_lock(&m->tree_lock);
	radix_delete(&m->pages, page->index.n);
	page->mapping = NULL;
	m->nr_pages--;
	spin_unlock(&m->tree_lock);
	count_page(m, -1);
	if (m->ops && m->ops->page_removed)
		m->ops->page_removed(m, page);
	put_page(page);
}

/* Under tree_lock: nobody but the tree, the caller and `others` has a reference, and from now on nobody gets one. A dirtier
 * has one, so what is clean now stays clean. => false: in use */
static bool freeze(struct page *page, int others)
{
	if (atomic_cmpxchg(&page->refcount, 2 + others, 0) != 2 + others)
		return false;
	if (!page_writeback(page) && !page_dirty(page))
		return true;
	atomic_set(&page->refcount, 2 + others);
	return false;
}

bool cache_remove_clean(struct page *page)
{
	struct address_space *m = page->mapping;

	ASSERT(page_locked(page) && m && !page_anon(page));
	if (page_mapped(page) || page_dirty(page))
		return false;
	rcu_read_lock(); /* m, once the page is out of it */
	spin_lock(&m->tree_lock);
	if (!freeze(page, 0)) {
		spin_unlock(&m->tree_lock);
		rcu_read_unlock();
		return false;
	}
	radix_delete(&m->pages, page->index.n);
	page->mapping = NULL;
	m->nr_pages--;
	spin_unlock(&m->tree_lock);
	atomic_set(&page->refcount, 1);
	count_page(m, -1);
	if (m->ops && m->ops->page_removed)
		m->ops->page_removed(m, page);
	rcu_read_unlock();
	return true;
}

bool cache_page_to_value(struct page *page, void *value, int others)
{
	struct address_space *m = page->mapping;

	ASSERT(page_locked(page) && m && swapbacked(m) && is_value(value));
	if (page_mapped(page))
		return false;
	spin_lock(&m->tree_lock);
	if (!freeze(page, others)) {
		spin_unlock(&m->tree_lock);
		return false;
	}
	radix_replace(&m->pages, page->index.n, value);
	page->mapping = NULL;
	m->nr_pages--;
	m->nr_values++;
	spin_unlock(&m->tree_lock);
	count_page(m, -1);
	return true;
}

int cache_value_to_page(struct address_space *m, pindex_t index, void *value, struct page *page)
{
	ASSERT(page_locked(page) && !page->mapping && swapbacked(m));
	spin_lock(&m->tree_lock);
	if (radix_lookup(&m->pages, index.n) != value) {
		spin_unlock(&m->tree_lock);
		return -ENOENT;
	}
	get_page(page);
	page->index = index;
	page->mapping = m;
	set_page_swapbacked(page);
	radix_replace(&m->pages, index.n, page);
	m->nr_pages++;
	m->nr_values--;
	spin_unlock(&m->tree_lock);
	count_page(m, 1); /* swap has put it on its list already; who sees it on none meets it in the scanner's hands, which bring it back */
	return 0;
}

/* Truncation meets a value. Sleeps. */
static void remove_value(struct address_space *m, pindex_t index, void *value)
{
	spin_lock(&m->tree_lock);
	if (radix_lookup(&m->pages, index.n) != value)
		value = NULL;
	else
		radix_delete(&m->pages, index.n);
	if (value)
		m->nr_values--;
	spin_unlock(&m->tree_lock);
	if (!value)
		return;
	if (m->ops->value_gone)
		m->ops->value_gone(m, index, value);
	if (m->ops->page_removed)
		m->ops->page_removed(m, NULL);
}

void remove_values(struct address_space *m, pindex_t first, pindex_t last)
{
	unsigned long indices[CACHE_BATCH];
	void *entries[CACHE_BATCH];
	pindex_t index = first;
	unsigned n;

	while (READ_ONCE(m->nr_values) && index.n >= first.n && index.n <= last.n) { /* 0: the caller looks once more */
		rcu_read_lock();
		n = radix_gang_indices(&m->pages, &index.n, last.n, entries, indices, CACHE_BATCH);
		rcu_read_unlock();
		if (!n)
			break;
		for (unsigned i = 0; i < n; i++)
			if (is_value(entries[i]))
				remove_value(m, (pindex_t){ indices[i] }, entries[i]);
		cond_resched();
	}
}

/* --- making pages ----------------------------------------------------------------------------------------------------- */
/* A new page enters the tree. => locked, with a reference; -EEXIST: somebody was faster */
static struct page *make_page(struct address_space *m, pindex_t index, gfp_t gfp)
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
	unlock_page(page); /* a late lookup, to which the frame was this page before, may wait for it */
	put_page(page);
	return ERR_PTR(err);
}

/* What stood in the way: the page of somebody who was faster, or a value. => page, ERR_PTR(-EEXIST): look again */
static noinline struct page *somebody_there(struct address_space *m, pindex_t index)
{
	void *entry;

	if (!READ_ONCE(m->nr_values))
		return ERR_PTR(-EEXIST);
	rcu_read_lock();
	entry = radix_lookup(&m->pages, index.n);
	rcu_read_unlock();
	if (!entry || !is_value(entry))
		return ERR_PTR(-EEXIST);
	entry = m->ops->bring_back(m, index, entry);
	return entry == ERR_PTR(-EAGAIN) ? ERR_PTR(-EEXIST) : entry;
}

struct page *find_or_make_page(struct address_space *m, pindex_t index, gfp_t gfp)
{
	struct page *page;

	do {
		page = find_lock_page(m, index);
		if (!page && unlikely(READ_ONCE(m->nr_values)))
			page = somebody_there(m, index);
		if (!page || (IS_ERR(page) && PTR_ERR(page) == -EEXIST))
			page = make_page(m, index, gfp);
	} while (IS_ERR(page) && PTR_ERR(page) == -EEXIST);
	return page;
}

static bool something_there(struct address_space *m, pindex_t index)
{
	bool there;

	rcu_read_lock();
	there = radix_lookup(&m->pages, index.n) != NULL;
	rcu_read_unlock();
	return there;
}

struct page *find_or_bring_page(struct address_space *m, pindex_t index)
{
	struct page *page;

	do { /* nr_values alone does not tell: the last value may just be becoming a page */
		page = find_lock_page(m, index);
		if (!page && something_there(m, index))
			page = somebody_there(m, index);
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

struct page *read_cache_page(struct address_space *m, struct file *file, pindex_t index)
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

/* --- accessed ----------------------------------------------------------------------------------------------------------- */
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
