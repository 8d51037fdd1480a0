/* SPDX-License-Identifier: MIT
 *
 * kernel/fs, all that others may use: names, inodes, open files.
 *
 * Locks, outermost first: rename_mutex > parent inode->lock > child inode->lock > (mmap lock) > dentry->lock >
 * dcache bucket lock > inode->lock_small. inode->lock is a sleeping rw-semaphore: directories are searched under
 * the read side only when the dentry cache misses.
 * Keys: i inode->lock | d dentry->lock | a atomic | f fixed
 */
#ifndef KERNEL_FS_VFS_H
#define KERNEL_FS_VFS_H

#include "kernel/fs/iov.h"
#include "kernel/sched/task.h"
#include "mm/cache/cache.h"
#include <linux/stat.h>
#include <linux/fcntl.h>

struct super_block;
struct poll_table;
struct path { struct mount *mount; struct dentry *dentry; };
struct timespec64 { s64 sec; s32 nsec; };

struct inode {
	struct super_block *sb;            /* f */
	u64 ino;                           /* f */
	mode_t mode;                       /* i; the type is fixed */
	uid_t uid; gid_t gid;              /* i */
	u32 nlink;                         /* i */
	dev_t rdev;                        /* f */
	loff_t size;                       /* i to write; read with inode_size(): 64 bits on a 32-bit machine */
	u32 size_seq;
	u64 blocks;                        /* 512-byte units; lock_small */
	struct timespec64 atime, mtime, ctime; /* lock_small */
	const struct inode_ops *ops;       /* f */
	const struct file_ops *fops;       /* f: given to files that open it */
	struct address_space *mapping;     /* f: usually &data */
	struct address_space data;
	struct rwsem lock;
	spinlock_t lock_small;
	atomic_t refcount;
	struct list_head sb_node, lru;     /* inode cache */
	struct list_head dentries;         /* aliases */
	struct list_head flocks;           /* POSIX and flock locks; flock_lock */
	union { struct pipe *pipe; void *private; };
	struct rcu_head rcu;
};
loff_t inode_size(const struct inode *i);
void inode_set_size(struct inode *i, loff_t size);  /* i: held for writing */

struct inode_ops {
	/* directories; inode->lock held (read for lookup, write for the rest) */
	struct dentry *(*lookup)(struct inode *dir, struct dentry *d); /* d_add(d, inode or NULL); NULL, or ERR_PTR */
	int (*create)(struct inode *dir, struct dentry *d, mode_t mode);
	int (*mknod)(struct inode *dir, struct dentry *d, mode_t mode, dev_t dev);
	int (*mkdir)(struct inode *dir, struct dentry *d, mode_t mode);
	int (*rmdir)(struct inode *dir, struct dentry *d);
	int (*link)(struct dentry *old, struct inode *dir, struct dentry *d);
	int (*unlink)(struct inode *dir, struct dentry *d);
	int (*symlink)(struct inode *dir, struct dentry *d, const char *target);
	int (*rename)(struct inode *from, struct dentry *d, struct inode *to, struct dentry *target, u32 flags);
	int (*readlink)(struct inode *i, char *buf, size_t size);   /* => length, not terminated */
	int (*follow)(struct inode *i, struct path *to);            /* magic links of /proc: jump; references */
	int (*setattr)(struct inode *i, u32 valid, mode_t mode, uid_t uid, gid_t gid, loff_t size, const struct timespec64 *at, const struct timespec64 *mt);
	int (*getattr)(struct inode *i, struct statx *st);          /* NULL: from the inode */
	int (*permission)(struct inode *i, int mask);               /* NULL: mode bits */
	bool (*revalidate)(struct dentry *d);                       /* false: the name must be looked up again (/proc/PID) */
};
enum { ATTR_MODE = 1, ATTR_UID = 2, ATTR_GID = 4, ATTR_SIZE = 8, ATTR_ATIME = 16, ATTR_MTIME = 32, ATTR_CTIME = 64 };
enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };

struct dir_context { int (*emit)(struct dir_context *c, const char *name, unsigned len, u64 ino, unsigned type); loff_t pos; };
struct file_ops {
	ssize_t (*read)(struct file *f, struct iov *to, loff_t *pos);
	ssize_t (*write)(struct file *f, struct iov *from, loff_t *pos);
	loff_t (*llseek)(struct file *f, loff_t off, int whence);   /* NULL: by size, if FMODE_LSEEK */
	int (*readdir)(struct file *f, struct dir_context *c);
	u32 (*poll)(struct file *f, struct poll_table *pt);         /* EPOLL* mask; NULL: always ready */
	long (*ioctl)(struct file *f, unsigned cmd, unsigned long arg);
	int (*mmap)(struct file *f, struct vma *vma);               /* NULL: -ENODEV; generic_mmap for page-cache files */
	int (*open)(struct inode *i, struct file *f);
	void (*flush)(struct file *f);                              /* each close */
	void (*release)(struct file *f);                            /* last reference */
	int (*fsync)(struct file *f, loff_t start, loff_t end, bool data_only);
	long (*fallocate)(struct file *f, int mode, loff_t off, loff_t len);
};
ssize_t generic_read(struct file *f, struct iov *to, loff_t *pos);   /* through the page cache */
ssize_t generic_write(struct file *f, struct iov *from, loff_t *pos);
int generic_mmap(struct file *f, struct vma *vma);
void poll_wait(struct file *f, struct wait_queue *wq, struct poll_table *pt);

