/* SPDX-License-Identifier: MIT
 *
 * What debug builds look at when a page is handed out or freed: nobody uses it, nobody wrote to it meanwhile
 * (page_poison=on); and making the nth allocation of a thread fail.
 */
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/sched/task.h"
#include "mm/phys/internal.h"

#ifdef CONFIG_DEBUG
static bool page_poison;
PARAM_BOOL("page_poison", page_poison, "fill free pages with a pattern and check it when they are handed out (debug build)");
#define POISON_WORD 0xa5f5ee5aU

static void poison_page(struct page *page)
{
	u32 *p = kmap(page);

	for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
		p[i] = POISON_WORD;
	kunmap(p);
}

static void check_poison(struct page *page)
{
	u32 *p = kmap(page);

	for (unsigned i = 0; i < PAGE_SIZE / 4; i++)
		if (p[i] != POISON_WORD) {
			pr_err("page %#lx changed after it was freed: word %u is %#x\n", page_to_pfn(page).n, i, p[i]);
			bad_page(page, "used after free");
		}
	kunmap(p);
}

static void check_free_page(const struct page *page)
{
	const unsigned long wrong = 1UL << PG_locked | 1UL << PG_writeback | 1UL << PG_lru | 1UL << PG_buddy | 1UL << PG_slab |
				    1UL << PG_table | 1UL << PG_reserved | 1UL << PG_swapcache | 1UL << PG_mlocked |
				    1UL << PG_waiters | 1UL << PG_chain | 1UL << PG_state;

	if (page->flags & wrong)
		bad_page(page, "freed in use: flags");
	if (atomic_read(&page->refcount))
		bad_page(page, "freed in use: references");
	if (atomic_read(&page->mapcount) != -1)
		bad_page(page, "freed in use: mapped");
}

void check_new_page(struct page *page)
{
	bool poisoned = page->flags >> PG_poisoned & 1;

	page->flags &= ~(1UL << PG_poisoned);
	if (atomic_read(&page->refcount) || (page->flags & ((1UL << PG_zone_shift) - 1)) || page->mapping)
		bad_page(page, "changed while it was free");
	if (poisoned && !in_irq())
		check_poison(page);
}

/* => what to leave in page->flags beside the zone */
unsigned long page_freed(struct page *page)
{
	check_free_page(page);
	if (!page_poison || in_irq())
		return 0;
	poison_page(page);
	return 1UL << PG_poisoned;
}
#endif

#ifdef CONFIG_DEBUG
bool fail_this_one(void)
{
	struct task *t = current;

	return t && t->fail_nth && !in_irq() && !--t->fail_nth;
}
#endif

static const char *const flag_names[] = {
#define FLAG(name) [PG_##name] = #name
	FLAG(locked), FLAG(uptodate), FLAG(dirty), FLAG(writeback), FLAG(lru), FLAG(active), FLAG(referenced), FLAG(buddy), FLAG(slab),
	FLAG(table), FLAG(reserved), FLAG(swapcache), FLAG(swapbacked), FLAG(mlocked), FLAG(error), FLAG(chain), FLAG(waiters),
	FLAG(reclaim), FLAG(readahead), FLAG(unused),
};

void dump_page(const struct page *page)
{
	printk(KERN_EMERG "page frame %#lx, zone %s, refcount %d, mapcount %d, private %#lx, mapping %p%s, index %#lx, flags %#lx:",
	       page_to_pfn(page).n, page_zone(page)->name, atomic_read(&page->refcount), atomic_read(&page->mapcount) + 1, page->private,
	       page->mapping, page_anon(page) ? " (anonymous)" : "", page->index.n, page->flags);
	for (unsigned i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (page->flags >> i & 1 && flag_names[i])
			printk(KERN_CONT " %s", flag_names[i]);
	printk(KERN_CONT "\n");
}

void bad_page(const struct page *page, const char *what)
{
	dump_page(page);
	panic("bad page %#lx: %s", page_to_pfn(page).n, what);
}
