/* SPDX-License-Identifier: MIT
 *
 * A program about to be started, inside kernel/sys.
 */
#ifndef KERNEL_SYS_EXEC_H
#define KERNEL_SYS_EXEC_H

#include "kernel/fs/vfs.h"
#include "kernel/sys/elf.h"
#include "kernel/sys/process.h"
#include "mm/virt/mm.h"

#define MAX_ARG_STRLEN (32 * 4096u)

struct strings { const void *list; bool kernel; }; /* char *[] in user or kernel memory, NULL-terminated */

struct exec {
	struct file *file;       /* what is to be loaded: a script's interpreter in the end */
	char head[EXEC_HEAD + 1];
	unsigned head_size;
	struct mm *mm;           /* new address space; only its stack so far */
	unsigned long sp;        /* lowest string so far */
	unsigned long limit;     /* strings end above */
	struct page *page;       /* last page written, referenced; of page_addr */
	unsigned long page_addr;
	unsigned argc, envc;
	unsigned arg0_size;      /* with its NUL: a script takes it off */
	unsigned long arg_start, env_start, env_end, execfn; /* user addresses */
	const char *name;        /* as the caller named it: AT_EXECFN, script argument */
	struct cred *cred;       /* to be committed */
	bool secure;             /* privileges grew: AT_SECURE */
};

/* --- strings.c: all grow the stack of e->mm downwards. => 0, -E2BIG, -EFAULT, -ENOMEM, -EINTR */
int count_strings(const struct strings *s, unsigned *n);
int exec_copy_strings(struct exec *e, const struct strings *s, unsigned n);
int exec_copy_kernel_string(struct exec *e, const char *s);
void exec_drop_page(struct exec *e);

/* --- load.c */
struct elf_program {             /* a file's checked headers */
	struct file *file;
	Elf32_Ehdr eh;
	Elf32_Phdr *ph;
	struct elf_info info;
	unsigned long bias;
};
int elf_read(struct elf_program *p, struct file *file, const void *head, size_t size);
void elf_free(struct elf_program *p);
/* Into current's address space, at its address (ET_EXEC) or `base` (ET_DYN; 0: anywhere). => 0; p->bias is set */
int elf_map(struct elf_program *p, unsigned long base);
int exec_make_stack(struct exec *e, const struct elf_program *prog, const struct elf_program *interp, unsigned long *sp);

/* --- de_thread.c: current becomes the only thread of its group. => 0, -EAGAIN: another one execs or exits */
int de_thread(void);

#endif
