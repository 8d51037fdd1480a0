/* SPDX-License-Identifier: MIT
 *
 * One block of a directory: entries that follow each other by rec_len and fill the block to its end. Unused space belongs
 * to the entry before it, or to an entry with inode 0 at the block's start.
 *
 * Stores are made in such an order that whoever copies the block meanwhile, from low to high addresses (a disk that
 * is given it), sees the block before the change or after it: a new entry is written into space that nobody looks at
 * before the 16 or 32 bits that make it visible; taking one away is one store of 16 bits.
 */
#include "kernel/fs/ext2/pure.h"
#include "kernel/lib/string.h"

/* --- looking ----------------------------------------------------------------------------------------------------- */
const char *ext2_dirent_fault(const void *block, unsigned size, unsigned off, u32 inodes)
{
	const struct ext2_dirent *e = (const void *)((const char *)block + off);

	if (off % 4 || off > size - EXT2_DIRENT_MIN)
		return "an entry crosses the end of its block";
	if (e->rec_len < EXT2_DIRENT_MIN || e->rec_len % 4)
		return "impossible entry length";
	if (e->rec_len > size - off)
		return "an entry crosses the end of its block";
	if (e->ino && (!e->name_len || EXT2_DIRENT_SIZE(e->name_len) > e->rec_len))
		return "a name does not fit its entry";
	if (e->ino > inodes)
		return "an entry names an inode beyond the last";
	return NULL;
}

struct ext2_dirent *ext2_dirent_at(void *block, unsigned size, unsigned off, u32 inodes)
{
	struct ext2_dirent *e = (void *)((char *)block + off);

	if (unlikely(off > size - EXT2_DIRENT_MIN || e->rec_len < EXT2_DIRENT_MIN || (off | e->rec_len) & 3 || e->rec_len > size - off))
		return NULL;
	if (unlikely(e->ino && (!e->name_len || EXT2_DIRENT_SIZE(e->name_len) > e->rec_len || e->ino > inodes)))
		return NULL;
	return e;
}

bool ext2_name_ok(const struct ext2_dirent *e) { return !memchr(e->name, '/', e->name_len) && !memchr(e->name, 0, e->name_len); }

int ext2_dirblock_find(void *block, unsigned size, u32 inodes, const char *name, unsigned len, unsigned *bad)
{
	for (unsigned off = 0; off < size;) {
		struct ext2_dirent *e = ext2_dirent_at(block, size, off, inodes);

		if (unlikely(!e)) {
			*bad = off;
			return -EIO;
		}
		/* names that lie together often begin alike */
		if (e->name_len == len && e->ino && e->name[len - 1] == name[len - 1] && !memcmp(e->name, name, len))
			return off;
		off += e->rec_len;
	}
	return -ENOENT;
}

/* --- filters (filter.c) ------------------------------------------------------------------------------------------- */
u32 ext2_name_hash(const char *name, unsigned len)
{
	u32 h = len;

	for (unsigned i = 0; i < len; i++)
		h = (h ^ (u8)name[i]) * 0x01000193u;
	h = (h ^ h >> 15) * 0x2c1b3c6du;
	return h ^ h >> 13;
}

/* Three bits for a name, none of them bit 0: ten bits of the hash apart, more where the filter is larger. */
static unsigned bit_of(u32 hash, unsigned which, unsigned bits)
{
	unsigned b = hash >> 10 * which & (bits - 1);

	return b ? b : 1;
}

void ext2_bloom_add(void *filter, unsigned bits, u32 hash)
{
	u8 *f = filter;

	for (unsigned i = 0; i < 3; i++)
		f[bit_of(hash, i, bits) / 8] |= 1 << bit_of(hash, i, bits) % 8;
}

bool ext2_bloom_may(const void *filter, unsigned bits, u32 hash)
{
	const u8 *f = filter;

	if (unlikely(!(f[0] & 1)))
		return true;
	for (unsigned i = 0; i < 3; i++)
		if (!(f[bit_of(hash, i, bits) / 8] >> bit_of(hash, i, bits) % 8 & 1))
			return false;
	return true;
}

void ext2_bloom_make(void *filter, unsigned bits, void *block, unsigned size, u32 inodes)
{
	memset(filter, 0, bits / 8);
	for (unsigned off = 0; off < size;) {
		struct ext2_dirent *e = ext2_dirent_at(block, size, off, inodes);

		if (!e)
			return; /* damaged: not made, so that who looks finds that out */
		if (e->ino)
			ext2_bloom_add(filter, bits, ext2_name_hash(e->name, e->name_len));
		off += e->rec_len;
	}
	*(u8 *)filter |= 1;
}

