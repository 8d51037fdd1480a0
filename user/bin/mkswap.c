/* SPDX-License-Identifier: MIT
 * help: write the header of a swap area
 *
 * mkswap [-c] [-L LABEL] [-U UUID] [-b N[,N...]] DEVICE [KILOBYTES]
 *
 * Writes what swapon reads (mm/reclaim/swapheader.c): version 1, the last page, bad pages, an UUID and a label, "SWAPSPACE2".
 * -c reads every page first and lists those that cannot be read as bad; -b adds pages to the list by hand. Prints what
 * util-linux's mkswap prints, with `N bad pages` when there are.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>
#include "prog.h"

#define PAGE 4096u
#define MAX_BAD ((PAGE - 10 - 1536) / 4)

static struct header {
	char boot[1024];
	u32 version, last_page, nr_bad;
	unsigned char uuid[16];
	char label[16];
	u32 padding[117];
	u32 bad[MAX_BAD];
	char magic[10];
} __attribute__((packed)) h;
_Static_assert(sizeof(struct header) <= PAGE && __builtin_offsetof(struct header, bad) == 1536, "as swapon reads it");

static const char *name;

static void __attribute__((noreturn)) refuse(const char *why)
{
	fprintf(stderr, "mkswap: %s: %s\n", name, why);
	exit(1);
}

static void add_bad(u32 page)
{
	if (!page || page > h.last_page)
		refuse("a bad page outside the area, or the first");
	if (h.nr_bad == MAX_BAD)
		refuse("more bad pages than the header has room for");
	h.bad[h.nr_bad++] = page;
}

static void parse_bad(char *list)
{
	for (char *one; (one = strsep(&list, ",")) != NULL;)
		if (*one)
			add_bad(strtoul(one, NULL, 0));
}

static void parse_uuid(const char *text)
{
	unsigned n = 0, digit;

	for (; *text; text++) {
		if (*text == '-')
			continue;
		if (n == 32 || sscanf((char[]){ *text, 0 }, "%x", &digit) != 1)
			refuse("an UUID is 32 hexadecimal digits");
		h.uuid[n / 2] = h.uuid[n / 2] << 4 | digit;
		n++;
	}
	if (n != 32)
		refuse("an UUID is 32 hexadecimal digits");
}

static void random_uuid(void)
{
	int fd = open("/dev/urandom", O_RDONLY);

	if (fd < 0 || read(fd, h.uuid, sizeof(h.uuid)) != sizeof(h.uuid))
		die("mkswap: /dev/urandom");
	close(fd);
	h.uuid[6] = (h.uuid[6] & 0x0f) | 0x40;
	h.uuid[8] = (h.uuid[8] & 0x3f) | 0x80;
}

static u64 size_of(int fd)
{
	struct stat st;
	u64 n;

	if (fstat(fd, &st))
		die("mkswap");
	if (S_ISREG(st.st_mode))
		return st.st_size;
	if (!S_ISBLK(st.st_mode) || ioctl(fd, BLKGETSIZE64, &n))
		refuse("neither a block device nor a file");
	return n;
}

static void check_pages(int fd)
{
	static char page[PAGE];

	for (u32 n = 1; n <= h.last_page; n++) {
		progress("mkswap: page %u of %u", n, h.last_page);
		if (pread(fd, page, PAGE, (off_t)n * PAGE) != PAGE)
			add_bad(n);
	}
	progress_done();
}

static void write_header(int fd)
{
	char page[PAGE] = { 0 };

	memcpy(h.magic, "SWAPSPACE2", 10);
	memcpy(page, &h, 1536 + sizeof(h.bad[0]) * h.nr_bad);
	memcpy(page + PAGE - 10, h.magic, 10);
	if (pread(fd, page, 1024, 0) != 1024) /* what boots from there stays */
		die("mkswap: reading");
	if (pwrite(fd, page, PAGE, 0) != PAGE || fsync(fd))
		die("mkswap: writing");
}

static void show(void)
{
	const unsigned char *u = h.uuid;
	u64 bytes = (u64)h.last_page * PAGE;

	printf("Setting up swapspace version 1, size = %llu KiB (%llu bytes)\n", (unsigned long long)bytes >> 10, (unsigned long long)bytes);
	if (h.nr_bad)
		printf("%u bad page%s\n", h.nr_bad, h.nr_bad == 1 ? "" : "s");
	printf("%s%.16s, UUID=%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", h.label[0] ? "LABEL=" : "no label", h.label,
	       u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

int main(int argc, char **argv)
{
	const char *uuid = NULL, *usage = "usage: mkswap [-c] [-L LABEL] [-U UUID] [-b N[,N...]] DEVICE [KILOBYTES]\n";
	char *bad = NULL;
	bool check = false;
	u64 size, wish;
	int c, fd;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	while ((c = getopt(argc, argv, "cfL:U:b:v:p:")) != -1) {
		switch (c) {
		case 'c': check = true; break;
		case 'L': memcpy(h.label, optarg, strnlen(optarg, sizeof(h.label))); break;
		case 'U': uuid = optarg; break;
		case 'b': bad = optarg; break;
		case 'f': case 'v': case 'p': break;
		default: fputs(usage, stderr); return 2;
		}
	}
	if (optind == argc || argc - optind > 2) {
		fputs(usage, stderr);
		return 2;
	}
	name = argv[optind];
	fd = open(name, O_RDWR | O_EXCL);
	if (fd < 0)
		die(name);
	size = size_of(fd);
	wish = optind + 1 < argc ? strtoull(argv[optind + 1], NULL, 0) << 10 : size;
	if (wish > size)
		refuse("is smaller than that");
	if (wish / PAGE < 10)
		refuse("needs at least 40 KiB");
	h.version = 1;
	h.last_page = wish / PAGE - 1;
	if (uuid)
		parse_uuid(uuid);
	else
		random_uuid();
	if (bad)
		parse_bad(bad);
	if (check)
		check_pages(fd);
	write_header(fd);
	show();
	return 0;
}
