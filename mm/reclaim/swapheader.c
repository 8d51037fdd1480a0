/* SPDX-License-Identifier: MIT
 *
 * The header of a swap area, as mkswap writes it: one page, in the byte order of the machine.
 *
 *   1024   u32 version (1), last_page, nr_badpages; u8 uuid[16], label[16]; 117 words of nothing
 *   1536   u32 badpages[nr_badpages]
 *   4086   "SWAPSPACE2"
 *
 * A host test feeds this with everything that is wrong.
 */
#include "kernel/lib/string.h"
#include "mm/reclaim/swaparea.h"

#define INFO_AT 1024
#define BAD_AT 1536
#define MAGIC_AT (PAGE_SIZE - 10)
#define MAX_BAD ((MAGIC_AT - BAD_AT) / sizeof(u32))

struct info { u32 version, last_page, nr_bad; };

static const char *check(const char *p, u32 pages, struct swap_header *h)
{
	const struct info *info = (const struct info *)(p + INFO_AT);

	if (!memcmp(p + MAGIC_AT, "SWAP-SPACE", 10))
		return "a header of the old format: run mkswap again";
	if (memcmp(p + MAGIC_AT, "SWAPSPACE2", 10))
		return "no swap header: run mkswap first";
	if (info->version != 1)
		return info->version == 0x01000000 ? "a header in foreign byte order" : "a header of unknown version";
	if (!info->last_page)
		return "the header says that it is empty";
	if (info->last_page >= pages)
		return "the header says that it is larger than the device";
	if (info->nr_bad > MAX_BAD)
		return "the header lists more bad pages than it has room for";
	h->last = info->last_page;
	h->nr_bad = info->nr_bad;
	h->bad = (const u32 *)(p + BAD_AT);
	for (u32 i = 0; i < h->nr_bad; i++)
		if (!h->bad[i] || h->bad[i] > h->last)
			return "the header lists a bad page that is not in the area";
	return NULL;
}

int swap_header_parse(const void *page, u32 pages, struct swap_header *h, const char **why)
{
	*why = check(page, pages, h);
	return *why ? -EINVAL : 0;
}
