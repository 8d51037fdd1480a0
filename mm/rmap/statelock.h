/* SPDX-License-Identifier: MIT
 *
 * rmap.lock: how the reverse map's words in struct page are locked, for the schemes that keep state there (chain, direct).
 *
 *   global   one spinlock
 *   bit      a bit of page->flags: a lock in each page that costs no memory, but two locked operations, and shares its
 *            word with all other flags (2.5.27 to 2.6.8)
 *   hashed   kernel/sync/hashlock by page->key (of a file's page the index, it is one word): 16 neighbours in a file, or 16
 *            pages faulted in one after the other, share a slot, so that fork and exit take one lock for all of them
 *            (Daniel Phillips' proposal of August 2002)
 *
 * => Taken under the PTL, or first of all by a walk, which then may only try the PTL. The holder does not sleep.
 * => page->key may change only while the page is not mapped.
 */
#ifndef MM_RMAP_STATELOCK_H
#define MM_RMAP_STATELOCK_H

#include "mm/phys/page.h"

void state_lock(struct page *page);
void state_unlock(struct page *page);

/* A run: many pages one after the other under one PTL. Between the two, state_unlock keeps the lock, and state_lock lets go
 * of it only if the next page has another. Nothing may sleep, and no other PTL be taken. */
void rmap_run_begin(void);
void rmap_run_end(void);

/* A key for a page that is no file's: the pages that one CPU makes in a row are neighbours. */
unsigned long state_key(void);

void state_lock_init(void);
const char *state_lock_name(void);

#endif
