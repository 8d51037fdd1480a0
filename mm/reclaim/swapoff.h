/* SPDX-License-Identifier: MIT
 *
 * Between swap areas and those who search for their entries.
 */
#ifndef MM_RECLAIM_SWAPOFF_H
#define MM_RECLAIM_SWAPOFF_H

#include "mm/reclaim/swaparea.h"

/* Nobody gets a slot of a any more: bring back what is there. => 0: nothing is; -ENOMEM, -EINTR: the rest is where it was */
int swap_empty(struct swap_area *a);
int swap_empty_files(struct swap_area *a); /* swapshm.c: the same for tmpfs files */

#endif
