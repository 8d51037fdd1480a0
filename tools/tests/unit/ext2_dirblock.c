/* SPDX-License-Identifier: MIT
 * unit: kernel/fs/ext2/dirblock.c
 *
 * A block of a directory against a model of names; every state of memory between two stores of a change must be a block
 * that a power cut may leave; damaged blocks: an error, never a look outside.
 */
#include "kernel/fs/ext2/pure.h"
#include "kernel/lib/string.h"
#include "tools/tests/unit/unit.h"

#define INODES 5000
#define NAMES 200

static char *block;    /* malloced to its size: ASan sees one byte too far */
static unsigned size;
static u32 have[NAMES]; /* inode of name n, 0: not there */

static unsigned name_of(unsigned n, char *buf)
{
	unsigned len = 1 + n * 7 % 60;

	for (unsigned i = 0; i < len; i++)
		buf[i] = 'a' + (n + i) % 26;
	buf[0] = '0' + n % 64;
	buf[len - 1] = '0' + n / 4 % 64;
	return len;
}

/* Entries fill the block exactly; each name that is there is one of the model's. => how many */
static unsigned check_block(void)
{
	unsigned count = 0, off = 0;

	while (off < size) {
		struct ext2_dirent *e = ext2_dirent_at(block, size, off, INODES);

		if (!e) {
			CHECK(!"a damaged block");
			return 0;
		}
		CHECK(!ext2_dirent_fault(block, size, off, INODES));
		count += e->ino != 0;
		off += e->rec_len;
	}
	CHECK(off == size);
	return count;
}

static void one_change(unsigned n)
{
	char name[64];
	unsigned len = name_of(n, name), bad;
	int at = ext2_dirblock_find(block, size, INODES, name, len, &bad);

	CHECK(have[n] ? at >= 0 : at == -ENOENT);
	if (have[n]) {
		CHECK(((struct ext2_dirent *)(block + at))->ino == have[n]);
		CHECK(ext2_dirblock_remove(block, size, INODES, at, &bad) == 0);
		have[n] = 0;
	} else {
		u32 ino = unit_random() % INODES + 1;

		at = ext2_dirblock_add(block, size, INODES, name, len, ino, EXT2_FT_REG, &bad);
		if (at == -ENOSPC)
			return;
		CHECK(at >= 0 && at % 4 == 0);
		have[n] = ino;
	}
}

TEST(names_come_and_go)
{
	for (size = 1024; size <= 4096; size *= 2) {
		unsigned there;

		block = malloc(size);
		memset(have, 0, sizeof(have));
		ext2_dirblock_init(block, size);
		for (unsigned i = 0; i < 20000; i++) {
			one_change(unit_random() % NAMES);
			there = 0;
			for (unsigned n = 0; n < NAMES; n++)
				there += have[n] != 0;
			CHECK(check_block() == there);
		}
		free(block);
	}
}

/* What a filter does not know is not there; what it knows in vain is rare; one that was not made knows nothing. */
TEST(filters)
{
	for (size = 1024; size <= 4096; size *= 2) {
		unsigned bits = size, vain = 0, bad;
		char filter[512], name[64];

		block = malloc(size);
		memset(have, 0, sizeof(have));
		memset(filter, 0, sizeof(filter));
		ext2_dirblock_init(block, size);
		CHECK(ext2_bloom_may(filter, bits, ext2_name_hash("a", 1)));
		for (unsigned i = 0; i < 500; i++) {
			unsigned n = unit_random() % NAMES;

			one_change(n);
			if (i == 50)
				ext2_bloom_make(filter, bits, block, size, INODES);
			if (have[n])
				ext2_bloom_add(filter, bits, ext2_name_hash(name, name_of(n, name)));
		}
		for (unsigned n = 0; n < NAMES; n++)
			CHECK(!have[n] || ext2_bloom_may(filter, bits, ext2_name_hash(name, name_of(n, name))));
		ext2_bloom_make(filter, bits, block, size, INODES);
		for (unsigned n = 0; n < NAMES; n++)
			CHECK(!have[n] || ext2_bloom_may(filter, bits, ext2_name_hash(name, name_of(n, name))));
		for (unsigned n = 0; n < 1000; n++)
			vain += ext2_bloom_may(filter, bits, ext2_name_hash((char *)&n, sizeof(n)));
		CHECK(vain < 50);
		((struct ext2_dirent *)block)->rec_len = 3; /* damage must be found by looking */
		ext2_bloom_make(filter, bits, block, size, INODES);
		CHECK(ext2_bloom_may(filter, bits, ext2_name_hash("nobody", 6)));
		CHECK(ext2_dirblock_find(block, size, INODES, "nobody", 6, &bad) == -EIO);
		free(block);
	}
}

