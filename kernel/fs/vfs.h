/* SPDX-License-Identifier: MIT
 *
 * kernel/fs, all that others may use: names, inodes, open files.
 *
 * Locks, outermost first:
 *   rename_mutex                      one rename between directories at a time
 *     dir inode->lock                 parent before child, then by address
 *       child inode->lock
 *         (mmap lock, page lock: see mm/rmap/rmap.h)
 *           dentry->lock              parent before child
 *             dcache bucket lock
 *           inode->lock_small, inode cache's lock, mount_lock, files->lock: leaves
 * inode->lock is a sleeping rw-semaphore. lookup() runs under the write side, so that one name is looked up once; a hit
 * in the dentry cache takes no lock at all (RCU).
 * Keys: i inode->lock | s lock_small | d dentry->lock | a atomic | f fixed
 */
#ifndef KERNEL_FS_VFS_H
#define KERNEL_FS_VFS_H

#include "kernel/fs/iov.h"
#include "kernel/sched/task.h"
#include "kernel/sync/wait.h"
#include "mm/cache/cache.h"
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/stat.h>
#include <linux/fcntl.h>

struct super_block;
struct block_device;
struct poll_table;
struct epoll_item;
struct mount;
struct dentry;
struct seq;
struct block_device;
struct path { struct mount *mount; struct dentry *dentry; };

/* --- inodes ------------------------------------------------------------------------------------------------------- */
struct inode {
	struct super_block *sb;            /* f */
	const struct inode_ops *ops;       /* f */
	const struct file_ops *fops;       /* f: given to files that open it; devices: by rdev */
	struct address_space *mapping;     /* f: usually &data */
	mode_t mode;                       /* i; the type is fixed */
	uid_t uid; gid_t gid;              /* i */
	u32 nlink;                         /* i */
	dev_t rdev;                        /* f */
	u8 flags;                          /* inode cache's lock: INODE_* */
	bool dead;                         /* i: a directory that was removed */
	bool linkable;                     /* i: O_TMPFILE: may get a first name by linkat */
	u8 dirty;                          /* s: INODE_DIRTY_*: newer than its file system's metadata */
	u64 ino;                           /* f */
	loff_t size;                       /* i to write; read with inode_size(): 64 bits on a 32-bit machine */
	u32 size_seq;
	u32 seals;                         /* i: F_SEAL_* of memfd */
	u64 blocks;                        /* s: 512-byte units */
	s64 atime, mtime, ctime;           /* s: ns since 1970 */
	atomic_t writers;                  /* a: > 0: open for writing; < 0: being executed, writing denied */
	atomic_t refcount;                 /* a */
	spinlock_t lock_small;
	struct rwsem lock;
	struct list_head lru;              /* inode cache: unused ones */
	struct hlist_node hash;            /* inode cache: (sb, ino) -> inode, for file systems on disks */
	struct list_head flocks;           /* flock_lock: POSIX, OFD and flock locks */
	const char *link;                  /* f, RCU: target of a symlink that needs no reading; NULL: ops->readlink */
	union { struct pipe *pipe; void *private; unsigned long value; };
	union { struct address_space data; struct rcu_head rcu; };
};
enum { INODE_HASHED = 1, INODE_SPARED = 2 /* by the shrinker, once */, INODE_FREEING = 4, INODE_ON_LRU = 8 };
enum { INODE_DIRTY_TIME = 1 /* time stamps */, INODE_DIRTY_DATA = 2 /* size, blocks: fdatasync writes it */,
       INODE_DIRTY_OTHER = 4 /* owner, mode, links */, INODE_DIRTY_ALL = 7 };

loff_t inode_size(const struct inode *i);
void inode_set_size(struct inode *i, loff_t size);  /* i: held for writing */
s64 inode_now(void);                                /* the clock */
s64 inode_stamp(const struct inode *i, s64 ns);     /* as i's file system can keep it */
void inode_touch(struct inode *i, u32 attrs);       /* ATTR_ATIME | ATTR_MTIME | ATTR_CTIME: set to now */
void inode_add_blocks(struct inode *i, long units512);
/* For file systems on disks (whose inodes have data.backing): super_ops.write_inode will be called. The three above, and
 * attr_copy, set_nlink, inc_nlink and drop_nlink, do this by themselves. Spinlocks other than lock_small may be held. */
