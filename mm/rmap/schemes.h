/* SPDX-License-Identifier: MIT
 *
 * The schemes that a boot option can choose from. A new one is a file with a table `rmap_scheme_NAME` and one word here.
 * The first of each list is the default.
 */
#ifndef MM_RMAP_SCHEMES_H
#define MM_RMAP_SCHEMES_H

#include "mm/rmap/rmap.h"

#define ANON_SCHEMES(x) x(anonvma)
#define FILE_SCHEMES(x) x(tree)

#define SCHEME_TABLE(name) rmap_scheme_##name
extern const struct rmap_scheme ANON_SCHEMES(SCHEME_TABLE), FILE_SCHEMES(SCHEME_TABLE);

#endif