TEST(dots_and_emptiness)
{
	unsigned bad;
	int at;

	size = 1024;
	block = malloc(size);
	ext2_dirblock_dots(block, size, 12, 2, EXT2_FT_DIR);
	CHECK(check_block() == 2 && ext2_dirblock_empty(block, size, INODES, &bad) == 1);
	CHECK(ext2_dirblock_find(block, size, INODES, "..", 2, &bad) == 12 && ((struct ext2_dirent *)(block + 12))->ino == 2);
	at = ext2_dirblock_add(block, size, INODES, "...", 3, 13, EXT2_FT_REG, &bad);
	CHECK(at > 0 && ext2_dirblock_empty(block, size, INODES, &bad) == 0);
	CHECK(ext2_dirblock_remove(block, size, INODES, at, &bad) == 0 && ext2_dirblock_empty(block, size, INODES, &bad) == 1);
	CHECK(ext2_dirblock_remove(block, size, INODES, at, &bad) == -EIO); /* nothing begins there any more */
	ext2_dirblock_init(block, size);
	CHECK(ext2_dirblock_empty(block, size, INODES, &bad) == 1);
	free(block);
}

/* A full block: its last byte is somebody's. */
TEST(a_full_block)
{
	unsigned bad, n = 0;
	char name[256];

	size = 4096;
	block = malloc(size);
	memset(name, 'x', sizeof(name));
	ext2_dirblock_init(block, size);
	while (ext2_dirblock_add(block, size, INODES, name, 255 - n % 4, n + 1, 0, &bad) >= 0)
		name[n++ % 255] = 'y';
	CHECK(n >= 15 && check_block() == n);
	CHECK(ext2_dirblock_add(block, size, INODES, "a", 1, 1, 0, &bad) >= 0 || n * 264 + 12 > size);
	free(block);
}

static void touch_all(void)
{
	unsigned bad = 0;
	int at;

	ext2_dirblock_find(block, size, INODES, "abc", 3, &bad);
	CHECK(bad < size);
	ext2_dirblock_empty(block, size, INODES, &bad);
	for (unsigned off = 0; off + EXT2_DIRENT_MIN <= size; off += 4) {
		struct ext2_dirent *e = ext2_dirent_at(block, size, off, INODES);

		CHECK(!e == !!ext2_dirent_fault(block, size, off, INODES));
		if (e && e->ino)
			ext2_name_ok(e);
	}
	at = ext2_dirblock_add(block, size, INODES, "abc", 3, 17, 1, &bad);
	if (at >= 0)
		ext2_dirblock_remove(block, size, INODES, at, &bad);
	ext2_dirblock_remove(block, size, INODES, unit_random() % size & ~3U, &bad);
	CHECK(bad < size);
}

TEST(damaged_blocks)
{
	size = 1024;
	for (unsigned i = 0; i < 30000; i++) {
		block = malloc(size);
		ext2_dirblock_dots(block, size, 12, 2, EXT2_FT_DIR);
		memset(have, 0, sizeof(have));
		for (unsigned n = 0; n < 12; n++)
			one_change(unit_random() % NAMES);
		for (unsigned k = unit_random() % 3 + 1; k--;)
			if (i & 1)
				block[unit_random() % size] ^= 1 << unit_random() % 8;
			else
				*(u16 *)(block + (unit_random() % size & ~3U)) = unit_random();
		touch_all();
		free(block);
	}
}

TEST(noise)
{
	size = 1024;
	for (unsigned i = 0; i < 10000; i++) {
		block = malloc(size);
		for (unsigned n = 0; n < size / 4; n++)
			((u32 *)block)[n] = unit_random() & (unit_random() | 0xff00ff);
		touch_all();
		free(block);
	}
}

TEST(types)
{
	CHECK(ext2_type_of(0100644) == EXT2_FT_REG && ext2_type_of(040755) == EXT2_FT_DIR && ext2_type_of(0120777) == EXT2_FT_LNK);
	CHECK(ext2_type_of(0) == EXT2_FT_UNKNOWN && ext2_type_of(0170000) == EXT2_FT_UNKNOWN);
	CHECK(ext2_dt_of(EXT2_FT_DIR) == 4 && ext2_dt_of(EXT2_FT_REG) == 8 && ext2_dt_of(200) == 0);
}
