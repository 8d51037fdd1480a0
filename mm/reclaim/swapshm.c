/* SPDX-License-Identifier: MIT
 *
 * Pages of tmpfs files and of shared anonymous memory: out to swap and back.
 *
 * While a page is on its way out it is still its file's page: found, read and mapped as ever, only that it is in the swap cache
 * too, with a slot that nobody's entry names. When it is clean and nobody maps it, the entry takes its place in the file's tree (as a
 * value: type, slot, and the bit by which the tree tells it from a page) and counts once in the slot. Whoever finds
 * the value brings the page back; truncation lets the slot go.
 *
 *	 tree: page ----- swap_add_page, swap_write_page ----> tree: page, also in the swap cache
 *	   ^                                                         |  swap_leave_file (from swap_remove_clean)
 *	   |  written again, or slots are short                      v
 *	 tree: page, also in the swap cache <-- swap_bring_back --  tree: value          truncation: swap_value_gone
 *
 * A file whose tree holds values is in a list (kernel/fs keeps it: inodes are its), which is where swapoff looks.
 *
 * Locks: page lock > mapping->tree_lock > cluster->lock.
 */
#include "kernel/sched/sched.h"
#include "mm/cache/cache.h"
#include "mm/reclaim/reclaim.h"
#include "mm/reclaim/swapoff.h"
#include "mm/rmap/rmap.h"

#define VALUE_BITS 25
static_assert(SWAP_MAX_SLOTS <= 1U << VALUE_BITS, "a value has 30 bits: 5 for the type");
static_assert(SWAP_TYPES <= 32, "likewise");
#define VALUE_LOST ((void *)0xfffffffeUL) /* could not be read back at swapoff: EIO. No area has such a slot */

static void *value_of(swap_entry_t entry) { return (void *)((swap_type(entry) << VALUE_BITS | swap_offset(entry)) << 2 | 2); }
static swap_entry_t entry_of(const void *value)
{
	u32 v = (unsigned long)value >> 2;

	return swap_entry(v >> VALUE_BITS, v & ((1U << VALUE_BITS) - 1));
}

/* --- out ------------------------------------------------------------------------------------------------------------------ */
bool swap_leave_file(struct page *page)
{
	struct address_space *m = page->mapping;
	swap_entry_t entry = page_swap_entry(page);
	bool gone;

	if (page_dirty(page) || !swap_dup_first(page))
		return false;
	reclaim_ops->file_swapped(m); /* now: the page, locked, keeps the inode */
	preempt_disable(); /* while it is frozen lookups of its slot spin */
	gone = cache_page_to_value(page, value_of(entry), 1);
	if (gone)
		swap_cache_leave(page);
	preempt_enable();
	if (!gone)
		swap_take(page);
	return gone;
}

/* --- back ----------------------------------------------------------------------------------------------------------------- */
/* Does the value still stand there? Then the area stays for the time being. */
static bool pin_value(struct address_space *m, pindex_t index, void *value)
{
	bool there;

	spin_lock(&m->tree_lock);
	there = radix_lookup(&m->pages, index.n) == value;
	if (there)
		swap_pin(entry_of(value));
	spin_unlock(&m->tree_lock);
	return there;
}

/* page: locked, with a reference. => 0: it stands where the value stood */
static int put_into_file(struct address_space *m, pindex_t index, void *value, struct page *page)
{
	int err;

	if (!page_swapcache(page) || page->private != entry_of(value).v || page->mapping) /* mapping: somebody was faster */
		return -EAGAIN;
	if (!swap_page_good(page))
		return -EIO;
	err = cache_value_to_page(m, index, value, page);
	if (err)
		return err == -ENOENT ? -EAGAIN : err;
	swap_take(page);
	if (swap_tight())
		swap_try_free(page);
	return 0;
}

static struct page *bring_back(struct address_space *m, pindex_t index, void *value)
{
	bool major = false;
	struct page *page = swap_read_page(entry_of(value), &major);
	int err;

