/* SPDX-License-Identifier: MIT
 * unit: kernel/fs/ext2/geometry.c kernel/fs/ext2/path.c
 *
 * ext2's arithmetic: super blocks that can be true and such that cannot, group descriptors, the way to a file's block
 * against a model that counts, and random bytes as a super block, after which nothing may overflow.
 */
#include "kernel/fs/ext2/pure.h"
#include "kernel/lib/string.h"
#include "tools/tests/unit/unit.h"

/* What mke2fs makes of 8 MB with 1 KB blocks. */
static struct ext2_super good(void)
{
	struct ext2_super s;

	memset(&s, 0, sizeof(s));
	s.inodes = 2048;
	s.blocks = 8192;
	s.reserved_blocks = 409;
	s.free_blocks = 7782;
	s.free_inodes = 2037;
	s.first_data_block = 1;
	s.blocks_per_group = s.frags_per_group = 8192;
	s.inodes_per_group = 2048;
	s.magic = EXT2_MAGIC;
	s.state = EXT2_STATE_CLEAN;
	s.revision = 1;
	s.first_inode = 11;
	s.inode_size = 128;
	s.incompat = EXT2_INCOMPAT_FILETYPE;
	s.ro_compat = EXT2_RO_SPARSE_SUPER | EXT2_RO_LARGE_FILE;
	return s;
}
#define BYTES (8192ULL << 10)

TEST(a_good_super_block)
{
	struct ext2_super s = good();
	struct ext2_geometry g;

	REQUIRE(!ext2_read_geometry(&s, BYTES, &g));
	CHECK(g.groups == 1 && g.block_size == 1024 && g.table_blocks == 256 && g.gdt_block == 2 && g.gdt_blocks == 1);
	CHECK(ext2_group_start(&g, 0) == 1 && ext2_group_blocks(&g, 0) == 8191);
	CHECK(ext2_ino_ok(&g, 2) && !ext2_ino_ok(&g, 1) && !ext2_ino_ok(&g, 10) && ext2_ino_ok(&g, 11) && ext2_ino_ok(&g, 2048));
	CHECK(!ext2_ino_ok(&g, 2049) && !ext2_ino_ok(&g, 0));
	CHECK(!ext2_data_block_ok(&g, 0) && !ext2_data_block_ok(&g, 2) && ext2_data_block_ok(&g, 3) && ext2_data_block_ok(&g, 8191));
	CHECK(!ext2_data_block_ok(&g, 8192) && !ext2_data_block_ok(&g, ~0U));
	CHECK(g.gdt_spare == 0);
	s.compat = EXT2_COMPAT_RESIZE_INODE;
	s.reserved_gdt_blocks = 30;
	CHECK(!ext2_read_geometry(&s, BYTES, &g) && g.gdt_spare == 30);
	s.reserved_gdt_blocks = 60000;
	CHECK(!ext2_read_geometry(&s, BYTES, &g) && g.gdt_spare == 0);
	s.revision = 0; /* 128 bytes, first inode 11, no features, whatever stands there */
	s.inode_size = 77;
	s.first_inode = 1;
	REQUIRE(!ext2_read_geometry(&s, BYTES, &g));
	CHECK(g.inode_size == 128 && g.first_inode == 11 && !g.incompat && !g.ro_compat);
}

#define BAD(change) do {                                     \
	struct ext2_super s = good();                        \
	struct ext2_geometry g;                              \
	change;                                              \
	CHECK(ext2_read_geometry(&s, BYTES, &g) != NULL);    \
} while (0)

