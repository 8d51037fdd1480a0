/* SPDX-License-Identifier: MIT
 *
 * kernel/fs among its own files: mounts, descriptor tables, the path walk's result, helpers of the calls.
 * Keys: m mount_lock (a seqlock) | n namespace_mutex | l the structure's own lock | a atomic | f fixed
 */
#ifndef KERNEL_FS_INTERNAL_H
#define KERNEL_FS_INTERNAL_H

#include "arch/i386/uaccess.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/syscall.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/mutex.h"
#include "kernel/sync/rcu.h"
#include "kernel/sync/seqlock.h"
#include "kernel/sys/process.h"
#include "kernel/time/clock.h"
#include "mm/phys/phys.h"
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/mount.h>

#define MAX_RW_COUNT (0x7fffffffUL & ~4095UL)
#define MAX_LFS (0x7fffffffffffffffLL)
#define MAX_NON_LFS 0x7fffffffLL
#define CACHE_FILE_MAX pindex_pos(PINDEX_MAX) /* as far as a page-cache index reaches on 32 bits */

/* file->mode beyond cache.h's */
enum { FMODE_COUNTED = 0x100 /* writers of inode and mount are counted */, FMODE_DENY = 0x200 /* open_exec: writing is denied */,
       FMODE_NOSPECIAL = 0x400 };

/* --- mounts ---------------------------------------------------------------------------------------------------- */
struct mount {
	atomic_t refcount;            /* a: the tree's one, files, cwds, walks */
	u32 flags;                    /* m to write: MS_RDONLY | MS_NOSUID | ... */
	struct mount *parent;         /* m, RCU: itself at the top and when detached */
	struct dentry *mountpoint;    /* m, RCU: in parent's tree; reference */
	struct dentry *root;          /* f: reference */
	struct super_block *sb;       /* f */
	atomic_t writers;             /* a: files open for writing and changes under way */
	struct hlist_node hash;       /* m, RCU: by (parent, mountpoint) */
	struct list_head children, sibling; /* m */
	struct list_head node;        /* m: all attached mounts in order of mounting */
	int id;                       /* f */
	bool attached;                /* m */
	char *source;                 /* f */
	struct rcu_head rcu;
};
#define MOUNT_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)
extern seqlock_t mount_lock;
extern struct mount *root_mount;
struct mount *mount_lookup(struct mount *parent, struct dentry *at); /* RCU or mount_lock; no reference */
static inline void mntget(struct mount *m) { atomic_inc(&m->refcount); }
void mntput(struct mount *m);
int mnt_want_write(struct mount *m);    /* 0 or -EROFS; pairs with mnt_drop_write */
void mnt_drop_write(struct mount *m);
struct super_block *sb_get(struct fs_type *t, const char *source, u32 flags, const char *options); /* active +1, or ERR_PTR */
void sb_put(struct super_block *sb);
struct fs_type *fs_type_find(const char *name);
void sync_supers(void);
int sb_sync(struct super_block *sb, bool wait);
bool inode_hold(struct inode *i); /* a reference to a cached one, unless it is on its way out; no sleep */
extern const struct cache_fs_ops fs_cache_ops;
void mount_init_root(struct super_block *sb);
struct mount *mount_internal(struct super_block *sb); /* a mount that is in no tree */

