/* SPDX-License-Identifier: MIT
 *
 * Swap: pages without a file of their own, on disk. What the scanner, faults, fork and unmapping call.
 *
 * An entry (swap_entry_t, kernel/lib/units.h) names an area and a slot in it. Each slot knows how many PTEs and
 * tmpfs trees hold its entry (its count), and the page that stands for it in memory (the swap cache: no tree, a
 * word per slot). A slot is in use while either is there.
 *
 *   PTE -> page                 swap_add_page: slot, count 0, page in the swap cache, dirty
 *   rmap_unmap                  each PTE becomes the entry: count n (tmpfs: PTEs go, the page stays in its file)
 *   swap_write_page             PG_writeback ... clean
 *   swap_remove_clean           the page leaves (tmpfs: the entry takes its place in the file's tree: count 1)
 *   fault                       from the swap cache or the disk; PTE -> page: count n - 1
 *
 * A tmpfs page in the swap cache stays a page of its file: mapping, index and the file's reference are as before.
 *
 * Nothing here needs memory on the way out but bios, which have a reserve: there are no nodes to allocate.
 *
 * Lock order: page lock > PTL > mapping->tree_lock > a cluster's lock (a leaf; interrupts on). Counting never sleeps
 * and never fails.
 */
#ifndef MM_RECLAIM_SWAP_H
#define MM_RECLAIM_SWAP_H

#include "mm/phys/phys.h"

struct vma;

/* page: in the swap cache */
static inline swap_entry_t page_swap_entry(const struct page *page) { return (swap_entry_t){ page->private }; }

/* --- on the way out ------------------------------------------------------------------------------------------------ */
/* page: locked, anonymous or tmpfs, not in the swap cache. => 0: in it (one reference more), PG_swapcache, private = entry,
 * dirty. -ENOSPC: no area, or all are full. Slots given one after the other lie side by side: add pages in the order in which
 * they shall stand on disk, write them between plug_begin and plug_end, and they make large requests. No sleep. */
int swap_add_page(struct page *page);
/* page: locked, in the swap cache, dirty, not under write-back. Starts write-out and unlocks: PG_writeback until it has ended. If
 * that fails the page is dirty and active again. => 0; -errno: not started; still locked and dirty. May sleep (GFP_NOIO) */
int swap_write_page(struct page *page);
/* page: locked, in the swap cache, not under write-back, not mapped; the caller holds a reference. If no one else does and
 * the page is clean (or nothing refers to its slot any more) it leaves the swap cache, and its file. => true: the caller's is the
 * only reference, mapping NULL, still locked; no lookup can find the page any more. No sleep */
bool swap_remove_clean(struct page *page);
/* page: locked, in the swap cache. If no entry refers to its slot, and it is not under write-back, it leaves the swap cache (the
 * slot is free again) and is dirty. Mapped or not. => true: it has left. No sleep */
bool swap_try_free(struct page *page);

/* --- entries --------------------------------------------------------------------------------------------------------- */
/* One more or one fewer PTE or tmpfs tree holds the entry, which one already does (dup: or whose page is locked in the swap cache).
 * The last swap_free gives the slot back, and lets go of a page in the swap cache if its lock is free. Under the PTL. */
void swap_dup(swap_entry_t entry);
void swap_free(swap_entry_t entry);
unsigned swap_count(swap_entry_t entry);            /* PTEs and trees that hold it now: the caller's is one, or it has the page locked */
/* rmap_unmap: page (locked, in the swap cache) loses a PTE, which shall hold its entry. => false: not that one: swapoff empties
 * its area, and the mapping stays */
bool swap_dup_first(struct page *page);
/* Swap-in: page (locked, in the swap cache) is about to be mapped, or put into its file, where the entry stands. => how
 * many others hold the entry */
unsigned swap_take(struct page *page);
/* Pages that have just lost a mapping (a reference each is the caller's): those in the swap cache that nobody needs give their
 * slots back. Under the PTL too. */
void swap_drop_unused(struct page **pages, unsigned n);
void swap_unlock_page(struct page *page); /* unlock_page by who still has a reference, of a page that may be in the swap cache */

/* --- on the way in --------------------------------------------------------------------------------------------------- */
/* The entry must be held meanwhile: pin it, under the PTL or tree_lock under which it was found. A pin keeps the area, not the entry. */
void swap_pin(swap_entry_t entry), swap_unpin(swap_entry_t entry);
struct page *swap_find_page(swap_entry_t entry);    /* with a reference, not locked; NULL: not in the swap cache */
/* The page for the entry, with a reference: from the swap cache, or read, and with it neighbours that are likely to be wanted
 * next. It may still be locked for reading: lock it, then see whether it is in the swap cache, still that entry's, and
 * swap_page_good. => NULL: nothing holds the entry any more; ERR_PTR(-ENOMEM). *major: had to be read. Sleeps; no page lock held */
struct page *swap_read_page(swap_entry_t entry, bool *major);
void swap_read_ahead(swap_entry_t entry);           /* starts reading it, if it is not there; waits for nothing */
/* page: locked, in the swap cache. Could it be read? If its command failed it is read once more, alone. false: its bytes are lost, and its
 * slot is not used again. May sleep */
bool swap_page_good(struct page *page);

/* For tmpfs: its mapping_ops' bring_back and value_gone (mm/cache/cache.h). */
struct address_space;
struct page *swap_bring_back(struct address_space *m, pindex_t index, void *value);
void swap_value_gone(struct address_space *m, pindex_t index, void *value);

/* --- how much: in slots of MMU_PAGE_SIZE -------------------------------------------------------------------------------- */
unsigned long swap_free_slots(void), swap_total_slots(void), swap_cache_pages(void);
static inline bool swap_available(void) { return swap_free_slots(); }
/* Slots are short: a page that was read back gives its slot up though it is clean. */
static inline bool swap_tight(void) { return swap_free_slots() < swap_total_slots() / 2; }
extern bool swap_on; /* an area is on, or was: a hint for hot paths */
swap_entry_t swap_alloc_entry(pfn_t pfn);  /* mm/reclaim's own. 0: none free; preemption off */

#ifdef CONFIG_DEBUG
/* For the oracle: begin; entry for each PTE, files for all tmpfs trees; check. A difference is a panic; unless `last`, false: once more. */
void swap_audit_begin(void);
void swap_audit_entry(swap_entry_t entry, const char *where, unsigned long at);
void swap_audit_files(void);
bool swap_audit_check(bool last);
#endif

/* --- areas ------------------------------------------------------------------------------------------------------------------ */
struct block_device;
struct file;
/* kernel/fs has opened and claimed the device. prio < 0: the next lower one of its own. Takes over file and name (kmalloc'd) if it
 * succeeds. => 0; -EINVAL (no good header), -ENOMEM, -EPERM (no type left), -EIO, -EBUSY. Sleeps */
int swap_area_on(struct block_device *dev, struct file *file, char *name, int prio);
/* Brings everything back and gives the area up. *file: what was given. => 0; -EINVAL: no such area; -ENOMEM, -EINTR: it stays on */
int swap_area_off(struct block_device *dev, struct file **file);
struct swap_info { const char *name; unsigned long slots, used; int prio; };
void for_each_swap_area(void (*fn)(void *arg, const struct swap_info *info), void *arg); /* in order of priority */
extern int sysctl_page_cluster;            /* log2 of the slots read at once */

#endif
