/* SPDX-License-Identifier: MIT
 *
 * The character devices as files, and devpts.
 */
#ifndef KERNEL_FS_DEV_H
#define KERNEL_FS_DEV_H

#include "kernel/fs/vfs.h"

void chrdev_init(void);          /* after vfs_init and char_init */
void blkdev_init(void);          /* after vfs_init, before block_init */
void loop_init(void);            /* with blkdev_init */
int loop_probe(dev_t dev);       /* makes a loop device whose node was opened; -ENXIO: not one of those */
void dev_mem_init(void);
void dev_tty_init(void);
void dev_vcs_init(void);
void dev_rtc_init(void);
void devpts_init(void);

/* What dev_tty.c and devpts.c share. file->private */
struct tty;
struct tty_file { struct tty *tty; u32 generation; bool master; };
extern const struct file_ops tty_file_ops, ptmx_file_ops;
struct tty *devpts_get(unsigned index);   /* with reference; NULL: there is no such pty; ERR_PTR(-EIO): locked */
long ptmx_ioctl(struct file *f, struct tty *t, unsigned cmd, unsigned long arg); /* -ENOTTY: not one of its own */
void ptmx_closed(struct tty *t);
long vt_ioctl(struct tty *t, unsigned cmd, unsigned long arg); /* dev_vt.c; -ENOTTY: not one of its own, or t is none */

#endif
