/* SPDX-License-Identifier: MIT
 *
 * kernel/proc among its own files: entries are rows of tables, text is made in records.
 *
 * A directory is a table of struct proc_entry; /proc/PID and what is below it exist once for each task, as inodes made
 * when they are looked up and gone with the last user (D_VOLATILE), so that nothing is kept for tasks nobody looks at.
 */
#ifndef KERNEL_PROC_INTERNAL_H
#define KERNEL_PROC_INTERNAL_H

#include "kernel/fs/vfs.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/process.h"
#include "mm/virt/mm.h"

struct proc_open; /* an open text file: text.c */

/* How the text of a file is made: record() writes the record at s->index and moves that on; false: there is none.
 * begin() and end() surround a number of records (locks); begin may fail. What record() needs is in o. */
struct proc_records {
	int (*begin)(struct proc_open *o);
	bool (*record)(struct proc_open *o);
	void (*end)(struct proc_open *o);
};

struct proc_entry {
	const char *name;
	mode_t mode;                                    /* type and permissions; 0: a file, 0444 */
	void (*show)(struct seq *s, struct task *t);    /* the whole text in one record */
	const struct proc_records *records;             /* or in many */
	int (*write)(struct task *t, char *text, size_t n); /* text ends with NUL; 0 or -errno */
	const struct file_ops *fops;                    /* or all by itself */
	const struct proc_entry *children;              /* a directory by table, up to name NULL */
	const struct file_ops *dir_fops;                /* or one with a list of its own: */
	int (*lookup)(struct inode *dir, struct dentry *d);
	int (*follow)(struct task *t, struct path *to); /* a magic link */
	int (*readlink)(struct task *t, char *buf, size_t size);
	bool guard;                                     /* only for who may look into the process (proc_may_look) */
	bool (*present)(struct task *t);                /* NULL: always there */
};

/* inode->private */
struct proc_node { const struct proc_entry *e; struct task *task; unsigned fd; };
static inline struct proc_node *proc_node(const struct inode *i) { return i->private; }
static inline struct task *proc_task(const struct inode *i) { return proc_node(i)->task; }

struct proc_open {
	struct seq s;            /* s.index: the next record */
	const struct proc_entry *e;
	struct task *task;       /* with reference; NULL: of the whole system */
	struct mm *mm;           /* counted (mmgrab), if the entry guards its mm */
	unsigned fd;
	unsigned long arg;       /* the records' own */
	loff_t at;               /* where in the file the buffer begins */
	struct mutex lock;       /* readers of one open file */
};

/* text.c */
extern const struct file_ops proc_text_ops;
/* inode.c */
struct inode *proc_inode(struct super_block *sb, const struct proc_entry *e, struct task *t, unsigned fd); /* NULL: no memory */
int proc_add(struct dentry *d, const struct proc_entry *e, struct task *t, unsigned fd, struct super_block *sb);
int proc_lookup_table(struct inode *dir, struct dentry *d);
int proc_readdir_table(struct file *f, struct dir_context *c, loff_t base); /* positions from base on; 1: full */
extern const struct file_ops proc_dir_fops;
u64 proc_ino_nr(const struct proc_entry *e, pid_t pid, unsigned fd);
u64 proc_ino(const struct proc_entry *e, const struct task *t, unsigned fd);
/* pids.c */
int proc_lookup_pid(struct inode *dir, struct dentry *d);
int proc_readdir_pids(struct file *f, struct dir_context *c, loff_t base);
bool proc_may_look(struct task *t);     /* as for ptrace: same user and groups, or CAP_SYS_PTRACE */
struct mm *proc_mm_hold(struct task *t); /* pids.c; what may be looked into */
bool proc_alive(struct task *t);
extern const struct proc_entry root_dir, pid_dir;

void crash_init(void);                  /* crash.c: what a panic prints beside stacks */
/* the files */
int trace_control(struct task *t, char *text, size_t n);
void trace_show(struct seq *s, struct task *t);
struct mm *proc_mm_get(struct proc_open *o); /* users++, or NULL: it is gone */
void pid_stat_show(struct seq *s, struct task *t), pid_statm_show(struct seq *s, struct task *t);
void tid_stat_show(struct seq *s, struct task *t);
void pid_status_show(struct seq *s, struct task *t), pid_cmdline_show(struct seq *s, struct task *t);
void pid_environ_show(struct seq *s, struct task *t), pid_auxv_show(struct seq *s, struct task *t);
void pid_rollup_show(struct seq *s, struct task *t), pid_limits_show(struct seq *s, struct task *t);
void pid_wchan_show(struct seq *s, struct task *t), pid_stack_show(struct seq *s, struct task *t);
void pid_sched_show(struct seq *s, struct task *t);
void pid_lowmem_show(struct seq *s, struct task *t), pid_children_show(struct seq *s, struct task *t);
extern const struct proc_records pid_maps_records, pid_smaps_records;
extern const struct file_ops pid_mem_ops, pid_pagemap_ops;
extern const struct file_ops kmsg_proc_ops, kpagecount_ops, kpageflags_ops;
extern const struct proc_entry sys_children[];
char task_state_letter(const struct task *t);
void stat_show(struct seq *s, struct task *t), interrupts_show(struct seq *s, struct task *t);
void cpuinfo_show(struct seq *s, struct task *t);
void meminfo_show(struct seq *s, struct task *t), vmstat_show(struct seq *s, struct task *t);
void diskstats_show(struct seq *s, struct task *t), partitions_show(struct seq *s, struct task *t);
void buddyinfo_show(struct seq *s, struct task *t), zoneinfo_show(struct seq *s, struct task *t);
void slabinfo_show(struct seq *s, struct task *t), lowmem_show(struct seq *s, struct task *t);
void vmallocinfo_show(struct seq *s, struct task *t);
void sysrq_keys_init(void);


#endif
