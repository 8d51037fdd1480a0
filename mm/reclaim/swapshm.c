/* SPDX-License-Identifier: MIT
 *
 * Pages of tmpfs files and of shared anonymous memory.
 */
#include "mm/reclaim/swapoff.h"

bool swap_leave_file(struct page *page) { return false; }
int swap_empty_files(struct swap_area *a) { return 0; }