/* --- per task ----------------------------------------------------------------------------------------------------- */
struct fs_info {
	atomic_t count;
	spinlock_t lock;
	u32 seq;                      /* l: odd while root or pwd change; RCU walks look twice */
	mode_t umask;                 /* l */
	struct path root, pwd;        /* l: references */
	struct rcu_head rcu;
};
#define NR_OPEN_INLINE 32
struct fdtable {
	unsigned max;
	struct file **fd;             /* RCU */
	unsigned long *open, *cloexec; /* l: bit maps */
	struct rcu_head rcu;
};
struct files {
	atomic_t count;
	spinlock_t lock;
	struct fdtable *table;        /* RCU: &embedded, or a larger one */
	unsigned next;                /* l: no free descriptor below */
	struct fdtable embedded;
	unsigned long open_bits[NR_OPEN_INLINE / 32], cloexec_bits[NR_OPEN_INLINE / 32];
	struct file *fds[NR_OPEN_INLINE];
	struct rcu_head rcu;
};
struct fdref fdget_any(unsigned fd);    /* O_PATH too */
/* With file->pos locked where others might use it as well. put bit 1: unlock. */
struct fdref fdget_pos(unsigned fd);
void fdput_pos(struct fdref r);
int fd_set_cloexec(unsigned fd, bool on); /* -EBADF */
int fd_get_cloexec(unsigned fd);
int fd_new(struct file *f, int flags);  /* allocate and install; eats the reference, also on failure */
int fd_new_pair(struct file *ends[2], int __user *ufds, int flags);  /* both, told at ufds, or neither; eats the references */
struct file *alloc_file(const struct file_ops *ops, u32 flags); /* NULL: -ENFILE or no memory */

/* --- the walk ------------------------------------------------------------------------------------------------------ */
struct name { const char *s; u16 len; u32 hash; };
enum { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT };
u32 name_hash(const char *s, unsigned len);
struct filename { const char *s; char *heap; char buf[120]; };
int getname(struct filename *n, const char __user *user, bool may_be_empty); /* 0 or -errno; putname in any case */
static inline void putname(struct filename *n) { kfree(n->heap); }

#define LOOKUP_RENAME_TARGET 32
#define LOOKUP_NO_SYMLINKS 64   /* openat2's RESOLVE_* */
#define LOOKUP_NO_XDEV 128
#define LOOKUP_BENEATH 256
#define LOOKUP_IN_ROOT 512
#define LOOKUP_NO_MAGIC 1024
int path_at(int dfd, const char *name, u32 flags, struct path *out);
/* The directory of the last component. *last points into name; *type: LAST_*; *slash: there were trailing slashes. */
struct parent { struct path path; struct name last; int type; bool slash; };
int path_parent(int dfd, const char *name, u32 flags, struct parent *out);
/* The dentry of a name in a directory whose lock is held for writing; made if need be, perhaps negative. */
struct dentry *lookup_locked(struct dentry *dir, const struct name *n);
struct open_how_k { int flags; mode_t mode; u32 resolve; };
struct file *file_open_at(int dfd, const char *name, const struct open_how_k *how);
int file_truncate_open(struct file *f);

/* --- dentry cache ------------------------------------------------------------------------------------------------------ */
extern seqlock_t rename_lock;
struct dentry *d_alloc(struct dentry *parent, const struct name *n); /* not hashed; NULL: no memory */
struct dentry *d_lookup(struct dentry *parent, const struct name *n); /* with reference, or NULL */
struct dentry *d_lookup_rcu(struct dentry *parent, const struct name *n);
bool dget_live(struct dentry *d);                 /* RCU: false if it is dying */
void d_unlinked(struct dentry *d);                /* the name is gone: unhash, drop the file system's pin */
void d_move(struct dentry *d, struct dentry *target); /* d takes target's place and name; rename_mutex or dir locks */
void d_exchange(struct dentry *a, struct dentry *b);
bool d_ancestor(struct dentry *a, struct dentry *d); /* a is d or above it */
void d_kill_tree(struct dentry *root);            /* unmount: unpin and free all; eats root's reference */
void d_shrink_children(struct dentry *dir);
void dcache_init(void);
void d_pin(struct dentry *d);                     /* the file system keeps this name in memory */
static inline bool d_unhashed(const struct dentry *d) { return !(READ_ONCE(d->flags) & D_HASHED); }
static inline bool d_is_dir(const struct dentry *d) { return d->inode && S_ISDIR(d->inode->mode); }

