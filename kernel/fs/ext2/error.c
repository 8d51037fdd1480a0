/* SPDX-License-Identifier: MIT
 *
 * What happens when the file system turns out to be damaged: one line that names device, inode and block; the super block
 * remembers it (so that e2fsck looks at everything); then errors= decides: go on, become read-only, or panic (the last as a
 * mount option only).
 *
 * Nothing here waits for the disk: the super block is written by the next sync.
 */
#include "kernel/fs/ext2/ext2.h"
#include "kernel/lib/vsprintf.h"
#include <linux/fs.h>

/* first_ and last_ in the super block, where e2fsck and dumpe2fs show them */
static void remember(struct ext2_sb *s, const char *where, u32 ino, u32 block)
{
	u32 now = (u32)div_u64(inode_now(), NSEC_PER_SEC);
	struct ext2_super *d = ext2_super_map(s);

	if (!d->error_count) {
		d->first_error_time = now;
		d->first_error_inode = ino;
		d->first_error_block = block;
		strscpy(d->first_error_where, where, sizeof(d->first_error_where));
	}
	d->last_error_time = now;
	d->last_error_inode = ino;
	d->last_error_block = block;
	strscpy(d->last_error_where, where, sizeof(d->last_error_where));
	d->error_count++;
	d->state |= EXT2_STATE_ERRORS;
	ext2_super_unmap(s, d, true);
}

int ext2_error(struct ext2_sb *s, const char *where, u32 ino, u32 block, const char *fmt, ...)
{
	static u32 state[2];
	char what[128], at[48] = "";
	unsigned n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (ino)
		n = snprintf(at, sizeof(at), " inode %u:", ino);
	if (block)
		snprintf(at + n, sizeof(at) - n, " block %u:", block);
	if (printk_allowed(state, 10))
		pr_err("ext2 %s:%s %s (%s)\n", s->dev->name, at, what, where);
	s->state |= EXT2_STATE_ERRORS;
	if (!(s->vfs->flags & MS_RDONLY))
		remember(s, where, ino, block);
	if (s->on_error == EXT2_ON_ERROR_PANIC)
		panic("ext2 %s: damaged, and mounted with errors=panic", s->dev->name);
	if (s->on_error == EXT2_ON_ERROR_RO && !(s->vfs->flags & MS_RDONLY)) {
		pr_err("ext2 %s: read-only from now on\n", s->dev->name);
		s->vfs->flags |= MS_RDONLY;
	}
	return -EIO;
}
