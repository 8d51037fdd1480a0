/* SPDX-License-Identifier: MIT
 * unit: mm/cache/cache.c mm/cache/dirty.c mm/cache/truncate.c kernel/lib/radix.c kernel/lib/bitops.c
 *
 * The page cache against a model: which index has a page, references, truncation and holes with their edges, hooks in
 * pairs, every allocation failing once. Pages are struct pages with memory behind them; nobody else runs.
 */
#include "kernel/lib/string.h"
#include "kernel/sched/task.h"
#include "mm/cache/flusher.h"
#include "mm/cache/internal.h"
#include "tools/tests/unit/unit.h"

#define NR_PAGES 4096
#define AT(n) ((pindex_t){ n })
static struct page pages[NR_PAGES];
static u8 *memory[NR_PAGES];
static unsigned nr_used, on_lru, fail_after, added, removed, unmapped;
struct page *mem_map = pages, *high_mem_map = pages;
unsigned long vm_events[NR_VM_EVENTS];

static bool fails(void) { return fail_after && !--fail_after; }

/* --- what mm/phys would do ------------------------------------------------------------------------------------------ */
struct page *alloc_pages(gfp_t gfp, unsigned order)
{
	if (fails())
		return NULL;
	for (unsigned i = 0; i < NR_PAGES; i++)
		if (!atomic_read(&pages[i].refcount)) {
			memset(&pages[i], 0, sizeof(struct page));
			atomic_set(&pages[i].refcount, 1);
			atomic_set(&pages[i].mapcount, -1);
			memory[i] = malloc(PAGE_SIZE);
			memset(memory[i], 0xaa, PAGE_SIZE);
			nr_used++;
			return &pages[i];
		}
	return NULL;
}
void free_page_last(struct page *page)
{
	CHECK(!page->mapping && !page_locked(page));
	on_lru -= page_lru(page);
	free(memory[page - pages]);
	nr_used--;
}
void put_pages(struct page **p, unsigned n)
{
	while (n--)
		put_page(p[n]);
}
void lru_add(struct page *page)
{
	CHECK(!page_lru(page));
	set_page_lru(page);
	on_lru++;
}
void lru_activate(struct page *page) { set_page_active(page); }
void clear_page(struct page *page) { memset(memory[page - pages], 0, PAGE_SIZE); }
void zero_page_range(struct page *page, unsigned from, unsigned to) { memset(memory[page - pages] + from, 0, to - from); }
void lock_page(struct page *page)
{
	if (test_set_page_locked(page))
		panic("page locked twice");
}
void unlock_page(struct page *page)
{
	CHECK(page_locked(page));
	clear_page_locked(page);
}
void wait_on_page_locked(struct page *page) { CHECK(!page_locked(page)); }
void wait_on_page_writeback(struct page *page) { CHECK(!page_writeback(page)); }
void end_page_writeback(struct page *page) { clear_page_writeback(page); }

u32 preempt_count;
bool unit_irq;
struct task *current_task;
bool lockdep_on;
bool lockdep_holds(const void *lock) { return true; }
u32 lockdep_class(const char *name) { return 1; }
void spin_lock_debug(spinlock_t *l, const char *text, unsigned sub) { BUG_ON(!raw_spin_trylock(l)); }
void spin_unlock_debug(spinlock_t *l, const char *text) { raw_spin_unlock(l); }
void bug_at(const char *file, int line, const char *what) { panic("%s:%d: %s", file, line, what); }
void warn_at(const char *file, int line, const char *what) { panic("%s:%d: %s", file, line, what); }
void cond_resched(void) {}
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *)) { func(head); }

static void *node_alloc(u32 gfp) { return fails() ? NULL : calloc(1, sizeof(struct radix_node)); }
static void node_free(void *node) { free(node); }
static const struct radix_ops node_memory = { node_alloc, node_free };