/* --- inodes ------------------------------------------------------------------------------------------------------------- */
void inode_cache_init(void);
void inode_init_once(struct inode *i);
struct times { s64 a, m, c; };
int inode_want_write(struct inode *i);    /* count a writer: -ETXTBSY while it is executed */
void inode_drop_write(struct inode *i);
int inode_deny_write(struct inode *i);    /* -ETXTBSY while it is open for writing */
void inode_allow_write(struct inode *i);
int notify_change(const struct path *p, struct iattr *a); /* checks; inode->lock held for writing, mount writable */
int vfs_truncate(const struct path *p, loff_t size, struct file *f);
int file_remove_suid(struct file *f);     /* before a write; inode->lock held for writing */
bool inode_owner_or_capable(const struct inode *i);
int dir_may_delete(struct inode *dir, struct dentry *victim, bool want_dir);
int dir_may_create(struct inode *dir);

/* --- others -------------------------------------------------------------------------------------------------------------- */
ssize_t vfs_read(struct file *f, struct iov *v, loff_t *pos);
ssize_t vfs_write(struct file *f, struct iov *v, loff_t *pos);
int rw_limit(struct file *f, loff_t pos, size_t *n); /* RLIMIT_FSIZE, largest file: cuts n; 0 or -EFBIG (SIGXFSZ sent) */
ssize_t file_write_pages(struct file *f, struct iov *from, loff_t pos); /* the host inode's lock held for writing; => bytes, -errno */
bool direct_possible(const struct file *f, const struct iov *v); /* O_DIRECT: direct.c */
ssize_t direct_read(struct file *f, struct iov *to, loff_t *pos);
ssize_t direct_write(struct file *f, struct iov *from, loff_t pos);
extern const struct file_ops fifo_ops, pipe_ops, chrdev_ops, blkdev_ops, no_open_ops;
struct pipe;
void pipe_free(struct pipe *p);
bool file_is_pipe(const struct file *f);
long pipe_set_size(struct file *f, unsigned size), pipe_get_size(struct file *f);
void locks_remove_posix(struct file *f, struct files *owner);
void locks_remove_file(struct file *f);
long fcntl_lock(struct file *f, unsigned fd, unsigned cmd, unsigned long arg, bool large);
void epoll_file_gone(struct file *f);
long memfd_fcntl(struct file *f, unsigned cmd, unsigned long arg);
int tmpfs_fill(struct super_block *sb, const char *options);
struct inode *tmpfs_file_inode(loff_t size);
struct files *files_new(void);
void fdtable_init(void), fsinfo_init(void), inodes_shrink_sb(struct super_block *sb);
extern struct rwsem unused_sem;
/* Dropping may lead to memory that is short, and so to dropping: it nests, of which the validator is not told. Only tried, it cannot hang. */
static inline bool unused_trylock(void) { return raw_down_read_trylock(&unused_sem); }
static inline void unused_unlock(void) { raw_up_read(&unused_sem); }
void ext2_init(void); /* kernel/fs/ext2 */
void tmpfs_init(void), devfs_init(void), anon_init(void), files_init(void), pipe_init(void), epoll_init(void), locks_init(void);
int vfs_mkdir_at(int dfd, const char *name, mode_t mode);
int vfs_mknod_at(int dfd, const char *name, mode_t mode, dev_t dev);
int vfs_mknod_path(int dfd, const char *name, mode_t mode, dev_t dev, struct path *made);
int vfs_symlink_at(const char *target, int dfd, const char *name);
int vfs_link_at(int odfd, const char *oldname, int dfd, const char *name, int flags);

static inline loff_t make_loff(u32 lo, u32 hi) { return (loff_t)((u64)hi << 32 | lo); }

/* tmpfs.c, for mm/reclaim: struct reclaim_ops says what they do */
void tmpfs_swapped(struct address_space *m);
bool sb_visit(struct super_block *sb);
void sb_visit_end(struct super_block *sb);
struct address_space *tmpfs_next_swapped(struct address_space *prev);

#endif
