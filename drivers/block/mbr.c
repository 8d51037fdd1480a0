/* SPDX-License-Identifier: MIT
 *
 * Reading a PC partition table. Whatever the sectors hold, this ends, and tells of no partition that leaves the disk.
 *
 * An extended partition holds a chain: each link's first entry is a logical partition, relative to the link; its second one,
 * of an extended type, is the next link, relative to the extended partition. Links must lie inside the extended
 * partition and go upwards, so that a chain cannot bite its tail; some old tools wrote them in another order: those
 * partitions are not seen. A protective MBR (type 0xee: the disk has a GPT) tells of no partition.
 */
#include "drivers/block/mbr.h"

#define TABLE 446
#define TYPE_GPT 0xee

struct entry { u8 type, boot; u32 start, sectors; };

static u32 le32(const u8 *p) { return p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24; }

static bool is_extended(u8 type) { return type == 0x05 || type == 0x0f || type == 0x85; }

/* => 1: entries read, 0: no table there, -errno */
static int read_table(const struct mbr_source *s, u64 sector, struct entry e[4])
{
	const u8 *data;
	int err = s->read(s->arg, sector, &data);

	if (err)
		return err;
	if (data[510] != 0x55 || data[511] != 0xaa)
		return 0;
	for (unsigned i = 0; i < 4; i++) {
		const u8 *p = data + TABLE + 16 * i;

		e[i] = (struct entry){ p[4], p[0], le32(p + 8), le32(p + 12) };
		if (e[i].boot & 0x7f)
			return 0; /* a boot sector of a file system, or noise */
	}
	return 1;
}

static bool fits(const struct mbr_source *s, u64 start, u64 sectors)
{
	return start && sectors && start < s->sectors && sectors <= s->sectors - start;
}

static int logical(const struct mbr_source *s, const struct entry *ext, unsigned *count)
{
	u64 at = ext->start, end = at + ext->sectors;
	unsigned number = 5;
	struct entry e[4];

	for (unsigned links = 0; links < MBR_MAX_LOGICAL; links++) {
		u64 next = 0;
		int r = read_table(s, at, e);

		if (r <= 0)
			return r;
		for (unsigned i = 0; i < 4; i++) {
			if (is_extended(e[i].type)) {
				if (!next)
					next = (u64)ext->start + e[i].start;
			} else if (e[i].type && fits(s, at + e[i].start, e[i].sectors) && e[i].start && at + e[i].start + e[i].sectors <= end) {
				r = s->found(s->arg, number++, at + e[i].start, e[i].sectors);
				if (r < 0)
					return r;
				++*count;
			}
		}
		if (next <= at || next >= end || next >= s->sectors)
			return 0;
		at = next;
	}
	return 0;
}

int mbr_parse(const struct mbr_source *s)
{
	struct entry e[4];
	unsigned count = 0;
	bool seen = false;
	int r = read_table(s, 0, e);

	if (r <= 0)
		return r;
	for (unsigned i = 0; i < 4; i++)
		if (e[i].type == TYPE_GPT)
			return 0;
	for (unsigned i = 0; i < 4; i++) {
		if (!e[i].type || is_extended(e[i].type) || !fits(s, e[i].start, e[i].sectors))
			continue;
		r = s->found(s->arg, i + 1, e[i].start, e[i].sectors);
		if (r < 0)
			return r;
		count++;
	}
	for (unsigned i = 0; i < 4 && !seen; i++) {
		if (!is_extended(e[i].type) || !fits(s, e[i].start, e[i].sectors))
			continue;
		seen = true; /* the first one counts; more are not allowed */
		r = logical(s, &e[i], &count);
		if (r < 0)
			return r;
	}
	return count;
}