void mark_inode_dirty(struct inode *i, u32 what);   /* INODE_DIRTY_* */
int inode_write(struct inode *i, u32 what);         /* calls write_inode now if any of `what` is dirty; 0 or -errno */

/* refcount 1, times now, owner = current's fsuid/fsgid (dir: a set-gid directory passes its group on), nlink 1. */
struct inode *__must_check new_inode(struct super_block *sb, struct inode *dir, mode_t mode); /* NULL: no memory */
struct inode *iget(struct inode *i);
void iput(struct inode *i);
/* For file systems on disks: the cached inode with a reference, or NULL: make one, fill it in, insert it. */
struct inode *iget_cached(struct super_block *sb, u64 ino);
int inode_insert(struct inode *i);                  /* -EEXIST: somebody was faster, take that one */
void set_nlink(struct inode *i, u32 n);             /* i, or nobody else knows it; so the next two */
void inc_nlink(struct inode *i);
void drop_nlink(struct inode *i);

struct iattr { u32 valid; mode_t mode; uid_t uid; gid_t gid; loff_t size; s64 atime, mtime, ctime; struct file *file; };
enum { ATTR_MODE = 1, ATTR_UID = 2, ATTR_GID = 4, ATTR_SIZE = 8, ATTR_ATIME = 16, ATTR_MTIME = 32, ATTR_CTIME = 64,
       ATTR_ATIME_SET = 128, ATTR_MTIME_SET = 256, ATTR_KILL_SUID = 512 };
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };

struct inode_ops {
	/* directories; inode->lock held for writing (both directories' for link and rename; the victim's as well) */
	int (*lookup)(struct inode *dir, struct dentry *d); /* d_add(d, inode or NULL) and 0; or -errno and no d_add */
	int (*create)(struct inode *dir, struct dentry *d, mode_t mode);     /* these make d positive: d_instantiate */
	int (*mknod)(struct inode *dir, struct dentry *d, mode_t mode, dev_t dev);
	int (*mkdir)(struct inode *dir, struct dentry *d, mode_t mode);
	int (*symlink)(struct inode *dir, struct dentry *d, const char *target);
	int (*link)(struct dentry *old, struct inode *dir, struct dentry *d);
	int (*rmdir)(struct inode *dir, struct dentry *d);                    /* the caller unhashes d afterwards */
	int (*unlink)(struct inode *dir, struct dentry *d);
	int (*rename)(struct inode *from, struct dentry *d, struct inode *to, struct dentry *target, u32 flags);
	int (*tmpfile)(struct inode *dir, struct dentry *d, mode_t mode);     /* O_TMPFILE: d gets an inode without links */
	int (*readlink)(struct inode *i, char *buf, size_t size);   /* => length, not terminated. NULL: i->link */
	int (*follow)(struct inode *i, struct path *to);            /* magic links of /proc: jump; *to gets references */
	int (*setattr)(struct dentry *d, const struct iattr *a);    /* NULL: attr_copy, and truncation by size */
	int (*getattr)(struct inode *i, struct statx *st);          /* after the inode's own: correct what differs. NULL: ok */
	int (*permission)(struct inode *i, int mask);               /* NULL: mode bits */
	bool (*revalidate)(struct dentry *d);                       /* asked of the directory for its D_REVALIDATE dentries;
	                                                               false: look the name up again */
};
void attr_copy(struct inode *i, const struct iattr *a);         /* into the inode; i held for writing */

/* --- open files ----------------------------------------------------------------------------------------------------- */
/* emit: 0 to go on, 1 when it took the last that fits (pos is then that of the entry not taken) */
struct dir_context { int (*emit)(struct dir_context *c, const char *name, unsigned len, u64 ino, unsigned type); loff_t pos; };
static inline bool dir_emit(struct dir_context *c, const char *name, unsigned len, u64 ino, unsigned type)
{
	return c->emit(c, name, len, ino, type) == 0;
}
bool dir_emit_dots(struct file *f, struct dir_context *c); /* positions 0 and 1; false: full */
#define DT_OF(mode) ((mode) >> 12 & 15)