static int page_adding(struct address_space *m, pindex_t index)
{
	if (index.n == 666)
		return -ENOSPC;
	added++;
	return 0;
}
static void page_removed(struct address_space *m, struct page *page) { removed++; }
static int read_page(struct file *file, struct page *page)
{
	if (page->index.n == 13) {
		unlock_page(page);
		return -EIO;
	}
	memset(memory[page - pages], page->index.n, PAGE_SIZE);
	if (page->index.n != 14)
		set_page_uptodate(page);
	unlock_page(page);
	return 0;
}
static void unmap_range(struct address_space *m, pindex_t first, pindex_t last, bool even_cows) { unmapped++; }
static const struct cache_ops ops = { .unmap_range = unmap_range };
static const struct mapping_ops tmp_ops = { .page_adding = page_adding, .page_removed = page_removed };
static const struct mapping_ops disk_ops = { .read_page = read_page };

static struct flusher flusher;
static struct backing backing = { .flusher = &flusher };
static unsigned listed;
void mapping_dirtied(struct address_space *m) { listed++; }
void flusher_wrote(struct flusher *f, unsigned pages) { atomic_sub(pages, &f->nr_writeback); }

static void init(struct address_space *m, const struct mapping_ops *o, u32 flags)
{
	radix_ops = &node_memory;
	cache_ops = &ops;
	mapping_init(m, NULL, o, flags);
	if (!(flags & MAPPING_SWAPBACKED))
		m->backing = &backing;
}

static void release(struct page *page)
{
	unlock_page(page);
	put_page(page);
}

TEST(random_against_model)
{
	enum { SPAN = 3000 };
	static bool there[SPAN];
	struct address_space m;
	unsigned n = 0;

	init(&m, &tmp_ops, MAPPING_SWAPBACKED);
	for (unsigned round = 0; round < 40000; round++) {
		unsigned long index = unit_random() % SPAN;
		u32 what = unit_random() % 100;

		index += index == 666;
		if (what < 40) {
			struct page *page = find_or_make_page(&m, AT(index), GFP_KERNEL);

			REQUIRE(!IS_ERR(page));
			CHECK(page->index.n == index && page_locked(page) && atomic_read(&page->refcount) == 2 && page_swapbacked(page));
			n += !there[index];
			there[index] = true;
			release(page);
		} else if (what < 90) {
			struct page *page = find_page(&m, AT(index));

			CHECK(!!page == there[index]);
			if (page)
				put_page(page);
		} else if (what < 99) {
			loff_t start = (loff_t)index << PAGE_SHIFT, end = start + (unit_random() % 20 << PAGE_SHIFT);

			truncate_range(&m, start, end);
			for (; index < min_t(unsigned long, SPAN, end >> PAGE_SHIFT); index++) {
				n -= there[index];
				there[index] = false;
			}
		} else if (unit_random() % 10 == 0) {
			truncate_pages(&m, (loff_t)index << PAGE_SHIFT);
			for (; index < SPAN; index++) {
				n -= there[index];
				there[index] = false;
			}
		}
		CHECK(m.nr_pages == n && nr_used == n && on_lru == n && added - removed == n);
		CHECK(cache_pages() == n && shmem_pages() == n);
	}
	truncate_pages(&m, 0);
	mapping_free(&m);
	CHECK(nr_used == 0);
}

TEST(gang_lookup_finds_all_in_order)
{
	struct page *got[7];
	struct address_space m;
	pindex_t index = AT(0), last = AT(0);
	unsigned n, total = 0;

	init(&m, NULL, 0);
	for (unsigned i = 5; i < 100000; i += 977)
		release(find_or_make_page(&m, AT(i), GFP_KERNEL));
	while ((n = find_pages(&m, &index, AT(90000), got, 7)) != 0)
		for (unsigned i = 0; i < n; i++) {
			CHECK(got[i]->index.n % 977 == 5 && (!total || got[i]->index.n > last.n) && got[i]->index.n <= 90000);
			last = got[i]->index;
			total++;
			put_page(got[i]);
		}
	CHECK(total == (90000 - 5) / 977 + 1);
	truncate_pages(&m, 0);
	mapping_free(&m);
}

