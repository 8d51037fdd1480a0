/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target: damaged ext2 images. An input is a recipe, not an image:
 *
 *   image   1 byte: which of the seeds (mke2fs made them: EXT2_SEEDS names their folder)
 *   n       1 byte: changes: n times { where 3 bytes, kind 1, value 4 }
 *             kind & 7: 0-1 anywhere, 2 super block, 3 descriptors, 4-7 a word that is not 0 (metadata, mostly)
 *             kind & 24: 0 four bytes, 8 two, 16 one, 24 one bit
 *   rest    operations of up to 6 bytes: the numbers of a directory, a name, an offset
 *
 * The image is mounted, read through, worked with, unmounted, mounted again and read. Nothing may crash, hang, look outside
 * a page, sleep where it must not, leave a lock, a pin or an inode behind, or come out of map_blocks outside the device.
 * An image that was not changed must stay clean: with EXT2_OUT=FILE the image is left there afterwards, for e2fsck.
 */
#include "tools/tests/fuzz/ext2_shim.h"
#include <linux/fs.h>

typedef struct FILE FILE;
FILE *fopen(const char *name, const char *mode);
size_t fread(void *p, size_t size, size_t n, FILE *f);
size_t fwrite(const void *p, size_t size, size_t n, FILE *f);
int fclose(FILE *f);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int snprintf(char *buf, size_t size, const char *fmt, ...);
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "quarantine_size_mb=2:malloc_context_size=8"; }

#define SEEDS 6
#define MAX_IMAGE (1 << 20)
#define MAX_NODES 64
static u8 *seed[SEEDS];
static size_t seed_size[SEEDS];
static u32 *words[SEEDS], nr_words[SEEDS]; /* offsets of those that are not 0 */

static const char *const names[] = {
	"lost+found", "file", "dir", "big", "sparse", "short", "long", "empty", "x", "yy", "zzz", "a_rather_long_name_for_an_entry", "sub", "deep", "hard", ".n",
};

/* --- the tree as the dentry cache would have it ------------------------------------------------------------------------- */
static struct dentry *node[MAX_NODES];
static unsigned nodes;
static unsigned work; /* how much is left to do: images may be made so that there is no end */

static struct dentry *find_node(struct dentry *dir, const char *name)
{
	for (unsigned i = 1; i < nodes; i++)
		if (node[i]->parent == dir && !strcmp(node[i]->name, name))
			return node[i];
	return NULL;
}
static bool has_children(const struct dentry *d)
{
	for (unsigned i = 1; i < nodes; i++)
		if (node[i]->parent == d)
			return true;
	return false;
}
static struct dentry *add_node(struct dentry *dir, const char *name)
{
	struct dentry *d;

	if (nodes == MAX_NODES)
		return NULL;
	d = calloc(1, sizeof(*d) + 300);
	d->parent = dir;
	d->name = (char *)(d + 1);
	d->len = strlen(name);
	memcpy((char *)d->name, name, d->len + 1);
	node[nodes++] = d;
	return d;
}
static void forget_node(struct dentry *d)
{
	for (unsigned i = 1; i < nodes; i++)
		if (node[i] == d)
			node[i] = node[--nodes];
	if (d->inode)
		iput(d->inode);
	free(d);
}
static bool above(struct dentry *a, struct dentry *d)
{
	for (; d != d->parent; d = d->parent)
		if (d == a)
			return true;
	return false;
}

/* The name in dir, looked up; perhaps negative. NULL: an error. */
static struct dentry *walk(struct dentry *dir, const char *name)
{
	struct dentry *d = find_node(dir, name);

	if (d || !dir->inode || !S_ISDIR(dir->inode->mode) || dir->inode->dead)
		return d;
	d = add_node(dir, name);
	if (d && dir->inode->ops->lookup(dir->inode, d)) {
		d->inode = NULL;
		forget_node(d);
		d = NULL;
	}
	return d;
}
static void drop_negative(struct dentry *d)
{
	if (d && !d->inode)
		forget_node(d);
}

