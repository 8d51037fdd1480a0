/* SPDX-License-Identifier: MIT
 *
 * From the machine's memory map to zones: where mem_map lies, which blocks of 4 MB are whole, what is reserved.
 *
 *   1. sizes    max_pfn, max_low_pfn (896 MB, lowmem=, or all there is), spans of DMA, Normal and HighMem
 *   2. mem_map  32 bytes a frame, as high as possible in low memory, the state of each block behind it
 *   3. blocks   all RAM and not reserved: left UNOPENED, nobody touches their struct pages;
 *               no RAM: ABSENT, and the pages of mem_map that would describe them are free memory like any other;
 *               all else: PARTIAL, initialised page by page now
 *   4. the rest watermarks, slabs, vmalloc
 *
 * So the work at boot grows with reserved memory, not with memory. Runs once, on one CPU, without locks of its own.
 */
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "mm/phys/internal.h"

struct page *mem_map, *high_mem_map;
pfn_t max_pfn, max_low_pfn;
struct page *zero_page;

static u64 lowmem_limit = LOWMEM_MAX;
PARAM_SIZE("lowmem", lowmem_limit, "cap low memory, so that a small machine shows the squeeze of a large one");

static struct {
	const struct mem_range *ram, *reserved;
	unsigned nr_ram, nr_reserved;
	phys_t map_start, map_end; /* mem_map and block_states */
} boot __initdata;

#define DMA_PAGES (16UL << 20 >> PAGE_SHIFT)

/* Frames of RAM range r, rounded inwards, clipped to [from, to). => false: none */
static bool __init ram_frames(const struct mem_range *r, pfn_t from, pfn_t to, pfn_t *start, pfn_t *end)
{
	start->n = max(pfn_end(r->start).n, from.n);
	end->n = min(pfn_at(r->end).n, to.n);
	return start->n < end->n;
}

/* The same for a reserved range, rounded outwards. */
static bool __init reserved_frames(const struct mem_range *r, pfn_t from, pfn_t to, pfn_t *start, pfn_t *end)
{
	start->n = max(pfn_at(r->start).n, from.n);
	end->n = min(pfn_end(r->end).n, to.n);
	return start->n < end->n;
}

static void __init find_sizes(void)
{
	pfn_t low = pfn_at(min_t(u64, ALIGN_DOWN(lowmem_limit, (u64)BLOCK_PAGES << PAGE_SHIFT), LOWMEM_MAX));

	for (unsigned i = 0; i < boot.nr_ram; i++)
		max_pfn.n = max(max_pfn.n, pfn_at(boot.ram[i].end).n);
	max_low_pfn.n = min(low.n, max_pfn.n);
	nr_blocks = DIV_ROUND_UP(max_pfn.n, BLOCK_PAGES);
}

static bool __init overlaps_reserved(u64 start, u64 end, u64 *below)
{
	for (unsigned i = 0; i < boot.nr_reserved; i++)
		if (boot.reserved[i].start < end && boot.reserved[i].end > start) {
			*below = boot.reserved[i].start;
			return true;
		}
	return false;
}

/* The highest place in low memory where `size` bytes of RAM are free; 0: none. */
static u64 __init find_low_space(u64 size)
{
	for (int i = boot.nr_ram - 1; i >= 0; i--) {
		u64 start = ALIGN_UP(boot.ram[i].start, (u64)PAGE_SIZE), end = boot.ram[i].end;

		end = ALIGN_DOWN(min(end, pfn_pos(max_low_pfn)), (u64)PAGE_SIZE);
		while (end > size && end - size >= max_t(u64, start, PAGE_SIZE)) {
			u64 below;

			if (!overlaps_reserved(end - size, end, &below))
				return end - size;
			end = ALIGN_DOWN(below, (u64)PAGE_SIZE);
		}
	}
	return 0;
}

static void __init place_mem_map(void)
{
	u64 map = (u64)nr_blocks * BLOCK_PAGES * sizeof(struct page);
	u64 size = ALIGN_UP(map + nr_blocks, (u64)PAGE_SIZE);
	u64 place = find_low_space(size);

	if (!place)
		panic("low memory too small: mem_map of %u MB of physical memory takes %u kB, and lowmem=%uM has no room for it",
		      (u32)(pfn_pos(max_pfn) >> 20), (u32)(size >> 10), (u32)(pfn_pos(max_low_pfn) >> 20));
	boot.map_start = place;
	boot.map_end = place + size;
	mem_map = __va((unsigned long)place);
	high_mem_map = mem_map + max_low_pfn.n;
	block_states = (u8 *)mem_map + map;
}

