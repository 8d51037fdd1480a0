/* SPDX-License-Identifier: MIT
 * unit: kernel/fs/cpio.c kernel/lib/string.c
 *
 * The newc parser: good archives, each kind of damage with its place, and archives mutated at random, which must
 * neither crash nor be read beyond their end (ASan: each is copied into memory of exactly its size).
 */
#include "tools/tests/unit/unit.h"
#include "kernel/fs/cpio.h"
#include "kernel/lib/string.h"

static u8 buf[65536];
static size_t len;

static void put_hex(u32 v)
{
	for (int n = 28; n >= 0; n -= 4)
		buf[len++] = "0123456789abcdef"[v >> n & 15];
}
static void pad(void)
{
	while (len & 3)
		buf[len++] = 0;
}
static void put_entry(const char *magic, const char *name, u32 ino, u32 mode, u32 nlink, const void *data, u32 size, u32 check)
{
	u32 f[13] = { ino, mode, 11, 22, nlink, 33, size, 8, 1, 4, 64, strlen(name) + 1, check };

	memcpy(buf + len, magic, 6);
	len += 6;
	for (int n = 0; n < 13; n++)
		put_hex(f[n]);
	memcpy(buf + len, name, strlen(name) + 1);
	len += strlen(name) + 1;
	pad();
	memcpy(buf + len, data, size);
	len += size;
	pad();
}
static void put_trailer(void) { put_entry("070701", "TRAILER!!!", 0, 0, 1, "", 0, 0); }

struct seen { unsigned entries, trailers; u64 bytes, names; };
static int see(const struct cpio_entry *e, void *arg)
{
	struct seen *s = arg;

	if (e->trailer) {
		s->trailers++;
		return 0;
	}
	s->entries++;
	for (u32 n = 0; n < e->size; n++)
		s->bytes += ((const u8 *)e->data)[n];
	CHECK(strlen(e->name) == e->name_len);
	s->names += e->name_len;
	return 0;
}

/* In memory of its own size, so that ASan sees one byte too far. */
static int parse(size_t n, struct seen *s, struct cpio_error *err)
{
	u8 *copy = malloc(n ? n : 1);
	int r;

	memcpy(copy, buf, n);
	*s = (struct seen){ 0 };
	r = cpio_parse(copy, n, see, s, err);
	free(copy);
	return r;
}

static void build(void)
{
	len = 0;
	put_entry("070701", ".", 1, 040755, 2, "", 0, 0);
	put_entry("070701", "etc/motd", 2, 0100644, 1, "hello", 5, 0);
	put_entry("070702", "sum", 3, 0100644, 1, "\1\2\3", 3, 6);
	put_entry("070701", "bin/sh", 4, 0120777, 1, "busybox", 7, 0);
	put_trailer();
}

TEST(reads_entries_and_contents)
{
	struct cpio_error err;
	struct seen s;

	build();
	CHECK(parse(len, &s, &err) == 0 && !err.reason);
	CHECK(s.entries == 4 && s.trailers == 1);
	CHECK(s.bytes == 'h' + 'e' + 'l' + 'l' + 'o' + 6 + 'b' + 'u' + 's' + 'y' + 'b' + 'o' + 'x');
}

TEST(several_archives_with_zeroes_between_and_after)
{
	struct cpio_error err;
	struct seen s;

	build();
	memset(buf + len, 0, 512);
	len += 511; /* the next one does not even begin at a multiple of 4 */
	put_entry("070701", "more", 9, 0100600, 1, "x", 1, 0);
	put_trailer();
	memset(buf + len, 0, 100);
	len += 100;
	(void)parse(len, &s, &err);
	CHECK(s.entries == 5 || err.reason);
	build();
	memset(buf + len, 0, 512);
	len = ALIGN_UP(len, 4) + 508;
	put_entry("070701", "more", 9, 0100600, 1, "x", 1, 0);
	put_trailer();
	CHECK(parse(len, &s, &err) == 0);
	CHECK(s.entries == 5 && s.trailers == 2);
	CHECK(parse(0, &s, &err) == 0 && s.entries == 0);
}

TEST(every_cut_is_refused_with_its_place)
{
	struct cpio_error err;
	struct seen s;

	build();
	for (size_t n = 1; n < len; n++) {
		int r = parse(n, &s, &err);

		if (r == 0) { /* only the padding of the last entry may be missing */
			CHECK(s.trailers == 1);
			continue;
		}
		CHECK(r == -EINVAL && err.reason && err.offset <= n);
	}
}

TEST(names_the_damage)
{
	struct cpio_error err;
	struct seen s;

	build();
	buf[112 + 6 + 3] = 'g';
	CHECK(parse(len, &s, &err) == -EINVAL && strstr(err.reason, "hexadecimal") && err.offset > 112);
	build();
	buf[5] = '7';
	CHECK(parse(len, &s, &err) == -EINVAL && strstr(err.reason, "magic") && err.offset == 0);
	build();
	memcpy(buf, "\x1f\x8b\x08", 3);
	CHECK(parse(len, &s, &err) == -EINVAL && strstr(err.reason, "gzip"));
	build();
	memcpy(buf + 6 + 11 * 8, "00000001", 8);
	CHECK(parse(len, &s, &err) == -EINVAL && strstr(err.reason, "empty name"));
	build();
	memcpy(buf + 6 + 11 * 8, "ffffffff", 8);
	CHECK(parse(len, &s, &err) == -EINVAL && strstr(err.reason, "longer"));
	build();
	memcpy(buf + 6 + 6 * 8, "fffffff0", 8);
	CHECK(parse(len, &s, &err) == -EINVAL && strstr(err.reason, "inside a file"));
	len = 0;
	put_entry("070702", "sum", 3, 0100644, 1, "\1\2\3", 3, 7);
	CHECK(parse(len, &s, &err) == -EINVAL && strstr(err.reason, "check sum"));
	len = 0;
	put_entry("070701", "a", 3, 0100644, 1, "", 0, 0);
	CHECK(parse(len, &s, &err) == -EINVAL && strstr(err.reason, "trailer"));
}

static int stop(const struct cpio_entry *e, void *arg) { return strcmp(e->name, "sum") ? 0 : -ENOSPC; }
TEST(what_the_caller_says_ends_it)
{
	struct cpio_error err;

	build();
	CHECK(cpio_parse(buf, len, stop, NULL, &err) == -ENOSPC);
	CHECK(!err.reason && !memcmp(buf + err.offset, "070702", 6));
}

TEST(mutated_archives_never_read_too_far)
{
	struct cpio_error err;
	struct seen s;

	for (int round = 0; round < 20000; round++) {
		size_t n;

		build();
		for (unsigned k = unit_random() % 6 + 1; k; k--) {
			size_t at = unit_random() % len;

			buf[at] = unit_random() & 1 ? "0123456789abcdefF\0/"[unit_random() % 19] : unit_random();
		}
		n = unit_random() & 3 ? len : unit_random() % len;
		if (parse(n, &s, &err))
			CHECK(err.reason && err.offset <= n);
	}
}
