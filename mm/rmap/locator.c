/* SPDX-License-Identifier: MIT
 *
 * Numbering the frames that have RAM, once at boot (locator.h). Two small tables, 4 bytes for 128 MB: 2 KB at 64 GB.
 */
#include "kernel/lib/param.h"
#include "mm/rmap/locator.h"
#include "mm/rmap/rmap.h"

#define SECTION_SIZE ((phys_t)MMU_PAGE_SIZE << SECTION_SHIFT)
#define MAX_NUMBER ((1U << (32 - SLOT_BITS)) - 1) /* the last one would make NO_LOCATOR possible */

struct squeeze squeeze;
struct page *rmap_table_limit = (struct page *)~0UL;

static u64 limit_wish;
PARAM_SIZE("rmap.tablelimit", limit_wish, "with chains: keep page tables below this, as those of 32 GB must be on larger machines");

static bool section_has_ram(u32 section)
{
	phys_t start = section * SECTION_SIZE;

	for (pfn_t pfn = pfn_at(start); pfn.n < pfn_at(start + SECTION_SIZE).n; pfn.n += 1UL << MAX_ORDER)
		if (pfn_has_ram(pfn))
			return true;
	return false;
}

static void number_sections(struct squeeze *s, u32 sections)
{
	s->nr = 0;
	for (u32 i = 0; i < sections; i++) {
		s->gap[i] = i - s->nr;
		if (section_has_ram(i))
			s->section[s->nr++] = i;
	}
}

static void set_limit(void)
{
	pfn_t limit = squeeze.nr > MAX_NUMBER >> SECTION_SHIFT ? pfn_of(expand_frame(MAX_NUMBER)) : max_pfn;

	if (limit_wish)
		limit.n = min(limit.n, max(pfn_at(limit_wish).n, max_low_pfn.n));
	rmap_table_limit = pfn_to_page(limit);
}

int locator_init(void)
{
	u32 sections = mmu_pfn_at(pfn_pos(max_pfn) + SECTION_SIZE - 1).n >> SECTION_SHIFT;

	if (squeeze.nr)
		return 0;
	squeeze.gap = kmalloc(2 * sections * sizeof(u16), GFP_KERNEL);
	if (!squeeze.gap)
		return -ENOMEM;
	squeeze.section = squeeze.gap + sections;
	number_sections(&squeeze, sections);
	set_limit();
	return 0;
}