/* RAM frames of a block; *clean: none of them is reserved. */
static unsigned __init count_block(pfn_t start, pfn_t end, bool *clean)
{
	pfn_t a, b;
	unsigned n = 0;

	*clean = start.n != 0;
	for (unsigned i = 0; i < boot.nr_ram; i++)
		if (ram_frames(&boot.ram[i], start, end, &a, &b))
			n += b.n - a.n;
	for (unsigned i = 0; i < boot.nr_reserved; i++)
		if (reserved_frames(&boot.reserved[i], start, end, &a, &b))
			*clean = false;
	if (pfn_at(boot.map_start).n < end.n && pfn_at(boot.map_end).n > start.n)
		*clean = false;
	return n;
}

static enum zone_id __init zone_of_frame(pfn_t pfn)
{
	return pfn.n < DMA_PAGES ? ZONE_DMA : pfn.n < max_low_pfn.n ? ZONE_NORMAL : ZONE_HIGHMEM;
}

static void __init classify_blocks(void)
{
	for (unsigned b = 0; b < nr_blocks; b++) {
		pfn_t start = block_pfn(b);
		bool clean;
		unsigned n = count_block(start, block_pfn(b + 1), &clean);

		block_states[b] = !n ? BLOCK_ABSENT : clean && n == BLOCK_PAGES ? BLOCK_UNOPENED : BLOCK_PARTIAL;
		zones[zone_of_frame(start)].present += n;
	}
}

static void __init reserve_frames(pfn_t a, pfn_t b, enum lowmem_user user)
{
	for (; a.n < b.n; a.n++) {
		struct page *page = pfn_to_page(a);

		if (page_reserved(page) && !atomic_read(&page->refcount))
			continue; /* no RAM */
		page->flags |= 1UL << PG_reserved;
		page->private = user;
		atomic_set(&page->refcount, 1);
	}
}

/* mem_map's own frames, but for those that describe absent blocks only. */
static void __init reserve_mem_map(pfn_t start, pfn_t end)
{
	const unsigned pages_per_block = BLOCK_PAGES * sizeof(struct page) >> PAGE_SHIFT;
	pfn_t first = pfn_at(boot.map_start), last = pfn_at(boot.map_end);

	for (pfn_t pfn = { max(start.n, first.n) }; pfn.n < min(end.n, last.n); pfn.n++) {
		unsigned block = (pfn.n - first.n) / pages_per_block;

		if (block >= nr_blocks || block_states[block] != BLOCK_ABSENT)
			reserve_frames(pfn, (pfn_t){ pfn.n + 1 }, LOW_MEMMAP);
	}
}

static void __init free_run(struct zone *z, pfn_t a, pfn_t b)
{
	z->managed += b.n - a.n;
	while (a.n < b.n) {
		unsigned order = min_t(unsigned, a.n ? __builtin_ctzl(a.n) : MAX_ORDER, MAX_ORDER);

		while (a.n + (1UL << order) > b.n)
			order--;
		buddy_give(z, pfn_to_page(a), order);
		a.n += 1UL << order;
	}
}

static void __init open_partial_block(struct zone *z, pfn_t start)
{
	pfn_t end = { start.n + BLOCK_PAGES }, a, b;

	for (pfn_t pfn = start; pfn.n < end.n; pfn.n++)
		page_init(pfn_to_page(pfn), z - zones, 1UL << PG_reserved);
	for (unsigned i = 0; i < boot.nr_ram; i++)
		if (ram_frames(&boot.ram[i], start, end, &a, &b))
			for (; a.n < b.n; a.n++)
				pfn_to_page(a)->flags &= ~(1UL << PG_reserved);
	for (unsigned i = 0; i < boot.nr_reserved; i++)
		if (reserved_frames(&boot.reserved[i], start, end, &a, &b))
			reserve_frames(a, b, boot.reserved[i].user);
	reserve_mem_map(start, end);
	if (!start.n)
		reserve_frames(start, (pfn_t){ 1 }, LOW_KERNEL);
	for (a = start; a.n < end.n; a = b) {
		bool reserved = page_reserved(pfn_to_page(a));

		for (b.n = a.n + 1; b.n < end.n && page_reserved(pfn_to_page(b)) == reserved; b.n++)
			;
		if (!reserved)
			free_run(z, a, b);
	}
}