int ext2_dirblock_empty(void *block, unsigned size, u32 inodes, unsigned *bad)
{
	for (unsigned off = 0; off < size;) {
		struct ext2_dirent *e = ext2_dirent_at(block, size, off, inodes);

		if (!e) {
			*bad = off;
			return -EIO;
		}
		if (e->ino && !(e->name[0] == '.' && (e->name_len == 1 || (e->name_len == 2 && e->name[1] == '.'))))
			return 0;
		off += e->rec_len;
	}
	return 1;
}

/* --- changing ---------------------------------------------------------------------------------------------------- */
static void fill(struct ext2_dirent *e, const char *name, unsigned len, u8 type)
{
	e->name_len = len;
	e->type = type;
	memcpy(e->name, name, len);
	memset(e->name + len, 0, EXT2_DIRENT_SIZE(len) - EXT2_DIRENT_HEAD - len);
}

/* An entry that is in use gives up the space behind its own name. */
static struct ext2_dirent *split(struct ext2_dirent *e, const char *name, unsigned len, u32 ino, u8 type)
{
	unsigned own = EXT2_DIRENT_SIZE(e->name_len);
	struct ext2_dirent *n = (void *)((char *)e + own);

	fill(n, name, len, type);
	n->ino = ino;
	n->rec_len = e->rec_len - own;
	barrier();
	WRITE_ONCE(e->rec_len, own);
	return n;
}

int ext2_dirblock_add(void *block, unsigned size, u32 inodes, const char *name, unsigned len, u32 ino, u8 type, unsigned *bad)
{
	unsigned need = EXT2_DIRENT_SIZE(len);

	for (unsigned off = 0; off < size;) {
		struct ext2_dirent *e = ext2_dirent_at(block, size, off, inodes);

		if (!e) {
			*bad = off;
			return -EIO;
		}
		if (!e->ino && e->rec_len >= need) {
			fill(e, name, len, type);
			barrier();
			WRITE_ONCE(e->ino, ino);
			return off;
		}
		if (e->ino && e->rec_len >= EXT2_DIRENT_SIZE(e->name_len) + need)
			return (char *)split(e, name, len, ino, type) - (char *)block;
		off += e->rec_len;
	}
	return -ENOSPC;
}

int ext2_dirblock_remove(void *block, unsigned size, u32 inodes, unsigned at, unsigned *bad)
{
	struct ext2_dirent *prev = NULL;

	for (unsigned off = 0; off < size;) {
		struct ext2_dirent *e = ext2_dirent_at(block, size, off, inodes);

		if (!e || off > at) {
			*bad = off;
			return -EIO;
		}
		if (off < at) {
			prev = e;
			off += e->rec_len;
			continue;
		}
		if (prev)
			WRITE_ONCE(prev->rec_len, prev->rec_len + e->rec_len);
		else
			WRITE_ONCE(e->ino, 0);
		return 0;
	}
	*bad = at;
	return -EIO;
}

void ext2_dirblock_init(void *block, unsigned size)
{
	struct ext2_dirent *e = block;

	memset(block, 0, size);
	e->rec_len = size;
}

void ext2_dirblock_dots(void *block, unsigned size, u32 self, u32 parent, u8 type)
{
	struct ext2_dirent *dot = block, *dotdot = (void *)((char *)block + EXT2_DIRENT_SIZE(1));

	memset(block, 0, size);
	*dot = (struct ext2_dirent){ .ino = self, .rec_len = EXT2_DIRENT_SIZE(1), .name_len = 1, .type = type };
	dot->name[0] = '.';
	*dotdot = (struct ext2_dirent){ .ino = parent, .rec_len = size - EXT2_DIRENT_SIZE(1), .name_len = 2, .type = type };
	dotdot->name[0] = dotdot->name[1] = '.';
}

/* --- types ------------------------------------------------------------------------------------------------------- */
/* In the order of EXT2_FT_*: the type bits of the mode, which are also what getdents says. */
static const u8 modes[EXT2_FT_MAX] = { 0, 010, 004, 002, 006, 001, 014, 012 };

u8 ext2_type_of(mode_t mode)
{
	for (u8 t = 1; t < EXT2_FT_MAX; t++)
		if (modes[t] == (mode >> 12 & 15))
			return t;
	return EXT2_FT_UNKNOWN;
}
unsigned ext2_dt_of(u8 type) { return type < EXT2_FT_MAX ? modes[type] : 0; }
