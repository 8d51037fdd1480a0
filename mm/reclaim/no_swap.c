/* SPDX-License-Identifier: MIT
 *
 * Until there are swap areas: none.
 */
#include "mm/cache/cache.h"
#include "mm/reclaim/swap.h"

#define WEAK __attribute__((weak))
WEAK int swap_add_page(struct page *page) { return -ENOSPC; }
WEAK int swap_write_page(struct page *page) { return -EIO; }
WEAK bool swap_remove_clean(struct page *page) { return false; }
WEAK unsigned long swap_free_slots(void) { return 0; }
WEAK unsigned long swap_total_slots(void) { return 0; }
WEAK unsigned long swap_cache_pages(void) { return 0; }