static void __init set_spans(void)
{
	static const char *const names[NR_ZONES] = { "DMA", "Normal", "HighMem" };
	const pfn_t ends[NR_ZONES] = { { min(DMA_PAGES, max_low_pfn.n) }, max_low_pfn, max_pfn };

	for (int i = 0; i < NR_ZONES; i++) {
		struct zone *z = &zones[i];

		z->name = names[i];
		z->start_pfn.n = i ? ends[i - 1].n : 0;
		z->end_pfn.n = max(ends[i].n, z->start_pfn.n);
		spin_lock_init(&z->lock, "zone");
		spin_lock_init(&z->lru_lock, "lru");
		for (int l = 0; l < NR_LRU; l++)
			list_init(&z->lru[l]);
		buddy_init(z);
	}
}

static void __init fill_zones(void)
{
	for (unsigned b = 0; b < nr_blocks; b++) {
		pfn_t start = block_pfn(b);
		struct zone *z = &zones[zone_of_frame(start)];

		if (block_states[b] == BLOCK_PARTIAL) {
			open_partial_block(z, start);
		} else if (block_states[b] == BLOCK_UNOPENED) {
			z->unopened++;
			z->free += BLOCK_PAGES;
			z->managed += BLOCK_PAGES;
		}
	}
	totalhigh_pages = zones[ZONE_HIGHMEM].managed;
	totalram_pages = zones[ZONE_DMA].managed + zones[ZONE_NORMAL].managed + totalhigh_pages;
}

static void __init make_zero_page(void)
{
	zero_page = alloc_page(__GFP_ZERO);
	if (!zero_page)
		panic("no memory for the zero page");
	set_page_reserved(zero_page);
	zero_page->private = LOW_KERNEL;
	lowmem_account(LOW_KERNEL, zero_page, 1);
}

void __init phys_init(const struct mem_range *ram, unsigned nr_ram, const struct mem_range *reserved, unsigned nr_reserved)
{
	boot.ram = ram;
	boot.nr_ram = nr_ram;
	boot.reserved = reserved;
	boot.nr_reserved = nr_reserved;
	find_sizes();
	set_spans();
	place_mem_map();
	classify_blocks();
	fill_zones();
	lowmem_init();
	zones_set_up();
	slab_init();
	kmalloc_init();
	pagelock_init();
	make_zero_page();
	pr_info("memory: %lu MB, %lu MB of it high; low memory %lu MB, mem_map %lu kB of it, free %lu kB\n",
		(zones[0].present + zones[1].present + zones[2].present) >> (20 - PAGE_SHIFT),
		zones[ZONE_HIGHMEM].present >> (20 - PAGE_SHIFT), lowmem_present() >> (20 - PAGE_SHIFT),
		lowmem_boot_pages(LOW_MEMMAP) << (PAGE_SHIFT - 10), nr_free_low() << (PAGE_SHIFT - 10));
}

/* => frames wholly inside [start, end) that were reserved at boot become free; others are left alone. Any context. */
void phys_release(phys_t start, phys_t end)
{
	pfn_t last = pfn_at(end);

	for (pfn_t a = pfn_end(start); a.n < last.n; a.n++) {
		struct page *page = pfn_to_page(a);
		struct zone *z;
		unsigned long flags;

		if (!pfn_opened(a) || !page_reserved(page))
			continue;
		z = page_zone(page);
		lowmem_boot_release(page);
		spin_lock_irqsave(&z->lock, flags);
		page->flags &= ~(1UL << PG_reserved);
		page->private = 0;
		atomic_set(&page->refcount, 0);
		z->managed++;
		totalram_pages++;
		totalhigh_pages += z == &zones[ZONE_HIGHMEM];
		buddy_give(z, page, 0);
		spin_unlock_irqrestore(&z->lock, flags);
	}
}
