/* SPDX-License-Identifier: MIT
 * unit: mm/cache/readahead.c kernel/lib/radix.c kernel/lib/bitops.c
 *
 * Read-ahead windows, with readers in order, at random, several at a time and near the end: what is read, in how many
 * requests, and that nothing is read twice. The cache is a radix tree of struct pages; reading is done at once.
 */
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "mm/cache/internal.h"
#include "mm/cache/readahead.h"
#include "tools/tests/unit/unit.h"

#define NR 4096
static struct page pages[NR];
static bool may_miss;
static unsigned nr_used, requests, read_in_all, largest, fail_after;
static struct address_space m;
static struct file file;
static loff_t size;
struct page *mem_map = pages, *high_mem_map = pages;
u32 preempt_count;
bool unit_irq;
struct task *current_task;
bool lockdep_on;
u32 lockdep_class(const char *name) { return 1; }
bool lockdep_holds(const void *lock) { return true; }
void bug_at(const char *f, int line, const char *what) { panic("%s:%d: %s", f, line, what); }
void warn_at(const char *f, int line, const char *what) { panic("%s:%d: %s", f, line, what); }
void cond_resched(void) {}
bool signal_pending_state(unsigned state) { return false; }
void plug_begin(struct plug *p) {}
void plug_end(struct plug *p) {}
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *)) { func(head); }
void unlock_page(struct page *page) { clear_page_locked(page); }

struct page *alloc_pages(gfp_t gfp, unsigned order)
{
	if (nr_used == NR || (fail_after && !--fail_after))
		return NULL;
	memset(&pages[nr_used], 0, sizeof(struct page));
	atomic_set(&pages[nr_used].refcount, 1);
	return &pages[nr_used++];
}
void free_page_last(struct page *page) { CHECK(!page_locked(page)); }
int add_to_cache(struct address_space *map, struct page *page, pindex_t index)
{
	get_page(page);
	page->index = index;
	page->mapping = map;
	return radix_insert(&map->pages, index.n, page, NULL);
}

static void read_pages(struct file *f, struct address_space *map, struct page **p, unsigned n)
{
	requests++;
	read_in_all += n;
	largest = max(largest, n);
	for (unsigned i = 0; i < n; i++) {
		CHECK(page_locked(p[i]) && !page_uptodate(p[i]) && (!i || p[i]->index.n == p[i - 1]->index.n + 1));
		CHECK(pindex_pos(p[i]->index) < size);
		set_page_uptodate(p[i]);
		clear_page_locked(p[i]);
	}
}
static int read_page(struct file *f, struct page *page) { return -EIO; }
static const struct mapping_ops ops = { .read_page = read_page, .read_pages = read_pages };
static loff_t size_of(const struct address_space *map) { return size; }
static const struct cache_fs_ops fs_ops = { .size = size_of };
const struct cache_fs_ops *cache_fs_ops = &fs_ops;

static void *node_alloc(u32 gfp) { return calloc(1, sizeof(struct radix_node)); }
static void node_free(void *node) { free(node); }
static const struct radix_ops node_memory = { node_alloc, node_free };

static void begin(unsigned nr_pages)
{
	radix_ops = &node_memory;
	memset(&m, 0, sizeof(m));
	memset(&file, 0, sizeof(file));
	m.ops = &ops;
	size = (loff_t)nr_pages << PAGE_SHIFT;
	nr_used = requests = read_in_all = largest = 0;
}
static void finish(void)
{
	for (unsigned i = 0; i < nr_used; i++)
		if (pages[i].mapping)
			radix_delete(&m.pages, pages[i].index.n);
	CHECK(radix_empty(&m.pages));
}

#define AT(n) ((pindex_t){ n })
/* As generic_read does, page by page of a request for `want`. */
static void read_at(unsigned long at, unsigned want)
{
	for (pindex_t index = { at }; want; want--, index.n++) {
		struct page *page = radix_lookup(&m.pages, index.n);

		if (!page)
			read_ahead_miss(&m, &file, index, want);
		else if (page_readahead(page))
			read_ahead_marker(&m, &file, page, want);
		page = radix_lookup(&m.pages, index.n);
		CHECK(may_miss || (page && page_uptodate(page)));
		file.ra_next.n = index.n + 1;
	}
}

