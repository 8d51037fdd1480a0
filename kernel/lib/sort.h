/* SPDX-License-Identifier: MIT
 *
 * In-place sorting (heap sort: no recursion, no memory, n log n always).
 */
#ifndef KERNEL_LIB_SORT_H
#define KERNEL_LIB_SORT_H

#include "kernel/lib/types.h"

void sort(void *base, size_t n, size_t size, int (*cmp)(const void *, const void *));
/* First element for which cmp(key, element) is 0, in a sorted array; or NULL. */
void *bsearch(const void *key, const void *base, size_t n, size_t size, int (*cmp)(const void *key, const void *elem));

#endif