	if (IS_ERR_OR_NULL(page))
		return page ?: ERR_PTR(-EAGAIN);
	if (major) {
		count_vm_event(PGMAJFAULT);
		current->maj_flt++;
	}
	lock_page(page);
	err = put_into_file(m, index, value, page);
	if (!err)
		return page;
	swap_unlock_page(page);
	put_page(page);
	return ERR_PTR(err);
}

struct page *swap_bring_back(struct address_space *m, pindex_t index, void *value)
{
	struct page *page = ERR_PTR(-EAGAIN);

	if (value == VALUE_LOST)
		return ERR_PTR(-EIO);
	vm_op_begin();
	if (pin_value(m, index, value)) {
		page = bring_back(m, index, value);
		swap_unpin(entry_of(value));
	}
	vm_op_end();
	return page;
}

void swap_value_gone(struct address_space *m, pindex_t index, void *value)
{
	if (value != VALUE_LOST)
		swap_free(entry_of(value));
}

/* --- swapoff ---------------------------------------------------------------------------------------------------------------- */
#define BATCH 16

static void lose(struct address_space *m, pindex_t index, void *value)
{
	bool there;

	vm_op_begin();
	spin_lock(&m->tree_lock);
	there = radix_lookup(&m->pages, index.n) == value;
	if (there)
		radix_replace(&m->pages, index.n, VALUE_LOST);
	spin_unlock(&m->tree_lock);
	if (there)
		swap_free(entry_of(value));
	vm_op_end();
}

static int bring_one(struct address_space *m, pindex_t index, void *value)
{
	struct page *page = swap_bring_back(m, index, value);

	if (!IS_ERR(page)) {
		unlock_page(page);
		put_page(page);
	} else if (PTR_ERR(page) == -EIO) {
		lose(m, index, value);
	}
	cond_resched();
	if (signal_pending())
		return -EINTR;
	return IS_ERR(page) && PTR_ERR(page) == -ENOMEM ? -ENOMEM : 0;
}

static int empty_file(struct address_space *m, u32 type)
{
	unsigned long index = 0, indices[BATCH];
	void *items[BATCH];
	unsigned n;
	int err = 0;

	do {
		rcu_read_lock();
		n = radix_gang_indices(&m->pages, &index, ~0UL, items, indices, BATCH);
		rcu_read_unlock();
		for (unsigned i = 0; i < n && !err; i++)
			if (is_value(items[i]) && items[i] != VALUE_LOST && swap_type(entry_of(items[i])) == type)
				err = bring_one(m, (pindex_t){ indices[i] }, items[i]);
	} while (!err && n == BATCH && index && READ_ONCE(m->nr_values));
	return err;
}

int swap_empty_files(struct swap_area *a)
{
	struct address_space *m = NULL;
	int err = 0;

	while ((m = reclaim_ops->next_swapped(m)) != NULL)
		if (!err && area_used(a))
			err = empty_file(m, a->type);
	return err;
}

/* --- the oracle ---------------------------------------------------------------------------------------------------------------- */
#ifdef CONFIG_DEBUG
static void audit_file(struct address_space *m)
{
	unsigned long index = 0, indices[BATCH], values = 0;
	void *items[BATCH];
	unsigned n;

	spin_lock(&m->tree_lock);
	do {
		n = radix_gang_indices(&m->pages, &index, ~0UL, items, indices, BATCH);
		for (unsigned i = 0; i < n; i++) {
			values += is_value(items[i]);
			if (is_value(items[i]) && items[i] != VALUE_LOST)
				swap_audit_entry(entry_of(items[i]), "file page", indices[i]);
		}
	} while (n == BATCH && index);
	if (values != m->nr_values)
		panic("oracle: a file's tree (%p) holds %lu swap entries, its count says %lu", m, values, m->nr_values);
	spin_unlock(&m->tree_lock);
}

void swap_audit_files(void)
{
	for (struct address_space *m = reclaim_ops->next_swapped(NULL); m; m = reclaim_ops->next_swapped(m))
		audit_file(m);
}
#endif