struct file_ops {
	ssize_t (*read)(struct file *f, struct iov *to, loff_t *pos);
	ssize_t (*write)(struct file *f, struct iov *from, loff_t *pos);
	loff_t (*llseek)(struct file *f, loff_t off, int whence);   /* NULL: by size, if FMODE_LSEEK */
	int (*readdir)(struct file *f, struct dir_context *c);      /* inode->lock held for reading */
	u32 (*poll)(struct file *f, struct poll_table *pt);         /* EPOLL* mask; NULL: always ready */
	long (*ioctl)(struct file *f, unsigned cmd, unsigned long arg);
	int (*mmap)(struct file *f, struct vma *vma);               /* NULL: -ENODEV; generic_mmap for page-cache files */
	int (*open)(struct inode *i, struct file *f);
	void (*flush)(struct file *f);                              /* each close */
	void (*release)(struct file *f);                            /* last reference */
	int (*fsync)(struct file *f, loff_t start, loff_t end, bool data_only);
	long (*fallocate)(struct file *f, int mode, loff_t off, loff_t len);
	bool no_seek;                                               /* pipes, terminals: lseek and pread say ESPIPE */
};
ssize_t generic_read(struct file *f, struct iov *to, loff_t *pos);   /* through the page cache */
ssize_t generic_write(struct file *f, struct iov *from, loff_t *pos); /* write_begin, copy, write_end */
/* Pages, the inode (write_inode, sync_inode), the disk's cache; => the file's write-back errors, once per open file */
int generic_fsync(struct file *f, loff_t start, loff_t end, bool data_only);
int block_write_end(struct file *f, struct address_space *m, loff_t pos, unsigned len, unsigned copied, struct page *page);
int file_check_error(struct file *f);                                /* errors of write-back not yet told to f */
int generic_mmap(struct file *f, struct vma *vma);
loff_t generic_llseek(struct file *f, loff_t off, int whence, loff_t end);
void file_accessed(struct file *f);                                  /* relatime */
/* For kernel buffers with the whole content: => bytes; moves *pos on. */

struct poll_table {
	void (*queue)(struct poll_table *pt, struct file *f, struct wait_queue *wq); /* NULL: only ask */
	u32 events;
	u32 depth; /* epoll files inside epoll files */
};
static inline void poll_wait(struct file *f, struct wait_queue *wq, struct poll_table *pt)
{
	if (pt && pt->queue)
		pt->queue(pt, f, wq);
}

/* --- the dentry cache -------------------------------------------------------------------------------------------------- */
#define DNAME_INLINE 28
struct dentry {
	struct hlist_node hash;        /* bucket lock, RCU */
	struct dentry *parent;         /* d and rename_lock, RCU; itself at the root */
	u32 name_hash;
	const char *name;              /* like parent: short names inline, long ones allocated; NUL-terminated */
	u16 len;
	u8 flags;                      /* d: D_* */
	u8 on_lru;                     /* lru_lock */
	struct inode *inode;           /* d; NULL: known not to exist; set once */
	atomic_t refcount;             /* 0: cached, on the LRU; negative: dying */
	spinlock_t lock;
	struct list_head children;     /* d */
	struct list_head sibling;      /* parent's d */
	union { struct list_head lru; struct rcu_head rcu; };
	struct super_block *sb;        /* f */
	void *private;
	u32 cookie;                    /* tmpfs: its position in the directory */
	char short_name[DNAME_INLINE];
};
enum { D_HASHED = 1, D_REFERENCED = 2, D_MOUNTED = 4, D_PINNED = 8 /* the file system holds a reference */,
       D_REVALIDATE = 16, D_VOLATILE = 32 /* freed with the last reference */ };
void d_add(struct dentry *d, struct inode *inode);         /* lookup: hash it; eats the reference to inode (or NULL) */
void d_instantiate(struct dentry *d, struct inode *inode); /* create: a negative, hashed dentry gets its inode */
struct dentry *d_make_root(struct inode *root);            /* eats the reference; NULL: no memory */
struct dentry *d_make_named(struct inode *i, const char *name); /* the same, in no directory */
void d_drop(struct dentry *d);                             /* unhash: the next lookup asks the file system */
void dput(struct dentry *d);
static inline struct dentry *dget(struct dentry *d) { atomic_inc(&d->refcount); return d; }
static inline void d_set_flags(struct dentry *d, u8 f) { spin_lock(&d->lock); d->flags |= f; spin_unlock(&d->lock); }

