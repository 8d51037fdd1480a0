/* SPDX-License-Identifier: MIT
 *
 * Injected errors, for tests: blk.fail=DEVICE:SECTOR[:COUNT][:r|w|t]   (may be given several times)
 *
 * A command that touches SECTOR of DEVICE (sda, vda1, ...) fails without reaching the device, COUNT times (default:
 * always); r: reads only, w: writes only; t: the driver forgets the command, so that its time-out has to notice (disks
 * without a time-out: an error). The layer tries a command BIO_TRIES times: a COUNT below that shows in blk_retry only.
 *
 * Locks: entries are bound at boot; `left` belongs to disk->lock.
 */
#include "drivers/block/internal.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/param.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"

struct failure {
	struct failure *next;
	const char *text;
	struct block_device *dev;
	sector_t sector;
	u64 left;
	char what;                  /* r, w, t, or 0: reads and writes */
};
/* Options are parsed before there is an allocator: their texts stay in the command line. */
#define MAX_OPTIONS 16
static const char *texts[MAX_OPTIONS];
static unsigned nr_texts;
static struct failure *failures;

static int __init option(const char *value)
{
	if (nr_texts == MAX_OPTIONS || !strchr(value, ':'))
		return -EINVAL;
	texts[nr_texts++] = value;
	return 0;
}
PARAM_CALL("blk.fail", option, "DEVICE:SECTOR[:COUNT][:r|w|t]: this sector fails (for tests)");

/* => false: not understood */
static bool parse(struct failure *f, const char *text)
{
	const char *p = strchr(text, ':') + 1;
	char *end;

	f->sector = simple_strtoull(p, &end, 10);
	f->left = ~0ULL;
	if (end == p)
		return false;
	if (*end == ':' && isdigit(end[1]))
		f->left = simple_strtoull(end + 1, &end, 10);
	if (*end == ':' && end[1] && strchr("rwt", end[1])) {
		f->what = end[1];
		end += 2;
	}
	return !*end;
}

static void bind(struct block_device *dev, unsigned n)
{
	struct failure *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f || !parse(f, texts[n])) {
		pr_err("blk.fail=%s: %s\n", texts[n], f ? "not understood: DEVICE:SECTOR[:COUNT][:r|w|t]" : "no memory");
		kfree(f);
	} else {
		f->dev = dev;
		f->sector += dev->start;
		f->next = failures;
		failures = f;
	}
	texts[n] = NULL;
}

void inject_bind(struct block_device *dev)
{
	size_t len = strlen(dev->name);

	for (unsigned n = 0; n < nr_texts; n++)
		if (texts[n] && !strncmp(texts[n], dev->name, len) && texts[n][len] == ':')
			bind(dev, n);
}

void inject_report(void)
{
	for (unsigned n = 0; n < nr_texts; n++)
		if (texts[n])
			pr_warn("blk.fail=%s: there is no such device\n", texts[n]);
}

static bool hits(const struct failure *f, const struct bio *head)
{
	if (f->what == 'r' && head->op != BIO_READ)
		return false;
	if (f->what == 'w' && head->op != BIO_WRITE)
		return false;
	return f->left && f->sector >= head->sector && f->sector < head->sector + (head->all_bytes >> SECTOR_SHIFT);
}

enum inject inject_check(struct disk *d, const struct bio *head)
{
	if (likely(!failures) || bio_command(head) == BIO_FLUSH)
		return INJECT_NOTHING;
	for (struct failure *f = failures; f; f = f->next) {
		if (f->dev->disk != d || !hits(f, head))
			continue;
		if (f->left != ~0ULL)
			f->left--;
		return f->what == 't' ? INJECT_LOSE : INJECT_ERROR;
	}
	return INJECT_NOTHING;
}
