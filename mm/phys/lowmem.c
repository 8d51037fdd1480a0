/* SPDX-License-Identifier: MIT
 *
 * /proc/lowmem: who holds low memory. Every line is counted by itself; `other` is what no line knows, so that the sum is
 * all RAM below max_low_pfn at any moment. A large `other` is a consumer that deserves a line. Pages that move while the lines are
 * counted may be in two of them, or in none; where that makes more than all RAM, it is counted again.
 *
 * What was reserved at boot is known by page->private of its frames; per-CPU counters (lowmem_account) count what comes
 * and goes; slabs and LRU lists are asked.
 */
#include "kernel/lib/printk.h"
#include "mm/phys/internal.h"

DEFINE_PER_CPU(s32, lowmem_used[NR_LOW_USERS]);
static unsigned long boot_pages[NR_LOW_USERS];

unsigned long lowmem_present(void) { return zones[ZONE_DMA].present + zones[ZONE_NORMAL].present; }
unsigned long lowmem_boot_pages(enum lowmem_user who) { return boot_pages[who]; }

static enum lowmem_user boot_user(const struct page *page)
{
	return page->private < NR_LOW_USERS ? page->private : LOW_OTHER;
}

/* Once, when all blocks of low memory that hold something reserved are open. */
void __init lowmem_init(void)
{
	for (pfn_t pfn = { 0 }; pfn.n < max_low_pfn.n; pfn.n++) {
		const struct page *page;

		if (block_states[pfn_block(pfn)] != BLOCK_PARTIAL) {
			pfn.n |= BLOCK_PAGES - 1;
			continue;
		}
		page = pfn_to_page(pfn);
		if (page_reserved(page) && atomic_read(&page->refcount))
			boot_pages[boot_user(page)]++;
	}
}

void lowmem_boot_release(const struct page *page)
{
	if (!page_is_high(page))
		boot_pages[boot_user(page)]--;
}

static unsigned long used(enum lowmem_user who)
{
	long n = boot_pages[who];

	for_each_online_cpu(cpu)
		n += per_cpu(lowmem_used, cpu)[who];
	return n > 0 ? n : 0;
}

#define NR_LINES 12
#define TRIES 10

struct report {
	lowmem_emit emit;
	void *arg;
	struct { const char *name; unsigned long pages; } lines[NR_LINES];
	unsigned n, slabs_at; /* the line of all slabs */
	unsigned long known, slabs;
};

static void line(struct report *r, const char *name, unsigned long pages)
{
	r->known += pages;
	r->lines[r->n].name = name;
	r->lines[r->n++].pages = pages;
}

static void count_slab(void *arg, const struct slab_info *info)
{
	struct report *r = arg;

	r->slabs += info->pages;
}

static void show_slab(void *arg, const struct slab_info *info)
{
	struct report *r = arg;

	if (info->pages)
		r->emit(r->arg, info->name, info->pages, info->active, true);
}

static unsigned long low_lru_pages(void)
{
	unsigned long n = 0;

	for (int l = 0; l < NR_LRU; l++)
		n += zone_lru_pages(&zones[ZONE_DMA], l) + zone_lru_pages(&zones[ZONE_NORMAL], l);
	return n + zone_mlocked(&zones[ZONE_DMA]) + zone_mlocked(&zones[ZONE_NORMAL]);
}

static void free_lines(struct report *r)
{
	line(r, "free_dma", READ_ONCE(zones[ZONE_DMA].free));
	line(r, "free_normal", READ_ONCE(zones[ZONE_NORMAL].free));
	line(r, "free_on_cpus", zone_pcp_pages(&zones[ZONE_DMA]) + zone_pcp_pages(&zones[ZONE_NORMAL]));
}

static void count_lines(struct report *r)
{
	r->n = 0;
	r->known = r->slabs = 0;
	line(r, "kernel", used(LOW_KERNEL));
	line(r, "boot_modules", used(LOW_MODULE));
	line(r, "mem_map", used(LOW_MEMMAP));
	line(r, "page_directories", used(LOW_PMD));
	line(r, "page_tables", used(LOW_PTE));
	line(r, "kernel_stacks", used(LOW_STACK));
	line(r, "vmalloc", used(LOW_VMALLOC));
	line(r, "files_and_anon", low_lru_pages());
	for_each_slab_cache(count_slab, r);
	r->slabs_at = r->n;
	line(r, "slabs", r->slabs);
	free_lines(r);
}

void lowmem_report(lowmem_emit emit, void *arg)
{
	struct report r = { .emit = emit, .arg = arg };

	for (unsigned i = 0; i < TRIES; i++) {
		count_lines(&r);
		if (likely(r.known <= lowmem_present()))
			break;
	}
	for (unsigned i = 0; i < r.n; i++) {
		emit(arg, r.lines[i].name, r.lines[i].pages, 0, false);
		if (i == r.slabs_at)
			for_each_slab_cache(show_slab, &r);
	}
	emit(arg, "other", lowmem_present() > r.known ? lowmem_present() - r.known : 0, 0, false);
}
