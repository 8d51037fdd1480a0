/* SPDX-License-Identifier: MIT
 * unit: drivers/block/mbr.c
 *
 * The partition parser: tables as tools write them, loops, nonsense, and mutations of good ones. Whatever the sectors
 * hold it must end, stay on the disk, and read no sector beyond it.
 */
#include "tools/tests/unit/unit.h"
#include "drivers/block/mbr.h"
#include "kernel/lib/string.h"

#define SECTORS 64 /* only these can hold a table */
static u8 image[SECTORS][512];
static u64 disk_sectors;
static unsigned reads;
static struct { unsigned number; u64 start, sectors; } seen[600];
static int nr_seen, stop_after, read_error_at;

static int read_sector(void *arg, u64 sector, const u8 **data)
{
	static const u8 empty[512];

	CHECK(sector < disk_sectors);
	if (++reads == (unsigned)read_error_at)
		return -5;
	*data = sector < SECTORS ? image[sector] : empty;
	return 0;
}
static int found(void *arg, unsigned number, u64 start, u64 sectors)
{
	CHECK(start && sectors && start + sectors <= disk_sectors && start + sectors > start);
	CHECK(nr_seen < 600 && number >= 1 && number < 5 + 4 * MBR_MAX_LOGICAL);
	seen[nr_seen].number = number;
	seen[nr_seen].start = start;
	seen[nr_seen++].sectors = sectors;
	return nr_seen == stop_after ? -12 : 0;
}
static int parse(void)
{
	struct mbr_source s = { read_sector, found, NULL, disk_sectors };

	nr_seen = 0;
	reads = 0;
	return mbr_parse(&s);
}
static void put(unsigned sector, unsigned n, u8 type, u32 start, u32 sectors)
{
	u8 *p = image[sector] + 446 + 16 * n;

	p[4] = type;
	for (unsigned i = 0; i < 4; i++) {
		p[8 + i] = start >> 8 * i;
		p[12 + i] = sectors >> 8 * i;
	}
	image[sector][510] = 0x55;
	image[sector][511] = 0xaa;
}
static void clear(void)
{
	memset(image, 0, sizeof(image));
	disk_sectors = 100000;
	stop_after = read_error_at = -1;
}
/* two primary ones and an extended one with three logical ones */
static void good(void)
{
	clear();
	put(0, 0, 0x83, 1000, 500);
	put(0, 1, 0x82, 1500, 500);
	put(0, 3, 0x05, 10, 5000);
	put(10, 0, 0x83, 5, 100);
	put(10, 1, 0x05, 10, 200);
	put(20, 0, 0x83, 5, 100);
	put(20, 1, 0x05, 30, 200);
	put(40, 0, 0x07, 60, 4000);
}

TEST(empty_disk) { clear(); CHECK(parse() == 0 && !nr_seen && reads == 1); }

TEST(primary_and_logical)
{
	good();
	CHECK(parse() == 5);
	REQUIRE(nr_seen == 5);
	CHECK(seen[0].number == 1 && seen[0].start == 1000 && seen[0].sectors == 500);
	CHECK(seen[1].number == 2 && seen[1].start == 1500);
	CHECK(seen[2].number == 5 && seen[2].start == 15 && seen[2].sectors == 100);
	CHECK(seen[3].number == 6 && seen[3].start == 25);
	CHECK(seen[4].number == 7 && seen[4].start == 100 && seen[4].sectors == 4000);
}

TEST(no_signature_no_table)
{
	good();
	image[0][511] = 0;
	CHECK(parse() == 0);
	good();
	image[0][446] = 0x12; /* a boot flag that is none */
	CHECK(parse() == 0);
}

TEST(what_leaves_the_disk_is_left_out)
{
	clear();
	put(0, 0, 0x83, 99999, 1);
	put(0, 1, 0x83, 99999, 2);
	put(0, 2, 0x83, 0, 10);
	put(0, 3, 0x83, 0xffffffff, 0xffffffff);
	CHECK(parse() == 1 && seen[0].number == 1);
	clear();
	put(0, 0, 0x05, 10, 1000);
	put(10, 0, 0x83, 5, 2000); /* beyond its extended partition */
	CHECK(parse() == 0);
}

TEST(loops_end)
{
	good();
	put(40, 1, 0x05, 0, 100);  /* back to the first link */
	CHECK(parse() == 5 && reads < 10);
	good();
	put(20, 1, 0x05, 10, 100); /* to itself */
	CHECK(parse() == 4 && reads < 10);
	good();
	put(10, 1, 0x05, 0xfffffff6, 100); /* wraps around */
	CHECK(parse() == 3);
}

TEST(long_chains_end)
{
	clear();
	put(0, 0, 0x0f, 1, 90000);
	for (unsigned i = 1; i < SECTORS; i++) {
		put(i, 0, 0x83, 100, 1);
		put(i, 1, 0x05, i, 1000);
	}
	CHECK(parse() == SECTORS - 1);
}

TEST(gpt_is_left_alone)
{
	clear();
	put(0, 0, 0xee, 1, 0xffffffff);
	put(0, 1, 0x83, 100, 10);
	CHECK(parse() == 0 && !nr_seen);
}

TEST(errors_come_through)
{
	good();
	stop_after = 4;
	CHECK(parse() == -12);
	for (int n = 1; n <= 4; n++) {
		good();
		read_error_at = n;
		CHECK(parse() == -5);
	}
}

TEST(mutations)
{
	for (unsigned round = 0; round < 200000; round++) {
		static const u8 links[] = { 0, 10, 20, 40 };
		unsigned n = 1 + unit_random() % 6;

		good();
		while (n--) {
			unsigned at = unit_random() % 4 ? 446 + unit_random() % 66 : unit_random() % 512;

			image[links[unit_random() % 4]][at] = unit_random() % 3 ? unit_random() : (u8)"\0\1\5\x0f\xff\x85\x83"[unit_random() % 7];
		}
		disk_sectors = unit_random() % 5 ? 100000 : 1 + unit_random() % 2000;
		parse();
		CHECK(reads <= MBR_MAX_LOGICAL + 1);
	}
}
