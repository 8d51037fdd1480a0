/* SPDX-License-Identifier: MIT
 *
 * The scratch file, and the rows of a file in the page cache: faults on its mappings, read and write, msync.
 *
 * The file is made anew by each group of rows that needs it and is open in `scratch` from then on; main.c removes it.
 */
#include "bench.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536u            /* of read and write */

int scratch = -1;
static char path[256];

int make_scratch(size_t len)
{
	static char chunk[CHUNK];

	if (scratch >= 0)
		close(scratch);
	snprintf(path, sizeof(path), "%s/vmb.%d", opt.dir, (int)getpid());
	scratch = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
	if (scratch < 0)
		return -1;
	for (size_t at = 0; at < len; at += sizeof(chunk)) {
		for (size_t i = 0; i < sizeof(chunk); i += PAGE)
			*(u32 *)(chunk + i) = (at + i) / PAGE;
		if (write(scratch, chunk, sizeof(chunk)) != (int)sizeof(chunk))
			return -1;
	}
	return 0;
}

void remove_scratch(void) { unlink(path); }

int make_file(void) { return make_scratch(ROUND); }

/* --- faults ------------------------------------------------------------------------------------------------------- */
static bool numbered(const char *p)
{
	for (u32 i = 0; i < ROUND_PAGES; i += 97)
		if (*(const u32 *)(p + i * PAGE) != i)
			return false;
	return true;
}

/* Writes leave the pages' numbers alone. */
static u64 fault(u32 n, int flags, bool writing)
{
	u64 sum = 0, t;

	while (n--) {
		char *p = map(ROUND, RW, flags, scratch, 0);

		if (!p)
			return FAIL;
		t = now();
		if (writing)
			touch_write(p + 8, ROUND - 8);
		else
			touch_read(p, ROUND);
		sum += now() - t;
		if (!numbered(p))
			return fail(EBADMSG);
		munmap(p, ROUND);
	}
	return sum;
}

static u64 shared_read(u32 n) { return fault(n, MAP_SHARED, false); }
static u64 shared_write(u32 n) { return fault(n, MAP_SHARED, true); }
static u64 private_read(u32 n) { return fault(n, MAP_PRIVATE, false); }
static u64 private_write(u32 n) { return fault(n, MAP_PRIVATE, true); }

/* Every 16th page, so that mapping the neighbours along does not help. */
static u64 sparse_read(u32 n)
{
	u64 sum = 0, t;

	while (n--) {
		volatile char *p = map(ROUND, PROT_READ, MAP_SHARED, scratch, 0);
		u32 bytes = 0;

		if (!p)
			return FAIL;
		t = now();
		for (u32 i = 0; i < ROUND_PAGES / 16; i++)
			bytes += p[i * 16 * PAGE];
		sum += now() - t;
		munmap((void *)p, ROUND);
	}
	return sum;
}

/* --- read, write, msync: each with a buffer of its own, since that of write has never been touched ---------------- */
static u64 read_all(u32 n)
{
	static char chunk[CHUNK];
	u64 t = now();

	while (n--)
		for (u32 at = 0; at < ROUND; at += sizeof(chunk))
			if (pread(scratch, chunk, sizeof(chunk), at) != (int)sizeof(chunk))
				return FAIL;
	return now() - t;
}

static u64 write_all(u32 n)
{
	static char chunk[CHUNK];
	u64 t = now();

	while (n--)
		for (u32 at = 0; at < ROUND; at += sizeof(chunk))
			if (pwrite(scratch, chunk, sizeof(chunk), at) != (int)sizeof(chunk))
				return FAIL;
	return now() - t;
}

static u64 sync_1m(u32 n, int flags)
{
	char *p = map(256 * PAGE, RW, MAP_SHARED, scratch, 0);
	u64 t;

	if (!p)
		return FAIL;
	t = now();
	while (n--) {
		touch_write(p + 8, 255 * PAGE);
		if (msync(p, 256 * PAGE, flags))
			return FAIL;
	}
	t = now() - t;
	munmap(p, 256 * PAGE);
	return t;
}

static u64 msync_sync(u32 n) { return sync_1m(n, MS_SYNC); }
static u64 msync_async(u32 n) { return sync_1m(n, MS_ASYNC); }

const struct row file_rows[] = {
	{ "file_fault_shared_read", shared_read, ROUND_PAGES, 256 },
	{ "file_fault_private_read", private_read, ROUND_PAGES, 256 },
	{ "file_fault_shared_write", shared_write, ROUND_PAGES, 256 },
	{ "file_fault_private_write", private_write, ROUND_PAGES, 256 },
	{ "file_fault_read_1of16", sparse_read, ROUND_PAGES / 16, 256 },
	{ "file_read_64K", read_all, ROUND / CHUNK, 256 },
	{ "msync_sync_1M", msync_sync, 1, 1u << 16 },
	{ "msync_async_1M", msync_async, 1, 1u << 16 },
	{ "file_write_64K", write_all, ROUND / CHUNK, 256 },
	{ NULL, NULL, 0, 0 }
};