/* --- reading through ------------------------------------------------------------------------------------------------------- */
static char seen[40][260];
static unsigned nr_seen;
static int emit(struct dir_context *c, const char *name, unsigned len, u64 ino, unsigned type)
{
	if (len > 255 || !len)
		abort();
	if (nr_seen == 40 || !work--)
		return 1;
	memcpy(seen[nr_seen], name, len);
	seen[nr_seen++][len] = 0;
	return 0;
}

static void read_file(struct inode *i)
{
	static char buf[70000];

	shim_rw(i, 0, buf, sizeof(buf), false);
	if (i->size > (loff_t)sizeof(buf))
		shim_rw(i, i->size - 5000, buf, 6000, false);
	shim_rw(i, i->size / 2, buf, 5000, false);
}

static void look_at(struct dentry *d)
{
	char buf[4096];

	if (S_ISREG(d->inode->mode))
		read_file(d->inode);
	else if (S_ISLNK(d->inode->mode) && !d->inode->link)
		d->inode->ops->readlink(d->inode, buf, sizeof(buf));
}

static void read_dir(struct dentry *d, loff_t pos)
{
	struct file f = { .inode = d->inode, .dentry = d };
	struct dir_context c = { .emit = emit, .pos = pos };

	nr_seen = 0;
	d->inode->fops->readdir(&f, &c);
}

static void read_all(struct dentry *dir, unsigned depth)
{
	char (*mine)[260];
	unsigned n;

	read_dir(dir, 0);
	n = nr_seen;
	mine = malloc(n * 260 + 1);
	memcpy(mine, seen, n * 260);
	for (unsigned i = 0; i < n && work; i++) {
		struct dentry *d;

		if (!strcmp(mine[i], ".") || !strcmp(mine[i], ".."))
			continue;
		d = walk(dir, mine[i]);
		if (!d || !d->inode) {
			drop_negative(d);
			continue;
		}
		work--;
		look_at(d);
		if (S_ISDIR(d->inode->mode) && depth < 4)
			read_all(d, depth + 1);
	}
	free(mine);
}

/* --- operations ---------------------------------------------------------------------------------------------------------------- */
static struct dentry *pick(u8 n) { return node[n % nodes]; }
static struct dentry *pick_dir(u8 n)
{
	for (unsigned i = 0; i < nodes; i++) {
		struct dentry *d = node[(n + i) % nodes];

		if (d->inode && S_ISDIR(d->inode->mode) && !d->inode->dead)
			return d;
	}
	return node[0];
}

static void make(u8 kind, struct dentry *dir, struct dentry *d)
{
	static const char long_text[] = "a/text/of/more/than/sixty/bytes/so/that/it/does/not/fit/into/the/inode/itself/and/needs/a/block";
	struct inode *i = dir->inode;
	int err = 0;

	if (!d || d->inode)
		return;
	switch (kind % 5) {
	case 0: err = i->ops->create(i, d, S_IFREG | 0644); break;
	case 1: err = i->ops->mkdir(i, d, S_IFDIR | 0755); break;
	case 2: err = i->ops->symlink(i, d, "short"); break;
	case 3: err = i->ops->symlink(i, d, long_text); break;
	case 4: err = i->ops->mknod(i, d, S_IFCHR | 0600, MKDEV(4, 300)); break;
	}
	if (err && d->inode)
		abort();
	drop_negative(d);
}

static void remove_one(struct dentry *d)
{
	struct inode *dir = d->parent->inode, *i = d->inode;

	if (!i || d == node[0] || i == dir)
		return;
	if (S_ISDIR(i->mode) ? dir->ops->rmdir(dir, d) : dir->ops->unlink(dir, d))
		return;
	if (S_ISDIR(i->mode)) {
		i->dead = true;
		while (has_children(d))
			for (unsigned n = 1; n < nodes; n++)
				if (node[n]->parent == d && !has_children(node[n])) {
					forget_node(node[n]);
					break;
				}
	}
	forget_node(d);
}