TEST(in_order)
{
	begin(1000);
	for (unsigned i = 0; i < 1000; i++)
		read_at(i, 1);
	CHECK(read_in_all == 1000);           /* nothing twice, nothing behind the end */
	CHECK(requests <= 1000 / RA_DEFAULT + 8);
	CHECK(largest == RA_DEFAULT);
	finish();
	begin(1000);
	for (unsigned i = 0; i < 1000; i += 20)
		read_at(i, 20);
	CHECK(read_in_all == 1000 && requests <= 1000 / RA_DEFAULT + 8);
	finish();
}

TEST(stops_in_time)
{
	begin(2000);
	for (unsigned i = 0; i < 300; i++)
		read_at(i, 1);
	CHECK(read_in_all <= 300 + 2 * RA_DEFAULT);
	finish();
	begin(2000);
	read_at(0, 1);
	CHECK(read_in_all <= 8); /* who looks at the first page alone gets little more */
	finish();
}

TEST(at_random)
{
	unsigned at = 7;

	begin(4000);
	for (unsigned i = 0; i < 200; i++) {
		at = (at * 1103515245u + 12345u) % 1999;
		read_at(at * 2 + 1, 1);
	}
	CHECK(read_in_all <= 2 * requests && largest <= 4);
	finish();
	begin(4000);
	file.mode |= FMODE_RANDOM;
	for (unsigned i = 0; i < 100; i++)
		read_at(i, 1);
	CHECK(read_in_all == 100 && largest == 1);
	finish();
}

TEST(several_streams_through_one_file)
{
	begin(4000);
	for (unsigned i = 0; i < 400; i++) {
		read_at(i, 1);
		read_at(1000 + i, 1);
		read_at(2000 + i, 1);
	}
	printf("# three streams: %u pages in %u requests\n", read_in_all, requests);
	CHECK(requests < 400);
	finish();
}

TEST(large_requests_and_advice)
{
	begin(4000);
	read_at(100, 300);
	CHECK(read_in_all >= 300 && read_in_all <= 300 + 2 * RA_DEFAULT);
	finish();
	begin(700);
	CHECK(read_ahead_range(&m, &file, AT(10), AT(5000)) == 690 && read_in_all == 690);
	CHECK(read_ahead_range(&m, &file, AT(10), AT(5000)) == 0);
	CHECK(read_ahead_range(&m, &file, AT(700), AT(5000)) == 0);
	finish();
	begin(4000);
	file.ra_pages = 2 * RA_DEFAULT;
	for (unsigned i = 0; i < 1000; i++)
		read_at(i, 1);
	CHECK(requests <= 1000 / RA_DEFAULT + 8); /* batches of 64: the window is larger */
	finish();
}

TEST(faults)
{
	begin(4000);
	read_ahead_fault(&m, &file, AT(1000), RA_NORMAL);
	CHECK(radix_lookup(&m.pages, 1000) && radix_lookup(&m.pages, 999) && radix_lookup(&m.pages, 1001));
	CHECK(read_in_all <= RA_DEFAULT);
	finish();
	begin(4000);
	read_ahead_fault(&m, &file, AT(1000), RA_RANDOM);
	CHECK(read_in_all == 1 && radix_lookup(&m.pages, 1000));
	finish();
	begin(1);
	read_ahead_fault(&m, &file, AT(0), RA_NORMAL);
	CHECK(read_in_all == 1);
	finish();
	begin(0);
	read_ahead_fault(&m, &file, AT(0), RA_NORMAL);
	CHECK(read_in_all == 0);
	finish();
}

TEST(no_memory)
{
	for (unsigned n = 1; n < 80; n++) {
		begin(500);
		fail_after = n;
		may_miss = true;
		for (unsigned i = 0; i < 100; i++)
			read_at(i, 1);
		fail_after = 0;
		may_miss = false;
		for (unsigned i = 0; i < nr_used; i++)
			CHECK(!page_locked(&pages[i]));
		finish();
	}
}
