/* SPDX-License-Identifier: MIT
 *
 * The schemes that a boot option can choose from. A new one is a file with a table `rmap_anon_NAME` (or `rmap_file_NAME`)
 * and one word here, like x(NAME). The first of each list is the default.
 */
#ifndef MM_RMAP_SCHEMES_H
#define MM_RMAP_SCHEMES_H

#include "mm/rmap/rmap.h"

#ifndef CONFIG_RMAP_DIRECT /* else rmap_direct.h names one of each */
#define ANON_SCHEMES(x) x(anonvma), x(avc), x(anonmm), x(chain), x(direct)
#define FILE_SCHEMES(x) x(tree), x(list), x(chain)
#endif

#define ANON_TABLE(name) rmap_anon_##name
#define FILE_TABLE(name) rmap_file_##name
extern const struct rmap_scheme ANON_SCHEMES(ANON_TABLE), FILE_SCHEMES(FILE_TABLE);

#endif