TEST(super_blocks_that_cannot_be)
{
	BAD(s.magic = 0xef54);
	BAD(s.revision = 2);
	BAD(s.log_block_size = 3);
	BAD(s.log_block_size = 0xffffffff);
	BAD(s.log_frag_size = 1);
	BAD(s.frags_per_group = 4096);
	BAD(s.inode_size = 0);
	BAD(s.inode_size = 96);
	BAD(s.inode_size = 192);
	BAD(s.inode_size = 2048);
	BAD(s.blocks_per_group = s.frags_per_group = 0);
	BAD(s.blocks_per_group = s.frags_per_group = 8200);
	BAD(s.blocks_per_group = s.frags_per_group = 8191);
	BAD(s.inodes_per_group = 0);
	BAD(s.inodes_per_group = 8200);
	BAD(s.inodes_per_group = s.inodes = 4);
	BAD(s.inodes = 2040);
	BAD(s.inodes = 0);
	BAD(s.blocks = 0);
	BAD(s.blocks = 1);
	BAD(s.blocks = 8193);
	BAD(s.blocks = 0xffffffff);
	BAD(s.first_data_block = 0);
	BAD(s.first_data_block = 2);
	BAD(s.first_inode = 5);
	BAD(s.first_inode = 5000);
	BAD(s.free_blocks = 8193);
	BAD(s.free_inodes = 2049);
	BAD(s.reserved_blocks = 8193);
	BAD(s.blocks_per_group = s.frags_per_group = 256; s.inodes_per_group = 2048; s.inodes = 2048 * 32);
}

/* Nothing overflows, divides by zero or shifts too far (the sanitizers look), and what is let through is consistent. */
TEST(random_super_blocks)
{
	for (unsigned n = 0; n < 200000; n++) {
		struct ext2_super s = good();
		struct ext2_geometry g;

		for (unsigned k = unit_random() % 4 + 1; k--;) {
			u32 v = unit_random() & 1 ? unit_random() : unit_random() % 9000;

			memcpy((char *)&s + unit_random() % 26 * 4, &v, 4);
		}
		if (ext2_read_geometry(&s, BYTES, &g))
			continue;
		CHECK(g.groups && ext2_group_start(&g, g.groups - 1) < g.blocks && (u64)g.blocks << g.block_bits <= BYTES);
		CHECK(ext2_group_blocks(&g, g.groups - 1) >= 1 && ext2_max_size(&g) > 0);
		for (u32 group = 0; group < g.groups; group++) {
			struct ext2_group d = { unit_random() % 9000, unit_random() % 9000, unit_random() % 9000, .flags = 0 };

			if (!ext2_check_group(&g, group, &d))
				CHECK(d.inode_table + g.table_blocks <= ext2_group_start(&g, group) + ext2_group_blocks(&g, group));
		}
	}
}

TEST(groups)
{
	struct ext2_super s = good();
	struct ext2_geometry g;
	struct ext2_group d = { 3, 4, 5, .flags = 0 };

	REQUIRE(!ext2_read_geometry(&s, BYTES, &g));
	CHECK(!ext2_check_group(&g, 0, &d));
	d.block_bitmap = 2; /* the descriptors */
	CHECK(ext2_check_group(&g, 0, &d) != NULL);
	d.block_bitmap = 4; /* the inode bitmap */
	CHECK(ext2_check_group(&g, 0, &d) != NULL);
	d.block_bitmap = 100; /* in the table */
	CHECK(ext2_check_group(&g, 0, &d) != NULL);
	d.block_bitmap = 8192;
	CHECK(ext2_check_group(&g, 0, &d) != NULL);
	d.block_bitmap = 3;
	d.inode_table = 8191 - 255 + 1; /* one too far */
	CHECK(ext2_check_group(&g, 0, &d) != NULL);
	d.inode_table--;
	CHECK(!ext2_check_group(&g, 0, &d));
	g.groups = 200;
	CHECK(ext2_group_has_super(&g, 0) && ext2_group_has_super(&g, 1) && !ext2_group_has_super(&g, 2) && ext2_group_has_super(&g, 3));
	CHECK(!ext2_group_has_super(&g, 6) && ext2_group_has_super(&g, 49) && ext2_group_has_super(&g, 125) && !ext2_group_has_super(&g, 15));
}