struct dentry {
	struct dentry *parent;         /* d, RCU; itself at the root */
	struct inode *inode;           /* d, RCU; NULL: known not to exist */
	struct list_head hash;         /* bucket lock, RCU */
	u32 name_hash; u16 len; u16 flags;
	const char *name;              /* RCU: short names inline */
	atomic_t refcount;             /* 0: cached, on the LRU */
	spinlock_t lock;
	struct list_head children, sibling; /* parent's lock */
	struct list_head alias;        /* inode->dentries */
	struct list_head lru;
	struct super_block *sb;
	const struct inode_ops *ops;   /* revalidate */
	void *private;
	struct rcu_head rcu;
	char short_name[24];
};
void d_add(struct dentry *d, struct inode *inode); /* eats the reference to inode */
void dput(struct dentry *d);
struct dentry *dget(struct dentry *d);

struct fs_type {
	const char *name;
	int (*mount)(struct super_block *sb, const char *source, const char *options); /* makes sb->root */
	bool needs_device;
	struct list_head list;
};
struct super_ops {
	struct inode *(*alloc_inode)(struct super_block *sb);   /* NULL: plain */
	void (*free_inode)(struct inode *i);
	void (*evict)(struct inode *i);                         /* no link, no reference: give storage back */
	int (*write_inode)(struct inode *i);
	int (*statfs)(struct super_block *sb, struct statfs64 *st);
	int (*sync)(struct super_block *sb, bool wait);
	int (*remount)(struct super_block *sb, u32 flags, const char *options);
	void (*unmount)(struct super_block *sb);
	int (*show_options)(struct super_block *sb, char *buf, size_t size);
};
struct super_block {
	const struct fs_type *type; const struct super_ops *ops;
	struct dentry *root; dev_t dev; u32 flags; u32 magic; u32 block_size; loff_t max_size;
	struct list_head inodes; spinlock_t inodes_lock; void *private; atomic_t active; struct list_head list;
};
void register_fs(struct fs_type *t);
struct inode *new_inode(struct super_block *sb, mode_t mode);  /* refcount 1, times now, owner = current's fsuid/fsgid */
struct inode *iget(struct inode *i); void iput(struct inode *i);

/* --- names --------------------------------------------------------------------------------------------------------- */
enum { LOOKUP_FOLLOW = 1, LOOKUP_DIRECTORY = 2, LOOKUP_PARENT = 4, LOOKUP_EMPTY = 8, LOOKUP_CREATE = 16 };
int user_path_at(int dfd, const char __user *name, u32 flags, struct path *out); /* references; 0 or -errno */
int kern_path(const char *name, u32 flags, struct path *out);
void path_put(struct path *p);
int path_string(const struct path *p, char *buf, size_t size, char **start);  /* d_path: absolute; " (deleted)" */
struct file *kern_open(const char *name, int flags, mode_t mode);
struct file *open_exec(const char *name);       /* regular file, executable by current; ERR_PTR(-EACCES, ...) */
ssize_t kern_read(struct file *f, void *buf, size_t n, loff_t pos);
ssize_t kern_write(struct file *f, const void *buf, size_t n, loff_t pos);
int inode_permission(struct inode *i, int mask);
/* A file without a name on disk (pipes, eventfd, shared memory). */
struct file *anon_file(const char *name, const struct file_ops *ops, void *private, int flags);
struct file *shmem_file(const char *name, loff_t size, u32 vm_flags);  /* MAP_SHARED|MAP_ANONYMOUS, memfd, SysV shm */

/* --- descriptors ------------------------------------------------------------------------------------------------------ */
struct file *fget(unsigned fd);                  /* reference, or NULL; not O_PATH files */
struct file *fget_any(unsigned fd);              /* O_PATH files too */
int fd_alloc(unsigned from, int flags);          /* reserves; -EMFILE */
void fd_install(int fd, struct file *f);         /* eats the reference */
void fd_cancel(int fd);
int fd_close(unsigned fd);
int files_dup(struct task *child, struct task *parent, bool share);  /* fork */
void files_exit(struct task *t);
int files_unshare(void); void files_close_on_exec(void);             /* exec */
int fs_dup(struct task *child, struct task *parent, bool share);
void fs_exit(struct task *t);
/* for /proc/PID/fd */
struct file *files_next(struct task *t, unsigned *fd);               /* first open fd >= *fd, with reference */

/* --- devices: character ones by number ----------------------------------------------------------------------------------- */
int register_chrdev(unsigned major, unsigned minor, unsigned count, const struct file_ops *ops, const char *name);
int devfs_add(const char *name, mode_t mode, dev_t dev);              /* appears in /dev */
#define MKDEV(ma, mi) ((dev_t)(((ma) & 0xfff) << 8 | ((mi) & 0xff) | ((mi) & ~0xffu) << 12)) /* Linux's new_encode_dev */
#define MAJOR(d) ((d) >> 8 & 0xfff)
#define MINOR(d) (((d) & 0xff) | ((d) >> 12 & 0xfff00))

/* --- /proc entries: other rooms add theirs -------------------------------------------------------------------------------- */
struct seq { char *buf; size_t size, len; bool overflow; loff_t index; void *private; };
void seq_printf(struct seq *s, const char *fmt, ...) __printf(2, 3);
void seq_puts(struct seq *s, const char *text);
void seq_write(struct seq *s, const void *data, size_t n);

void vfs_init(void);
int load_initramfs(const void *data, size_t size); /* newc cpio, concatenated, into the root; names what is wrong */

#endif