static void rename_one(struct dentry *d, struct dentry *dir, const char *name, u32 flags)
{
	struct dentry *to;

	if (d == node[0] || !d->inode || above(d, dir))
		return;
	to = walk(dir, name);
	if (!to || to == d || to->inode == d->inode || above(to, d->parent) || (flags && !to->inode))
		goto out;
	if (!flags && to->inode && S_ISDIR(to->inode->mode) != S_ISDIR(d->inode->mode))
		goto out;
	if (d->parent->inode->ops->rename(d->parent->inode, d, dir->inode, to, flags))
		goto out;
	if (flags) {
		struct inode *i = d->inode;

		if (has_children(d) || has_children(to)) { /* theirs go with the inode: too much for this tree */
			for (unsigned n = 1; n < nodes; n++)
				if (node[n]->parent == d || node[n]->parent == to)
					node[n]->parent = node[n]->parent == d ? to : d;
		}
		d->inode = to->inode;
		to->inode = i;
		swap(d->cookie, to->cookie);
		return;
	}
	if (to->inode && S_ISDIR(to->inode->mode))
		while (has_children(to))
			for (unsigned n = 1; n < nodes; n++)
				if (node[n]->parent == to && !has_children(node[n])) {
					forget_node(node[n]);
					break;
				}
	forget_node(to);
	d->parent = dir;
	memcpy((char *)d->name, name, strlen(name) + 1);
	d->len = strlen(name);
	return;
out:
	drop_negative(to);
}

static void write_one(struct inode *i, u32 off, u8 len)
{
	static char buf[9000];
	unsigned n = len * 32 + 1;

	if (!i || !S_ISREG(i->mode))
		return;
	memset(buf, len, n);
	if (shim_rw(i, off, buf, n, true) < (long)n && i->size <= off + n)
		ext2_truncate(i, i->size);
}

static void truncate_one(struct dentry *d, u32 size)
{
	struct iattr a = { .valid = ATTR_SIZE, .size = size };

	if (d->inode && S_ISREG(d->inode->mode))
		d->inode->ops->setattr(d, &a);
}

static void link_one(struct dentry *d, struct dentry *dir, const char *name)
{
	struct dentry *to;

	if (!d->inode || S_ISDIR(d->inode->mode) || !d->inode->nlink)
		return;
	to = walk(dir, name);
	if (to && !to->inode)
		dir->inode->ops->link(d, dir->inode, to);
	drop_negative(to);
}

static void sync_one(struct dentry *d)
{
	struct file f = { .inode = d->inode, .dentry = d, .mapping = d->inode ? d->inode->mapping : NULL };

	if (d->inode && (S_ISREG(d->inode->mode) || S_ISDIR(d->inode->mode)))
		ext2_fsync(&f, 0, MAX_LFS, false);
}

static void remount_one(struct super_block *sb, u32 flags, const char *options)
{
	u32 was = sb->flags & MS_RDONLY;

	if (flags && !was)
		shim_writeback(sb);
	if (flags)
		sb->flags |= MS_RDONLY;
	if (sb->ops->remount(sb, flags, options))
		sb->flags = (sb->flags & ~MS_RDONLY) | was;
	else if (!flags)
		sb->flags &= ~MS_RDONLY;
}

static void operate(struct super_block *sb, const u8 *b)
{
	struct dentry *d = pick(b[1]), *dir = pick_dir(b[2]);
	const char *name = names[b[3] % ARRAY_SIZE(names)];
	u32 off = (u32)b[4] << (b[5] % 24);
	struct statfs64 st;

	if (sb->flags & MS_RDONLY && b[0] % 16 < 10)
		return;
	switch (b[0] % 16) {
	case 0: case 1: make(b[1], dir, walk(dir, name)); break;
	case 2: remove_one(d); break;
	case 3: rename_one(d, dir, name, b[4] & 1 ? RENAME_EXCHANGE : 0); break;
	case 4: case 5: write_one(d->inode, off, b[3]); break;
	case 6: truncate_one(d, off); break;
	case 7: link_one(d, dir, name); break;
	case 8: sync_one(d); break;
	case 9: shim_writeback(sb); break;
	case 10: read_dir(dir, off); break;
	case 11: if (d->inode) look_at(d); break;
	case 12: drop_negative(walk(dir, name)); break;
	case 13: shim_fail_nth = b[1] + 1; break;
	case 14: sb->ops->statfs(sb, &st); break;
	case 15: remount_one(sb, b[1] & 1 ? MS_RDONLY : 0, b[2] & 1 ? "errors=remount-ro" : ""); break;
	}
	shim_check_idle();
}