/* --- file systems --------------------------------------------------------------------------------------------------------- */
struct fs_type {
	const char *name;
	int (*mount)(struct super_block *sb, const char *source, const char *options); /* sets sb->ops, makes sb->root */
	bool needs_device, single;     /* single: one super block however often it is mounted (proc, devtmpfs) */
	bool internal;                 /* pipes and the like: in no tree, not to be mounted */
	struct list_head list;
	struct super_block *instance;  /* single: that one */
};
struct super_ops {
	struct inode *(*alloc_inode)(struct super_block *sb);   /* NULL: plain. Inside: inode_init_once(i) */
	void (*free_inode)(struct inode *i);                    /* after a grace period */
	void (*evict)(struct inode *i);                         /* last reference gone, pages are out: give storage back */
	int (*write_inode)(struct inode *i);                    /* copies i into metadata pages; does not wait for them */
	int (*sync_inode)(struct inode *i, bool data_only);     /* fsync: i's metadata pages are written and waited for */
	int (*statfs)(struct super_block *sb, struct statfs64 *st);
	int (*sync)(struct super_block *sb, bool wait);         /* the super block and the like into metadata pages */
	int (*remount)(struct super_block *sb, u32 flags, const char *options);
	void (*unmount)(struct super_block *sb);
	void (*show_options)(struct super_block *sb, struct seq *s); /* ",size=4k" */
};
struct super_block {
	const struct fs_type *type; const struct super_ops *ops;
	struct dentry *root; dev_t dev; u32 flags /* MS_RDONLY */; u32 magic; u32 block_size; loff_t max_size;
	u64 next_ino;                  /* inodes_lock */
	spinlock_t inodes_lock;
	long nr_inodes;                /* inodes_lock */
	atomic_t active;               /* mounts; 0: on its way out */
	atomic_t nr_unlinked;          /* inodes without links that somebody still uses: it has their storage to take back */
	atomic_t visitors;             /* swapoff, the oracle: at its inodes without a mount (sb_visit) */
	struct block_device *bdev;     /* f: needs_device: what it lies on */
	u32 time_gran;                 /* f: ns; time stamps are cut to multiples of it; 0: kept as they are */
	void *private;
	struct list_head list;
	const struct inode_ops *default_dir_ops;
	struct backing *backing;       /* on a disk: inodes get it as data.backing */
	struct mutex inode_write;      /* one write_inode at a time */
};
struct address_space *block_mapping(struct block_device *dev); /* a disk's own pages: mm/cache/blocks.h */
void register_fs(struct fs_type *t);
/* Pseudo file systems (proc): in fs_type.mount; makes a root directory inode with these operations. */
int pseudo_fs_fill(struct super_block *sb, u32 magic, const struct super_ops *ops, const struct inode_ops *root_ops, const struct file_ops *root_fops);
int simple_statfs(struct super_block *sb, struct statfs64 *st);
void mounts_show(struct seq *s, bool mountinfo);      /* /proc/mounts, /proc/PID/mountinfo as current's root sees it */
void filesystems_show(struct seq *s);
void locks_show(struct seq *s);
struct dcache_stat { long nr_dentry, nr_unused; } ;
void dcache_get_stat(struct dcache_stat *st);
void files_get_stat(long *nr_files, long *max_files);
void inodes_get_stat(long *nr_inodes, long *nr_unused);

/* --- names ------------------------------------------------------------------------------------------------------------------- */
enum { LOOKUP_FOLLOW = 1, LOOKUP_DIRECTORY = 2, LOOKUP_PARENT = 4, LOOKUP_EMPTY = 8, LOOKUP_CREATE = 16 };
int user_path_at(int dfd, const char __user *name, u32 flags, struct path *out); /* references; 0 or -errno */
int kern_path(const char *name, u32 flags, struct path *out);
void path_get(const struct path *p);
void path_put(const struct path *p);
int path_string(const struct path *p, char *buf, size_t size, char **start);  /* d_path: absolute; " (deleted)". => length or -ENAMETOOLONG */
struct file *kern_open(const char *name, int flags, mode_t mode);
struct file *path_open(const struct path *p, int flags);   /* takes its own references */
struct file *open_exec(const char *name);       /* regular file, executable by current, writing denied while it is
	                                           open; ERR_PTR(-EACCES, ...) */