TEST(edges_are_zeroed)
{
	struct address_space m;
	struct page *page;
	u8 *p;

	init(&m, NULL, 0);
	page = read_cache_page(&m, NULL, AT(3));
	p = memory[page - pages];
	CHECK(page_uptodate(page) && p[0] == 0 && p[4095] == 0);
	memset(p, 7, PAGE_SIZE);
	truncate_range(&m, 3 * 4096 + 100, 3 * 4096 + 200);
	CHECK(p[99] == 7 && p[100] == 0 && p[199] == 0 && p[200] == 7 && page_dirty(page));
	truncate_pages(&m, 3 * 4096 + 1000);
	CHECK(p[999] == 7 && p[1000] == 0 && p[4095] == 0 && page->mapping == &m);
	CHECK(atomic_read(&flusher.nr_dirty) == 1);
	truncate_pages(&m, 3 * 4096);
	CHECK(!page->mapping && atomic_read(&flusher.nr_dirty) == 0);
	put_page(page);
	mapping_free(&m);
	CHECK(nr_used == 0);
}

TEST(reading)
{
	struct address_space m;
	struct page *page;

	init(&m, &disk_ops, 0);
	page = read_cache_page(&m, NULL, AT(9));
	REQUIRE(!IS_ERR(page));
	CHECK(page_uptodate(page) && memory[page - pages][77] == 9 && !page_locked(page));
	put_page(page);
	CHECK(PTR_ERR(read_cache_page(&m, NULL, AT(13))) == -EIO);
	CHECK(PTR_ERR(read_cache_page(&m, NULL, AT(14))) == -EIO);
	truncate_pages(&m, 0);
	mapping_free(&m);
	CHECK(nr_used == 0);
}

TEST(failures_leave_nothing)
{
	struct address_space m;

	init(&m, &tmp_ops, MAPPING_SWAPBACKED);
	CHECK(PTR_ERR(find_or_make_page(&m, AT(666), GFP_KERNEL)) == -ENOSPC);
	for (unsigned nth = 1; nth < 40; nth++) {
		struct page *page;

		fail_after = nth;
		page = find_or_make_page(&m, AT(123456789 - nth * 100000), GFP_KERNEL);
		fail_after = 0;
		if (IS_ERR(page))
			CHECK(PTR_ERR(page) == -ENOMEM);
		else
			release(page);
		CHECK(m.nr_pages == nr_used && added - removed == nr_used);
	}
	truncate_pages(&m, 0);
	mapping_free(&m);
	CHECK(nr_used == 0 && cache_pages() == 0);
}

TEST(dirty_and_written)
{
	struct address_space m;
	struct page *page;

	init(&m, &disk_ops, 0);
	page = find_or_make_page(&m, AT(70), GFP_KERNEL);
	mark_page_dirty(page);
	mark_page_dirty(page);
	CHECK(atomic_read(&flusher.nr_dirty) == 1 && radix_tag_get(&m.pages, 70, TAG_DIRTY));
	CHECK(clear_page_dirty_for_io(page) && !clear_page_dirty_for_io(page));
	start_page_writeback(page);
	CHECK(!atomic_read(&flusher.nr_dirty) && atomic_read(&flusher.nr_writeback) == 1 && !radix_tagged(&m.pages, TAG_DIRTY));
	CHECK(radix_tag_get(&m.pages, 70, TAG_WRITEBACK));
	finish_page_writeback(page, -EIO);
	CHECK(!atomic_read(&flusher.nr_writeback) && !radix_tagged(&m.pages, TAG_WRITEBACK) && m.wb_err && listed);
	release(page);
	mark_page_accessed(page);
	mark_page_accessed(page);
	CHECK(page_active(page));
	truncate_pages(&m, 0);
	mapping_free(&m);
}

TEST(dirty_again_while_written)
{
	struct address_space m;
	struct page *page;

	init(&m, &disk_ops, 0);
	page = find_or_make_page(&m, AT(3), GFP_KERNEL);
	mark_page_dirty(page);
	clear_page_dirty_for_io(page);
	mark_page_dirty(page); /* between the two: the tag must stay */
	start_page_writeback(page);
	CHECK(radix_tag_get(&m.pages, 3, TAG_DIRTY) && radix_tag_get(&m.pages, 3, TAG_WRITEBACK));
	finish_page_writeback(page, 0);
	CHECK(radix_tag_get(&m.pages, 3, TAG_DIRTY) && !m.wb_err && atomic_read(&flusher.nr_dirty) == 1);
	release(page);
	truncate_pages(&m, 0);
	CHECK(atomic_read(&flusher.nr_dirty) == 0);
	mapping_free(&m);
}

