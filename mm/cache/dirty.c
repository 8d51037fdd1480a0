/* SPDX-License-Identifier: MIT
 *
 * Dirty and under write-back: two states of a page, kept in its flags, in the tags of its file's tree, and in the
 * counts of the flusher that its file belongs to.
 *
 *	clean --mark_page_dirty--> dirty --clear_page_dirty_for_io, start_page_writeback--> under write-back --finish--> clean
 *	                             ^-------------- mark_page_dirty, redirty_page ---------------'
 *
 * A page may be both: it was changed while it was being written. The flag is set first and the tag after it, under
 * tree_lock; start_page_writeback looks at the flag under the same lock before it takes the tag away: so no page is
 * ever dirty without its tag for longer than it takes to come to that lock.
 * A page of tmpfs is dirty from its first byte on: flag only, no tag, no count.
 *
 * A shared mapping writes without telling: so a clean page is mapped read-only, and cleaning write-protects again
 * (cache_ops->mkclean), taking over what the hardware noted meanwhile.
 *
 * Locks: page lock (all but mark_page_dirty) > tree_lock > flusher->lock.
 */
#include "kernel/lib/errseq.h"
#include "kernel/sched/sched.h"
#include "mm/cache/flusher.h"
#include "mm/cache/internal.h"

void mark_page_dirty(struct page *page)
{
	struct address_space *m;

	if (page_dirty(page) || test_set_page_dirty(page))
		return;
	m = page_mapping(page);
	if (!m || swapbacked(m))
		return;
	spin_lock(&m->tree_lock);
	if (page->mapping == m)
		radix_tag_set(&m->pages, page->index.n, TAG_DIRTY);
	spin_unlock(&m->tree_lock);
	if (m->backing) {
		atomic_inc(&m->backing->flusher->nr_dirty);
		mapping_dirtied(m);
	}
}

static void count_clean(const struct address_space *m)
{
	if (m->backing)
		atomic_dec(&m->backing->flusher->nr_dirty);
}

void forget_dirty(struct page *page)
{
	if (test_clear_page_dirty(page) && !swapbacked(page->mapping))
		count_clean(page->mapping);
}

bool clear_page_dirty_for_io(struct page *page)
{
	ASSERT(page_locked(page));
	if (page_mapped(page) && cache_ops->mkclean(page))
		mark_page_dirty(page);
	if (!test_clear_page_dirty(page))
		return false;
	if (!swapbacked(page->mapping))
		count_clean(page->mapping);
	return true;
}

void redirty_page(struct page *page)
{
	ASSERT(page_locked(page) && page->mapping);
	mark_page_dirty(page);
}

void start_page_writeback(struct page *page)
{
	struct address_space *m = page->mapping;

	ASSERT(page_locked(page) && !page_writeback(page));
	set_page_writeback(page);
	spin_lock(&m->tree_lock);
	radix_tag_set(&m->pages, page->index.n, TAG_WRITEBACK);
	if (!page_dirty(page))
		radix_tag_clear(&m->pages, page->index.n, TAG_DIRTY);
	spin_unlock(&m->tree_lock);
	atomic_inc(&m->backing->flusher->nr_writeback);
}

/* Not from an interrupt handler: completions run in threads. The mapping may be gone as soon as the page's flag is. */
void finish_page_writeback(struct page *page, int err)
{
	struct address_space *m = page->mapping;
	struct flusher *f = m->backing->flusher;

	ASSERT(!in_irq() && page_writeback(page));
	if (err) {
		errseq_set(&m->wb_err, err);
		set_page_error(page);
		atomic_inc(&m->backing->errors);
	}
	spin_lock(&m->tree_lock);
	radix_tag_clear(&m->pages, page->index.n, TAG_WRITEBACK);
	spin_unlock(&m->tree_lock);
	flusher_wrote(f, 1); /* before the flag: who has waited for it finds the page counted no more */
	end_page_writeback(page);
}