struct file *open_exec_at(int dfd, const char __user *name, int flags); /* execve, execveat: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW */
ssize_t kern_read(struct file *f, void *buf, size_t n, loff_t pos);
ssize_t kern_write(struct file *f, const void *buf, size_t n, loff_t pos);
int inode_permission(struct inode *i, int mask);   /* MAY_*; by fsuid, fsgid, groups, capabilities */
int generic_permission(struct inode *i, int mask); /* the mode bits' part, for ops->permission */
bool file_nosuid(const struct file *f);         /* exec: its mount ignores set-uid bits */
/* A file without a name on disk (pipes, eventfd, shared memory). */
struct file *anon_file(const char *name, const struct file_ops *ops, void *private, int flags);
struct file *shmem_file(const char *name, loff_t size, u32 vm_flags);  /* MAP_SHARED|MAP_ANONYMOUS, memfd, SysV shm */

/* --- descriptors ---------------------------------------------------------------------------------------------------------------- */
struct file *fget(unsigned fd);                  /* reference, or NULL; not O_PATH files */
struct file *fget_any(unsigned fd);              /* O_PATH files too */
/* For the length of one system call: no atomics while the table is not shared. */
struct fdref { struct file *file; u32 put; };
struct fdref fdget(unsigned fd);
static inline void fdput(struct fdref r) { if (r.put) put_file(r.file); }
int fd_alloc(unsigned from, int flags);          /* reserves; O_CLOEXEC; -EMFILE */
void fd_install(int fd, struct file *f);         /* eats the reference */
void fd_cancel(int fd);
int fd_close(unsigned fd);
int files_dup(struct task *child, struct task *parent, bool share);  /* fork */
void files_exit(struct task *t);
int files_unshare(void); void files_close_on_exec(void);             /* exec */
int fs_dup(struct task *child, struct task *parent, bool share);
void fs_exit(struct task *t);
int fs_unshare(void);
mode_t fs_umask(struct task *t);
/* for /proc/PID/fd, cwd, root: of another task; hold a reference to it */
struct file *files_next(struct task *t, unsigned *fd);               /* first open fd >= *fd, with reference */
struct file *files_get(struct task *t, unsigned fd, bool *cloexec);  /* with reference, or NULL */
unsigned files_table_size(struct task *t);                           /* slots */
unsigned long files_table_bytes(struct task *t);                     /* of low memory */
int fs_get_path(struct task *t, bool root, struct path *out);        /* references; -ENOENT */

/* --- devices: character ones by number ---------------------------------------------------------------------------------------------- */
int register_chrdev(unsigned major, unsigned minor, unsigned count, const struct file_ops *ops, const char *name);
int devfs_add(const char *name, mode_t mode, dev_t dev);              /* appears in /dev; mode with S_IFCHR or S_IFBLK; "pts/0" makes pts */
void devices_show(struct seq *s);                                     /* /proc/devices */
#define MKDEV(ma, mi) ((dev_t)(((ma) & 0xfff) << 8 | ((mi) & 0xff) | ((mi) & ~0xffu) << 12)) /* Linux's new_encode_dev */
#define MAJOR(d) ((d) >> 8 & 0xfff)
#define MINOR(d) (((d) & 0xff) | ((d) >> 12 & 0xfff00))

/* --- text for /proc: kernel/fs/seq.c -------------------------------------------------------------------------------------------------- */
/* A writer into a buffer that the owner grows and calls again on overflow. */
struct seq { char *buf; size_t size, len; bool overflow; loff_t index; void *private; };
void seq_printf(struct seq *s, const char *fmt, ...) __printf(2, 3);
void seq_puts(struct seq *s, const char *text);
void seq_write(struct seq *s, const void *data, size_t n);
void seq_path(struct seq *s, const struct path *p, const char *escape); /* \ooo for the characters of `escape` */

void sync_all(void);                              /* everything that is dirty, to the disks; sleeps */
int generic_permission(struct inode *i, int mask); /* mode bits and capabilities */
extern unsigned sysctl_pipe_max_size;

void vfs_init(void);     /* boot CPU, slab works: caches, tmpfs root, /dev */
void vfs_init_task(struct task *t);                /* the first task: root, cwd, an empty descriptor table */
int load_initramfs(const void *data, size_t size); /* newc cpio, concatenated, into the root; names what is wrong */

#endif
