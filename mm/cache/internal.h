/* SPDX-License-Identifier: MIT
 *
 * What the files of mm/cache share among themselves.
 */
#ifndef MM_CACHE_INTERNAL_H
#define MM_CACHE_INTERNAL_H

#include "mm/cache/cache.h"

#define CACHE_BATCH 16 /* pages looked up at a time */

#endif
