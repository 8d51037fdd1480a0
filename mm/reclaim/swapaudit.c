/* SPDX-License-Identifier: MIT
 *
 * The oracle's part of swap (debug builds): do the counts say what page tables and files hold?
 *
 *	swap_audit_begin      all audit counts to 0
 *	swap_audit_entry      once for each PTE, and (swap_audit_files) each place in a file's tree, that holds an entry
 *	swap_audit_check      the same number as the slot's count? does the slot's page know its slot? how many slots are in use?
 *
 * Any difference is a panic that names the slot. => no operation is under way (mm/rmap/oracle.c); only read-ahead, and pages that are
 * being written, may enter or leave the swap cache meanwhile.
 */
#ifdef CONFIG_DEBUG
#include "kernel/sched/sched.h"
#include "mm/reclaim/swapoff.h"

static void begin_area(struct swap_area *a)
{
	for (u32 offset = 0; offset < a->nr_slots; offset++) {
		struct swap_slot *s = swap_slot_lock(a, offset);

		s->audit = 0;
		swap_slot_unlock(a, offset, s);
	}
}

void swap_audit_begin(void)
{
	for (unsigned i = 0; i < SWAP_TYPES; i++)
		if (swap_areas[i])
			begin_area(swap_areas[i]);
}

void swap_audit_entry(swap_entry_t entry, const char *where, unsigned long at)
{
	struct swap_area *a = swap_area_of(entry);
	struct swap_slot *s;

	if (!a || !swap_offset(entry) || swap_offset(entry) >= a->nr_slots)
		panic("oracle: %s %lx holds swap entry %08x, which is in no area", where, at, entry.v);
	s = swap_slot_lock(a, swap_offset(entry));
	if (s->audit < SLOT_STUCK)
		s->audit++;
	swap_slot_unlock(a, swap_offset(entry), s);
}

/* s: locked. The page cannot lose its frame's word meanwhile; flag and private are set behind it, with preemption off. */
static void check_page(const struct swap_area *a, u32 offset, const struct swap_slot *s)
{
	struct page *page = slot_page(s);

	if (!slot_has_page(s) || !page_swapcache(page))
		return;
	if (page->private != swap_entry(a->type, offset).v || !page_swapbacked(page))
		panic("oracle: slot %u of %s has frame %lx, which says entry %08lx (flags %lx)", offset, a->name, page_to_pfn(page).n,
		      page->private, page->flags);
}

/* => false: some count differs. Truncation takes an entry out of a tree a moment before it lets its slot go. */
static bool check_area(struct swap_area *a, bool last)
{
	bool good = true;

	for (u32 offset = 1; offset < a->nr_slots; offset++) {
		struct swap_slot *s = swap_slot_lock(a, offset);

		if (s->count != s->audit && s->count != SLOT_STUCK) {
			if (last)
				panic("oracle: slot %u of %s (frame %x) counts %u holders, %u were found", offset, a->name, s->frame, s->count, s->audit);
			good = false;
		}
		check_page(a, offset, s);
		swap_slot_unlock(a, offset, s);
		if (!(offset & (CLUSTER - 1)))
			cond_resched();
	}
	return good;
}

bool swap_audit_check(bool last)
{
	bool good = true;

	for (unsigned i = 0; i < SWAP_TYPES; i++)
		if (swap_areas[i])
			good &= check_area(swap_areas[i], last);
	return good;
}
#endif
