/* SPDX-License-Identifier: MIT
 *
 * The state of a path walk (walk.c) and its steps (namei.c), for these two and openat.c.
 */
#ifndef KERNEL_FS_WALK_H
#define KERNEL_FS_WALK_H

#include "kernel/fs/internal.h"

#define INLINE_FRAMES 2

struct frame {
	const char *rest;    /* of the string below */
	char *body;          /* allocated body of the link that was followed, or NULL */
	struct inode *inode; /* reference that keeps the body, or NULL */
};
struct walk {
	struct path path;    /* where it stands; references unless rcu */
	struct path root;    /* what '/' means, and where '..' ends; references unless rcu */
	const char *at;      /* the current string goes on here */
	struct name last;    /* the last component, not yet stepped into */
	int type;            /* LAST_* */
	bool slash;          /* slashes behind it */
	bool rcu;
	u32 flags;
	unsigned mount_seq, rename_seq;
	unsigned links, depth, pending; /* followed; frames; frames with something left in them */
	struct frame *stack, inl[INLINE_FRAMES];
	struct fdref dir;
};

/* => 0 or -errno; -ECHILD: begin again with references (rcu false). walk_end() in any case. */
int walk_start(struct walk *w, int dfd, const char *name, u32 flags, bool rcu);
void walk_end(struct walk *w);
int walk_parent(struct walk *w);    /* all steps but the last: w->last, type, slash */
int walk_all(struct walk *w);       /* the last step too; w->path has its references */
int step_into(struct walk *w, const struct name *n, bool follow); /* 1: a symlink was pushed, go on */
int step_onto(struct walk *w, struct dentry *d, bool follow); /* the same, looked up already */
int unlazy(struct walk *w);         /* references from here on */

/* For the steps. */
static inline bool tree_stood_still(struct walk *w)
{
	return !read_seqretry(&rename_lock, w->rename_seq) && !read_seqretry(&mount_lock, w->mount_seq);
}
/* RCU. A reference to both, if they still live. => what was had, for path_put_had if that is not all */
enum { HAD_MOUNT = 1, HAD_BOTH = 3 };
static inline unsigned path_get_live(const struct path *p)
{
	if (!atomic_inc_not_zero(&p->mount->refcount))
		return 0;
	return dget_live(p->dentry) ? HAD_BOTH : HAD_MOUNT;
}
/* Not under RCU: umount may be through, and the mount's reference the last one. Sleeps. */
static inline void path_put_had(const struct path *p, unsigned had)
{
	if (had == HAD_BOTH)
		dput(p->dentry);
	if (had)
		mntput(p->mount);
}
static inline void pop_frame(struct walk *w)
{
	struct frame *f = &w->stack[--w->depth];

	kfree(f->body);
	if (f->inode)
		iput(f->inode);
}
/* `link` is a symlink in w->path. Not RCU: eats its reference. => 1: the walk goes on in its body; 0: jumped there */
int follow_link(struct walk *w, struct dentry *link);

#endif
