/* SPDX-License-Identifier: MIT
 *
 * swapoff: everything that lies in an area comes back.
 *
 * A slot does not say who holds its entry. So the search goes the other way round, and only where entries are: through the
 * address spaces with swap_ents > 0, table by table, each until its count is 0; and through the tmpfs files whose trees hold
 * entries, which stand in a list. Both are counted where entries come and go, so whoever holds none is not looked into. What is
 * met is faulted in, in the order of addresses, with read-ahead; then the pages of the swap cache that nobody's entry refers to
 * any more give their slots up. One round does it when nothing else happens. Entries that move meanwhile (fork copies
 * them, mremap carries them, exit drops them) may be missed: rounds go on until the area is empty. No entry of it is made anew: no slot
 * of it is given out, and rmap_unmap leaves pages of it mapped (swap_dup_first).
 *
 *   swapoff      used slots > memory and swap elsewhere?  -ENOMEM at once, before it hurts
 *                signal: -EINTR, no memory on the way: -ENOMEM: the area is on again, what was brought back stays back
 *   a slot that cannot be read: a marker instead of the entry: SIGBUS for its user, EIO for the file's reader
 *
 * Locks: none held between steps.
 */
#include "kernel/sched/sched.h"
#include "kernel/time/clock.h"
#include "mm/reclaim/swapoff.h"
#include "mm/virt/mm.h"

/* Is there room for what comes back? Files' pages can go, in good part. */
static bool room_for(const struct swap_area *a)
{
	unsigned long files = nr_lru_pages(LRU_ACTIVE_FILE) + nr_lru_pages(LRU_INACTIVE_FILE);

	if (sysctl_overcommit_memory == 2 && vm_committed() > vm_commit_limit())
		return false;
	return area_used(a) < mmu_pages(nr_free_pages() + files / 2 + swap_cache_pages()) + swap_free_slots();
}

/* --- address spaces --------------------------------------------------------------------------------------------------------- */
/* The next one in the list with swap entries, as a user of it; prev, of which we are a user too, keeps our place. */
static struct mm *next_user(struct mm *prev)
{
	struct list_head *at;
	struct mm *found = NULL;

	spin_lock(&mm_list_lock);
	for (at = prev ? prev->all_node.next : mm_list.next; at != &mm_list; at = at->next) {
		struct mm *mm = list_entry(at, struct mm, all_node);

		if (atomic_read(&mm->swap_ents) && atomic_inc_not_zero(&mm->users)) {
			found = mm;
			break;
		}
	}
	spin_unlock(&mm_list_lock);
	if (prev)
		mmput(prev);
	return found;
}

static int empty_mms(struct swap_area *a)
{
	struct mm *mm = NULL;
	int err = 0;

	while ((mm = next_user(mm)) != NULL) {
		err = area_used(a) ? mm_bring_back(mm, a->type) : 0;
		if (err || !area_used(a)) {
			mmput(mm);
			break;
		}
	}
	return err;
}

/* --- the swap cache ------------------------------------------------------------------------------------------------------------ */
static void give_up(struct page *page, swap_entry_t entry)
{
	lock_page(page);
	wait_on_page_writeback(page);
	if (page_swapcache(page) && page->private == entry.v)
		swap_try_free(page);
	swap_unlock_page(page);
	put_page(page);
}

static int empty_cache(struct swap_area *a)
{
	for (u32 offset = 1; offset < a->nr_slots && area_used(a); offset++) {
		swap_entry_t entry = swap_entry(a->type, offset);
		struct swap_slot s = swap_slot_read(a, offset);
		struct page *page = slot_has_page(&s) && !s.count ? swap_find_page(entry) : NULL;

		if (page)
			give_up(page, entry);
		if (!(offset & (CLUSTER - 1))) {
			cond_resched();
			if (signal_pending())
				return -EINTR;
		}
	}
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------------------------------------------- */
int swap_empty(struct swap_area *a)
{
	int err = 0;

	if (!room_for(a))
		return -ENOMEM;
	for (unsigned round = 0; area_used(a) && !err; round++) {
		if (round) /* somebody is just exiting, or has a page locked */
			msleep(10);
		err = empty_mms(a);
		if (!err)
			err = swap_empty_files(a);
		if (!err)
			err = empty_cache(a);
		if (!err && signal_pending())
			err = -EINTR;
	}
	return area_used(a) ? err : 0;
}
