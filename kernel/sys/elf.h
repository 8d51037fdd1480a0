/* SPDX-License-Identifier: MIT
 *
 * ELF32 headers, checked. Pure functions: they are also compiled and mutated on the host (tests/unit).
 */
#ifndef KERNEL_SYS_ELF_H
#define KERNEL_SYS_ELF_H

#include "kernel/lib/types.h"
#include <linux/elf.h>

#define ELF_MAX_PHDRS_SIZE 65536
#define EXEC_HEAD 256            /* of a file that is read at once: `#!` line or ELF header */

/* What the program headers say, after elf_check_phdrs found them sound. Addresses before the bias of ET_DYN. */
struct elf_info {
	u32 entry;
	bool dyn;                /* may be loaded anywhere */
	bool exec_stack;         /* PT_GNU_STACK asks for it, or is missing */
	u32 low, high;           /* page-aligned extent of all segments */
	u32 brk;                 /* end of the highest segment's memory */
	u32 code_start, code_end, data_start, data_end;
	u32 phdr;                /* where the headers are mapped; 0: nowhere */
	u32 interp_offset, interp_size; /* PT_INTERP; size 0: none */
};

/* => 0, -ENOEXEC. head: the first `size` bytes of the file */
int elf_check_header(const void *head, size_t size);
/* => 0, -ENOEXEC. Every PT_LOAD lies within the file and below `limit`, ascending, disjoint */
int elf_check_phdrs(const Elf32_Ehdr *eh, const Elf32_Phdr *ph, u64 file_size, u32 limit, struct elf_info *info);
/* The interpreter's path, as read from the file. => 0, -ENOEXEC: no terminator, or empty */
int elf_check_interp(const char *path, u32 size);

/* `#!` lines. => 0, -ENOEXEC. The line is cut in place: *interp, and *arg or NULL. size bytes were read, head[size] = 0 */
int script_parse(char *head, size_t size, char **interp, char **arg);

#endif