TEST(clean_pages_leave_for_reclaim_and_others_stay)
{
	struct address_space m;
	struct page *page;

	init(&m, &disk_ops, 0);
	page = find_or_make_page(&m, AT(5), GFP_KERNEL);
	get_page(page);
	CHECK(!cache_remove_clean(page)); /* somebody else uses it */
	put_page(page);
	mark_page_dirty(page);
	CHECK(!cache_remove_clean(page));
	clear_page_dirty_for_io(page);
	start_page_writeback(page);
	CHECK(!cache_remove_clean(page));
	finish_page_writeback(page, 0);
	atomic_set(&page->mapcount, 0);
	CHECK(!cache_remove_clean(page));
	atomic_set(&page->mapcount, -1);
	CHECK(atomic_read(&page->refcount) == 2 && cache_remove_clean(page));
	CHECK(!page->mapping && atomic_read(&page->refcount) == 1 && !m.nr_pages && radix_empty(&m.pages) && cache_pages() == 0);
	release(page);
	mapping_free(&m);
	CHECK(nr_used == 0);
}

/* --- values in the place of pages ------------------------------------------------------------------------------------ */
#define VALUE(n) ((void *)((n) << 2 | 2UL))
static unsigned brought, dropped;
static struct page *bring_back(struct address_space *m, pindex_t index, void *value)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);

	CHECK(value == VALUE(index.n));
	set_page_locked(page);
	set_page_uptodate(page);
	lru_add(page);
	CHECK(cache_value_to_page(m, index, VALUE(index.n + 1), page) == -ENOENT);
	CHECK(cache_value_to_page(m, index, value, page) == 0);
	brought++;
	return page;
}
static void value_gone(struct address_space *m, pindex_t index, void *value)
{
	CHECK(value == VALUE(index.n));
	dropped++;
}
static const struct mapping_ops swapped_ops = {
	.page_adding = page_adding, .page_removed = page_removed, .bring_back = bring_back, .value_gone = value_gone,
};

static void swap_out(struct address_space *m, pindex_t index)
{
	struct page *page = find_lock_page(m, index);

	clear_page_dirty(page);
	CHECK(!cache_page_to_value(page, VALUE(index.n), 1)); /* nobody has that other reference */
	CHECK(cache_page_to_value(page, VALUE(index.n), 0) && !atomic_read(&page->refcount) && !page->mapping);
	atomic_set(&page->refcount, 1);
	release(page);
}

TEST(values_keep_the_place_of_pages)
{
	struct address_space m;
	struct page *page, *found[4];
	pindex_t from = AT(0);

	added = removed = 0;
	init(&m, &swapped_ops, MAPPING_SWAPBACKED);
	for (unsigned i = 1; i < 5; i++)
		release(find_or_make_page(&m, AT(i), GFP_KERNEL));
	for (unsigned i = 1; i < 4; i++)
		swap_out(&m, AT(i));
	CHECK(m.nr_pages == 1 && m.nr_values == 3 && added == 4 && removed == 0);
	CHECK(!find_page(&m, AT(2)) && !find_lock_page(&m, AT(2)) && find_entry(&m, AT(2)) == VALUE(2));
	CHECK(find_pages(&m, &from, AT(9), found, 4) == 1 && found[0]->index.n == 4);
	put_page(found[0]);
	page = find_or_make_page(&m, AT(2), GFP_KERNEL);
	CHECK(brought == 1 && page->index.n == 2 && m.nr_values == 2 && m.nr_pages == 2);
	release(page);
	truncate_pages(&m, 1 * PAGE_SIZE + 100); /* 1 comes back to be cut, 3 goes */
	CHECK(brought == 2 && dropped == 1 && !m.nr_values && m.nr_pages == 1);
	truncate_pages(&m, 0);
	CHECK(added == removed && !m.nr_pages);
	mapping_free(&m);
	CHECK(nr_used == 0);
}