TEST(feature_names)
{
	char buf[64];

	ext2_feature_names(0x40 | 0x200 | 0x800000, true, buf, sizeof(buf));
	CHECK(!strcmp(buf, "extent flex_bg 0x800000"));
	ext2_feature_names(0x400, false, buf, sizeof(buf));
	CHECK(!strcmp(buf, "metadata_csum"));
	ext2_feature_names(~0U, true, buf, 16); /* too short: cut, not overrun */
	CHECK(strlen(buf) == 15);
}

/* The path of block n is that of n - 1, counted on. */
static void count_on(unsigned bits, struct ext2_path *p)
{
	u32 per = 1U << (bits - 2);

	if (p->depth == 1) {
		if (++p->slot[0] < EXT2_DIRECT)
			return;
		*p = (struct ext2_path){ 2, { EXT2_IND } };
		return;
	}
	for (unsigned i = p->depth; --i;) {
		if (++p->slot[i] < per)
			return;
		p->slot[i] = 0;
	}
	p->slot[0]++;
	p->depth++;
}

TEST(block_paths)
{
	for (unsigned bits = 10; bits <= 12; bits++) {
		struct ext2_path model = { 1, { 0 } }, p;
		u32 per = 1U << (bits - 2), last_known = bits == 10 ? 300000 : 20000;
		u64 end = EXT2_DIRECT + per + (u64)per * per + (u64)per * per * per;

		for (u32 n = 0; n < last_known; n++) {
			REQUIRE(ext2_block_path(bits, n, &p));
			CHECK(p.depth == model.depth && !memcmp(p.slot, model.slot, p.depth * 4));
			count_on(bits, &model);
		}
		if (end <= ~0U) {
			CHECK(ext2_block_path(bits, (u32)end - 1, &p) && p.depth == 4 && p.slot[1] == per - 1 && p.slot[3] == per - 1);
			CHECK(!ext2_block_path(bits, (u32)end, &p));
		}
		CHECK(ext2_block_path(bits, ~0U, &p) == (end > ~0U));
	}
	CHECK(ext2_entry_covers(12, 1) == 1 && ext2_entry_covers(12, 2) == 1024 && ext2_entry_covers(10, 4) == 256 * 256 * 256);
	CHECK(ext2_indirect_blocks(10, 12) == 0 && ext2_indirect_blocks(10, 13) == 1 && ext2_indirect_blocks(10, 268) == 1);
	CHECK(ext2_indirect_blocks(10, 269) == 3 && ext2_indirect_blocks(10, 12 + 256 + 65536) == 1 + 257);
}

TEST(times)
{
	static const s64 times[] = { 0, 1, 999999999, 1000000000, 1234567890123456789, -1, -1000000000, -1500000000, 0x7fffffffLL * 1000000000,
				     0x80000000LL * 1000000000 + 5, 9000000000LL * 1000000000 + 7, -0x80000000LL * 1000000000 };
	u32 more;

	for (unsigned n = 0; n < sizeof(times) / sizeof(times[0]); n++) {
		u32 sec = ext2_put_time(times[n], &more);

		CHECK(ext2_get_time(sec, &more) == times[n]);
		CHECK((more >> 2) < 1000000000);
	}
	CHECK(ext2_put_time(-1500000000, &more) == (u32)-2 && more >> 2 == 500000000); /* as Linux has it on the disk */
	CHECK(ext2_put_time(0x80000000LL * 1000000000, &more) == 0x80000000 && (more & 3) == 1);
	CHECK(ext2_put_time(1999999999, NULL) == 1 && ext2_get_time(1, NULL) == 1000000000);
	CHECK(ext2_put_time(0x90000000LL * 1000000000, NULL) == 0x7fffffff && ext2_get_time(0xffffffff, NULL) == -1000000000);
	more = ~0U; /* nonsense and beyond the end of time */
	CHECK(ext2_get_time(0x7fffffff, &more) == 9223372035LL * 1000000000);
}
