/* SPDX-License-Identifier: MIT
 *
 * The newc format (cpio -H newc; "crc" too), each part padded to 4 bytes from the start of its archive:
 *
 *   "070701"  13 numbers of 8 hex digits  name with NUL  pad  data  pad   ...   entry named TRAILER!!!
 *      6               104                 namesize            filesize
 *
 * Nothing in it is believed: every length is checked against what is left before it is used.
 */
#include "kernel/fs/cpio.h"
#include "kernel/lib/string.h"

#define HEADER 110U
#define NAME_LIMIT 4096U

enum { F_INO, F_MODE, F_UID, F_GID, F_NLINK, F_MTIME, F_SIZE, F_DEVMAJOR, F_DEVMINOR, F_RDEVMAJOR, F_RDEVMINOR, F_NAMESIZE, F_CHECK, NR_FIELDS };

struct cursor { const u8 *data; size_t size, at; struct cpio_error *err; };

static int bad(struct cursor *c, size_t at, const char *reason)
{
	*c->err = (struct cpio_error){ at, reason };
	return -EINVAL;
}

static bool hex8(const u8 *p, u32 *out)
{
	u32 v = 0;

	for (int n = 0; n < 8; n++) {
		u8 ch = p[n];

		if (ch >= '0' && ch <= '9')
			ch -= '0';
		else if (ch >= 'a' && ch <= 'f')
			ch -= 'a' - 10;
		else if (ch >= 'A' && ch <= 'F')
			ch -= 'A' - 10;
		else
			return false;
		v = v << 4 | ch;
	}
	*out = v;
	return true;
}

static int parse_header(struct cursor *c, u32 f[NR_FIELDS], bool *sums)
{
	const u8 *p = c->data + c->at;

	if (c->size - c->at < HEADER)
		return bad(c, c->at, "the archive ends inside a header");
	if (memcmp(p, "07070", 5) || (p[5] != '1' && p[5] != '2')) {
		if (p[0] == 0x1f && p[1] == 0x8b)
			return bad(c, c->at, "compressed (gzip): only plain newc archives are read");
		return bad(c, c->at, "no newc header here (magic 070701 or 070702)");
	}
	*sums = p[5] == '2';
	for (int n = 0; n < NR_FIELDS; n++)
		if (!hex8(p + 6 + 8 * n, &f[n]))
			return bad(c, c->at + 6 + 8 * n, "not a hexadecimal number");
	return 0;
}

/* From the header at c->at: the name behind it. Moves c->at to the data. */
static int parse_name(struct cursor *c, const u32 *f, size_t base, struct cpio_entry *e)
{
	size_t at = c->at + HEADER, end;
	u32 len = f[F_NAMESIZE];

	if (len < 2 || len > NAME_LIMIT)
		return bad(c, c->at, len > NAME_LIMIT ? "a name longer than 4095 bytes" : "an empty name");
	if (c->size - at < len)
		return bad(c, c->at, "the archive ends inside a name");
	e->name = (const char *)c->data + at;
	e->name_len = len - 1;
	if (memchr(e->name, '\0', len) != e->name + len - 1)
		return bad(c, at, "a name that does not end where its length says");
	end = base + ALIGN_UP(at + len - base, (size_t)4);
	c->at = min(end, c->size);
	return 0;
}

static int parse_data(struct cursor *c, const u32 *f, size_t base, size_t header, bool sums, struct cpio_entry *e)
{
	u32 sum = 0;
	size_t end;

	e->data = c->data + c->at;
	e->size = f[F_SIZE];
	if (c->size - c->at < e->size)
		return bad(c, header, "the archive ends inside a file");
	if (sums && (f[F_MODE] & 0170000) == 0100000) {
		for (u32 n = 0; n < e->size; n++)
			sum += c->data[c->at + n];
		if (sum != f[F_CHECK])
			return bad(c, header, "a wrong check sum");
	}
	end = base + ALIGN_UP(c->at + e->size - base, (size_t)4);
	c->at = min(end, c->size);
	return 0;
}

static int parse_entry(struct cursor *c, size_t base, struct cpio_entry *e)
{
	size_t header = c->at;
	u32 f[NR_FIELDS];
	bool sums;
	int err = parse_header(c, f, &sums);

	if (!err)
		err = parse_name(c, f, base, e);
	if (!err)
		err = parse_data(c, f, base, header, sums, e);
	if (err)
		return err;
	e->ino = f[F_INO];
	e->mode = f[F_MODE];
	e->uid = f[F_UID];
	e->gid = f[F_GID];
	e->nlink = f[F_NLINK];
	e->mtime = f[F_MTIME];
	e->dev_major = f[F_DEVMAJOR];
	e->dev_minor = f[F_DEVMINOR];
	e->rdev_major = f[F_RDEVMAJOR];
	e->rdev_minor = f[F_RDEVMINOR];
	e->trailer = !strcmp(e->name, "TRAILER!!!");
	return 0;
}

int cpio_parse(const void *data, size_t size, int (*fn)(const struct cpio_entry *e, void *arg), void *arg, struct cpio_error *err)
{
	struct cursor c = { data, size, 0, err };
	struct cpio_entry e;

	*err = (struct cpio_error){ 0, NULL };
	while (c.at < size) {
		size_t base = c.at, header;

		if (!c.data[c.at]) { /* padding between and behind archives */
			c.at++;
			continue;
		}
		do {
			int r;

			header = c.at;
			if (c.at >= size)
				return bad(&c, c.at, "the archive ends without its trailer");
			r = parse_entry(&c, base, &e);
			if (r)
				return r;
			r = fn(&e, arg);
			if (r) {
				err->offset = header;
				return r;
			}
		} while (!e.trailer);
	}
	return 0;
}
