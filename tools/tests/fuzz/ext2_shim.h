/* SPDX-License-Identifier: MIT
 *
 * The kernel around ext2 for one host process without threads: a disk in memory, a page cache, inodes, locks that may not
 * be taken twice, allocations that may fail. Pages are allocated one by one, so that the address sanitizer guards their ends.
 */
#ifndef TOOLS_TESTS_FUZZ_EXT2_SHIM_H
#define TOOLS_TESTS_FUZZ_EXT2_SHIM_H

#include "kernel/fs/ext2/ext2.h"

extern unsigned char *disk;      /* the image */
extern size_t disk_size;
extern long shim_bad_block;      /* KB whose reading fails; -1: none */
extern unsigned shim_fail_nth;   /* the nth allocation from now on fails; 0: none */
extern bool shim_verbose;        /* what the kernel says */

struct super_block *shim_mount(u32 flags, const char *options); /* NULL: refused */
void shim_unmount(struct super_block *sb);      /* all references to inodes are gone */
void shim_writeback(struct super_block *sb);    /* as sync does */
void shim_forget(struct super_block *sb);       /* inodes that nobody uses leave the cache */
void shim_check_idle(void);                     /* no lock, no kmap is held */
/* Through the page cache, as read and write would. => bytes or -errno; the inode's lock is the caller's */
long shim_rw(struct inode *i, loff_t pos, void *buf, unsigned n, bool write);

/* the host's */
int printf(const char *fmt, ...) __printf(1, 2);
int vprintf(const char *fmt, va_list ap);
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *aligned_alloc(size_t align, size_t size);
void free(void *p);
void abort(void) __noreturn;
void exit(int) __noreturn;
char *getenv(const char *name);

#endif