/* --- images ------------------------------------------------------------------------------------------------------------------------ */
static void load(unsigned n)
{
	char path[300];
	const char *dir = getenv("EXT2_SEEDS");
	FILE *f;

	snprintf(path, sizeof(path), "%s/%u.img", dir ? dir : "build/fuzz/ext2-seeds", n);
	f = fopen(path, "r");
	if (!f) {
		printf("no %s: `make fuzz` makes the seeds\n", path);
		exit(1);
	}
	seed[n] = malloc(MAX_IMAGE);
	seed_size[n] = fread(seed[n], 1, MAX_IMAGE, f);
	fclose(f);
	words[n] = malloc(seed_size[n]);
	for (u32 off = 1024; off + 4 <= seed_size[n]; off += 4)
		if (*(u32 *)(seed[n] + off))
			words[n][nr_words[n]++] = off;
}

static void change(unsigned n, const u8 *p)
{
	u32 where = p[0] | p[1] << 8 | p[2] << 16, value = p[4] | p[5] << 8 | p[6] << 16 | (u32)p[7] << 24, off;
	u32 gdt = seed_size[n] > 2048 && *(u32 *)(seed[n] + 1024 + 24) ? 4096 : 2048;

	switch (p[3] & 7) {
	case 0: case 1: off = where % (seed_size[n] - 4); break;
	case 2: off = 1024 + where % 1020; break;
	case 3: off = gdt + where % 64; break;
	default: off = words[n][where % nr_words[n]] + (p[3] >> 5 & 3) % 4; break;
	}
	if (off + 4 > seed_size[n])
		off = seed_size[n] - 4;
	switch (p[3] & 24) {
	case 0: memcpy(disk + off, &value, 4); break;
	case 8: memcpy(disk + off, &value, 2); break;
	case 16: disk[off] = value; break;
	case 24: disk[off] ^= 1 << value % 8; break;
	}
}

static void session(u32 flags, const char *options, const u8 *ops, size_t size)
{
	struct super_block *sb = shim_mount(flags, options);

	if (!sb)
		return;
	work = 300;
	nodes = 1;
	node[0] = sb->root;
	read_all(sb->root, 0);
	shim_check_idle();
	for (unsigned n = 0; size >= 6 && n < 60; n++, ops += 6, size -= 6)
		operate(sb, ops);
	shim_fail_nth = 0;
	while (nodes > 1) /* leaves first */
		for (unsigned i = nodes; --i;)
			if (!has_children(node[i])) {
				forget_node(node[i]);
				break;
			}
	shim_unmount(sb);
}

static void leave(const char *path)
{
	FILE *f = path ? fopen(path, "w") : NULL;

	if (f) {
		fwrite(disk, 1, disk_size, f);
		fclose(f);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	unsigned n, changes;

	if (!seed[0])
		for (unsigned i = 0; i < SEEDS; i++)
			load(i);
	shim_verbose = getenv("EXT2_VERBOSE") != NULL;
	if (size < 2)
		return 0;
	n = data[0] % SEEDS;
	changes = data[1] % 24;
	data += 2;
	size -= 2;
	disk_size = seed_size[n];
	if (!disk)
		disk = malloc(MAX_IMAGE);
	memcpy(disk, seed[n], disk_size);
	shim_bad_block = -1;
	for (; changes && size >= 8; changes--, data += 8, size -= 8)
		change(n, data);
	if (size & 1)
		shim_bad_block = data[size - 1];
	session(size & 2 ? MS_RDONLY : 0, "", data, size & 2 ? 0 : size);
	shim_bad_block = -1;
	session(MS_RDONLY, "", NULL, 0);
	leave(getenv("EXT2_OUT"));
	return 0;
}
